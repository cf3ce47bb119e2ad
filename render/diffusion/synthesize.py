"""Buses → stereo sound, piece by piece: sampler, source and filter, volume and pan."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from render.audio.blocks import Block, is_silence, silence
from render.diffusion.buses import Bus, gains
from render.diffusion.excitation import sources
from render.diffusion.filter import PASS_REACH, PASSES, filtered
from render.diffusion.levels import LearnedLevels
from render.diffusion.mel import FRAME_RATE, HOP, MARGIN
from render.diffusion.sampler import NotesNearby, SamplerOptions, Spectra, sample
from render.diffusion.weights import Renderer

PIECE_FRAMES = 320
"""Frames of a piece of the stream."""
PIECE = PIECE_FRAMES * HOP
"""Samples of a piece: 3.41 s at :data:`render.diffusion.mel.SAMPLE_RATE`."""
_NOISE_PASSES = 2
SOUND_REACH = PASS_REACH * (PASSES + _NOISE_PASSES)
"""Frames on each side on which the sound of a frame depends."""

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
    nearby = NotesNearby(bus.notes)
    for index in range(n_pieces(bus)):
        first = index * PIECE_FRAMES - SOUND_REACH
        notes = nearby.notes(first, PIECE_FRAMES + 2 * SOUND_REACH)
        if not len(notes.pitch):
            yield silence(PIECE)
            continue
        spectra = sample(renderer, notes, first, PIECE_FRAMES + 2 * SOUND_REACH, options, number)
        wave = sound(replace(bus, notes=notes), renderer, spectra, first, options.seed + number)
        start = index * PIECE
        yield wave.numpy() * gains(bus, start, start + PIECE)


def n_pieces(bus: Bus) -> int:
    """Number of pieces that :func:`synthesize_bus` yields."""
    return math.ceil(bus.notes.end_s * FRAME_RATE / PIECE_FRAMES)


@torch.inference_mode()
def sound(bus: Bus, renderer: Renderer, spectra: Spectra, first: int, seed: int = 0) -> Tensor:
    """Wave float32 [(T - 2·SOUND_REACH)·HOP] on the CPU, without volume and pan.

    Args:
        bus: with the notes that are active there.
        renderer: on the device of the spectra.
        spectra: of T frames from frame ``first`` on.
        first: frame, counted from the start of the piece; the wave begins :data:`SOUND_REACH`
            frames later.
        seed: of the noise.
    """
    start, stop = first * HOP - MARGIN, (first + spectra.mel.shape[1]) * HOP + MARGIN
    levels = LearnedLevels.of(renderer.predictor, bus.notes)
    found = sources(bus.notes, start, stop, levels, bus.bend, seed)
    partials, noise = torch.from_numpy(found)[:, None].to(spectra.mel.device)
    shaped = filtered(noise, spectra.noise[None], _NOISE_PASSES)
    wave = filtered(partials + F.pad(shaped, (MARGIN, MARGIN)), spectra.mel[None])[0]
    return wave[SOUND_REACH * HOP : -SOUND_REACH * HOP].cpu()
