"""Takes of the neural renderer's teacher: drawn by the step, played as drawn, songs held apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lightning_fabric import Fabric
from safetensors import safe_open
from safetensors.torch import load_file

from amt.chords import Key
from data_prep.note_song import NoteSong, measured
from experiments.common import corpora
from experiments.common.training import TrainSettings, train
from experiments.renderer import train as train_renderer
from experiments.renderer.data import (
    LEAD_S,
    Feed,
    RendererData,
    RendererExamples,
    Take,
    Teacher,
    drum_take,
    song_take,
    windows,
)
from experiments.renderer.losses import Critic, critic_loss, persuasion_losses
from experiments.renderer.train import Exact, FlowObjective, FlowTask, FlowTraining
from render.diffusion.denoiser import DenoiserConfig
from render.diffusion.instruments import FAMILIES, FAMILY_OF
from render.diffusion.mel import FRAME_RATE, HOP, MARGIN, SILENCE, log_mel
from render.diffusion.sampler import WINDOW_FRAMES
from render.diffusion.weights import load_renderer
from render.errors import EngineError, SoundfontError, WeightsError
from render.score import Note

DURATION_S = WINDOW_FRAMES / FRAME_RATE


def scale_song(name: str = "scale", bars: int = 8) -> NoteSong:
    """A scale with a bass note under each bar, at 120 BPM."""
    beats = 4 * bars
    melody = [(12 * i, 0, 60 + i % 12, 12, 70 + i % 30) for i in range(beats)]
    bass = [(48 * i, 2, 36, 48, 60) for i in range(bars)]
    notes = np.array(sorted(melody + bass), np.int64)
    return measured(
        name, Key(0, "major"), (4,) * bars, np.full(beats, 120.0), np.ones(beats, np.int64), notes
    )


SONG = scale_song()


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    return Teacher(Path(pretty_midi.__file__).parent / "TimGM6mb.sf2", "midirenderer")


def examples_of(teacher: Teacher, size: int = 2, **settings) -> RendererExamples:
    data = RendererData(windows=1, drum_share=0.3, **settings)
    return RendererExamples({"pop909": [SONG]}, data, teacher, size, seed=3)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000))
def test_takes_keep_to_ranges_and_order(seed):
    rng = np.random.default_rng(seed)
    for take in (song_take(rng, SONG, RendererData(), 3.0), drum_take(rng, 3.0)):
        assert take.program in take.family.programs
        assert take.notes == tuple(sorted(take.notes))
        last: dict[int, float] = {}
        for note in take.notes:
            assert take.family.lowest <= note.pitch <= take.family.highest
            assert 1 <= note.velocity <= 127
            assert -LEAD_S <= note.start_s <= note.end_s
            assert note.start_s >= last.get(note.pitch, -LEAD_S)
            last[note.pitch] = note.end_s


def test_every_family_has_its_turn():
    rng = np.random.default_rng(0)
    seen = {song_take(rng, SONG, RendererData(), 3.0).family.name for _ in range(300)}
    assert seen | {"drums"} == {family.name for family in FAMILIES}


def test_the_batch_of_a_step_is_that_of_any_run(teacher):
    first, again = (examples_of(teacher)[7] for _ in range(2))
    other = examples_of(teacher)[8]
    assert first.wave.shape == (2, WINDOW_FRAMES * HOP + 2 * MARGIN)
    assert torch.equal(first.wave, again.wave)
    assert torch.equal(first.notes.frame, again.notes.frame)
    assert not torch.equal(first.wave, other.wave)


def test_processes_play_what_one_would(teacher):
    examples = examples_of(teacher)
    alone, many = Feed(examples, 0), Feed(examples, 1)
    for step in (4, 5):
        assert torch.equal(alone.batch(step).wave, many.batch(step).wave)


def test_sound_and_notes_stand_on_the_same_frames(teacher):
    onsets = (0.5, 1.2, 2.0)
    notes = tuple(Note(t, t + 0.3, 60, 110) for t in onsets)
    take = Take(FAMILY_OF[0], 0, notes)
    wave, notes = next(windows(take, teacher, RendererData(windows=1)))
    mel = log_mel(torch.from_numpy(wave)[None])[0]
    assert mel.shape[1] == WINDOW_FRAMES
    assert float(mel[:, : round(0.45 * FRAME_RATE)].max()) == pytest.approx(SILENCE)
    rises = (mel[:, 2:] - mel[:, :-2]).clamp(min=0).sum(dim=0)
    for onset in onsets:
        near = slice(round((onset - 0.1) * FRAME_RATE), round((onset + 0.1) * FRAME_RATE))
        rise = near.start + int(rises[near].argmax()) + 1
        assert abs((rise + 0.5) / FRAME_RATE - onset) < 0.03
        struck = notes.frame[(notes.age_s >= 0) & (notes.age_s < 1 / FRAME_RATE)]
        assert int((struck - onset * FRAME_RATE).abs().min()) <= 1


def test_notes_held_from_before_the_take_sound_in_it(teacher):
    take = Take(FAMILY_OF[48], 48, (Note(-3.0, 2.0, 60, 100),))
    wave, notes = next(windows(take, teacher, RendererData(windows=1)))
    assert np.sqrt(np.mean(wave[:HOP] ** 2)) > 1e-3
    assert float(notes.age_s[0]) == pytest.approx(3.0, abs=0.01)


def test_a_teacher_that_cannot_play_says_so(tmp_path):
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(b"nothing")
    with pytest.raises(SoundfontError, match="is not a soundfont"):
        Teacher(broken)
    with pytest.raises(EngineError, match="is no engine"):
        Teacher(None, "orchestra")


def test_one_step_pulls_critic_and_vocoder_apart():
    torch.manual_seed(0)
    critic = Critic(channels=4)
    wave = torch.randn(2, 32 * HOP)
    said = (0.1 * torch.randn(2, 32 * HOP)).requires_grad_()
    sum(persuasion_losses(critic, said, wave)).backward()
    assert float(said.grad.abs().sum()) > 0
    assert all(p.grad is None for p in critic.parameters())
    said.grad = None
    critic_loss(critic, said, wave).backward()
    assert said.grad is None
    assert all(p.grad is not None for p in critic.parameters())


def test_training_the_denoiser_lowers_its_error(teacher, tmp_path):
    torch.manual_seed(0)
    config = DenoiserConfig(d_model=32, hidden=64, layers=1, d_notes=16)
    examples = examples_of(teacher)
    batch = examples[0]

    class OneBatch(Feed):
        def batch(self, step):
            return batch

    feed = OneBatch(examples, 0)
    task = FlowTask(FlowTraining(config), feed, [batch], FlowObjective())
    with torch.no_grad():
        before = task.validate()["loss"]
    quick = TrainSettings(
        steps=40, batch_size=2, learning_rate=5e-3, warmup=2, ema_decay=0.8, eval_every=40,
        precision="32-true", accelerator="cpu",
    )  # fmt: skip
    assert train(task, quick, tmp_path)["loss"] < 0.7 * before


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


@pytest.mark.parametrize("stage", train_renderer.STAGES)
def test_a_stage_from_the_command_line_to_weights_in_two_sittings(stage, monkeypatch, tmp_path):
    songs = [scale_song(f"song {i}", bars=2) for i in range(10)]
    monkeypatch.setattr(corpora, "load_songs", lambda *args, **kwargs: songs)
    monkeypatch.setattr(train_renderer, "VALIDATION_BATCHES", 1)
    tim = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
    sizes = {
        "vocoder": ["d_model=16", "hidden=16", "layers=1"],
        "diffusion": ["d_model=16", "hidden=16", "layers=1", "d_notes=8"],
    }
    quick = ["train.precision='32-true'", "train.accelerator='cpu'", "train.batch_size=1"]
    quick += ["data.windows=1", "train.eval_every=2", *(f"model.{s}" for s in sizes[stage])]
    quick += ["loss.adversarial_from=1", "loss.crop=32"] if stage == "vocoder" else []
    changes = [word for change in quick for word in ("--set", change)]
    arguments = ["--stage", stage, "--data", "none", "--soundfont", str(tim), *changes]
    arguments += ["--engine", "midirenderer", "--out", str(tmp_path)]
    for steps in ("1", "2"):
        train_renderer.main([*arguments, "--steps", steps])
    notes = safe_open(tmp_path / stage / "last.safetensors", "pt").metadata()
    assert notes["step"] == "2"
    name = "vocoder" if stage == "vocoder" else "denoiser"
    assert load_file(tmp_path / "renderer" / name / "weights.safetensors")
    with pytest.raises(WeightsError, match=r"no (vocoder|denoiser) at"):
        load_renderer(tmp_path / "renderer")  # the other stage has not been trained
