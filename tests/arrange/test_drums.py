"""The drummer: with the bass, on the grid, into the cuts, and silent where the mood is calm."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.arrange import arrange, style_names
from amt.arrange.drums import (
    CLOSED_HAT,
    CRASH,
    HIGH_TOM,
    KICK,
    LOW_TOM,
    MIDDLE_TOM,
    RIDE,
    SNARE,
)
from amt.arrange.grooves import bar_steps, felt_steps
from amt.arrange.metre import backbeats, groups
from amt.arrange.styles import load_style
from amt.types import Arrangement, Cut, Note, Plan, Section, Song
from tests.arrange.plan_strategies import make_plan, moods, plans

FILL = (SNARE, HIGH_TOM, MIDDLE_TOM, LOW_TOM)
WITH_KIT = ("band", "synth", "lo-fi")


def drums_of(song: Song) -> tuple[Note, ...]:
    return tuple(note for track in song.tracks if track.is_drum for note in track.notes)


def bass_of(song: Song, style: str) -> tuple[Note, ...]:
    player = load_style(style).instrument("bass")
    assert player is not None
    return next((t.notes for t in song.tracks if t.name == player.name), ())


def lively(**wishes: object) -> Plan:
    return make_plan(32.0, **{"style": "band", "mood": "exciting", "density": 11.0} | wishes)


def test_the_styles_that_have_a_kit() -> None:
    assert tuple(n for n in style_names() if load_style(n).instrument("drums")) == WITH_KIT


@pytest.mark.parametrize("density", [9.0, 14.0])
def test_most_bass_drums_of_a_band_are_on_onsets_of_the_bass(density: float) -> None:
    shares = []
    for seed in range(6):
        song = arrange(lively(density=density, seed=seed))
        kicks = [note.start for note in drums_of(song) if note.pitch == KICK]
        bass = [note.start for note in bass_of(song, "band")]
        near = [min(abs(kick - onset) for onset in bass) <= 4 for kick in kicks]
        shares.append(np.mean(near))
    assert np.mean(shares) >= 0.6


def test_the_drum_machine_goes_on_through_the_backbeats() -> None:
    song = arrange(lively(style="synth", density=20.0))
    kicks = {note.start for note in drums_of(song) if note.pitch == KICK}
    beats = set(range(0, 56 * 480, 480))
    assert len(kicks & beats) >= 0.9 * len(beats)


def test_lo_fi_has_no_ride_and_a_late_snare() -> None:
    sections = (Section(0, "exciting"), Section(32, "exciting"))
    drums = drums_of(arrange(lively(style="lo-fi", density=20.0, sections=sections)))
    assert not [note for note in drums if note.pitch == RIDE]
    late = [note.start % 480 for note in drums if note.pitch == SNARE and note.velocity > 50]
    assert np.isin(late, range(14, 20)).mean() >= 0.5, "16 ms at 120 bpm, swung"


def test_grooves_fit_bars_and_feels() -> None:
    for beats in range(1, 9):
        assert len(bar_steps(beats)) == 4 * beats
        for feel in ("half", "normal", "double"):
            steps = felt_steps(beats, feel, 1)
            assert all(0 <= i < 4 * beats and 0 <= step < 16 for i, step in steps.items())
    assert [*felt_steps(4, "half", 1).items()][:2] == [(0, 8), (2, 9)]
    assert felt_steps(4, "double", 0)[9] == 2


@settings(max_examples=40, deadline=None)
@given(plan=st.sampled_from(WITH_KIT).flatmap(plans))
def test_leaving_the_drums_out_leaves_the_rest_as_it_is(plan: Plan) -> None:
    without_drums = replace(plan, arrangement=Arrangement(drums=False))
    with_drums, without = arrange(plan), arrange(without_drums)
    assert not drums_of(without)
    assert tuple(t for t in with_drums.tracks if not t.is_drum) == without.tracks


@settings(max_examples=40, deadline=None)
@given(plan=st.sampled_from(WITH_KIT).flatmap(plans))
def test_drums_keep_to_the_music_and_never_double(plan: Plan) -> None:
    song = arrange(plan)
    drums = drums_of(song)
    assert all(0 <= n.start < n.end <= song.end and 1 <= n.velocity <= 127 for n in drums)
    for key in {note.pitch for note in drums}:
        hits = [note for note in drums if note.pitch == key]
        assert all(a.end <= b.start for a, b in pairwise(hits))


@pytest.mark.parametrize("beats_per_bar", range(2, 9))
def test_the_backbeat_suits_the_metre(beats_per_bar: int) -> None:
    song = arrange(lively(beats_per_bar=beats_per_bar, every=beats_per_bar, chords="Am F"))
    bar = 480 * beats_per_bar
    places = [note.start % bar / 480 for note in drums_of(song) if note.pitch in (SNARE, 37)]
    for beat in backbeats(beats_per_bar):
        assert places.count(beat) > 0.8 * (song.end // bar - 2)
    assert 0.0 not in places


@given(st.integers(1, 255))
def test_bars_fall_into_groups_of_two_or_three(beats: int) -> None:
    assert sum(groups(beats)) == beats
    assert beats == 1 or set(groups(beats)) <= {2, 3}
    assert all(0 < beat < beats for beat in backbeats(beats))


def test_more_density_means_busier_drums() -> None:
    counts = [len(drums_of(arrange(lively(density=density)))) for density in (4, 9, 16)]
    assert counts == sorted(counts)
    assert counts[0] < 0.7 * counts[-1]


def test_a_fill_leads_into_a_strong_cut_and_a_crash_lands_on_it() -> None:
    plan = lively()
    cut = replace(plan, cuts=(Cut(16.0, 1.0),))
    tick = 32 * 480
    plain, struck = drums_of(arrange(plan)), drums_of(arrange(cut))
    assert [n.start for n in struck if n.pitch == CRASH] == [tick]
    assert not [n for n in plain if n.pitch == CRASH]
    last_beat = range(tick - 480, tick)
    assert len([n for n in struck if n.start in last_beat and n.pitch in FILL]) >= 3
    assert not [n for n in struck if n.start in last_beat and n.pitch == CLOSED_HAT]
    assert any(n.start == tick and n.pitch == KICK for n in struck)
    weak = replace(plan, cuts=(Cut(16.0, 0.2),))
    assert not [n for n in drums_of(arrange(weak)) if n.pitch == CRASH]


@pytest.mark.parametrize("mood", ["sad", "relaxing"])
def test_calm_music_has_no_drums(mood: str) -> None:
    assert not drums_of(arrange(lively(mood=mood)))


def test_drums_enter_with_the_mood() -> None:
    emotion = np.concatenate([moods(16, "relaxing"), moods(16, "exciting")])
    sections = (Section(0, "relaxing"), Section(32, "exciting"))
    song = arrange(replace(lively(), emotion=emotion, sections=sections))
    assert drums_of(song)[0].start == 32 * 480
    assert {n.pitch for n in drums_of(song) if n.start == 32 * 480} >= {CRASH, KICK}


def test_thin_music_has_no_drums() -> None:
    assert not drums_of(arrange(lively(density=1.0)))


def test_louder_music_has_louder_drums() -> None:
    song = arrange(lively(loudness=np.repeat([0.05, 0.3], 16)))
    halves = [[n.velocity for n in drums_of(song) if (n.start < 15360) == s] for s in (1, 0)]
    assert np.mean(halves[0]) + 15 < np.mean(halves[1])


def test_the_seed_changes_fills_and_ghosts() -> None:
    plan = lively(density=15, cuts=(Cut(16.0, 1.0),))
    one, two = (
        [(n.start, n.pitch) for n in drums_of(arrange(replace(plan, seed=seed)))] for seed in (1, 2)
    )
    assert one != two


def test_the_last_chord_rings_alone() -> None:
    song = arrange(lively())
    assert max(note.start for note in drums_of(song)) < song.end - 4 * 480


def test_a_hit_in_the_last_sixteenth_ends_with_the_music() -> None:
    plan = make_plan(
        1.0625, bpm=60, beats_per_bar=1, chords="C N", every=1, key="C major", style="lo-fi",
        mood="exciting", sections=(Section(0, "exciting"), Section(1, "exciting")),
    )  # fmt: skip
    song = arrange(plan)
    assert drums_of(song)
    assert all(note.end <= song.end for note in drums_of(song))


def test_a_style_says_how_calm_its_drums_may_be() -> None:
    assert drums_of(arrange(lively(style="lo-fi", mood="relaxing")))
