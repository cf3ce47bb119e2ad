from __future__ import annotations

import re
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from amt.features.video import VideoReader
from render.errors import MuxError
from render.files.reporter import SILENT, callback_reporter
from render.mux import check_film, mux
from tests.render.film.clips import draw, music, remux, seen

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm")


def assert_shows_the_same(clip: Path, film: Path, *, copied: bool = True) -> None:
    before, after = seen(clip), seen(film)
    assert len(after[0]) == len(before[0])
    np.testing.assert_allclose(after[1], before[1], atol=0.00101)
    assert after[2] == pytest.approx(before[2], abs=0.0021)
    if copied:
        assert after[0] == before[0]


CODECS = [
    ("clip.mkv", "libsvtav1", {}),
    ("clip.mp4", "libx265", {"x265-params": "log-level=none"}),
    ("clip.webm", "libvpx", {}),
    ("clip.webm", "libvpx-vp9", {"deadline": "realtime"}),
    ("clip.wmv", "wmv2", {}),
    ("clip.flv", "flv", {}),
    ("clip.3gp", "h263", {"size": (176, 144)}),
    ("clip.mov", "prores_ks", {"pixel_format": "yuv422p10le"}),
    ("clip.mpg", "mpeg2video", {"bf": "2"}),
    ("clip.avi", "mjpeg", {"pixel_format": "yuvj420p"}),
    ("clip.avi", "mpeg4", {"bf": "2"}),
    ("clip.gif", "gif", {"pixel_format": "rgb8"}),
    ("clip.avi", "dvvideo", {"size": (720, 576), "count": 4}),
    ("clip.mkv", "ffv1", {}),
    ("clip.y4m", "rawvideo", {}),
    ("clip.nut", "rawvideo", {"pixel_format": "uyvy422"}),
]


@pytest.mark.parametrize(
    ("name", "codec", "options"), CODECS, ids=[f"{c[1]}-{c[0]}" for c in CODECS]
)
def test_every_codec_is_copied_or_refused_with_advice_that_works(tmp_path, name, codec, options):
    clip = draw(tmp_path / name, codec, **{"count": 12, **options})
    copied = []
    for suffix in SUFFIXES:
        film = tmp_path / f"film{suffix}"
        try:
            check_film(clip, film)
        except MuxError as error:
            assert not film.exists()
            refusal = str(error)
            assert refusal.endswith("(`film_codec='h264'`)") or suffix == ".webm"
            advice = (
                re.findall(r"\.\w+", refusal.split("name the film")[1].split(",")[0])
                if ("name the film" in refusal)
                else []
            )
        else:
            mux(clip, music(), film)
            assert_shows_the_same(clip, film)
            copied.append(suffix)
            continue
        for other in advice:
            mux(clip, music(), tmp_path / f"other{other}")
            assert_shows_the_same(clip, tmp_path / f"other{other}")
    if codec in ("libsvtav1", "libvpx-vp9"):
        assert copied == list(SUFFIXES)
    mux(clip, music(), tmp_path / "encoded.mp4", codec="h264")
    assert_shows_the_same(clip, tmp_path / "encoded.mp4", copied=False)


@pytest.mark.parametrize("cut_s", [0.12, 0.48, 1.0])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_what_was_trimmed_off_stays_off(tmp_path, cut_s, suffix):
    whole = draw(tmp_path / "whole.mp4", bf="2", g="25")
    clip = remux(whole, tmp_path / "clip.mp4", cut_s=cut_s)
    film, said = tmp_path / f"film{suffix}", []
    mux(clip, music(), film, reporter=callback_reporter(message=said.append))
    assert len(seen(film)[0]) == 40 - round(cut_s * 25)
    hidden = cut_s != 1.0  # a key frame lies there, so nothing needs to be hidden
    encoded = hidden and suffix == ".mkv"
    assert_shows_the_same(clip, film, copied=not encoded)
    assert len(said) == encoded
    if encoded:
        with pytest.raises(MuxError, match=r"cannot hide: name the film \.mp4 or \.mov"):
            check_film(clip, film, "copy")


def test_vp9_that_was_trimmed_becomes_webm(tmp_path):
    whole = draw(tmp_path / "whole.mp4", "libvpx-vp9", count=20, deadline="realtime")
    clip = remux(whole, tmp_path / "clip.mp4", cut_s=0.2)
    film = tmp_path / "film.webm"
    mux(clip, music(), film, reporter=SILENT)
    assert_shows_the_same(clip, film, copied=False)


def mid_gop(folder: Path) -> Path:
    whole, clip = draw(folder / "whole.mp4", bf="2", g="20"), folder / "clip.ts"
    with av.open(str(whole)) as source, av.open(str(clip), "w") as copy:
        stream = source.streams.video[0]
        target = copy.add_stream_from_template(stream, opaque=True)
        for packet in [p for p in source.demux(stream) if p.size][7:]:
            packet.stream = target
            copy.mux(packet)
    return clip


def joined(folder: Path) -> Path:
    part, clip = draw(folder / "part.ts", bf="2", g="20"), folder / "clip.ts"
    clip.write_bytes(part.read_bytes() * 2)
    return clip


