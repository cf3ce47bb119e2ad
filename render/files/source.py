"""Opening a clip by its name, whatever the name looks like."""

from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer

from render.files.errors import AmtError


class ClipError(AmtError):
    """A clip cannot be opened, decoded, or holds no usable picture."""


def open_clip(path: Path) -> InputContainer:
    """Open a clip for reading with PyAV; the caller closes it.

    Raises:
        ClipError: the file is missing, empty, no video, or not supported.
    """
    if path.is_dir():
        raise ClipError(f"'{path}' is a folder; give the path of a video file.")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ClipError(
            f"The video '{path}' cannot be opened ({error.strerror}); check the path."
        ) from error
    if size == 0:
        raise ClipError(f"The video '{path}' is empty (0 bytes); export or download it again.")
    try:
        # The prefix keeps a colon in the name from being taken for a protocol; names and titles
        # in other encodings than UTF-8 pass through as they are.
        container: InputContainer = av.open(f"file:{path}", metadata_errors="surrogateescape")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ClipError(
            f"'{path}' cannot be read as a video: it is of another kind or breaks off; "
            "give a complete file such as MP4, MOV, MKV or WebM."
        ) from error
    return container
