"""The composer: an affective multimodal transformer from video to chords.

Encoder and decoder in the frame of Video2Music's AMT (Kang, Poria, Herremans 2023), with rotary
positions, cross-attention aligned in time, and an output that separates *when* from *what*: the
probability that the chord changes in this slot, and the distribution of the chord it changes to.
More than half of all seconds repeat the chord before them, so a plain softmax spends its capacity
on the repeat; here every slot teaches what comes next. What the piece played after passages like
the present one (:mod:`amt.models.chords.induction`) is heard by the decoder and mixed into its
answer, as a pointer-generator (See et al. 2017) mixes copying and writing.

Conventions: a slot is a second in training and a half-bar in use; chord ids are those of
:mod:`amt.chords`, in C major or A minor. Shapes: ``B`` batch, ``T`` slots, ``S`` slots of video (a
decoder slot is aligned with the video slot of the same number), ``G`` global segments, ``D`` width,
``V`` = 157 chords.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from amt.chords import QUALITIES, ROOTS, VOCABULARY_SIZE
from amt.models.chords.induction import (
    N_HEADS,
    CopyContext,
    InductionHeads,
    InductionOutput,
    copy_context,
)
from amt.models.config import ComposerConfig
from amt.models.layers import (
    CausalSelfAttention,
    FeedForward,
    KeyValueCache,
    Rotation,
    VideoAttention,
    VideoMemory,
    rotary,
)
from amt.models.video import VideoEmbedding, VideoInput

NO_CHORD_ID = 0
START_ID = VOCABULARY_SIZE
"""Stands before the first chord."""


@dataclass(frozen=True, slots=True, eq=False)
class ChordHistory:
    """What the decoder hears before each slot; [B, T] integers."""

    last: Tensor
    """Chord of the slot before, or :data:`START_ID`."""
    run: Tensor
    """How many slots it has lasted."""
    before: Tensor
    """The chord before that one, or :data:`START_ID`."""
    run_before: Tensor
    """How many slots that one lasted."""
    copy_context: CopyContext | None = None
    """What the piece remembers; None for a model that does not ask."""


def chord_history(chords: Tensor, reach: int = 0) -> ChordHistory:
    """The history before each slot of ``chords`` [B, T], remembered up to ``reach`` slots back."""
    b, t = chords.shape
    slots = torch.arange(t, device=chords.device).expand(b, t)
    changed = torch.ones_like(chords, dtype=torch.bool)
    changed[:, 1:] = chords[:, 1:] != chords[:, :-1]
    onset = torch.where(changed, slots, 0).cummax(dim=1).values  # first slot of the running chord
    previous = (onset - 1).clamp(min=0)
    none = onset == 0
    onset_before = onset.gather(1, previous)

    def delayed(values: Tensor, first: int) -> Tensor:
        return F.pad(values[:, :-1], (1, 0), value=first)

    return ChordHistory(
        last=delayed(chords, START_ID),
        run=delayed(slots - onset + 1, 0),
        before=delayed(chords.gather(1, previous).masked_fill(none, START_ID), START_ID),
        run_before=delayed((onset - onset_before).masked_fill(none, 0), 0),
        copy_context=copy_context(chords, reach) if reach else None,
    )


class ChordEmbedding(nn.Module):
    """Chord ids [...] -> [..., D]: the sum of a root and a quality vector."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.root = nn.Embedding(len(ROOTS) + 2, d_model)
        self.quality = nn.Embedding(len(QUALITIES) + 2, d_model)
        special = torch.arange(VOCABULARY_SIZE + 1)
        root, quality = (special - 1) // len(QUALITIES), (special - 1) % len(QUALITIES)
        for index, row in ((NO_CHORD_ID, 0), (START_ID, 1)):
            root[index], quality[index] = len(ROOTS) + row, len(QUALITIES) + row
        self.root_of: Tensor = nn.Buffer(root, persistent=False)
        self.quality_of: Tensor = nn.Buffer(quality, persistent=False)

    def forward(self, chords: Tensor) -> Tensor:
        """Embed."""
        root: Tensor = self.root(self.root_of[chords])
        quality: Tensor = self.quality(self.quality_of[chords])
        return root + quality


def summarise(x: Tensor, n_segments: int) -> Tensor:
    """Mean over each of G equal segments: [B, S, D] -> [B, G, D]."""
    pooled = F.adaptive_avg_pool1d(rearrange(x, "b s d -> b d s"), n_segments)
    segments: Tensor = rearrange(pooled, "b d g -> b g d")
    return segments


