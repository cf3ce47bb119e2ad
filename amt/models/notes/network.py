"""The arranger: a transformer from a plan to the notes of melody, counter-melody and harmony.

The encoder reads the plan beat by beat: chords, and what is asked of every bar. The decoder writes
one word a note (:mod:`amt.models.notes.tokens`), bar by bar. Each word is told column by column,
place, role, pitch, length, velocity, every column given those before it: the nested decoding of
compound words (Ryu et al. 2024) with small networks in place of a second transformer. A word can
only come after the one before it in the order of words, so every sequence is music, and equal notes
never double.

* Rotary positions (Su et al. 2021) turn half of each head by the number of the word and half by
  musical time, so that "a bar ago" is one distance however many notes lie between.
* Attention to the plan is aligned in bars: a word sees the bars around its own.
* The decoder hears how many notes the bar still lacks for the density asked: counting is no work
  for attention.
* What the piece played at this place bars ago (:mod:`amt.models.notes.motifs`) is inputs by the
  decoder and mixed into each column, as a pointer-generator (See et al. 2017) mixes copying and
  writing.

Shapes: ``B`` batch, ``S`` beats of the plan, ``C`` = 10 controls, ``T`` words, ``L`` lags of the
motif memory, ``H`` its heads, ``D`` model width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from amt.models.chords.network import ChordEmbedding
from amt.models.config import ArrangerConfig
from amt.models.layers import (
    CausalSelfAttention,
    FeedForward,
    KeyValueCache,
    Rotation,
    rotary,
    rotate,
)
from amt.models.notes.motifs import N_HEADS, MotifHeads, Motifs
from amt.models.notes.tokens import (
    BAR,
    DURATION,
    FIRST_POSITION,
    MAX_BEATS,
    PITCH,
    POSITION,
    RESOLUTION,
    ROLE,
    ROLES,
    VOCABULARY,
)

CONTROLS = (
    "density", "loudness", "valence", "arousal", "section", "to_hit", "tempo", *ROLES,
)  # fmt: skip
"""What may be asked on each beat: notes a beat in its bar; loudness of its bar (0-1); valence and
arousal (-1 to 1); whether a section begins on it (0 or 1); beats to the next hit point, 0 on one;
tempo in beats a minute; whether each role plays in its bar (0 or 1)."""
NO_HIT = 1e3
"""Beats to the next hit where there is none."""
MOST_LACKING, MOST_TOO_MANY = 40, 12
"""The number of notes that a bar lacks is told up to this, and down to this many too many."""
_LOUD = 0.2
"""Standard deviation of the first weights of what tells the decoder of words."""
_COLUMNS = len(VOCABULARY)
_OUTSIDE = -1
"""Bar of what is padding."""


class PlanInput(NamedTuple):
    """What the encoder reads of each beat."""

    chord: Tensor
    """[B, S] chord id."""
    beat: Tensor
    """[B, S] number of the beat in its bar, from 0."""
    beats: Tensor
    """[B, S] beats of its bar, 1 to :data:`MAX_BEATS`."""
    bar: Tensor
    """[B, S] number of its bar, rising from 0; -1 for padding."""
    controls: Tensor
    """[B, S, C] in the order and the units of :data:`CONTROLS`."""
    known: Tensor
    """[B, C] 1 where a control is asked, 0 where the model may choose."""
    minor: Tensor
    """[B] 1 for A minor, 0 for C major."""


class WordInput(NamedTuple):
    """What the decoder hears before it tells each word: the word before that, and the memory."""

    words: Tensor
    """[B, T, 5]"""
    bar: Tensor
    """[B, T] bar of each word, as in :class:`PlanInput`; -1 for padding."""
    n_notes: Tensor
    """[B, T] notes that its bar has so far."""
    motif_words: Tensor
    """[B, T, L, 5], and the next of :class:`amt.models.notes.motifs.MotifContext`."""
    motif_similarity: Tensor
    """[B, T, L, F]"""


def plan_beats(bars: Sequence[int], first_bar: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Rows ``beat``, ``beats`` and ``bar`` [S] of a :class:`PlanInput` for bars of these beats."""
    rows = [(beat, n, first_bar + i) for i, n in enumerate(bars) for beat in range(n)]
    beat, beats, bar = torch.tensor(rows).T
    return beat, beats, bar


