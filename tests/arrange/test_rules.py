"""What the parts of an arrangement do where no single constant decides it, and how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from amt.arrange import arrange, drums, lead_ins, load_style, phrasing
from amt.arrange.form import form_of
from amt.arrange.metre import backbeats
from amt.arrange.score import write_score
from amt.types import Accent, Cut, Note, Plan, Section
from tests.arrange.plan_strategies import make_plan, moods
from tests.arrange.test_patterns import tracks_of

BEAT = 480
TURNS = make_plan(64, density=14, chords="Am F C G", mood="neutral", style="acoustic")
"""A chord per bar at 120 bpm, busy enough for a bass on every beat, which walks."""


def bass_of(plan: Plan) -> list[Note]:
    return list(tracks_of(arrange(plan), plan.style)["bass"])


def kit(plan: Plan) -> list[Note]:
    return [note for track in arrange(plan).tracks if track.is_drum for note in track.notes]


def lively(**wishes: object) -> Plan:
    return make_plan(32.0, **{"style": "band", "mood": "exciting", "density": 16.0} | wishes)


def share(holds: Sequence[bool]) -> float:
    return float(np.mean(list(holds)))


def test_the_bass_approaches_the_next_root_by_the_key_even_from_afar() -> None:
    plan = make_plan(64, density=14, chords="C F", key="C major", seed=3, style="acoustic")
    leading = [a for a, b in pairwise(bass_of(plan)) if b.start % (4 * BEAT) == 0][:-1]
    assert {note.pitch % 12 for note in leading} <= set(plan.key.scale)


def test_the_bass_approaches_the_next_root_by_a_step_of_the_key() -> None:
    notes = bass_of(TURNS)
    turns = [(a, b) for a, b in pairwise(notes) if b.start % (4 * BEAT) == 0][:-1]
    walked = [
        (a, b) for a, b in turns if b.start - a.start <= BEAT and a.pitch % 12 != b.pitch % 12
    ]
    assert len(walked) >= 0.6 * len(turns)
    assert share([abs(a.pitch - b.pitch) <= 2 for a, b in walked]) == 1
    assert share([a.pitch % 12 in TURNS.key.scale for a, _ in walked]) == 1


def test_the_bass_alternates_roots_and_fifths() -> None:
    plan = make_plan(64, density=6, chords="Am", every=1000, style="acoustic")
    classes = [note.pitch % 12 for note in bass_of(plan)]
    assert classes.count(4) >= 0.2 * len(classes)
    assert set(classes) == {9, 4}


def test_the_bass_falls_an_octave_for_the_final_chord() -> None:
    notes = bass_of(make_plan(16, density=6, chords="Am", every=1000))
    assert notes[-1].pitch < np.mean([note.pitch for note in notes[:-1]])


def test_voices_that_stay_are_tied_in_the_pad() -> None:
    plan = make_plan(32, density=6, chords="Am F C Am7", style="strings")
    score = write_score(plan, load_style("strings"))
    voices = sum(len(voicing) for voicing in score.pad)
    assert len(score.pad_notes()) <= 0.8 * voices
    starts = [start for start, _, _ in score.pad_notes()]
    phrases = [starts.count(bar * 4 * BEAT) for bar in (0, 4, 8, 12)]
    assert phrases == [len(score.pad[0])] * 4, "a phrase begins with a whole chord"


def test_long_chords_are_broken_and_strong_cuts_are_block_chords() -> None:
    plan = make_plan(32, density=4.0, chords="Am F C G", cuts=(Cut(16.0, 1.0),))
    onsets = write_score(plan, load_style("piano")).chord_onsets()
    sizes = {onset.start: len(onset.pitches) for onset in onsets}
    assert sizes[32 * BEAT] == 4
    assert share([size <= 2 for tick, size in sizes.items() if tick != 32 * BEAT]) > 0.9


def test_the_final_chord_is_broken_in_calm_music_and_a_block_in_busy_music() -> None:
    def onsets(density: float) -> int:
        plan = make_plan(16, density=density, chords="Am", every=1000)
        ending = form_of(plan).ending
        return len(
            {n.start for n in tracks_of(arrange(plan), "piano")["harmony"] if n.start >= ending}
        )

    assert onsets(1.0) >= 2
    assert onsets(20.0) == 1


def test_the_final_chord_is_followed_by_an_arpeggio_in_busy_music_alone() -> None:
    def notes(density: float) -> int:
        plan = make_plan(16, density=density, chords="Am", every=1000)
        ending = form_of(plan).ending
        return sum(n.start >= ending for n in tracks_of(arrange(plan), "piano").get("arpeggio", ()))

    assert notes(8.0) >= 3
    assert notes(1.0) == 0


def test_a_strong_cut_frees_the_texture() -> None:
    density = np.repeat([1.0, 25.0], [14, 18])
    plan = make_plan(32, density=density, chords="Am F", every=4)
    cut = replace(plan, cuts=(Cut(14.0, 1.0),))

    def level(chosen: Plan) -> int:
        score = write_score(chosen, load_style("piano"))
        return score.textures[score.form.cell_index(28 * BEAT)].level

    assert level(cut) >= level(plan) + 1


def test_the_backbeat_has_no_bass_drum_until_the_music_is_busy() -> None:
    def on_backbeats(density: float) -> float:
        kicks = [
            n.start % (4 * BEAT) // BEAT
            for n in kit(lively(density=density, mood="neutral"))
            if n.pitch == drums.KICK and n.start % BEAT == 0
        ]
        return share([beat in backbeats(4) for beat in kicks])

    assert on_backbeats(8.0) == 0
    assert on_backbeats(30.0) >= 0.2


def test_a_bass_note_on_a_backbeat_has_no_bass_drum_until_the_music_is_busy() -> None:
    plan = lively(density=8.0, mood="neutral", accents=(Accent(16.5, 1.0),))
    assert any(note.start == 33 * BEAT for note in bass_of(plan))
    assert not any(n.start == 33 * BEAT and n.pitch == drums.KICK for n in kit(plan))


def test_notes_off_the_beat_stray_by_a_few_milliseconds() -> None:
    ticks = [n.start for n in tracks_of(arrange(TURNS), "acoustic")["arpeggio"]]
    strays = {(tick + 60) % 120 - 60 for tick in ticks}
    assert 2 <= max(strays) <= 5
    assert -5 <= min(strays) <= -2


def test_thin_music_has_the_rim_and_fuller_music_the_snare() -> None:
    keys = {
        density: {n.pitch for n in kit(lively(density=density, mood="neutral"))}
        for density in (4.0, 16.0)
    }
    assert drums.RIM in keys[4.0] and drums.SNARE not in keys[4.0]
    assert drums.SNARE in keys[16.0] and drums.RIM not in keys[16.0]


def test_hats_subdivide_with_the_level_and_open_every_second_bar() -> None:
    def hats(density: float, key: int = drums.CLOSED_HAT) -> float:
        plan = lively(density=density, mood="neutral")
        return sum(n.pitch == key for n in kit(plan)) / 15

    assert hats(4.0) == pytest.approx(4, abs=0.5)
    assert hats(9.0) == pytest.approx(8, abs=1)
    assert hats(30.0) > 12
    assert hats(16.0, drums.OPEN_HAT) >= 0.4


def test_every_second_section_has_the_ride_cymbal() -> None:
    plan = lively(sections=(Section(0, "exciting"), Section(32, "exciting")))
    rides = [n.start for n in kit(plan) if n.pitch == drums.RIDE]
    assert len(rides) > 30
    assert min(rides) >= 32 * BEAT


def test_drums_are_silent_in_calm_phrases_alone() -> None:
    emotion = np.concatenate([moods(16, "exciting"), moods(16, "sad")])
    starts = [note.start for note in kit(replace(lively(), emotion=emotion))]
    assert len([tick for tick in starts if tick < 32 * BEAT]) > 100
    assert not [tick for tick in starts if tick > 32 * BEAT]


def test_pads_lie_behind_and_basses_in_front() -> None:
    plan = make_plan(32, density=9, chords="Am F C G", style="strings")
    means = {
        role: np.mean([n.velocity for n in notes])
        for role, notes in tracks_of(arrange(plan), "strings").items()
    }
    assert means["pad"] < means["harmony"] - 3 < means["bass"] - 6


def test_a_style_of_less_accent_has_a_smaller_crescendo() -> None:
    def rise(style: str) -> int:
        plan = make_plan(16, density=6, chords="Am", every=1000, style=style, cuts=(Cut(8.0, 1.0),))
        controls = [c for c in arrange(plan).tracks[0].controls if c.number == 11]
        return max(c.value for c in controls) - controls[0].value

    assert rise("orchestral") >= rise("ambient") + 4 >= 8


def test_more_volume_in_the_plan_moves_expression_inside_a_held_chord(monkeypatch) -> None:
    monkeypatch.setattr(phrasing, "ARCH_DB", 0.0)
    loudness = np.linspace(0.02, 0.4, 16)
    plan = make_plan(
        16, density=1.0, chords="Am", every=1000, loudness=loudness, style="orchestral"
    )
    strings = next(track for track in arrange(plan).tracks if track.program == 48)
    values = [c.value for c in strings.controls if c.number == 11]
    assert values[-1] - values[0] >= 30
    assert all(a < b for a, b in pairwise(values))


def test_silence_is_soft() -> None:
    silent, loud = (
        np.mean([n.velocity for n in bass_of(make_plan(16, density=6, loudness=rms))])
        for rms in (0.0, 0.3)
    )
    assert silent < loud - 50


def test_a_beat_of_rest_precedes_a_strong_cut_that_begins_a_section(monkeypatch) -> None:
    """Where the cut is weak, or no section begins on it, the music goes on."""

    def options(*, begins_section: bool, **_: bool) -> tuple[str]:
        return ("break",) if begins_section else ("plain",)

    monkeypatch.setattr(lead_ins, "_options", options)
    strong = Cut(8.0, 0.9)
    sections = (Section(0, "neutral"), Section(16, "neutral"))
    plan = make_plan(24.0, density=8.0, cuts=(strong,), sections=sections)
    rest = range(15 * 480, 16 * 480)

    def sounding(plan: Plan) -> bool:
        return any(
            note.start < rest.stop - 10 and note.end > rest.start + 40
            for track in arrange(plan).tracks
            for note in track.notes
        )

    assert not sounding(plan)
    assert sounding(replace(plan, cuts=(Cut(8.0, 0.5),)))
    assert sounding(replace(plan, sections=()))
