"""What kind of file it is that cannot be read as a video, in words for a message."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from render.files.errors import shown

_HEAD = 1 << 20
_ATOMS = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof"}
_STARTS = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a compressed file or the project of an editing program"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"MThd", "a MIDI file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"#EXTM3U", "a playlist, not the video itself"),
    (b"ffconcat", "a list of files, not a video itself"),
    (b"v=0", "the description of a stream, not the video itself"),
    (b"WEBVTT", "a file of subtitles"),
)
_XML = (
    (b"<fcpxml", "the project of an editing program"),
    (b"<xmeml", "the project of an editing program"),
    (b"<mlt", "the project of an editing program"),
    (b"<premieredata", "the project of an editing program"),
    (b"<mpd", "a playlist, not the video itself"),
    (b"<smil", "a playlist, not the video itself"),
    (b"<svg", "an SVG drawing"),
    (b"<html", "a web page"),
    (b"<!doctype html", "a web page"),
)
_RIFF = {b"WEBP": "a WebP picture", b"sfbk": "a soundfont", b"RMID": "a MIDI file"}
_STILLS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif"}


def path_text(path: Path) -> str:
    r"""A path as one printable line; see :func:`render.files.errors.shown`.

    >>> path_text(Path("a\nb.mp4"))
    'a\\nb.mp4'
    """
    return shown(path)


def foreign_kind(head: bytes) -> str | None:
    """What kind of file begins with some bytes, if one that no video begins with.

    >>> foreign_kind(b"%PDF-1.7")
    'a PDF document'
    """
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for signature, kind in _STARTS:
        if start.startswith(signature):
            return kind
    if start.startswith(b"<"):
        lower = start[:4096].lower()
        return next((kind for mark, kind in _XML if mark in lower), "an XML or HTML text")
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        animated = head[12:16] == b"VP8X" and b"ANIM" in head[:4096]
        return "an animated WebP picture" if animated else _RIFF[head[8:12]]
    if head[4:8] == b"ftyp" and head[8:12] in _STILLS:
        return "a HEIC or AVIF picture"
    return "a text" if _is_text(head) else None


def unreadable(path: Path) -> str:
    """Why a file cannot be opened as a video, and what to do: the rest of a sentence."""
    end = path.stat().st_size
    atoms = list(_top_atoms(path))
    whole = {kind for kind, (start, length) in atoms if start + length <= end}
    if atoms and not whole & {b"moov", b"moof"}:
        return (
            "is not complete: it breaks off before its index (moov), because the recording or the "
            "copy was interrupted; copy, download or export it again."
        )
    return (
        "cannot be read as a video: it is of another kind or breaks off; "
        "give a complete file such as MP4, MOV, MKV or WebM."
    )


def undecodable(path: Path) -> str:
    """Why no frame of a file can be decoded, and what to do: the rest of a sentence."""
    if is_encrypted(path):
        return ENCRYPTED
    return (
        "holds no picture that can be decoded; the file looks damaged or was cut before its first "
        "key frame, so export or download it again."
    )


ENCRYPTED = (
    "is encrypted (copy protection), so its pictures cannot be read; give a version without it."
)


def is_encrypted(path: Path) -> bool:
    """Whether a file declares its video as encrypted: MP4, Matroska and transport streams."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if head[:4] == b"\x1aE\xdf\xa3":
            return re.search(rb"\x50\x35[\x40-\xff].{0,40}\x47[\xe1\xe2]", head, re.S) is not None
        for size in (188, 192):
            lead = size - 188
            flags = head[lead + 3 :: size]
            if head[lead::size][:8] == b"\x47" * 8:
                return sum(flag >> 6 != 0 for flag in flags) > len(flags) // 2
        for kind, (start, length) in _top_atoms(path):
            if kind == b"moov":
                file.seek(start)
                moov = file.read(min(length, 1 << 26))
                return any(mark in moov for mark in (b"encv", b"drmi"))
    return False


def codec_tag(path: Path) -> str:
    """The codec tag of a file's video stream, or ``unknown``."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if head[:4] == b"\x1aE\xdf\xa3":
            found = re.search(rb"V_[A-Z0-9_/.]+", head)
            return found.group().decode("ascii") if found else "unknown"
        if head[:4] == b"RIFF" and (at := head.find(b"strf")) > 0:
            return _printable(head[at + 24 : at + 28])
        for kind, (start, length) in _top_atoms(path):
            if kind == b"moov":
                file.seek(start)
                moov = file.read(min(length, 1 << 26))
                video = moov.find(b"vide")
                at = moov.find(b"stsd", max(video, 0))
                return _printable(moov[at + 16 : at + 20]) if at > 0 else "unknown"
    return "unknown"


def _printable(tag: bytes) -> str:
    text = tag.decode("latin-1").strip("\0 ")
    return text if text.isprintable() and text else "unknown"


def _top_atoms(path: Path) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Kind, start and length of each outermost atom of a QuickTime or MP4 file; none of others."""
    with path.open("rb") as file:
        end, at = file.seek(0, 2), 0
        while at + 8 <= end:
            file.seek(at)
            size, kind = struct.unpack(">I4s", file.read(8))
            if size == 1:
                size = int.from_bytes(file.read(8))
            size = size or end - at
            if (at == 0 and kind not in _ATOMS) or size < 8:
                return
            yield kind, (at, size)
            at += size


def _is_text(head: bytes) -> bool:
    """Whether bytes are a text in UTF-8: printable, in lines."""
    if b"\0" in head:
        return False
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return all(c.isprintable() or c.isspace() for c in text[:4096])
