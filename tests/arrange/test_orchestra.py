"""An orchestra's parts can be played, rest, double on purpose, and grow to the climax."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from amt import types
from amt.arrange import arrange
from amt.arrange.casting import Cast, casts
from amt.arrange.neural import arrange_neural
from amt.arrange.part_lines import ROLL_STEP_S, drum
from amt.arrange.parts import Part
from amt.arrange.playable import rested
from amt.arrange.score import write_score
from amt.arrange.styles import load_style
from amt.arrange.tracks import Draft
from amt.errors import InputError
from amt.types import TICKS_PER_BEAT, Cut, Note, Plan, Section, Song, TimeGrid, Track
from tests.arrange.plan_strategies import make_plan, moods, plans, steady
from tests.arrange.test_neural import quiet, tiny

FEW_PLANS = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
PARTS: dict[str, Part] = {part.name: part for part in reversed(load_style("symphonic").parts)}
SOFT, LOUD = 0.02, 0.35
"""RMS of a phrase of level 1 and of one of level 4."""
LEAST_REST_S = 0.05
"""A breath between quick notes."""


def growing() -> Plan:
    """A soft section, one of middle loudness, a loud one and a soft one, eight bars each."""
    plan = make_plan(
        64.0,
        chords="C F G7 C Am Dm G7 C",
        key="C major",
        style="symphonic",
        density=7.0,
        loudness=np.repeat([SOFT, 0.1, LOUD, SOFT], 16),
        sections=tuple(Section(beat, "neutral") for beat in (0, 32, 64, 96)),
        cuts=(Cut(32.0, 0.9),),
    )
    emotion = np.concatenate([moods(16, m) for m in ("relaxing", "sad", "exciting", "sad")])
    phrases = tuple(
        types.Phrase(beat, label, "authentic")
        for beat, label in zip((0, 32, 64, 96), "ABCA", strict=True)
    )
    return replace(plan, emotion=emotion, phrases=phrases)


GROWING = growing()
SONG = arrange_neural(GROWING, tiny())


def cast() -> tuple[Cast, ...]:
    return casts(GROWING, write_score(GROWING, load_style("symphonic")))


def inside(track: Track, phrase: Cast) -> list[Note]:
    return [n for n in track.notes if phrase.start - 10 <= n.start < phrase.end - 10]


def sounding(song: Song, phrase: Cast) -> list[str]:
    return [track.name for track in song.tracks if inside(track, phrase)]


def longest_stretch_s(notes: tuple[Note, ...], grid: TimeGrid) -> float:
    """Seconds of the longest stretch without a rest."""
    longest, begin, end = 0.0, 0.0, -1.0
    for note in notes:
        start_s, end_s = grid.seconds_at(np.array([note.start, note.end]) / TICKS_PER_BEAT)
        if start_s - end >= LEAST_REST_S:
            begin = float(start_s)
        end = max(end, float(end_s))
        longest = max(longest, end - begin)
    return longest


def most_at_once(notes: tuple[Note, ...]) -> int:
    events = sorted([(n.start, 1) for n in notes] + [(n.end, -1) for n in notes])
    return max(np.cumsum([change for _, change in events]).tolist(), default=0)


def check_playable(song: Song, plan: Plan) -> None:
    for track in song.tracks:
        part = PARTS[track.name]
        assert track.program == part.program
        assert all(part.low <= note.pitch <= part.high for note in track.notes), track.name
        if part.players:
            assert most_at_once(track.notes) <= part.players, track.name
        if part.breath:
            assert longest_stretch_s(track.notes, plan.grid) <= part.breath + 0.1, track.name
        if track.name == "Timpani":
            starts_s = plan.grid.seconds_at(np.array([n.start for n in track.notes]) / 480)
            assert (np.diff(starts_s) >= ROLL_STEP_S - 0.01).all()
            tonics = {plan.key_at(beat).tonic for beat in range(plan.grid.n_beats)}
            fifths = tonics | {(tonic + 7) % 12 for tonic in tonics}
            assert {note.pitch % 12 for note in track.notes} <= fifths
        if track.name == "Trombones":
            for one, other in pairwise(track.notes):
                near = other.start - one.end < TICKS_PER_BEAT
                assert not near or abs(other.pitch - one.pitch) <= 19


@FEW_PLANS
@given(plan=plans(style="symphonic"))
def test_patterns_give_parts_that_can_be_played(plan: Plan) -> None:
    check_playable(arrange(plan), plan)


@settings(FEW_PLANS, max_examples=5)
@given(plan=plans(style="symphonic").map(quiet))
def test_the_network_gives_parts_that_can_be_played(plan: Plan) -> None:
    check_playable(arrange_neural(plan, tiny()), plan)


def test_a_piece_has_parts_that_can_be_played() -> None:
    check_playable(SONG, GROWING)


def test_parts_rest_in_soft_phrases_and_all_play_at_the_climax() -> None:
    phrases = cast()
    assert [phrase.level for phrase in phrases] == [1, 3, 4, 1]
    assert [phrase.climax for phrase in phrases] == [False, False, True, False]
    counts = [len(sounding(SONG, phrase)) for phrase in phrases]
    assert 2 <= counts[0] <= 6
    assert counts[0] < counts[1] < counts[2]
    assert counts[2] >= 14
    assert 2 <= counts[3] <= 6


def line(name: str, phrase: Cast) -> dict[int, int]:
    (track,) = (track for track in SONG.tracks if track.name == name)
    return {note.start: note.pitch for note in inside(track, phrase)}


def test_the_melody_changes_its_instrument_and_is_doubled_at_the_climax() -> None:
    phrases = cast()
    leads = [phrase.lead.name for phrase in phrases if phrase.lead]
    assert leads[2] == "Violins I"
    assert leads[3] != leads[0], "a theme returns in another colour"
    violins = line("Violins I", phrases[2])
    assert len(violins) >= 8
    for name in ("Flute", "Oboe", "Clarinet", "Horn solo"):
        double = line(name, phrases[2])
        same = [tick for tick in double if tick in violins]
        assert len(same) >= 0.8 * len(double) >= 0.6 * len(violins), name
        intervals = {double[tick] - violins[tick] for tick in same}
        assert len(intervals) == 1, f"{name} keeps its octave for the whole phrase"
        assert intervals <= {-24, -12, 0, 12}


def test_the_melody_is_higher_at_the_climax() -> None:
    phrases = cast()
    means = []
    for phrase in phrases:
        assert phrase.lead
        means.append(np.mean(list(line(phrase.lead.name, phrase).values())))
    assert means[2] >= np.mean([means[0], means[1], means[3]]) + 4


def test_horns_play_in_two_voices() -> None:
    (horns,) = (track for track in SONG.tracks if track.name == "Horns")
    starts = [note.start for note in horns.notes]
    pairs = [tick for tick in set(starts) if starts.count(tick) == 2]
    assert len(pairs) >= 0.7 * len(set(starts))


def test_timpani_play_dominant_and_tonic_and_roll_into_the_cut() -> None:
    (timpani,) = (track for track in SONG.tracks if track.name == "Timpani")
    loud = cast()[1:3]
    for tick, root in ((28 * 480 + 32 * 480, 0), (32 * 480 + 26 * 480, 7), (64 * 480, 0)):
        struck = [n.pitch for n in timpani.notes if abs(n.start - tick) < 10]
        if loud[0].start <= tick < loud[1].end and struck:
            assert struck == [drum(root)]
    before = [n for n in timpani.notes if loud[1].start - 3 * 480 <= n.start < loud[1].start]
    assert len(before) >= 6
    assert before[-1].velocity >= before[0].velocity + 10


def test_a_climax_has_cymbal_and_bass_drum() -> None:
    (percussion,) = (track for track in SONG.tracks if track.is_drum)
    climax = cast()[2]
    assert {n.pitch for n in percussion.notes if n.start == climax.start} == {36, 57}
    silent = replace(GROWING, arrangement=replace(GROWING.arrangement, drums=False))
    assert not [track for track in arrange_neural(silent, tiny()).tracks if track.is_drum]


def test_a_long_note_is_played_again_after_a_breath() -> None:
    grid = steady(60.0)
    held = rested([Draft(0, 60, 40 * 480), Draft(40 * 480, 62, 44 * 480)], grid, 5.0, 100 * 480)
    assert len(held) > 4
    assert longest_stretch_s(tuple(Note(d.start, d.pitch, d.end, 1) for d in held), grid) <= 5.0
    assert rested(held, grid, 0.0, 0) == held


def test_quick_notes_keep_their_onsets_where_a_player_breathes() -> None:
    quick = [Draft(240 * i, 60 + i % 5, 240 * (i + 1)) for i in range(160)]
    played = rested(quick, steady(60.0), 5.0, 100 * 480)
    assert [d.start for d in played] == [d.start for d in quick]
    assert (
        longest_stretch_s(tuple(Note(d.start, d.pitch, d.end, 1) for d in played), steady(60.0))
        <= 5.2
    )


OWN = """
description = "A duo."
[roles.harmony]
name = "Chords"
program = 0
low = 48
high = 72
volume = 90
pan = 64
gate = 0.9
[roles.bass]
name = "Bass"
program = 32
low = 28
high = 52
volume = 90
pan = 64
gate = 0.9
[[parts]]
name = "Flute"
program = 73
from = "harmony"
voices = [1]
low = 60
high = 96
volume = 90
pan = 64
gate = 1.0
"""


def test_a_users_parts_play_with_both_arrangers_beside_roles_without_parts(tmp_path: Path) -> None:
    path = tmp_path / "duo.toml"
    path.write_text(OWN)
    plan = make_plan(12.0, density=4.0, style=str(path))
    assert [t.name for t in arrange(plan).tracks] == ["Flute", "Bass"]
    names = [t.name for t in arrange_neural(plan, tiny()).tracks]
    assert names == ["Flute", "Chords melody", "Chords", "Bass"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'from = "harmony"',
            'from = "melody"',
            r"part 1: from is 'melody', expected bass, harmony",
        ),
        ('from = "harmony"\n', "", "part 1: from is missing"),
        ("voices = [1]", "voices = [5]", r"voices"),
        ("voices = [1]", "levels = [3, 2]", r"levels is \[3, 2\], expected the lower one first"),
        ("voices = [1]", 'moods = ["blue"]', "mood 'blue', expected exciting, fearful"),
        ("voices = [1]", "tuning = 3", "tuning is unknown"),
        ("low = 60", "low = 90", "range 90-96 is too narrow"),
    ],
)
def test_a_broken_part_is_explained(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "duo.toml"
    path.write_text(OWN.replace(old, new))
    with pytest.raises(InputError, match=message):
        load_style(path)


def test_parts_of_one_name_are_one_instrument(tmp_path: Path) -> None:
    path = tmp_path / "duo.toml"
    path.write_text(OWN + OWN[OWN.index("[[parts]]") :].replace("program = 73", "program = 74"))
    with pytest.raises(InputError, match="parts 'Flute' have different programs"):
        load_style(path)
