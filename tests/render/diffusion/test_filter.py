"""The filter that gives a sound a spectrogram and leaves it its phase."""

import numpy as np
import torch

from render.diffusion.excitation import excitation
from render.diffusion.filter import PASS_REACH, PASSES, filtered, overlap_added
from render.diffusion.mel import HOP, LOG_SCALE, MARGIN, N_FFT, SAMPLE_RATE, log_mel, padded, stft
from render.diffusion.tokens import note_table
from render.score import Note

REACH = PASS_REACH * PASSES
L = SAMPLE_RATE // HOP * HOP
DB = LOG_SCALE * 20 / np.log(10)


def source(pitch: int, onset_s: float = 0.2) -> torch.Tensor:
    table = note_table([(Note(onset_s, 0.9, pitch, 100), 73)])
    return torch.from_numpy(excitation(table, -MARGIN, L + MARGIN))[None]


def test_frames_that_nobody_changes_add_up_to_the_sound():
    wave = source(60)
    inner = overlap_added(stft(wave, N_FFT, HOP))
    middle = slice(N_FFT, -N_FFT)
    assert torch.allclose(inner[:, middle], wave[:, MARGIN:-MARGIN][:, middle], atol=1e-6)


def test_the_result_has_the_spectrogram_that_was_asked_for():
    asked = log_mel(padded(source(60)[:, MARGIN:-MARGIN] * 0.3))
    tilt = torch.linspace(0.2, -0.2, asked.shape[1])[:, None]
    wave = filtered(source(60), asked + tilt)
    audible = asked > asked.max() - 60 / DB
    error = (log_mel(padded(wave)) - asked - tilt).abs()[audible].mean() * DB
    assert error < 1.5


def test_what_one_pass_leaves_the_next_corrects():
    """Noise with the spectrogram of a tone: 5.2 dB off after one pass, 3.2 after three."""
    noise = 0.1 * torch.randn(1, L + 2 * MARGIN, generator=torch.Generator().manual_seed(0))
    asked = log_mel(padded(source(60)[:, MARGIN:-MARGIN]))
    audible = asked > asked.max() - 60 / DB
    error = (log_mel(padded(filtered(noise, asked))) - asked).abs()[audible].mean() * DB
    assert error < 3.6


def test_what_the_source_does_not_play_stays_silent():
    asked = log_mel(padded(source(60, 0.1)[:, MARGIN:-MARGIN]))
    wave = filtered(source(60, 0.5), asked)[0]
    assert wave[: round(0.4 * SAMPLE_RATE)].abs().max() < 1e-3 * wave.abs().max()


def test_a_frame_depends_on_no_frame_beyond_the_reach():
    wave = source(50)
    asked = log_mel(wave) - 0.2
    whole = filtered(wave, asked)
    first, last = 20, 70
    part = filtered(
        wave[:, first * HOP : last * HOP + 2 * MARGIN].contiguous(), asked[:, :, first:last]
    )
    kept = slice((first + REACH) * HOP, (last - REACH) * HOP)
    assert torch.allclose(part[:, REACH * HOP : -REACH * HOP], whole[:, kept], atol=1e-5)
