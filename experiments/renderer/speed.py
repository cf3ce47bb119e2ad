"""How long the neural renderer takes, and how long it would take if only arithmetic counted."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from experiments.renderer.data import Take
from experiments.renderer.systems import Excerpt, bus_of, device_of
from render.diffusion.buses import Bus
from render.diffusion.mel import FRAME_RATE
from render.diffusion.sampler import SamplerOptions, sample
from render.diffusion.synthesize import sound
from render.diffusion.weights import Renderer

_RUNS = 3
_TIMED_S = 5.0
"""What begins in so many seconds is played."""


def speed_report(
    renderer: Renderer, excerpt: Excerpt, steps: Sequence[int], threads: int
) -> dict[str, Any]:
    """Real-time factors of a bus by steps and threads, and what arithmetic alone would take."""
    take = excerpt.voices[0].take
    take = replace(take, notes=tuple(note for note in take.notes if note.start_s < _TIMED_S))
    device = device_of(renderer)
    predictor, step = gflops_a_second(renderer, take)
    counts = sorted({1, threads})
    return {
        "excerpt": excerpt.name, "runs": _RUNS, "cores": os.cpu_count(),
        "device": _name(device),
        "gflops": {"predictor": predictor, "step": step},
        "machine_gflops": {str(n): machine_gflops(n, device) for n in counts},
        "rows": [
            asdict(row) for row in measure_speed(renderer, take, steps, counts, _RUNS)
        ],
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Speed:
    """Time for a second of one bus (real-time factors): its spectrogram, and the sound."""

    threads: int
    steps: int
    networks: float
    sound: float


def measure_speed(
    renderer: Renderer, take: Take, steps: Sequence[int], threads: Sequence[int], runs: int
) -> list[Speed]:
    """The best of some runs for every number of steps and of threads."""
    bus = bus_of(take)
    before = torch.get_num_threads()
    found = []
    try:
        for n_threads in threads:
            torch.set_num_threads(n_threads)
            for n_steps in steps:
                times = [_timed(renderer, bus, SamplerOptions(n_steps)) for _ in range(runs)]
                networks, source = np.min(times, axis=0).tolist()
                found.append(Speed(n_threads, n_steps, networks, source))
    finally:
        torch.set_num_threads(before)
    return found


def _timed(renderer: Renderer, bus: Bus, options: SamplerOptions) -> tuple[float, float]:
    """Real-time factors of spectrogram and sound of one bus."""
    n_frames = math.ceil(bus.notes.end_s * FRAME_RATE)
    begun = time.perf_counter()
    # Copies to the processor wait for what another device still computes.
    spectra = sample(renderer, bus.notes, 0, n_frames, options)
    spectra.mel.cpu()
    drawn = time.perf_counter()
    sound(bus, renderer, spectra, 0)
    seconds = n_frames / FRAME_RATE
    return (drawn - begun) / seconds, (time.perf_counter() - drawn) / seconds


def gflops_a_second(renderer: Renderer, take: Take) -> tuple[float, float]:
    """10^9 operations for a second of one bus: of the predictor, and of a step of the denoiser.

    Matrix products and convolutions are counted, a multiplication and an addition as two.
    """
    notes = bus_of(take).notes
    n_frames = math.ceil(notes.end_s * FRAME_RATE)
    counts = []
    for n_steps in (1, 2):
        with FlopCounterMode(display=False) as counter:
            sample(renderer, notes, 0, n_frames, SamplerOptions(n_steps))
        counts.append(counter.get_total_flops() / 1e9 / (n_frames / FRAME_RATE))
    return counts[0], counts[1] - counts[0]


def machine_gflops(threads: int, device: torch.device) -> float:
    """10^9 operations a second that PyTorch reaches here with large matrix products."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    square = torch.rand(1024, 1024, device=device)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        product = square
        for _ in range(4):
            product = square @ product
        product.cpu()
        times.append(time.perf_counter() - begun)
    torch.set_num_threads(before)
    return float(4 * 2 * 1024**3 / min(times) / 1e9)


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "the processor"
