"""Half-time and double-time feel: what the beat is divided into, while its tempo stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from amt.arrange import arrange
from amt.arrange.drums import SNARE
from amt.arrange.metre import backbeats
from amt.arrange.styles import load_style
from amt.types import TICKS_PER_BEAT, Feel, Section, Song
from tests.arrange.plan_strategies import make_plan, moods


def song_in(feel: Feel, density: float = 9.0) -> Song:
    plan = make_plan(48.0, style="band", density=density, loudness=0.2)
    return arrange(
        replace(plan, emotion=moods(48, "exciting"), sections=(Section(0, "exciting", feel),))
    )


def bass_onsets(song: Song) -> int:
    player = load_style("band").instrument("bass")
    assert player is not None
    return len(next(t.notes for t in song.tracks if t.name == player.name))


@pytest.mark.parametrize(
    ("beats", "half"), [(2, (1,)), (3, (2,)), (4, (2,)), (5, (3,)), (6, (3,)), (8, (2, 6))]
)
def test_the_backbeat_of_half_time_is_in_the_middle_of_the_bar(
    beats: int, half: tuple[int, ...]
) -> None:
    assert backbeats(beats, "half") == half
    assert backbeats(beats, "double") == tuple(b + 0.5 for b in range(beats))


def test_snare_and_bass_are_as_slow_or_fast_as_the_feel() -> None:
    songs = {feel: song_in(feel) for feel in ("half", "normal", "double")}
    for feel, places in (("half", {2}), ("normal", {1, 3}), ("double", {0.5, 1.5, 2.5, 3.5})):
        drums = next(t for t in songs[feel].tracks if t.is_drum)
        loud = [n.start for n in drums.notes if n.pitch == SNARE and n.velocity >= 60]
        at = np.array(loud) / TICKS_PER_BEAT % 4
        assert np.isin(at.round(1), sorted(places)).mean() >= 0.8
    onsets = {feel: bass_onsets(song) for feel, song in songs.items()}
    assert onsets["half"] <= 0.75 * onsets["normal"]
    assert onsets["double"] >= 1.3 * onsets["normal"]
