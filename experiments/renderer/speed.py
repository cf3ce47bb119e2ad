"""How long the neural renderer takes, and how long it would take if only arithmetic counted."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from experiments.renderer.data import Take
from experiments.renderer.systems import Excerpt, device_of
from render.diffusion.mel import FRAME_RATE
from render.diffusion.sampler import SamplerOptions, sample_mel
from render.diffusion.tokens import NoteTable, note_table
from render.diffusion.vocoder import vocode
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
    step, vocoder = gflops_a_second(renderer, take)
    counts = sorted({1, threads})
    return {
        "excerpt": excerpt.name, "runs": _RUNS, "cores": os.cpu_count(),
        "device": _name(device),
        "gflops": {"step": step, "vocoder": vocoder},
        "machine_gflops": {str(n): machine_gflops(n, device) for n in counts},
        "rows": [
            asdict(row) for row in measure_speed(renderer, take, steps, counts, _RUNS)
        ],
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Speed:
    """Time that the networks take for a second of one bus (real-time factors)."""

    threads: int
    steps: int
    denoiser: float
    vocoder: float


def measure_speed(
    renderer: Renderer, take: Take, steps: Sequence[int], threads: Sequence[int], runs: int
) -> list[Speed]:
    """The best of some runs for every number of steps and of threads."""
    table = note_table([(note, take.program) for note in take.notes])
    before = torch.get_num_threads()
    found = []
    try:
        for n_threads in threads:
            torch.set_num_threads(n_threads)
            for n_steps in steps:
                times = [_timed(renderer, table, SamplerOptions(n_steps)) for _ in range(runs)]
                denoiser, vocoder = np.min(times, axis=0).tolist()
                found.append(Speed(n_threads, n_steps, denoiser, vocoder))
    finally:
        torch.set_num_threads(before)
    return found


def _timed(renderer: Renderer, table: NoteTable, options: SamplerOptions) -> tuple[float, float]:
    """Real-time factors of denoiser and vocoder for one bus."""
    begun = time.perf_counter()
    # Copies to the processor wait for what another device still computes.
    mel = torch.cat(list(sample_mel(renderer.denoiser, table, options)), dim=1)
    mel.cpu()
    drawn = time.perf_counter()
    for wave in vocode(renderer.vocoder, [mel]):
        wave.cpu()
    seconds = mel.shape[1] / FRAME_RATE
    return (drawn - begun) / seconds, (time.perf_counter() - drawn) / seconds


def gflops_a_second(renderer: Renderer, take: Take) -> tuple[float, float]:
    """10^9 operations for a second of one bus: of a step of the denoiser, and of the vocoder.

    Matrix products and convolutions are counted, a multiplication and an addition as two.
    """
    table = note_table([(note, take.program) for note in take.notes])
    with FlopCounterMode(display=False) as steps:
        mel = torch.cat(list(sample_mel(renderer.denoiser, table, SamplerOptions(1))), dim=1)
    with FlopCounterMode(display=False) as sounds:
        list(vocode(renderer.vocoder, [mel]))
    seconds = mel.shape[1] / FRAME_RATE
    return tuple(c.get_total_flops() / 1e9 / seconds for c in (steps, sounds))


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
