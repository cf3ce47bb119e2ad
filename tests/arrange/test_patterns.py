"""Arrangements: right notes, right length, as busy and as loud as the plan asks."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amt.arrange import arrange, style_names
from amt.arrange.dynamics import DECAYING_PROGRAMS
from amt.arrange.styles import PATTERN_ROLES, load_style
from amt.chords import parse_chord
from amt.errors import InputError, PlanError
from amt.midi import read_midi, write_midi
from amt.plan import plan_from_json, plan_to_json
from amt.types import EMOTIONS, Accent, ChordSpan, Cut, FloatArray, Plan, Section, Song, TimeGrid
from tests.arrange.plan_strategies import make_plan, moods, plans

ANY_PLAN = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


ENSEMBLES = tuple(name for name in style_names() if not load_style(name).parts)
"""Styles in which one instrument plays a role; the doublings of orchestras are tested by
themselves."""


def onsets_s(song: Song, grid: TimeGrid) -> FloatArray:
    pitched = [track for track in song.tracks if not track.is_drum]
    ticks = sorted(note.start for track in pitched for note in track.notes)
    return np.asarray(grid.seconds_at(np.array(ticks) / 480))


def tracks_of(song: Song, style: str) -> dict[str, tuple]:
    players = load_style(style).instruments
    roles = {player.name: player.role for player in players if player.role in PATTERN_ROLES}
    return {roles[track.name]: track.notes for track in song.tracks if not track.is_drum}


@ANY_PLAN
@given(plan=plans())
def test_harmony_and_figures_hold_chord_tones_only(plan: Plan) -> None:
    song = arrange(plan)
    starts = [span.beat * 480 for span in plan.chords]
    changes = [0, *(b.beat * 480 for a, b in pairwise(plan.chords) if a.chord != b.chord)]
    for role, notes in tracks_of(song, plan.style).items():
        for note in notes:
            sounding = plan.chords[int(np.searchsorted(starts, note.start, side="right")) - 1]
            if role != "bass":
                assert note.pitch % 12 in sounding.chord.pitch_classes
            elif note.start in changes:
                tonic = plan.key_at(note.start / 480).tonic
                root, third = (*sounding.chord.pitch_classes[:2], tonic, None)[:2]
                given = sounding.bass
                assert note.pitch % 12 in ((root, third) if given is None else (given,))


@ANY_PLAN
@given(plan=plans())
def test_a_note_outlasts_its_chord_only_into_one_that_has_it(plan: Plan) -> None:
    song = arrange(plan)
    changes = {b.beat * 480: b.chord for a, b in pairwise(plan.chords) if a.chord != b.chord}
    for role, notes in tracks_of(song, plan.style).items():
        for note in notes:
            for tick, chord in changes.items():
                if note.start < tick < note.end:
                    assert role == "pad"
                    assert note.pitch % 12 in chord.pitch_classes


@ANY_PLAN
@given(plan=plans())
def test_the_music_ends_with_the_clip(plan: Plan, tmp_path: Path) -> None:
    song = arrange(plan)
    path = tmp_path / "song.mid"
    write_midi(song, path)
    assert read_midi(path) == song
    last = max(note.end for track in song.tracks for note in track.notes)
    assert last == song.end
    import mido

    assert abs(mido.MidiFile(path).length - plan.grid.duration_s) < 0.002


@ANY_PLAN
@given(plan=plans())
def test_a_plan_and_its_file_are_arranged_to_the_same_bytes(plan: Plan, tmp_path: Path) -> None:
    write_midi(arrange(plan), tmp_path / "one.mid")
    write_midi(arrange(plan_from_json(plan_to_json(plan))), tmp_path / "two.mid")
    assert (tmp_path / "one.mid").read_bytes() == (tmp_path / "two.mid").read_bytes()


@pytest.mark.parametrize("style", ENSEMBLES)
def test_notes_keep_to_the_range_of_their_instrument(style: str) -> None:
    plan = make_plan(60, style=style, density=np.linspace(1, 30, 60), mood="exciting")
    players = [p for p in load_style(style).instruments if p.role in PATTERN_ROLES]
    for player, track in zip(players, arrange(plan).tracks, strict=True):
        assert track.program == player.program
        assert all(player.low <= note.pitch <= player.high for note in track.notes)
        volumes = [c for c in track.controls if c.number in (7, 10)]
        assert [(c.tick, c.value) for c in volumes] == [(0, player.volume), (0, player.pan)]


@pytest.mark.parametrize("style", ENSEMBLES)
@pytest.mark.parametrize(("bpm", "beats_per_bar"), [(66, 4), (96, 3), (120, 4), (150, 5), (84, 2)])
def test_more_density_means_more_notes(style: str, bpm: float, beats_per_bar: int) -> None:
    counts = [
        onsets_s(arrange(plan), plan.grid).size / 32
        for plan in (
            make_plan(32, bpm=bpm, beats_per_bar=beats_per_bar, density=d, style=style)
            for d in (1, 4, 7, 11, 16)
        )
    ]
    assert counts == sorted(counts)
    for asked, came in zip((7, 11), counts[2:], strict=False):
        assert came == pytest.approx(asked, rel=0.25)


@pytest.mark.parametrize("bpm", [64, 80, 100, 120, 150])
@pytest.mark.parametrize("style", ["piano", "orchestral", "band"])
def test_notes_a_second_follow_the_density_curve(style: str, bpm: float) -> None:
    seconds = np.arange(60)
    density = 10 + 8 * np.sin(2 * np.pi * seconds / 30) + 1.5 * np.sin(seconds)
    plan = make_plan(60, bpm=bpm, density=density, style=style)
    came, _ = np.histogram(onsets_s(arrange(plan), plan.grid), np.arange(61))
    smooth = np.ones(3) / 3
    smoothed = np.convolve(came, smooth, "valid")[:-2]
    asked = np.convolve(density, smooth, "valid")[:-2]
    assert np.corrcoef(came[:-3], density[:-3])[0, 1] > 0.75
    assert np.corrcoef(smoothed, asked)[0, 1] > 0.9
    assert came.sum() / density.sum() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    ("style", "carriers"), [("piano", ["velocity"]), ("ambient", ["velocity", "expression"])]
)
def test_louder_seconds_have_higher_velocities_and_expression(
    style: str, carriers: list[str]
) -> None:
    """Of instruments whose notes decay the velocities alone."""
    loudness = np.repeat([0.03, 0.1, 0.3], 10)
    song = arrange(make_plan(30, loudness=loudness, style=style))
    sustained = [track for track in song.tracks if track.program not in DECAYING_PROGRAMS]
    for track in song.tracks if style == "piano" else sustained:
        for wanted in carriers:
            values: list[list[int]] = [[], [], []]
            if wanted == "velocity":
                for note in track.notes:
                    values[min(note.start // 9600, 2)].append(note.velocity)
            else:
                for c in (c for c in track.controls if c.number == 11):
                    values[min(c.tick // 9600, 2)].append(c.value)
            means = [np.mean(v) for v in values]
            assert means[0] + 4 < means[1] < means[2] - 4


def test_excited_music_is_higher_and_shorter_than_sad_music() -> None:
    sad, excited = (
        tracks_of(arrange(make_plan(32, mood=mood, density=12)), "piano")
        for mood in ("sad", "exciting")
    )
    for role in ("harmony", "arpeggio"):
        assert np.mean([n.pitch for n in excited[role]]) > np.mean([n.pitch for n in sad[role]]) + 2
    lengths = [
        np.mean([n.end - n.start for n in notes["arpeggio"][:-4]]) for notes in (sad, excited)
    ]
    assert lengths[1] < 0.9 * lengths[0]


@pytest.mark.parametrize("style", style_names())
@pytest.mark.parametrize("duration_s", [16.0, 17.3, 23.9, 30.4])
def test_the_last_bar_settles(style: str, duration_s: float) -> None:
    song = arrange(make_plan(duration_s, style=style, density=15))
    ringing = [n for t in song.tracks for n in t.notes if n.end == song.end]
    assert len(ringing) >= 5
    quiet_from = song.end - (song.end - min(n.start for n in ringing if n.pitch < 60)) // 3
    assert not [n for t in song.tracks for n in t.notes if n.start > quiet_from]
    assert {n.pitch % 12 for n in ringing} <= set(make_chord_at_end(duration_s))


def make_chord_at_end(duration_s: float) -> tuple[int, ...]:
    return make_plan(duration_s).chords[-1].chord.pitch_classes


@pytest.mark.parametrize("style", style_names())
def test_half_a_second_is_one_chord(style: str) -> None:
    song = arrange(make_plan(0.5, chords="Am", style=style))
    assert all(n.end == song.end for track in song.tracks for n in track.notes)
    assert {n.pitch % 12 for track in song.tracks for n in track.notes} == {9, 0, 4}


@pytest.mark.parametrize("style", style_names())
def test_no_chord_leaves_a_pedal_on_the_tonic(style: str) -> None:
    song = arrange(make_plan(20, chords="N", style=style, density=20))
    assert {note.pitch % 12 for track in song.tracks for note in track.notes} == {9}
    assert len(song.tracks) <= 3  # of an orchestra, cellos and bassoon double the basses
    bass = song.tracks[-1]
    assert bass.notes[0].start == 0
    assert bass.notes[-1].end == song.end


def test_a_strong_cut_is_struck_on_time() -> None:
    plan = make_plan(24, density=2, chords="Am", every=100)
    cut = Cut(5.01, 1.0)
    hit = arrange(replace(plan, cuts=(cut,)))
    tick = 10 * 480
    for role in ("harmony", "bass"):
        plain = [n for n in tracks_of(arrange(plan), "piano")[role] if n.start == tick]
        struck = [n for n in tracks_of(hit, "piano")[role] if n.start == tick]
        assert len(plain) <= 1
        assert len(struck) >= len(plain) + (3 if role == "harmony" else 1)
    weak = arrange(replace(plan, cuts=(replace(cut, strength=0.2),)))
    assert weak.tracks[0].notes == arrange(plan).tracks[0].notes


@pytest.mark.parametrize("style", style_names())
def test_a_strong_cut_is_louder_than_what_is_around_it(style: str) -> None:
    """Velocity and CC 11 together: the crescendo does not take away what the accent gives."""
    plan = make_plan(24, density=10, style=style, cuts=(Cut(12.0, 1.0),), chords="Am F")
    song = arrange(plan)
    seconds = np.array([9.0, 12.0, 15.0])

    def loudest(time_s: float) -> float:
        tick, power = round(time_s * 960), 0.0
        for track in song.tracks:
            levels = [c for c in track.controls if c.number == 11 and c.tick <= tick]
            struck = [n.velocity * levels[-1].value for n in track.notes if n.start == tick]
            power = max(power, *struck, 0)
        return power

    before, hit, after = map(loudest, seconds)
    assert hit > 1.15 * max(before, after)
    assert hit > 0


def test_an_accent_inside_a_shot_is_stressed_as_far_as_the_style_says(tmp_path: Path) -> None:
    plan = make_plan(24, density=8, chords="Am", every=100)
    stressed = replace(plan, accents=(Accent(5.1, 1.0),))
    assert plan_from_json(plan_to_json(stressed)).accents == stressed.accents

    def mean_velocity(chosen: Plan) -> float:
        song = arrange(chosen)
        return float(np.mean([n.velocity for t in song.tracks for n in t.notes if n.start == 4800]))

    assert mean_velocity(stressed) > mean_velocity(plan) + 4
    path = tmp_path / "even.toml"
    roles = """[roles.harmony]
