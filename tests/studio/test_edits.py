"""What is done by hand on the time line, in the plan and in the notes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import amt
from amt.arrange import arrange
from amt.errors import InputError, PlanError
from amt.mood import valence_arousal
from amt.plan import plan_from_json, plan_to_json, validate
from amt.studio.edits import checked_edits, edited
from amt.timing.hits import HIT_S
from amt.types import TICKS_PER_BEAT, BarSpan, Plan, Song, TimeSpan
from tests.features.clips import shots, write_clip
from tests.studio.client import QUICK


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    clip = write_clip(tmp_path_factory.mktemp("clips") / "a.mp4", shots([160, 170, 150, 160]))
    return amt.generate(clip, **QUICK | {"style": "acoustic"}).plan


def after(plan: Plan, *rows: dict[str, Any]) -> Plan:
    made = edited(plan, checked_edits(list(rows)))
    validate(made)
    assert plan_to_json(plan_from_json(plan_to_json(made))) == plan_to_json(made)
    return made


def downbeats_s(plan: Plan) -> np.ndarray:
    return plan.grid.beats_s[plan.grid.downbeats]


def notes_in(song: Song, first: int, last: int) -> set[tuple[object, ...]]:
    """Notes that begin from one tick to before another, with their tracks."""
    return {
        (track.name, note.start, note.pitch, note.velocity)
        for track in song.tracks
        for note in track.notes
        if first <= note.start < last
    }


def test_a_bar_line_moves_to_a_hit_point(plan: Plan) -> None:
    time_s = float(downbeats_s(plan)[5]) + 0.4
    made = after(plan, {"do": "hit.add", "time_s": time_s})
    assert np.abs(downbeats_s(made) - time_s).min() < 1e-9
    assert made.hits_s == (time_s,) and any(a.time_s == time_s for a in made.accents)
    assert made.grid.bars == plan.grid.bars and made.chords == plan.chords
    assert made.grid.beats_s[-1] == plan.grid.beats_s[-1]
    assert made.grid.tempo_bpm.max() <= 160 and made.grid.tempo_bpm.min() >= 60


def test_cuts_that_were_met_are_met_still(plan: Plan) -> None:
    def met(plan: Plan) -> int:
        return sum(np.abs(plan.grid.beats_s - cut.time_s).min() <= HIT_S for cut in plan.cuts)

    time_s = float(downbeats_s(plan)[3]) + 0.15
    assert met(after(plan, {"do": "hit.add", "time_s": time_s})) == met(plan) == 3


def test_a_hit_point_takes_its_bar_line_along_and_leaves_others(plan: Plan) -> None:
    first_s, second_s = (float(downbeats_s(plan)[i]) + 0.2 for i in (3, 6))
    both = after(plan, {"do": "hit.add", "time_s": first_s}, {"do": "hit.add", "time_s": second_s})
    moved = after(both, {"do": "hit.move", "time_s": second_s, "to_s": second_s + 0.3})
    assert moved.hits_s == (first_s, second_s + 0.3)
    lines = [int(np.abs(downbeats_s(p) - p.hits_s[1]).argmin()) for p in (both, moved)]
    assert lines[0] == lines[1]
    assert np.abs(downbeats_s(moved) - first_s).min() < 1e-9
    early = moved.grid.beats_s < first_s
    assert np.array_equal(moved.grid.beats_s[early], both.grid.beats_s[early])
    gone = after(moved, {"do": "hit.remove", "time_s": second_s + 0.3})
    assert gone.hits_s == (first_s,)
    assert np.array_equal(gone.grid.beats_s, moved.grid.beats_s)


def test_what_no_tempo_can_do_is_one_sentence(plan: Plan) -> None:
    end_s = plan.grid.duration_s
    for time_s, word in ((end_s - 0.05, "tempo"), (end_s + 5, "in the piece")):
        with pytest.raises(InputError, match=word):
            after(plan, {"do": "hit.add", "time_s": time_s})
    with pytest.raises(InputError, match="no hit point at"):
        after(plan, {"do": "hit.move", "time_s": 1.0, "to_s": 2.0})


def test_a_section_begins_with_another_bar(plan: Plan) -> None:
    section = next(section for section in plan.sections if section.beat > 0)
    bar = plan.grid.downbeats.tolist().index(section.beat) + 1
    made = after(plan, {"do": "section.move", "bar": bar, "to": bar + 1})
    new = int(plan.grid.downbeats[bar])
    assert [s.beat for s in made.sections if s.label == section.label][-1] == new
    assert new in {phrase.beat for phrase in made.phrases}
    assert section.beat not in {phrase.beat for phrase in made.phrases}
    assert len(arrange(made).tracks) == len(arrange(plan).tracks)
    with pytest.raises(InputError, match="no section begins"):
        after(plan, {"do": "section.move", "bar": 1, "to": 2})
    with pytest.raises(InputError, match="another one begins between"):
        after(plan, {"do": "section.move", "bar": bar, "to": len(plan.grid.bars)}) if len(
            plan.sections
        ) > 2 else after(plan, {"do": "section.move", "bar": bar, "to": 1})


def test_a_painted_mood_moves_its_seconds_alone(plan: Plan) -> None:
    made = after(plan, {"do": "mood", "start_s": 4.0, "end_s": 12.0, "mood": "tense"})
    arousal = valence_arousal(made.emotion)[:, 1]
    assert (arousal[4:12] > 0.5).all()
    for name in ("emotion", "loudness", "density"):
        before, now = getattr(plan, name), getattr(made, name)
        assert np.array_equal(before[:3], now[:3]) and np.array_equal(before[13:], now[13:])
    calm = after(plan, {"do": "mood", "start_s": 4.0, "end_s": 12.0, "mood": "relaxing"})
    assert (made.loudness[5:11] > 1.2 * calm.loudness[5:11]).all()
    assert (made.density[5:11] > 1.2 * calm.density[5:11]).all()
    whole = after(plan, {"do": "mood", "start_s": 0, "end_s": 1e3, "mood": "sad"})
    assert {section.mood for section in whole.sections} == {"sad"}


def test_silence_is_silent_and_can_be_taken_back(plan: Plan) -> None:
    made = after(plan, {"do": "silence", "start_s": 6.0, "end_s": 9.0})
    assert made.silences == (TimeSpan(6.0, 9.0),)
    first, last = (int(float(plan.grid.beats_at(t)) * TICKS_PER_BEAT) + 1 for t in (6.0, 9.0))
    assert notes_in(arrange(plan), first, last - 2) and not notes_in(arrange(made), first, last - 2)
    part = after(made, {"do": "sound", "start_s": 7.0, "end_s": 8.0})
    assert part.silences == (TimeSpan(6.0, 7.0), TimeSpan(8.0, 9.0))
    back = after(made, {"do": "sound", "start_s": 5.0, "end_s": 10.0})
    assert arrange(back) == arrange(plan)
    with pytest.raises(InputError, match="no music would be left"):
        after(plan, {"do": "silence", "start_s": 0.0, "end_s": 1e3})


def test_bars_again_leave_the_locked_and_the_others(plan: Plan) -> None:
    edges = [*(plan.grid.downbeats * TICKS_PER_BEAT).tolist(), plan.grid.n_beats * TICKS_PER_BEAT]
    made = after(
        plan, {"do": "lock", "first": 4, "last": 5}, {"do": "again", "first": 3, "last": 6}
    )
    assert [(r.first, r.last) for r in made.arrangement.rewrites] == [(3, 3), (6, 6)]
    before, now = arrange(plan), arrange(made)
    for first, last in ((0, 2), (3, 5), (6, len(plan.grid.bars))):
        assert notes_in(before, edges[first], edges[last]) == notes_in(
            now, edges[first], edges[last]
        )
    assert notes_in(before, edges[2], edges[3]) != notes_in(now, edges[2], edges[3])
    twice = after(made, {"do": "again", "first": 3, "last": 3})
    assert twice.arrangement.rewrites[-1].seed != made.arrangement.rewrites[-1].seed
    with pytest.raises(InputError, match="locked"):
        after(made, {"do": "again", "first": 4, "last": 5})


def test_locked_bars_are_not_changed_by_other_edits(plan: Plan) -> None:
    made = after(plan, {"do": "lock", "first": 4, "last": 6})
    start_s, end_s = float(downbeats_s(plan)[3]), float(downbeats_s(plan)[6])
    span = {"start_s": start_s + 0.1, "end_s": end_s - 0.1}
    for row in (
        {"do": "silence", **span},
        {"do": "mood", "mood": "sad", **span},
        {"do": "hit.add", "time_s": start_s + 1.0},
        {"do": "style", "style": "piano"},
    ):
        with pytest.raises(InputError, match="locked"):
            after(made, row)
    edges = [*(plan.grid.downbeats * TICKS_PER_BEAT).tolist()]
    kept = notes_in(arrange(plan), edges[3], edges[6])
    elsewhere = {"start_s": 0.0, "end_s": float(downbeats_s(plan)[1])}
    for row in (
        {"do": "silence", **elsewhere},
        {"do": "again", "first": 1, "last": len(plan.grid.bars)},
    ):
        assert notes_in(arrange(after(made, row)), edges[3], edges[6]) == kept
    for row in (
        {"do": "mood", "mood": "tense", **elsewhere},
        {"do": "hit.add", "time_s": float(downbeats_s(plan)[7]) + 0.2},
        {"do": "section.move", "bar": 3, "to": 2},
    ):
        with pytest.raises(InputError, match="throughout"):
            after(made, row)
    freed = after(made, {"do": "unlock", "first": 5, "last": 5})
    assert freed.locked == (BarSpan(4, 4), BarSpan(6, 6))


def test_a_muted_track_is_left_out_and_the_others_stay(plan: Plan) -> None:
    song = arrange(plan)
    first, *others = song.tracks
    made = after(plan, {"do": "mute", "tracks": [first.name]})
    assert arrange(made).tracks == tuple(others)
    assert arrange(after(made, {"do": "mute", "tracks": []})) == song
    with pytest.raises(PlanError, match="muted leaves no track"):
        arrange(after(plan, {"do": "mute", "tracks": [track.name for track in song.tracks]}))


def test_another_style_has_other_tracks(plan: Plan) -> None:
    muted = after(plan, {"do": "mute", "tracks": ["Acoustic bass"]})
    made = after(muted, {"do": "style", "style": "piano"})
    assert made.style == "piano" and made.muted == ()
    assert {track.name for track in arrange(made).tracks}.isdisjoint(
        track.name for track in arrange(plan).tracks
    )
    for name in ("none", "/tmp/mine.toml", "mine.toml"):  # no file of the server is read
        with pytest.raises(InputError, match="expected one of"):
            after(plan, {"do": "style", "style": name})


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"do": "again", "first": 5, "last": 4}, "bars 5 to 4"),
        ({"do": "lock", "first": 1, "last": 999}, "bars 1 to 999"),
        ({"do": "silence", "start_s": 5, "end_s": 5}, "does not lie"),
        ({"do": "mood", "start_s": 5.6, "end_s": 5.7, "mood": "sad"}, "too short"),
        ({"do": "mood", "start_s": 5, "end_s": 9, "mood": "gloomy"}, "gloomy"),
        ({"do": "again", "first": 1, "last": 2, "more": 1}, "more"),
        ({"do": "hit.add", "time_s": -1}, "time_s"),
        ({"do": "hit.add", "time_s": "now"}, "time_s"),
        ({"first": 1}, "do"),
        (["lock"], "edits"),
    ],
)
def test_an_edit_without_a_meaning_is_one_sentence(plan: Plan, row: Any, word: str) -> None:
    with pytest.raises(InputError, match=word):
        after(plan, row)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('"hits_s": [5.0]', '"hits_s": [5.0, 4.0]', "hits_s"),
        ('"hits_s": [5.0]', '"hits_s": [900.0]', "hits_s"),
        ('"locked": [[1, 2]]', '"locked": [[2, 1]]', "locked"),
        ('"locked": [[1, 2]]', '"locked": [[1, 2], [2, 3]]', "locked"),
        ('"locked": [[1, 2]]', '"locked": [[1]]', "locked"),
        ('"muted": ["Drums"]', '"muted": [" "]', "muted"),
    ],
)
def test_a_plan_file_is_checked(plan: Plan, old: str, new: str, word: str) -> None:
    from dataclasses import replace

    by_hand = replace(plan, hits_s=(5.0,), locked=(BarSpan(1, 2),), muted=("Drums",))
    lines = plan_to_json(by_hand).replace("[\n    5.0\n  ]", "[5.0]")
    lines = lines.replace("[\n    [1, 2]\n  ]", "[[1, 2]]").replace(
        '[\n    "Drums"\n  ]', '["Drums"]'
    )
    assert old in lines
    with pytest.raises(PlanError, match=word):
        plan_from_json(lines.replace(old, new))
