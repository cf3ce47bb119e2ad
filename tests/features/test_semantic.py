"""CLIP's answers equal transformers' own; its weights come from this machine or not at all."""

from __future__ import annotations

import json
import string

import numpy as np
import pytest

from amt.errors import WeightsError
from amt.features.extract import extract_features
from amt.features.semantic import ClipVision, find_clip
from amt.types import EMOTIONS
from tests.features.clips import picture

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


def make_clip(folder, projection=768):
    """A CLIP with random weights and letters for tokens."""
    layers = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4}
    letters = [*string.ascii_lowercase, *(c + "</w>" for c in string.ascii_lowercase)]
    vocabulary = {
        token: index for index, token in enumerate(["<|startoftext|>", "<|endoftext|>", *letters])
    }
    text = {"vocab_size": 60, "max_position_embeddings": 16, "bos_token_id": 0, "eos_token_id": 1}
    sight = {"image_size": 32, "patch_size": 8}
    config = transformers.CLIPConfig(
        text_config=layers | heads | text,
        vision_config=layers | heads | sight,
        projection_dim=projection,
    )
    torch.manual_seed(0)
    transformers.CLIPModel(config).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "CLIPTokenizer"}')
    (folder / "preprocessor_config.json").write_text(
        json.dumps({
            "image_processor_type": "CLIPImageProcessor",
            "size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32},
        })
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clip"))


def look_at(vision, count):
    for seed in range(count):
        vision.push(picture(seed))
    return vision.finish()


def test_answers_are_those_of_transformers(model):
    vision = ClipVision(str(model), device="cpu")
    seen = look_at(vision, 11)
    reference = transformers.CLIPModel.from_pretrained(model, local_files_only=True).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(model, local_files_only=True)
    pixels = vision._processor(images=[picture(k) for k in range(11)], return_tensors="pt")
    with torch.inference_mode():
        words = tokenizer(list(EMOTIONS), padding=True, return_tensors="pt")
        answer = reference(**words, **pixels)
        pooled = reference.vision_model(**pixels).pooler_output
        embedding = reference.visual_projection(pooled).numpy()
    assert seen.semantic.shape == (11, 768)
    # bfloat16 has eight bits of precision.
    assert seen.semantic == pytest.approx(embedding, abs=0.05 * float(np.abs(embedding).max()))
    expected = answer.logits_per_image.softmax(-1).numpy()
    assert seen.emotion == pytest.approx(expected, abs=0.05)
    assert seen.emotion.sum(axis=1) == pytest.approx(np.ones(11))


def test_an_embedding_of_another_size_is_not_used(tmp_path):
    seen = look_at(ClipVision(str(make_clip(tmp_path, projection=64)), device="cpu"), 3)
    assert seen.semantic is None
    assert seen.emotion.shape == (3, 6)


def test_a_clip_gets_a_row_a_second(clip, model):
    features = extract_features(clip, backend="clip", clip_model=str(model))
    assert features.backend == "clip"
    assert features.semantic.shape == (3, 768)
    assert np.abs(features.semantic[0] - features.semantic[2]).max() > 1e-3


def test_auto_takes_clip_only_where_its_weights_are(clip, model, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    said = []
    assert extract_features(clip, say=said.append).backend == "analytic"
    assert extract_features(clip, clip_model=str(model), say=said.append).backend == "clip"
    assert len(said) == 2
    assert all("\n" not in sentence for sentence in said)


def test_absent_weights_are_not_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert find_clip() is None
    assert find_clip(str(tmp_path / "nowhere")) is None
    with pytest.raises(WeightsError, match="is not on this machine"):
        ClipVision()


def test_a_broken_model_is_named(tmp_path, capfd):
    make_clip(tmp_path)
    capfd.readouterr()
    (tmp_path / "model.safetensors").write_bytes(b"none")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        ClipVision(str(tmp_path))
    assert capfd.readouterr().err == ""