class PlanEmbedding(nn.Module):
    """PlanInput -> [B, S, D]."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.chord = ChordEmbedding(d_model)
        self.beat = nn.Embedding(MAX_BEATS, d_model)
        self.beats = nn.Embedding(MAX_BEATS + 1, d_model)
        self.minor = nn.Embedding(2, d_model)
        self.controls = nn.Sequential(
            nn.Linear(2 * len(CONTROLS), d_model), nn.GELU(), nn.Linear(d_model, d_model)
        )

    def forward(self, plan: PlanInput) -> Tensor:
        """Embed."""
        known = plan.known[:, None].expand_as(plan.controls)
        asked = torch.cat([_scaled(plan.controls) * known, known], dim=-1)
        embedded: Tensor = (
            self.chord(plan.chord)
            + self.beat(plan.beat)
            + self.beats(plan.beats)
            + self.minor(plan.minor)[:, None]
            + self.controls(asked)
        )
        return embedded


def _scaled(controls: Tensor) -> Tensor:
    """Controls [..., C] in units of about one."""
    columns = list(controls.unbind(dim=-1))
    columns[0] = columns[0] / 4
    columns[1] = 4 * (columns[1] - 0.65)  # the mean of POP909
    columns[5] = torch.exp(-columns[5] / 4)
    columns[6] = torch.log2(columns[6].clamp(min=10) / 100)
    return torch.stack(columns, dim=-1)


class EncoderLayer(nn.Module):
    """Attention among the beats within ``plan_window``, feed-forward: [B, S, D] -> [B, S, D]."""

    def __init__(self, config: ArrangerConfig) -> None:
        super().__init__()
        d = config.d_model
        self.n_heads = config.n_heads
        self.norm_attention = nn.LayerNorm(d)
        self.project_in = nn.Linear(d, 3 * d, bias=False)
        self.project_out = nn.Linear(d, d, bias=False)
        self.norm_ff = nn.LayerNorm(d)
        self.ff = FeedForward(d, config.d_ff)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, rotation: Rotation, mask: Tensor) -> Tensor:
        """Transform; ``mask`` [B, 1, S, S] is true where a beat (row) may see another."""
        query, key, value = rearrange(
            self.project_in(self.norm_attention(x)),
            "b s (three h k) -> three b h s k", three=3, h=self.n_heads,
        )  # fmt: skip
        query, key = rotate(query, rotation), rotate(key, rotation)
        seen = F.scaled_dot_product_attention(query, key, value, mask)
        x = x + self.dropout(self.project_out(rearrange(seen, "b h s k -> b s (h k)")))
        out: Tensor = x + self.dropout(self.ff(self.norm_ff(x)))
        return out


class PlanEncoder(nn.Module):
    """PlanInput -> [B, S, D]."""

    def __init__(self, config: ArrangerConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = PlanEmbedding(config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.norm = nn.LayerNorm(config.d_model)

    def forward(self, plan: PlanInput) -> Tensor:
        """Encode."""
        x = self.dropout(self.embedding(plan))
        beats = torch.arange(x.shape[1], device=x.device)
        rotation = rotary(beats, self.config.d_model // self.config.n_heads)
        near = (beats[:, None] - beats).abs() <= self.config.plan_window
        # What is padding sees itself, as a row without anything to see would be no number.
        inside = (plan.bar != _OUTSIDE)[:, None, :] | torch.eye(len(beats), device=x.device).bool()
        for layer in self.layers:
            x = layer(x, rotation, (near & inside)[:, None])
        encoded: Tensor = self.norm(x)
        return encoded


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPlan:
    """A plan, or some bars of one, as the decoder meets it."""

    plan: PlanInput
    states: Tensor
    """[B, S, D]"""
    first_bar: int
    """Number of the first bar that there is."""
    first_beat: int
    """Beat of the piece in row 0."""
    bar_rows: Tensor
    """[B, bars] row of the first beat of each bar; 0 for bars that the plan does not have."""
    memories: tuple[tuple[Tensor, Tensor] | None, ...]
    """Keys and values [B, H, S, K] for each decoder layer that sees the plan."""

    def row_of_bar(self, bar: Tensor) -> Tensor:
        """Row of the first beat of bars [B, T] of the piece."""
        return self.bar_rows.gather(1, bar - self.first_bar)


class PlanAttention(nn.Module):
    """Attention to the beats of the bars around a word's own."""

    def __init__(self, config: ArrangerConfig) -> None:
        super().__init__()
        d = config.d_model
        self.n_heads = config.n_heads
        self.behind, self.ahead = config.bars_behind, config.bars_ahead
        self.project_query = nn.Linear(d, d, bias=False)
        self.project_memory = nn.Linear(d, 2 * d, bias=False)
        self.project_out = nn.Linear(d, d, bias=False)
        self.bar_bias = nn.Parameter(torch.zeros(config.n_heads, self.behind + self.ahead + 1))

    def memory(self, states: Tensor, first_beat: int) -> tuple[Tensor, Tensor]:
        """Keys, turned by the beats' times, and values [B, H, S, K] of the plan [B, S, D]."""
        key, value = rearrange(
            self.project_memory(states), "b s (two h k) -> two b h s k", two=2, h=self.n_heads
        )
        times = first_beat + torch.arange(states.shape[1], device=states.device)
        return rotate(key, rotary(RESOLUTION * times, key.shape[-1])), value

    def forward(
        self,
        x: Tensor,
        rotation: Rotation,
        bar: Tensor,
        memory: tuple[Tensor, Tensor],
        plan_bar: Tensor,
    ) -> Tensor:
        """Attend from words [B, T, D] of bars [B, T] to the beats of bars [B, S]."""
        query = rearrange(self.project_query(x), "b t (h k) -> b h t k", h=self.n_heads)
        distance = plan_bar[:, None] - bar[..., None] + self.behind
        seen = (distance >= 0) & (distance <= self.behind + self.ahead)
        seen = seen & (plan_bar != _OUTSIDE)[:, None]
        bias = self.bar_bias[:, distance.clamp(0, self.behind + self.ahead)]
        # Large rather than infinite: a word of padding sees nothing, and must stay a number.
        mask = rearrange(bias, "h b t s -> b h t s").masked_fill(~seen[:, None], -1e4)
        key, value = memory
        inputs = F.scaled_dot_product_attention(
            rotate(query, rotation), key, value, mask.to(query.dtype)
        )
        out: Tensor = self.project_out(rearrange(inputs, "b h t k -> b t (h k)"))
        return out


