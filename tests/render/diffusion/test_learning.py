"""Both networks learn a second of sound when they are trained on nothing else."""

from __future__ import annotations

import math

import torch

from render.diffusion.denoiser import SPREAD, Denoiser, DenoiserConfig, flow_loss, texture
from render.diffusion.mel import HOP, N_FFT, N_MELS, SAMPLE_RATE, SILENCE, log_mel, mel_filters
from render.diffusion.mel import padded as with_margins
from render.diffusion.predictor import Predictor, PredictorConfig
from render.diffusion.tokens import collate, frame_notes, note_table
from render.score import Note

FRAMES = 96
NOTES = [Note(0.05, 0.4, 57, 80), Note(0.45, 0.9, 64, 110)]


def melody() -> torch.Tensor:
    """A second of two tones [1, L] that die away, louder the second time."""
    time = torch.arange(FRAMES * HOP) / SAMPLE_RATE
    wave = torch.zeros_like(time)
    for note in NOTES:
        age = (time - note.start_s).clamp(min=0)
        hz = 440 * 2 ** ((note.pitch - 69) / 12)
        sounding = (time >= note.start_s) & (time < note.end_s)
        level = note.velocity / 127 * torch.exp(-3 * age) * sounding
        wave += level * sum(torch.sin(2 * math.pi * h * hz * age) / h for h in (1, 2, 3))
    return 0.2 * wave[None]


def pairs_of(notes, n_frames=FRAMES):
    table = note_table([(note, 73) for note in notes])
    return collate([frame_notes(table, 0, n_frames)], n_frames)


def test_the_predictor_learns_what_the_notes_sound_like():
    torch.manual_seed(0)
    mel = log_mel(with_margins(melody()))
    network = Predictor(PredictorConfig(d_note=48, d_key=4, d_model=32, hidden=48, layers=2))
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(120):
        found = network(pairs_of(NOTES), 1, FRAMES)
        loss = (found.mel - mel).abs().mean() + (found.prior - mel).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.25 * losses[0]
    nothing = torch.full((1, N_MELS, FRAMES), SILENCE)
    error = float((found.mel - mel).detach().abs().mean())
    assert error < 0.25 * float((nothing - mel).abs().mean())


def test_before_anything_is_learned_a_note_sounds_as_a_harmonic_series():
    network = Predictor(PredictorConfig(d_note=16, d_key=4, d_model=16, hidden=16, layers=1))
    loud, soft = (network(pairs_of([Note(0.2, 0.5, 69, v)]), 1, FRAMES).prior[0] for v in (110, 40))
    assert float(loud[:, :12].detach().max()) < SILENCE + 0.01
    bins = torch.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)
    fundamental = int((mel_filters() @ (bins - 440).abs().lt(12).float()).argmax())
    during = loud[:, 30].detach()
    assert int(during[:30].argmax()) == fundamental
    assert float(during[fundamental] - during[fundamental + 4]) > 1
    assert float((soft[:, 30] - loud[:, 30]).detach().max()) < 0


def test_padding_of_a_batch_changes_nothing():
    torch.manual_seed(0)
    network = Predictor(PredictorConfig(d_note=16, d_key=4, d_model=16, hidden=16, layers=1))
    torch.nn.init.normal_(network.proj_out.weight, std=0.1)
    alone = frame_notes(note_table([(note, 73) for note in NOTES]), 0, FRAMES)
    other = frame_notes(note_table([(Note(0.2, 0.8, 50, 60), 0)]), 0, FRAMES)
    bare = network(alone, 1, FRAMES).mel
    assert torch.allclose(
        network(collate([alone, other], FRAMES), 2, FRAMES).mel[:1], bare, atol=1e-5
    )


def test_the_denoiser_learns_a_texture_and_draws_it():
    """Of a texture that is always the same, the network draws just that, in one step or in many."""
    torch.manual_seed(0)
    network = Denoiser(DenoiserConfig(d_model=32, hidden=64, layers=2))
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3)
    mel = torch.zeros(8, N_MELS, 32)
    true = torch.sin(torch.arange(N_MELS) / 4)[None, :, None].expand(8, -1, 32)
    for _ in range(150):
        noise, time = torch.randn(mel.shape), torch.rand(8)
        loss = flow_loss(network, true, noise, time, mel, mel).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for steps in (1, 5):
        with torch.no_grad():
            drawn = texture(network.eval(), mel, mel, torch.randn(mel.shape), steps)
        assert float((drawn / SPREAD - true).abs().mean()) < 0.25 * float(true.abs().mean())
