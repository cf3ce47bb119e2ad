"""Sound → WAV or FLAC file."""

from __future__ import annotations

import shutil
from pathlib import Path

import soundfile

from render.audio.blocks import Sound
from render.errors import AudioError
from render.files.errors import shown

FILE_FORMATS = {".wav": "WAV", ".flac": "FLAC"}
"""Suffix → container."""

_SUBTYPE, _SAMPLE_BYTES = "PCM_24", 3
"""24 bits a sample: their rounding noise (-144 dBFS) needs no dither, so equal samples give equal
files."""
_MAX_WAV_BYTES = 0xFFFF_0000
"""The sizes in a WAV file's header have 32 bits; some are left for the header."""
_FULL_DISK_BYTES = 1 << 20
"""With less free space than this, a failed write is put down to a full disk."""


def write_audio(sound: Sound, path: Path) -> None:
    """Write a sound as 24-bit WAV or FLAC, as the suffix of ``path`` says.

    Equal sounds give equal bytes. Samples beyond full scale are clipped. A WAV file cannot be
    longer than 4 GiB (4.5 hours of stereo at 44.1 kHz); what is longer becomes RF64 (EBU Tech
    3306), which editors read under the same suffix.

    Raises:
        AudioError: the suffix is neither ``.wav`` nor ``.flac``, or the file cannot be written.
    """
    file_format = FILE_FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise AudioError(f"{shown(path.name)} has no known audio suffix: name it .wav or .flac")
    channels = sound.channels
    if file_format == "WAV" and channels * sound.frames * _SAMPLE_BYTES > _MAX_WAV_BYTES:
        file_format = "RF64"
    try:
        with soundfile.SoundFile(
            path, "w", sound.sample_rate, channels, format=file_format, subtype=_SUBTYPE
        ) as file:
            for block in sound.blocks():
                file.write(block.T)
    except (OSError, soundfile.LibsndfileError) as error:
        cause = "the disk is full" if _is_full(path) else str(error)
        raise AudioError(f"cannot write {shown(path)}: {cause}") from error


def _is_full(path: Path) -> bool:
    """Whether the disk of a file is full, for which libsndfile has no error of its own."""
    try:
        return shutil.disk_usage(path.parent).free < _FULL_DISK_BYTES
    except OSError:
        return False
