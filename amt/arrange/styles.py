"""Styles: which instruments play which roles, and how.

The built-in styles live in ``styles.toml`` beside this module. A user's own style is a TOML file
of at most 64 KiB that holds one style at its top level, with the same fields::

    description = "Nylon guitar over a soft bass."
    swing = 0.5           # optional: share of an eighth pair that the first one takes, 0.5-0.67
    syncopated = false    # optional: comp off the beat when the mood is lively
    accent = 1.0          # optional: how strongly cuts and movement are stressed, 0-2
    cuts_answered = 1.0   # optional: share of the cuts that get a note, the strongest first, 0-1
    tempo = [66, 96]      # optional: slowest and fastest tempo that is felt, quarter notes a minute
    comps = 0.0           # optional: share of phrases in which the neural arranger's accompaniment
                          # plays the figures of [chords], 0-1
    melody_lead = 7.0     # optional: dB of the melody over all other parts in the mix, 0-20
    laid_back_ms = 0.0    # optional: how late chords off the beat and the snare are, 0-40

    [roles.harmony]
    name = "Guitar chords"
    program = 24          # General MIDI, 0-127
    low = 48              # range in MIDI notes, middle C = 60
    high = 72
    volume = 96           # CC 7, the place in the mix
    pan = 64              # CC 10, 64 is the centre
    gate = 0.9            # share of its step that a note sounds
    pedal = false         # optional: sustain pedal (CC 64), changed with every chord
    centre = 76           # optional, of a melody: pitch around which it sounds best

    [bass]                # optional: figures of the bass, see amt/arrange/figures.py
    half = ["r--- ---- f--- ----", "r--- ---- r--- --a-"]
    beat = ["r--- f--- r--- a---"]

    [chords]              # optional: figures of the harmony
    beat = ["d--- d-u- --u- d-u-"]

    [roles.drums]         # only these fields: the keys are those of General MIDI
    name = "Drums"
    program = 0           # the kit: 0 standard, 8 room, 25 TR-808, 40 brushes
    volume = 90
    pan = 64
    groove = "rock"       # optional: rock, hiphop, funk or machine
    calm = -0.25          # optional: mean arousal of a phrase below which it has no drums, -1 to 1

A figure is one bar of 4/4 in sixteenths: a symbol begins a note, ``-`` holds it, ``.`` is a rest
(:mod:`amt.arrange.figures` lists the symbols). The keys are the rhythms that the density of the
plan asks for: ``hold`` (a note every second bar or so), ``bar``, ``half``, ``beat`` and ``eighth``,
the busiest. Of several figures every phrase draws one. A rhythm without a figure has a plain one:
roots and fifths that walk into the next root, and chords broken or on the beat.

``harmony`` is required; the other roles are there or not:

* ``arpeggio``: the arpeggio patterns of the pattern arranger.
* ``melody`` and ``counter``: the melody and counter-melody of the neural arranger. Without
  ``melody`` the instrument of the arpeggio, else that of the harmony, plays the melody; without
  ``counter`` there is no counter-melody.
* ``accompaniment``: the instrument for the neural arranger's harmony role instead of ``harmony``:
  it plays broken as well as whole chords, so it needs a wide range.
* ``pad``, ``bass`` and ``drums``, of both.

An orchestra has ``parts`` besides: a list of tables that say which instruments play the line of a
role, in which phrases. A role that no part plays has its own instrument as above. Tables of one
name are one instrument: in every phrase it plays from the first of them that fits. ::

    [[parts]]
    name = "Oboe"
    program = 68
    from = "melody"       # melody, counter, accompaniment, bass: the line of that role of the
                          # style; harmony, pad: voices of its chords, held; cadences: timpani
                          # on tonic and dominant; percussion: bass drum and cymbal at climaxes
    low = 58              # range in MIDI notes, at least an octave; timpani's too
    high = 91
    volume = 90
    pan = 54
    gate = 1.0
    octave = 0            # optional: octaves by which it doubles its line, -2 to 2
    voices = [2, 3]       # optional, of chords: which of them, counted from the top
    figure = "hold"       # optional, of chords: hold, pulse (half beats), tremolo
    levels = [1, 2]       # optional: from which dynamic level of a phrase to which it plays,
                          # from 1, soft, to 4, the climax
    moods = ["sad"]       # optional: moods of the phrases in which it plays
    solo = true           # optional, of a melody: it takes turns with the other soloists
    players = 1           # optional: notes that it can play at once; 0 for any number
    breath = 5.0          # optional, of winds: seconds after which it must have rested
    centre = 74           # optional, of a melody: as above
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import asdict

from amt.arrange.figures import (
    BASS_SYMBOLS,
    CHORD_SYMBOLS,
    FIGURE_RHYTHMS,
    Figures,
    read_figure,
)
from amt.arrange.grooves import groove_names
from amt.arrange.parts import Part, read_parts
from amt.arrange.textures import Rhythm
from amt.errors import InputError, quoted, shown, suggestion
from amt.options.music import MAX_BPM, MIN_BPM
from render.files.decoding import decode

PATTERN_ROLES = ("harmony", "arpeggio", "pad", "bass", "drums")
"""The roles that play by patterns."""

ROLES = (
    "melody", "counter", "accompaniment", "harmony", "arpeggio", "pad", "bass", "drums",
)  # fmt: skip
"""The roles, in the order of the tracks."""

MIN_RANGE = {
    "melody": 16, "counter": 16, "accompaniment": 19, "harmony": 19, "arpeggio": 16, "pad": 16,
    "bass": 12,
}  # fmt: skip
"""Fewest semitones from ``low`` to ``high`` with which a role can voice every chord, or sing."""

LEAST_TEMPO_RATIO = 1.4
"""Fastest tempo of a style against its slowest at least: with the root of 2 or more, most spacings
of cuts have a tempo that meets them with beats, halves or doubles of it."""

MAX_BYTES = 64 << 10
"""A style takes about 2 KiB, an orchestra 6."""

_Midi = Annotated[int, Meta(ge=0, le=127)]


@dataclass(frozen=True, slots=True)
class Instrument:
    """The player of one role."""

    role: str
    """One of :data:`ROLES`."""
    name: str
    """Name of the track."""
    program: int
    """General MIDI program, 0-127."""
    low: int
    high: int
    """Range in MIDI notes, both ends included; of drums, all."""
    volume: int
    """CC 7, 0-127."""
    pan: int
    """CC 10, 0-127."""
    gate: float
    """Share of its step that a note sounds, above 0, at most 1."""
    pedal: bool = False
    """Whether the sustain pedal (CC 64) joins the notes of a chord."""
    centre: int | None = None
    """Of a melody: the pitch around which it sounds best; by octaves it comes as near as it can."""
    calm: float = -0.25
    """Of drums: mean arousal of a phrase, -1 to 1, below which they are silent."""
    groove: str = "rock"
    """Of drums: one of :func:`amt.arrange.grooves.groove_names`."""


@dataclass(frozen=True, slots=True)
class Style:
    """An ensemble and its manner."""

    name: str
    description: str
    instruments: tuple[Instrument, ...]
    """At most one a role, in the order of :data:`ROLES`."""
    swing: float = 0.5
    """Share of a pair of off-beat notes that the first one takes: 0.5 is even, 0.67 a shuffle."""
    syncopated: bool = False
    """Whether chords may fall off the beat when the mood is lively."""
    accent: float = 1.0
    """How strongly cuts and peaks of movement are stressed: 0 not at all, 1 plainly, 2 harshly."""
    tempo: tuple[float, float] | None = None
    """Slowest and fastest tempo that is felt, in quarter notes a minute; None is any."""
    comps: float = 0.0
    """Share of phrases in which the accompaniment of the neural arranger plays the figures of the
    harmony; in the others, what the network wrote."""
    laid_back_ms: float = 0.0
    """Milliseconds by which chords off the beat, and the snare, are late."""
    cuts_answered: float = 1.0
    """Share of the cuts on which a note begins at all events, the strongest first."""
    melody_lead: float = 7.0
    """Estimated level in dB of the melody over all other parts (:mod:`amt.arrange.mix`)."""
    bass: Figures = field(default_factory=dict)
    """Figures of the bass; a rhythm without one has those of
    :data:`amt.arrange.figures.DEFAULT_BASS`."""
    chords: Figures = field(default_factory=dict)
    """Figures of the harmony; a rhythm without one has those of
    :data:`amt.arrange.figures.PLAIN_CHORDS`."""
    parts: tuple[Part, ...] = ()
    """Of an orchestra, in the order of a score; else empty."""

    @property
    def has_drums(self) -> bool:
        """Whether it has a drum kit, or percussion among its parts."""
        percussion = any(part.source == "percussion" for part in self.parts)
        return percussion or self.instrument("drums") is not None

    def instrument(self, role: str) -> Instrument | None:
        """The player of a role, or None where the style has none."""
        return next((player for player in self.instruments if player.role == role), None)


def style_names() -> tuple[str, ...]:
    """Names of the built-in styles."""
    return tuple(_built_in())


def load_style(name_or_path: str | Path) -> Style:
    """A built-in style by name, or a user's own from a ``.toml`` file.

    Raises:
        InputError: no built-in style has that name, or the file holds no style; the message lists
            the names, or names the field.
    """
    name = str(name_or_path)
    if name in _built_in():
        return _style(name, _built_in()[name], f"style {name}")
    path = Path(name_or_path)
    if path.suffix.lower() != ".toml":
        raise InputError(
            f"unknown style {quoted(name)}: expected {', '.join(style_names())}, or the path of a "
            f".toml file{suggestion(name, style_names())}"
        )
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise InputError(
                f"{shown(path)} is larger than {MAX_BYTES >> 10} KiB: no style is as large"
            )
        data = tomllib.loads(text.decode("utf-8"))
    except OSError as error:
        raise InputError(
            f"cannot read the style {shown(path)}: {error.strerror or error}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{shown(path)} is not a style in TOML: {shown(error)}") from error
    return _style(path.stem, data, shown(path))


@cache
def _built_in() -> dict[str, Mapping[str, Any]]:
    folder = files("amt.arrange")
    texts = (
        folder.joinpath(n).read_text(encoding="utf-8") for n in ("styles.toml", "orchestra.toml")
    )
    return {name: table for text in texts for name, table in tomllib.loads(text).items()}


class _Table(Struct, forbid_unknown_fields=True):
    """A table of a style file."""


class _StyleTable(_Table):
    roles: dict[str, Any] = {}
    parts: list[dict[str, Any]] = []
    description: str = ""
    swing: Annotated[float, Meta(ge=0.5, le=0.67)] = 0.5
    syncopated: bool = False
    accent: Annotated[float, Meta(ge=0.0, le=2.0)] = 1.0
    tempo: list[float] | None = None
    comps: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    laid_back_ms: Annotated[float, Meta(ge=0.0, le=40.0)] = 0.0
    cuts_answered: Annotated[float, Meta(ge=0.0, le=1.0)] = 1.0
    melody_lead: Annotated[float, Meta(ge=0.0, le=20.0)] = 7.0
    bass: dict[str, Any] = {}
    chords: dict[str, Any] = {}


class _InstrumentTable(_Table):
    name: str
    program: _Midi
    low: _Midi
    high: _Midi
    volume: _Midi
    pan: _Midi
    gate: Annotated[float, Meta(ge=0.05, le=1.0)]
    pedal: bool = False
    centre: _Midi | None = None


class _DrumsTable(_Table):
    name: str
    program: _Midi
    volume: _Midi
    pan: _Midi
    calm: Annotated[float, Meta(ge=-1.0, le=1.0)] = -0.25
    groove: str = "rock"


def _style(name: str, data: Mapping[str, Any], source: str) -> Style:
    table = decode(data, _StyleTable, source, InputError)
    if "harmony" not in table.roles:
        raise InputError(f"{source}: expected a table [roles.harmony]")
    for role in table.roles:
        if role not in ROLES:
            raise InputError(
                f"{source}: role {shown(role)} is unknown, expected {', '.join(ROLES)}"
            )
    return Style(
        name=name,
        description=table.description,
        instruments=tuple(
            _instrument(role, table.roles[role], f"{source}: {role}")
            for role in ROLES
            if role in table.roles
        ),
        swing=table.swing,
        syncopated=table.syncopated,
        accent=table.accent,
        tempo=_tempo(table.tempo, source),
        comps=table.comps,
        laid_back_ms=table.laid_back_ms,
        cuts_answered=table.cuts_answered,
        melody_lead=table.melody_lead,
        bass=_figures(table.bass, BASS_SYMBOLS, f"{source}: bass"),
        chords=_figures(table.chords, CHORD_SYMBOLS, f"{source}: chords"),
        parts=read_parts(table.parts, set(table.roles), source),
    )


def _tempo(bounds: list[float] | None, source: str) -> tuple[float, float] | None:
    """The range of tempo of a style.

    Raises:
        InputError: it is none, or so narrow that no tempo in it might meet the cuts of a clip.
    """
    if bounds is None:
        return None
    if len(bounds) == 2:
        slowest, fastest = bounds
        if slowest >= MIN_BPM and LEAST_TEMPO_RATIO * slowest <= fastest <= MAX_BPM:
            return slowest, fastest
    raise InputError(
        f"{source}: tempo is {shown(bounds)}, expected two numbers from {MIN_BPM:g} to "
        f"{MAX_BPM:g}, the second at least {LEAST_TEMPO_RATIO:g} times the first"
    )


def _figures(data: Mapping[str, Any], symbols: Mapping[str, str], source: str) -> Figures:
    """The figures of a table ``rhythm = ["figure", …]``.

    Raises:
        InputError: a rhythm or a figure is not one.
    """
    figures: dict[Rhythm, tuple[str, ...]] = {}
    for name, texts in data.items():
        rhythm = next((known for known in FIGURE_RHYTHMS if known == name), None)
        if rhythm is None:
            raise InputError(
                f"{source}: {shown(name)} is unknown, expected {', '.join(FIGURE_RHYTHMS)}"
            )
        if not (isinstance(texts, list) and texts and all(isinstance(t, str) for t in texts)):
            raise InputError(f"{source}: {name} is {shown(texts)}, expected a list of figures")
        try:
            figures[rhythm] = tuple(read_figure(text, symbols) for text in texts)
        except ValueError as error:
            raise InputError(f"{source}: a figure of {name} {error}") from error
    return figures


def _instrument(role: str, data: object, source: str) -> Instrument:
    if role == "drums":
        kit = decode(data, _DrumsTable, source, InputError)
        if kit.groove not in groove_names():
            raise InputError(
                f"{source}: groove is {shown(kit.groove)}, expected {', '.join(groove_names())}"
            )
        return Instrument(role=role, low=0, high=127, gate=1.0, **asdict(kit))
    table = decode(data, _InstrumentTable, source, InputError)
    if table.high - table.low < MIN_RANGE[role]:
        raise InputError(
            f"{source}: the range {table.low}-{table.high} is too narrow, expected at least "
            f"{MIN_RANGE[role]} semitones"
        )
    return Instrument(role=role, **asdict(table))