class EncoderLayer(nn.Module):
    """Local and global attention over the video, feed-forward: [B, S, D] -> [B, S, D]."""

    def __init__(self, config: ComposerConfig) -> None:
        super().__init__()
        d = config.d_model
        self.n_global = config.n_global
        self.norm_attention = nn.LayerNorm(d)
        self.attention = VideoAttention(d, config.n_heads, config.window)
        self.norm_ff = nn.LayerNorm(d)
        self.ff = FeedForward(d, config.d_ff)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Transform."""
        normed = self.norm_attention(x)
        memory = self.attention.memory(normed, summarise(normed, self.n_global))
        x = x + self.dropout(self.attention(normed, memory))
        out: Tensor = x + self.dropout(self.ff(self.norm_ff(x)))
        return out


class VideoEncoder(nn.Module):
    """VideoInput -> local states [B, S, D] and a summary of the whole clip [B, G, D]."""

    def __init__(self, config: ComposerConfig) -> None:
        super().__init__()
        self.n_global = config.n_global
        self.embedding = VideoEmbedding(
            config.d_model, config.semantic_dim, config.semantic_dropout
        )
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.norm = nn.LayerNorm(config.d_model)

    def forward(self, video: VideoInput) -> tuple[Tensor, Tensor]:
        """Encode."""
        x = self.dropout(self.embedding(video))
        for layer in self.layers:
            x = layer(x)
        x = self.norm(x)
        return x, summarise(x, self.n_global)


class DecoderLayer(nn.Module):
    """Self-attention, attention to the video in a layer that has it, feed-forward."""

    def __init__(self, config: ComposerConfig, *, sees_video: bool) -> None:
        super().__init__()
        d, drop = config.d_model, config.dropout
        self.norm_self = nn.LayerNorm(d)
        self.self_attention = CausalSelfAttention(d, config.n_heads, config.context)
        self.norm_video = nn.LayerNorm(d) if sees_video else None
        self.video_attention = (
            VideoAttention(d, config.n_heads, config.window) if sees_video else None
        )
        self.norm_ff = nn.LayerNorm(d)
        self.ff = FeedForward(d, config.d_ff)
        self.dropout = nn.Dropout(drop)

    def forward(
        self,
        x: Tensor,
        rotation: Rotation,
        memory: VideoMemory | None,
        first_slot: int = 0,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Transform the slots from ``first_slot`` on: x [B, T, D] -> [B, T, D]."""
        x = x + self.dropout(self.self_attention(self.norm_self(x), rotation, cache))
        if self.video_attention and self.norm_video and memory:
            seen = self.video_attention(self.norm_video(x), memory, first_slot)
            x = x + self.dropout(seen)
        out: Tensor = x + self.dropout(self.ff(self.norm_ff(x)))
        return out


class ComposerOutput(NamedTuple):
    """What the decoder says of each slot."""

    next_logits: Tensor
    """[B, T, V] logits of the chord it changes to, echoes aside; the running chord is masked."""
    log_probs: Tensor
    """[B, T, V] log-probability of the slot's chord."""


@dataclass(frozen=True, slots=True, eq=False)
class EncodedVideo:
    """A clip as the decoder meets it."""

    local: Tensor
    """[B, S, D]"""
    memories: tuple[VideoMemory | None, ...]
    """One for each decoder layer that sees the video."""


