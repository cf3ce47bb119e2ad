"""What is planned of harmony sounds, with the installed composer and, once, all the notes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from amt.arrange import arrange, load_network
from amt.chords import Key
from amt.compose import ComposeOptions, compose
from amt.models.weights import load_composer, load_expression
from amt.mood import MoodSpan
from amt.types import EMOTIONS, Cut, Plan, VideoFeatures

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
    middle = plan.sections[1]
    assert middle.key == Key(plan.key.tonic, "minor")
    song = arrange(replace(plan, style="piano"), load_network("neural"))
    last = plan.sections[2].beat * BEAT
    notes = [n for track in song.tracks for n in track.notes if not track.is_drum]
    inside = [n.pitch % 12 for n in notes if middle.beat * BEAT <= n.start < last - 4 * BEAT]
    tones = {*middle.key.scale, (middle.key.tonic + 11) % 12}
    assert np.mean([pitch in tones for pitch in inside]) >= 0.9
    assert np.mean([pitch in plan.key.scale for pitch in inside]) <= 0.85
    assert plan.chords[-1].chord == plan.key.tonic_chord
