"""CLIP models with random weights, as ``transformers`` saves them."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file

from amt.features.semantic import SEMANTIC_DIM

SIDE = 32


def make_clip(
    folder: Path, projection: int = SEMANTIC_DIM, *, side: int = SIDE, patch: int = 8
) -> Path:
    """A CLIP with random weights and letters for tokens, the special ones last as in CLIP."""
    layers = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4}
    letters = [*string.ascii_lowercase, *(c + "</w>" for c in string.ascii_lowercase)]
    vocabulary = {
        token: index for index, token in enumerate([*letters, "<|startoftext|>", "<|endoftext|>"])
    }
    text = {"vocab_size": 60, "max_position_embeddings": 16, "bos_token_id": 52, "eos_token_id": 53}
    sight = {"image_size": side, "patch_size": patch}
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
        "size": {"shortest_edge": side},
        "crop_size": {"height": side, "width": side},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def age(folder: Path) -> Path:
    """Rewrite a model's settings as transformers wrote them when CLIP was published."""
    config = json.loads((folder / "config.json").read_text())
    config["text_config"] |= {"bos_token_id": 0, "eos_token_id": 2, "top_k": 50, "top_p": 1.0}
    for part in ("text_config", "vision_config"):
        config[f"{part}_dict"] = {
            name: value for name, value in config[part].items() if isinstance(value, int)
        }
    config.pop("dtype", None)
    config |= {"torch_dtype": "float32", "transformers_version": "4.21.3", "_commit_hash": None}
    (folder / "config.json").write_text(json.dumps(config))
    side = config["vision_config"]["image_size"]
    processor = {
        "crop_size": side, "do_center_crop": True, "do_normalize": True, "do_resize": True,
        "feature_extractor_type": "CLIPFeatureExtractor", "resample": 3, "size": side,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    end = {"content": "<|endoftext|>", "single_word": False, "lstrip": False, "rstrip": False}
    end |= {"normalized": True, "__type": "AddedToken"}
    tokenizer = {
        "unk_token": end, "bos_token": end | {"content": "<|startoftext|>"}, "eos_token": end,
        "pad_token": "<|endoftext|>", "add_prefix_space": False, "errors": "replace",
        "do_lower_case": True, "model_max_length": 16, "tokenizer_class": "CLIPTokenizer",
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    return folder


def take_weights(folder: Path) -> dict[str, torch.Tensor]:
    """The weights of a saved model, whose file is gone thereafter."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    return weights


def as_pickle(folder: Path, *, archive: bool = True, **more: object) -> Path:
    """Turn a model's weights into the ``pytorch_model.bin`` of a publisher."""
    path = folder / "pytorch_model.bin"
    content = {**take_weights(folder), **more}
    torch.save(content, path, _use_new_zipfile_serialization=archive)
    return path


def seal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, an empty Hub cache, and a cache folder of the test's own."""

    def refuse(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("AMT_CACHE_DIR", str(tmp_path / "cache"))
