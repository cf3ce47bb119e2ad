from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from render.audio import Audio
from render.audio.blocks import BLOCK_FRAMES
from render.audio.loudness import measure_loudness
from render.audio.true_peak import true_peak
from render.errors import AudioError, MuxError
from render.files.reporter import callback_reporter
from render.film.sound import SAMPLE_RATE, mixed, own_sound, soundtrack
from render.film.source import Source
from render.mux import mux
from tests.render.film.clips import RATE, bursts, decoded_sound, draw, music, onsets, remux, seen


def filmed(
    clip: Path, suffix: str = ".mp4", audio: Audio | None = None
) -> tuple[Path, list[float]]:
    """A film with the clip's own sound at full level, and when sound begins in it."""
    film = clip.with_name(f"film{suffix}")
    mux(clip, audio or music(), film, keep_original=0.0)
    return film, onsets(decoded_sound(film))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("layout", "channels", "rate", "codec"),
    [
        ("mono", 1, 8000, "aac"),
        ("stereo", 2, 44100, "libmp3lame"),
        ("5.1", 6, 48000, "aac"),
        ("mono", 1, 48000, "libopus"),
    ],
)
def test_own_sound_of_any_kind_stays_at_its_time(tmp_path, suffix, layout, channels, rate, codec):
    wave = bursts(1.6, (0.4, 1.0), rate, channels)
    clip = draw(
        tmp_path / "clip.mkv",
        sound=wave,
        layout=layout,
        sound_rate=rate,
        sound_codec=codec,
    )
    film, begins = filmed(clip, suffix)
    assert begins == pytest.approx([0.4, 1.0], abs=0.03)
    assert decoded_sound(film).max() < 1.0


def test_own_sound_of_a_trimmed_clip_is_in_step(tmp_path):
    whole = draw(tmp_path / "whole.mp4", sound=bursts(1.6, (0.4, 1.0)), g="50")
    clip = remux(whole, tmp_path / "clip.mp4", cut_s=0.6)
    film, begins = filmed(clip)
    assert begins == pytest.approx([0.4], abs=0.03)
    assert seen(film)[:2] == (seen(clip)[0], pytest.approx(seen(clip)[1], abs=0.001))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_late_picture_stays_late_beside_sound_from_zero(tmp_path, suffix):
    whole = draw(tmp_path / "whole.mp4", sound=bursts(1.6, (0.4,)))
    clip = remux(whole, tmp_path / "clip.mp4", picture_s=1.0)
    track = Audio(bursts(2.6, (0.0, 2.0), RATE, 2), RATE)
    film, begins = filmed(clip, suffix, track)
    assert begins == pytest.approx([0.0, 0.4, 2.0], abs=0.03)
    assert seen(film)[1] == pytest.approx(seen(clip)[1], abs=0.001)
    assert seen(film)[1][0] == pytest.approx(1.0, abs=0.001)


def test_own_sound_goes_on_where_the_clock_restarts(tmp_path):
    part = draw(tmp_path / "part.ts", count=50, sound=bursts(2.0, (0.4,)))
    clip = tmp_path / "clip.ts"
    clip.write_bytes(part.read_bytes() * 2)
    _, begins = filmed(clip)
    assert begins == pytest.approx([0.4, 2.4], abs=0.06)


@pytest.mark.parametrize("seconds", [0.5, 4.0])
def test_sound_shorter_or_longer_than_the_picture(tmp_path, seconds):
    clip = draw(tmp_path / "clip.mkv", sound=bursts(seconds, (0.1,)))
    film, begins = filmed(clip)
    assert begins == pytest.approx([0.1], abs=0.03)
    assert decoded_sound(film).size / RATE == pytest.approx(1.6, abs=0.05)


class Blocks:
    """Four hundred seconds of noise that are never all in memory."""

    sample_rate = 44100
    channels = 2
    frames = 400 * 44100

    def __init__(self) -> None:
        self.taken = 0

    def blocks(self):
        random = np.random.default_rng(0)
        for start in range(0, self.frames, BLOCK_FRAMES):
            size = min(BLOCK_FRAMES, self.frames - start)
            self.taken += size
            yield random.uniform(-0.5, 0.5, (2, size)).astype(np.float32)


