"""Damaged networks on disk: ``config.json`` and ``weights.safetensors`` of a small composer."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import torch

from amt.models.chords.network import Composer
from amt.models.config import ComposerConfig
from amt.models.weights import CONFIG_FILE, WEIGHTS_FILE, load_composer, save_model
from experiments.fuzz.contract import BrokenContract, Case
from experiments.fuzz.damage import changed, damaged, damaged_text
from experiments.fuzz.runner import Draw

TOY = ComposerConfig(
    d_model=16, n_heads=2, d_ff=32, encoder_layers=1, decoder_layers=2, cross_every=2,
    context=8, window=2, n_global=3, semantic_dim=5,
)  # fmt: skip


def prepare(folder: Path) -> Draw:
    """Cases of this kind."""
    torch.manual_seed(0)
    save_model(folder / "composer", "composer", TOY, Composer(TOY).state_dict())
    path = Path("composer")
    whole, text = (
        (folder / path / WEIGHTS_FILE).read_bytes(),
        (folder / path / CONFIG_FILE).read_text(),
    )

    def draw(rng: random.Random) -> Case:
        data, config = whole, text
        if rng.random() < 0.5:
            # The head names the tensors and says where they lie.
            head = 8 + int.from_bytes(whole[:8], "little") if rng.random() < 0.8 else len(whole)
            data = damaged(whole[:head], rng, 3) + whole[head:]
            if rng.random() < 0.9:
                sums = hashlib.sha256(whole).hexdigest(), hashlib.sha256(data).hexdigest()
                config = config.replace(*sums)
        else:
            is_text = rng.random() < 0.3
            config = (
                damaged_text(text, rng) if is_text else json.dumps(changed(json.loads(text), rng))
            )
        (folder / path / CONFIG_FILE).write_bytes(config.encode("utf-8", "surrogatepass"))
        (folder / path / WEIGHTS_FILE).write_bytes(data)

        def run() -> None:
            model = load_composer(path)
            if not all(bool(p.isfinite().all()) for p in model.parameters()):
                raise BrokenContract("a weight is no finite number")

        return Case(run, config, (path / CONFIG_FILE, path / WEIGHTS_FILE))

    return draw
