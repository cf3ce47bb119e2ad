"""The block of which both networks consist."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class ConvBlock(nn.Module):
    """A ConvNeXt block in one dimension (Liu et al. 2022), optionally modulated.

    A depthwise convolution mixes frames, an inverted bottleneck mixes channels. A frame depends on
    ``dilation * (kernel // 2)`` frames to each side; the cost is about 4·d·hidden operations a
    frame.

    Args:
        d_model: channels d.
        hidden: channels of the bottleneck.
        kernel: taps of the convolution, odd.
        dilation: frames between its taps.
        scale: initial factor of the residual branch.
    """

    def __init__(
        self, d_model: int, hidden: int, kernel: int, dilation: int = 1, scale: float = 1.0
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.depthwise = nn.Conv1d(
            d_model, d_model, kernel, padding=padding, dilation=dilation, groups=d_model
        )
        self.norm = nn.LayerNorm(d_model)
        self.up = nn.Linear(d_model, hidden)
        self.down = nn.Linear(hidden, d_model)
        self.scale = nn.Parameter(self.norm.weight.new_full((d_model,), scale))

    def forward(self, x: Tensor, modulation: tuple[Tensor, Tensor, Tensor] | None = None) -> Tensor:
        """The block's output [B, T, d].

        Args:
            x: [B, T, d] its input.
            modulation: shift and scale of the normalised input and gate of the residual branch,
                each [B, 1, d]: adaptive layer norm (Peebles & Xie 2023).
        """
        h = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        h = self.norm(h)
        if modulation is None:
            return self._add(x, h, self.scale)
        shift, gain, gate = modulation
        h = h * (1 + gain) + shift
        return self._add(x, h, self.scale + gate)

    def _add(self, x: Tensor, h: Tensor, scale: Tensor) -> Tensor:
        branch: Tensor = self.down(F.gelu(self.up(h)))
        return x + scale * branch
