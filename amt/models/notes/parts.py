"""Long pieces in parts that are sampled side by side, each for itself.

A part begins with a section. Its notes do not depend on those of the other parts, as the sections
of long films do not: themes that return are repeated by rule afterwards
(:mod:`amt.arrange.themes`). So a batch of parts takes little more time than one of them.

The parts of a piece, and which of them are sampled together, depend on its plan alone: results are
the same on any number of processors.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from amt.models.notes.batched_decoder import BatchedDecoder, NoteSamplingOptions
from amt.models.notes.conditioning import NotePlan
from amt.models.notes.network import Arranger
from amt.models.notes.tokens import BAR_WORD
from amt.reporter import Reporter
from amt.types import IntArray

LONG_BARS = 160
"""Bars from which on a piece is sampled in parts: five minutes and more."""
PART_BARS = 64
"""Bars of a part, about: the memory for motifs spans 48."""
SHORTEST_PART_BARS = 32
MARGIN_BARS = 4
"""Bars behind a part that its plan has besides: notes are led to what follows."""
GROUP = 8
"""Parts that are sampled together, at most."""


def part_edges(plan: NotePlan) -> tuple[int, ...]:
    """Bars on which the parts of a piece begin, and its number of bars.

    A part begins with the section nearest to a multiple of :data:`PART_BARS` after the one before,
    or there where no section begins near it. A piece below :data:`LONG_BARS` is one part.
    """
    n_bars = len(plan.bars)
    if n_bars < LONG_BARS:
        return 0, n_bars
    begins = plan.control("section")[plan.downbeats] > 0
    edges = [0]
    while n_bars - edges[-1] >= PART_BARS + SHORTEST_PART_BARS:
        wanted = edges[-1] + PART_BARS
        first, last = edges[-1] + SHORTEST_PART_BARS, n_bars - SHORTEST_PART_BARS
        last = min(last, wanted + SHORTEST_PART_BARS)
        near = [bar for bar in np.flatnonzero(begins).tolist() if first <= bar <= last]
        edges.append(min(near, key=lambda bar: abs(bar - wanted)) if near else min(wanted, last))
    return *edges, n_bars


def part_plan(plan: NotePlan, first: int, last: int) -> NotePlan:
    """The plan of bars ``first`` to before ``last``, and of :data:`MARGIN_BARS` behind them."""
    stop = min(last + MARGIN_BARS, len(plan.bars))
    edges = np.concatenate([[0], np.cumsum(plan.bars)])
    beats = slice(int(edges[first]), int(edges[stop]))
    return NotePlan(
        bars=plan.bars[first:stop],
        chords=plan.chords[beats],
        is_minor=plan.is_minor,
        controls=plan.controls[beats],
        known=plan.known,
    )


def sample_parts(
    arranger: Arranger,
    plan: NotePlan,
    options: NoteSamplingOptions,
    generator: torch.Generator,
    reporter: Reporter,
) -> IntArray:
    """The words [m, 5] of a long piece, with the one that ends it.

    Args:
        arranger: in evaluation mode.
        plan: of the whole piece.
        options: how words are sampled; one candidate is.
        generator: source of randomness, on the CPU.
        reporter: gets the progress.
    """
    spans = list(pairwise(part_edges(plan)))
    n_groups = -(-len(spans) // GROUP)
    groups = [spans[len(spans) * i // n_groups : len(spans) * (i + 1) // n_groups]
              for i in range(n_groups)]  # fmt: skip
    seeds = torch.randint(2**62, (n_groups,), generator=generator).tolist()
    words: list[IntArray] = []
    for number, (group, seed) in enumerate(zip(groups, seeds, strict=True)):
        plans = [part_plan(plan, *span) for span in group]
        n_bars = [last - first for first, last in group]
        decoder = BatchedDecoder.of_parts(arranger, plans, options, n_bars)
        of_group = torch.Generator().manual_seed(seed)
        words += decoder.run(of_group, reporter.part(number / n_groups, (number + 1) / n_groups))
    return np.concatenate([*words, BAR_WORD[None]])
