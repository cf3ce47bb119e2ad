"""Sampling notes from the arranger: word by word, under constraints, the best of N candidates.

Candidates are ranked by the model's own log-probability of their notes, less penalties for missing
the target density and loudness (:func:`target_scores`), and in infilling by the log-probability of
the bar that follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from amt.errors import InputError
from amt.models.notes.batched_decoder import BatchedDecoder, ChunkedPlanEncoder
from amt.models.notes.batched_decoder import NoteSamplingOptions as NoteSamplingOptions
from amt.models.notes.conditioning import NotePlan
from amt.models.notes.inputs import CONTROLS, WordInput
from amt.models.notes.motifs import motif_context
from amt.models.notes.network import Arranger, DecoderOutput
from amt.models.notes.parts import LONG_BARS, sample_parts
from amt.models.notes.tokens import (
    BAR,
    BAR_WORD,
    FIRST_POSITION,
    N_COLUMNS,
    PAD,
    POSITION,
    VELOCITY,
    bar_of,
    bar_starts,
    bins,
)
from amt.models.threads import single_threaded
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.types import FloatArray, IntArray

MIN_INFILL_CANDIDATES = 3
"""Candidates, at least, of bars that are sampled between fixed ones."""
DENSITY_PENALTY, LOUDNESS_PENALTY = 1.0, 4.0
"""Nats per word that a candidate loses for each e-fold of density, and each unit of loudness, by
which its bars miss the target, on average."""


@dataclass(frozen=True, slots=True, eq=False)
class Infill:
    """A piece of which some bars are sampled again, while the others are fixed."""

    words: IntArray
    """[m, 5] of the whole piece."""
    bars: range
    """Numbers of the bars that are sampled, from 0."""


def sample_words(
    arranger: Arranger,
    plan: NotePlan,
    options: NoteSamplingOptions,
    generator: torch.Generator,
    infill: Infill | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
) -> IntArray:
    """The words of a piece, sampled for a plan.

    Args:
        arranger: in evaluation mode.
        plan: of the whole piece.
        options: how words are sampled.
        generator: source of randomness, on the CPU.
        infill: bars that are fixed and bars that are sampled; None samples all.
        reporter: gets the progress.

    Returns:
        [m, 5] words of the whole piece with the one that ends it; those of fixed bars unchanged.
        The sampled bars depend on those before them, and of several candidates
        (:data:`MIN_INFILL_CANDIDATES` or more) the one is kept after which the next fixed bar is
        most likely. Where one candidate is asked for, a piece of
        :data:`amt.models.notes.parts.LONG_BARS` or more is sampled in parts.

    Raises:
        InputError: the fixed words are of other bars, or the bars to sample are not in the piece.
    """
    before, after, bars = _split(plan, infill)
    n_candidates = options.candidates
    if len(after) > 1:
        n_candidates = max(n_candidates, MIN_INFILL_CANDIDATES)
    with torch.inference_mode(), single_threaded():
        if infill is None and n_candidates == 1 and len(plan.bars) >= LONG_BARS:
            return sample_parts(arranger, plan, options, generator, reporter)
        decoder = BatchedDecoder(arranger, plan, options, bars, before, n_candidates)
        candidates = decoder.run(generator, reporter)
        best = 0
        if n_candidates > 1:
            scores = target_scores(plan, [np.concatenate([before, c]) for c in candidates], bars)
            scores += decoder.mean_log_probs()
            if len(after) > 1:
                scores += [_next_bar_score(arranger, plan, before, c, after) for c in candidates]
            best = int(scores.argmax())
    return np.concatenate([before, candidates[best], after])


def target_scores(plan: NotePlan, pieces: list[IntArray], bars: range) -> FloatArray:
    """Minus the nats per word that candidates [n] lose for missing target density and loudness.

    Args:
        plan: of the piece.
        pieces: words of each candidate, up to the last of ``bars`` at least.
        bars: that are scored.
    """
    rows = plan.downbeats[bars.start : bars.stop]
    beats = np.array(plan.bars)[bars.start : bars.stop]
    losses = np.zeros(len(pieces))
    for i, words in enumerate(pieces):
        bar = bar_of(words)
        notes = (words[:, POSITION] >= FIRST_POSITION) & (bar >= bars.start) & (bar < bars.stop)
        count = np.bincount(bar[notes] - bars.start, minlength=len(bars))
        if plan.known[CONTROLS.index("density")]:
            target = plan.control("density")[rows] * beats
            losses[i] += DENSITY_PENALTY * np.abs(np.log((count + 1) / (target + 1))).mean()
        if plan.known[CONTROLS.index("loudness")] and count.any():
            velocities = bins().velocities[words[notes, VELOCITY] - 1] / 127
            total = np.bincount(bar[notes] - bars.start, velocities, minlength=len(bars))
            target = plan.control("loudness")[rows]
            off = np.abs(total / np.maximum(count, 1) - target)[count > 0]
            losses[i] += LOUDNESS_PENALTY * off.mean()
    return -losses


def _split(plan: NotePlan, infill: Infill | None) -> tuple[IntArray, IntArray, range]:
    """Words before the bars to sample, words after them, and those bars."""
    empty = np.zeros((0, N_COLUMNS), dtype=np.int64)
    bar_starts(plan.bars)  # refuses bars that are too long
    if infill is None:
        return empty, BAR_WORD[None], range(len(plan.bars))
    bar, sampled = bar_of(infill.words), infill.bars
    if len(infill.words) == 0 or bar[-1] != len(plan.bars) or bar[0] != 0:
        raise InputError(f"the given words are not of {len(plan.bars)} bars: the plan has those")
    if not (0 <= sampled.start < sampled.stop <= len(plan.bars) and sampled.step == 1):
        raise InputError(
            f"bars {sampled.start + 1} to {sampled.stop} are to be written; expected some of 1 to "
            f"{len(plan.bars)}"
        )
    return infill.words[bar < sampled.start], infill.words[bar >= sampled.stop], sampled


def _next_bar_score(
    arranger: Arranger, plan: NotePlan, before: IntArray, new: IntArray, after: IntArray
) -> float:
    """Mean log-probability of the words of the first fixed bar after a candidate."""
    next_bar = after[bar_of(after) == 0]
    words = np.concatenate([before, new, next_bar])
    bar = bar_of(words)
    first = np.flatnonzero(words[:, POSITION] == BAR)
    n_notes = np.arange(len(words)) - first[bar]
    motifs = motif_context(words, plan.chart, arranger.config.motif_bars)
    rows = slice(max(0, len(words) - arranger.config.context), len(words))
    columns = [words, bar, n_notes, motifs.words, motifs.similarity]
    encoded = ChunkedPlanEncoder(arranger, plan, 1).around(int(bar[rows][0]), int(bar[-1]))
    inputs = WordInput(*(torch.from_numpy(column[rows])[None] for column in columns))
    targets = torch.from_numpy(words[rows][1:])[None]
    log_probs = _word_log_probs(arranger, arranger.decode(inputs, encoded), targets)
    return float(log_probs[-len(next_bar) :].mean())


def _word_log_probs(arranger: Arranger, output: DecoderOutput, targets: Tensor) -> Tensor:
    """Log-probability [T] of words [1, T, 5]; the output has one row more."""
    padded = torch.cat([targets, targets.new_full((1, 1, N_COLUMNS), PAD)], dim=1)
    total = torch.zeros(targets.shape[1])
    is_note = targets[0, :, POSITION] >= FIRST_POSITION
    for column in range(N_COLUMNS):
        log_probs = arranger.log_probs(column, output, padded)[0, :-1]
        of_target = log_probs.gather(-1, targets[0, :, column, None])[:, 0]
        total += of_target if column == POSITION else torch.where(is_note, of_target, 0.0)
    return total
