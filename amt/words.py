"""What a user asks of a piece, as words of the Python interface or as options, for the pipeline.

The words are the fields of the classes of :mod:`amt.options`; ranges, defaults and help are there.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, TypeVar, cast

from amt.arrange import load_style, style_names
from amt.chords import Chord, Key
from amt.compose import ComposeOptions
from amt.errors import InputError, quoted
from amt.mood import parse_moods
from amt.options import (
    ArrangerName,
    Backend,
    BackendOptions,
    FitOptions,
    ModelOptions,
    MusicOptions,
    NoteOptions,
    Request,
    SamplingOptions,
    Speech,
    SpeechOptions,
    SpottingOptions,
    TempoMap,
)
from amt.pipeline import GenerateOptions
from amt.plan import DEFAULT_ARRANGER
from amt.reporter import SILENT
from amt.types import Arrangement
from render.files.options import OptionField, option_fields

PathLike = str | os.PathLike[str]
OLD_WORDS = {"colour": "chord_mood"}
"""Former words that are still taken → their names now."""
_T = TypeVar("_T")


class Words(TypedDict, total=False):
    """The fields of the classes in :class:`amt.options.Request`; None is the default."""

    seed: int
    style: PathLike
    key: str | Key | None
    bpm: float | None
    emotion: PathLike | None
    mood_smoothing: float
    mood_blend: float
    primer: str | Sequence[str | Chord] | None
    chord_mood: float
    colour: float
    arranger: ArrangerName | None
    candidates: int | None
    drums: bool | None
    melody: bool | None
    humanize: float | None
    fit: bool
    tempo_map: TempoMap
    hits: Iterable[float | str]
    spots: PathLike | None
    start_tc: str | None
    rate: str | None
    backend: Backend
    clip_model: PathLike | None
    allow_download: bool
    speech: Speech
    temperature: float
    top_p: float
    guidance: float
    affect_guidance: float
    weights: PathLike | None


def request_from(words: Words) -> Request:
    """The request that the words of the Python interface make.

    Raises:
        InputError: a value has no meaning, or two do not go together.
    """
    named: dict[str, Any] = {}
    for word, value in words.items():
        if word in OLD_WORDS and OLD_WORDS[word] in words:
            raise InputError(f"`{OLD_WORDS[word]}` and its old name {word} are given: name one")
        named[OLD_WORDS.get(word, word)] = value
    return Request(
        music=_options(MusicOptions, named),
        notes=_options(NoteOptions, named),
        fit=_options(FitOptions, named),
        spotting=_options(SpottingOptions, named),
        backend=_options(BackendOptions, named),
        speech=_options(SpeechOptions, named),
        sampling=_options(SamplingOptions, named),
        models=_options(ModelOptions, named),
    )


def generate_options(request: Request, title: str = "") -> GenerateOptions:
    """What the pipeline is asked for.

    Args:
        request: what the user asks for.
        title: of the piece.

    Raises:
        InputError: a value has no meaning, or two do not go together.
    """
    music, backend = request.music, request.backend
    arrangement = chosen_arrangement(Arrangement(DEFAULT_ARRANGER), request.notes)
    check_drums(request.notes.drums, music.style)
    if music.emotion is not None:
        parse_moods(music.emotion, None, SILENT)  # errors that do not need the clip's length
    return GenerateOptions(
        compose=ComposeOptions(
            seed=music.seed,
            key=music.key,
            bpm=music.bpm,
            fit=request.fit.fit,
            tempo_map=request.fit.tempo_map,
            hits_s=request.fit.hits,
            style=music.style,
            mood_blend=music.mood_blend,
            mood_sigma_s=music.mood_smoothing,
            primer=music.primer,
            sampling=request.sampling,
            chord_mood_weight=music.chord_mood,
            title=title,
        ),
        mood=music.emotion,
        backend=backend.backend,
        clip_model=backend.clip_model,
        allow_download=backend.allow_download,
        speech=request.speech.speech,
        weights=request.models.weights,
        arrangement=arrangement,
        spotting=request.spotting,
    )


def chosen_arrangement(arrangement: Arrangement, notes: NoteOptions) -> Arrangement:
    """An arrangement with what was asked for in place of what it says.

    Raises:
        InputError: patterns are asked for what only the network does.
    """
    asked = {field.name: getattr(notes, field.name) for field in option_fields(NoteOptions)}
    given = {name: value for name, value in asked.items() if value is not None}
    chosen = replace(arrangement, **given)
    if chosen.arranger == "patterns":
        for name in ("melody", "candidates"):
            if given.get(name):
                raise InputError(
                    f"`{name}` was given, which only the network uses: choose `arranger='neural'`"
                )
    return chosen


def check_drums(drums: bool | None, style: str) -> None:
    """Refuse to promise drums in a style that has none.

    Raises:
        InputError: the style has none, or does not exist.
    """
    if not load_style(style).has_drums and drums:
        others = [name for name in style_names() if load_style(name).has_drums]
        raise InputError(
            f"`drums` was given, but the style {quoted(style)} has none: use {', '.join(others)}, "
            "or a style of your own"
        )


def _options(kind: type[_T], words: Mapping[str, Any]) -> _T:
    """The options of one class that the words name; None is the default."""
    given = {
        field.name: _converted(field, words[field.name])
        for field in option_fields(kind)
        if words.get(field.name) is not None
    }
    return kind(**given)


def _converted(field: OptionField, value: Any) -> Any:  # noqa: ANN401
    """A word's value as its field holds it.

    Raises:
        InputError: it is no number where one is expected, or cannot be read.
    """
    convert, kind = field.option.convert, field.kind
    if convert is not None and field.option.is_repeated:
        return tuple(_number(field, convert(one)) for one in value)
    if convert is not None:
        return convert(value)
    if kind is float:
        return _number(field, value)
    if kind is int:
        return _whole_number(field, value)
    if kind is bool:
        return bool(value)
    return kind(value) if kind is Path else os.fspath(value)


def _number(field: OptionField, value: object) -> float:
    """A finite number of any numeric type."""
    try:
        number = float(cast("Any", value))
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"`{field.name}` is {quoted(value)}; expected {field.expected}")
    return number


def _whole_number(field: OptionField, value: object) -> int:
    """A whole number of any integer type."""
    try:
        return operator.index(cast("Any", value))
    except TypeError:
        raise InputError(f"`{field.name}` is {quoted(value)}; expected {field.expected}") from None
