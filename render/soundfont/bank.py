"""The contents of a soundfont file: its presets, instruments and samples, checked.

A soundfont is a RIFF file of form ``sfbk`` (E-mu, *SoundFont Technical Specification 2.04*, cited
by section below). SF3 is the same with major version 3 and samples compressed with Vorbis, whose
headers count bytes where SF2 counts sample frames.

Only the tables are read here, so a bank of hundreds of megabytes opens in milliseconds.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from render.errors import SoundfontError
from render.files.errors import shown
from render.soundfont.modulators import Modulator

Format = Literal["SF2", "SF3"]
Table = NDArray[Any]
"""Records of one of the tables below."""

DRUM_BANK = 128
"""The bank that holds drum kits."""
_PROGRAMS = 128
MAX_NAME = 60
"""Characters of a name in a soundfont that are quoted."""
INSTRUMENT, SAMPLE = 41, 53
"""Generators (8.1.2) that end a zone: the instrument or the sample that it plays."""
VORBIS, ROM = 0x10, 0x8000
"""Flags of a sample's type: compressed (SF3), in the memory of a sound card (7.10)."""

_MODULATOR = np.dtype(
    [
        ("source", "<u2"), ("target", "<u2"), ("amount", "<i2"), ("amount_source", "<u2"),
        ("transform", "<u2"),
    ]
)  # fmt: skip
_RECORDS = {  # 7.2 to 7.10
    "phdr": np.dtype(
        [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("rest", "V12")]
    ),
    "pbag": np.dtype([("generator", "<u2"), ("modulator", "<u2")]),
    "pmod": _MODULATOR,
    "pgen": np.dtype([("kind", "<u2"), ("amount", "<u2")]),
    "inst": np.dtype([("name", "S20"), ("bag", "<u2")]),
    "ibag": np.dtype([("generator", "<u2"), ("modulator", "<u2")]),
    "imod": _MODULATOR,
    "igen": np.dtype([("kind", "<u2"), ("amount", "<u2")]),
    "shdr": np.dtype(
        [
            ("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop_start", "<u4"),
            ("loop_end", "<u4"), ("rate", "<u4"), ("key", "u1"), ("correction", "i1"),
            ("link", "<u2"), ("type", "<u2"),
        ]
    ),
}  # fmt: skip
_MAX_TABLE_BYTES = 64 << 20
"""A table of a real soundfont is less than a megabyte."""
_NOT_SOUNDFONTS = (
    (b"PK\3\4", "a ZIP archive: unpack it and choose the .sf2 file inside"),
    (b"Rar!", "a RAR archive: unpack it and choose the .sf2 file inside"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it and choose the .sf2 file inside"),
    (b"\x1f\x8b", "compressed with gzip: unpack it first"),
    (b"<", "a web page or XML, perhaps a failed download: download the soundfont again"),
    (b"version https://git-lfs", "a Git LFS pointer: fetch the file itself"),
    (b"MThd", "a MIDI file: choose a .sf2 or .sf3 file"),
)


@dataclass(frozen=True, slots=True)
class Bank:
    """The tables of a soundfont.

    Attributes:
        path: the file.
        format: SF2 or SF3.
        name: what the soundfont calls itself (INAM); empty where it does not.
        tables: ``phdr`` … ``shdr`` → records, terminal records included.
        samples: (position in the file, bytes) of the sample data.
    """

    path: Path
    format: Format
    name: str
    tables: dict[str, Table]
    samples: tuple[int, int]

    @property
    def presets(self) -> dict[tuple[int, int], int]:
        """(bank, program) → index in ``phdr``; the first of those that share numbers.

        Only those that MIDI can ask for.
        """
        found: dict[tuple[int, int], int] = {}
        for index, preset in enumerate(self.tables["phdr"][:-1].tolist()):
            if preset[2] <= DRUM_BANK and preset[1] < _PROGRAMS:
                found.setdefault((preset[2], preset[1]), index)
        return found

    def preset_name(self, preset: tuple[int, int]) -> str:
        """What the soundfont calls a preset."""
        return text(self.tables["phdr"][self.presets[preset]]["name"])

    def zones(self, kind: Literal["p", "i"], index: int) -> list[list[tuple[int, int]]]:
        """The zones of a preset or an instrument, each a list of (generator, amount)."""
        owners = self.tables["phdr" if kind == "p" else "inst"]["bag"]
        first, last = int(owners[index]), int(owners[index + 1])
        starts = self.tables[f"{kind}bag"]["generator"][first : last + 1].tolist()
        generators = self.tables[f"{kind}gen"]
        return [generators[a:b].tolist() for a, b in pairwise(starts)]

    def modulators(self, kind: Literal["p", "i"], index: int) -> list[list[Modulator]]:
        """The modulators of the zones of a preset or an instrument."""
        owners = self.tables["phdr" if kind == "p" else "inst"]["bag"]
        first, last = int(owners[index]), int(owners[index + 1])
        starts = self.tables[f"{kind}bag"]["modulator"][first : last + 1].tolist()
        rows = self.tables[f"{kind}mod"]
        return [[Modulator(*row) for row in rows[a:b].tolist()] for a, b in pairwise(starts)]

    def resolve(self, bank: int, program: int, *, is_drum: bool) -> tuple[int, int] | None:
        """The (bank, program) of the preset for a bank and program, or of a substitute.

        In FluidSynth's order: the preset itself; the same program of bank 0; program 0 of bank 0;
        the first that is no drum kit. For drums: the kit itself, the standard kit, the first kit;
        None where the soundfont has no kit.
        """
        presets = self.presets
        candidates = [(bank, program), (0, program), (0, 0)]
        if is_drum:
            candidates = [(DRUM_BANK, program), (DRUM_BANK, 0)]
        rest = sorted(preset for preset in presets if (preset[0] == DRUM_BANK) == is_drum)
        return next((found for found in (*candidates, *rest) if found in presets), None)


def read_bank(path: Path) -> Bank:
    """Read and check the tables of a soundfont.

    Raises:
        SoundfontError: the file is missing, cannot be read, is no soundfont, or is damaged.
    """
    with open_file(path) as stream:
        try:
            check_head(path, stream.read(64))
            chunks = _chunks(stream, 12, os.fstat(stream.fileno()).st_size)
            info, sdta, pdta = (_list(stream, chunks, kind) for kind in ("INFO", "sdta", "pdta"))
            tables = {name: _table(stream, pdta, name) for name in _RECORDS}
            if "smpl" not in sdta:
                raise ValueError("it holds no samples")
            _check_indices(tables)
            return Bank(path, _version(stream, info), _info(stream, info), tables, sdta["smpl"])
        except OSError as error:
            raise SoundfontError(
                f"cannot read the soundfont {shown(path)}: {error.strerror}"
            ) from error
        except ValueError as error:
            raise damaged(path, str(error)) from error


def damaged(path: Path, reason: str) -> SoundfontError:
    """The error for a soundfont that cannot be played."""
    return SoundfontError(
        f"the soundfont {shown(path)} is damaged: {reason}: download it again or choose another "
        "soundfont"
    )


def open_file(path: Path) -> BinaryIO:
    """A regular file, opened for reading.

    Raises:
        SoundfontError: it is missing, cannot be read, or is a folder, a pipe or a device.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a folder" if path.is_dir() else "a pipe or a device"
            raise SoundfontError(
                f"cannot read the soundfont {shown(path)}: it is {kind}: choose a .sf2 or .sf3 file"
            )
        return path.open("rb")
    except OSError as error:
        raise SoundfontError(
            f"cannot read the soundfont {shown(path)}: {error.strerror}"
        ) from error
    except ValueError as error:  # a NUL in the name
        raise SoundfontError(f"cannot read the soundfont {str(path)!r}: {error}") from error


def check_head(path: Path, head: bytes) -> None:
    """Refuse what is no soundfont by its first bytes, with a name for common other kinds of files.

    Raises:
        SoundfontError: it is something else.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"sfbk":
        return
    expected = "expected a RIFF file of form sfbk (.sf2 or .sf3)"
    if not head:
        raise SoundfontError(f"{shown(path)} is not a soundfont: it is empty: download it again")
    if head[:4] == b"RIFF" and head[8:12].strip() == b"DLS":
        expected = "it is a DLS bank: convert it to .sf2 or choose another soundfont"
    elif b"sfArk" in head:
        expected = "it is compressed with sfArk: unpack it to .sf2 first"
    elif head.lstrip()[:8].lower() in (b"<region>", b"<group>", b"<global>", b"<control"):
        expected = "it is an SFZ instrument: convert it to .sf2 or choose another soundfont"
    else:
        for start, kind in _NOT_SOUNDFONTS:
            if head.lstrip().startswith(start):
                expected = f"it is {kind}"
                break
    raise SoundfontError(f"{shown(path)} is not a soundfont: {expected}")


def text(raw: bytes) -> str:
    """A name as it can be printed, at most :data:`MAX_NAME` characters."""
    name = raw.split(b"\0")[0].decode("latin-1").strip()
    return "".join(c for c in name if c.isprintable())[:MAX_NAME]


def _chunks(stream: BinaryIO, start: int, end: int) -> list[tuple[str, int, int]]:
    """(name, position, bytes) of the chunks between two positions of a file."""
    found: list[tuple[str, int, int]] = []
    while start + 8 <= end:
        stream.seek(start)
        head = stream.read(8)
        size = int.from_bytes(head[4:], "little")
        if start + 8 + size > end:
            raise ValueError(
                f"the chunk {text(head[:4])!r} needs {size} bytes and {end - start - 8} are there"
            )
        found.append((text(head[:4]), start + 8, size))
        start += 8 + size
        if size % 2:  # padded by a zero, which writers of SF3 leave out
            stream.seek(start)
            start += stream.read(1) == b"\0"
    return found


def _list(
    stream: BinaryIO, chunks: list[tuple[str, int, int]], kind: str
) -> dict[str, tuple[int, int]]:
    """The chunks of one of the three lists: name → (position, bytes)."""
    for name, start, size in chunks:
        stream.seek(start)
        if name == "LIST" and stream.read(4) == kind.encode():
            inner = _chunks(stream, start + 4, start + size)
            return {name: (at, length) for name, at, length in reversed(inner)}
    raise ValueError(f"it has no list {kind}")


def _table(stream: BinaryIO, pdta: dict[str, tuple[int, int]], name: str) -> Table:
    record = _RECORDS[name]
    start, size = pdta.get(name, (0, -1))
    if name in ("pmod", "imod") and size <= 0:
        return np.zeros(0, record)  # some writers leave out what is empty
    if size < record.itemsize or size % record.itemsize or size > _MAX_TABLE_BYTES:
        raise ValueError(f"the table {name} is missing or of a wrong size")
    stream.seek(start)
    return np.frombuffer(stream.read(size), record)


def _version(stream: BinaryIO, info: dict[str, tuple[int, int]]) -> Format:
    start, size = info.get("ifil", (0, 0))
    if size < 4:
        raise ValueError("it states no version")
    stream.seek(start)
    major = int.from_bytes(stream.read(2), "little")
    if major not in (1, 2, 3):
        raise ValueError(f"it is of version {major}, expected 2 or 3")
    return "SF3" if major == 3 else "SF2"


def _info(stream: BinaryIO, info: dict[str, tuple[int, int]]) -> str:
    start, size = info.get("INAM", (0, 0))
    stream.seek(start)
    return text(stream.read(min(size, 256)))


def _check_indices(tables: dict[str, Table]) -> None:
    """Refuse tables that point beyond each other's ends or backwards."""
    if len(tables["phdr"]) < 2:
        raise ValueError("it holds no presets")
    for owner, field, owned in (
        ("phdr", "bag", "pbag"), ("pbag", "generator", "pgen"), ("pbag", "modulator", "pmod"),
        ("inst", "bag", "ibag"), ("ibag", "generator", "igen"), ("ibag", "modulator", "imod"),
    ):  # fmt: skip
        indices = tables[owner][field].astype(np.int64)
        # The last zone's bag index points at the terminal bag, which is there too.
        last = len(tables[owned]) - (owned in ("pbag", "ibag"))
        if (np.diff(indices) < 0).any() or indices[-1] > max(last, 0):
            raise ValueError(f"indices of the table {owner} lead outside of {owned}")
    for table, kind, owned in (("pgen", INSTRUMENT, "inst"), ("igen", SAMPLE, "shdr")):
        chosen = tables[table]["amount"][tables[table]["kind"] == kind]
        if (chosen >= len(tables[owned]) - 1).any():
            raise ValueError(f"zones of the table {table} lead outside of {owned}")
