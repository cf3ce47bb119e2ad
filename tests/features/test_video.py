"""Frames come once, in order, upright, at their presentation times; bad files say what they are."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from amt.errors import VideoError
from amt.features.video import ANALYSIS_SIDE, VideoReader
from tests.features.clips import mark_rotation, picture, shots, write_clip


def read(path: Path):
    with VideoReader(path) as reader:
        frames = list(reader)
        return reader, frames


@pytest.mark.parametrize("fps", [Fraction(25, 2), 25, 50, Fraction(30000, 1001)])
def test_times_and_duration_are_exact_at_a_constant_rate(tmp_path, fps):
    reader, frames = read(write_clip(tmp_path / "c.mp4", shots([30]), fps=fps))
    assert [f.time_s for f in frames] == pytest.approx(
        [k / float(fps) for k in range(30)], abs=1e-4
    )
    assert reader.duration_s == pytest.approx(30 / float(fps), abs=1e-4)


def test_times_are_those_of_the_file_at_a_variable_rate(tmp_path):
    times_ms = [0, 80, 170, 270, 350, 1500, 1540, 2000]
    reader, frames = read(write_clip(tmp_path / "v.mkv", shots([8]), times_ms=times_ms))
    assert [round(f.time_s * 1000) for f in frames] == times_ms
    assert 2.0 < reader.duration_s < 2.2


def test_the_first_frame_is_the_origin_of_time(tmp_path):
    times_ms = [400 + 40 * k for k in range(10)]
    _, frames = read(write_clip(tmp_path / "late.mkv", shots([10]), times_ms=times_ms))
    assert frames[0].time_s == 0
    assert frames[-1].time_s == pytest.approx(0.36)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_rotation_mark_is_applied(tmp_path, degrees):
    image = picture(3)
    path = mark_rotation(write_clip(tmp_path / "r.mp4", [image] * 3), degrees)
    reader, frames = read(path)
    upright = np.rot90(image, degrees // 90)
    assert (reader.info.height, reader.info.width) == upright.shape[:2]
    assert np.abs(frames[0].rgb(720).astype(int) - upright).mean() < 6
    assert np.abs(frames[0].bgr[..., ::-1].astype(int) - upright).mean() < 6


def test_pixels_are_made_square(tmp_path):
    path = write_clip(tmp_path / "p.mp4", shots([3]), pixel_aspect=Fraction(4, 3))
    reader, frames = read(path)
    assert (reader.info.width, reader.info.height) == (128, 64)
    assert frames[0].bgr.shape == (64, 128, 3)


def test_large_pictures_are_shrunk_for_analysis_and_whole_on_request(tmp_path):
    image = picture(1, 512, 288)
    _, frames = read(write_clip(tmp_path / "l.mp4", [image] * 2))
    assert frames[0].bgr.shape == (144, ANALYSIS_SIDE, 3)
    assert frames[0].rgb(720).shape == (288, 512, 3)
    assert frames[0].rgb(72).shape == (72, 128, 3)


def test_of_several_streams_the_default_one_is_read(tmp_path):
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, width in zip(streams, (64, 128), strict=True):
            stream.width, stream.height, stream.pix_fmt = width, 64, "yuv420p"
        streams[0].disposition = av.stream.Disposition(0)
        streams[1].disposition = av.stream.Disposition.default
        for stream in streams:
            for _ in range(5):
                frame = av.VideoFrame.from_ndarray(picture(0, stream.width, 64), format="rgb24")
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode())
    reader, _ = read(path)
    assert reader.info.width == 128


def test_frames_are_not_kept(tmp_path):
    path = write_clip(tmp_path / "c.mp4", shots([60]))
    with VideoReader(path) as reader:
        for index, frame in enumerate(reader):
            assert frame.index == index
    kept = [value for value in vars(reader).values() if isinstance(value, list)]
    assert not kept


def _sound(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("missing.mp4", lambda p: None, "check the path"),
        ("folder", lambda p: p.mkdir(), "is a folder"),
        ("empty.mp4", lambda p: p.touch(), "is empty"),
        ("text.mp4", lambda p: p.write_text("not a film\n" * 90), "cannot be read as a video"),
        ("sound.wav", _sound, "holds no picture"),
        ("one.mp4", lambda p: write_clip(p, shots([1])), "a single frame"),
    ],
)
def test_unusable_input_is_named_in_one_sentence(tmp_path, capfd, name, make, says):
    path = tmp_path / name
    make(path)
    with pytest.raises(VideoError, match=says) as caught:
        read(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_file_without_its_index_is_refused(tmp_path, clip, capfd):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    with pytest.raises(VideoError, match="breaks off"):
        read(broken)
    assert capfd.readouterr().err == ""


def test_a_file_that_breaks_off_ends_where_it_breaks_off(tmp_path, capfd):
    images = [picture(k) for k in range(60)]
    whole = write_clip(tmp_path / "whole.mkv", images)
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    reader, frames = read(broken)
    assert 20 < len(frames) < 60
    assert reader.duration_s == pytest.approx(len(frames) / 25, abs=0.045)
    assert capfd.readouterr().err == ""
