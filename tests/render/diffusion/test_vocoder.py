"""The vocoder: a spectrogram that comes in pieces sounds as one that comes whole."""

from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from render.diffusion.mel import HOP, N_MELS
from render.diffusion.vocoder import vocode

MEL = torch.randn(N_MELS, 90, generator=torch.Generator().manual_seed(0))


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(0, 90), max_size=6))
def test_pieces_sound_as_the_whole(vocoder, cuts):
    edges = [0, *sorted(cuts), 90]
    pieces = [MEL[:, a:b] for a, b in pairwise(edges)]
    with torch.no_grad():
        whole = vocoder(MEL[None])[0]
    waves = list(vocode(vocoder, pieces))
    assert whole.shape == (90 * HOP,)
    torch.testing.assert_close(torch.cat(waves), whole, atol=1e-5, rtol=1e-4)


def test_a_frame_changes_no_more_than_the_receptive_field(vocoder):
    other = MEL.clone()
    other[:, 45] += 1
    with torch.no_grad():
        changed = (vocoder(MEL[None]) - vocoder(other[None]))[0].abs() > 1e-6
    frames = changed.nonzero().flatten() // HOP
    radius = vocoder.receptive_radius
    assert 45 - radius <= int(frames.min()) <= 45 <= int(frames.max()) <= 45 + radius


def test_no_spectrogram_is_no_sound(vocoder):
    assert list(vocode(vocoder, [])) == []
