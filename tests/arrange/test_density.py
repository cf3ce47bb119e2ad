"""The accompaniment has as many notes in every beat as the plan's density leaves for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from amt.arrange import lead_ins
from amt.arrange.density import with_density
from amt.arrange.score import Score, write_score
from amt.arrange.styles import load_style
from amt.arrange.tracks import crescendi_of
from amt.types import Arrangement, Cut, Entry, Note, Plan, TimeSpan, Track
from tests.arrange.plan_strategies import make_plan

BEAT = 480
BEATS = 32


def plan_of(density: float, style: str = "piano", **wishes: object) -> Plan:
    """Sixteen seconds at 120 BPM, so a beat has half as many notes as a second."""
    given = {"chords": "Am F C G", "style": style, "density": density}
    plan = make_plan(16, **{**given, **wishes})  # type: ignore[arg-type]
    return replace(plan, arrangement=Arrangement("neural"))


def name_of(score: Score, role: str) -> str:
    player = score.style.instrument(role)
    assert player is not None
    return player.name


def fitted(
    plan: Plan, places: tuple[int, ...], pitches: tuple[int, ...], melody: int = 84
) -> list[Note]:
    """The accompaniment after chords at places of every beat, in sixteenths, under long notes."""
    score = write_score(plan, load_style(plan.style))
    swing = score.style.swing
    chords = [
        Note(beat * BEAT + round(place * 120 * (2 * swing if place == 2 else 1)), pitch,
             (beat * 4 + place + 1) * 120, 70)
        for beat in range(BEATS) for place in places for pitch in pitches
    ]  # fmt: skip
    lead = [Note(beat * BEAT, melody, (beat + 4) * BEAT, 90) for beat in range(0, BEATS, 4)]
    tracks = [
        Track(name_of(score, "melody"), 0, tuple(lead)),
        Track(name_of(score, "accompaniment"), 0, tuple(sorted(chords))),
    ]
    kept, found = with_density(plan, score, tracks)
    assert kept == tracks[0]
    return list(found.notes)


def per_beat(notes: list[Note]) -> list[int]:
    counts = Counter(note.start // BEAT for note in notes)
    return [counts[beat] for beat in range(BEATS)]


@pytest.mark.parametrize("density", [6.0, 12.0, 18.0])
def test_every_beat_has_about_as_many_notes_as_the_plan_asks_for(density: float) -> None:
    for places in ((0,), (0, 1, 2, 3)):
        counts = per_beat(fitted(plan_of(density), places, (57, 60, 64)))[:28]
        assert np.mean(counts) == pytest.approx(density / 2 - 0.25, abs=1.1)
    assert per_beat(fitted(plan_of(7.0), (0,), (57, 60, 64)))[1:4] == [3, 3, 3]  # near enough


def test_added_notes_are_of_the_chord_and_leave_room_for_melody_and_bass() -> None:
    plan = plan_of(16.0)
    form = write_score(plan, load_style("piano")).form
    for note in (found := fitted(plan, (0,), (57,), melody=64)):
        if (note.start % BEAT, note.pitch) != (0, 57):
            assert note.pitch % 12 in form.tones_at(note.start)
            assert 48 <= note.pitch <= 64 - 3
            assert note.end <= form.regions[form.region_at(note.start)].end
    assert len(found) > 3 * BEATS
    together = [sorted(n.pitch for n in found if n.start == tick) for tick in range(0, 9600, 120)]
    assert max(map(len, together)) <= 4
    assert min(b - a for chord in together for a, b in pairwise(chord)) >= 3


def test_notes_are_added_on_eighths_before_sixteenths_and_with_the_swing_of_the_style() -> None:
    added = {note.start % BEAT for note in fitted(plan_of(5.0), (0,), (57,))}
    assert added == {0, 240, 360}
    lofi = load_style("lo-fi")
    swung = {n.start % BEAT for n in fitted(plan_of(5.0, "lo-fi"), (0,), (57,))} - {0}
    assert round(480 * lofi.swing) in swung and 240 not in swung


def test_inner_voices_go_first_and_downbeats_last() -> None:
    found = fitted(plan_of(10.0), (0, 2), (57, 60, 64, 69))
    off_beat = [n.pitch for n in found if n.start % BEAT and n.start < 20 * BEAT]
    assert set(off_beat) == {57, 69}
    downbeat = [n.pitch for n in found if n.start == 4 * BEAT]
    assert len(downbeat) == 4


def test_what_a_removed_note_interrupted_is_held() -> None:
    found = fitted(plan_of(2.0), (0, 1, 2, 3), (57,))
    lone = [n for n in found if n.start // BEAT == 5]
    assert len(lone) <= 2
    assert sum(n.end - n.start for n in lone) == BEAT


def test_hits_keep_their_notes_and_rests_stay_silent() -> None:
    plan = plan_of(2.0, cuts=(Cut(8.0, 1.0),))
    score = write_score(plan, load_style("piano"))
    found = fitted(plan, (0, 1, 2, 3), (57, 60, 64))
    assert {n.pitch for n in found if n.start == 16 * BEAT} >= {57, 60, 64}
    busy = fitted(replace(plan, density=np.full(16, 16.0)), (0,), (57,))
    new = [n for n in busy if n.start % BEAT or n.pitch != 57]
    assert not [n for n in new if 15 * BEAT < n.start < 16 * BEAT]
    for start, end in score.form.rests():
        assert not [n for n in new if n.start < end and n.end > start]


def test_nothing_is_added_under_speech_in_rests_of_the_role_and_in_the_ending() -> None:
    plan = plan_of(16.0, seed=3)
    spoken = replace(plan, speech=(TimeSpan(4.0, 8.0),))
    assert per_beat(fitted(spoken, (0,), (57,)))[8:16] == [1] * 8
    resting = replace(plan, entries=(Entry(8, ("accompaniment",)), Entry(16, ())))
    counts = per_beat(fitted(resting, (0,), (57,)))
    assert counts[8:16] == [1] * 8 and min(counts[1:8]) > 3 and counts[28:] == [1] * 4


def test_doublings_of_an_orchestra_are_not_paid_for_by_its_accompaniment() -> None:
    plan = plan_of(4.0, "symphonic")
    score = write_score(plan, load_style("symphonic"))
    chords = tuple(Note(b * BEAT, 57 + v, (b + 1) * BEAT, 70) for b in range(32) for v in (0, 3))
    doubled = tuple(Note(b * BEAT, 72 + v, (b + 1) * BEAT, 70) for b in range(32) for v in range(9))
    tracks = [Track(name_of(score, "accompaniment"), 46, chords), Track("Tutti", 48, doubled)]
    assert len(with_density(plan, score, tracks)[0].notes) >= len(chords) - 8


def test_struck_instruments_grow_into_a_strong_cut_by_notes_and_by_velocity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def only_plain(**_: bool) -> tuple[lead_ins.Kind, ...]:
        return ("plain",)

    monkeypatch.setattr(lead_ins, "_options", only_plain)
    plan = plan_of(8.0, cuts=(Cut(10.0, 1.0),))
    counts = per_beat(fitted(plan, (0,), (57,)))
    assert counts[18] + counts[19] >= 1.3 * 2 * np.mean(counts[4:16])

    def rise(style: str) -> float:
        """Growth of the crescendo's peak in dB of the first instrument of a style."""
        score = write_score(replace(plan, style=style), load_style(style))
        player = score.style.instruments[0]
        return max(c.peak_db for c in crescendi_of(score, player)) / score.style.accent

    assert rise("piano") >= 1.4 * rise("strings")
