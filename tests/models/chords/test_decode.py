"""Drawing chords: determinism, constraints, guidance."""

from __future__ import annotations

import pytest
import torch

from amt.chords import VOCABULARY_SIZE
from amt.errors import InputError
from amt.models.chords.decode import guidance_batch, sample_chord, sample_chords
from amt.models.chords.network import Composer
from amt.models.video import MODALITIES
from amt.options import SamplingOptions
from tests.models.chords.test_network import TOY, WITH_INDUCTION, toy_video


@pytest.fixture(scope="module", params=[TOY, WITH_INDUCTION], ids=["plain", "induction"])
def model(request: pytest.FixtureRequest) -> Composer:
    torch.manual_seed(1)
    return Composer(request.param).eval()


def compose(model: Composer, slots: int = 20, seed: int = 3, **more) -> list[int]:
    arguments = {"minor": False, "options": SamplingOptions(), **more}
    generator = torch.Generator().manual_seed(seed)
    return sample_chords(model, toy_video(slots), generator=generator, **arguments)


def test_same_seed_same_chords_another_seed_others(model: Composer) -> None:
    assert compose(model) == compose(model)
    assert compose(model) != compose(model, seed=4)


def test_betting_on_the_running_chord_draws_the_same(
    model: Composer, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    for n_draft in (1, 3, 6):
        monkeypatch.setattr("amt.models.chords.decode.DRAFT_SLOTS", n_draft)
        drawn.append(compose(model, slots=120))
    assert drawn[0] == drawn[1] == drawn[2]


def test_threads_are_left_as_they_were_and_chords_do_not_depend_on_them(model: Composer) -> None:
    before, found = torch.get_num_threads(), []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found.append(compose(model))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert found[0] == found[1]


@pytest.mark.parametrize("slots", [1, 2, 50])
def test_it_stops_when_the_clip_does(model: Composer, slots: int) -> None:
    assert len(compose(model, slots)) == slots


def test_primer_and_bias_are_obeyed(model: Composer) -> None:
    bias = torch.zeros(20, VOCABULARY_SIZE)
    bias[:, 50:] = float("-inf")
    bias[19, 1:] = float("-inf")
    chords = compose(model, bias=bias, primer=[100, 101])
    assert chords[:2] == [100, 101]
    assert max(chords[2:]) < 50
    assert chords[19] == 0


def test_forbidding_change_repeats_the_primer(model: Composer) -> None:
    still = torch.full((20,), -1e9)
    assert compose(model, change_bias=still, primer=[5]) == [5] * 20


def test_nothing_allowed_is_an_error(model: Composer) -> None:
    with pytest.raises(ValueError, match="no chord is allowed"):
        compose(model, bias=torch.full((20, VOCABULARY_SIZE), float("-inf")))


def test_low_temperature_is_greedy() -> None:
    logits = torch.tensor([0.0, 1.0, 0.9])
    options = SamplingOptions(temperature=0.01)
    assert sample_chord(logits, options, torch.Generator().manual_seed(0)) == 1


def test_guidance_of_one_is_the_plain_model_and_of_zero_is_blind() -> None:
    video = toy_video(4)
    plain = guidance_batch(video, SamplingOptions(guidance=1, affect_guidance=1))
    assert plain.weights.tolist() == [1]
    assert torch.equal(plain.video.known, video.known)
    blind = guidance_batch(video, SamplingOptions(guidance=0, affect_guidance=0))
    assert blind.weights.tolist() == [1]
    assert blind.video.known[0].tolist() == [0] * len(MODALITIES)
    both = guidance_batch(video, SamplingOptions(guidance=1.5, affect_guidance=2))
    assert both.weights.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0.0), ("temperature", float("nan")), ("top_p", 0.0), ("top_p", 1.1),
        ("guidance", -1.0), ("affect_guidance", float("inf")),
    ],
)  # fmt: skip
def test_options_out_of_range_are_named(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        SamplingOptions(**{name: value})