class Composer(nn.Module):
    """Predicts a chord for every slot from the video and the chords before it."""

    def __init__(self, config: ComposerConfig) -> None:
        super().__init__()
        self.config = config
        d = config.d_model
        self.encoder = VideoEncoder(config)
        self.chord = ChordEmbedding(d)
        self.run = nn.Embedding(config.max_run + 1, d)
        self.before = nn.Linear(d, d, bias=False)
        self.run_before = nn.Embedding(config.max_run + 1, d)
        self.mode = nn.Embedding(2, d)
        self.aligned = nn.Linear(d, d)
        self.dropout = nn.Dropout(config.dropout)
        layers = [
            DecoderLayer(config, sees_video=i % config.cross_every == config.cross_every - 1)
            for i in range(config.decoder_layers)
        ]
        self.layers: Sequence[DecoderLayer] = nn.ModuleList(layers)  # type: ignore[assignment]
        self.norm = nn.LayerNorm(d)
        self.change_head = nn.Linear(d, 1)
        self.next_head = nn.Linear(d, VOCABULARY_SIZE)
        self.induction = InductionHeads() if config.induction else None
        self.induction_in = (
            nn.Linear(N_HEADS * (VOCABULARY_SIZE + 1), d) if config.induction else None
        )
        self.copy_gate = nn.Linear(d, N_HEADS + 1) if config.induction else None
        self.apply(_initialise)

    def encode(self, video: VideoInput) -> EncodedVideo:
        """Run the encoder once for a clip."""
        local, summary = self.encoder(video)
        attentions = (layer.video_attention for layer in self.layers)
        memories = (None if a is None else a.memory(local, summary) for a in attentions)
        return EncodedVideo(local, tuple(memories))

    def decode(
        self,
        history: ChordHistory,
        minor: Tensor,
        video: EncodedVideo,
        first_slot: int = 0,
        caches: list[KeyValueCache] | None = None,
    ) -> ComposerOutput:
        """Predict the chords of slots ``first_slot`` to ``first_slot + T - 1``.

        Args:
            history: [B, T] each.
            minor: [B] 1 for A minor, 0 for C major.
            video: the encoded clip; needs S >= first_slot + T.
            first_slot: slot of the first column of ``history``.
            caches: one for each layer when slots are decoded one by one.
        """
        n_slots = history.last.shape[1]
        x = self._embed(history, minor)
        echo = self._echo(history)
        if echo is not None and self.induction_in is not None:
            x = x + self.induction_in(torch.cat([echo.probs.flatten(2), echo.similarity], dim=-1))
        x = x + self.aligned(video.local[:, first_slot : first_slot + n_slots])
        x = self.dropout(x)
        slots = torch.arange(first_slot, first_slot + n_slots, device=x.device)
        slots = slots * int(self.config.rotary)
        rotation = rotary(slots, self.config.d_model // self.config.n_heads)
        for i, (layer, memory) in enumerate(zip(self.layers, video.memories, strict=True)):
            x = layer(x, rotation, memory, first_slot, caches[i] if caches else None)
        x = self.norm(x).float()
        return self._predict(x, history.last, echo)

    def forward(self, chords: Tensor, minor: Tensor, video: VideoInput) -> ComposerOutput:
        """Teacher-forced prediction of every slot of ``chords`` [B, T] (``minor`` [B])."""
        return self.decode(chord_history(chords, self.reach), minor, self.encode(video))

    @property
    def reach(self) -> int:
        """How many slots back the chords must be remembered."""
        return 0 if self.induction is None else self.config.context

    def _echo(self, history: ChordHistory) -> InductionOutput | None:
        if self.induction is None:
            return None
        if history.copy_context is None:
            raise ValueError("this composer listens for echoes: its history needs a copy_context")
        answer: InductionOutput = self.induction(history.copy_context)
        return answer

    def _embed(self, history: ChordHistory, minor: Tensor) -> Tensor:
        top = self.config.max_run
        embedded: Tensor = (
            self.chord(history.last)
            + self.before(self.chord(history.before))
            + self.run(history.run.clamp(max=top))
            + self.run_before(history.run_before.clamp(max=top))
            + self.mode(minor)[:, None]
        )
        return embedded

    def _predict(self, x: Tensor, last: Tensor, echo: InductionOutput | None) -> ComposerOutput:
        change = self.change_head(x).squeeze(-1)
        starts = last == START_ID
        running = last.masked_fill(starts, NO_CHORD_ID)[..., None]
        logits = self.next_head(x)
        masked = logits.scatter(-1, running, float("-inf"))
        next_logits = torch.where(starts[..., None], logits, masked)
        change = change.masked_fill(starts, 30.0)
        log_probs = F.logsigmoid(change)[..., None] + next_logits.log_softmax(dim=-1)
        stay = torch.where(
            starts[..., None], log_probs.gather(-1, running), F.logsigmoid(-change)[..., None]
        )
        log_probs = log_probs.scatter(-1, running, stay)
        if echo is not None and self.copy_gate is not None:
            gates = self.copy_gate(x).float().softmax(dim=-1)
            copied = (gates[..., 1:, None] * echo.probs).sum(dim=-2)
            mixed = gates[..., :1] * log_probs.exp() + copied
            log_probs = torch.where(starts[..., None], log_probs, mixed.clamp(min=1e-12).log())
        return ComposerOutput(next_logits, log_probs)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
