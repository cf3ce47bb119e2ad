"""The sound of a soundfont's samples, as they are in the file or decoded."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from render.errors import SoundfontError
from render.soundfont.bank import VORBIS, Bank, damaged, open_file, text

_CACHE_BYTES = 64 << 20


class SampleReader:
    """Reads the samples of a bank and caches the last ones, up to :data:`_CACHE_BYTES`.

    Args:
        bank: the soundfont.
    """

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self._kept: dict[int, NDArray[np.int16]] = {}

    def read(self, sample: int) -> NDArray[np.int16]:
        """The sound of a sample as int16 [frames].

        Raises:
            SoundfontError: it cannot be read or decoded.
        """
        sound = self._kept.pop(sample, None)
        self._kept[sample] = sound if sound is not None else _samples(self.bank, sample)
        while (
            sum(kept.nbytes for kept in self._kept.values()) > _CACHE_BYTES and len(self._kept) > 1
        ):
            self._kept.pop(next(iter(self._kept)))
        return self._kept[sample]


def is_vorbis(bank: Bank, sample: int) -> bool:
    """Whether a sample is compressed."""
    return bank.format == "SF3" and bool(bank.tables["shdr"][sample]["type"] & VORBIS)


def check_vorbis(bank: Bank, samples: Iterable[int]) -> None:
    """Refuse samples of an SF3 file that do not begin as Vorbis does.

    Raises:
        SoundfontError: one is not.
    """
    with open_file(bank.path) as stream:
        for sample in samples:
            try:
                soundfile.info(io.BytesIO(_raw(bank, sample, stream)))
            except (soundfile.LibsndfileError, ValueError, RuntimeError) as error:
                raise _undecodable(bank, sample) from error


def _raw(bank: Bank, sample: int, stream: BinaryIO) -> bytes:
    """The bytes of a sample as they are in the file."""
    header = bank.tables["shdr"][sample]
    unit = 1 if is_vorbis(bank, sample) else 2
    start, end = unit * int(header["start"]), unit * int(header["end"])
    stream.seek(bank.samples[0] + start)
    return stream.read(max(min(end, bank.samples[1]) - start, 0))


def _samples(bank: Bank, sample: int) -> NDArray[np.int16]:
    """The sound of a sample as int16 [frames]."""
    with open_file(bank.path) as stream:
        raw = _raw(bank, sample, stream)
    if not is_vorbis(bank, sample):
        return np.frombuffer(raw[: len(raw) // 2 * 2], "<i2")
    try:
        sound, _ = soundfile.read(io.BytesIO(raw), dtype="int16", always_2d=True)
    except (soundfile.LibsndfileError, ValueError, RuntimeError) as error:
        raise _undecodable(bank, sample) from error
    return np.ascontiguousarray(sound[:, 0], np.int16)


def _undecodable(bank: Bank, sample: int) -> SoundfontError:
    name = text(bank.tables["shdr"][sample]["name"])
    return damaged(bank.path, f"sample {name!r} cannot be decoded")
