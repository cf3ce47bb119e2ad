"""Parts → sound, played by the neural renderer and, where it has not learned to, by a soundfont."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from render.audio import Block, Resampler
from render.diffusion.buses import Bus, LeftOut, assign
from render.diffusion.mel import SAMPLE_RATE
from render.diffusion.sampler import SamplerOptions
from render.diffusion.synthesize import PIECE, n_pieces, synthesize_buses
from render.diffusion.weights import Renderer, load_renderer
from render.errors import EngineError
from render.files.reporter import DEFAULT_REPORTER, Reporter
from render.options import NEURAL, NeuralOptions
from render.score import Part
from render.soundfont.player import Instrument, Performance, Player, load_player

NETWORKS = Path(__file__).parents[1] / "weights" / "renderer"
"""Where the networks of an installation lie."""
SOUNDFONT_GAINS = {"fluidsynth": 6.0, "midirenderer": 3.0}
"""What brings an engine, which leaves room for whole bands, to the level of the networks: they
learned from engines so amplified, at about -28 dBFS a part."""
_MOST_NAMES = 3
"""Tracks that are named for a reason; more are counted."""


def check(options: NeuralOptions) -> None:
    """Refuse what :func:`perform` would refuse whatever the parts are.

    Raises:
        EngineError: an option has no meaning.
        WeightsError: the networks are missing or damaged.
    """
    _sampler(options)
    load_renderer(options.networks or NETWORKS)


def names(parts: Sequence[Part]) -> tuple[str, ...]:
    """What :func:`perform` calls its players, in their order."""
    buses, left = assign(parts)
    return (*(bus.name for bus in buses), *(part.name for part in _by_part(left)))


def perform(
    parts: Sequence[Part],
    options: NeuralOptions,
    soundfont: Path | None,
    sample_rate: int,
    reporter: Reporter = DEFAULT_REPORTER,
) -> Performance:
    """Play parts: a player for every bus, and one for every part that is left to a soundfont.

    Args:
        parts: what to play.
        options: how the networks work, and whether a soundfont may play what they have not learned.
        soundfont: for those parts; see :func:`render.soundfont.find.find_soundfont` for None.
        sample_rate: of the sound, in Hz.
        reporter: gets one sentence on what is left to a soundfont.

    Raises:
        EngineError: an option has no meaning, or the networks have not learned what they may not
            leave to a soundfont, or no engine is installed that plays it.
        SoundfontError: a soundfont is needed, and is missing, damaged or unreadable.
        WeightsError: the networks are missing or damaged.
    """
    sampler = _sampler(options)
    buses, left = assign(parts)
    if left and options.unlearned == "refuse":
        raise EngineError(
            f"the neural renderer has not learned {_named(left)}: let a soundfont play that, or "
            "choose another engine"
        )
    renderer = load_renderer(options.networks or NETWORKS)
    player = load_player("auto", soundfont, sample_rate) if left else None
    if player:
        reporter.message(
            f"the neural renderer has not learned {_named(left)}, which {player.engine} plays"
        )
    bus_names = tuple(bus.name for bus in buses)
    seconds = len(buses) * max(map(n_pieces, buses), default=0) * PIECE / SAMPLE_RATE
    sound = _bus_sound(buses, renderer, sampler, sample_rate)
    alone = Performance(bus_names, sound, seconds, Instrument(NEURAL))
    return alone if player is None else _together(alone, player, _by_part(left), reporter)


def _sampler(options: NeuralOptions) -> SamplerOptions:
    return SamplerOptions(options.steps, options.guidance, options.seed)


def _together(
    buses: Performance, player: Player, others: tuple[Part, ...], reporter: Reporter
) -> Performance:
    """Buses first, then the parts that a soundfont plays at the buses' level."""
    more = player.perform(others, SOUNDFONT_GAINS[player.engine], reporter)
    instrument = replace(player.instrument, engine=f"{NEURAL} and {player.engine}")

    def both() -> Iterator[tuple[int, int, Block]]:
        yield from buses.sound
        yield from ((len(buses.names) + index, at, block) for index, at, block in more.sound)

    return Performance(
        (*buses.names, *more.names), both(), buses.seconds + more.seconds, instrument
    )


def _bus_sound(
    buses: Sequence[Bus], renderer: Renderer, sampler: SamplerOptions, sample_rate: int
) -> Iterator[tuple[int, int, Block]]:
    resamplers = [Resampler(SAMPLE_RATE, sample_rate) for _ in buses]
    done = [0] * len(buses)
    for pieces in synthesize_buses(buses, renderer, sampler):
        for index, (piece, resampler) in enumerate(zip(pieces, resamplers, strict=True)):
            for block in resampler.finish() if piece is None else resampler.push(piece):
                yield index, done[index], block
                done[index] += block.shape[1]
    for index, resampler in enumerate(resamplers):
        yield from ((index, done[index], block) for block in resampler.finish())


def _by_part(left: Sequence[LeftOut]) -> tuple[Part, ...]:
    """What was left out of a part for several reasons is one part again."""
    together: dict[int, Part] = {}
    for out in left:
        before = together.get(out.index)
        notes = out.part.notes if before is None else (*before.notes, *out.part.notes)
        together[out.index] = out.part.playing(tuple(sorted(notes)))
    return tuple(together.values())


def _named(left: Sequence[LeftOut]) -> str:
    """Such as ``program 109 (Bagpipe) in Pipes; pitch bends in Lead and Solo``."""
    tracks: dict[str, list[str]] = defaultdict(list)
    for out in left:
        if out.part.name not in tracks[out.reason]:
            tracks[out.reason].append(out.part.name)
    return "; ".join(f"{reason} in {_listed(names)}" for reason, names in tracks.items())


def _listed(names: list[str]) -> str:
    if len(names) > _MOST_NAMES:
        return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more tracks"
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
