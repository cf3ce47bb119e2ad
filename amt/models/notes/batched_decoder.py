"""Sampling of several candidates, or parts of a piece, side by side, as the rows of a batch.

Time grows linearly with the piece and memory hardly at all: self-attention is limited to the
context window, and the plan is encoded in chunks with margins as wide as the encoder's window.

Shapes: ``N`` candidates, ``n`` words, ``V`` ids of a column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from amt.errors import InputError
from amt.models.layers import KeyValueCache
from amt.models.notes.conditioning import NotePlan, plan_input
from amt.models.notes.constraints import ConstraintContext, Constraints
from amt.models.notes.decoding_state import DecodingState
from amt.models.notes.inputs import PADDING_BAR, PlanInput, WordInput
from amt.models.notes.motifs import MotifContext, MotifMemory
from amt.models.notes.network import Arranger, DecoderOutput
from amt.models.notes.plan_encoder import EncodedPlan
from amt.models.notes.tokens import (
    BAR,
    BAR_WORD,
    DURATION,
    N_COLUMNS,
    PITCH,
    POSITION,
    ROLE,
    VELOCITY,
    bar_of,
    bar_starts,
)
from amt.models.sampling import sample_nucleus
from amt.reporter import Reporter
from amt.types import BoolArray, FloatArray, IntArray

CHUNK_BARS = 32
"""Bars of the plan that are encoded together."""
PHRASE_BARS = 4
"""Bars of a phrase; the motif heads' lags of whole phrases are given more weight."""
_BY_BEAT = frozenset({"chord", "beat", "beats", "bar", "controls"})


@dataclass(frozen=True, slots=True)
class NoteSamplingOptions:
    """How words are sampled."""

    temperature: float = 0.95
    """Above 0; divides the logits."""
    top_p: float = 0.97
    """Nucleus sampling: keep the most likely ids of each column up to this total probability, in
    (0, 1]."""
    candidates: int = 1
    """Candidates that are sampled, of which the best is kept."""
    constraints: Constraints = field(default_factory=Constraints)

    def __post_init__(self) -> None:
        if not (0 < self.temperature < np.inf and 0 < self.top_p <= 1 and self.candidates >= 1):
            raise InputError(
                f"temperature {self.temperature}, top_p {self.top_p} and {self.candidates} "
                "candidates; expected a temperature above 0, a share above 0 and up to 1, and 1 or "
                "more candidates"
            )


class ChunkedPlanEncoder:
    """Encodes a plan chunk by chunk, as its bars are needed.

    Args:
        arranger: has the encoder.
        plan: of the whole piece.
        n_rows: size of the batch, whose rows are equal.
    """

    def __init__(self, arranger: Arranger, plan: NotePlan, n_rows: int) -> None:
        self.arranger, self.n_rows = arranger, n_rows
        self.plan = plan_input(plan)
        self._bar_of_beat = self.plan.bar[0].numpy()
        config = arranger.config
        self._margin_beats = config.plan_window * config.encoder_layers
        self._window = range(-config.bars_behind, config.bars_ahead + 1)
        self._bars = range(0)
        self._encoded: EncodedPlan | None = None

    def around(self, first: int, last: int) -> EncodedPlan:
        """The encoded plan, with all that words in bars ``first`` to ``last`` attend to."""
        need = range(first + self._window.start, last + self._window.stop)
        n_bars = int(self._bar_of_beat[-1]) + 1
        inside = max(0, need.start) in self._bars and min(n_bars, need.stop) - 1 in self._bars
        encoded = self._encoded
        if encoded is None or not inside:
            self._bars = range(max(0, need.start), min(n_bars, need.stop + CHUNK_BARS))
            self._encoded = encoded = self._encode(self._bars)
        return encoded

    def _encode(self, bars: range) -> EncodedPlan:
        """Encode these bars, with a margin as wide as the encoder's receptive field."""
        edges = np.searchsorted(self._bar_of_beat, [bars.start, bars.stop])
        low, high = max(0, edges[0] - self._margin_beats), edges[1] + self._margin_beats
        # A chunk begins with a whole bar, as the rows of its first beats are looked up.
        low = int(np.searchsorted(self._bar_of_beat, self._bar_of_beat[low]))
        columns = [
            column[:, low:high] if name in _BY_BEAT else column
            for name, column in self.plan._asdict().items()
        ]
        rows = [column.expand(self.n_rows, *column.shape[1:]) for column in columns]
        return self.arranger.encode(PlanInput(*rows), first_beat=low)