class DecoderLayer(nn.Module):
    """Self-attention, attention to the plan in a layer that has it, feed-forward."""

    def __init__(self, config: ArrangerConfig, *, sees_plan: bool) -> None:
        super().__init__()
        d = config.d_model
        self.norm_self = nn.LayerNorm(d)
        self.self_attention = CausalSelfAttention(d, config.n_heads, config.context)
        self.norm_plan = nn.LayerNorm(d) if sees_plan else None
        self.plan_attention = PlanAttention(config) if sees_plan else None
        self.norm_ff = nn.LayerNorm(d)
        self.ff = FeedForward(d, config.d_ff)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        clock: Clock,
        bar: Tensor,
        plan_bar: Tensor,
        memory: tuple[Tensor, Tensor] | None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Transform: x [B, T, D] -> [B, T, D]."""
        x = x + self.dropout(self.self_attention(self.norm_self(x), clock.words, cache))
        if self.plan_attention and self.norm_plan and memory:
            seen = self.plan_attention(self.norm_plan(x), clock.beats, bar, memory, plan_bar)
            x = x + self.dropout(seen)
        out: Tensor = x + self.dropout(self.ff(self.norm_ff(x)))
        return out


class Clock(NamedTuple):
    """Rotations [B, 1, T, K / 2] of words."""

    words: Rotation
    """Half by number, half by musical time."""
    beats: Rotation
    """By musical time alone."""


def _clock(first_word: int, times: Tensor, head_dim: int) -> Clock:
    """The rotations of words ``first_word`` on, which begin at ``times`` [B, T] in positions."""
    flat = rotary(times.flatten(), head_dim)
    by_time = Rotation(*(rearrange(x, "(b t) k -> b 1 t k", b=len(times)) for x in flat))
    numbers = torch.arange(first_word, first_word + times.shape[1], device=times.device)
    by_number = rotary(numbers, head_dim)
    half = head_dim // 4
    words = (
        torch.cat([number[:, ::2].expand(*time.shape[:-1], half), time[..., ::2]], dim=-1)
        for number, time in zip(by_number, by_time, strict=True)
    )
    return Clock(Rotation(*words), by_time)


class WordHeads(nn.Module):
    """Tells a word column by column from the decoder's state and the plan where it falls."""

    def __init__(self, config: ArrangerConfig) -> None:
        super().__init__()
        d = config.d_model
        self.position = nn.Linear(d, VOCABULARY[POSITION])
        self.hidden = nn.ModuleList(nn.Linear(d, d) for _ in range(1, _COLUMNS))
        self.plan = nn.Linear(d, d, bias=False)
        self.embed_prev = nn.ModuleList(nn.Embedding(n, d) for n in VOCABULARY[:-1])
        self.out = nn.ModuleList(nn.Linear(d, n) for n in VOCABULARY[1:])

    def features(self, column: int, state: Tensor, plan: Tensor, chosen: Tensor) -> Tensor:
        """Features [B, T, D] from which a column is told, given those ``chosen`` before it."""
        if column == POSITION:
            return state
        told = [self.embed_prev[i](chosen[..., i]) for i in range(column)]
        hidden: Tensor = F.gelu(self.hidden[column - 1](state) + self.plan(plan) + sum(told))
        return hidden

    def logits(self, column: int, features: Tensor) -> Tensor:
        """Scores of the ids of a column: [B, T, D] -> [B, T, V]."""
        scores: Tensor = (self.position if column == POSITION else self.out[column - 1])(features)
        return scores