def slides(folder: Path) -> Path:
    times = np.cumsum([0, 300, 200, 500, 100, 900, 40, 40, 700]).tolist()
    return draw(folder / "clip.mp4", count=9, times_ms=times, bf="3")


def broken_off(folder: Path) -> Path:
    whole, clip = draw(folder / "whole.ts", bf="2"), folder / "clip.ts"
    clip.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    return clip


KINDS = {
    "mid-GOP": (mid_gop, 20),
    "joined": (joined, 80),
    "slides": (slides, 9),
    "broken off": (broken_off, None),
    "B-frames in AVI": (lambda folder: draw(folder / "clip.avi", bf="2"), 40),
    "ten bits": (lambda folder: draw(folder / "clip.mp4", pixel_format="yuv420p10le"), 40),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_films_show_what_the_analysis_saw(tmp_path, kind, suffix):
    make, count = KINDS[kind]
    clip, film = make(tmp_path), tmp_path / f"film{suffix}"
    check_film(clip, film)
    mux(clip, music(), film)
    assert_shows_the_same(clip, film)
    assert count is None or len(seen(film)[0]) == count
    encoded = tmp_path / f"encoded{suffix}"
    mux(clip, music(), encoded, codec="h264")
    assert_shows_the_same(clip, encoded, copied=False)


def test_encoding_turns_pictures_upright(tmp_path):
    clip, film = draw(tmp_path / "clip.mp4"), tmp_path / "film.mp4"
    content = bytearray(clip.read_bytes())
    matrix = content.index(b"tkhd") + 44  # ISO 14496-12, 8.3.2
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    clip.write_bytes(content)
    mux(clip, music(), film, codec="h264")
    with VideoReader(clip) as before, VideoReader(film) as after:
        for first, second in zip(before, after, strict=True):
            assert first.picture.rotation != second.picture.rotation == 0
            assert second.bgr.shape == (64, 48, 3)
            np.testing.assert_allclose(second.bgr.astype(int), first.bgr, atol=40)


def test_encoding_keeps_aspect_colours_and_bits(tmp_path):
    clip, film = tmp_path / "clip.mp4", tmp_path / "film.mp4"
    with av.open(str(clip), "w") as out:
        video = out.add_stream("libx264", rate=25, width=65, height=49, pix_fmt="yuv444p10le")
        context = video.codec_context
        context.sample_aspect_ratio = Fraction(4, 3)
        context.color_primaries, context.color_trc, context.colorspace = 9, 16, 9  # BT.2020, PQ
        for index in range(5):
            image = np.full((49, 65, 3), 50 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(image).reformat(format="yuv444p10le")
            frame.pts = index
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    said = []
    mux(clip, music(), film, codec="h264", reporter=callback_reporter(message=said.append))
    assert [sentence for sentence in said if "10 bits" in sentence]
    with av.open(str(film)) as result:
        stream = result.streams.video[0]
        context = stream.codec_context
        assert (context.width, context.height, context.pix_fmt) == (64, 48, "yuv420p10le")
        assert stream.sample_aspect_ratio == pytest.approx(4 / 3)
        assert (context.color_primaries, context.color_trc, context.colorspace) == (9, 16, 9)


def test_metadata_chapters_and_subtitles_are_kept(tmp_path):
    clip, film = tmp_path / "clip.mkv", tmp_path / "film.mkv"
    draw(tmp_path / "plain.mkv")
    with (
        av.open(str(tmp_path / "plain.mkv")) as source,
        av.open(str(clip), "w", metadata_errors="surrogateescape") as copy,
    ):
        stream = source.streams.video[0]
        target = copy.add_stream_from_template(stream, opaque=True)
        copy.metadata["title"] = "caf\udce9"  # as Latin-1 has it
        copy.set_chapters(
            [{"id": 1, "start": 0, "end": 1, "time_base": 1, "metadata": {"title": "one"}}]
        )
        for packet in source.demux(stream):
            if packet.size:
                packet.stream = target
                copy.mux(packet)
    mux(clip, music(), film)
    with av.open(str(film), metadata_errors="surrogateescape") as result:
        assert result.metadata["title"] == "caf\udce9"
        assert [c["metadata"]["title"] for c in result.chapters()] == ["one"]


def test_failures_are_one_sentence_without_the_temporary_name(tmp_path):
    clip = draw(tmp_path / "clip.mp4")
    staged = tmp_path / "missing" / ".film-x1.mp4"
    with pytest.raises(MuxError, match=r"^cannot write the film song\.mp4: No such file") as caught:
        mux(clip, music(), staged, name=Path("song.mp4"))
    assert ".film-x1" not in str(caught.value)
    with pytest.raises(MuxError, match=r"a \.webm film takes no H\.264"):
        check_film(clip, tmp_path / "film.webm", "h264")
    with pytest.raises(MuxError, match="still picture"):
        check_film(draw(tmp_path / "one.mp4", count=1), tmp_path / "film.mp4")
    text = tmp_path / "text.mp4"
    text.write_text("no clip")
    with pytest.raises(MuxError, match="cannot be read as a video"):
        check_film(text, tmp_path / "film.mp4")
