"""What a user may ask of a piece, in words and numbers, and what the pipeline makes of it.

The command line and the Python interface both come through here, so that one name, one default and
one message hold for both.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, cast

from amt.arrange import load_style, style_names
from amt.chords import Chord, Key, parse_chord, parse_key
from amt.compose import ComposeOptions
from amt.errors import InputError, quoted
from amt.models.chords.decode import SamplingOptions
from amt.mood import parse_moods
from amt.pipeline import Backend, GenerateOptions
from amt.plan import ARRANGERS, DEFAULT_ARRANGER, MAX_CANDIDATES
from amt.reporter import SILENT
from amt.times import parse_time
from amt.types import Arrangement, ArrangerName

PathLike = str | os.PathLike[str]
_SAMPLING = ("temperature", "top_p", "guidance", "affect_guidance")
_NUMBERS = {
    "bpm": "bpm", "colour": "chord_mood_weight",
    "mood_smoothing": "mood_sigma_s", "mood_blend": "mood_blend",
    **{word: word for word in _SAMPLING},
}  # fmt: skip
"""Option → field of :class:`amt.compose.ComposeOptions` or its sampling."""

BACKENDS: tuple[Backend, ...] = ("auto", "clip", "analytic")


class ArrangementWords(TypedDict, total=False):
    """How notes are written; what is missing or None stays as it is."""

    arranger: ArrangerName | None
    """``neural`` or ``patterns``."""
    candidates: int | None
    """Versions that the network writes, of which the best is kept; 1 to 64."""
    drums: bool | None
    """Whether drums play, in styles that have them."""
    melody: bool | None
    """Whether the network writes a tune."""


class Words(ArrangementWords, total=False):
    """What may be asked of a piece, named as on the command line; None is the default."""

    seed: int
    """Another seed, another piece; from 0."""
    style: PathLike
    """Name of a style, or a TOML file."""
    key: str | Key | None
    """Such as ``A minor``."""
    bpm: float | None
    """Tempo to hold, 60 to 160."""
    emotion: PathLike | None
    """``tense``, ``calm:0-12, tense:12-1:02.5``, or a CSV file of start, end, mood."""
    mood_smoothing: float
    """How slowly mood may move, in seconds."""
    mood_blend: float
    """How far ``emotion`` replaces what the picture says, 0 to 1."""
    primer: str | Sequence[str | Chord] | None
    """First chords, such as ``Am F C G``."""
    fit: bool
    """Whether tempo and metre are fitted to the cuts."""
    hits: Iterable[float | str]
    """Moments that must fall on a downbeat: seconds, or ``1:02.5``."""
    backend: Backend
    """What looks at the picture: ``auto``, ``clip`` or ``analytic``."""
    clip_model: PathLike | None
    """Folder or Hub name of a CLIP model."""
    allow_download: bool
    """Whether CLIP's weights may be fetched."""
    temperature: float
    top_p: float
    guidance: float
    affect_guidance: float
    """See :class:`amt.models.chords.decode.SamplingOptions`."""
    colour: float
    """How far chord types follow mood; 0 is off."""
    weights: PathLike | None
    """Folder with other models."""


def generate_options(words: Words, title: str = "") -> GenerateOptions:
    """What the pipeline is asked for.

    Args:
        words: what was asked for.
        title: of the piece.

    Raises:
        InputError: a value has no meaning, or two do not go together; the message calls an option
            as the command line does.
    """
    given: dict[str, Any] = {name: value for name, value in words.items() if value is not None}
    style = os.fspath(given.get("style", ComposeOptions().style))
    arrangement = chosen_arrangement(Arrangement(DEFAULT_ARRANGER), words)
    check_drums(given.get("drums"), style)
    mood = os.fspath(given["emotion"]) if "emotion" in given else None
    if mood is not None:
        parse_moods(
            mood, None, SILENT
        )  # what is wrong in itself is known before the clip is watched
    backend = given.get("backend", "auto")
    if backend not in BACKENDS:
        raise InputError(f"--backend is {quoted(backend)}; expected {', '.join(BACKENDS)}")
    return GenerateOptions(
        compose=_compose_options(given, style, title),
        mood=mood,
        backend=backend,
        clip_model=os.fspath(given["clip_model"]) if "clip_model" in given else None,
        allow_download=bool(given.get("allow_download")),
        weights=Path(given["weights"]) if "weights" in given else None,
        arrangement=arrangement,
    )


