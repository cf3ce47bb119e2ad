"""Opening a clip by its name, whatever the name looks like and whatever the file is.

A name never chooses a protocol, and no demuxer may follow what a file says to other files:
playlists and lists of files are refused by name. What comes through a pipe is copied to a temporary
file first, for a clip is read more than once.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
from functools import cache
from pathlib import Path

import av
from av.container import InputContainer

from render.files.errors import AmtError
from render.files.naming import foreign_kind, path_text, unreadable

_FOLLOWING = {
    *("hls", "dash", "concat", "image2", "image2pipe", "imf", "lavfi", "webm_dash_manifest"),
    *("rtsp", "rtp", "sdp", "sap", "alsa", "fbdev", "kmsgrab", "x11grab", "video4linux2,v4l2"),
    *(
        "avfoundation",
        "dshow",
        "gdigrab",
        "vfwcap",
        "ffmetadata",
        "tty",
        "bin",
        "xbin",
        "adf",
        "idf",
    ),
}
"""Demuxers that open other files, devices or the network, or that draw a text."""

_STDIN = Path("/dev/stdin")
_copies: dict[tuple[int, int, int], Path] = {}
"""Temporary copies of what came through pipes, by device, inode and time of the last write."""


class ClipError(AmtError):
    """A clip cannot be opened, decoded, or holds no usable frames."""


def open_clip(path: Path) -> InputContainer:
    """Open a clip for reading with PyAV; the caller closes it.

    Args:
        path: a file, a named pipe, or ``-`` for standard input.

    Raises:
        ClipError: the file is missing, empty, no video, or not supported.
    """
    name = path_text(path)
    file = local_file(path)
    try:
        if file.is_dir():
            raise ClipError(f"'{name}' is a folder; give the path of a video file.")
        size = file.stat().st_size
        head = _head(file)
    except (OSError, ValueError) as error:
        raise ClipError(_not_opened(name, error)) from error
    if size == 0:
        raise ClipError(f"The video '{name}' is empty (0 bytes); export or download it again.")
    kind = foreign_kind(head)
    if kind is not None:
        raise ClipError(
            f"'{name}' cannot be read as a video: it is {kind}, and this kind of file is not "
            "supported; give a video file such as MP4, MOV, MKV or WebM."
        )
    try:
        # The prefix keeps a colon in the name from being taken for a protocol; titles in other
        # encodings than UTF-8 pass through as they are.
        container: InputContainer = av.open(
            f"file:{file}",
            container_options={"format_whitelist": _formats(), "protocol_whitelist": "file"},
            metadata_errors="surrogateescape",
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ClipError(f"'{name}' {unreadable(file)}") from error
    return container


def local_file(path: Path) -> Path:
    """The file itself, or a temporary copy of what comes through a pipe.

    The copy is removed when the program ends; a pipe is read once, however often it is asked for.

    Raises:
        ClipError: standard input is a terminal, a device was named, or the copy does not fit.
    """
    if str(path) == "-" and not path.exists():
        path = _STDIN
    name = path_text(path)
    try:
        status = path.stat()
        if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            raise ClipError(f"'{name}' is a device; give a video file, or pipe one in.")
        if not stat.S_ISFIFO(status.st_mode) and not stat.S_ISSOCK(status.st_mode):
            return path
        key = (status.st_dev, status.st_ino, status.st_mtime_ns)
        if key not in _copies:
            copy = _copied(path)
            status = path.stat()  # the writer changed the time
            key = (status.st_dev, status.st_ino, status.st_mtime_ns)
            _copies[key] = copy
        return _copies[key]
    except (OSError, ValueError) as error:
        raise ClipError(_not_opened(name, error)) from error


def _copied(path: Path) -> Path:
    descriptor, name = tempfile.mkstemp(prefix="amt-clip-", suffix=path.suffix)
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            Path(name).unlink(missing_ok=True)

    atexit.register(remove)
    try:
        with path.open("rb") as source, os.fdopen(descriptor, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    except OSError as error:
        remove()
        raise ClipError(
            f"what comes through '{path_text(path)}' cannot be kept in {tempfile.gettempdir()} "
            f"({error.strerror}); make room there, or save it as a file first."
        ) from error
    return Path(name)


def _not_opened(name: str, error: OSError | ValueError) -> str:
    reason = error.strerror if isinstance(error, OSError) else "no file can have this name"
    return f"The video '{name}' cannot be opened ({reason}); check the path."


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1 << 16)


@cache
def _formats() -> str:
    """Names of all demuxers that read the file alone."""
    return ",".join(sorted(av.formats_available - _FOLLOWING))
