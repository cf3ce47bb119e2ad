"""The arranger: a transformer from a plan to the notes of melody, counter-melody and harmony.

The encoder reads the plan beat by beat (:mod:`amt.models.notes.plan_encoder`). The decoder predicts
one compound word per note (:mod:`amt.models.notes.tokens`), bar by bar, and each word column by
column: position, role, pitch, duration, velocity, every column given those before it. This is the
nested decoding of compound words (Ryu et al. 2024) with small networks in place of a second
transformer. A word can only follow the one before it in the order of words, so that every sequence
is valid music and no note is doubled.

* Rotary positions (Su et al. 2021) rotate half of each head by the number of the word and half by
  musical time, so that "a bar ago" is one distance however many notes lie between.
* Cross-attention is aligned in bars: a word attends to the bars around its own.
* The decoder gets the number of notes still missing from the bar's target density, because
  attention counts poorly.
* The words that motif heads (:mod:`amt.models.notes.motifs`) copy from earlier bars are an input of
  the decoder, and are mixed into the prediction of each column with learned gates, as in a
  pointer-generator (See et al. 2017).

Shapes: ``B`` batch, ``S`` beats of the plan, ``T`` words, ``L`` lags of the motif memory, ``H`` its
heads, ``D`` model width, ``K`` width of an attention head, ``V`` ids of a column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from amt.models.config import ArrangerConfig
from amt.models.layers import (
    CausalSelfAttention,
    DecoderLayer,
    KeyValueCache,
    Rotation,
    initialise,
    rotary,
)
from amt.models.notes.inputs import CONTROLS, PlanInput, WordInput
from amt.models.notes.motifs import N_HEADS, MotifHeads, MotifPrediction
from amt.models.notes.plan_encoder import EncodedPlan, PlanAttention, PlanEncoder, bar_rows
from amt.models.notes.tokens import (
    BAR,
    DURATION,
    FIRST_POSITION,
    N_COLUMNS,
    PITCH,
    POSITION,
    RESOLUTION,
    ROLE,
    VOCABULARY,
)
from amt.models.pretrained import ARRANGER_SPEC, PretrainedModel

MAX_MISSING, MAX_SURPLUS = 40, 12
"""The number of notes missing from a bar is an input up to the first, and down to minus the
second."""
EMBEDDING_STD = 0.2
"""Standard deviation of the initial weights of the decoder's embeddings: they are added to states
of about unit size, beside which those of 0.02 would be lost."""
MIN_PROB = 1e-12
"""Floor of mixed probabilities before the logarithm."""


class WordRotations(NamedTuple):
    """Rotations [B, 1, T, K / 2] of words."""

    by_number_and_time: Rotation
    """Half by the number of the word, half by musical time."""
    by_time: Rotation


def word_rotations(first_word: int, times: Tensor, head_dim: int) -> WordRotations:
    """The rotations of words ``first_word`` on, whose onsets are ``times`` [B, T] in positions."""
    flat = rotary(times.flatten(), head_dim)
    by_time = Rotation(*(rearrange(x, "(b t) k -> b 1 t k", b=len(times)) for x in flat))
    numbers = torch.arange(first_word, first_word + times.shape[1], device=times.device)
    by_number = rotary(numbers, head_dim)
    half = head_dim // 4
    both = (
        torch.cat([number[:, ::2].expand(*time.shape[:-1], half), time[..., ::2]], dim=-1)
        for number, time in zip(by_number, by_time, strict=True)
    )
    return WordRotations(Rotation(*both), by_time)


class WordHeads(nn.Module):
    """Predicts a word column by column from the decoder's state and the plan at its position."""

    def __init__(self, config: ArrangerConfig) -> None:
        super().__init__()
        d = config.d_model
        self.position = nn.Linear(d, VOCABULARY[POSITION])
        self.hidden = nn.ModuleList(nn.Linear(d, d) for _ in range(1, N_COLUMNS))
        self.plan = nn.Linear(d, d, bias=False)
        self.embed_prev = nn.ModuleList(nn.Embedding(n, d) for n in VOCABULARY[:-1])
        self.out = nn.ModuleList(nn.Linear(d, n) for n in VOCABULARY[1:])

    def features(self, column: int, state: Tensor, plan: Tensor, prefix: Tensor) -> Tensor:
        """Features [B, T, D] of a column, given the columns ``prefix`` before it."""
        if column == POSITION:
            return state
        embedded = [self.embed_prev[i](prefix[..., i]) for i in range(column)]
        hidden: Tensor = F.gelu(self.hidden[column - 1](state) + self.plan(plan) + sum(embedded))
        return hidden

    def logits(self, column: int, features: Tensor) -> Tensor:
        """Logits of the ids of a column: [B, T, D] -> [B, T, V]."""
        head = self.position if column == POSITION else self.out[column - 1]
        logits: Tensor = head(features)
        return logits


