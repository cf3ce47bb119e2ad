"""What is planned of harmony sounds, with the installed composer and, once, all the notes."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from amt.arrange import arrange, load_network
from amt.chords import Chord, Key
from amt.compose import ComposeOptions, compose
from amt.compose.chromatic import APPLIED_QUALITIES
from amt.compose.degrees import slot_plan
from amt.compose.grid import chord_slots
from amt.compose.planned import PlannedChord
from amt.models.weights import load_composer, load_expression
from amt.mood import MoodSpan
from amt.types import EMOTIONS, ChordSpan, Cut, Plan, VideoFeatures

SECONDS = 64
BEAT = 480


def film(cuts_s: tuple[float, ...] = ()) -> VideoFeatures:
    emotion = np.zeros((SECONDS, 6))
    emotion[:, EMOTIONS.index("neutral")] = 1
    return VideoFeatures(
        duration_s=float(SECONDS),
        emotion=emotion,
        motion=np.full(SECONDS, 8.0),
        scene_offset=np.arange(SECONDS, dtype=np.float64) % 16,
        cuts=tuple(Cut(time_s, 0.95) for time_s in cuts_s),
        semantic=None,
        backend="analytic",
    )


@cache
def composed(*moods: str, seed: int = 0) -> Plan:
    """A plan with moods of equal length one after the other, each a section."""
    length_s = SECONDS / len(moods)
    spans = tuple(MoodSpan(m, i * length_s, (i + 1) * length_s) for i, m in enumerate(moods))
    features = film(tuple(span.start_s for span in spans[1:]))
    options = ComposeOptions(seed=seed, moods=spans, mood_sigma_s=1.0)
    return compose(features, options, load_composer(), load_expression())


def test_a_section_in_its_own_key_sounds_in_it() -> None:
    """Its notes fit its own scale better than the piece's, where the rest fits the piece's."""
    plan = composed("relaxing", "sad", "relaxing")
    middle, following = next(pair for pair in pairwise(plan.sections) if pair[0].key)
    assert middle.mood == "sad"
    assert middle.key == Key(plan.key.tonic, "minor")
    song = arrange(replace(plan, style="piano"), load_network("neural"))
    last = following.beat * BEAT
    notes = [n for track in song.tracks for n in track.notes if not track.is_drum]
    inside = [n.pitch % 12 for n in notes if middle.beat * BEAT <= n.start < last - 4 * BEAT]
    tones = {*middle.key.scale, (middle.key.tonic + 11) % 12}
    assert np.mean([pitch in tones for pitch in inside]) >= 0.9
    assert np.mean([pitch in plan.key.scale for pitch in inside]) <= 0.85
    assert plan.chords[-1].chord == plan.key.tonic_chord


def chords_at(plan: Plan, slots: list[int]) -> list[Chord]:
    """The chords that sound on some beats."""
    beats = [span.beat for span in plan.chords]
    return [plan.chords[bisect_right(beats, beat) - 1].chord for beat in slots]


def test_secondary_dominants_sound_and_resolve() -> None:
    """At least nine in ten of those planned, over three moods and four seeds."""
    planned: list[tuple[Plan, PlannedChord, PlannedChord, int, int]] = []

    def recorded(*args: object) -> tuple[PlannedChord, ...]:
        plans.append(slot_plan(*args))  # type: ignore[arg-type]
        return plans[-1]

    sounded = resolved = 0
    for mood in ("exciting", "tense", "relaxing"):
        for seed in range(4):
            plans: list[tuple[PlannedChord, ...]] = []
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("amt.compose.pipeline.slot_plan", recorded)
                plan = composed.__wrapped__(mood, seed=seed)
            beats = [slot.beat for slot in chord_slots(plan.grid, plan.sections)]
            found = chords_at(plan, beats)
            for i, (chord, following) in enumerate(pairwise(plans[0])):
                applied = chord.qualities == APPLIED_QUALITIES
                if applied and (chord.degree - following.degree) % 12 == 7:
                    planned.append((plan, chord, following, i, seed))
                    root = (plan.key_at(beats[i]).tonic + chord.degree) % 12
                    sounded += found[i] == Chord(root, "7")
                    resolved += found[i + 1].root == (root + 5) % 12
    assert len(planned) >= 10
    assert sounded >= 0.9 * len(planned)
    assert resolved >= 0.9 * len(planned)


def test_pedal_points_are_held_in_tense_pieces_and_not_in_calm_ones() -> None:
    def pedals(mood: str) -> list[list[ChordSpan]]:
        plans = [composed(mood, seed=seed) for seed in range(4)]
        return [[span for span in plan.chords if span.bass is not None] for plan in plans]

    tense = pedals("tense")
    assert sum(map(bool, tense)) >= 3
    assert all(len({span.chord.root for span in found}) > 1 for found in tense if found)
    assert not any(pedals("relaxing"))


def test_fear_and_tension_do_not_share_their_first_chords() -> None:
    """The first eight chords of the two, in the same key: none of four seeds has half in common."""
    for seed in range(4):
        fearful, tense = (
            [span.chord for span in composed(mood, seed=seed).chords[:8]]
            for mood in ("fearful", "tense")
        )
        assert sum(a == b for a, b in zip(fearful, tense, strict=True)) <= 4
