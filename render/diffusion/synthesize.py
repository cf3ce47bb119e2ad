"""Buses → stereo sound, piece by piece: the whole way of the neural renderer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from render.diffusion.buses import Bus, gains
from render.diffusion.mel import HOP
from render.diffusion.sampler import NEW, SamplerOptions, draw
from render.diffusion.vocoder import vocode
from render.diffusion.weights import Renderer

PIECE = NEW * HOP
"""Samples of a piece of the stream: 1.88 s at :data:`render.diffusion.mel.SAMPLE_RATE`."""


def synthesize(
    buses: Sequence[Bus], renderer: Renderer, options: SamplerOptions
) -> Iterator[NDArray[np.float32]]:
    """Sound of all buses together.

    Equal arguments give equal samples on one machine and device.

    Args:
        buses: of :func:`render.diffusion.buses.assign`.
        renderer: on the device on which to work.
        options: how spectrograms are drawn.

    Yields:
        Stereo [2, L], :data:`PIECE` samples long and the last shorter, not limited to full scale;
        memory does not grow with the length.
    """
    streams = [synthesize_bus(bus, renderer, options, number) for number, bus in enumerate(buses)]
    while pieces := [piece for stream in streams if (piece := next(stream, None)) is not None]:
        total = np.zeros((2, max(piece.shape[1] for piece in pieces)), np.float32)
        for piece in pieces:
            total[:, : piece.shape[1]] += piece
        yield total


def synthesize_bus(
    bus: Bus, renderer: Renderer, options: SamplerOptions, number: int = 0
) -> Iterator[NDArray[np.float32]]:
    """Sound of one bus at its volume and place; likewise.

    Args:
        bus: what to play.
        renderer: on the device on which to work.
        options: how its spectrogram is drawn.
        number: of the bus in the piece, on which its noise depends.
    """
    done = 0
    held: list[torch.Tensor] = []
    for wave in vocode(renderer.vocoder, draw(renderer.denoiser, bus.notes, options, number)):
        held.append(wave)
        while sum(len(piece) for piece in held) >= PIECE:
            whole = torch.cat(held)
            held = [whole[PIECE:]]
            yield _placed(bus, whole[:PIECE], done)
            done += PIECE
    rest = torch.cat(held)
    if len(rest):
        yield _placed(bus, rest, done)


def _placed(bus: Bus, wave: torch.Tensor, start: int) -> NDArray[np.float32]:
    return wave.cpu().numpy() * gains(bus, start, start + len(wave))