@dataclass(frozen=True, slots=True, eq=False)
class DecoderOutput:
    """All that the prediction of the next words [B, T] depends on but their own columns."""

    state: Tensor
    """[B, T, D]"""
    before: Tensor
    """[B, T, 5] the words that they follow."""
    bar: Tensor
    """[B, T] bars of those."""
    encoded: EncodedPlan
    motifs: MotifPrediction | None


class Arranger(PretrainedModel):
    """Predicts every word of a piece from its plan and the words before it."""

    spec = ARRANGER_SPEC
    config_type = ArrangerConfig

    def __init__(self, config: ArrangerConfig) -> None:
        super().__init__()
        self.config = config
        d = config.d_model
        self.encoder = PlanEncoder(config)
        self.columns = nn.ModuleList(nn.Embedding(n, d) for n in VOCABULARY)
        self.remaining_notes = nn.Embedding(2 + MAX_MISSING + MAX_SURPLUS, d)
        self.aligned = nn.Linear(d, d)
        self.dropout = nn.Dropout(config.dropout)
        layers = [_decoder_layer(config, i) for i in range(config.decoder_layers)]
        self.layers: Sequence[DecoderLayer] = nn.ModuleList(layers)  # type: ignore[assignment]
        self.norm = nn.LayerNorm(d)
        self.heads = WordHeads(config)
        self.motifs = MotifHeads(config.motif_bars) if config.motif_bars else None
        self.motif_in = nn.Linear(N_HEADS * sum(VOCABULARY), d) if config.motif_bars else None
        self.copy_gates = nn.ModuleList(
            nn.Linear(d, 1 + N_HEADS) for _ in VOCABULARY if config.motif_bars
        )
        self.apply(initialise)
        embeddings = (*self.columns, self.remaining_notes, *self.heads.embed_prev, self.motif_in)
        for embedding in embeddings:
            if embedding is not None:
                nn.init.normal_(embedding.weight, std=EMBEDDING_STD)

    def encode(self, plan: PlanInput, first_beat: int = 0) -> EncodedPlan:
        """Run the encoder once for a plan, or for some bars of one.

        Args:
            plan: where it is a part, the rest must be outside the encoder's window.
            first_beat: number in the piece of the first of its beats.
        """
        states = self.encoder(plan)
        memories = tuple(
            layer.cross_attention.memory(states, first_beat)
            if isinstance(layer.cross_attention, PlanAttention)
            else None
            for layer in self.layers
        )
        first_bar = int(plan.bar[0, 0])
        return EncodedPlan(plan, states, first_bar, first_beat, bar_rows(plan), memories)

    def decode(
        self,
        inputs: WordInput,
        encoded: EncodedPlan,
        first_word: int = 0,
        caches: list[KeyValueCache] | None = None,
    ) -> DecoderOutput:
        """Run the decoder on words ``first_word`` on, to predict the word after each.

        Args:
            inputs: [B, T, ...] each.
            encoded: the plan; needs the bars of the words.
            first_word: number of the first of them.
            caches: one for each layer when a piece is decoded in several calls.
        """
        bar = inputs.bar.clamp(min=encoded.first_bar)
        position = (inputs.words[..., POSITION] - FIRST_POSITION).clamp(min=0)
        times = RESOLUTION * (encoded.first_beat + encoded.row_of_bar(bar)) + position
        head_dim = self.config.d_model // self.config.n_heads
        rotations = word_rotations(first_word, times, head_dim)
        x = self._embed(inputs, encoded, encoded.row_of(bar, position))
        motifs = None
        if self.motifs is not None and self.motif_in is not None:
            motifs = self.motifs(inputs.motif_words, inputs.motif_similarity)
            probs = [motifs.column_probs(c, motifs.weights).flatten(2) for c in range(N_COLUMNS)]
            x = x + self.motif_in(torch.cat(probs, dim=-1).to(x.dtype))
        x = self.dropout(x)
        plan_bar = encoded.plan.bar
        for i, (layer, memory) in enumerate(zip(self.layers, encoded.memories, strict=True)):
            cache = caches[i] if caches else None
            x = layer(
                x, rotations.by_number_and_time, cache, rotations.by_time, bar, memory, plan_bar
            )
        return DecoderOutput(self.norm(x), inputs.words, bar, encoded, motifs)

    def log_probs(self, column: int, output: DecoderOutput, prefix: Tensor) -> Tensor:
        """Log-probabilities [B, T, V] of a column of the next words.

        Args:
            column: 0 to 4.
            output: from :meth:`decode`.
            prefix: [B, T, >= column] the columns of those words before it.

        Returns:
            -inf for ids that the order of words or the end of the bar rules out.
        """
        return self._predict(column, output, prefix)[0]

    def forward(self, inputs: WordInput, plan: PlanInput, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Teacher-forced log-probabilities of the words ``targets`` [B, T, 5].

        Returns:
            [B, T, 5] of each column, and [B, T, 5] the same without the motif heads. Columns that
            a word does not have count 0, as do words of padding.
        """
        output = self.decode(inputs, self.encode(plan))
        is_word = targets[..., POSITION] > 0
        is_note = targets[..., POSITION] >= FIRST_POSITION
        columns = []
        for column in range(N_COLUMNS):
            present = is_word if column == POSITION else is_note
            # Ids of absent columns are arbitrary, so that their log-probability may be -inf.
            ids = targets[..., column, None]
            both = [
                log_probs.masked_fill(~present[..., None], 0.0).gather(-1, ids).squeeze(-1)
                for log_probs in self._predict(column, output, targets)
            ]
            columns.append(torch.stack(both))
        mixed, own = torch.stack(columns, dim=-1)
        return mixed, own

    def _predict(self, column: int, output: DecoderOutput, prefix: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities [B, T, V] with the motif heads mixed in, and without."""
        prefix = prefix[..., :column]
        encoded = output.encoded
        plan = output.state
        if column != POSITION:
            position = (prefix[..., POSITION] - FIRST_POSITION).clamp(min=0)
            plan = encoded.states_at(encoded.row_of(output.bar, position))
        features = self.heads.features(column, output.state, plan, prefix)
        beats = encoded.plan.beats.gather(1, encoded.row_of_bar(output.bar))
        possible = possible_ids(column, output.before, prefix, beats)
        logits = self.heads.logits(column, features).float().masked_fill(~possible, float("-inf"))
        log_probs = logits.log_softmax(dim=-1)
        if output.motifs is None:
            return log_probs, log_probs
        mixed = self._mix(column, features, log_probs, output.motifs, prefix)
        return mixed.masked_fill(~possible, float("-inf")), log_probs

    def _embed(self, inputs: WordInput, encoded: EncodedPlan, rows: Tensor) -> Tensor:
        """Sum of what the decoder gets of each word, but for the motifs; ``rows`` of the plan."""
        plan = encoded.plan
        density = CONTROLS.index("density")
        target = plan.controls[..., density].gather(1, rows) * plan.beats.gather(1, rows)
        missing = (target.round().long() - inputs.n_notes).clamp(-MAX_SURPLUS, MAX_MISSING)
        missing = torch.where(plan.known[:, None, density] > 0, missing + MAX_SURPLUS + 1, 0)
        embedded: Tensor = self.remaining_notes(missing) + self.aligned(encoded.states_at(rows))
        for column, embedding in enumerate(self.columns):
            embedded = embedded + embedding(inputs.words[..., column])
        return embedded

    def _mix(
        self,
        column: int,
        features: Tensor,
        log_probs: Tensor,
        motifs: MotifPrediction,
        prefix: Tensor,
    ) -> Tensor:
        """Log-probabilities [B, T, V] mixed with the words that the motif heads copy.

        A head counts in proportion to the weight of its words that begin with ``prefix``; where
        there are none, the model's own prediction stands.
        """
        weights = motifs.matching(prefix)
        copied = motifs.column_probs(column, weights)
        gates = self.copy_gates[column](features).float().softmax(dim=-1)
        own, others = gates[..., :1], gates[..., 1:, None]
        mixed = own * log_probs.exp() + (others * copied).sum(dim=-2)
        total = own + (others * weights.sum(dim=-1, keepdim=True)).sum(dim=-2)
        mixture: Tensor = (mixed / total).clamp(min=MIN_PROB).log()
        return mixture


def possible_ids(column: int, before: Tensor, prefix: Tensor, beats: Tensor) -> Tensor:
    """Which ids [B, T, V] a column can have after words ``before`` [B, T, 5].

    Args:
        column: 0 to 4.
        before: the words before the predicted ones.
        prefix: [B, T, column] the columns before.
        beats: [B, T] of the bar that they would be in.
    """
    ids = torch.arange(VOCABULARY[column], device=before.device)
    if column >= DURATION:
        return (ids > 0).expand(*before.shape[:-1], -1)
    position, role, pitch = (before[..., i, None] for i in (POSITION, ROLE, PITCH))
    is_highest = pitch == VOCABULARY[PITCH] - 1
    if column == POSITION:
        # After the last role's highest pitch no further note fits into a position.
        full = is_highest & (role == VOCABULARY[ROLE] - 1)
        inside = (ids >= position + full) & (ids < FIRST_POSITION + RESOLUTION * beats[..., None])
        return (ids == BAR) | ((ids >= FIRST_POSITION) & inside)
    same = prefix[..., POSITION, None] == position
    if column == ROLE:
        return (ids > 0) & (~same | (ids >= role + is_highest))
    same = same & (prefix[..., ROLE, None] == role)
    return (ids > 0) & (~same | (ids > pitch))


def _decoder_layer(config: ArrangerConfig, index: int) -> DecoderLayer:
    """The layer of a number; the first of every ``cross_every`` attends to the plan."""
    d = config.d_model
    crosses = index % config.cross_every == 0
    return DecoderLayer(
        CausalSelfAttention(d, config.n_heads, config.context),
        PlanAttention(config) if crosses else None,
        d, config.d_ff, config.dropout,
    )  # fmt: skip
