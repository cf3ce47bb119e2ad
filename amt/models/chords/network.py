"""The composer: an affective multimodal transformer from video to chords.

Encoder and decoder in the frame of Video2Music's AMT (Kang, Poria, Herremans 2023), with rotary
positions and cross-attention aligned in time. The output separates *when* from *what*: the
probability that the chord changes in a slot, and the distribution of the chord it changes to. More
than half of all seconds repeat the chord before them, so a plain softmax would spend its capacity
on the repeat; here every slot trains the prediction of the next chord. The distributions of the
induction heads (:mod:`amt.models.chords.induction`) are an input of the decoder, and are mixed into
its output with learned gates, as in a pointer-generator (See et al. 2017).

Conventions: a slot is a second in training and a half-bar in use; chord ids are those of
:mod:`amt.chords`, in C major or A minor. Shapes: ``B`` batch, ``T`` slots, ``S`` slots of video (a
decoder slot is aligned with the video slot of the same number), ``G`` global segments, ``D`` width,
``H`` induction heads, ``V`` = 157 chords.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amt.chords import VOCABULARY_SIZE
from amt.models.chords.induction import N_HEADS, InductionHeads, InductionOutput
from amt.models.chords.inputs import (
    NO_CHORD_ID,
    START_ID,
    ChordEmbedding,
    ChordHistory,
    chord_history,
)
from amt.models.chords.video_attention import (
    VideoAttention,
    VideoMemory,
    VideoSelfAttention,
    segment_means,
)
from amt.models.config import ComposerConfig
from amt.models.layers import (
    CausalSelfAttention,
    DecoderLayer,
    EncoderLayer,
    KeyValueCache,
    initialise,
    rotary,
)
from amt.models.pretrained import COMPOSER_SPEC, PretrainedModel
from amt.models.video import VideoEmbedding, VideoInput

FIRST_CHANGE_LOGIT = 30.0
"""Log-odds of a change in the first slot, which has no chord to stay on."""
MIN_PROB = 1e-12
"""Floor of mixed probabilities before the logarithm."""


class VideoEncoder(nn.Module):
    """VideoInput -> local states [B, S, D] and a summary of the whole clip [B, G, D]."""

    def __init__(self, config: ComposerConfig) -> None:
        super().__init__()
        d = config.d_model
        self.n_global = config.n_global
        self.embedding = VideoEmbedding(d, config.semantic_dim, config.semantic_dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(
            EncoderLayer(
                VideoSelfAttention(d, config.n_heads, config.window, config.n_global),
                d, config.d_ff, config.dropout,
            )
            for _ in range(config.encoder_layers)
        )  # fmt: skip
        self.norm = nn.LayerNorm(d)

    def forward(self, video: VideoInput) -> tuple[Tensor, Tensor]:
        """Encode."""
        x = self.dropout(self.embedding(video))
        for layer in self.layers:
            x = layer(x)
        x = self.norm(x)
        return x, segment_means(x, self.n_global)


class ComposerOutput(NamedTuple):
    """The prediction for each slot."""

    next_logits: Tensor
    """[B, T, V] logits of the chord it changes to, without the induction heads; the running chord
    is -inf."""
    log_probs: Tensor
    """[B, T, V] log-probability of the slot's chord."""


@dataclass(frozen=True, slots=True, eq=False)
class EncodedVideo:
    """A clip as the decoder attends to it."""

    local: Tensor
    """[B, S, D]"""
    memories: tuple[VideoMemory | None, ...]
    """One for each decoder layer with cross-attention."""


