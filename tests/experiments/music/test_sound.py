"""Crescendi, mix and cuts, measured in the sound of real renderings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from amt.arrange import arrange, lead_ins
from amt.midi import write_midi
from amt.types import Cut, Plan, Section
from experiments.music import audio
from experiments.music.audio import Sound
from tests.arrange.plan_strategies import make_plan

SOUNDFONT = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
RISE_DB = np.linspace(-34.0, -18.0, 8)
"""Level of each second of a crescendo of 16 dB."""


def rendered(plan: Plan, folder: Path) -> Sound:
    midi = folder / "song.mid"
    write_midi(arrange(plan), midi)
    return audio.render(midi, plan.style, SOUNDFONT, "midirenderer")


def level(sound: Sound, start_s: float, end_s: float) -> float:
    frames = slice(round(start_s / audio.FRAME_S), round(end_s / audio.FRAME_S))
    return audio.level_db(sound.loudness[:, frames].sum(axis=0))


@pytest.mark.parametrize(("style", "density"), [("piano", 5.0), ("strings", 1.0)])
def test_a_planned_crescendo_is_measured_in_the_sound(style, density, tmp_path: Path) -> None:
    """Of a piano that strikes again and again, and of strings that hold one chord."""
    loudness = 10 ** (RISE_DB / 20)
    sound = rendered(
        make_plan(8, style=style, density=density, chords="Am", every=100, loudness=loudness),
        tmp_path,
    )
    planned = RISE_DB[4:6].mean() - RISE_DB[:2].mean()
    assert level(sound, 4, 6) - level(sound, 0, 2) >= 0.6 * planned


def test_repeated_notes_carry_a_piano_into_a_cut_that_is_marked(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(lead_ins, "_options", lambda **_: ("repeat",))
    plan = make_plan(16, density=6.0, chords="Am F", mood="exciting", cuts=(Cut(8.0, 1.0),))
    sections = (Section(0, "exciting"), Section(16, "exciting"))
    sound = rendered(replace(plan, sections=sections), tmp_path)
    assert audio.crescendo_db(sound, 8.0) > 2
    at_cut, before = audio.event_at(sound, 8.0), audio.event_at(sound, 4.0)
    assert at_cut.entry and not before.entry
    assert audio.balance_db(sound, "bass") < 0
    assert np.isnan(audio.melody_over_rest_db(sound))
