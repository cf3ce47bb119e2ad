"""The synthesisers that play a part on a soundfont, behind one small protocol.

- ``fluidsynth``: the system's libfluidsynth through pyfluidsynth; the best sound; SF2 and SF3.
- ``tinysoundfont``: a self-contained wheel; no reverb; SF2 and SF3.
- ``midirenderer``: RustySynth in a self-contained wheel that comes with every installation; SF2.

All honour program changes, CC 7 (volume), CC 10 (pan), CC 11 (expression), CC 64 (sustain) and
pitch bends, and the drums of channel 10. A part is played alone, so the channels and voices of a
synthesiser are enough for any number of parts.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import io
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Protocol

import mido
import numpy as np
import soundfile
from numpy.typing import NDArray

from render.audio import Audio, resample
from render.errors import EngineError, SoundfontError
from render.score import DRUM_CHANNEL, Part
from render.soundfont import Format

_BLOCK = 64
"""Frames that FluidSynth and TinySoundFont compute at once: the grain of time of their events."""
_VOLUME, _EXPRESSION, _SOUND_OFF, _RESET = 7, 11, 120, 121
_DEFAULT_VOLUME = 100
_BEND_CENTRE = 8192


class Synthesiser(Protocol):
    """A soundfont loaded into a synthesiser."""

    def play(self, part: Part, frames: int) -> NDArray[np.float32]:
        """Play a part from silence: float32 [2, frames], not limited to full scale."""
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """A kind of synthesiser.

    Attributes:
        name: what a user calls it.
        formats: the soundfonts it reads.
        check: raises :class:`EngineError` where the engine is not installed.
        load: (soundfont, sample rate) → a synthesiser that is ready to play; raises
            :class:`SoundfontError` for a damaged soundfont.
    """

    name: str
    formats: tuple[Format, ...]
    check: Callable[[], object]
    load: Callable[[Path, int], Synthesiser]

    def is_installed(self) -> bool:
        """Whether the engine can be used on this machine."""
        try:
            self.check()
        except EngineError:
            return False
        return True


class _FluidSynth:
    """FluidSynth with its own reverb and chorus; floats throughout, so that nothing clips."""

    def __init__(self, soundfont: Path, sample_rate: int) -> None:
        library = _import_fluidsynth()
        self._sample_rate = sample_rate
        self._write = library.cfunc("fluid_synth_write_float", ctypes.c_int, *_FLUID_WRITE)
        self._synth = library.Synth(
            samplerate=float(sample_rate), channels=16, **{"synth.dynamic-sample-loading": 1}
        )
        weakref.finalize(self, self._synth.delete)
        if self._synth.sfload(str(soundfont), 1) < 0:
            raise SoundfontError(f"FluidSynth cannot load {soundfont}: choose another soundfont")

    def play(self, part: Part, frames: int) -> NDArray[np.float32]:
        self._synth.system_reset()
        self._generate(_whole_blocks(2 * self._sample_rate))  # the reverb of the part before
        whole = _whole_blocks(frames)
        samples = _play_in_blocks(part, whole, self._sample_rate, self._send, self._generate)
        return samples[:, :frames]

    def _send(self, message: mido.Message) -> None:
        synth, channel = self._synth, message.channel
        match message.type:
            case "note_on":
                synth.noteon(channel, message.note, message.velocity)
            case "note_off":
                synth.noteoff(channel, message.note)
            case "control_change":
                synth.cc(channel, message.control, message.value)
            case "program_change":
                synth.program_change(channel, message.program)
            case "pitchwheel":
                synth.pitch_bend(channel, message.pitch)

    def _generate(self, frames: int) -> NDArray[np.float32]:
        block = np.empty((2, frames), np.float32)
        left, right = (ctypes.c_void_p(channel.ctypes.data) for channel in block)
        self._write(self._synth.synth, frames, left, 0, 1, right, 0, 1)
        return block


class _TinySoundFont:
    """TinySoundFont, with the pedal it lacks and its volume curve brought to General MIDI's.

    It makes amplitude the cube of CC 7 and CC 11; General MIDI, FluidSynth and RustySynth the
    square (40 log10(value / 127) dB). So values are raised to 2/3, in 14 bits.
    """

    def __init__(self, soundfont: Path, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._synth = _import_tinysoundfont().Synth(samplerate=sample_rate)
        try:
            self._synth.sfload(str(soundfont))
        except RuntimeError as error:
            raise SoundfontError(
                f"TinySoundFont cannot load {soundfont}: choose another soundfont"
            ) from error

    def play(self, part: Part, frames: int) -> NDArray[np.float32]:
        channel = DRUM_CHANNEL if part.is_drum else 0
        for control in (_SOUND_OFF, _RESET):
            self._synth.control_change(channel, control, 0)
        self._generate(self._sample_rate // 10)  # voices of the part before
        self._synth.pitchbend(channel, _BEND_CENTRE)
        self._set_volume(channel, _VOLUME, _DEFAULT_VOLUME)
        self._set_program(channel, 0)
        part = part.sustained(frames / self._sample_rate)
        return _play_in_blocks(part, frames, self._sample_rate, self._send, self._generate)

    def _send(self, message: mido.Message) -> None:
        synth, channel = self._synth, message.channel
        match message.type:
            case "note_on":
                synth.noteon(channel, message.note, message.velocity)
            case "note_off":
                synth.noteoff(channel, message.note)
            case "control_change" if message.control in (_VOLUME, _EXPRESSION):
                self._set_volume(channel, message.control, message.value)
            case "control_change":
                synth.control_change(channel, message.control, message.value)
            case "program_change":
                self._set_program(channel, message.program)
            case "pitchwheel":
                synth.pitchbend(channel, message.pitch + _BEND_CENTRE)

    def _set_volume(self, channel: int, control: int, value: int) -> None:
        coarse, fine = divmod(round(0x3FFF * (value / 127) ** (2 / 3)), 128)
        self._synth.control_change(channel, control, coarse)
        self._synth.control_change(channel, control + 32, fine)

    def _set_program(self, channel: int, program: int) -> None:
        # A soundfont that lacks the program plays what the channel had before.
        with contextlib.suppress(RuntimeError):
            self._synth.program_change(channel, program, channel == DRUM_CHANNEL)

    def _generate(self, frames: int) -> NDArray[np.float32]:
        block = np.frombuffer(self._synth.generate(frames), np.float32)
        return block.reshape(-1, 2).T


class _MidiRenderer:
    """RustySynth through midirenderer, which turns a whole MIDI file into 16-bit WAV at 48 kHz."""

    def __init__(self, soundfont: Path, sample_rate: int) -> None:
        self._library = _import_midirenderer()
        self._path = soundfont
        self._soundfont = soundfont.read_bytes()
        self._sample_rate = sample_rate

    def play(self, part: Part, frames: int) -> NDArray[np.float32]:
        audio = self._render(part, frames / self._sample_rate)
        samples = resample(audio, self._sample_rate).samples[:, :frames]
        return np.pad(samples, ((0, 0), (0, frames - samples.shape[1])))

    def _render(self, part: Part, duration_s: float) -> Audio:
        try:
            midi = _midi_bytes(part, duration_s)
            wav = self._library.render_wave_from(self._soundfont, midi)
        except (RuntimeError, ValueError) as error:
            raise SoundfontError(
                f"midirenderer cannot play on {self._path}: {error}: choose another soundfont"
            ) from error
        samples, sample_rate = soundfile.read(io.BytesIO(wav), dtype="float32", always_2d=True)
        if len(part.notes) > 1 and np.abs(samples).max(initial=0.0) >= 1 - 2**-14:
            # Full scale was reached and the rest cut off: every second note is rendered apart.
            halves = (replace(part, notes=part.notes[i::2]) for i in range(2))
            first, second = (self._render(half, duration_s) for half in halves)
            return Audio(first.samples + second.samples, sample_rate)
        return Audio(np.ascontiguousarray(samples.T), sample_rate)


def _whole_blocks(frames: int) -> int:
    return -(-frames // _BLOCK) * _BLOCK


def _play_in_blocks(
    part: Part,
    frames: int,
    sample_rate: int,
    send: Callable[[mido.Message], None],
    generate: Callable[[int], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Alternate between sending the messages of a moment and computing the sound up to the next."""
    samples = np.empty((2, frames), np.float32)
    done = 0
    for time_s, message in part.events():
        start = min(round(time_s * sample_rate / _BLOCK) * _BLOCK, frames)
        if start > done:
            samples[:, done:start] = generate(start - done)
            done = start
        send(message)
    if done < frames:
        samples[:, done:] = generate(frames - done)
    return samples


