"""The expression regressor: levels keep the mean, rescaling gives the data's variance."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.models.config import ExpressionConfig
from amt.models.expression import Expression, level_targets
from amt.models.video import MODALITIES
from amt.models.weights import load_expression
from tests.models.chords.test_network import toy_video

TOY = ExpressionConfig(d_model=8, hidden=6, layers=1, semantic_dim=5, levels=4)
LEVELS = torch.tensor([[0.0, 0.1, 0.4, 1.0], [0.0, 5.0, 12.0, 40.0]])


@pytest.fixture
def model() -> Expression:
    torch.manual_seed(0)
    model = Expression(TOY).eval()
    model.levels.copy_(LEVELS)
    return model


@settings(deadline=None)
@given(loudness=st.floats(0, 1), density=st.floats(0, 40))
def test_soft_levels_keep_the_mean(loudness: float, density: float) -> None:
    values = torch.tensor([loudness, density])
    soft = level_targets(values, LEVELS)
    assert (soft >= 0).all()
    assert ((soft > 0).sum(dim=-1) <= 2).all()
    torch.testing.assert_close(soft.sum(dim=-1), torch.ones(2))
    torch.testing.assert_close((soft * LEVELS).sum(dim=-1), values, rtol=1e-4, atol=1e-4)


def test_values_beyond_the_levels_go_to_the_outermost() -> None:
    soft = level_targets(torch.tensor([[-1.0, 99.0]]), LEVELS)
    assert soft[0].tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]


def test_the_mean_is_that_of_the_distribution(model: Expression) -> None:
    output = model(toy_video(7, batch=2))
    torch.testing.assert_close(output.log_probs.exp().sum(dim=-1), torch.ones(2, 7, 2))
    torch.testing.assert_close(output.mean, (output.log_probs.exp() * LEVELS).sum(dim=-1))


def test_an_unknown_modality_changes_nothing_whatever_it_holds(model: Expression) -> None:
    known = torch.ones(1, len(MODALITIES))
    known[0, MODALITIES.index("semantic")] = 0
    video = toy_video(6)._replace(known=known)
    other = video._replace(semantic=video.semantic * -3)
    assert torch.equal(model(video).mean, model(other).mean)


def test_rescaling_widens_about_the_centre_and_stays_in_range(model: Expression) -> None:
    model.spread.copy_(torch.tensor([[0.4, 2.0], [10.0, 3.0]]))
    rescaled = model.rescale_variance(
        torch.tensor([[0.4, 10.0], [0.5, 12.0], [0.1, 1.0], [0.9, 39.0]])
    )
    expected = torch.tensor([[0.4, 10.0], [0.6, 16.0], [0.0, 0.0], [1.0, 40.0]])
    torch.testing.assert_close(rescaled, expected)


@pytest.mark.parametrize("seconds", [1, 2, 400])
def test_packaged_weights_answer_for_every_length_and_backend(seconds: int) -> None:
    model = load_expression()
    generator = torch.Generator().manual_seed(0)
    video = toy_video(seconds)._replace(
        semantic=torch.rand(1, seconds, 768, generator=generator),
        known=torch.tensor([[float(name != "semantic") for name in MODALITIES]]),
    )
    with torch.inference_mode():
        mean = model(video).mean
        rescaled = model.rescale_variance(mean)
    assert mean.shape == (1, seconds, 2)
    for curve in (mean, rescaled):
        assert ((curve >= 0) & (curve <= torch.tensor([1.0, 45.0]))).all()


def test_packaged_levels_increase_and_spread_widens() -> None:
    model = load_expression()
    assert (model.levels.diff(dim=-1) > 0).all()
    assert (model.spread[:, 1] > 1).all()
