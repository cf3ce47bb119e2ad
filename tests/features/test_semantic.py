"""CLIP's answers equal transformers' own; its weights come from this machine or not at all."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
import transformers

from amt.errors import WeightsError
from amt.features.clip_cache import read_cache, write_cache
from amt.features.clip_weights import CLIP_MODEL, find_clip
from amt.features.extract import extract_features
from amt.features.semantic import (
    SEMANTIC_DIM,
    ClipResult,
    ClipVision,
)
from amt.reporter import callback_reporter
from amt.types import EMOTIONS
from tests.features.clips import picture
from tests.features.toy_clip import SIDE, age, make_clip, seal


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(autouse=True)
def sealed(tmp_path, monkeypatch):
    seal(tmp_path, monkeypatch)


def see(model, pictures, **options):
    vision = ClipVision(str(model), device="cpu", **{"dtype": "float32", **options})
    for rgb in pictures:
        vision.push(rgb)
    return vision.finish()


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


PICTURES = [*(picture(seed) for seed in range(9)), noise(50, 90), noise(33, 32, 1), noise(3, 40, 2)]


def answers(model, pictures=PICTURES):
    """[S, 768] and [S, 6] through transformers' own processor and forward pass."""
    clip = transformers.CLIPModel.from_pretrained(model, local_files_only=True).eval()
    tokenizer = transformers.CLIPTokenizer.from_pretrained(model, local_files_only=True)
    kind = getattr(transformers, "CLIPImageProcessorPil", transformers.CLIPImageProcessor)
    processor = kind.from_pretrained(model, local_files_only=True)
    pixels = processor(images=pictures, input_data_format="channels_last", return_tensors="pt")
    words = tokenizer(list(EMOTIONS), padding=True, return_tensors="pt")
    with torch.inference_mode():
        embedding = clip.get_image_features(**pixels)
        text = clip.get_text_features(**words)
        logits = clip(**words, **pixels).logits_per_image
    # transformers 5 wraps what 4 gave as tensors.
    embedding = getattr(embedding, "pooler_output", embedding)
    text = torch.nn.functional.normalize(getattr(text, "pooler_output", text), dim=-1)
    own = 100 * torch.nn.functional.normalize(embedding, dim=-1) @ text.T
    assert own.numpy() == pytest.approx(logits.numpy(), abs=1e-2)
    return embedding.numpy(), logits.softmax(-1).numpy()


@pytest.fixture(scope="module")
def expected(model):
    return answers(model)


def test_answers_are_those_of_transformers(model, expected):
    seen = see(model, PICTURES)
    semantic, emotion = expected
    assert seen.semantic.dtype == seen.emotion.dtype == np.float64
    assert seen.semantic == pytest.approx(semantic, abs=1e-5)
    assert seen.emotion == pytest.approx(emotion, abs=1e-4)
    assert seen.emotion.sum(axis=1) == pytest.approx(np.ones(len(PICTURES)))
    assert np.ptp(seen.emotion, axis=0).max() > 0.01


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """The patches, pictures, projection and settings of the model behind MuVi-Sync, in a smaller
    network."""
    return age(make_clip(tmp_path_factory.mktemp("large"), side=336, patch=14))


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 1e-5), ("float16", 5e-3), ("bfloat16", 3e-2)]
)
def test_pictures_and_patches_of_the_real_size_give_what_transformers_gives(
    large, dtype, tolerance
):
    semantic, emotion = answers(large)
    seen = see(large, PICTURES, dtype=dtype)
    assert seen.semantic.shape == (len(PICTURES), SEMANTIC_DIM)
    assert np.linalg.norm(seen.semantic - semantic) < tolerance * np.linalg.norm(semantic)
    assert seen.emotion == pytest.approx(emotion, abs=max(1e-4, 4 * tolerance))


def test_a_picture_of_another_shape_is_cropped_as_transformers_does(large):
    vision = ClipVision(str(large), device="cpu", dtype="float32")
    assert vision.frame_side == 336
    for rgb in (noise(336, 600), noise(700, 336), noise(337, 336)):
        vision.push(rgb)
    semantic, emotion = answers(large, [noise(336, 600), noise(700, 336), noise(337, 336)])
    seen = vision.finish()
    assert seen.semantic == pytest.approx(semantic, abs=1e-5)
    assert seen.emotion == pytest.approx(emotion, abs=1e-4)


