"""A few presets of a soundfont as a small SF2 file of their own.

What plays a soundfont then has little to read, and nothing that it has to be wary of: every zone
gets sample addresses that were checked, and samples compressed with Vorbis (SF3) are decoded.
Modulators are left out, for which RustySynth, whom this is for, has no use.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from render.bank import INSTRUMENT, ROM, SAMPLE, VORBIS, Bank, damaged, open_file, text
from render.errors import SoundfontError

_FINE = {0: "start", 1: "end", 2: "loop_start", 3: "loop_end"}
_COARSE = {4: "start", 12: "end", 45: "loop_start", 50: "loop_end"}
"""Generators that move a sample's addresses by frames, and by :data:`_COARSE_FRAMES`."""
_COARSE_FRAMES = 32768
_MODES, _LOOPED = 54, (1, 3)
_KEYS, _VELOCITIES = 43, 44
"""Generators with the lowest and the highest key and velocity of a zone."""
_MOVED = (*_FINE, *_COARSE, _MODES)
_SLACK = 64
"""Frames by which addresses may miss the sample data, as those of many soundfonts do."""
_GUARD = 128
"""Silent frames after each sample, more than the 46 that the format asks for (7.10)."""
_KEPT_BYTES = 64 << 20
_RATES = (400, 192_000)
_UNPITCHED_KEY = 60

_Zone = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Where a zone's sound lies, in frames of its sample."""

    start: int
    end: int
    loop_start: int
    loop_end: int


def check_presets(bank: Bank, presets: Iterable[tuple[int, int]]) -> None:
    """Refuse presets whose zones lead outside of the sample data or to samples of no format.

    Raises:
        SoundfontError: one does.
    """
    found = {
        sample: None
        for instrument in _instruments(bank, presets)
        for _, sample, _ in _checked_zones(bank, instrument)
        if sample is not None and _is_vorbis(bank, sample)
    }
    with open_file(bank.path) as stream:
        for sample in found:
            try:
                soundfile.info(io.BytesIO(_raw(bank, sample, stream)))
            except (soundfile.LibsndfileError, ValueError, RuntimeError) as error:
                raise _undecodable(bank, sample) from error


