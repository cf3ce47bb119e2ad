"""Video features as the models' input: a batch of clips on slots, each modality known or unknown.

Shapes: ``B`` batch, ``S`` slots, ``D`` width. A slot is a second in training and a half-bar in use.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amt.models.layers import ChannelDropout

MODALITIES = ("semantic", "emotion", "motion", "scene_offset", "affect", "clock")

AT_CUT_S = 1.0
"""Seconds since a cut up to which a slot counts as lying on it: a slot of training."""
NEAR_END_S = 8.0
"""Seconds over which the nearness of an end of the clip falls to 1/e."""


class VideoInput(NamedTuple):
    """A batch of clips on slots, and which of its modalities are known.

    All tensors are float32 with leading shape [B, S]; an unknown modality may hold anything.
    (A named tuple, since wrappers for mixed precision and several processes convert its items.)
    """

    semantic: Tensor
    """[B, S, 768] CLIP image embeddings."""
    emotion: Tensor
    """[B, S, 6] probabilities."""
    motion: Tensor
    """[B, S] mean absolute RGB difference, 0-255."""
    scene_offset: Tensor
    """[B, S] seconds since the last cut."""
    affect: Tensor
    """[B, S, 2] target valence and arousal of the music, in [-1, 1]."""
    clock: Tensor
    """[B, S, 2] seconds since the clip began and until it ends."""
    known: Tensor
    """[B, 6] 1 where a modality, in the order of :data:`MODALITIES`, is known, else 0."""

    def without_video(self) -> VideoInput:
        """The same clips with every modality unknown."""
        return self._replace(known=torch.zeros_like(self.known))

    def to(self, device: torch.device) -> VideoInput:
        """Move to a device."""
        return VideoInput(*(tensor.to(device) for tensor in self))


class VideoEmbedding(nn.Module):
    """VideoInput -> [B, S, D]: sum over modalities, of a learned vector where one is unknown."""

    def __init__(self, d_model: int, semantic_dim: int, semantic_dropout: float) -> None:
        super().__init__()
        self.semantic = nn.Sequential(
            nn.LayerNorm(semantic_dim, elementwise_affine=False),
            ChannelDropout(semantic_dropout),
            nn.Linear(semantic_dim, d_model),
        )
        self.emotion = nn.Linear(6, d_model)
        self.motion = nn.Linear(2, d_model)
        self.scene_offset = nn.Linear(2, d_model)
        self.affect = nn.Linear(2, d_model)
        self.clock = nn.Linear(4, d_model)
        self.unknown = nn.Parameter(torch.randn(len(MODALITIES), d_model) * 0.02)

    def forward(self, video: VideoInput) -> Tensor:
        """Embed."""
        motion = torch.log1p(video.motion)
        step = F.pad(motion[:, 1:] - motion[:, :-1], (1, 0))
        since_cut = torch.log1p(video.scene_offset)
        at_cut = (video.scene_offset < AT_CUT_S).float()
        # Logarithmic far from either end of the clip, and finer near it.
        near = torch.exp(-video.clock / NEAR_END_S)
        clock = torch.cat([torch.log1p(video.clock), near], dim=-1)
        embedded = torch.stack(
            [
                self.semantic(video.semantic),
                self.emotion(video.emotion),
                self.motion(torch.stack([motion, step], dim=-1)),
                self.scene_offset(torch.stack([since_cut, at_cut], dim=-1)),
                self.affect(video.affect),
                self.clock(clock),
            ],
            dim=-2,
        )
        known = video.known[:, None, :, None].bool()
        embedded = torch.where(known, embedded, self.unknown)
        return embedded.sum(dim=-2)
