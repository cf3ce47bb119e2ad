"""Takes of the neural renderer's teacher: in range and order, and played as they are drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.chords import Key
from data_prep.note_song import NoteSong, measured
from experiments.renderer.data import (
    LEAD_S,
    RendererData,
    Take,
    Teacher,
    drum_study,
    drum_take,
    groove_take,
    song_take,
    study_take,
    with_pedal,
)
from render.diffusion.instruments import FAMILIES, FAMILY_OF
from render.diffusion.mel import FRAME_RATE, SILENCE, log_mel, padded
from render.errors import EngineError, SoundfontError
from render.score import Note


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


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000))
def test_takes_keep_to_ranges_and_order(seed):
    rng = np.random.default_rng(seed)
    song = song_take(rng, SONG, RendererData(), 3.0)
    studies = (study_take(rng, FAMILY_OF[46], 46, 3.0), drum_study(rng, 3.0))
    for take in (song, with_pedal(song, 1.5), drum_take(rng, 3.0), *studies):
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


def test_a_family_that_is_asked_for_is_not_drawn():
    asked = replace(FAMILY_OF[48], programs=(49,))
    take = song_take(np.random.default_rng(0), SONG, RendererData(), 3.0, asked)
    assert (take.family, take.program) == (asked, 49)


def test_a_pedal_holds_notes_to_the_next_bar_or_the_next_of_their_pitch():
    take = Take(
        FAMILY_OF[0], 0, (Note(0.1, 0.3, 60, 80), Note(0.7, 0.8, 60, 80), Note(1.2, 2.5, 64, 80))
    )
    assert [n.end_s for n in with_pedal(take, 1.0).notes] == [0.7, 1.0, 2.5]


def test_a_drummers_pads_become_keys_of_the_kit(tmp_path):
    track = mido.MidiTrack()
    for key in (36, 22, 26):
        track.append(mido.Message("note_on", note=key, velocity=90, channel=9, time=240))
    mido.MidiFile(tracks=[track]).save(tmp_path / "groove.mid")
    take = groove_take(np.random.default_rng(0), tmp_path / "groove.mid", 3.0)
    assert {note.pitch for note in take.notes} <= {36, 42, 46}
    assert len(take.notes) >= 2


def test_sound_and_notes_stand_on_the_same_frames(teacher):
    onsets = (0.5, 1.2, 2.0)
    take = Take(FAMILY_OF[0], 0, tuple(Note(t, t + 0.3, 60, 110) for t in onsets))
    mel = log_mel(padded(torch.from_numpy(teacher.play(take, 3.0))[None]))[0]
    rises = (mel[:, 2:] - mel[:, :-2]).clamp(min=0).sum(dim=0)
    for onset in onsets:
        onset += LEAD_S
        near = slice(round((onset - 0.1) * FRAME_RATE), round((onset + 0.1) * FRAME_RATE))
        rise = near.start + int(rises[near].argmax()) + 1
        assert abs((rise + 0.5) / FRAME_RATE - onset) < 0.03
    assert float(mel[:, : round((LEAD_S + 0.4) * FRAME_RATE)].max()) == pytest.approx(SILENCE)


def test_a_teacher_that_cannot_play_says_so(tmp_path):
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(b"nothing")
    with pytest.raises(SoundfontError, match="is not a soundfont"):
        Teacher(broken)
    with pytest.raises(EngineError, match="is no engine"):
        Teacher(None, "orchestra")
