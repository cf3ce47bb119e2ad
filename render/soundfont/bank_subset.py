"""A few presets of a soundfont as a small SF2 file of their own.

A synthesiser then reads little and nothing dangerous: the sample addresses of all zones were
checked, and samples compressed with Vorbis (SF3) are decoded. RustySynth, for which this is made,
ignores modulators: their effect on the notes that are played is added to the generators, in a zone
for every few velocities or keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.soundfont.bank import INSTRUMENT, ROM, SAMPLE, Bank, damaged, text
from render.soundfont.bank_samples import SampleReader, check_vorbis, is_vorbis
from render.soundfont.modulators import Modulator, added, depends_on, of_notes

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
_STEPS = (1, 4, 16, 128)
"""Neighbouring keys and velocities that share a zone; more where there would be too many zones."""
_MAX_RECORDS = 0xFFFF
_DEFAULTS = {8: 13500} | dict.fromkeys((21, 23, 25, 26, 27, 28, 30, 33, 34, 35, 36, 38), -12000)
"""Generators whose default is not 0 (8.1.3)."""
_RATES = (400, 192_000)
_UNPITCHED_KEY = 60

_Zone = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Addresses:
    """The range and loop of a zone, in frames from the start of its sample."""

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
        if sample is not None and is_vorbis(bank, sample)
    }
    check_vorbis(bank, found)


def subset(
    samples: SampleReader,
    presets: Collection[tuple[int, int]],
    played: Collection[tuple[int, int]],
) -> bytes:
    """Some presets of a bank as an SF2 file, under their own numbers.

    Args:
        samples: of the bank.
        presets: (bank, program) of each.
        played: (key, velocity) of the notes that are needed.

    Raises:
        SoundfontError: their zones lead outside of the sample data, a sample cannot be decoded, or
            the file cannot be read.
    """
    instruments = {index: i for i, index in enumerate(_instruments(samples.bank, presets))}
    for step in _STEPS:
        writer = SubsetWriter(samples, played, step)
        for index in instruments:
            writer.add_instrument(index)
        for preset in sorted(presets):
            writer.add_preset(preset, instruments)
        if writer.fits():
            break
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


def _checked_zones(bank: Bank, instrument: int) -> list[tuple[int, int | None, _Addresses]]:
    """The zones of an instrument: number, sample (None for the global zone), addresses."""
    checked: list[tuple[int, int | None, _Addresses]] = []
    common: _Zone = []
    name = text(bank.tables["inst"][instrument]["name"])
    for number, zone in enumerate(bank.zones("i", instrument)):
        sample = next((amount for kind, amount in zone if kind == SAMPLE), None)
        if sample is None:
            if number == 0:
                common = zone
                checked.append((number, None, _Addresses(0, 0, 0, 0)))
            continue  # a zone without a sample that is not the first is to be ignored (7.7)
        header = bank.tables["shdr"][sample]
        if header["type"] & ROM or header["start"] == header["end"]:
            continue
        checked.append((number, sample, _addresses(bank, name, dict(common) | dict(zone), sample)))
    return checked


def _addresses(bank: Bank, instrument: str, zone: dict[int, int], sample: int) -> _Addresses:
    """Frames of a zone's sound from the start of its sample.

    Raises:
        SoundfontError: they lie outside of the sample data.
    """
    header = bank.tables["shdr"][sample]
    packed = is_vorbis(bank, sample)
    unit = 1 if packed else 2
    room = bank.samples[1] // unit
    start, end = int(header["start"]), int(header["end"])
    if not start < end <= room + _SLACK:
        raise damaged(bank.path, f"sample {text(header['name'])!r} lies outside of its data")
    base = 0 if packed else start
    found = {
        "start": 0,
        "end": end - start,
        "loop_start": int(header["loop_start"]) - base,
        "loop_end": int(header["loop_end"]) - base,
    }
    for kind, amount in zone.items():
        by = _signed(amount)
        if kind in _FINE:
            found[_FINE[kind]] += by
        elif kind in _COARSE:
            found[_COARSE[kind]] += by * _COARSE_FRAMES
    moved = any(kind in _FINE or kind in _COARSE for kind in zone)
    if moved and not packed:
        low, high = -start - _SLACK, room - start + _SLACK
        if not all(low <= at <= high for at in found.values()) or found["end"] <= found["start"]:
            raise damaged(
                bank.path, f"a zone of the instrument {instrument!r} lies outside of its samples"
            )
    return _Addresses(**found)


class SubsetWriter:
    """Collects the tables and the sample data of a new SF2 file.

    Args:
        samples: of the bank.
        played: (key, velocity) of the notes that are needed.
        step: neighbouring keys and velocities that share a zone.
    """

    def __init__(
        self, samples: SampleReader, played: Collection[tuple[int, int]], step: int
    ) -> None:
        self._samples, self._bank, self._step = samples, samples.bank, step
        self._played = np.array(sorted(set(played))).reshape(-1, 2)
        self._places: dict[int, tuple[int, int]] = {}  # sample → (first frame, frames)
        self._sound: list[NDArray[np.int16]] = []
        self._frames = 0
        self._tables: dict[str, list[tuple[object, ...]]] = {name: [] for name in self._bank.tables}

    def fits(self) -> bool:
        """Whether indices of 16 bits lead to all records."""
        return all(len(rows) < _MAX_RECORDS for rows in self._tables.values())

    def add_instrument(self, index: int) -> None:
        """An instrument with the zones that are played, or a silent one where none is."""
        name = self._bank.tables["inst"][index]["name"]
        self._tables["inst"].append((name, len(self._tables["ibag"])))
        zones, modulators = self._bank.zones("i", index), self._bank.modulators("i", index)
        common: _Zone = []
        shared: list[Modulator] = []
        sounds = 0
        for number, sample, addresses in _checked_zones(self._bank, index):
            zone = [g for g in zones[number] if g[0] not in (*_MOVED, SAMPLE)]
            if sample is None:
                common, shared = zones[number], modulators[number]
                self._add_zone("i", zone)
                continue
            full = dict(common) | dict(zones[number])
            if not len(self._inside(full)):
                continue
            looped, place = self._add_sample(sample, addresses)
            modes = full.get(_MODES, 0) & 3
            end = [(_MODES, modes if looped and modes in _LOOPED else 0), (SAMPLE, place)]
            base = _DEFAULTS | {kind: _signed(amount) for kind, amount in full.items()}
            for split in self._split(zone, base, of_notes(shared, modulators[number]), False):
                self._add_zone("i", [*split, *end])
            sounds += 1
        if not sounds:
            self._add_zone("i", [(SAMPLE, self._add_silence())])

    def add_preset(self, preset: tuple[int, int], instruments: dict[int, int]) -> None:
        """A preset that plays instruments, given by their index in the bank and here."""
        index = self._bank.presets[preset]
        name = self._bank.tables["phdr"][index]["name"]
        bag = len(self._tables["pbag"])
        self._tables["phdr"].append((name, preset[1], preset[0], bag, bytes(12)))
        zones, modulators = self._bank.zones("p", index), self._bank.modulators("p", index)
        common: _Zone = []
        shared: list[Modulator] = []
        sounds = 0
        for number, found in enumerate(zones):
            zone = [g for g in found if g[0] != INSTRUMENT and g[0] not in _MOVED]
            chosen = [instruments[amount] for kind, amount in found if kind == INSTRUMENT]
            if number == 0 and not chosen:
                common, shared = zone, modulators[number]
                self._add_zone("p", zone)
            full = dict(common) | dict(zone)
            if not chosen or not len(self._inside(full)):
                continue
            base = {kind: _signed(amount) for kind, amount in full.items()}
            for split in self._split(zone, base, of_notes(shared, modulators[number]), True):
                self._add_zone("p", [*split, (INSTRUMENT, chosen[0])])
            sounds += 1
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
            tables[f"{owner}mod"].append((0, 0, 0, 0, 0))
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

    def _inside(self, zone: dict[int, int]) -> NDArray[np.int64]:
        """The (key, velocity) pairs [N, 2] that lie in a zone."""
        inside = np.ones(len(self._played), bool)
        for column, kind in enumerate((_KEYS, _VELOCITIES)):
            low, high = _range(zone, kind)
            inside &= (low <= self._played[:, column]) & (self._played[:, column] <= high)
        return self._played[inside]

    def _split(
        self, zone: _Zone, base: dict[int, int], modulators: tuple[Modulator, ...], is_preset: bool
    ) -> Iterator[_Zone]:
        """Zones, one for each group of notes to which the modulators add equal amounts.

        Args:
            zone: generators of the zone.
            base: signed generators of the zone and the global zone, in instruments also defaults.
            modulators: of the zone.
            is_preset: whether the zone is a preset's.
        """
        depends = depends_on(modulators)
        steps = [self._step if on else 128 for on in depends]
        rest = [g for g in zone if g[0] not in (_KEYS, _VELOCITIES)]
        for key, velocity in np.unique(self._inside(base) // steps, axis=0).tolist():
            ranges, middle = [], []
            for kind, group, step in zip((_KEYS, _VELOCITIES), (key, velocity), steps, strict=True):
                low, high = _range(base, kind)
                low, high = max(low, group * step), min(high, (group + 1) * step - 1)
                ranges.append((kind, low + 256 * high))
                middle.append((low + high) // 2)
            more = added(modulators, middle[0], middle[1], is_preset=is_preset)
            changed = {
                kind: min(max(base.get(kind, 0) + amount, -0x8000), 0x7FFF) & 0xFFFF
                for kind, amount in more.items()
            }
            yield [*ranges, *(g for g in rest if g[0] not in changed), *changed.items()]

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
        end = min(max(frames if is_vorbis(self._bank, sample) else at.end, 1), frames)
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


def _signed(amount: int) -> int:
    return amount - 0x10000 if amount >= 0x8000 else amount


def _range(zone: dict[int, int], kind: int) -> tuple[int, int]:
    """The lowest and the highest key or velocity of a zone."""
    high, low = divmod(zone.get(kind, 0x7F00) & 0xFFFF, 256)
    return low, min(high, 127)


def _records(rows: list[tuple[object, ...]], kind: np.dtype) -> bytes:
    return np.array(rows, kind).tobytes()


def _chunk(name: str, content: bytes) -> bytes:
    return name.encode() + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)