class Composer(PretrainedModel):
    """Predicts a chord for every slot from the video and the chords before it."""

    spec = COMPOSER_SPEC
    config_type = ComposerConfig

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
        layers = [_decoder_layer(config, i) for i in range(config.decoder_layers)]
        self.layers: Sequence[DecoderLayer] = nn.ModuleList(layers)  # type: ignore[assignment]
        self.norm = nn.LayerNorm(d)
        self.change_head = nn.Linear(d, 1)
        self.next_head = nn.Linear(d, VOCABULARY_SIZE)
        self.induction = InductionHeads() if config.induction else None
        n_induction = N_HEADS * (VOCABULARY_SIZE + 1)
        self.induction_in = nn.Linear(n_induction, d) if config.induction else None
        self.copy_gate = nn.Linear(d, N_HEADS + 1) if config.induction else None
        self.apply(initialise)

    @property
    def n_lags(self) -> int:
        """Context window of the induction heads, in slots; 0 without them."""
        return 0 if self.induction is None else self.config.context

    def encode(self, video: VideoInput) -> EncodedVideo:
        """Run the encoder once for a clip."""
        local, summary = self.encoder(video)
        memories = (
            layer.cross_attention.memory(local, summary)
            if isinstance(layer.cross_attention, VideoAttention)
            else None
            for layer in self.layers
        )
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
            caches: one for each layer when a clip is decoded in several calls.

        Raises:
            ValueError: the model has induction heads and the history no copy context.
        """
        n_slots = history.last.shape[1]
        x = self._embed(history, minor)
        induced = self._induce(history)
        if induced is not None and self.induction_in is not None:
            features = torch.cat([induced.probs.flatten(2), induced.similarity], dim=-1)
            x = x + self.induction_in(features)
        x = x + self.aligned(video.local[:, first_slot : first_slot + n_slots])
        x = self.dropout(x)
        slots = torch.arange(first_slot, first_slot + n_slots, device=x.device)
        slots = slots * int(self.config.rotary)
        rotation = rotary(slots, self.config.d_model // self.config.n_heads)
        for i, (layer, memory) in enumerate(zip(self.layers, video.memories, strict=True)):
            x = layer(x, rotation, caches[i] if caches else None, memory, first_slot)
        x = self.norm(x).float()
        return self._predict(x, history.last, induced)

    def forward(self, chords: Tensor, minor: Tensor, video: VideoInput) -> ComposerOutput:
        """Teacher-forced prediction of every slot of ``chords`` [B, T] (``minor`` [B])."""
        return self.decode(chord_history(chords, self.n_lags), minor, self.encode(video))

    def _induce(self, history: ChordHistory) -> InductionOutput | None:
        if self.induction is None:
            return None
        if history.copy_context is None:
            raise ValueError("this composer has induction heads: its history needs a copy context")
        output: InductionOutput = self.induction(history.copy_context)
        return output

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

    def _predict(self, x: Tensor, last: Tensor, induced: InductionOutput | None) -> ComposerOutput:
        """The prediction from the decoder's states [B, T, D] after chords ``last`` [B, T]."""
        change = self.change_head(x).squeeze(-1)
        starts = last == START_ID
        running = last.masked_fill(starts, NO_CHORD_ID)[..., None]
        logits = self.next_head(x)
        masked = logits.scatter(-1, running, float("-inf"))
        next_logits = torch.where(starts[..., None], logits, masked)
        change = change.masked_fill(starts, FIRST_CHANGE_LOGIT)
        log_probs = F.logsigmoid(change)[..., None] + next_logits.log_softmax(dim=-1)
        stay = torch.where(
            starts[..., None], log_probs.gather(-1, running), F.logsigmoid(-change)[..., None]
        )
        log_probs = log_probs.scatter(-1, running, stay)
        if induced is not None and self.copy_gate is not None:
            gates = self.copy_gate(x).float().softmax(dim=-1)
            copied = (gates[..., 1:, None] * induced.probs).sum(dim=-2)
            mixed = (gates[..., :1] * log_probs.exp() + copied).clamp(min=MIN_PROB).log()
            log_probs = torch.where(starts[..., None], log_probs, mixed)
        return ComposerOutput(next_logits, log_probs)


def _decoder_layer(config: ComposerConfig, index: int) -> DecoderLayer:
    """The layer of a number; the last of every ``cross_every`` attends to the video."""
    d, n_heads = config.d_model, config.n_heads
    crosses = index % config.cross_every == config.cross_every - 1
    return DecoderLayer(
        CausalSelfAttention(d, n_heads, config.context),
        VideoAttention(d, n_heads, config.window) if crosses else None,
        d, config.d_ff, config.dropout,
    )  # fmt: skip
