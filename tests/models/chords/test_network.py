"""The composer against plain references at toy size."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.chords import VOCABULARY_SIZE
from amt.models.chords.induction import CopyContext
from amt.models.chords.inputs import START_ID, ChordHistory, chord_history
from amt.models.chords.losses import composer_loss, next_different
from amt.models.chords.network import Composer
from amt.models.chords.video_attention import VideoAttention
from amt.models.config import ComposerConfig
from amt.models.layers import KeyValueCache, rotary, rotate
from amt.models.video import MODALITIES, VideoInput

TOY = ComposerConfig(
    d_model=16, n_heads=2, d_ff=32, encoder_layers=1, decoder_layers=2, cross_every=2,
    context=8, window=2, n_global=3, semantic_dim=5,
)  # fmt: skip
WITH_INDUCTION = replace(TOY, induction=True)


def toy_video(slots: int, batch: int = 1, seed: int = 0) -> VideoInput:
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(batch, *shape, generator=generator)

    return VideoInput(
        semantic=rand(slots, 5), emotion=rand(slots, 6), motion=rand(slots) * 20,
        scene_offset=rand(slots) * 5, affect=rand(slots, 2), clock=rand(slots, 2) * 30,
        known=torch.ones(batch, len(MODALITIES)),
    )  # fmt: skip


@pytest.fixture(params=[TOY, WITH_INDUCTION], ids=["plain", "induction"])
def model(request: pytest.FixtureRequest) -> Composer:
    torch.manual_seed(0)
    return Composer(request.param).eval()


def between(history: ChordHistory, start: int, stop: int) -> ChordHistory:
    """The columns of some slots."""
    memory = history.copy_context
    columns = {
        name: getattr(history, name)[:, start:stop]
        for name in ("last", "run", "before", "run_before")
    }
    part = slice(start, stop)
    copy_context = memory and CopyContext(memory.chords[:, part], memory.similarity[:, part])
    return ChordHistory(**columns, copy_context=copy_context)


chord_lists = st.lists(st.integers(0, 4), min_size=1, max_size=30)


def plain_history(chords: list[int]) -> list[tuple[int, int, int, int]]:
    rows, last, run, before, run_before = [], START_ID, 0, START_ID, 0
    for chord in chords:
        rows.append((last, run, before, run_before))
        if chord == last:
            run += 1
        else:
            before, run_before, last, run = last, run, chord, 1
    return rows


@given(chord_lists)
def test_history_is_what_a_loop_would_remember(chords: list[int]) -> None:
    history = chord_history(torch.tensor([chords]))
    columns = (history.last, history.run, history.before, history.run_before)
    found = list(zip(*(column[0].tolist() for column in columns), strict=True))
    assert found == plain_history(chords)


@given(chord_lists)
def test_next_different_is_the_first_other_chord(chords: list[int]) -> None:
    following, exists = next_different(torch.tensor([chords]), torch.ones(1, len(chords)))
    for slot, (last, *_) in enumerate(plain_history(chords)):
        later = [chord for chord in chords[slot:] if chord != last]
        assert bool(exists[0, slot]) == bool(later)
        if later:
            assert following[0, slot] == later[0]


def test_probabilities_sum_to_one(model: Composer) -> None:
    chords = torch.randint(0, VOCABULARY_SIZE, (2, 9))
    output = model(chords, torch.tensor([0, 1]), toy_video(9, batch=2))
    total = output.log_probs.exp().sum(dim=-1)
    torch.testing.assert_close(total, torch.ones_like(total))


def test_later_chords_change_nothing(model: Composer) -> None:
    chords = torch.randint(0, VOCABULARY_SIZE, (1, 12))
    other = chords.clone()
    other[0, 7:] = (other[0, 7:] + 11) % VOCABULARY_SIZE
    video, minor = toy_video(12), torch.tensor([0])
    before, after = (model(x, minor, video).log_probs[:, :8] for x in (chords, other))
    torch.testing.assert_close(before, after)


@settings(max_examples=20, deadline=None)
@given(
    slots=st.integers(1, 40),
    seed=st.integers(0, 9),
    sizes=st.lists(st.tuples(st.integers(1, 6), st.integers(0, 5)), min_size=40, max_size=40),
)
def test_cached_decoding_equals_uncached(
    slots: int, seed: int, sizes: list[tuple[int, int]]
) -> None:
    """Whatever number of slots is decoded at once, and whatever of it is taken back."""
    torch.manual_seed(seed)
    model = Composer(WITH_INDUCTION).eval()
    chords = torch.randint(0, VOCABULARY_SIZE, (2, slots))
    video, minor = toy_video(slots, batch=2, seed=seed), torch.tensor([0, 1])
    whole = model(chords, minor, video).log_probs
    history, encoded = chord_history(chords, model.n_lags), model.encode(video)
    caches = [KeyValueCache(TOY.context) for _ in model.layers]
    t = 0
    for size, back in sizes:
        if t == slots:
            break
        end = min(slots, t + size)
        step = model.decode(between(history, t, end), minor, encoded, t, caches).log_probs
        torch.testing.assert_close(step, whole[:, t:end], rtol=1e-4, atol=1e-4)
        back = min(back, end - t - 1)
        for cache in caches:
            cache.drop_last(back)
        t = end - back
    assert t == slots or len(sizes) == 40


def test_an_unknown_modality_changes_nothing_whatever_it_holds(model: Composer) -> None:
    chords, minor = torch.randint(0, VOCABULARY_SIZE, (1, 6)), torch.tensor([0])
    known = torch.ones(1, len(MODALITIES))
    known[0, MODALITIES.index("motion")] = 0
    video = toy_video(6)._replace(known=known)
    loud = video._replace(motion=video.motion * 9)
    assert torch.equal(model(chords, minor, video).log_probs, model(chords, minor, loud).log_probs)


def test_video_attention_is_a_masked_softmax_over_near_slots_and_segments() -> None:
    torch.manual_seed(0)
    attention = VideoAttention(8, 1, window=2)
    attention.block = 3
    attention.distance_bias.data.normal_()
    x, local, summary = torch.randn(1, 7, 8), torch.randn(1, 7, 8), torch.randn(1, 2, 8)
    found = attention(x, attention.memory(local, summary))
    key, value = attention.project_memory(torch.cat([local, summary], dim=1)).chunk(2, dim=-1)
    query = attention.project_query(x)
    for t in range(7):
        seen = [s for s in range(7) if abs(s - t) <= 2]
        rows = [*seen, 7, 8]
        bias = [attention.distance_bias[0, s - t + 2].item() for s in seen] + [0.0, 0.0]
        scores = (key[0, rows] @ query[0, t]) / 8**0.5 + torch.tensor(bias)
        expected = attention.project_out(scores.softmax(dim=0) @ value[0, rows])
        torch.testing.assert_close(found[0, t], expected)


def test_rotary_scores_depend_on_distance_only() -> None:
    query, key = torch.randn(1, 16), torch.randn(1, 16)

    def score(a: int, b: int) -> torch.Tensor:
        first = rotate(query, rotary(torch.tensor([a]), 16))
        second = rotate(key, rotary(torch.tensor([b]), 16))
        return first @ second.T

    torch.testing.assert_close(score(3, 7), score(103, 107), rtol=1e-4, atol=1e-4)


def test_loss_is_the_plain_negative_log_likelihood_without_padding(model: Composer) -> None:
    chords = torch.randint(0, VOCABULARY_SIZE, (2, 6))
    weight = torch.ones(2, 6)
    weight[1, 4:] = 0
    video = toy_video(6, batch=2)
    output = model(chords, torch.tensor([0, 0]), video)
    loss = composer_loss(
        output, chords, weight, video.emotion, torch.tensor([1.0, 0.0]), weight.sum(),
        next_weight=0.5, affective_weight=0.1, smoothing=0.05,
    )  # fmt: skip
    plain = [
        -output.log_probs[b, t, chords[b, t]] for b in range(2) for t in range(6) if weight[b, t]
    ]
    torch.testing.assert_close(loss.nll, torch.stack(plain).mean())
    assert torch.isfinite(loss.total)
    assert loss.total > loss.nll


def test_running_chord_longer_than_the_context_is_fine(model: Composer) -> None:
    chords = torch.full((1, 40), 7)
    assert torch.isfinite(model(chords, torch.tensor([1]), toy_video(40)).log_probs).any()
