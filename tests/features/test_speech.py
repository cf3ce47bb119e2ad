"""Speech in a clip's own sound: found where it is, and nowhere else."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amt.features import speech
from amt.features.speech import PADDING_S, SHORTEST_PAUSE_S, SHORTEST_SPEECH_S, spans_of
from experiments.music.voice import narration

STEP_S = speech.WINDOW / speech.SAMPLE_RATE


def clip_with(sound: np.ndarray, path: Path, sample_rate: int = 48_000) -> Path:
    """A grey clip of 10 pictures a second with a mono sound."""
    seconds = len(sound) / sample_rate
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=10)
        video.width = video.height = 64
        audio = out.add_stream("aac", rate=sample_rate, layout="mono")
        for _ in range(round(seconds * 10)):
            picture = np.full((64, 64, 3), 128, np.uint8)
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture)))
        out.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(
            sound.astype(np.float32)[None], format="fltp", layout="mono"
        )
        frame.sample_rate, frame.time_base, frame.pts = sample_rate, Fraction(1, sample_rate), 0
        out.mux(audio.encode(frame))
        out.mux(audio.encode(None))
    return path


@given(st.lists(st.floats(0, 1), max_size=400))
def test_spans_are_in_order_apart_and_not_short(probabilities):
    spans = spans_of(np.array(probabilities))
    for span in spans:
        assert span.end_s - span.start_s >= SHORTEST_SPEECH_S
        assert span.start_s >= 0
    for before, after in itertools.pairwise(spans):
        assert after.start_s - before.end_s >= SHORTEST_PAUSE_S - 2 * PADDING_S - STEP_S - 1e-9


def test_a_short_pause_does_not_end_speech_and_a_long_one_does():
    spoken, short, long = [0.9] * 20, [0.1] * 15, [0.1] * 40
    assert len(spans_of(np.array(spoken + short + spoken))) == 1
    assert len(spans_of(np.array(spoken + long + spoken))) == 2


def test_a_cough_is_no_speech():
    assert spans_of(np.array([0.1] * 20 + [0.9] * 5 + [0.1] * 40)) == ()


@pytest.mark.skipif(not speech.is_available(), reason="needs the extra speech")
class TestWithTheNetwork:
    def test_a_drawn_voice_is_found_where_it_speaks(self, tmp_path):
        spans_s = [(1.5, 4.0), (7.0, 9.5)]
        clip = clip_with(narration(11.0, spans_s, 48_000, seed=1), tmp_path / "voice.mp4")
        found = speech.speech_spans(clip)
        assert [(s.start_s, s.end_s) for s in found] == [
            (pytest.approx(start_s, abs=0.25), pytest.approx(end_s, abs=0.25))
            for start_s, end_s in spans_s
        ]

    def test_tones_and_noise_are_no_speech(self, tmp_path):
        t = np.arange(6 * 48_000) / 48_000
        notes = 0.2 * np.sin(2 * np.pi * 220 * 2 ** (np.floor(2 * t) / 12) * t)
        noise = 0.05 * np.random.default_rng(0).normal(size=len(t))
        for i, sound in enumerate((notes, noise)):
            assert speech.speech_spans(clip_with(sound, tmp_path / f"{i}.mp4")) == ()

    def test_a_clip_without_sound_has_none(self):
        storm = Path(__file__).parents[1] / "data" / "storm.mp4"
        assert speech.speech_spans(storm) == ()
