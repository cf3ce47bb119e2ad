"""Which tracks correspond: least similarities, splits and moved notes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from amt.regenerate.mapping import Decisions
from amt.regenerate.matching import match_tracks
from amt.regenerate.similarity import Part, similarity

NOTES = tuple(
    (240 * i, int(pitch)) for i, pitch in enumerate(np.random.default_rng(0).integers(60, 84, 64))
)
PIANO = Part("Piano", NOTES, program=0, channel=0, is_drum=False)


def moved(part: Part, most: int) -> Part:
    shifts = np.random.default_rng(1).integers(-most, most + 1, len(part.onsets))
    onsets = [(max(t + int(s), 0), p) for (t, p), s in zip(part.onsets, shifts, strict=True)]
    return replace(part, name="Staff 1", program=None, channel=5, onsets=tuple(sorted(onsets)))


def test_notes_moved_by_an_eighth_of_a_beat_are_found_and_by_more_are_not() -> None:
    assert similarity(PIANO, moved(PIANO, 60)).content >= 0.9
    assert similarity(PIANO, moved(PIANO, 2000)).content <= 0.5


def test_a_track_of_other_notes_in_the_same_range_is_not_matched() -> None:
    other = np.random.default_rng(7).integers(60, 84, 64)
    strange = replace(
        PIANO,
        name="Solo",
        program=40,
        onsets=tuple((240 * i + 120, int(pitch)) for i, pitch in enumerate(other)),
    )
    own = replace(moved(PIANO, 4), channel=0)
    found = match_tracks([PIANO], [strange, own], Decisions(own=frozenset({0})))
    assert [(link.ours, link.theirs) for link in found.links] == [(0, 1)]
    alone = similarity(PIANO, strange)
    assert 0.05 <= alone.score < 0.5
    lost = match_tracks([PIANO], [replace(strange, onsets=())], Decisions())
    assert lost.links == () and lost.left_out == (0,)


def test_both_hands_of_a_split_track_are_found() -> None:
    hands = [
        replace(
            PIANO,
            name=f"Staff {i}",
            program=None,
            channel=4 + i,
            onsets=tuple((t, p) for t, p in NOTES if (p >= 72) == upper),
        )
        for i, upper in enumerate((True, False))
    ]
    found = match_tracks([PIANO], hands, Decisions())
    assert sorted(link.theirs for link in found.links) == [0, 1]
    assert not found.kept
