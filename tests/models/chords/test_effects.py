"""Effect sizes of the rules of sampling chords, as they are by default."""

from __future__ import annotations

from itertools import groupby

import pytest
import torch

from amt.models.chords.decode import SamplingOptions, guidance_batch, sample_chord, sample_chords
from amt.models.chords.network import Composer
from amt.models.video import MODALITIES
from tests.models.chords.test_network import TOY, toy_video


@pytest.fixture(scope="module")
def model() -> Composer:
    torch.manual_seed(1)
    return Composer(TOY).eval()


def longest_run(model: Composer, options: SamplingOptions) -> int:
    """Slots of the longest chord where each slot alone would hardly ever change it."""
    generator = torch.Generator().manual_seed(0)
    chords = sample_chords(
        model, toy_video(120), minor=False, options=options, generator=generator,
        change_bias=torch.full((120,), -12.0),
    )  # fmt: skip
    return max(len(list(run)) for _, run in groupby(chords))


def test_a_chord_does_not_last_for_ever(model: Composer) -> None:
    assert longest_run(model, SamplingOptions()) <= 24
    assert longest_run(model, SamplingOptions(free_run=1e9)) >= 40


def tail_share(options: SamplingOptions) -> float:
    """Share of draws among the 1.5 % of least likely chords."""
    log_probs = torch.tensor([0.6, 0.385, 0.005, 0.005, 0.005]).log()
    generator = torch.Generator().manual_seed(0)
    drawn = [sample_chord(log_probs, options, generator) for _ in range(600)]
    return sum(chord >= 2 for chord in drawn) / len(drawn)


def test_the_least_likely_chords_are_never_drawn() -> None:
    assert tail_share(SamplingOptions()) == 0
    assert tail_share(SamplingOptions(top_p=1.0)) >= 0.005


def test_a_higher_temperature_draws_less_likely_chords() -> None:
    cold, hot = (
        tail_share(SamplingOptions(temperature=temperature, top_p=1.0)) for temperature in (0.5, 2)
    )
    assert hot - cold >= 0.05


def test_the_video_and_the_target_affect_are_exaggerated_by_half() -> None:
    video = toy_video(4)
    video.known[:, MODALITIES.index("affect")] = 1
    batch = guidance_batch(video, SamplingOptions())
    weight_of = {
        bool(known.any()): float(w)
        for known, w in zip(batch.video.known, batch.weights, strict=True)
    }
    assert weight_of == {False: -0.5, True: 1.5}