def _compose_options(given: dict[str, Any], style: str, title: str) -> ComposeOptions:
    numbers = {word: _number(given[word], word) for word in _NUMBERS if word in given}
    sampling = {word: numbers.pop(word) for word in _SAMPLING if word in numbers}
    chosen: dict[str, Any] = {_NUMBERS[word]: value for word, value in numbers.items()}
    key = given.get("key")
    return ComposeOptions(
        seed=checked_seed(given.get("seed", 0)),
        key=parse_key(key) if isinstance(key, str) else key,
        fit=bool(given.get("fit", True)),
        hits_s=tuple(
            parse_time(hit) if isinstance(hit, str) else _number(hit, "hit")
            for hit in given.get("hits", ())
        ),
        style=style,
        primer=parse_primer(given.get("primer")),
        sampling=SamplingOptions(**sampling),
        title=title,
        **chosen,
    )


def chosen_arrangement(arrangement: Arrangement, words: ArrangementWords) -> Arrangement:
    """An arrangement with what was asked for.

    Raises:
        InputError: the arranger is unknown, the number of candidates has no meaning, or patterns
            are asked for what only the network does.
    """
    names = ("arranger", "candidates", "drums", "melody")
    given = {name: words.get(name) for name in names if words.get(name) is not None}
    arranger, candidates = given.get("arranger"), given.get("candidates")
    if arranger is not None and arranger not in ARRANGERS:
        raise InputError(f"--arranger is {quoted(arranger)}; expected {' or '.join(ARRANGERS)}")
    if candidates is not None and not _is_whole(candidates, 1, MAX_CANDIDATES):
        raise InputError(
            f"--candidates is {quoted(candidates)}; "
            f"expected a whole number from 1 to {MAX_CANDIDATES}"
        )
    chosen = replace(arrangement, **cast("dict[str, Any]", given))
    if chosen.arranger == "patterns" and (candidates is not None or given.get("melody")):
        name = "--melody" if given.get("melody") else "--candidates"
        raise InputError(f"{name} was given, which only the network knows: use --arranger neural")
    return chosen


def check_drums(drums: bool | None, style: str) -> None:
    """Refuse to promise drums in a style that has none.

    Raises:
        InputError: the style has none, or does not exist.
    """
    if load_style(style).instrument("drums") is None and drums:
        others = [name for name in style_names() if load_style(name).instrument("drums")]
        raise InputError(
            f"--drums was given, but the style {quoted(style)} has none: use {', '.join(others)}, "
            "or a style of your own"
        )


def checked_seed(seed: int) -> int:
    """The seed, if it is one.

    Raises:
        InputError: it is no whole number, or out of range.
    """
    if not _is_whole(seed, 0, 2**63 - 1):
        raise InputError(f"--seed is {quoted(seed)}; expected a whole number from 0 to 2^63 - 1")
    return operator.index(seed)


def parse_primer(primer: str | Sequence[str | Chord] | None) -> tuple[Chord, ...]:
    """The chords of a primer, as text or one by one.

    >>> [chord.label for chord in parse_primer("Am, F")]
    ['A:min', 'F']

    Raises:
        ChordError: a chord is unknown.
    """
    names = primer.replace(",", " ").split() if isinstance(primer, str) else primer or ()
    return tuple(name if isinstance(name, Chord) else parse_chord(name) for name in names)


def _is_whole(value: object, low: int, high: int) -> bool:
    try:
        return low <= operator.index(cast("Any", value)) <= high
    except TypeError:
        return False


def _number(value: object, word: str) -> float:
    """A finite number of any numeric type."""
    try:
        number = float(cast("Any", value))
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        option = f"--{word.replace('_', '-')}"
        raise InputError(f"{option} is {quoted(value)}; expected a number")
    return number
