"""RustySynth through midirenderer, which turns a MIDI file into 16-bit WAV at 48 kHz.

It reads the whole soundfont for every MIDI file, does not decode Vorbis, and holds all sound in
memory. So it gets a small SF2 file of the presets of a part (:mod:`render.soundfont.bank_subset`),
and long parts in windows.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import io
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import mido
import numpy as np
import soundfile

from render.audio import Block
from render.audio.blocks import cut, pad, split
from render.audio.resample import resample
from render.errors import EngineError, SoundfontError
from render.files.errors import shown
from render.score import Part
from render.soundfont.bank import Bank, damaged
from render.soundfont.bank_samples import SampleReader
from render.soundfont.bank_subset import subset
from render.soundfont.isolation import Child, ChildError
from render.soundfont.presets import presets_of

RATE = 48000
"""Sample rate of midirenderer's output, in Hz."""
WINDOW_S = 120.0
"""Longer parts, in seconds, are rendered in windows of this length to bound memory."""
LEAD_S = 30.0
"""Seconds before a window at which a longer note held into it is started: by the window sustained
sounds are stationary and plucked ones have decayed, as if the note had begun at its true onset."""
CROSSFADE_S = 1.0
"""Seconds of the crossfade between windows."""
_TICKS_A_SECOND = 10_000


class MidiRenderer:
    """A soundfont on midirenderer.

    Args:
        bank: the soundfont.
        sample_rate: in Hz.
    """

    def __init__(self, bank: Bank, sample_rate: int) -> None:
        self._bank, self._sample_rate = bank, sample_rate
        self._child = Child("render.soundfont.midirenderer_child")
        self._samples = SampleReader(bank)
        self._soundfont = b""
        self._sent: bytes | None = None

    def play(self, part: Part, frames: int) -> Iterator[Block]:
        """Play a part from silence as a stream of ``frames`` frames."""
        played = {(note.pitch, note.velocity) for note in part.notes}
        soundfont = subset(self._samples, set(presets_of(part)), played)
        if soundfont != self._soundfont:
            self._soundfont = soundfont
        native = self._native(part, frames / self._sample_rate)
        return pad(cut(resample(native, RATE, self._sample_rate), frames), frames)

    def _native(self, part: Part, duration_s: float) -> Iterator[Block]:
        if duration_s <= WINDOW_S + LEAD_S:
            yield from split(self._render(part, round(duration_s * RATE)))
            return
        window, lead, fade = (round(s * RATE) for s in (WINDOW_S, LEAD_S, CROSSFADE_S))
        whole = round(duration_s * RATE)
        held = part.sustained(duration_s)
        fading = np.zeros((2, 0), np.float32)
        for first in range(0, whole, window):
            start, stop = max(first - lead, 0), min(first + window + fade, whole)
            sound = self._window(held, start, stop)[:, first - start :]
            into = fading.shape[1]
            sound[:, :into] = crossfaded(fading, sound[:, :into])
            yield from split(sound[:, :window])
            fading = sound[:, window:]

    def _window(self, part: Part, start: int, stop: int) -> Block:
        """The sound [2, stop - start] of a part without pedal, from a frame to another."""
        start_s, stop_s = start / RATE, stop / RATE
        notes = tuple(
            replace(note, start_s=max(note.start_s, start_s), end_s=min(note.end_s, stop_s))
            for note in part.notes
            if note.end_s > start_s and note.start_s < stop_s
        )
        if not notes:
            return np.zeros((2, stop - start), np.float32)
        return self._render(part.excerpt(tuple(sorted(notes))).shifted(-start_s), stop - start)

    def _render(self, part: Part, frames: int) -> Block:
        """A part as float32 [2, frames] at :data:`RATE`."""
        wav = self._ask(_midi_bytes(part, frames / RATE))
        samples, _ = soundfile.read(io.BytesIO(wav), frames, dtype="float32", always_2d=True)
        if len(part.notes) > 1 and np.abs(samples).max(initial=0.0) >= 1 - 2**-14:
            # Full scale was reached and the rest cut off: every second note is rendered apart.
            first, second = (replace(part, notes=part.notes[i::2]) for i in range(2))
            return self._render(first, frames) + self._render(second, frames)
        return np.pad(samples.T, ((0, 0), (0, frames - samples.shape[0])))

    def _ask(self, midi: bytes) -> bytes:
        soundfont = self._soundfont
        fresh = soundfont is not self._sent
        self._sent = None  # until it is known that the child lives on
        try:
            answer = b"".join(self._child.ask(soundfont if fresh else b"", midi))
        except ChildError as error:
            raise SoundfontError(
                f"midirenderer cannot play on {shown(self._bank.path)}: {str(error)[:80]}: "
                "choose another "
                "soundfont or engine"
            ) from error
        if not answer.startswith(b"RIFF"):
            raise damaged(self._bank.path, "midirenderer makes no sound of it")
        self._sent = soundfont
        return answer


def crossfaded(out: Block, into: Block) -> Block:
    """A crossfade [C, L] from one sound [C, L] to another at constant level.

    The linear gains are divided by the level that they would leave, which depends on the
    correlation of the two sounds.
    """
    if not out.size:
        return into
    rise = np.linspace(0.0, 1.0, out.shape[1], dtype=np.float32)
    fall = 1 - rise
    powers = float(np.vdot(out, out)) * float(np.vdot(into, into))
    correlation = max(float(np.vdot(out, into)) / np.sqrt(powers), 0.0) if powers > 0 else 1.0
    level = np.sqrt(np.square(rise) + np.square(fall) + 2 * correlation * rise * fall)
    return np.asarray((fall * out + rise * into) / level, np.float32)


def _midi_bytes(part: Part, duration_s: float) -> bytes:
    """A part as a MIDI file of its own, with a tick of 0.1 ms, that ends after ``duration_s``."""
    track = mido.MidiTrack()
    done = 0
    for time_s, message in part.events():
        tick = round(time_s * _TICKS_A_SECOND)
        track.append(message.copy(time=tick - done))
        done = tick
    rest = max(round(duration_s * _TICKS_A_SECOND) - done, 0)
    track.append(mido.MetaMessage("end_of_track", time=rest))
    file = mido.MidiFile(type=0, ticks_per_beat=_TICKS_A_SECOND // 2)
    file.tracks.append(track)
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


@functools.cache
def import_midirenderer() -> ModuleType:
    """The module midirenderer.

    Raises:
        EngineError: it is not installed.
    """
    try:
        return importlib.import_module("midirenderer")
    except ImportError as error:
        raise EngineError(
            "the engine midirenderer is not installed, as its wheels do not cover this platform: "
            "install FluidSynth or choose another engine"
        ) from error


def midirenderer_version() -> str:
    """Such as ``0.1.3``.

    Raises:
        EngineError: it is not installed.
    """
    import_midirenderer()
    return importlib.metadata.version("midirenderer")