@pytest.mark.parametrize("lufs", [-16.0, -23.0])
def test_a_film_with_the_clip_s_sound_has_the_loudness_that_is_asked_for(tmp_path, lufs):
    rng = np.random.default_rng(0)
    level = (0.2 + 0.8 * np.abs(np.sin(np.arange(3 * 48_000) / 9_000))) * 0.5
    wave = (level * rng.uniform(-1, 1, (2, len(level)))).astype(np.float32)
    clip = draw(tmp_path / "clip.mp4", count=75, sound=wave, layout="stereo")
    noise = Audio((0.05 * rng.normal(size=(2, 3 * 48_000))).astype(np.float32), 48_000)
    film = tmp_path / "film.mp4"
    mux(clip, noise, film, keep_original=-3.0, loudness_lufs=lufs)
    blocks = [piece for _, piece in own_sound(Source(film).sounds())]
    assert measure_loudness(blocks, SAMPLE_RATE).integrated_lufs == pytest.approx(lufs, abs=0.5)
    assert 20 * np.log10(true_peak(blocks)) <= -1.0


def test_a_loudness_that_peaks_forbid_is_said(tmp_path):
    clicks = np.zeros((2, 3 * 48_000), np.float32)
    clicks[:, ::24_000] = 0.9
    clip = draw(tmp_path / "clip.mp4", count=75, sound=clicks, layout="stereo")
    said: list[str] = []
    quiet = Audio(np.full((2, 10), 1e-4, np.float32), 48_000)
    film = tmp_path / "film.mp4"
    reporter = callback_reporter(None, said.append)
    mux(clip, quiet, film, keep_original=0.0, loudness_lufs=-14.0, reporter=reporter)
    assert any("in the film the sound reaches" in sentence for sentence in said)


def test_sound_is_taken_block_by_block_and_no_more_than_needed(tmp_path):
    sound = Blocks()
    stream = soundtrack(sound, 10 * SAMPLE_RATE)
    next(stream)
    assert sound.taken <= 2 * BLOCK_FRAMES
    shares: list[float] = []
    mux(
        draw(tmp_path / "clip.mp4"),
        sound,
        tmp_path / "film.mkv",
        reporter=callback_reporter(lambda _, share: shares.append(share)),
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert sound.taken < 5 * sound.sample_rate


@pytest.mark.parametrize("frames", [1, 1000, 70_000, 200_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_soundtrack_is_as_long_as_asked(frames, channels):
    audio = Audio(np.full((channels, 66_150), 0.5, np.float32), 44100)
    samples = np.concatenate(list(soundtrack(audio, frames)), axis=1)
    assert samples.shape == (2, frames)
    with pytest.raises(MuxError, match="3 channels"):
        list(soundtrack(Audio(np.zeros((3, 10), np.float32), 44100), 10))


def test_pieces_that_overlap_or_leave_gaps_are_each_in_their_place():
    ones = np.ones((2, 100), np.float32)
    silence = np.zeros((2, 40), np.float32)
    own = [(-50, ones), (30, ones), (200, ones)]
    result = np.concatenate(list(mixed([silence] * 10, own, -20.0)), axis=1)
    expected = np.zeros(400)
    expected[:130] = expected[200:300] = 0.1
    np.testing.assert_allclose(result, np.stack([expected, expected]), atol=1e-6)


def test_broken_samples_and_missing_times_do_no_harm():
    frame = av.AudioFrame.from_ndarray(
        np.full((1, 480), np.nan, np.float32), format="fltp", layout="mono"
    )
    frame.sample_rate = 48000
    pieces = list(own_sound([(None, frame), (None, frame)]))
    assert sum(block.shape[1] for _, block in pieces) == 960
    assert all(np.isfinite(block).all() for _, block in pieces)


def test_a_failing_soundtrack_leaves_no_film(tmp_path):
    class Failing(Blocks):
        def blocks(self):
            yield from [np.zeros((2, BLOCK_FRAMES), np.float32)]
            raise AudioError("the disk is gone")

    with pytest.raises(AudioError, match="the disk is gone"):
        mux(draw(tmp_path / "clip.mp4"), Failing(), tmp_path / "film.mp4")
    assert not (tmp_path / "film.mp4").exists()
