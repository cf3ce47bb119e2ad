from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from render.audio import Audio
from render.errors import MuxError
from render.mux import mux

RATE = 44100


def tone(hz: float = 440.0, seconds: float = 2.0, amplitude: float = 0.25) -> Audio:
    wave = amplitude * np.sin(2 * np.pi * hz * np.arange(round(RATE * seconds)) / RATE)
    return Audio(np.stack([wave, wave]).astype(np.float32), RATE)


def packets(path: Path) -> tuple[list[bytes], list[float], float]:
    """Bytes and times of the video packets, and where the last one ends."""
    with av.open(str(path)) as clip:
        stream = clip.streams.best("video")
        found = [p for p in clip.demux(stream) if p.size]
        times = [float(p.pts * p.time_base) for p in found]
        end = max(float((p.pts + p.duration) * p.time_base) for p in found)
        return [bytes(p) for p in found], times, end


def sound(path: Path) -> tuple[np.ndarray, int]:
    with av.open(str(path)) as clip:
        frames = list(clip.decode(audio=0))
        return np.concatenate([f.to_ndarray() for f in frames], axis=1), frames[0].sample_rate


def strength(samples: np.ndarray, rate: int, hz: float) -> float:
    """Amplitude of a frequency, away from the ends."""
    wave = samples.mean(axis=0)[rate // 4 : -rate // 4]
    phase = np.exp(-2j * np.pi * hz * np.arange(wave.size) / rate)
    return float(
        2 * abs((wave * phase * np.hanning(wave.size)).sum()) / np.hanning(wave.size).sum()
    )


@pytest.mark.parametrize(
    ("clip_name", "codec", "film_name"),
    [
        ("clip.mp4", "libx264", "film.mp4"),
        ("clip.mov", "libx264", "film.mov"),
        ("clip.mp4", "libx264", "film.mkv"),
        ("clip.webm", "libvpx-vp9", "film.mp4"),
        ("clip.webm", "libvpx", "film.webm"),
        ("clip.webm", "libvpx", "film.mkv"),
    ],
)
@pytest.mark.parametrize("seconds", [0.5, 5.0])
def test_pictures_are_copied_and_the_sound_is_as_long(
    write_clip, tmp_path, clip_name, codec, film_name, seconds
):
    clip, film = write_clip(clip_name, codec), tmp_path / film_name
    mux(clip, tone(seconds=seconds), film)
    before, after = packets(clip), packets(film)
    assert after[0] == before[0]
    np.testing.assert_allclose(np.diff(after[1]), np.diff(before[1]), atol=0.0015)
    assert min(after[1]) == pytest.approx(0.0, abs=0.001)
    samples, rate = sound(film)
    assert samples.shape[1] / rate == pytest.approx(2.0, abs=0.05)
    with av.open(str(film)) as result:
        assert result.duration / av.time_base == pytest.approx(2.0, abs=0.05)


def test_sound_sits_at_its_time(write_clip, tmp_path):
    click = tone(seconds=2.0, amplitude=0.0)
    click.samples[:, RATE : RATE + 200] = 0.5
    film = tmp_path / "film.mp4"
    mux(write_clip(), click, film)
    samples, rate = sound(film)
    assert np.abs(samples).max(axis=0).argmax() / rate == pytest.approx(1.0, abs=0.01)


def test_a_clip_that_starts_late_is_brought_to_zero(write_clip, tmp_path):
    clip, film = write_clip("late.mkv", tone_hz=1000.0, start_s=3.0), tmp_path / "film.mp4"
    mux(clip, tone(), film, keep_original=0.0)
    _, times, end = packets(film)
    assert min(times) == 0.0
    assert end == pytest.approx(2.0, abs=0.05)
    samples, rate = sound(film)
    assert strength(samples, rate, 1000.0) == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_rotation_is_kept(write_clip, tmp_path, suffix):
    clip, film = write_clip(), tmp_path / f"film{suffix}"
    content = bytearray(clip.read_bytes())
    matrix = content.index(b"tkhd") + 44  # ISO 14496-12, 8.3.2
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    clip.write_bytes(content)
    mux(clip, tone(), film)
    with av.open(str(clip)) as before, av.open(str(film)) as after:
        rotations = [next(c.decode(video=0)).rotation for c in (before, after)]
    assert rotations[0] == rotations[1] != 0


@pytest.mark.parametrize("gain_db", [None, -12.0, -6.0])
def test_own_sound_lies_under_the_music_at_its_gain(write_clip, tmp_path, gain_db):
    film = tmp_path / "film.mp4"
    mux(write_clip(tone_hz=1000.0), tone(440.0), film, keep_original=gain_db)
    samples, rate = sound(film)
    expected = 0.0 if gain_db is None else 0.5 * 10 ** (gain_db / 20)
    assert strength(samples, rate, 1000.0) == pytest.approx(expected, rel=0.1, abs=0.002)
    assert strength(samples, rate, 440.0) == pytest.approx(0.25, rel=0.05)


def test_silent_clips_mono_music_and_loud_mixes(write_clip, tmp_path):
    film = tmp_path / "film.mp4"
    mono = Audio(tone().samples[:1], RATE)
    mux(write_clip(), mono, film, keep_original=-12.0)
    assert strength(*sound(film), 440.0) == pytest.approx(0.25, rel=0.05)
    mux(write_clip(tone_hz=1000.0), tone(amplitude=0.89), film, keep_original=0.0)
    assert np.abs(sound(film)[0]).max() < 1.0


def test_bad_requests_are_named(write_clip, tmp_path):
    clip, vp8 = write_clip(), write_clip("clip.webm", "libvpx")
    film = tmp_path / "film.mp4"
    with pytest.raises(MuxError, match=r"VP8 picture cannot live in \.mp4: name the film \.mkv or"):
        mux(vp8, tone(), film)
    with pytest.raises(MuxError, match=r"H.264 picture cannot live in \.webm: name the film \.mp4"):
        mux(clip, tone(), tmp_path / "film.webm")
    assert not film.exists()
    with pytest.raises(MuxError, match="no known film suffix"):
        mux(clip, tone(), tmp_path / "film.avi")
    with pytest.raises(MuxError, match="is the clip itself"):
        mux(clip, tone(), clip)
    with pytest.raises(MuxError, match="expected 0 or less"):
        mux(clip, tone(), film, keep_original=3.0)
    with pytest.raises(MuxError, match="cannot be opened"):
        mux(tmp_path / "none.mp4", tone(), film)
    with pytest.raises(MuxError, match="cannot write the film"):
        mux(clip, tone(), tmp_path / "no folder" / "film.mp4")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a clip")
    with pytest.raises(MuxError, match="cannot be read as a video"):
        mux(broken, tone(), film)