class WholePlans:
    """Plans of several pieces, encoded at once; those that are shorter are padded.

    Args:
        arranger: has the encoder.
        plans: one a row of the batch.
    """

    def __init__(self, arranger: Arranger, plans: Sequence[NotePlan]) -> None:
        rows = [plan_input(plan) for plan in plans]
        length = max(row.bar.shape[1] for row in rows)
        columns = {
            name: torch.cat([_padded(getattr(row, name), length, name) for row in rows])
            for name in PlanInput._fields
        }
        self._encoded = arranger.encode(PlanInput(**columns))

    def around(self, first: int, last: int) -> EncodedPlan:
        """All that words in bars ``first`` to ``last`` attend to: the whole plans."""
        return self._encoded


def _padded(column: Tensor, length: int, name: str) -> Tensor:
    """A column [1, S, ...] of a plan, padded to ``length`` beats where it goes by beats."""
    if name not in _BY_BEAT:
        return column
    missing = length - column.shape[1]
    fill = column[:, -1:].expand(1, missing, *column.shape[2:])
    return torch.cat([column, torch.full_like(fill, PADDING_BAR) if name == "bar" else fill], dim=1)


class BatchedDecoder:
    """Samples N candidates of some bars side by side.

    Args:
        arranger: in evaluation mode.
        plan: of the whole piece.
        options: how words are sampled.
        bars: that are sampled.
        before: [m, 5] words of the bars before them.
        n_candidates: N.
    """

    def __init__(
        self,
        arranger: Arranger,
        plan: NotePlan,
        options: NoteSamplingOptions,
        bars: range,
        before: IntArray,
        n_candidates: int,
    ) -> None:
        context = _context(plan, options, bars.stop)
        self._start(arranger, options, [context] * n_candidates, [bars] * n_candidates)
        self.plan: ChunkedPlanEncoder | WholePlans = ChunkedPlanEncoder(
            arranger, plan, n_candidates
        )
        if len(before):
            self._prime(before)

    @classmethod
    def of_parts(
        cls, arranger: Arranger, plans: Sequence[NotePlan], options: NoteSamplingOptions,
        n_bars: Sequence[int],
    ) -> BatchedDecoder:  # fmt: skip
        """A decoder whose rows are pieces, or parts of one, of their own.

        Args:
            arranger: in evaluation mode.
            plans: one a row.
            options: how words are sampled.
            n_bars: how many bars of each plan are sampled, from its first on.
        """
        decoder = cls.__new__(cls)
        contexts = [_context(plan, options, n) for plan, n in zip(plans, n_bars, strict=True)]
        decoder._start(arranger, options, contexts, [range(n) for n in n_bars])
        decoder.plan = WholePlans(arranger, plans)
        return decoder

    def _start(
        self,
        arranger: Arranger,
        options: NoteSamplingOptions,
        contexts: Sequence[ConstraintContext],
        bars: Sequence[range],
    ) -> None:
        """Set what every row begins with."""
        self.arranger, self.options, self.bars = arranger, options, bars
        n_lags = arranger.config.motif_bars
        self.states = [DecodingState(context) for context in contexts]
        self.memories = [MotifMemory(context.plan.chart, n_lags) for context in contexts]
        self.caches = [KeyValueCache(arranger.config.context) for _ in arranger.layers]
        self.n_decoded = 0
        self.words: list[list[IntArray]] = [[] for _ in contexts]
        self.log_probs = np.zeros(len(contexts))

    def run(self, generator: torch.Generator, reporter: Reporter) -> list[IntArray]:
        """Sample the bars; the words [n, 5] of each candidate."""
        words = [BAR_WORD] * len(self.states)  # all begin with the first bar
        for candidate, word in zip(self.words, words, strict=True):
            candidate.append(word)
        done = [False] * len(self.states)
        while not all(done):
            output = self._step(words, done)
            words = self._sample(output, generator, done)
            for i, word in enumerate(words):
                ends = word[POSITION] == BAR and self.states[i].bar + 1 >= self.bars[i].stop
                done[i] = done[i] or ends
                if not done[i]:
                    self.words[i].append(word)
            slowest = min(
                (state.bar - bars.start) / len(bars)
                for state, bars in zip(self.states, self.bars, strict=True)
            )
            reporter.progress(1.0 if all(done) else max(0.0, slowest))
        return [_shortened(np.stack(w), s) for w, s in zip(self.words, self.states, strict=True)]

    def mean_log_probs(self) -> FloatArray:
        """[N] mean log-probability of each candidate's words, before any mask or bias."""
        return np.asarray(self.log_probs / [len(candidate) for candidate in self.words])

    def _prime(self, before: IntArray) -> None:
        """Run the bars before: all through states and memories, the network on its context."""
        bar = bar_of(before)
        edges = np.flatnonzero(np.diff(bar)) + 1
        contexts = [self.memories[0].update(words) for words in np.split(before, edges)]
        self.memories = [self.memories[0].copy() for _ in self.states]
        for state in self.states:
            for word in before:
                state.update(word)
        first = np.flatnonzero(before[:, POSITION] == BAR)
        n_notes = np.arange(len(before)) - first[bar]
        motif_words, similarity = (np.concatenate(column) for column in zip(*contexts, strict=True))
        context = self.arranger.config.context
        # Twice the context: the receptive field of the deeper layers is wider than one window.
        start = max(0, len(before) - 2 * context)
        for low in range(start, len(before), context // 2):
            rows = slice(low, min(low + context // 2, len(before)))
            motifs = MotifContext(motif_words[rows], similarity[rows])
            self._decode_shared(before[rows], bar[rows], n_notes[rows], motifs)

    def _decode_shared(
        self, words: IntArray, bar: IntArray, n_notes: IntArray, motifs: MotifContext
    ) -> None:
        """Run the network on words [n, 5] that all candidates have in common."""
        rows = (words, bar, n_notes, motifs.words, motifs.similarity)
        n_candidates = len(self.states)
        inputs = WordInput(
            *(torch.from_numpy(row)[None].expand(n_candidates, *row.shape) for row in rows)
        )
        encoded = self.plan.around(int(bar[0]), int(bar[-1]))
        self.arranger.decode(inputs, encoded, self.n_decoded, self.caches)
        self.n_decoded += len(words)

    def _step(self, words: list[IntArray], done: list[bool]) -> DecoderOutput:
        """Run the network on one word of each candidate; those that are done change no more."""
        contexts = []
        for i, word in enumerate(words):
            if done[i]:
                contexts.append(self.memories[i].empty_context())
            else:
                self.states[i].update(word, number=len(self.words[i]) - 1)
                contexts.append(self.memories[i].update(word[None]))
        bars = [min(s.bar, b.stop - 1) for s, b in zip(self.states, self.bars, strict=True)]
        inputs = WordInput(
            words=torch.from_numpy(np.stack(words))[:, None],
            bar=torch.tensor(bars)[:, None],
            n_notes=torch.tensor([[state.n_notes] for state in self.states]),
            motif_words=torch.from_numpy(np.stack([c.words for c in contexts])),
            motif_similarity=torch.from_numpy(np.stack([c.similarity for c in contexts])),
        )
        encoded = self.plan.around(min(bars), max(bars))
        output = self.arranger.decode(inputs, encoded, self.n_decoded, self.caches)
        self.n_decoded += 1
        return output

    def _sample(
        self, output: DecoderOutput, generator: torch.Generator, done: list[bool]
    ) -> list[IntArray]:
        """The next word of each candidate, sampled column by column."""
        n_candidates = len(self.states)
        uniforms = torch.rand(N_COLUMNS, n_candidates, generator=generator).numpy()
        words = np.zeros((n_candidates, N_COLUMNS), dtype=np.int64)
        words[done] = BAR_WORD
        for column in range(N_COLUMNS):
            open_rows = [
                i
                for i in range(n_candidates)
                if not done[i] and (column == POSITION or words[i, POSITION] != BAR)
            ]
            if not open_rows:
                break
            biased = self._with_copy_bias(output, column, words)
            prefix = torch.from_numpy(words)[:, None]
            log_probs = self.arranger.log_probs(column, biased, prefix)[:, 0].double().numpy()
            for i in open_rows:
                index = self._sample_id(
                    column, i, words[i], log_probs[i], float(uniforms[column, i])
                )
                self.log_probs[i] += log_probs[i, index]
                words[i, column] = index
        return list(words)

    def _sample_id(
        self, column: int, i: int, word: IntArray, log_probs: FloatArray, uniform: float
    ) -> int:
        """An id of a column of candidate i, after mask and bias of the constraints."""
        ids = np.flatnonzero(self._mask(column, i, word, log_probs))
        biased = (log_probs + self._logit_bias(column, i, word))[ids]
        options = self.options
        return int(ids[sample_nucleus(biased, options.temperature, options.top_p, uniform)])

    def _with_copy_bias(self, output: DecoderOutput, column: int, words: IntArray) -> DecoderOutput:
        """The same output with the weights of the motif heads raised by the constraints."""
        if output.motifs is None:
            return output
        weights, state = output.motifs.weights, self.states[0]
        lags = torch.arange(1, weights.shape[-1] + 1)
        phrase = self.options.constraints.phrase_nats * (lags % PHRASE_BARS == 0)
        copy = torch.tensor([state.copy_bias(column, int(word[ROLE])) for word in words])
        weights = weights * torch.exp(copy[:, None, None, None] + phrase)
        return replace(output, motifs=output.motifs._replace(weights=weights))

    def _mask(self, column: int, i: int, word: IntArray, log_probs: FloatArray) -> BoolArray:
        """[V] ids that the constraints allow; what the order of words rules out is -inf already."""
        state, possible = self.states[i], np.isfinite(log_probs)
        position, role = int(word[POSITION]), int(word[ROLE])
        if column == POSITION:
            mask = state.position_mask()
        elif column == ROLE:
            mask = state.role_mask(position)
        elif column == PITCH:
            mask = state.pitch_mask(position, role, lowest=int(possible.argmax()))
        elif column == VELOCITY:
            mask = possible
        else:
            mask = state.duration_mask(position, int(word[PITCH]))
        mask = mask & possible
        return mask if mask.any() else possible

    def _logit_bias(self, column: int, i: int, word: IntArray) -> FloatArray | float:
        """[V] logit bias of the constraints, in nats."""
        state = self.states[i]
        if column == POSITION:
            return state.position_bias()
        if column == PITCH:
            return state.pitch_bias(int(word[ROLE]))
        if column == DURATION:
            return state.duration_bias(int(word[ROLE]))
        return state.velocity_bias() if column == VELOCITY else 0.0


def _context(plan: NotePlan, options: NoteSamplingOptions, stop: int) -> ConstraintContext:
    """What the constraints need of a plan of which the bars up to ``stop`` are sampled."""
    return ConstraintContext(plan, options.constraints, int(bar_starts(plan.bars)[stop]))


def _shortened(words: IntArray, state: DecodingState) -> IntArray:
    """Words [n, 5] with the notes shortened that later ones left no voice for."""
    for number, length in state.cuts.items():
        words[number, DURATION] = min(words[number, DURATION], length)
    return words