name = "Piano"
program = 0
low = 48
high = 84
volume = 90
pan = 64
gate = 1.0
"""
    path.write_text("accent = 0.0\n" + roles)
    even = [arrange(replace(p, style=str(path))).tracks[0].controls for p in (plan, stressed)]
    assert even[0] == even[1]


def test_a_section_stands_out_by_its_register() -> None:
    plan = make_plan(64, chords="Am F", sections=(Section(0, "sad"), Section(64, "sad")))
    heights = []
    for seed in range(6):
        figures = tracks_of(arrange(replace(plan, seed=seed)), "piano")["arpeggio"]
        halves = [[n.pitch for n in figures if (n.start >= 64 * 480) == late] for late in (0, 1)]
        heights.append(abs(np.mean(halves[0]) - np.mean(halves[1])))
    assert np.mean(heights) > 1.5


@pytest.mark.parametrize("style", ["piano", "orchestral", "ambient"])
def test_figures_move_by_two_notes_a_beat_at_most_inside_a_phrase(style: str) -> None:
    from amt.arrange.score import write_score

    density = 9 + 7 * np.sin(np.arange(60) / 3)
    plan = make_plan(60, density=density, style=style)
    score = write_score(plan, load_style(style))
    last = score.form.ending // 480
    for beat in range(1, last):
        if (
            score.form.cell_at(beat * 480).start != beat * 480
            or score.form.cell_at(beat * 480).place
        ):
            assert abs(score.arpeggio_counts[beat] - score.arpeggio_counts[beat - 1]) <= 2


def test_notes_on_the_beat_are_exactly_there() -> None:
    song = arrange(make_plan(40, density=14, style="lo-fi"))
    pitched = [track for track in song.tracks if not track.is_drum]  # its snare is late on purpose
    off = {n.start % 480 for track in pitched for n in track.notes}
    near = {tick for tick in off if tick < 20 or tick > 460}
    assert near == {0}
    assert any(270 <= tick <= 290 for tick in off), "the off-beat eighth swings"
    assert not any(230 <= tick <= 250 for tick in off), "all of them do"


def test_figures_vary_from_phrase_to_phrase_and_with_the_seed() -> None:
    plan = make_plan(64, chords="Am", every=1000, density=8)
    figures = tracks_of(arrange(plan), "piano")["arpeggio"]
    phrases = [
        tuple(n.pitch for n in figures if start <= n.start < start + 7680)
        for start in range(0, 61440, 7680)
    ]
    assert len(set(phrases)) >= 4
    other = tracks_of(arrange(replace(plan, seed=plan.seed + 1)), "piano")["arpeggio"]
    assert [n.pitch for n in other] != [n.pitch for n in figures]


def test_the_level_moves_by_one_inside_a_phrase() -> None:
    from amt.arrange.score import write_score

    rng = np.random.default_rng(0)
    plan = make_plan(120, density=rng.uniform(0, 30, 30).repeat(4))
    score = write_score(plan, load_style("piano"))
    assert {texture.level for texture in score.textures} >= {2, 3, 4, 5}
    steps = zip(score.form.cells[1:], pairwise(score.textures), strict=True)
    assert all(abs(a.level - b.level) <= 1 for cell, (a, b) in steps if cell.place)


def test_markers_and_chord_names() -> None:
    plan = make_plan(
        8.0,
        chords="Bb Bb F Gm7",
        key="F major",
        cuts=(Cut(2.0, 0.8), Cut(3.25, 0.4, "dissolve"), Cut(6.0, 0.4, "fade")),
        sections=(Section(0, "sad"), Section(4, "exciting", label="A'")),
    )
    song = arrange(plan)
    assert [(m.tick, m.text) for m in song.markers] == [
        (0, "Section 1 (sad)"),
        (1920, "Section 2 A' (exciting)"),
        (1920, "Cut 1"),
        (3120, "Cut 2 (dissolve)"),
        (5760, "Cut 3 (fade)"),
    ]
    names = [(c.tick, c.text) for c in song.chord_names]
    assert names == [(0, "Bb"), (3840, "F"), (5760, "Gm7")]
    assert (song.title, song.key) == ("A clip", plan.key)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**63 - 1), st.sampled_from(style_names()))
def test_equal_plans_give_equal_songs(seed: int, style: str) -> None:
    plan = make_plan(12.7, seed=seed, style=style, density=9)
    assert arrange(plan) == arrange(plan)


def test_moods_change_along_the_clip() -> None:
    emotion = np.concatenate([moods(16, "sad"), moods(16, "exciting")])
    song = arrange(replace(make_plan(32, chords="Am F C G"), emotion=emotion))
    figures = tracks_of(song, "piano")["arpeggio"]
    sad, excited = ([n.pitch for n in figures if (n.start < 15360) == first] for first in (1, 0))
    assert np.mean(excited) > np.mean(sad)
    assert emotion.shape[1] == len(EMOTIONS)


def test_an_own_style_without_bass_or_figures_plays(tmp_path: Path) -> None:
    path = tmp_path / "lone.toml"
    path.write_text(
        '[roles.harmony]\nname = "Guitar"\nprogram = 24\nlow = 48\nhigh = 72\n'
        "volume = 100\npan = 64\ngate = 0.9\n"
    )
    song = arrange(make_plan(12, style=str(path)))
    assert [track.name for track in song.tracks] == ["Guitar"]
    assert song.tracks[0].notes[-1].end == song.end


def test_broken_plans_and_unknown_styles_are_refused() -> None:
    with pytest.raises(InputError, match="unknown style 'polka'"):
        arrange(make_plan(8, style="polka"))
    plan = make_plan(8)
    with pytest.raises(PlanError, match="chords must begin on beat 0"):
        arrange(replace(plan, chords=(ChordSpan(4, parse_chord("C")),)))
