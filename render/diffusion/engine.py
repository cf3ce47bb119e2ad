"""Parts → sound, by the neural renderer and, for notes that it does not support, by a soundfont."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from render.audio import Block
from render.diffusion.buses import Bus, Unsupported, assign
from render.diffusion.mel import SAMPLE_RATE
from render.diffusion.sampler import SamplerOptions
from render.diffusion.stereo import StereoStage
from render.diffusion.synthesize import PIECE, n_pieces, synthesize_buses
from render.diffusion.weights import Renderer, load_renderer
from render.errors import EngineError
from render.files.reporter import DEFAULT_REPORTER, Reporter
from render.options import NEURAL, NeuralOptions
from render.score import Part
from render.soundfont.player import SoundfontPlayer, load_player
from render.stems import Instrument, StemStream

NETWORKS = Path(__file__).parents[1] / "weights" / "renderer"
"""Folder of the networks that are installed with this package."""
SOUNDFONT_GAINS = {"fluidsynth": 6.0, "midirenderer": 3.0}
"""Factors that bring a soundfont engine to the level of the networks, which were trained on sound
amplified by them, at about -28 dBFS RMS a part."""
_MOST_NAMES = 3
"""Tracks that a message names for one reason; more are counted."""


def check(options: NeuralOptions) -> None:
    """Check options as :func:`stream` does, before there are parts.

    Raises:
        EngineError: an option has no meaning.
        WeightsError: the networks are missing or damaged.
    """
    _sampler(options)
    load_renderer(options.networks or NETWORKS)


def stem_names(parts: Sequence[Part]) -> tuple[str, ...]:
    """Names of the stems of :func:`stream`, in their order."""
    buses, unsupported = assign(parts)
    return (*(bus.name for bus in buses), *(part.name for part in _by_part(unsupported)))


def stream(
    parts: Sequence[Part],
    options: NeuralOptions,
    soundfont: Path | None,
    sample_rate: int,
    reporter: Reporter = DEFAULT_REPORTER,
) -> StemStream:
    """The sound of parts: a stem for every bus, and one for every part that a soundfont plays.

    Args:
        parts: of a piece.
        options: how the networks work, and whether a soundfont may play unsupported notes.
        soundfont: for unsupported notes; see :func:`render.soundfont.find.find_soundfont` for None.
        sample_rate: of the sound, in Hz.
        reporter: gets one sentence on what a soundfont plays.

    Raises:
        EngineError: an option has no meaning, notes are not supported and must not be played by a
            soundfont, or no soundfont engine is installed.
        SoundfontError: a soundfont is needed, and is missing, damaged or unreadable.
        WeightsError: the networks are missing or damaged.
    """
    sampler = _sampler(options)
    buses, unsupported = assign(parts)
    if unsupported and options.unsupported == "refuse":
        raise EngineError(
            f"the neural renderer does not support {_listing(unsupported)}: let a soundfont play "
            "that, or choose another engine"
        )
    renderer = load_renderer(options.networks or NETWORKS)
    player = load_player("auto", soundfont, sample_rate) if unsupported else None
    if player:
        reporter.message(
            f"the neural renderer does not support {_listing(unsupported)}, which {player.engine} "
            "plays"
        )
    bus_names = tuple(bus.name for bus in buses)
    seconds = len(buses) * max(map(n_pieces, buses), default=0) * PIECE / SAMPLE_RATE
    sound = _bus_sound(buses, renderer, sampler, sample_rate)
    neural = StemStream(bus_names, sound, seconds, Instrument(NEURAL))
    return neural if player is None else _chained(neural, player, _by_part(unsupported), reporter)


def _sampler(options: NeuralOptions) -> SamplerOptions:
    return SamplerOptions(options.steps, options.seed)


def _chained(
    buses: StemStream, player: SoundfontPlayer, others: tuple[Part, ...], reporter: Reporter
) -> StemStream:
    """The buses, then the other parts on a soundfont at the level of the buses."""
    more = player.stream(others, SOUNDFONT_GAINS[player.engine], reporter)
    instrument = replace(player.instrument, engine=f"{NEURAL} and {player.engine}")

    def both() -> Iterator[tuple[int, int, Block]]:
        yield from buses.blocks
        yield from ((len(buses.names) + index, at, block) for index, at, block in more.blocks)

    return StemStream((*buses.names, *more.names), both(), buses.seconds + more.seconds, instrument)


def _bus_sound(
    buses: Sequence[Bus], renderer: Renderer, sampler: SamplerOptions, sample_rate: int
) -> Iterator[tuple[int, int, Block]]:
    """(bus, first frame, block [2, L]) at a sample rate in Hz."""
    stages = [StereoStage(bus, sample_rate) for bus in buses]
    done = [0] * len(buses)
    for pieces in synthesize_buses(buses, renderer, sampler):
        for index, (piece, stage) in enumerate(zip(pieces, stages, strict=True)):
            for block in stage.finish() if piece is None else stage.push(piece):
                yield index, done[index], block
                done[index] += block.shape[1]
    for index, stage in enumerate(stages):
        for block in stage.finish():
            yield index, done[index], block
            done[index] += block.shape[1]


def _by_part(unsupported: Sequence[Unsupported]) -> tuple[Part, ...]:
    """One part for each with unsupported notes, whatever the reasons."""
    merged: dict[int, Part] = {}
    for entry in unsupported:
        before = merged.get(entry.index)
        notes = entry.part.notes if before is None else (*before.notes, *entry.part.notes)
        merged[entry.index] = entry.part.with_notes(tuple(sorted(notes)))
    return tuple(merged.values())


def _listing(unsupported: Sequence[Unsupported]) -> str:
    """Such as ``program 109 (Bagpipe) in Pipes; pitch bends in Lead and Solo``."""
    tracks: dict[str, list[str]] = defaultdict(list)
    for entry in unsupported:
        if entry.part.name not in tracks[entry.reason]:
            tracks[entry.reason].append(entry.part.name)
    return "; ".join(f"{reason} in {_shortened(names)}" for reason, names in tracks.items())


def _shortened(names: list[str]) -> str:
    """Such as ``Lead and Solo`` or ``A, B, C and 2 more tracks``."""
    if len(names) > _MOST_NAMES:
        return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more tracks"
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
