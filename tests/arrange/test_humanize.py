"""Random differences of timing and velocity, and the least length of notes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from amt.arrange import arrange
from amt.arrange.score import write_score
from amt.arrange.styles import load_style
from amt.arrange.tracks import Draft, track_of
from amt.options.notes import NoteOptions
from amt.types import TICKS_PER_BEAT, Arrangement, Plan, Song, TimeSpan
from amt.words import chosen_arrangement
from tests.arrange.plan_strategies import make_plan

PLAN = make_plan(24.0, density=12.0, style="acoustic", seed=3)


def humanized(share: float, seed: int = 3, plan: Plan = PLAN) -> Song:
    return arrange(replace(plan, seed=seed, arrangement=Arrangement(humanize=share)))


def starts(song: Song) -> np.ndarray:
    return np.array([note.start for track in song.tracks for note in track.notes])


def test_without_humanisation_every_note_is_on_the_grid() -> None:
    assert not (starts(humanized(0.0)) % 120).any()
    assert (starts(humanized(1.0)) % 120).any()


def test_without_humanisation_velocities_follow_the_plan_alone() -> None:
    def velocities(share: float) -> dict[int, set[int]]:
        (track,) = [t for t in humanized(share).tracks if t.name == "Acoustic bass"]
        found: dict[int, set[int]] = {}
        for note in track.notes[4:-4]:
            found.setdefault(note.start % (4 * TICKS_PER_BEAT), set()).add(note.velocity)
        return found

    even, uneven = velocities(0.0), velocities(1.0)
    spread = {k: max(v) - min(v) for k, v in even.items()}
    assert np.mean(list(spread.values())) < np.mean([max(v) - min(v) for v in uneven.values()])


def test_half_the_humanisation_is_half_the_strays() -> None:
    def strays(share: float) -> int:
        song = arrange(replace(PLAN, style="piano", arrangement=Arrangement(humanize=share)))
        return max(abs((tick + 60) % 120 - 60) for tick in starts(song))

    assert [strays(share) for share in (0.0, 0.5, 1.0)] == [0, 2, 4]


def test_what_a_plan_says_holds_unless_asked_otherwise() -> None:
    said = Arrangement(humanize=0.25)
    assert chosen_arrangement(said, NoteOptions()).humanize == 0.25
    assert chosen_arrangement(said, NoteOptions(humanize=0.0)).humanize == 0.0


@pytest.mark.parametrize("bpm", [60.0, 150.0])
def test_no_note_is_too_short_to_be_played(bpm: float) -> None:
    plan = make_plan(12.0, bpm=bpm)
    score = write_score(plan, load_style(plan.style))
    player = score.style.instrument("harmony")
    assert player is not None
    ticks = range(0, 8 * TICKS_PER_BEAT, TICKS_PER_BEAT)
    drafts = [Draft(tick, 60 + i, tick + 1) for i, tick in enumerate(ticks)]
    notes = track_of(plan, score, player, drafts, 0).notes
    seconds = [plan.grid.seconds_at(np.array([n.start, n.end]) / TICKS_PER_BEAT) for n in notes]
    assert len(notes) == 8
    assert all(0.06 - 1e-9 <= end - start < 0.07 for start, end in seconds)


def test_what_a_rest_would_cut_too_short_is_left_out() -> None:
    plan = replace(make_plan(12.0), speech=(TimeSpan(4.02, 6.0),))
    score = write_score(plan, load_style(plan.style))
    player = score.style.instrument("melody")
    assert player is not None
    ((start, _),) = score.form.speech
    drafts = [Draft(start - 20, 60, start + 400), Draft(start - 200, 62, start + 400)]
    notes = track_of(plan, score, player, drafts, 0).notes
    assert [(note.pitch, note.end) for note in notes] == [(62, start)]
