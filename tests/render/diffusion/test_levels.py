"""The predictor's surfaces as the levels of a source."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from render.diffusion.excitation import excitation, partial_hz
from render.diffusion.levels import LearnedLevels
from render.diffusion.mel import HOP, MARGIN, SAMPLE_RATE, log_mel
from render.diffusion.predictor import AGES_S
from render.diffusion.tokens import collate, frame_notes, note_table
from render.score import Note

FLUTE = 73
TABLE = note_table([(Note(0.2, 0.8, 60, 90), FLUTE), (Note(0.3, 0.9, 60, 90), FLUTE)])


@pytest.fixture
def levels(renderer):
    with torch.no_grad():
        return LearnedLevels.of(renderer.predictor, TABLE)


def test_equal_notes_share_a_surface(levels):
    assert levels.surface_of.tolist() == [0, 0]
    assert len(levels.surfaces_partials) == 1


def test_a_held_note_is_played_at_its_surface(renderer, levels):
    """At the age of a knot, a partial at a band's peak has the level that was drawn."""
    with torch.no_grad():
        drawn = renderer.predictor.notes(*(torch.tensor([x]) for x in (60, 90, 0)))
    hz = partial_hz(60, FLUTE)
    found = levels.partials(0, hz, np.array([AGES_S[7], AGES_S[9]]))
    surface = levels.surfaces_partials[0][[7, 9]]
    assert drawn.partials.shape[1:] == levels.surfaces_partials[0].shape
    assert (np.log(found) <= surface.max(axis=1, keepdims=True) + 1e-5).all()
    assert (np.log(found) >= surface.min(axis=1, keepdims=True) - 1e-5).all()


def test_a_released_note_falls_as_was_drawn(levels):
    hz = partial_hz(60, FLUTE)[:3]
    held, released = levels.partials(0, hz, np.array([0.55, 0.8]))
    assert (released < held).all()


def test_the_source_alone_has_the_spectrum_that_the_notes_predict(renderer, levels):
    """Amplitudes are in the scale of the spectrogram: no filter is needed for a steady note."""
    n_frames = 90
    pairs = collate([frame_notes(TABLE, 0, n_frames)], n_frames)
    with torch.no_grad():
        predicted = renderer.predictor(pairs, 1, n_frames)
    wave = excitation(TABLE, -MARGIN, n_frames * HOP + MARGIN, levels)
    found = log_mel(torch.from_numpy(wave)[None])
    peak = predicted.prior[0, :, 45].argmax()
    steady = slice(round(0.45 * SAMPLE_RATE / HOP), round(0.7 * SAMPLE_RATE / HOP))
    gap = (found[0, peak, steady] - predicted.prior[0, peak, steady]).mean()
    assert abs(float(gap)) < 0.15
