"""Clips open whatever their name is, no name or list reaches another file, and others are named."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import pytest
from PIL import Image

from amt.errors import VideoError
from amt.features.video import VideoReader
from render.files.naming import path_text
from render.files.source import ClipError, local_file, open_clip
from tests.render.files.kinds import write


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write(tmp_path_factory.mktemp("clips") / "whole.mp4", 20)


def pictures(path: Path) -> int:
    with VideoReader(path) as reader:
        return sum(1 for _ in reader)


@pytest.mark.parametrize(
    "name",
    [
        *("12:30.mp4", "http:x.mp4", "file:x.mp4", "a%03d.mp4", "-i.mp4", "a\nb.mp4", " .mp4"),
        *("no suffix", "x.txt", "x.m3u8", "x.png", "pipe:0", "#?&=.mp4", "*.mp4", "\udce9.mp4"),
    ],
)
def test_any_name_is_only_a_name(tmp_path, monkeypatch, clip, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(clip.read_bytes())
    assert pictures(Path(name)) == 20
    assert pictures(tmp_path / name) == 20


@pytest.mark.parametrize(
    "name", ["http://127.0.0.1:9/x.mp4", "concat:a.mp4|b.mp4", "a\nb", "é\udcff"]
)
def test_a_name_of_nothing_is_quoted_in_one_line(name):
    with pytest.raises(VideoError, match="check the path") as caught:
        VideoReader(Path(name))
    assert str(caught.value).isprintable()


def test_long_names_are_shortened():
    with pytest.raises(ClipError) as caught:
        open_clip(Path("x" * 5000))
    assert len(str(caught.value)) < 350
    assert len(path_text(Path("x" * 5000))) <= 200


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_pipe_is_read_once_and_gives_the_whole_clip(tmp_path, suffix):
    whole = write(tmp_path / f"whole{suffix}", 20)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(whole.read_bytes()))
    writer.start()
    assert pictures(pipe) == 20
    writer.join()
    assert pictures(pipe) == 20
    copy = local_file(pipe)
    assert copy.read_bytes() == whole.read_bytes()
    assert pipe.exists()
    copy.unlink()


def test_an_empty_pipe_is_an_empty_clip(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b""))
    writer.start()
    with pytest.raises(ClipError, match="is empty"):
        open_clip(pipe)
    writer.join()
    local_file(pipe).unlink()


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:8\n#EXTINF:8,\n{clip}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{clip}'\n",
        '<?xml version="1.0"?><MPD><BaseURL>{clip}</BaseURL></MPD>',
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    ],
)
@pytest.mark.parametrize("name", ["list.m3u8", "list.ffconcat", "list.mpd", "list.mp4", "list.sdp"])
def test_no_list_pulls_in_other_files(tmp_path, clip, text, name):
    path = tmp_path / name
    path.write_text("\n  " + text.format(clip=clip))
    with pytest.raises(VideoError, match=r"not (the|a) video itself.*not supported"):
        VideoReader(path)


def _webp(path: Path, pictures: int) -> None:
    images = [Image.new("RGB", (64, 48), color) for color in ("red", "blue")]
    images[0].save(path, save_all=pictures > 1, append_images=images[1:pictures], duration=500)


KINDS = {
    "animated.webp": (lambda p: _webp(p, 2), "an animated WebP picture"),
    "still.webp": (lambda p: _webp(p, 1), "a WebP picture"),
    "still.heic": (lambda p: p.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), "HEIC"),
    "paper.pdf": (lambda p: p.write_bytes(b"%PDF-1.7\n" + bytes(99)), "a PDF document"),
    "films.zip": (lambda p: p.write_bytes(b"PK\x03\x04" + bytes(99)), "a ZIP archive"),
    "song.mid": (lambda p: p.write_bytes(b"MThd\0\0\0\6\0\0\0\1\1\xe0"), "a MIDI file"),
    "drawing.svg": (lambda p: p.write_text("<svg/>"), "an SVG drawing"),
    "cut.fcpxml": (lambda p: p.write_text("<?xml?>\n<fcpxml/>"), "an editing program"),
    "cut.prproj": (lambda p: p.write_bytes(gzip.compress(b"<Premiere/>")), "an editing program"),
    "page.mp4": (lambda p: p.write_text("<!DOCTYPE html><p>Not found"), "a web page"),
    "words.mp4": (lambda p: p.write_text("ünlike a film\n" * 9000), "a text"),
}


@pytest.mark.parametrize("name", KINDS)
def test_other_kinds_are_named_and_not_called_damaged(tmp_path, name):
    make, kind = KINDS[name]
    path = tmp_path / name
    make(path)
    with pytest.raises(VideoError, match="not supported") as caught:
        VideoReader(path)
    assert kind in str(caught.value)
    assert "damaged" not in str(caught.value)


def test_a_single_picture_is_no_clip(tmp_path):
    for suffix in (".png", ".jpg", ".gif", ".bmp"):
        path = tmp_path / f"still{suffix}"
        Image.new("RGB", (64, 48), "red").save(path)
        with pytest.raises(VideoError, match="a single frame"):
            pictures(path)


def test_an_animated_png_is_a_clip(tmp_path):
    images = [Image.new("RGB", (64, 48), color) for color in ("red", "green", "blue")]
    images[0].save(tmp_path / "a.png", save_all=True, append_images=images[1:], duration=500)
    assert pictures(tmp_path / "a.png") == 3


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_recording_without_its_index_is_called_incomplete(tmp_path, clip, share):
    path = tmp_path / "broken.mp4"
    path.write_bytes(clip.read_bytes()[: round(clip.stat().st_size * share)])
    with pytest.raises(VideoError, match=r"not complete.*moov"):
        VideoReader(path)


def test_random_bytes_are_no_video(tmp_path):
    path = tmp_path / "noise.mp4"
    for seed in (bytes(9999), os.urandom(9999)):
        path.write_bytes(b"\xff\xfe\xfd\0" + seed)
        with pytest.raises(VideoError):
            pictures(path)


def test_devices_are_refused():
    with pytest.raises(ClipError, match="is a device"):
        open_clip(Path("/dev/zero"))