@dataclass(frozen=True, slots=True, eq=False)
class WordState:
    """Everything that decides the next words [B, T] but their own first columns."""

    state: Tensor
    """[B, T, D]"""
    before: Tensor
    """[B, T, 5] the words that they come after."""
    bar: Tensor
    """[B, T]"""
    encoded: EncodedPlan
    motifs: Motifs | None


class Arranger(nn.Module):
    """Tells every word of a piece from its plan and the words before it."""

    def __init__(self, config: ArrangerConfig) -> None:
        super().__init__()
        self.config = config
        d = config.d_model
        self.encoder = PlanEncoder(config)
        self.columns = nn.ModuleList(nn.Embedding(n, d) for n in VOCABULARY)
        self.remaining_notes = nn.Embedding(2 + MOST_LACKING + MOST_TOO_MANY, d)
        self.aligned = nn.Linear(d, d)
        self.dropout = nn.Dropout(config.dropout)
        layers = [
            DecoderLayer(config, sees_plan=i % config.cross_every == 0)
            for i in range(config.decoder_layers)
        ]
        self.layers: Sequence[DecoderLayer] = nn.ModuleList(layers)  # type: ignore[assignment]
        self.norm = nn.LayerNorm(d)
        self.heads = WordHeads(config)
        self.motifs = MotifHeads(config.motif_bars) if config.motif_bars else None
        self.motif_in = nn.Linear(N_HEADS * sum(VOCABULARY), d) if config.motif_bars else None
        self.gates = nn.ModuleList(
            nn.Linear(d, 1 + N_HEADS) for _ in VOCABULARY if config.motif_bars
        )
        self.apply(_initialise)
        # These are inputs beside states of about unit size, and would else be drowned by them.
        for told in (*self.columns, self.remaining_notes, *self.heads.embed_prev, self.motif_in):
            if told is not None:
                nn.init.normal_(told.weight, std=_LOUD)

    def encode(self, plan: PlanInput, first_beat: int = 0) -> EncodedPlan:
        """Run the encoder once for a plan, or for some bars of one.

        Args:
            plan: where it is not the whole, what it lacks must be out of the encoder's reach.
            first_beat: number in the piece of the first of its beats.
        """
        states = self.encoder(plan)
        first_bar, last_bar = int(plan.bar[0, 0]), int(plan.bar.max())
        starts = (plan.beat == 0) & (plan.bar != _OUTSIDE)
        rows = torch.arange(plan.bar.shape[1], device=states.device).expand_as(plan.bar)
        bar_rows = rows.new_zeros(len(rows), last_bar + 1 - first_bar)
        bars = (plan.bar - first_bar).clamp(min=0)
        bar_rows = bar_rows.scatter_add(1, bars, rows * starts)
        attentions = (layer.plan_attention for layer in self.layers)
        memories = tuple(None if a is None else a.memory(states, first_beat) for a in attentions)
        return EncodedPlan(plan, states, first_bar, first_beat, bar_rows, memories)

    def decode(
        self,
        inputs: WordInput,
        encoded: EncodedPlan,
        first_word: int = 0,
        caches: list[KeyValueCache] | None = None,
    ) -> WordState:
        """Hear words ``first_word`` on, and be ready to tell the one after each.

        Args:
            inputs: [B, T, ...] each.
            encoded: the plan; needs the bars of the words.
            first_word: number of the first of them.
            caches: one for each layer when words are told one by one.
        """
        bar = inputs.bar.clamp(min=encoded.first_bar)
        beat = self._row_of(inputs.words[..., POSITION], bar, encoded)
        place = (inputs.words[..., POSITION] - FIRST_POSITION).clamp(min=0)
        times = RESOLUTION * (encoded.first_beat + encoded.row_of_bar(bar)) + place
        clock = _clock(first_word, times, self.config.d_model // self.config.n_heads)
        motifs = None
        x = self._embed(inputs, encoded, beat)
        if self.motifs is not None and self.motif_in is not None:
            motifs = self.motifs(inputs.motif_words, inputs.motif_similarity)
            told = [
                motifs.copy_probs(column, motifs.weights).flatten(2) for column in range(_COLUMNS)
            ]
            x = x + self.motif_in(torch.cat(told, dim=-1).to(x.dtype))
        x = self.dropout(x)
        plan_bar = encoded.plan.bar
        for i, (layer, memory) in enumerate(zip(self.layers, encoded.memories, strict=True)):
            x = layer(x, clock, bar, plan_bar, memory, caches[i] if caches else None)
        return WordState(self.norm(x), inputs.words, bar, encoded, motifs)

    def log_probs(self, column: int, ready: WordState, chosen: Tensor) -> Tensor:
        """Log-probabilities [B, T, V] of a column of the next words.

        Args:
            column: 0 to 4.
            ready: from :meth:`decode`.
            chosen: [B, T, >= column] the columns of those words before it.

        Returns:
            -inf for ids that would leave the order of words or the bar.
        """
        return self._answers(column, ready, chosen)[0]

    def forward(self, inputs: WordInput, plan: PlanInput, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability [B, T, 5] of each column of the words ``targets`` [B, T, 5].

        Columns that a word does not have count 0, as do words of padding.

        Returns:
            What :meth:`log_probs` says, and what the network alone would say, without the motifs.
        """
        ready = self.decode(inputs, self.encode(plan))
        told = targets[..., POSITION] > 0
        is_note = targets[..., POSITION] >= FIRST_POSITION
        columns = []
        for column in range(_COLUMNS):
            present = told if column == POSITION else is_note
            # Whatever stands where nothing is told, it must have a probability.
            ids = targets[..., column, None]
            answers = [
                answer.masked_fill(~present[..., None], 0.0).gather(-1, ids).squeeze(-1)
                for answer in self._answers(column, ready, targets)
            ]
            columns.append(torch.stack(answers))
        mixed, own = torch.stack(columns, dim=-1)
        return mixed, own

    def _answers(self, column: int, ready: WordState, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities [B, T, V] with the motifs mixed in, and without."""
        chosen = chosen[..., :column]
        beats = ready.encoded.plan.beats
        if column == POSITION:
            plan = ready.state
        else:
            beat = self._row_of(chosen[..., POSITION], ready.bar, ready.encoded)
            plan = _rows(ready.encoded.states, beat)
        features = self.heads.features(column, ready.state, plan, chosen)
        first = ready.encoded.row_of_bar(ready.bar)
        allowed = _allowed(column, ready.before, chosen, beats.gather(1, first))
        logits = self.heads.logits(column, features).float().masked_fill(~allowed, float("-inf"))
        log_probs = logits.log_softmax(dim=-1)
        if ready.motifs is None:
            return log_probs, log_probs
        mixed = self._mixed(column, features, log_probs, ready.motifs, chosen)
        return mixed.masked_fill(~allowed, float("-inf")), log_probs

    def _row_of(self, place: Tensor, bar: Tensor, encoded: EncodedPlan) -> Tensor:
        """Row [B, T] of the plan in which places of bars lie."""
        within = (place - FIRST_POSITION).clamp(min=0).div(RESOLUTION, rounding_mode="floor")
        last = encoded.plan.bar.shape[1] - 1
        return (encoded.row_of_bar(bar) + within).clamp(max=last)

    def _embed(self, inputs: WordInput, encoded: EncodedPlan, beat: Tensor) -> Tensor:
        plan = encoded.plan
        density = CONTROLS.index("density")
        asked = plan.controls[..., density].gather(1, beat) * plan.beats.gather(1, beat)
        lacks = (asked.round().long() - inputs.n_notes).clamp(-MOST_TOO_MANY, MOST_LACKING)
        lacks = torch.where(plan.known[:, None, density] > 0, lacks + MOST_TOO_MANY + 1, 0)
        embedded: Tensor = self.remaining_notes(lacks) + self.aligned(_rows(encoded.states, beat))
        for column, embedding in enumerate(self.columns):
            embedded = embedded + embedding(inputs.words[..., column])
        return embedded

    def _mixed(
        self, column: int, features: Tensor, log_probs: Tensor, motifs: Motifs, chosen: Tensor
    ) -> Tensor:
        """Mix what the motifs say into log-probabilities [B, T, V].

        A head has a say in proportion to how much of what it remembers agrees with the columns
        already chosen; where nothing does, the model's own answer stands.
        """
        weights = motifs.matching(chosen)
        copied = motifs.copy_probs(column, weights)
        gates = self.gates[column](features).float().softmax(dim=-1)
        own, others = gates[..., :1], gates[..., 1:, None]
        mixed = own * log_probs.exp() + (others * copied).sum(dim=-2)
        total = own + (others * weights.sum(dim=-1, keepdim=True)).sum(dim=-2)
        answer: Tensor = (mixed / total).clamp(min=1e-12).log()
        return answer


def _rows(states: Tensor, rows: Tensor) -> Tensor:
    """Rows [B, T] of states [B, S, D]: [B, T, D]."""
    return states.gather(1, rows[..., None].expand(-1, -1, states.shape[-1]))


def _allowed(column: int, before: Tensor, chosen: Tensor, beats: Tensor) -> Tensor:
    """Which ids [B, T, V] a column can have after words ``before`` [B, T, 5].

    Args:
        column: 0 to 4.
        before: the words before those that are told.
        chosen: [B, T, column] what is told of them already.
        beats: [B, T] of the bar that they would be in.
    """
    ids = torch.arange(VOCABULARY[column], device=before.device)
    if column >= DURATION:
        return (ids > 0).expand(*before.shape[:-1], -1)
    place, role, pitch = (before[..., i, None] for i in (POSITION, ROLE, PITCH))
    is_highest = pitch == VOCABULARY[PITCH] - 1
    if column == POSITION:
        # After the last role's highest pitch nothing more fits into a place.
        full = is_highest & (role == VOCABULARY[ROLE] - 1)
        inside = (ids >= place + full) & (ids < FIRST_POSITION + RESOLUTION * beats[..., None])
        return (ids == BAR) | ((ids >= FIRST_POSITION) & inside)
    same = chosen[..., POSITION, None] == place
    if column == ROLE:
        return (ids > 0) & (~same | (ids >= role + is_highest))
    same = same & (chosen[..., ROLE, None] == role)
    return (ids > 0) & (~same | (ids > pitch))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
