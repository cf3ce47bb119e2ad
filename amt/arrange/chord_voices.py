"""Registers of harmony and pad: how high and how thick their chords are.

Constants without a source were set by hand; ``tests/arrange/test_effects.py`` states the least
effect of each.
"""

from __future__ import annotations

import numpy as np

from amt.arrange.form import Cell, Form, integral
from amt.arrange.harmony_voices import lead_voices, thin
from amt.arrange.styles import Instrument
from amt.types import TICKS_PER_BEAT, Plan

THIN_DENSITY = 5.0
"""Notes per second below which the pad has one voice less."""
SPEECH_SEMITONES = 5
"""Semitones by which chords lie lower while somebody speaks, further from the formants of vowels
(300 to 3,000 Hz)."""
REGISTERS = (-3, 0, 4)
"""Semitones by which a section may be shifted, so that sections differ in register."""
AROUSAL_SEMITONES, VALENCE_SEMITONES = 4.0, 2.0
"""Semitones by which chords are higher at arousal or valence 1 than at 0 (high pitch expresses
happiness, low pitch sadness: Juslin and Laukka, Psychological Bulletin 129, 2003)."""

Voicing = tuple[int, ...]
"""Rising MIDI notes."""


def section_shifts(sections: int, seed: int) -> tuple[int, ...]:
    """Return the shifts of the sections in semitones: 0 for the first, then always another one."""
    rng = np.random.default_rng([seed, sections])
    shifts = [0]
    while len(shifts) < sections:
        shifts.append(int(rng.choice([s for s in REGISTERS if s != shifts[-1]])))
    return tuple(shifts)


def led_voices(
    form: Form, player: Instrument | None, voices: int, shifts: tuple[int, ...]
) -> tuple[Voicing, ...]:
    """Return the voicings [regions] of an instrument; empty under no chord or without it.

    Args:
        form: of the piece.
        player: the instrument.
        voices: of each chord, 3 or 4.
        shifts: [sections] semitones.
    """
    if player is None:
        return ((),) * len(form.regions)
    sounding = [i for i, region in enumerate(form.regions) if region.chord.root is not None]
    cells = [form.cell_at(form.regions[i].start) for i in sounding]
    centres = [
        _centre(cell, player)
        + shifts[cell.section]
        - SPEECH_SEMITONES * form.is_spoken(form.regions[i].start)
        for cell, i in zip(cells, sounding, strict=True)
    ]
    chords = [form.regions[i].chord for i in sounding]
    led = lead_voices(chords, voices, player.low, player.high, np.array(centres))
    voicings: list[Voicing] = [()] * len(form.regions)
    for i, voicing in zip(sounding, led, strict=True):
        voicings[i] = voicing
    return tuple(voicings)


def thinned(form: Form, plan: Plan, pad: tuple[Voicing, ...]) -> tuple[Voicing, ...]:
    """Return the pad with two voices where the plan is thin: three onsets would exceed its density.

    The final chord keeps three: no other instrument may be playing it.
    """
    ticks = [region.start for region in form.regions] + [form.end]
    edges = plan.grid.seconds_at(np.array(ticks) / TICKS_PER_BEAT)
    density = integral(plan.density, edges) / np.maximum(np.diff(edges), 1e-9)
    density[-1] = THIN_DENSITY
    return tuple(
        thin(voicing, region.chord) if voicing and notes < THIN_DENSITY else voicing
        for voicing, region, notes in zip(pad, form.regions, density, strict=True)
    )


def _centre(cell: Cell, player: Instrument) -> float:
    """MIDI note around which chords lie: the middle of the range, moved by the mood."""
    middle = (player.low + player.high) / 2
    return middle + AROUSAL_SEMITONES * cell.arousal + VALENCE_SEMITONES * cell.valence
