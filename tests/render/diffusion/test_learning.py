"""Both networks learn a second of sound when they are trained on nothing else."""

from __future__ import annotations

import math

import torch

from render.diffusion.denoiser import Denoiser, DenoiserConfig, flow_loss
from render.diffusion.mel import (
    HOP,
    N_FFT,
    N_MELS,
    SAMPLE_RATE,
    SILENCE,
    log_mel,
    mel_filters,
    padded,
)
from render.diffusion.sampler import CONTEXT_FRAMES, SamplerOptions, sample_mel
from render.diffusion.tokens import collate, frame_notes, note_table
from render.diffusion.vocoder import Vocoder, VocoderConfig
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


def test_the_denoiser_learns_what_the_notes_sound_like():
    torch.manual_seed(0)
    mel = log_mel(padded(melody()))
    table = note_table([(note, 0) for note in NOTES])
    length = CONTEXT_FRAMES + FRAMES
    notes = collate([frame_notes(table, -CONTEXT_FRAMES, length)] * 8, length)
    denoiser = Denoiser(DenoiserConfig(d_model=96, hidden=192, layers=3, d_notes=64))
    optimizer = torch.optim.AdamW(denoiser.parameters(), lr=3e-3)
    data = torch.cat([torch.full((1, N_MELS, CONTEXT_FRAMES), SILENCE), mel], dim=2).expand(
        8, -1, -1
    )
    known = (torch.arange(length) < CONTEXT_FRAMES).float().expand(8, -1)
    losses = []
    for _ in range(130):
        cond = denoiser.condition(notes, data, known)
        loss = flow_loss(denoiser, data, torch.randn(data.shape), torch.rand(8), cond)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) < 0.35 * sum(losses[:10])

    # What it draws is the melody, and far nearer to it than silence.
    drawn = next(sample_mel(denoiser.eval(), table, SamplerOptions(steps=4)))[None, :, :FRAMES]
    nothing = torch.full((1, N_MELS, FRAMES), SILENCE)
    assert float((drawn - mel).abs().mean()) < 0.5 * float((nothing - mel).abs().mean())


def test_the_vocoder_learns_to_say_a_spectrogram():
    torch.manual_seed(0)
    wave = melody()
    mel = log_mel(padded(wave))
    vocoder = Vocoder(VocoderConfig(d_model=64, hidden=128, layers=2))
    optimizer = torch.optim.AdamW(vocoder.parameters(), lr=3e-3)
    losses = []
    for _ in range(160):
        loss = (log_mel(padded(vocoder(mel))) - mel).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.35 * losses[0]


def test_before_anything_is_learned_a_note_sounds_as_a_harmonic_series():
    denoiser = Denoiser(DenoiserConfig(d_model=32, hidden=64, layers=1, d_notes=16))
    length = 64
    loud, soft = (
        frame_notes(note_table([(Note(0.2, 0.5, 69, velocity), 0)]), 0, length)
        for velocity in (110, 40)
    )
    silence, unknown = torch.zeros(1, N_MELS, length), torch.zeros(1, length)
    prior, softer = (denoiser.condition(n, silence, unknown).prior[0] for n in (loud, soft))
    before, during = prior[:, :12], prior[:, 30]
    assert float(before.detach().max()) < SILENCE + 0.01
    bands = mel_filters() @ (torch.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE) - 440).abs().lt(12).float()
    assert int(during.argmax()) == int(bands.argmax())
    assert float((softer[:, 30] - during).detach().max()) <= 0
    assert not denoiser.unconditional(denoiser.condition(loud, silence, unknown)).prior.any()
