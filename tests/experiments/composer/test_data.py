"""Examples for the composer, and its training on a tiny corpus."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from amt.chords import chord_from_id, parse_chord
from amt.models.chords.network import Composer
from amt.models.config import ComposerConfig
from amt.models.video import MODALITIES
from data_prep.chord_track import ChordTrack
from data_prep.muvi_sync import MuviSong, load_split
from experiments.common.examples import collate, whole_song
from experiments.composer.data import TRIAD_OF, ComposerData, ComposerExamples
from experiments.composer.train import ComposerObjective, ComposerTask, main
from tests.data_prep.tiny_muvi_sync import write_split

TOY = ComposerConfig(
    d_model=16, n_heads=2, d_ff=32, encoder_layers=1, decoder_layers=2, dropout=0.0,
    semantic_dropout=0.0,
)  # fmt: skip
TRACK = ChordTrack(
    "piano", "minor", np.array([0.0, 4.0]), np.array([parse_chord(x).id for x in ("Am7", "F")]), 9.0
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split, names in (("train", ["001", "002"]), ("val", ["003"])):
        write_split(tmp_path, split, names)
    return tmp_path


@pytest.fixture
def songs(root: Path) -> list[MuviSong]:
    return load_split(root, "train")


def test_a_batch_depends_on_seed_and_step_only(songs: list[MuviSong]) -> None:
    others = {"pop909": [(TRACK, None)], "emopia": [(TRACK, (0.6, -0.6))]}
    first, again = (ComposerExamples(songs, others, ComposerData(), seed=3) for _ in range(2))
    for step in (0, 7):
        a, b = first.batch(step, 6), again.batch(step, 6)
        assert torch.equal(a.chords, b.chords)
        assert all(torch.equal(x, y) for x, y in zip(a.video, b.video, strict=True))
    assert not torch.equal(first.batch(0, 6).video.known, first.batch(1, 6).video.known)


def test_plain_reading_gives_the_published_seconds(songs: list[MuviSong]) -> None:
    plain = ComposerData(
        resample=0, transpose=0, drop_video=0, drop_semantic=0, drop_modality=0, length=300
    )
    batch = ComposerExamples(songs[:1], {}, plain, seed=0).batch(0, 1)
    whole = collate([whole_song(songs[0])])
    assert torch.equal(batch.chords, whole.chords)
    for name, a, b in zip(MODALITIES, batch.video, whole.video, strict=False):
        torch.testing.assert_close(a, b, msg=name)


def test_corpora_without_video_join_from_a_step_on(songs: list[MuviSong]) -> None:
    always = ComposerData(emopia_share=1.0, emopia_from=5, drop_video=0.0, simplify=0.0)
    examples = ComposerExamples(songs, {"emopia": [(TRACK, (0.6, -0.6))]}, always, seed=0)
    affect = MODALITIES.index("affect")
    assert not examples.batch(4, 8).video.known[:, affect].any()
    late = examples.batch(5, 8)
    assert late.video.known[:, affect].all()
    np.testing.assert_allclose(late.video.affect[0, 0].numpy(), [0.6, -0.6])


def test_simplifying_keeps_roots_and_thirds() -> None:
    for index, triad in enumerate(TRIAD_OF):
        chord, simple = chord_from_id(index), chord_from_id(int(triad))
        assert simple.root == chord.root
        assert set(simple.pitch_classes) <= set(chord.pitch_classes)


def test_padding_has_no_weight(songs: list[MuviSong]) -> None:
    short = replace_chords(songs[0], 3)
    batch = collate([whole_song(songs[0]), whole_song(short)])
    assert batch.weight.sum(dim=1).tolist() == [6.0, 3.0]


def replace_chords(song: MuviSong, seconds: int) -> MuviSong:
    return replace(song, chords=song.chords[:seconds])


def test_two_processes_have_together_the_gradient_of_one(songs: list[MuviSong]) -> None:
    torch.manual_seed(0)
    examples = ComposerExamples(songs, {"pop909": [(TRACK, None)]}, ComposerData(), seed=1)
    task = ComposerTask(Composer(TOY), examples, songs, ComposerObjective(), batch_size=4)

    def gradient(world: int) -> torch.Tensor:
        task.model.zero_grad()
        for rank in range(world):
            (task.loss(2, rank, world)["total"] / world).backward()
        return torch.cat([p.grad.flatten() for p in task.model.parameters() if p.grad is not None])

    torch.testing.assert_close(gradient(1), gradient(2), rtol=1e-4, atol=1e-6)


def test_training_runs_resumes_and_exports(root: Path, tmp_path: Path) -> None:
    config = tmp_path / "toy.toml"
    config.write_text(
        "[model]\nd_model = 16\nn_heads = 2\nd_ff = 32\nencoder_layers = 1\ndecoder_layers = 2\n"
        '[train]\nbatch_size = 2\neval_every = 2\nprecision = "32-true"\naccelerator = "cpu"\n'
    )
    arguments = ["--config", str(config), "--data", str(root), "--out", str(tmp_path / "run")]
    main([*arguments, "--steps", "2"])
    main([*arguments, "--steps", "4"])
    rows = (tmp_path / "run" / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "2", "4"]
    assert (tmp_path / "run" / "composer" / "weights.safetensors").is_file()


def test_torchrun_with_two_processes_logs_the_losses_of_one(root: Path, tmp_path: Path) -> None:
    config = tmp_path / "toy.toml"
    config.write_text(
        "[model]\nd_model = 16\nn_heads = 2\nd_ff = 32\nencoder_layers = 1\ndecoder_layers = 2\n"
        "dropout = 0.0\nsemantic_dropout = 0.0\ninduction = true\n"
        '[train]\nsteps = 4\nbatch_size = 4\neval_every = 1\nprecision = "32-true"\n'
        'accelerator = "cpu"\n'
    )
    common = ["--config", str(config), "--data", str(root), "--out"]
    main([*common, str(tmp_path / "one")])
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = ["-m", "experiments.composer.train", *common, str(tmp_path / "two"), "--devices", "2"]
    subprocess.run([sys.executable, *launch, *script], check=True, capture_output=True, timeout=120)
    one, two = (
        np.genfromtxt(tmp_path / run / "log.csv", delimiter=",", skip_header=1)
        for run in ("one", "two")
    )
    np.testing.assert_allclose(one, two, rtol=1e-4)
