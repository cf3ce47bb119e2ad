"""What a plan must be: its rules and its rounding."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TypeVar, get_args

import numpy as np

from amt.errors import PlanError, quoted
from amt.options.notes import ARRANGERS as ARRANGERS
from amt.options.notes import MAX_CANDIDATES as MAX_CANDIDATES
from amt.types import (
    EMOTIONS,
    Accent,
    Arrangement,
    ArrangerName,
    Cadence,
    ChordSpan,
    Cut,
    CutKind,
    Entry,
    Feel,
    FloatArray,
    Phrase,
    Plan,
    TimeGrid,
    TimeSpan,
)

_Moment = TypeVar("_Moment", Cut, Accent)

DEFAULT_ARRANGER: ArrangerName = "neural"
"""The arranger of a new piece, unless one is asked for."""
RESTING_ROLES = ("melody", "counter", "harmony", "bass", "arpeggio", "drums")
"""Roles that an entry of a plan may have rest."""
MAX_SEED = 2**63 - 1
MAX_DENSITY = 100.0
BEAT_LENGTH_S = (0.05, 16.0)
"""Bounds of a whole beat: a MIDI tempo event holds no slower beat than 16.7 s."""

TIME_DECIMALS = 9
CURVE_DECIMALS = 4


def rounded(plan: Plan) -> Plan:
    """The plan with every number as its file would hold it; applying it again changes nothing.

    Times keep 9 decimals, curves 4. Where rounding moves the end of the music onto a whole second,
    the row of the second that was only just begun goes; where it moves a cut onto the one before
    it, the later one goes.
    """
    grid = TimeGrid(
        _round(plan.grid.beats_s, TIME_DECIMALS),
        tuple(int(n) for n in plan.grid.bars),
        round(float(plan.grid.last_beat), TIME_DECIMALS),
    )
    was, now = _rows_for(plan.grid.duration_s), _rows_for(grid.duration_s)

    def curve(values: FloatArray) -> FloatArray:
        kept = values[:now] if len(values) == was else values
        return _round(kept, CURVE_DECIMALS)

    def moments(values: tuple[_Moment, ...]) -> tuple[_Moment, ...]:
        kept: list[_Moment] = []
        for before, value in zip((None, *values), values, strict=False):
            near = replace(
                value,
                time_s=round(float(value.time_s), TIME_DECIMALS),
                strength=round(float(value.strength), CURVE_DECIMALS),
            )
            merges = before is not None and value.time_s - before.time_s > 0
            if merges and kept and kept[-1].time_s == near.time_s:
                continue
            if not 0 <= grid.duration_s - near.time_s < 1e-9:
                kept.append(near)
        return tuple(kept)

    return replace(
        plan,
        grid=grid,
        loudness=curve(plan.loudness),
        density=curve(plan.density),
        emotion=curve(plan.emotion),
        cuts=moments(plan.cuts),
        accents=moments(plan.accents),
        speech=_rounded_spans(plan.speech, grid.duration_s),
        silences=_rounded_spans(plan.silences, grid.duration_s),
        hits_s=tuple(round(float(hit_s), TIME_DECIMALS) for hit_s in plan.hits_s),
    )


def _rounded_spans(spans: tuple[TimeSpan, ...], duration_s: float) -> tuple[TimeSpan, ...]:
    """Spans with the decimals of a file, inside the music; those that become empty go."""
    rounded_spans = (
        TimeSpan(
            round(float(span.start_s), TIME_DECIMALS),
            min(round(float(span.end_s), TIME_DECIMALS), duration_s),
        )
        for span in spans
    )
    return tuple(span for span in rounded_spans if span.start_s < span.end_s)


def validate(plan: Plan) -> None:
    """Check every rule of the format but the name of the style, which the arranger looks up.

    Args:
        plan: to be written or played.

    Raises:
        PlanError: a value breaks a rule; the message names its field as in the file.
    """
    validate_grid(plan.grid)
    for name, text in (("title", plan.title), ("style", plan.style)):
        if not text.isascii() and text.encode("utf-8", "ignore").decode() != text:
            raise PlanError(f"{name} is {quoted(text)}, expected text that UTF-8 can hold")
    if not plan.style.strip():
        raise PlanError("style is empty, expected the name of a style such as 'piano'")
    if not 0 <= plan.seed <= MAX_SEED:
        raise PlanError(f"seed is {quoted(plan.seed)}, expected a whole number from 0 to 2**63 - 1")
    _validate_chords(plan.chords, plan.grid)
    _validate_beats("sections", [s.beat for s in plan.sections], plan.grid)
    for i, section in enumerate(plan.sections):
        if section.mood not in EMOTIONS:
            raise PlanError(
                f"sections[{i}].mood is {quoted(section.mood)}, "
                f"expected one of {', '.join(EMOTIONS)}"
            )
        if section.feel not in get_args(Feel):
            raise PlanError(
                f"sections[{i}].feel is {quoted(section.feel)}, "
                f"expected {', '.join(get_args(Feel))}"
            )
        if not re.fullmatch("[A-Z]{1,2}'{0,3}|intro|coda|", section.label):
            raise PlanError(
                f"sections[{i}].label is {quoted(section.label)}, expected intro, coda, or one or "
                "two capital letters and up to three primes, such as A or A'"
            )
    _validate_phrases(plan.phrases, plan.grid)
    _validate_entries(plan.entries, plan.grid)
    _validate_cuts(plan.cuts, plan.grid.duration_s)
    _validate_accents(plan.accents, plan.grid.duration_s)
    _validate_spans("speech", plan.speech, plan.grid.duration_s)
    _validate_silences(plan.silences, plan.grid.duration_s)
    _validate_by_hand(plan)
    _validate_curves(plan)
    _validate_arrangement(plan.arrangement, len(plan.grid.bars))


def validate_grid(grid: TimeGrid) -> None:
    """Check the beats and bars of a plan; see :func:`validate`."""
    beats_s = grid.beats_s
    if len(beats_s) < 2 or beats_s[0] != 0:
        raise PlanError("beats_s must hold 0 and at least one later time, the end of the music")
    falls = np.flatnonzero(~(np.diff(beats_s) > 0))
    if falls.size or not np.isfinite(beats_s).all():
        i = int(falls[0]) + 1 if falls.size else len(beats_s) - 1
        raise PlanError(f"beats_s[{i}] is {beats_s[i]}, expected a later time than the beat before")
    if not 0 < grid.last_beat <= 1:
        raise PlanError(f"last_beat is {grid.last_beat}, expected a share above 0 and at most 1")
    low, high = BEAT_LENGTH_S
    lengths = grid.beat_length_s
    for i in np.flatnonzero((lengths < low) | (lengths > high))[:1]:
        raise PlanError(
            f"beats_s[{i}] starts a beat of {lengths[i]:g} s, expected {low:g} to {high:g} s"
        )
    for i, count in enumerate(grid.bars):
        if not 1 <= count <= 255:
            raise PlanError(f"bars[{i}] is {quoted(count)}, expected 1 to 255 beats")
    if sum(grid.bars) != grid.n_beats:
        raise PlanError(
            f"bars sum to {sum(grid.bars)} beats, expected {grid.n_beats} as beats_s has them"
        )


def _validate_beats(name: str, beats: list[int], grid: TimeGrid) -> None:
    for i, beat in enumerate(beats):
        if not 0 <= beat < grid.n_beats:
            raise PlanError(f"{name}[{i}].beat is {quoted(beat)}, expected 0 to {grid.n_beats - 1}")
        if i and beat <= beats[i - 1]:
            raise PlanError(
                f"{name}[{i}].beat is {quoted(beat)}, expected a later beat than {beats[i - 1]} "
                "before it"
            )


def _validate_chords(chords: tuple[ChordSpan, ...], grid: TimeGrid) -> None:
    if not chords or chords[0].beat != 0:
        raise PlanError("chords must begin on beat 0: add a chord there, or N for none")
    _validate_beats("chords", [chord.beat for chord in chords], grid)
    for i, chord in enumerate(chords):
        if chord.bass is not None and not 0 <= chord.bass < 12:
            raise PlanError(f"chords[{i}].bass is {quoted(chord.bass)}, expected a note's name")


def _validate_phrases(phrases: tuple[Phrase, ...], grid: TimeGrid) -> None:
    _validate_beats("phrases", [phrase.beat for phrase in phrases], grid)
    if phrases and phrases[0].beat != 0:
        raise PlanError("phrases must begin on beat 0: add a phrase there, or leave phrases out")
    downbeats = set(grid.downbeats.tolist())
    for i, phrase in enumerate(phrases):
        if phrase.beat not in downbeats:
            raise PlanError(
                f"phrases[{i}].beat is {quoted(phrase.beat)}, expected the first beat of a bar"
            )
        if not re.fullmatch("[A-Za-z]{1,2}[0-9]{0,2}", phrase.label):
            raise PlanError(
                f"phrases[{i}].label is {quoted(phrase.label)}, expected one or two letters and up "
                "to two digits, such as a1"
            )
        if phrase.cadence not in get_args(Cadence):
            raise PlanError(
                f"phrases[{i}].cadence is {quoted(phrase.cadence)}, "
                f"expected {', '.join(get_args(Cadence))}"
            )


def _validate_entries(entries: tuple[Entry, ...], grid: TimeGrid) -> None:
    _validate_beats("entries", [entry.beat for entry in entries], grid)
    for i, entry in enumerate(entries):
        for role in entry.resting:
            if role not in RESTING_ROLES:
                raise PlanError(
                    f"entries[{i}].resting has {quoted(role)}, expected {', '.join(RESTING_ROLES)}"
                )


def _validate_cuts(cuts: tuple[Cut, ...], duration_s: float) -> None:
    before = 0.0
    for i, cut in enumerate(cuts):
        if not before < cut.time_s < duration_s:
            raise PlanError(
                f"cuts[{i}].time_s is {cut.time_s}, expected a time after {before:g} s and before "
                f"the end at {duration_s:g} s"
            )
        _within(cut.strength, f"cuts[{i}].strength", 1.0)
        if cut.kind not in get_args(CutKind):
            raise PlanError(
                f"cuts[{i}].kind is {quoted(cut.kind)}, expected {', '.join(get_args(CutKind))}"
            )
        before = cut.time_s


def _validate_spans(name: str, spans: tuple[TimeSpan, ...], duration_s: float) -> None:
    before = 0.0
    for i, span in enumerate(spans):
        if not before <= span.start_s < span.end_s <= duration_s:
            raise PlanError(
                f"{name}[{i}] is from {span.start_s} to {span.end_s} s, expected a stretch after "
                f"{before:g} s that ends by the end at {duration_s:g} s"
            )
        before = span.end_s


def _validate_silences(silences: tuple[TimeSpan, ...], duration_s: float) -> None:
    _validate_spans("silences", silences, duration_s)
    if silences == (TimeSpan(0.0, duration_s),):
        raise PlanError("silences leave no music: let one begin later or end sooner")


def _validate_by_hand(plan: Plan) -> None:
    """Check hit points, locked bars and muted tracks, which a person decides."""
    duration_s, n_bars = plan.grid.duration_s, len(plan.grid.bars)
    before_s = -1.0
    for i, hit_s in enumerate(plan.hits_s):
        if not (0 <= hit_s < duration_s and hit_s > before_s):
            raise PlanError(
                f"hits_s[{i}] is {hit_s}, expected a time after {max(before_s, 0.0):g} s and "
                f"before the end at {duration_s:g} s"
            )
        before_s = hit_s
    before = 0
    for i, span in enumerate(plan.locked):
        if not before < span.first <= span.last <= n_bars:
            raise PlanError(
                f"locked[{i}] is {quoted([span.first, span.last])}, expected the first and the "
                f"last of some bars from {before + 1} to {n_bars}"
            )
        before = span.last
    for i, name in enumerate(plan.muted):
        if not name.strip():
            raise PlanError(f"muted[{i}] is empty, expected the name of a track such as 'Drums'")


def _validate_accents(accents: tuple[Accent, ...], duration_s: float) -> None:
    before = -1.0
    for i, accent in enumerate(accents):
        if not max(before, 0.0) <= accent.time_s < duration_s or accent.time_s == before:
            raise PlanError(
                f"accents[{i}].time_s is {accent.time_s}, expected a time after "
                f"{max(before, 0.0):g} s and before the end at {duration_s:g} s"
            )
        _within(accent.strength, f"accents[{i}].strength", 1.0)
        before = accent.time_s


def _validate_curves(plan: Plan) -> None:
    rows = _rows_for(plan.grid.duration_s)
    for name, values, shape in (
        ("loudness", plan.loudness, (rows,)),
        ("density", plan.density, (rows,)),
        ("emotion", plan.emotion, (rows, len(EMOTIONS))),
    ):
        if values.shape != shape:
            raise PlanError(
                f"curve has {len(values)} rows of {name}, expected {rows}, one for each second of "
                f"the {plan.grid.duration_s:g} s"
            )
    for s in range(rows):
        _within(float(plan.loudness[s]), f"curve[{s}].loudness", 1.0)
        _within(float(plan.density[s]), f"curve[{s}].density", MAX_DENSITY)
        for name, share in zip(EMOTIONS, plan.emotion[s], strict=True):
            _within(float(share), f"curve[{s}].{name}", 1.0)
        total = float(plan.emotion[s].sum())
        if abs(total - 1) > 0.01:
            raise PlanError(f"the moods of curve[{s}] sum to {total:g}, expected 1")


def _validate_arrangement(arrangement: Arrangement, n_bars: int) -> None:
    if arrangement.arranger not in ARRANGERS:
        raise PlanError(
            f"arrangement.arranger is {quoted(arrangement.arranger)}, "
            f"expected {' or '.join(ARRANGERS)}"
        )
    if not 1 <= arrangement.candidates <= MAX_CANDIDATES:
        raise PlanError(
            f"arrangement.candidates is {quoted(arrangement.candidates)}, expected a whole "
            "number from 1 "
            f"to {MAX_CANDIDATES}"
        )
    _within(arrangement.humanize, "arrangement.humanize", 1.0)
    for i, rewrite in enumerate(arrangement.rewrites):
        if not 1 <= rewrite.first <= rewrite.last <= n_bars:
            raise PlanError(
                f"rewrites[{i}].bars is {quoted([rewrite.first, rewrite.last])}, expected the "
                "first and "
                f"the last of some bars of 1 to {n_bars}"
            )
        if not 0 <= rewrite.seed <= MAX_SEED:
            raise PlanError(
                f"rewrites[{i}].seed is {quoted(rewrite.seed)}, expected a whole number from 0 "
                "to 2**63 - 1"
            )


def _within(value: float, name: str, high: float) -> None:
    if not 0 <= value <= high:
        raise PlanError(f"{name} is {value:g}, expected a number from 0 to {high:g}")


def _round(values: FloatArray, decimals: int) -> FloatArray:
    return np.asarray(values, dtype=np.float64).round(decimals)


def _rows_for(duration_s: float) -> int:
    return math.ceil(duration_s)
