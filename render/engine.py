"""MIDI file → audio: the master, or one stem for each part.

Every part is rendered alone and the master is their sum, so stems add up to it exactly, parts may
share a channel, and there may be any number of them. What is rendered goes to a file beside the
output (:class:`render.audio.DiskBuffer`) and is normalised from there, so memory does not grow with
the length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from render.audio import Audio, DiskBuffer, Master, finish
from render.files.reporter import DEFAULT_REPORTER, SILENT, Reporter
from render.options import NEURAL, NeuralOptions, RenderOptions
from render.score import Part, read_parts
from render.soundfont.player import Instrument, StemStream, file_names, load_player

_FULL_SCALE = 1 - 2**-23
"""The largest sample of a file with 24 bits."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """What was rendered, on disk.

    Attributes:
        master: the sum of all parts.
        stems: file name (such as ``01_piano.wav``) → stem, in the order of the parts; empty unless
            they were asked for. All have the length of the master and one gain, so that their sum
            is the master before its peaks are limited, times ``stems_gain``.
        instrument: the engine and the soundfont that played.
        stems_gain: 1 where no stem passes full scale, which is the rule; else what brings the
            loudest stem to full scale. A stem itself is not limited.
    """

    master: Master
    stems: dict[str, Master]
    instrument: Instrument
    stems_gain: float = 1.0


@contextmanager
def record(
    midi: Path,
    options: RenderOptions,
    *,
    stems: bool = False,
    folder: Path | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
) -> Iterator[Rendering]:
    """Render a MIDI file to stereo sound on disk, which is there until the context is left.

    The sound rings on until it has died away by 60 dB, at most
    :data:`render.soundfont.player.MAX_TAIL_S` after the last event.

    Args:
        midi: a standard MIDI file.
        options: what is asked.
        stems: whether to keep every part by itself as well.
        folder: where the sound lies meanwhile, 21 MB a minute at 44.1 kHz and as much for a stem;
            None takes the system's folder for temporary files.
        reporter: gets the progress, and what of the file was passed over or the network does not
            support.

    Raises:
        MidiFileError: the file cannot be read or holds no notes.
        SoundfontError: the soundfont is missing, damaged or unreadable for the engine.
        EngineError: the engine is unknown or not installed, cannot use an option, or has not
            learned what it may not leave to another.
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
        whole = finish(mix, options.sample_rate, options.duration_s)
        if options.normalise:
            whole = whole.normalised(options.loudness_lufs, options.peak_db)
        alone = [whole.stem(buffer) for buffer in buffers]
        gain = 1.0
        if options.normalise:  # without, the sound is as the engine made it
            gain = _FULL_SCALE / max(_FULL_SCALE, *(stem.peak() for stem in alone), 0.0)
        if gain < 1:
            below_db = -20 * math.log10(gain)
            reporter.message(f"stems are {below_db:.1f} dB below the mix, so that none clips")
        names = file_names(stream.names) if stems else []
        found = {n: stem.amplified(gain) for n, stem in zip(names, alone, strict=True)}
        yield Rendering(whole, found, stream.instrument, gain)


def stem_names(midi: Path, options: RenderOptions) -> list[str]:
    """File names of the stems that :func:`record` makes, in the order of the parts.

    Nothing is rendered, and no soundfont is read.

    Args and errors: as for :func:`record`.
    """
    parts = read_parts(midi, SILENT)
    if options.engine != NEURAL:
        return file_names([part.name for part in parts])
    from render.diffusion.engine import stem_names

    return file_names(stem_names(parts))


def render_midi(
    midi: Path,
    *,
    engine: str = "auto",
    soundfont: Path | None = None,
    sample_rate: int = 44100,
    loudness_lufs: float = -14.0,
    peak_db: float = -1.0,
    normalise: bool = True,
    duration_s: float | None = None,
    neural: NeuralOptions | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
) -> Audio:
    """Render a MIDI file to stereo sound in memory; for hours of it, see :func:`record`.

    Args and errors: as for :class:`RenderOptions` and :func:`record`.
    """
    options = RenderOptions(
        engine, soundfont, sample_rate, loudness_lufs, peak_db, normalise, duration_s,
        neural or NeuralOptions(),
    )  # fmt: skip
    with record(midi, options, reporter=reporter) as rendering:
        return rendering.master.audio()


def render_stems(
    midi: Path,
    *,
    engine: str = "auto",
    soundfont: Path | None = None,
    sample_rate: int = 44100,
    loudness_lufs: float = -14.0,
    peak_db: float = -1.0,
    normalise: bool = True,
    duration_s: float | None = None,
    neural: NeuralOptions | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
) -> dict[str, Audio]:
    """Render every part of a MIDI file to a stem of its own; see :class:`Rendering`.

    They are held in memory together. Args and errors: as for :func:`render_midi`.

    Returns:
        File name (such as ``01_piano.wav``) → stem, in the order of the parts.
    """
    options = RenderOptions(
        engine, soundfont, sample_rate, loudness_lufs, peak_db, normalise, duration_s,
        neural or NeuralOptions(),
    )  # fmt: skip
    with record(midi, options, stems=True, reporter=reporter) as rendering:
        return {name: stem.audio() for name, stem in rendering.stems.items()}


def _stream(parts: tuple[Part, ...], options: RenderOptions, reporter: Reporter) -> StemStream:
    """The sound of parts on the engine that the options name."""
    if options.engine != NEURAL:
        player = load_player(options.engine, options.soundfont, options.sample_rate)
        return player.stream(parts, reporter=reporter)
    from render.diffusion.engine import stream  # torch is imported only where it is needed

    return stream(parts, options.neural, options.soundfont, options.sample_rate, reporter)
