"""Training of the neural renderer: from a cache of takes to weights, in two sittings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import torch
from lightning_fabric import Fabric
from safetensors import safe_open

from experiments.common import corpora
from experiments.renderer import cache, train
from experiments.renderer.cache import HELD, TRAIN, Sources, draw_take, read_takes
from experiments.renderer.train import (
    Exact,
    RendererBatch,
    RendererObjective,
    audible_error,
    draw_batch,
)
from render.diffusion.mel import FRAME_RATE, N_MELS
from render.diffusion.pretrained import DENOISER, PREDICTOR
from render.diffusion.tokens import AHEAD_S, collate, frame_notes, note_table
from render.diffusion.weights import load_renderer
from render.score import Note
from tests.experiments.renderer.test_data import scale_song

TIM = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
SIZES = {
    PREDICTOR: ["d_note=16", "d_key=4", "d_model=16", "hidden=16", "layers=1"],
    DENOISER: ["d_model=16", "hidden=16", "layers=1"],
}


@pytest.fixture(scope="module")
def takes_folder(tmp_path_factory):
    songs = [scale_song(f"song {i}", bars=8) for i in range(10)]
    folder = tmp_path_factory.mktemp("takes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpora, "load_songs", lambda *args, **kwargs: songs)
        asked = ["--data", "none", "--soundfont", str(TIM), "--engine", "midirenderer"]
        for count in ("2", "4"):  # the second run goes on
            cache.main([*asked, "--out", str(folder), "--takes", count, "--held", "2"])
    return folder


def test_a_take_is_a_function_of_its_number():
    sources = Sources({"pop909": [scale_song()]}, [])
    names = set()
    for index in range(18):
        take, name = draw_take(index, TRAIN, sources)
        assert (take, name) == draw_take(index, TRAIN, sources)
        assert take != draw_take(index, HELD, sources)[0]
        names.add(name)
    assert names == {"scale", "study", "drums"}


def test_what_is_read_is_what_was_played(takes_folder):
    takes = read_takes(takes_folder, TRAIN)
    assert len(takes) == 4
    for take in takes:
        assert take.mel.shape[0] == N_MELS
        onset = int(take.notes.onset_s[0] * 93.75)
        assert take.mel[:, onset + 3].max() > take.mel[:, : max(onset - 4, 1)].max()


def test_a_batch_is_a_function_of_its_seed(takes_folder):
    takes = read_takes(takes_folder, TRAIN)
    first, again, other = (draw_batch(takes, [1, step], 3, 64) for step in (5, 5, 6))
    assert first.mel.shape == (3, N_MELS, 64)
    assert torch.equal(first.mel, again.mel)
    assert torch.equal(first.notes.frame, again.notes.frame)
    assert not torch.equal(first.mel, other.mel)


def test_errors_count_where_they_are_audible(takes_folder):
    batch = draw_batch(read_takes(takes_folder, TRAIN), [0, 0], 3, 64)
    objective = RendererObjective(inaudible=0.0)
    floor = batch.loudest - objective.audible_db / train.DB
    assert float(audible_error(batch.mel + 1 / train.DB, batch, objective)) == pytest.approx(
        1, abs=0.05
    )
    quiet = torch.where(batch.mel < floor - 0.1, batch.mel - 1, batch.mel)
    assert float(audible_error(quiet, batch, objective)) == pytest.approx(0, abs=1e-4)


def test_frames_after_a_release_may_count_more():
    table = note_table([(Note(0.0, 0.5, 60, 80), 0)])
    pairs = collate([frame_notes(table, 0, 128)] * 2, 128)
    batch = RendererBatch(torch.zeros(2, N_MELS, 128), pairs, torch.zeros(2, 1, 1))
    weight = train.release_weight(batch, 4)
    assert weight.shape == (2, 1, 128)
    middle_s = (torch.arange(128) + 0.5) / FRAME_RATE
    soon = (middle_s > 0.5 - AHEAD_S) & (middle_s < 0.5 + train.RELEASE_S)
    assert torch.equal(weight[1, 0] == 4, soon)
    assert torch.equal(weight[0], weight[1])


def test_inputs_of_a_model_are_not_rounded():
    class Listener(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def forward(self, example):
            return example.values[0]

    exact = torch.tensor([1.0001])
    fabric = Fabric(accelerator="cpu", precision="bf16-mixed")
    assert torch.equal(fabric.setup(Listener())(Exact(exact)), exact)


def test_both_stages_from_the_command_line_to_weights_in_two_sittings(
    takes_folder, monkeypatch, tmp_path
):
    monkeypatch.setattr(train, "VALIDATION_BATCHES", 1)
    for stage in train.STAGES:
        quick = ["train.precision='32-true'", "train.accelerator='cpu'", "train.batch_size=1"]
        quick += ["loss.crop=32", "train.eval_every=2", *(f"model.{s}" for s in SIZES[stage])]
        changes = [word for change in quick for word in ("--set", change)]
        arguments = ["--stage", stage, "--data", str(takes_folder), "--out", str(tmp_path)]
        for steps in ("1", "2"):
            train.main([*arguments, *changes, "--steps", steps])
        notes = safe_open(tmp_path / stage / "last.safetensors", "pt").metadata()
        assert notes["step"] == "2"
    renderer = load_renderer(tmp_path / "renderer")
    assert renderer.predictor.config.d_note == 16
    assert np.isfinite(renderer.denoiser.proj_out.weight.detach().numpy()).all()