class SampleReader:
    """Reads the samples of a bank and keeps the last that were read, up to :data:`_KEPT_BYTES`.

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
            sum(kept.nbytes for kept in self._kept.values()) > _KEPT_BYTES and len(self._kept) > 1
        ):
            self._kept.pop(next(iter(self._kept)))
        return self._kept[sample]


def subset(
    samples: SampleReader,
    presets: Collection[tuple[int, int]],
    played: Iterable[tuple[int, int]] | None = None,
) -> bytes:
    """Some presets of a bank as an SF2 file, under their own numbers.

    Args:
        samples: of the bank.
        presets: (bank, program) of each.
        played: (key, velocity) of the notes that are needed; None stands for all.

    Raises:
        SoundfontError: their zones lead outside of the sample data, a sample cannot be decoded, or
            the file cannot be read.
    """
    bank = samples.bank
    writer = _Writer(samples, played)
    instruments = {index: i for i, index in enumerate(_instruments(bank, presets))}
    for index in instruments:
        writer.add_instrument(index)
    for preset in sorted(presets):
        writer.add_preset(preset, instruments)
    return writer.file()


def _instruments(bank: Bank, presets: Iterable[tuple[int, int]]) -> list[int]:
    """The instruments that presets play, each once."""
    known = bank.presets
    chosen = (
        amount
        for preset in presets
        for zone in bank.zones("p", known[preset])
        for kind, amount in zone
        if kind == INSTRUMENT
    )
    return list(dict.fromkeys(chosen))


def _checked_zones(bank: Bank, instrument: int) -> list[tuple[_Zone, int | None, _Addresses]]:
    """The zones of an instrument: generators, sample (None for the global zone), addresses."""
    checked: list[tuple[_Zone, int | None, _Addresses]] = []
    common: _Zone = []
    name = text(bank.tables["inst"][instrument]["name"])
    for number, zone in enumerate(bank.zones("i", instrument)):
        sample = next((amount for kind, amount in zone if kind == SAMPLE), None)
        if sample is None:
            if number == 0:
                common = zone
                checked.append((zone, None, _Addresses(0, 0, 0, 0)))
            continue  # a zone without a sample that is not the first is to be ignored (7.7)
        header = bank.tables["shdr"][sample]
        if header["type"] & ROM or header["start"] == header["end"]:
            continue
        checked.append((zone, sample, _addresses(bank, name, dict(common) | dict(zone), sample)))
    return checked


def _addresses(bank: Bank, instrument: str, zone: dict[int, int], sample: int) -> _Addresses:
    """Frames of a zone's sound from the start of its sample.

    Raises:
        SoundfontError: they lie outside of the sample data.
    """
    header = bank.tables["shdr"][sample]
    is_vorbis = _is_vorbis(bank, sample)
    unit = 1 if is_vorbis else 2
    room = bank.samples[1] // unit
    start, end = int(header["start"]), int(header["end"])
    if not start < end <= room + _SLACK:
        raise damaged(bank.path, f"sample {text(header['name'])!r} lies outside of its data")
    base = 0 if is_vorbis else start
    found = {
        "start": 0,
        "end": end - start,
        "loop_start": int(header["loop_start"]) - base,
        "loop_end": int(header["loop_end"]) - base,
    }
    for kind, amount in zone.items():
        by = amount - 0x10000 if amount >= 0x8000 else amount
        if kind in _FINE:
            found[_FINE[kind]] += by
        elif kind in _COARSE:
            found[_COARSE[kind]] += by * _COARSE_FRAMES
    moved = any(kind in _FINE or kind in _COARSE for kind in zone)
    if moved and not is_vorbis:
        low, high = -start - _SLACK, room - start + _SLACK
        if not all(low <= at <= high for at in found.values()) or found["end"] <= found["start"]:
            raise damaged(
                bank.path, f"a zone of the instrument {instrument!r} lies outside of its samples"
            )
    return _Addresses(**found)


class _Writer:
    """Tables of a new file, as they grow."""

    def __init__(self, samples: SampleReader, played: Iterable[tuple[int, int]] | None) -> None:
        self._samples, self._bank = samples, samples.bank
        self._played = None if played is None else np.array(sorted(set(played))).reshape(-1, 2)
        self._places: dict[int, tuple[int, int]] = {}  # sample → (first frame, frames)
        self._sound: list[NDArray[np.int16]] = []
        self._frames = 0
        self._tables: dict[str, list[tuple[object, ...]]] = {name: [] for name in self._bank.tables}

    def add_instrument(self, index: int) -> None:
        """An instrument with the zones that are played, or a silent one where none is."""
        name = self._bank.tables["inst"][index]["name"]
        self._tables["inst"].append((name, len(self._tables["ibag"])))
        common: dict[int, int] = {}
        sounds = 0
        for zone, sample, addresses in _checked_zones(self._bank, index):
            if sample is None:
                common = dict(zone)
            elif not self._is_played(common | dict(zone)):
                continue
            kept = [g for g in zone if g[0] not in (*_MOVED, SAMPLE)]
            if sample is not None:
                looped, number = self._add_sample(sample, addresses)
                modes = (common | dict(zone)).get(_MODES, 0) & 3
                kept += [(_MODES, modes if looped and modes in _LOOPED else 0), (SAMPLE, number)]
            self._add_zone("i", kept)
            sounds += sample is not None
        if not sounds:
            self._add_zone("i", [(SAMPLE, self._add_silence())])

    def add_preset(self, preset: tuple[int, int], instruments: dict[int, int]) -> None:
        """A preset that plays instruments, given by their index in the bank and here."""
        index = self._bank.presets[preset]
        name = self._bank.tables["phdr"][index]["name"]
        bag = len(self._tables["pbag"])
        sounds = 0
        self._tables["phdr"].append((name, preset[1], preset[0], bag, bytes(12)))
        for number, zone in enumerate(self._bank.zones("p", index)):
            kept = [g for g in zone if g[0] != INSTRUMENT and g[0] not in _MOVED]
            chosen = [instruments[amount] for kind, amount in zone if kind == INSTRUMENT]
            if chosen or number == 0:
                self._add_zone("p", [*kept, *((INSTRUMENT, c) for c in chosen[:1])])
                sounds += len(chosen)
        if not sounds:
            self._add_zone("p", [(INSTRUMENT, len(self._tables["inst"]))])
            self._tables["inst"].append((b"silence", len(self._tables["ibag"])))
            self._add_zone("i", [(SAMPLE, self._add_silence())])

    def file(self) -> bytes:
        """The whole file."""
        tables = self._tables
        ends = {name: len(tables[name]) for name in ("pbag", "pgen", "ibag", "igen")}
        tables["phdr"].append((b"EOP", 0, 0, ends["pbag"], bytes(12)))
        tables["inst"].append((b"EOI", ends["ibag"]))
        tables["shdr"].append((b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0))
        for owner in ("p", "i"):
            tables[f"{owner}bag"].append((ends[f"{owner}gen"], 0))
            tables[f"{owner}mod"].append((bytes(10),))
            tables[f"{owner}gen"].append((0, 0))
        pdta = b"".join(
            _chunk(name, _records(rows, self._bank.tables[name].dtype))
            for name, rows in tables.items()
        )
        sound = np.concatenate([*self._sound, np.zeros(_GUARD, np.int16)])
        info = _chunk("ifil", b"\2\0\1\0") + _chunk("isng", b"EMU8000\0") + _chunk("INAM", b"-\0")
        lists = (
            _chunk("LIST", b"INFO" + info),
            _chunk("LIST", b"sdta" + _chunk("smpl", sound.astype("<i2").tobytes())),
            _chunk("LIST", b"pdta" + pdta),
        )
        return _chunk("RIFF", b"sfbk" + b"".join(lists))

    def _is_played(self, zone: dict[int, int]) -> bool:
        """Whether a note that is needed lies in the zone."""
        if self._played is None:
            return True
        inside = np.ones(len(self._played), bool)
        for column, kind in enumerate((_KEYS, _VELOCITIES)):
            high, low = divmod(zone.get(kind, 0x7F00), 256)
            inside &= (low <= self._played[:, column]) & (self._played[:, column] <= high)
        return bool(inside.any())

    def _add_zone(self, owner: str, generators: _Zone) -> None:
        self._tables[f"{owner}bag"].append((len(self._tables[f"{owner}gen"]), 0))
        self._tables[f"{owner}gen"] += generators

    def _append(self, sound: NDArray[np.int16]) -> tuple[int, int]:
        """Add to the sample data → the first frame, the frames, at least one."""
        place = self._frames, max(len(sound), 1)
        self._sound += [sound, np.zeros(_GUARD, np.int16)]
        self._frames += len(sound) + _GUARD
        return place

    def _add_silence(self) -> int:
        first, frames = self._append(np.zeros(_GUARD, np.int16))
        header = (b"silence", first, first + frames, first, first + frames, 44100, 60, 0, 0, 1)
        self._tables["shdr"].append(header)
        return len(self._tables["shdr"]) - 1

    def _add_sample(self, sample: int, at: _Addresses) -> tuple[bool, int]:
        """A header for one zone's view of a sample → whether it can be looped, its number."""
        if sample not in self._places:
            self._places[sample] = self._append(self._samples.read(sample))
        first, frames = self._places[sample]
        header = self._bank.tables["shdr"][sample]
        end = min(max(frames if _is_vorbis(self._bank, sample) else at.end, 1), frames)
        start = min(max(at.start, 0), end - 1)
        loop_start, loop_end = (min(max(x, start), end) for x in (at.loop_start, at.loop_end))
        key = int(header["key"])
        self._tables["shdr"].append(
            (
                header["name"], first + start, first + end, first + loop_start, first + loop_end,
                min(max(int(header["rate"]), _RATES[0]), _RATES[1]),
                key if key < 128 else _UNPITCHED_KEY, int(header["correction"]), 0, 1,
            )
        )  # fmt: skip
        return loop_end - loop_start > 1, len(self._tables["shdr"]) - 1


