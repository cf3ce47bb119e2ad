"""CLIP's answers equal transformers' own; its weights come from this machine or not at all."""

from __future__ import annotations

import json
import string
import subprocess
import sys

import numpy as np
import pytest
import torch
import transformers

from amt.errors import WeightsError
from amt.features.extract import extract_features
from amt.features.semantic import (
    CLIP_MODEL,
    SEMANTIC_DIM,
    ClipResult,
    ClipVision,
    find_clip,
    read_cache,
    write_cache,
)
from amt.types import EMOTIONS
from tests.features.clips import picture

SIDE = 32


def make_clip(folder, projection=SEMANTIC_DIM):
    """A CLIP with random weights and letters for tokens."""
    layers = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4}
    letters = [*string.ascii_lowercase, *(c + "</w>" for c in string.ascii_lowercase)]
    vocabulary = {
        token: index for index, token in enumerate(["<|startoftext|>", "<|endoftext|>", *letters])
    }
    text = {"vocab_size": 60, "max_position_embeddings": 16, "bos_token_id": 0, "eos_token_id": 1}
    sight = {"image_size": SIDE, "patch_size": 8}
    config = transformers.CLIPConfig(
        text_config=layers | heads | text,
        vision_config=layers | heads | sight,
        projection_dim=projection,
        logit_scale_init_value=4.6052,
    )
    torch.manual_seed(0)
    transformers.CLIPModel(config).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "CLIPTokenizer"}')
    processor = {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": SIDE},
        "crop_size": {"height": SIDE, "width": SIDE},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(autouse=True)
def sealed(tmp_path, monkeypatch):
    """No network, an empty Hub cache, and a cache folder of the test's own."""

    def refuse(*_):
        raise AssertionError("the network was used")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("AMT_CACHE_DIR", str(tmp_path / "cache"))


def see(model, pictures, **options):
    vision = ClipVision(str(model), device="cpu", **{"dtype": "float32", **options})
    for rgb in pictures:
        vision.push(rgb)
    return vision.finish()


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


PICTURES = [*(picture(seed) for seed in range(9)), noise(50, 90), noise(33, 32, 1), noise(3, 40, 2)]


@pytest.fixture(scope="module")
def expected(model):
    """[S, 768] and [S, 6] through transformers' own processor and forward pass."""
    clip = transformers.CLIPModel.from_pretrained(model, local_files_only=True).eval()
    tokenizer = transformers.CLIPTokenizer.from_pretrained(model, local_files_only=True)
    processor = transformers.CLIPImageProcessorPil.from_pretrained(model, local_files_only=True)
    pixels = processor(images=PICTURES, input_data_format="channels_last", return_tensors="pt")
    words = tokenizer(list(EMOTIONS), padding=True, return_tensors="pt")
    with torch.inference_mode():
        embedding = clip.get_image_features(**pixels)
        logits = clip(**words, **pixels).logits_per_image
    embedding = getattr(embedding, "pooler_output", embedding)
    return embedding.numpy(), logits.softmax(-1).numpy()


def test_answers_are_those_of_transformers(model, expected):
    seen = see(model, PICTURES)
    semantic, emotion = expected
    assert seen.semantic.dtype == seen.emotion.dtype == np.float64
    assert seen.semantic == pytest.approx(semantic, abs=1e-5)
    assert seen.emotion == pytest.approx(emotion, abs=1e-4)
    assert seen.emotion.sum(axis=1) == pytest.approx(np.ones(len(PICTURES)))
    assert np.ptp(seen.emotion, axis=0).max() > 0.01


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
    assert extract_features(clip, say=said.append).backend == "analytic"
    assert extract_features(clip, clip_model=str(model), say=said.append).backend == "clip"
    with pytest.raises(WeightsError):
        extract_features(clip, clip_model="no/such/model", say=said.append)
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


def test_pickles_are_not_loaded(tmp_path):
    make_clip(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    assert find_clip(str(tmp_path)) is None
    assert "pickle" in fails(tmp_path)
    (tmp_path / "pytorch_model.bin").unlink()
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
    assert str(tmp_path) in sentence
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
        "import sys; from amt.features.semantic import find_clip; find_clip();"
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
