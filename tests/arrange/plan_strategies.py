"""Plans for tests: drawn at random by hypothesis, or built by hand from a few words."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from amt.chords import VOCABULARY_SIZE, Key, chord_from_id, parse_chord, parse_key
from amt.types import EMOTIONS, Accent, ChordSpan, Cut, FloatArray, Plan, Section, TimeGrid


def steady(duration_s: float, bpm: float = 120.0, beats_per_bar: int = 4) -> TimeGrid:
    """A constant tempo; the clip may end inside the last beat and the last bar."""
    beats = duration_s * bpm / 60
    n_beats = max(1, math.ceil(beats - 1e-6))
    beats_s = np.append(np.arange(n_beats) * 60 / bpm, duration_s)
    return TimeGrid(beats_s, bar_lengths(n_beats, (beats_per_bar,)), min(1.0, beats - n_beats + 1))


def bar_lengths(n_beats: int, pattern: tuple[int, ...]) -> tuple[int, ...]:
    """Bars of the lengths of a pattern, over and over, until the beats are used up."""
    bars: list[int] = []
    while (left := n_beats - sum(bars)) > 0:
        bars.append(min(pattern[len(bars) % len(pattern)], left))
    return tuple(bars)


def moods(rows: int, mood: str = "neutral") -> FloatArray:
    emotion = np.zeros((rows, len(EMOTIONS)))
    emotion[:, EMOTIONS.index(mood)] = 1
    return emotion


def make_plan(
    duration_s: float = 24.0,
    *,
    bpm: float = 120.0,
    beats_per_bar: int = 4,
    chords: str = "Am F C G Dm7 G7 Cmaj7 Bm7b5 E7 Am",
    every: int = 4,
    key: str = "A minor",
    density: float | FloatArray = 8.0,
    loudness: float | FloatArray = 0.1,
    mood: str = "neutral",
    style: str = "piano",
    seed: int = 1,
    cuts: tuple[Cut, ...] = (),
    sections: tuple[Section, ...] = (),
    accents: tuple[Accent, ...] = (),
) -> Plan:
    grid = steady(duration_s, bpm, beats_per_bar)
    rows = math.ceil(duration_s)
    names = chords.split()
    return Plan(
        grid=grid,
        key=parse_key(key),
        chords=tuple(
            ChordSpan(beat, parse_chord(names[i % len(names)]))
            for i, beat in enumerate(range(0, grid.n_beats, every))
        ),
        loudness=np.broadcast_to(loudness, rows).astype(float),
        density=np.broadcast_to(density, rows).astype(float),
        emotion=moods(rows, mood),
        style=style,
        seed=seed,
        cuts=cuts,
        sections=sections,
        title="A clip",
        accents=accents,
    )


@st.composite
def grids(draw: st.DrawFn) -> TimeGrid:
    """Changing tempo and metre, with a last bar and a last beat that the clip cuts short."""
    lengths = draw(st.lists(st.floats(0.3, 1.2), min_size=1, max_size=40))
    last_beat = draw(st.one_of(st.just(1.0), st.floats(0.05, 1)))
    lengths[-1] *= last_beat
    bars = draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    beats_s = np.concatenate([[0.0], np.cumsum(lengths)])
    return TimeGrid(beats_s, bar_lengths(len(lengths), tuple(bars)), last_beat)


keys = st.builds(Key, st.integers(0, 11), st.sampled_from(["major", "minor"]))
basses = st.none() | st.integers(0, 11)


@st.composite
def plans(draw: st.DrawFn, style: str | None = None) -> Plan:
    grid = draw(grids())
    rows = math.ceil(grid.duration_s)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    beats = sorted({0, *draw(st.lists(st.integers(0, grid.n_beats - 1), max_size=12))})
    # Times that differ by less than a plan keeps would fall together.
    times = draw(st.lists(st.floats(0.02, 0.98), unique_by=lambda t: round(t, 6), max_size=4))
    kinds = st.sampled_from(["cut", "dissolve", "fade"])
    return Plan(
        grid=grid,
        key=draw(keys),
        chords=tuple(
            ChordSpan(beat, chord_from_id(draw(st.integers(0, VOCABULARY_SIZE - 1))), draw(basses))
            for beat in beats
        ),
        loudness=rng.uniform(0, 0.6, rows),
        density=rng.uniform(0, 40) * rng.uniform(0, 1, rows),
        emotion=rng.dirichlet(np.ones(len(EMOTIONS)), rows),
        style=style or draw(st.sampled_from(["piano", "strings", "lo-fi", "synth"])),
        seed=draw(st.integers(0, 2**63 - 1)),
        cuts=tuple(
            Cut(grid.duration_s * t, draw(st.floats(0, 1)), draw(kinds)) for t in sorted(times)
        ),
        sections=tuple(
            Section(beat, draw(st.sampled_from(EMOTIONS)), key=draw(st.none() | keys))
            for beat in beats[:3]
        ),
        accents=tuple(
            Accent(grid.duration_s * t, draw(st.floats(0, 1)))
            for t in sorted(
                draw(st.lists(st.floats(0, 0.98), unique_by=lambda t: round(t, 6), max_size=3))
            )
        ),
        title=draw(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=20)),
    )