def _is_vorbis(bank: Bank, sample: int) -> bool:
    return bank.format == "SF3" and bool(bank.tables["shdr"][sample]["type"] & VORBIS)


def _raw(bank: Bank, sample: int, stream: BinaryIO) -> bytes:
    """The bytes of a sample as they are in the file."""
    header = bank.tables["shdr"][sample]
    unit = 1 if _is_vorbis(bank, sample) else 2
    start, end = unit * int(header["start"]), unit * int(header["end"])
    stream.seek(bank.samples[0] + start)
    return stream.read(max(min(end, bank.samples[1]) - start, 0))


def _samples(bank: Bank, sample: int) -> NDArray[np.int16]:
    """The sound of a sample as int16 [frames]."""
    with open_file(bank.path) as stream:
        raw = _raw(bank, sample, stream)
    if not _is_vorbis(bank, sample):
        return np.frombuffer(raw[: len(raw) // 2 * 2], "<i2")
    try:
        sound, _ = soundfile.read(io.BytesIO(raw), dtype="int16", always_2d=True)
    except (soundfile.LibsndfileError, ValueError, RuntimeError) as error:
        raise _undecodable(bank, sample) from error
    return np.ascontiguousarray(sound[:, 0], np.int16)


def _undecodable(bank: Bank, sample: int) -> SoundfontError:
    name = text(bank.tables["shdr"][sample]["name"])
    return damaged(bank.path, f"sample {name!r} cannot be decoded")


def _records(rows: list[tuple[object, ...]], kind: np.dtype) -> bytes:
    return np.array([row if kind.names else row[0] for row in rows], kind).tobytes()


def _chunk(name: str, content: bytes) -> bytes:
    return name.encode() + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)
