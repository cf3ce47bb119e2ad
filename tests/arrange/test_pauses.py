"""Beats in which nobody plays, where the form has a joint."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from amt.arrange import arrange
from amt.arrange.score import write_score
from amt.arrange.styles import load_style
from amt.types import Cut, Phrase, Plan, Section, TimeSpan
from tests.arrange.plan_strategies import make_plan

BEAT = 480
LABELS = ("A", "B", "A'", "C")


def plan_of(
    labels: tuple[str, ...] = LABELS, style: str = "piano", mood: str = "exciting", **wishes: object
) -> Plan:
    """Four sections of 16 beats at 120 BPM, of one phrase each."""
    sections = tuple(Section(16 * i, mood, label=label) for i, label in enumerate(labels))
    given = {"chords": "Am F C G", "style": style, "mood": mood, "sections": sections}
    plan = make_plan(32, **{**given, **wishes})  # type: ignore[arg-type]
    return replace(plan, phrases=tuple(Phrase(16 * i, f"a{i}", "open") for i in range(len(labels))))


def pauses(plan: Plan) -> list[tuple[float, float]]:
    """Start and end in beats of the pauses of a plan."""
    score = write_score(plan, load_style(plan.style))
    return [(start / BEAT, end / BEAT) for start, end in score.form.pauses]


@pytest.mark.parametrize("style", ["piano", "band", "strings"])
def test_nobody_plays_in_the_beat_before_a_theme_that_returns(style: str) -> None:
    plan = plan_of(style=style)
    assert pauses(plan) == [(31, 32)]
    song = arrange(plan)
    start, end = 31 * BEAT, 32 * BEAT
    for track in song.tracks:
        assert not [n for n in track.notes if n.start < end and n.end > start], track.name
        pedal = [c for c in track.controls if c.number == 64 and c.tick <= start]
        assert not pedal or pedal[-1].value == 0
        assert not [c for c in track.controls if c.number == 64 and start < c.tick < end]
    assert any(n.start == end for track in song.tracks for n in track.notes)
    assert pauses(plan_of(("A", "B", "C", "D"), style)) == []


def test_a_pause_follows_the_climax_and_is_longer_where_beats_are_short() -> None:
    loudness = np.where(np.arange(64) // 8 == 1, 0.3, 0.1)
    labels = ("A", "B", "C", "D")
    assert pauses(plan_of(labels, loudness=loudness[:32])) == [(30, 32)]
    slow = plan_of(labels, loudness=np.where(np.arange(64) // 16 == 1, 0.3, 0.1)[:32])
    slow = replace(slow, grid=replace(slow.grid, beats_s=slow.grid.beats_s * 2))
    grown = {name: np.resize(getattr(slow, name), 64) for name in ("density",)}
    loud = np.where(np.arange(64) // 16 == 1, 0.3, 0.1)
    slow = replace(slow, loudness=loud, emotion=np.repeat(slow.emotion, 2, axis=0), **grown)
    assert pauses(slow) == [(31, 32)]
    assert pauses(plan_of(labels, loudness=0.1)) == []


def test_phrases_of_calm_music_without_drums_part() -> None:
    labels = ("A", "B", "C", "D")
    assert pauses(plan_of(labels, mood="sad")) == [(15, 16), (31, 32), (47, 48)]
    assert pauses(plan_of(labels, "band", "sad")) == []
    assert pauses(plan_of(labels, mood="exciting")) == []
    close = plan_of(labels, mood="sad")
    close = replace(close, phrases=tuple(Phrase(8 * i, f"a{i}", "open") for i in range(8)))
    spans = pauses(close)
    assert min(b[1] - a[1] for a, b in pairwise(spans)) >= 14


def test_no_pause_is_near_a_strong_cut_or_under_speech_or_before_the_final_chord() -> None:
    assert pauses(plan_of(cuts=(Cut(16.0, 1.0),))) == []
    assert pauses(plan_of(cuts=(Cut(16.0, 0.3),))) == [(31, 32)]
    assert pauses(replace(plan_of(), speech=(TimeSpan(15.0, 17.0),))) == []
    final = plan_of(("A", "A'"), sections=(Section(0, "sad", label="A"),))
    final = replace(final, sections=(*final.sections, Section(60, "sad", label="A'")))
    assert (59, 60) not in pauses(
        replace(final, phrases=(Phrase(0, "a1", "open"), Phrase(60, "a2", "open")))
    )
