"""Buses → stereo sound, piece by piece: the whole way of the neural renderer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from operator import itemgetter

import numpy as np
import torch
from torch import Tensor

from render.audio.blocks import Block, is_silence, silence
from render.diffusion.buses import Bus, gains
from render.diffusion.mel import FRAME_RATE, HOP, SILENCE
from render.diffusion.sampler import NEW, SamplerOptions, draw
from render.diffusion.vocoder import Vocoder, vocode
from render.diffusion.weights import Renderer

PIECE = NEW * HOP
"""Samples of a piece of the stream: 1.88 s at :data:`render.diffusion.mel.SAMPLE_RATE`."""


def synthesize(
    buses: Sequence[Bus], renderer: Renderer, options: SamplerOptions
) -> Iterator[Block]:
    """Sound of all buses together.

    Equal arguments give equal samples on one machine and device.

    Args:
        buses: of :func:`render.diffusion.buses.assign`.
        renderer: on the device on which to work.
        options: how spectrograms are drawn.

    Yields:
        Stereo [2, PIECE], not limited to full scale; memory does not grow with the length.
    """
    for pieces in synthesize_buses(buses, renderer, options):
        total = np.zeros((2, PIECE), np.float32)
        for piece in pieces:
            if piece is not None and not is_silence(piece):
                total += piece
        yield total


def synthesize_buses(
    buses: Sequence[Bus], renderer: Renderer, options: SamplerOptions
) -> Iterator[tuple[Block | None, ...]]:
    """Sound of every bus by itself, all at one pace; likewise.

    Buses are worked on side by side, by as many threads as PyTorch would use for one, since one
    window is too small to be shared among them. So the number of threads changes no sample.

    Yields:
        For each bus a piece [2, PIECE], or None when it has ended.
    """
    streams = [synthesize_bus(bus, renderer, options, number) for number, bus in enumerate(buses)]
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(
            n_threads, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            for _ in range(max(map(n_pieces, buses), default=0)):
                yield tuple(pool.map(lambda stream: next(stream, None), streams))
    finally:
        torch.set_num_threads(n_threads)


def synthesize_bus(
    bus: Bus, renderer: Renderer, options: SamplerOptions, number: int = 0
) -> Iterator[Block]:
    """Sound of one bus at its volume and place; likewise.

    Args:
        bus: what to play.
        renderer: on the device on which to work.
        options: how its spectrogram is drawn.
        number: of the bus in the piece, on which its noise depends.

    Yields:
        Stereo [2, PIECE]; of rests, blocks of :func:`render.audio.blocks.silence`.
    """
    mel = draw(renderer.denoiser, bus.notes, options, number)
    for index, wave in enumerate(_waves(renderer.vocoder, mel)):
        if wave is None:
            yield silence(PIECE)
        else:
            start = index * PIECE
            yield wave.cpu().numpy() * gains(bus, start, start + PIECE)


def n_pieces(bus: Bus) -> int:
    """Pieces that a bus has."""
    return math.ceil(bus.notes.end_s * FRAME_RATE / NEW)


def _waves(vocoder: Vocoder, pieces: Iterable[Tensor]) -> Iterator[Tensor | None]:
    """Sound [PIECE] of each piece of spectrogram [N_MELS, NEW]; None amid silence."""
    for heard, run in groupby(_near_sound(pieces), key=itemgetter(0)):
        if not heard:
            yield from (None for _ in run)
            continue
        held = torch.empty(0)
        for wave in vocode(vocoder, (piece for _, piece in run)):
            held = torch.cat([held.to(wave), wave])
            while len(held) >= PIECE:
                yield held[:PIECE]
                held = held[PIECE:]


def _near_sound(pieces: Iterable[Tensor]) -> Iterator[tuple[bool, Tensor]]:
    """Each piece with whether it or one beside it sounds: the vocoder hears no further."""
    waiting: Tensor | None = None
    before = now = False
    for piece in pieces:
        sounds = bool((piece > SILENCE).any())
        if waiting is not None:
            yield before or now or sounds, waiting
        before, now, waiting = now, sounds, piece
    if waiting is not None:
        yield before or now, waiting
