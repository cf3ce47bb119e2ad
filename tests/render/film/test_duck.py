"""Music makes room for speech in a film."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from render.audio import Audio, write_audio
from render.audio.loudness import measure_loudness
from render.film.duck import CLEARANCE_LU, DEEPEST_DB, Duck, ducked, needed_depth_db
from render.film.effects import music_and_effects
from tests.features.test_speech import clip_with

RATE = 8000


def noise(seconds: float, level_db: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (10 ** (level_db / 20) * rng.normal(size=(2, round(seconds * RATE)))).astype(np.float32)


def blocks_of(sound: np.ndarray, sizes: list[int]) -> list[np.ndarray]:
    edges = np.minimum(np.cumsum([0, *sizes]), sound.shape[1])
    return [sound[:, a:b] for a, b in zip(edges, [*edges[1:], sound.shape[1]], strict=True)]


def test_the_gain_falls_stays_and_recovers():
    duck = Duck(((2.0, 4.0),), depth_db=12.0, attack_s=0.5, release_s=1.0)
    (out,) = ducked([np.ones((2, 8 * RATE), np.float32)], RATE, duck)
    at = [1.4, 1.75, 2.0, 3.0, 4.0, 4.5, 5.1]
    gain_db = 20 * np.log10(out[0, [round(t * RATE) for t in at]])
    np.testing.assert_allclose(gain_db, [0, -6, -12, -12, -12, -6, 0], atol=0.01)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.floats(0, 9), st.floats(0.1, 3)), max_size=4),
    st.lists(st.integers(0, 30_000), max_size=5),
)
def test_blocks_do_not_matter(wanted, sizes):
    duck = Duck(tuple((a, a + n) for a, n in sorted(wanted)), depth_db=9.0)
    sound = noise(4.0, -20)
    (whole,) = ducked([sound], RATE, duck)
    parts = list(ducked(blocks_of(sound, sizes), RATE, duck))
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


@pytest.mark.parametrize("speech_db", [-40.0, -30.0, -20.0])
def test_speech_stands_above_the_music(speech_db):
    spans = ((2.0, 5.0), (7.0, 8.5))
    music, speech = noise(10, -24), noise(10, speech_db, 1)
    own = [(0, speech)]
    depth_db = needed_depth_db([music], own, RATE, spans, 0.0)
    assert 0 <= depth_db <= DEEPEST_DB
    (out,) = ducked([music], RATE, Duck(spans, depth_db))
    inside = slice(round(2.1 * RATE), round(4.9 * RATE))
    over = (
        measure_loudness([speech[:, inside]], RATE).integrated_lufs
        - measure_loudness([out[:, inside]], RATE).integrated_lufs
    )
    if depth_db < DEEPEST_DB:
        assert over >= CLEARANCE_LU - 0.2
    assert depth_db == DEEPEST_DB or depth_db == pytest.approx(
        max(0, CLEARANCE_LU - (speech_db + 24)), abs=0.3
    )


def test_silence_needs_no_duck():
    spans = ((1.0, 2.0),)
    silent = np.zeros((2, 3 * RATE), np.float32)
    assert needed_depth_db([noise(3, -20)], [(0, silent)], RATE, spans, 0.0) == 0


def test_the_music_and_effects_track_has_the_clips_sound_without_its_speech(tmp_path):
    rate, spans = 48_000, ((2.0, 4.0),)
    clip = clip_with(0.2 * np.sin(2 * np.pi * 440 * np.arange(6 * rate) / rate), tmp_path / "c.mp4")
    music = Audio(np.zeros((2, 6 * rate), np.float32), rate)
    path = tmp_path / "effects.wav"
    write_audio(music_and_effects(clip, music, spans), path)
    samples, found_rate = soundfile.read(path)
    assert (found_rate, len(samples)) == (rate, 6 * rate)
    level = np.abs(samples[:, 0]).reshape(-1, rate // 10).max(axis=1)
    assert level[[5, 10, 15, 45, 50]].min() > 0.15
    assert level[21:39].max() < 1e-4