def run_out(monkeypatch, most, error):
    """Let memory run out above a number of pictures."""
    forward, sizes = ClipVision._forward, []

    def limited(self, pictures):
        sizes.append(len(pictures))
        if len(pictures) > most:
            raise error
        return forward(self, pictures)

    monkeypatch.setattr(ClipVision, "_forward", limited)
    return sizes


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."), MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte"),
    ],
)  # fmt: skip
def test_batches_get_smaller_where_memory_runs_out(model, expected, monkeypatch, error):
    sizes = run_out(monkeypatch, 2, error)
    seen = see(model, PICTURES, batch_size=8)
    assert seen.semantic == pytest.approx(expected[0], abs=1e-5)
    assert sizes == [8, 4, 2, 2, 2, 2, 2, 2]


def test_too_little_memory_for_a_picture_is_reported(model, monkeypatch):
    run_out(monkeypatch, 0, MemoryError())
    with pytest.raises(WeightsError, match="does not fit into the memory"):
        see(model, PICTURES)


def test_other_errors_of_the_network_are_not_taken_for_lack_of_memory(model, monkeypatch):
    run_out(monkeypatch, 0, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        see(model, PICTURES)


def test_bfloat16_stays_close(model, expected):
    seen = see(model, PICTURES, dtype="bfloat16")
    # Eight bits of precision.
    assert np.linalg.norm(seen.semantic - expected[0]) < 0.03 * np.linalg.norm(expected[0])
    assert seen.emotion == pytest.approx(expected[1], abs=0.05)


@pytest.mark.parametrize("batch_size", [1, 5, 12, 40])
def test_batches_do_not_show(model, expected, batch_size):
    seen = see(model, PICTURES, batch_size=batch_size)
    assert seen.semantic == pytest.approx(expected[0], abs=1e-5)
    assert seen.emotion == pytest.approx(expected[1], abs=1e-4)


def test_finish_starts_anew(model):
    vision = ClipVision(str(model), device="cpu")
    assert vision.frame_side == SIDE
    assert vision.finish().emotion.shape == (0, 6)
    vision.push(PICTURES[0])
    first = vision.finish()
    vision.push(PICTURES[1])
    assert len(first.emotion) == len(vision.finish().emotion) == 1


def test_an_embedding_of_another_size_is_not_used(tmp_path):
    seen = see(make_clip(tmp_path, projection=32), PICTURES[:3])
    assert seen.semantic is None
    assert seen.emotion.sum(axis=1) == pytest.approx(np.ones(3))


def test_a_clip_gets_a_row_a_second(clip, model):
    features = extract_features(clip, backend="clip", clip_model=str(model))
    assert features.backend == "clip"
    assert features.semantic.shape == (3, SEMANTIC_DIM)
    assert np.abs(features.semantic[0] - features.semantic[2]).max() > 1e-3


def test_auto_takes_clip_only_where_its_weights_are(clip, model):
    said = []
    assert (
        extract_features(clip, reporter=callback_reporter(message=said.append)).backend
        == "analytic"
    )
    assert (
        extract_features(
            clip, clip_model=str(model), reporter=callback_reporter(message=said.append)
        ).backend
        == "clip"
    )
    with pytest.raises(WeightsError):
        extract_features(
            clip, clip_model="no/such/model", reporter=callback_reporter(message=said.append)
        )
    assert len(said) == 3
    assert all("\n" not in sentence for sentence in said)


def fails(name, **options):
    with pytest.raises(WeightsError) as caught:
        ClipVision(str(name), **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def test_absent_weights_are_not_fetched(tmp_path):
    assert find_clip() is None
    assert find_clip(str(tmp_path / "nowhere")) is None
    assert f"hf download {CLIP_MODEL} --revision" in fails(CLIP_MODEL)
    assert "no config.json" in fails(tmp_path)


def test_offline_says_so_even_where_a_download_is_allowed(monkeypatch, capfd):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "cannot be fetched" in fails(CLIP_MODEL, allow_download=True)
    assert capfd.readouterr().err == ""


def test_the_hubs_cache_is_found_by_name(tmp_path):
    repository = tmp_path / "hub" / "models--some--clip"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    make_clip(snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    assert find_clip("some/clip") == str(snapshot)
    assert see("some/clip", PICTURES[:1]).semantic.shape == (1, SEMANTIC_DIM)


def test_a_folder_without_weights_is_named(tmp_path):
    make_clip(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    assert find_clip(str(tmp_path)) is None
    assert "lacks its weights" in fails(tmp_path)


def cut_weights(folder):
    (folder / "model.safetensors").write_bytes(b"none")


def drop_a_weight(folder):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def drop_vocabulary(folder):
    (folder / "vocab.json").unlink()


def break_config(folder):
    (folder / "config.json").write_text("{")


def crop_to_another_size(folder):
    path = folder / "preprocessor_config.json"
    path.write_text(path.read_text().replace('"height": 32', '"height": 24'))


@pytest.mark.parametrize(
    "harm", [cut_weights, drop_a_weight, drop_vocabulary, break_config, crop_to_another_size]
)
def test_a_damaged_folder_is_named(tmp_path, capfd, harm):
    make_clip(tmp_path)
    harm(tmp_path)
    capfd.readouterr()
    sentence = fails(tmp_path)
    assert "cannot be loaded" in sentence
    assert tmp_path.name in sentence
    assert capfd.readouterr().err == ""


def test_another_kind_of_model_is_named(tmp_path):
    make_clip(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "siglip"}')
    assert "no CLIP but a model of type 'siglip'" in fails(tmp_path)


def test_loading_is_silent(model, capfd):
    see(model, PICTURES[:1])
    assert capfd.readouterr().err == ""


def test_importing_and_searching_load_no_torch(tmp_path):
    code = (
        "import sys; from amt.features.clip_weights import find_clip; find_clip();"
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"the bytes of a clip")
    return path


def some_result(seconds=4, *, semantic=True):
    generator = np.random.default_rng(seconds)
    emotion = generator.dirichlet(np.ones(len(EMOTIONS)), seconds)
    return ClipResult(generator.normal(size=(seconds, SEMANTIC_DIM)) if semantic else None, emotion)


@pytest.mark.parametrize("semantic", [True, False])
def test_what_is_kept_comes_back(video, model, semantic):
    result = some_result(semantic=semantic)
    assert read_cache(video, str(model)) is None
    write_cache(video, str(model), result)
    kept = read_cache(video.rename(video.with_name("renamed.mp4")), str(model))
    np.testing.assert_array_equal(kept.emotion, result.emotion)
    if semantic:
        np.testing.assert_array_equal(kept.semantic, result.semantic)
    else:
        assert kept.semantic is None


def test_another_clip_or_model_is_not_mistaken(video, tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    make_clip(folder)
    write_cache(video, str(folder), some_result())
    assert read_cache(video, CLIP_MODEL) is None
    other = tmp_path / "other.mp4"
    other.write_bytes(b"other bytes")
    assert read_cache(other, str(folder)) is None
    assert read_cache(tmp_path / "missing.mp4", str(folder)) is None
    drop_a_weight(folder)
    assert read_cache(video, str(folder)) is None


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_broken_entry_is_replaced(video, tmp_path, share):
    write_cache(video, CLIP_MODEL, some_result())
    (entry,) = (tmp_path / "cache" / "clip").iterdir()
    entry.write_bytes(entry.read_bytes()[: int(share * entry.stat().st_size)])
    assert read_cache(video, CLIP_MODEL) is None
    write_cache(video, CLIP_MODEL, some_result())
    assert read_cache(video, CLIP_MODEL) is not None
    assert list((tmp_path / "cache" / "clip").iterdir()) == [entry]


def test_entries_that_make_no_sense_or_are_pickles_are_ignored(video, tmp_path):
    write_cache(video, CLIP_MODEL, some_result())
    (entry,) = (tmp_path / "cache" / "clip").iterdir()
    for emotion in (np.ones((2, 6)), np.full((2, 6), np.nan), np.array([{}]), np.ones((2, 5)) / 5):
        np.savez(entry, emotion=emotion)
        assert read_cache(video, CLIP_MODEL) is None


def test_a_cache_that_cannot_be_written_is_no_error(video, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("AMT_CACHE_DIR", str(tmp_path / "file"))
    write_cache(video, CLIP_MODEL, some_result())
    assert read_cache(video, CLIP_MODEL) is None


def test_a_failed_write_leaves_nothing_behind(video, tmp_path):
    write_cache(video, CLIP_MODEL, some_result())
    (entry,) = (tmp_path / "cache" / "clip").iterdir()
    entry.unlink()
    (entry / "occupied").mkdir(parents=True)
    write_cache(video, CLIP_MODEL, some_result())
    assert list((tmp_path / "cache" / "clip").iterdir()) == [entry]
    assert read_cache(video, CLIP_MODEL) is None


def test_the_cache_lies_where_the_desktop_keeps_caches(video, tmp_path, monkeypatch):
    monkeypatch.delenv("AMT_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    write_cache(video, CLIP_MODEL, some_result())
    assert len(list((tmp_path / "xdg" / "amt" / "clip").glob("*.npz"))) == 1


def test_a_clip_that_clip_has_seen_is_not_looked_at_again(clip, model, monkeypatch):
    first = extract_features(clip, backend="clip", clip_model=str(model))

    def refuse(*_, **__):
        raise AssertionError("the model was loaded although the cache holds its answer")

    monkeypatch.setattr("amt.features.extract.ClipVision", refuse)
    again = extract_features(clip, backend="clip", clip_model=str(model))
    np.testing.assert_array_equal(again.emotion, first.emotion)
    np.testing.assert_array_equal(again.semantic, first.semantic)