def _midi_bytes(part: Part, duration_s: float) -> bytes:
    """A part as a MIDI file of its own, with a tick of 0.1 ms, that ends after ``duration_s``."""
    ticks_a_second = 10_000
    track = mido.MidiTrack()
    done = 0
    for time_s, message in part.events():
        tick = round(time_s * ticks_a_second)
        track.append(message.copy(time=tick - done))
        done = tick
    rest = max(round(duration_s * ticks_a_second) - done, 0)
    track.append(mido.MetaMessage("end_of_track", time=rest))
    file = mido.MidiFile(type=0, ticks_per_beat=ticks_a_second // 2)
    file.tracks.append(track)
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


_FLUID_WRITE = (
    ("synth", ctypes.c_void_p, 1),
    ("len", ctypes.c_int, 1),
    ("lout", ctypes.c_void_p, 1),
    ("loff", ctypes.c_int, 1),
    ("lincr", ctypes.c_int, 1),
    ("rout", ctypes.c_void_p, 1),
    ("roff", ctypes.c_int, 1),
    ("rincr", ctypes.c_int, 1),
)
_FLUID_LOG = (
    ("level", ctypes.c_int, 1),
    ("fun", ctypes.c_void_p, 1),
    ("data", ctypes.c_void_p, 1),
)


@functools.cache
def _import_fluidsynth() -> ModuleType:
    try:
        # pyfluidsynth prints where it found the library when the variable CI is set.
        with contextlib.redirect_stdout(io.StringIO()):
            library = importlib.import_module("fluidsynth")
    except (ImportError, OSError) as error:
        raise EngineError(
            "the engine fluidsynth needs the system's FluidSynth library, which is not found: "
            "install it (Debian: libfluidsynth3, Homebrew: fluid-synth) or choose another engine"
        ) from error
    silence = library.cfunc("fluid_set_log_function", ctypes.c_void_p, *_FLUID_LOG)
    for level in range(5):
        silence(level, None, None)
    return library


@functools.cache
def _import_tinysoundfont() -> ModuleType:
    try:
        return importlib.import_module("tinysoundfont")
    except ImportError as error:
        raise EngineError(
            "the engine tinysoundfont is not installed: run `pip install --no-deps tinysoundfont` "
            "or choose another engine"
        ) from error


@functools.cache
def _import_midirenderer() -> ModuleType:
    try:
        return importlib.import_module("midirenderer")
    except ImportError as error:
        raise EngineError(
            "the engine midirenderer is not installed, as its wheels do not cover this platform: "
            "install FluidSynth or choose another engine"
        ) from error


ENGINES = (
    Engine("fluidsynth", ("SF2", "SF3"), _import_fluidsynth, _FluidSynth),
    Engine("tinysoundfont", ("SF2", "SF3"), _import_tinysoundfont, _TinySoundFont),
    Engine("midirenderer", ("SF2",), _import_midirenderer, _MidiRenderer),
)
"""All engines, the best first."""


def choose_engine(name: str, soundfont_format: Format | None = None) -> Engine:
    """Find an engine by name, or with ``auto`` the best installed one.

    Args:
        name: ``auto`` or the name of an engine.
        soundfont_format: what ``auto`` must be able to read, if that is known.

    Raises:
        EngineError: no engine has that name, it is not installed, or none reads the format.
    """
    if name == "auto":
        for engine in ENGINES:
            if soundfont_format in (None, *engine.formats) and engine.is_installed():
                return engine
        raise EngineError(
            f"no installed engine reads {soundfont_format or 'any'} soundfonts: install FluidSynth "
            "or tinysoundfont, or choose an SF2 soundfont"
        )
    for engine in ENGINES:
        if engine.name == name:
            engine.check()
            return engine
    known = ", ".join(engine.name for engine in ENGINES)
    raise EngineError(f"{name!r} is no engine: choose one of auto, {known}")
