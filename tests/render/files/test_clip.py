"""Reader and packets agree on which pictures a clip shows, and when, for every kind of file."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import pytest

from amt.errors import VideoError
from amt.features.video import VideoReader
from render.files.clip import Clip, video_span
from render.files.source import ClipError
from tests.render.files.kinds import RATE, copy, trimmed, write


def shown(path: Path) -> tuple[list[float], float]:
    """Times of the pictures and the end, as the reader has them; the packets must say the same."""
    with VideoReader(path) as reader:
        times = [frame.time_s for frame in reader]
        end_s = reader.duration_s
    with Clip(path) as clip:
        packets = sorted(
            float(packet.pts * packet.time_base)
            for packet in clip.packets()
            if packet.stream_index == clip.video.index and clip.shows(packet)
        )
    assert packets == pytest.approx(times, abs=1e-6)
    span = video_span(path)
    assert (span.first_s, span.end_s) == pytest.approx((times[0], end_s), abs=1e-6)
    return times, end_s


def every(count: int, start_s: float = 0.0) -> list[float]:
    return [start_s + number / RATE for number in range(count)]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".ts", ".flv", ".nut"])
def test_containers_do_not_change_the_times(tmp_path, suffix):
    path = copy(write(tmp_path / "whole.mp4"), tmp_path / f"copy{suffix}")
    times, end_s = shown(path)
    assert times == pytest.approx(every(100), abs=1e-3)
    assert end_s == pytest.approx(4.0, abs=0.0015)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("c.webm", "libvpx"),
        ("c.mpg", "mpeg2video"),
        ("c.avi", "mpeg4"),
        ("c.avi", "libx264"),
        ("c.wmv", "wmv2"),
        ("c.mov", "mjpeg"),
        ("c.mkv", "ffv1"),
    ],
)
def test_codecs_do_not_change_the_times(tmp_path, name, codec):
    times, end_s = shown(write(tmp_path / name, 60, codec=codec))
    assert times == pytest.approx(every(60), abs=1e-3)
    assert end_s == pytest.approx(2.4, abs=0.0015)


@pytest.mark.parametrize("from_s", [0.52, 1.0, 1.28, 2.64])
def test_what_was_trimmed_off_stays_off(tmp_path, from_s):
    whole = write(tmp_path / "whole.mp4")
    path = trimmed(whole, tmp_path / "trimmed.mp4", from_s)
    with av.open(str(path)) as clip:
        hidden = sum(packet.is_discard for packet in clip.demux(video=0))
    assert hidden == round(from_s * RATE) % 25
    times, end_s = shown(path)
    assert times == pytest.approx(every(100 - round(from_s * RATE)))
    assert end_s == pytest.approx(4.0 - from_s)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.6])
@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_a_stream_cut_between_key_frames_starts_with_its_first_picture(tmp_path, codec, share):
    data = write(tmp_path / "whole.ts", codec=codec).read_bytes()
    path = tmp_path / "cut.ts"
    path.write_bytes(data[round(len(data) // 188 * share) * 188 :])
    times, end_s = shown(path)
    assert len(times) in (25, 50, 75) if codec == "libx264" else 20 < len(times) < 100
    assert times == pytest.approx(every(len(times)))
    assert end_s == pytest.approx(len(times) / RATE)


def test_what_lies_before_the_first_key_frame_is_no_late_picture(tmp_path):
    data = write(tmp_path / "whole.ts", sound_s=4.0).read_bytes()
    path = tmp_path / "cut.ts"
    path.write_bytes(data[len(data) // 188 * 3 // 10 * 188 :])
    assert shown(path)[0][0] == 0


@pytest.mark.parametrize("suffix", [".ts", ".mpg", ".mkv"])
def test_joined_files_go_on(tmp_path, suffix):
    codec = "mpeg2video" if suffix == ".mpg" else "libx264"
    one = write(tmp_path / f"one{suffix}", 60, codec=codec, sound_s=2.4)
    path = tmp_path / f"joined{suffix}"
    path.write_bytes(one.read_bytes() * 2)
    times, end_s = shown(path)
    assert len(times) == 120
    assert end_s == pytest.approx(2 * 2.4, abs=0.1)
    assert max(b - a for a, b in pairwise(times)) < 0.1


def test_a_clock_that_leaps_ahead_goes_on(tmp_path):
    def later(packet: av.Packet) -> None:
        packet.pts += round(3600 / packet.time_base)
        packet.dts += round(3600 / packet.time_base)

    one = write(tmp_path / "one.mp4", 50)
    parts = copy(one, tmp_path / "a.ts"), copy(one, tmp_path / "b.ts", later)
    path = tmp_path / "leap.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    times, end_s = shown(path)
    assert times == pytest.approx(every(100), abs=0.05)
    assert end_s == pytest.approx(4.0, abs=0.05)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".ts"])
@pytest.mark.parametrize("late_s", [0.4, 2.0])
def test_a_picture_that_starts_late_keeps_its_place_beside_the_sound(tmp_path, suffix, late_s):
    path = write(tmp_path / f"late{suffix}", 50, picture_from_s=late_s, sound_s=late_s + 2)
    times, end_s = shown(path)
    assert times == pytest.approx(every(50, late_s), abs=0.03)
    assert end_s == pytest.approx(late_s + 2.0, abs=0.03)


@pytest.mark.parametrize("late_s", [0.0, 0.04, 0.08])
def test_a_small_offset_from_the_sound_is_no_late_picture(tmp_path, late_s):
    path = write(tmp_path / "c.mkv", 50, picture_from_s=late_s, sound_s=2.0)
    assert shown(path)[0] == pytest.approx(every(50), abs=1e-3)


def test_a_sound_that_starts_late_moves_no_picture(tmp_path):
    path = write(tmp_path / "c.mkv", 50, picture_from_s=0.0, sound_s=2.0)
    assert shown(path)[0][0] == 0


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_the_last_picture_of_a_variable_rate_lasts_as_long_as_the_track_says(tmp_path, suffix):
    times = [0, 50, 125, 175, 250, 350, 400, 475, 476]
    path = write(tmp_path / f"slides{suffix}", 9, times=times)
    with av.open(str(path)) as clip:
        track = clip.streams.video[0]
        length_s = float(track.duration * track.time_base)
    found, end_s = shown(path)
    assert found == pytest.approx([time / RATE for time in times])
    assert end_s == pytest.approx(length_s)
    assert 0 < end_s - found[-1] < 1


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".flv"])
def test_a_file_cut_short_says_so_and_shows_what_is_there(tmp_path, suffix):
    options = {"movflags": "faststart"} if suffix == ".mp4" else None
    whole = write(tmp_path / f"whole{suffix}", options=options)
    path = tmp_path / f"short{suffix}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    times, end_s = shown(path)
    assert 30 < len(times) < 90
    with VideoReader(path) as reader:
        assert [frame.time_s for frame in reader] == times
        said = reader.shortfall()
    assert said is not None
    assert "declares 4.0" in said
    assert f"holds {end_s:.2f} s" in said
    with VideoReader(whole) as reader:
        assert len(list(reader)) == 100
        assert reader.shortfall() is None


def test_a_broken_middle_is_passed_over(tmp_path):
    data = bytearray(write(tmp_path / "whole.ts").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    path = tmp_path / "broken.ts"
    path.write_bytes(data)
    with VideoReader(path) as reader:
        times = [frame.time_s for frame in reader]
        assert reader.duration_s == pytest.approx(4.0)
    assert 75 <= len(times) <= 100


def test_jumps_land_on_the_same_pictures_as_reading_all(tmp_path):
    path = write(tmp_path / "late.mp4", 300, picture_from_s=2.0, sound_s=14.0)
    with VideoReader(path) as reader:
        frames = {round(frame.time_s, 3): frame.rgb(64) for frame in reader}
    wanted = [0.0, 2.0, 9.0, 13.0]
    with VideoReader(path) as reader:
        jumped = list(reader.pictures_at(wanted, 64))
    for time_s, image in zip(wanted, jumped, strict=True):
        assert (image == frames[max(time_s, 2.0)]).all()


def test_an_encrypted_clip_is_called_encrypted(tmp_path):
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "0123456789abcdef" * 2}
    whole = write(tmp_path / "whole.mp4", 30)
    path = copy(whole, tmp_path / "locked.mp4", None, key | {"encryption_kid": "fe" * 16})
    for read in (Clip, video_span):
        with pytest.raises(ClipError, match="encrypted"):
            read(path)
    with pytest.raises(VideoError, match="encrypted"):
        VideoReader(path)


def test_an_unknown_codec_is_called_by_its_tag(tmp_path):
    data = bytearray(write(tmp_path / "whole.mkv", 30).read_bytes())
    start = data.index(b"V_MPEG4/ISO/AVC")
    data[start : start + 15] = b"V_FUTURE/CODEC9"
    path = tmp_path / "future.mkv"
    path.write_bytes(data)
    with pytest.raises(VideoError, match=r"V_FUTURE/CODEC9.*not supported"):
        VideoReader(path)


def test_a_sound_that_lags_behind_a_restart_stays_with_its_part(tmp_path):
    one = write(tmp_path / "one.ts", 60, sound_s=2.4)
    path = tmp_path / "joined.ts"
    path.write_bytes(one.read_bytes() * 2)
    with Clip(path) as clip:
        ends = {clip.video.index: [], clip.audio.index: []}
        for packet in clip.packets():
            ends[packet.stream_index].append(float(packet.pts * packet.time_base))
    pictures, sounds = ends.values()
    assert max(pictures) == pytest.approx(max(sounds), abs=0.15)
    assert max(b - a for a, b in pairwise(sounds)) < 0.15
