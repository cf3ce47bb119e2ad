"""Buses → stereo sound, piece by piece: sampler, vocoder, volume and pan."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter

import numpy as np
import torch
from torch import Tensor

from render.audio.blocks import Block, is_silence, silence
from render.diffusion.buses import Bus, gains
from render.diffusion.mel import FRAME_RATE, HOP, SILENCE
from render.diffusion.sampler import HOP_FRAMES, SamplerOptions, sample_mel
from render.diffusion.vocoder import Vocoder, vocode
from render.diffusion.weights import Renderer

PIECE = HOP_FRAMES * HOP
"""Samples of a piece of the stream: 1.88 s at :data:`render.diffusion.mel.SAMPLE_RATE`."""

_starting = threading.Lock()
"""Held while threads of a pool start, which changes PyTorch's default for a moment."""


def synthesize(
    buses: Sequence[Bus], renderer: Renderer, options: SamplerOptions
) -> Iterator[Block]:
    """Sound of all buses together.

    Equal arguments give equal samples on one machine and device.

    Args:
        buses: from :func:`render.diffusion.buses.assign`.
        renderer: on the device to use.
        options: how spectrograms are sampled.

    Yields:
        Stereo [2, PIECE] at 24 kHz, not limited to full scale; memory does not grow with the
        length.
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
    """Sound of every bus by itself, piece by piece in step; otherwise like :func:`synthesize`.

    Buses are computed in parallel, by as many threads as PyTorch would use for one operator, since
    one window is too small to be divided among them. An operator runs in one thread, so the number
    of threads changes no sample.

    Yields:
        For each bus a piece [2, PIECE], or None when it has ended.
    """
    streams = [synthesize_bus(bus, renderer, options, number) for number, bus in enumerate(buses)]
    n_workers = min(torch.get_num_threads(), len(streams)) or 1
    with _single_threaded_workers(n_workers) as pool:
        for _ in range(max(map(n_pieces, buses), default=0)):
            yield tuple(pool.map(lambda stream: next(stream, None), streams))


@contextmanager
def _single_threaded_workers(n_workers: int) -> Iterator[ThreadPoolExecutor]:
    """Threads in each of which PyTorch's operators use one thread; elsewhere as many as before.

    ``torch.set_num_threads`` sets the number for the calling thread and the default for threads
    that have not used PyTorch yet. So each worker sets its own, and the default is set back before
    any work begins.
    """
    started = threading.Barrier(n_workers + 1)

    def start() -> None:
        torch.get_num_threads()  # reads the default once, so that it is not read later
        torch.set_num_threads(1)
        started.wait()

    with ThreadPoolExecutor(n_workers) as pool:
        with _starting:
            n_threads = torch.get_num_threads()
            try:
                for _ in range(n_workers):  # one each, as all wait for the last
                    pool.submit(start)
                started.wait()
            except BaseException:
                started.abort()
                raise
            finally:
                torch.set_num_threads(n_threads)
        yield pool


def synthesize_bus(
    bus: Bus, renderer: Renderer, options: SamplerOptions, number: int = 0
) -> Iterator[Block]:
    """Sound of one bus with its volume and pan; otherwise like :func:`synthesize`.

    Args:
        bus: the notes and their controllers.
        renderer: on the device to use.
        options: how the spectrogram is sampled.
        number: index of the bus in the piece, on which its noise depends.

    Yields:
        Stereo [2, PIECE]; for rests, blocks of :func:`render.audio.blocks.silence`.
    """
    mel = sample_mel(renderer.denoiser, bus.notes, options, number)
    for index, wave in enumerate(_waves(renderer.vocoder, mel)):
        if wave is None:
            yield silence(PIECE)
        else:
            start = index * PIECE
            yield wave.cpu().numpy() * gains(bus, start, start + PIECE)


def n_pieces(bus: Bus) -> int:
    """Number of pieces that :func:`synthesize_bus` yields."""
    return math.ceil(bus.notes.end_s * FRAME_RATE / HOP_FRAMES)


def _waves(vocoder: Vocoder, pieces: Iterable[Tensor]) -> Iterator[Tensor | None]:
    """Wave [PIECE] of each piece of spectrogram [N_MELS, HOP_FRAMES]; None in silence."""
    for is_near_sound, run in groupby(_near_sound(pieces), key=itemgetter(0)):
        if not is_near_sound:
            yield from (None for _ in run)
            continue
        buffer = torch.empty(0)
        for wave in vocode(vocoder, (piece for _, piece in run)):
            buffer = torch.cat([buffer.to(wave), wave])
            while len(buffer) >= PIECE:
                yield buffer[:PIECE]
                buffer = buffer[PIECE:]


def _near_sound(pieces: Iterable[Tensor]) -> Iterator[tuple[bool, Tensor]]:
    """(whether it or a neighbour sounds, piece) for each piece.

    The vocoder's receptive field reaches no further than the neighbours.
    """
    waiting: Tensor | None = None
    before = now = False
    for piece in pieces:
        sounds = bool((piece > SILENCE).any())
        if waiting is not None:
            yield before or now or sounds, waiting
        before, now, waiting = now, sounds, piece
    if waiting is not None:
        yield before or now, waiting
