"""Sentences for mistakes in the command line itself."""

from __future__ import annotations

import re
from pathlib import Path

from amt.cli.inputs import VIDEO_SUFFIXES
from amt.errors import AmtError, quoted, shortened, shown, suggestion

_NO_CHOICE = re.compile(r"(?P<begin>.*)'(?P<word>.*)' is not one of (?P<known>.+)\.")
_NO_COMMAND = re.compile(r"No such command '(?P<word>.*)'\.")
_UNKNOWN = re.compile(
    r"(?P<begin>No such (?:option|command):? ?'?)(?P<word>.*?)"
    r"(?P<end>'?\.?(?: Did you mean .*| \(Possible options: .*)?)"
)
_TOO_MANY = re.compile(r"Got unexpected extra arguments?\(?s?\)? \((?P<words>.*)\)")
_COMMAND_OF = {
    **dict.fromkeys(VIDEO_SUFFIXES, "generate"),
    **dict.fromkeys((".mid", ".midi"), "render"),
    ".json": "arrange",
}


def explanation(message: str) -> str:
    """What Typer says of a mistake, with what may be meant.

    Args:
        message: as Typer words it.
    """
    message = " ".join(message.split()).replace("Value error, ", "")
    if match := _NO_CHOICE.fullmatch(message):
        word = match["word"]
        if "--engine" in match["begin"]:
            return _about_engine(word)
        known = re.findall(r"'([^']*)'", match["known"])
        return f"{shortened(message.rstrip('.'))}{suggestion(word, known)}"
    if match := _NO_COMMAND.fullmatch(message):
        word = match["word"]
        command = _COMMAND_OF.get(Path(word).suffix.lower())
        if command is None and _is_file(word):
            command = "generate"
        if command is not None:
            return f"no command is named before {quoted(word)}; did you mean `amt {command} …`?"
    if match := _TOO_MANY.fullmatch(message):
        return (
            f"there is an argument too many, {quoted(match['words'])}: name one file at a time, "
            "and put values with blanks in quotes"
        )
    if match := _UNKNOWN.fullmatch(message):
        message = f"{match['begin']}{shown(match['word'])}{match['end']}"
    return shortened(message)


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except (OSError, ValueError):  # too long, or no name at all
        return False


def _about_engine(word: str) -> str:
    """Why there is no such engine: some are no more."""
    from render.soundfont.synthesisers import choose_engine

    known = ("auto", "fluidsynth", "midirenderer", "diffusion")
    try:
        choose_engine(word)
    except AmtError as error:
        sentence = str(error).replace("midirenderer", "midirenderer, diffusion")
        return f"{sentence}{suggestion(word, known)}"
    return f"{quoted(word)} is no engine"
