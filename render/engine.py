"""MIDI file → sound: the master, and on request one stem for each part.

Every part is rendered by itself and the master is their sum, so stems add up to it exactly, parts
may share a channel, and there may be any number of them. What is rendered goes to a file beside the
output (:class:`render.audio.DiskBuffer`) and is normalised from there, so memory does not grow with
the length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from render.audio import DiskBuffer, Master, finish
from render.audio.levelling import missed_loudness
from render.files.reporter import DEFAULT_REPORTER, SILENT, Reporter
from render.options import NEURAL, RenderOptions
from render.score import Part, read_parts
from render.soundfont.player import load_player
from render.stems import Instrument, StemStream, file_names

_FULL_SCALE = 1 - 2**-23
"""The largest sample of a file with 24 bits."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """A rendered MIDI file; its sound is on disk.

    Attributes:
        master: the sum of all parts.
        stems: file name (such as ``01_piano.wav``) → stem, in the order of the parts; empty unless
            they were asked for. All have the length of the master and one gain, so that their sum
            is the master before its peaks are limited, times ``stems_gain``.
        instrument: the engine and the soundfont.
        stems_gain: usually 1; where a stem, which is not limited, would exceed full scale, the
            factor that brings the loudest stem to full scale.
    """

    master: Master
    stems: dict[str, Master]
    instrument: Instrument
    stems_gain: float = 1.0


@contextmanager
def render_to_disk(
    midi: Path,
    options: RenderOptions,
    *,
    stems: bool = False,
    folder: Path | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
) -> Iterator[Rendering]:
    """Render a MIDI file to stereo sound on disk, which is deleted when the context is left.

    The sound ends where it has decayed by 60 dB, at most
    :data:`render.soundfont.player.MAX_TAIL_S` after the last event.

    Args:
        midi: a standard MIDI file.
        options: how to render.
        stems: whether to keep the sound of every part as well.
        folder: for the temporary files of sound, 21 MB a minute at 44.1 kHz and as much for a stem;
            None takes the system's folder for temporary files.
        reporter: gets the progress, and messages on skipped events and unsupported notes.

    Raises:
        MidiFileError: the file cannot be read or holds no notes.
        SoundfontError: the soundfont is missing, damaged or unreadable for the engine.
        EngineError: the engine is unknown or not installed, an option is out of range, or the
            network does not support notes that must not be left to a soundfont.
        WeightsError: the networks are missing or damaged.
        AudioError: the disk is full.
    """
    parts = read_parts(midi, reporter)
    stream = _stream(parts, options, reporter).reporting_to(reporter, options.sample_rate)
    with ExitStack() as open_buffers:
        mix = open_buffers.enter_context(DiskBuffer(folder))
        buffers = [open_buffers.enter_context(DiskBuffer(folder)) for _ in stream.names if stems]
        for index, start, block in stream.blocks:
            mix.add(start, block)
            if stems:
                buffers[index].add(start, block)
        master = finish(mix, options.sample_rate, options.duration_s)
        if options.normalise:
            master = master.normalised(options.loudness_lufs, options.peak_db)
            missed = missed_loudness(master.reached_lufs or 0.0, options.loudness_lufs)
            if missed is not None:
                reporter.message(missed)
        unscaled = [master.stem(buffer) for buffer in buffers]
        gain = 1.0
        if options.normalise:
            gain = _FULL_SCALE / max(_FULL_SCALE, *(stem.peak() for stem in unscaled), 0.0)
        if gain < 1:
            below_db = -20 * math.log10(gain)
            reporter.message(f"stems are {below_db:.1f} dB below the mix, so that none clips")
        names = file_names(stream.names) if stems else []
        found = {n: stem.amplified(gain) for n, stem in zip(names, unscaled, strict=True)}
        yield Rendering(master, found, stream.instrument, gain)


def stem_names(midi: Path, options: RenderOptions) -> list[str]:
    """File names of the stems of :func:`render_to_disk`, in the order of the parts.

    Nothing is rendered and no soundfont is read. Arguments and errors are those of
    :func:`render_to_disk`.
    """
    parts = read_parts(midi, SILENT)
    if options.engine != NEURAL:
        return file_names([part.name for part in parts])
    from render.diffusion import engine  # imports torch

    return file_names(engine.stem_names(parts))


def _stream(parts: tuple[Part, ...], options: RenderOptions, reporter: Reporter) -> StemStream:
    """The sound of parts on the engine that the options name."""
    if options.engine != NEURAL:
        player = load_player(options.engine, options.soundfont, options.sample_rate)
        return player.stream(parts, reporter=reporter)
    from render.diffusion import engine  # imports torch

    return engine.stream(parts, options.neural, options.soundfont, options.sample_rate, reporter)
