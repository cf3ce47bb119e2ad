"""Command lines as people type them, up to the point before the work.

The work itself is replaced by :class:`_Reached`; what comes before is as in ``amt``. The exit code
must be 0 or 2, with one line for the error.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from unittest import mock

import typer.main

from amt.cli import app, main
from amt.errors import AmtError
from amt.plan import plan_to_json
from experiments.fuzz.contract import BrokenContract, Case, fault
from experiments.fuzz.damage import damaged_text
from experiments.fuzz.plan import whole_plan
from experiments.fuzz.runner import Draw
from experiments.fuzz.video import write_clip

_WORK = (
    "amt.pipeline.generate", "amt.arrange.arrange", "amt.regenerate.regenerate",
    "amt.features.extract_features", "render.engine.render_to_disk", "amt.arrange.load_network",
)  # fmt: skip
_FILES = (
    "clip.mp4", "song.plan.json", "moods.csv", "own.toml", "text.txt", "folder", "missing.mp4",
    "-x.mp4", "x" * 300 + ".mp4", "nul\0.mp4", "line\nbreak.mp4", "clip.mp4/inside.mid",
    "\udcff.mp4", "", " ", ".", "/dev/null", "é" * 100 + ".mid", "http://example.org/clip.mp4",
    "folder/" * 30 + "song.mid", "file:clip.mp4", "~/clip.mp4",
)  # fmt: skip
_OUTPUTS = {
    "--out": ("song.mid", "song.midi", "song.wav", "clip.mp4", "SONG.MID", "folder/new.mid"),
    "--wav": ("song.wav", "song.flac", "song.mp3", "song.mid"),
    "--mp4": ("film.mp4", "film.mkv", "film.webm", "film.mov", "film.avi", "clip.mp4"),
    "--plan": ("p.json", "song.plan.json", "p.txt"), "--report": ("r.html", "r.htm", "r.pdf"),
    "--plan-out": ("q.json", "q"), "--stems": ("stems", "folder", "text.txt"),
    "--plot": ("p.png", "p.gif"),
}  # fmt: skip
_NUMBERS = (
    "0", "1", "-1", "7", "0.5", "1e9", "nan", "inf", "-inf", "abc", "1:02.5", "60", "120", "120bpm",
    "1,5", "9" * 40, "9" * 5000, "", "0x10", "١٢", "1_000", "--", "½", "1:99", "true",
)  # fmt: skip
_CHOICES = {
    "--style": ("piano", "orchestral", "lofi", "orchstral", "own.toml", "missing.toml", "Piano"),
    "--key": ("A minor", "Am", "H major", "C", "", "Eb:maj", "a" * 500),
    "--emotion": ("tense", "calm:0-12, tense:12-1:02.5", "moods.csv", "happy", "tesne", "sad:5-1"),
    "--primer": ("Am F C G", "H7", "", "C" * 300), "--arranger": ("neural", "patterns", "x"),
    "--engine": ("auto", "fluidsynth", "diffusion", "tinysoundfont", "x"),
    "--backend": ("auto", "clip", "gpu"), "--film-codec": ("copy", "h264", "vp9", "av1"),
    "--bars": ("1-2", "2", "9-1", "0", "x", "1-99999999999", "1 - 2", "٢-٣"),
    "--map": ("Horns=harmony", "=", "x"), "--unsupported": ("soundfont", "refuse", "x"),
}  # fmt: skip
_NUMERIC = (
    "--seed", "--bpm", "--mood-smoothing", "--mood-blend", "--candidates", "--hit", "--temperature",
    "--top-p", "--guidance", "--affect-guidance", "--chord-mood", "--steps", "--keep-sound",
)  # fmt: skip
_PATHS = ("--video", "--midi", "--weights", "--soundfont", "--renderer", "--clip-model")
_FLAGS = (
    "--drums", "--no-drums", "--melody", "--no-melody", "--fit", "--no-fit", "--force", "--quiet",
    "--json", "--allow-download", "--embed-clip", "--version", "-q", "-f",
    "--outt", "--wvv", "-", "-z",
)  # fmt: skip
_TAKEN = {
    "generate": ("--out", "--wav", "--mp4", "--plan", "--report", "--style", "--key", "--emotion"),
    "arrange": ("--out", "--style", "--arranger", "--candidates", "--weights"),
    "regenerate": ("--out", "--bars", "--midi", "--map", "--plan-out", "--seed"),
    "render": ("--out", "--engine", "--soundfont", "--stems", "--steps"),
    "features": ("--out", "--plot", "--backend"),
    "styles": (), "moods": (),
}  # fmt: skip
_ALL = (*_OUTPUTS, *_CHOICES, *_NUMERIC, *_PATHS, *_FLAGS)


class Refused(AmtError):
    """The command line ended with one sentence."""


class _Reached(BaseException):
    """The work would begin here."""


def prepare(folder: Path) -> Draw:
    """Cases of this kind."""
    write_clip(folder / "clip.mp4", "libx264", {})
    (folder / "-x.mp4").write_bytes((folder / "clip.mp4").read_bytes())
    (folder / "song.plan.json").write_text(plan_to_json(whole_plan(random.Random(0))))
    (folder / "moods.csv").write_text("0,1,sad\n")
    (folder / "own.toml").write_text("[roles.harmony]\nname = 'x'\n")
    (folder / "text.txt").write_text("text")
    (folder / "folder").mkdir(exist_ok=True)
    os.environ["AMT_CACHE_DIR"] = str(folder / "cache")

    command = typer.main.get_command(app)

    def draw(rng: random.Random) -> Case:
        words = command_line(rng)
        return Case(lambda: _run(words, command), " ".join(words))

    return draw


def command_line(rng: random.Random) -> list[str]:
    """The words after ``amt``: most go together, some do not."""
    command = rng.choice(("generate",) * 5 + tuple(_TAKEN))
    words = [command]
    first = {"generate": "clip.mp4", "features": "clip.mp4", "render": "song.mid"}
    if command not in ("styles", "moods") and rng.random() < 0.9:
        plain = first.get(command, "song.plan.json")
        words.append(rng.choice(_FILES) if rng.random() < 0.3 else plain)
    taken = [o for o in _TAKEN[command] if o in ("--out", "--bars") or rng.random() < 0.25]
    others = rng.sample(_ALL, rng.choice([0, 0, 0, 1, 1, 3]))
    for option in (*taken, *others):
        words += _option(option, rng)
    if rng.random() < 0.1:
        words.insert(rng.randrange(len(words) + 1), rng.choice((*_FILES, *_FLAGS, *_ALL)))
    if rng.random() < 0.1:
        at = rng.randrange(len(words))
        words[at] = damaged_text(words[at], rng)
    return words


def _option(name: str, rng: random.Random) -> list[str]:
    if name in _FLAGS:
        return [name]
    if name in _NUMERIC:
        values: tuple[str, ...] = _NUMBERS
    else:
        values = _OUTPUTS.get(name) or _CHOICES.get(name) or _FILES
        if rng.random() < 0.15:
            values = (*_FILES, *_NUMBERS)
    value = rng.choice(values)
    return [f"{name}={value}"] if rng.random() < 0.2 else [name, value]


def _run(words: list[str], command: object) -> None:
    said = io.StringIO()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with (
            _stopped(command),
            contextlib.redirect_stderr(said),
            contextlib.redirect_stdout(io.StringIO()),
            mock.patch.object(sys, "argv", ["amt", *words]),
        ):
            main()
        code: object = 0
    except _Reached:
        return
    except SystemExit as error:
        code = error.code
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    lines = said.getvalue().splitlines()
    if code not in (0, 2) or any("Traceback" in line for line in lines):
        raise BrokenContract(f"exit code {code}: {lines[-1:]}")
    if code == 2:
        message = lines[-1] if lines else ""
        if reason := fault(message, "\0".join(words)):
            raise BrokenContract(f"{reason}: {message}")
        raise Refused(message)


def _reach(*_: object, **__: object) -> NoReturn:
    raise _Reached


@contextlib.contextmanager
def _stopped(command: object) -> Iterator[None]:
    """The work ends before it begins, and the parser is built only once."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch("typer.main.get_command", lambda _: command))
        for name in _WORK:
            stack.enter_context(mock.patch(name, _reach))
        stdin = stack.enter_context(open(os.devnull))  # noqa: PTH123
        stack.enter_context(mock.patch.object(sys, "stdin", stdin))
        yield
