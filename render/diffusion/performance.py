"""What players of single bowed, blown or electronic voices do that a soundfont does not.

Conventions: programs are those of General MIDI, counted from 0; ages are seconds since a note's
onset. Every function depends on single notes, or on neighbours in one list, never on where a window
begins, so a stream sounds the same however it is divided.

* Vibrato: pitch oscillates once a note has been held for a while.
* Slurs: notes that follow each other without a rest overlap a little, so that the sound does not
  sink between them.
* Expression: what is bowed or blown more softly is darker, too, not only softer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from render.score import Note

FloatArray = NDArray[np.float64]

# --- vibrato ----------------------------------------------------------------------------------

VIBRATO_SEMITONES: Mapping[int, float] = {
    40: 0.2, 41: 0.2, 42: 0.18, 52: 0.12, 56: 0.1, 57: 0.08, 68: 0.12, 70: 0.08, 73: 0.15,
    80: 0.15, 81: 0.15,
}  # fmt: skip
"""Program -> most deviation from the written pitch. Violinists and violists: about 0.2 to each side
(Geringer & Allen 2004); woodwind and brass less (Gilbert et al. 2005). Choir and leads: set by
hand. Clarinet and horn are played without, sections of strings have their own in the samples."""
VIBRATO_DELAY_S, VIBRATO_RISE_S = 0.3, 0.5
"""Age at which vibrato begins, and the time in which it grows to its full depth."""
VIBRATO_LEAST_S = 0.5
"""Shorter notes have none."""
_RATE_HZ, _RATE_SPREAD = 5.6, 0.06
"""Of an oscillation (Seashore 1938: 5 to 7 Hz), and by how much notes differ, as a share."""
_DEPTH_SPREAD = 0.25
_STEPS = ((math.sqrt(5) - 1) / 2, math.sqrt(2) - 1)
"""Fractions of an onset's centiseconds times these spread rate and depth evenly over notes."""


@dataclass(frozen=True, slots=True)
class Vibrato:
    """A slow oscillation of a note's pitch.

    Attributes:
        semitones: largest deviation.
        rate_hz: oscillations a second.
    """

    semitones: float
    rate_hz: float

    def deviation(self, age_s: FloatArray) -> FloatArray:
        """Semitones [b] above the written pitch at b ages."""
        since = np.maximum(age_s - VIBRATO_DELAY_S, 0.0)
        depth = self.semitones * np.minimum(since / VIBRATO_RISE_S, 1.0)
        return np.asarray(depth * np.sin(2 * np.pi * self.rate_hz * since))

    def ahead_s(self, age_s: FloatArray) -> FloatArray:
        """Seconds [b] by which the oscillation of a partial is ahead of one without vibrato.

        The integral of the frequency ratio less 1, which for so small a deviation is proportional
        to it: a partial of f Hz has turned f·(age + ahead) times since its onset.
        """
        omega = 2 * np.pi * self.rate_hz
        since = np.maximum(age_s - VIBRATO_DELAY_S, 0.0)
        rising = np.minimum(since, VIBRATO_RISE_S)
        turned = omega * rising
        integral = (np.sin(turned) / omega - rising * np.cos(turned)) / (omega * VIBRATO_RISE_S)
        integral += (np.cos(turned) - np.cos(omega * since)) / omega
        return np.asarray(math.log(2) / 12 * self.semitones * integral)


def vibrato_of(program: int, onset_s: float, held_s: float) -> Vibrato | None:
    """The vibrato of a note; None where it has none.

    Rate and depth differ from note to note, as a function of the onset alone.

    Args:
        program: of its instrument.
        onset_s: when it begins, in seconds.
        held_s: for how long it is held.
    """
    depth = VIBRATO_SEMITONES.get(program)
    if depth is None or held_s < VIBRATO_LEAST_S:
        return None
    number = round(100 * onset_s)
    rate, deep = (2 * (number * step % 1.0) - 1 for step in _STEPS)
    return Vibrato(
        depth * (1 + _DEPTH_SPREAD * deep), _RATE_HZ * (1 + _RATE_SPREAD * rate)
    )  # fmt: skip


# --- slurs ------------------------------------------------------------------------------------

SLURRED = frozenset({40, 41, 42, 43, 44, 48, 49, 52, 56, 57, 58, 60, 61, 68, 70, 71, 73, 80, 81})
"""Programs whose notes connect: bowed, blown, sung, and electronic leads."""
SLUR_GAP_S = 0.03
"""A note that ends no longer before the next, or overlaps it less, is slurred to it."""
SLUR_OVERLAP_S = 0.07
"""For how long a slurred note is held into the next: about what the strings of FluidR3 take to
speak."""
MOST_SLURRED_SEMITONES = 12


def connected(notes: Sequence[tuple[Note, int]]) -> list[tuple[Note, int]]:
    """Notes with their programs, the slurred ones held a little into the next.

    A note is slurred to the one that begins about when it ends, at another pitch not more than an
    octave away, on the same program. Where it is not clear which one that is, because several
    begin, it is the nearest in pitch. Of two notes of one pitch the first is never held into the
    second.

    Args:
        notes: (note, program) in any order.
    """
    by_program: dict[int, list[Note]] = {}
    for note, program in notes:
        by_program.setdefault(program, []).append(note)
    found: list[tuple[Note, int]] = []
    for program, played in by_program.items():
        if program not in SLURRED:
            found += [(note, program) for note in played]
            continue
        ordered = sorted(played)
        onsets = np.array([note.start_s for note in ordered])
        found += [(_held_into_next(note, ordered, onsets), program) for note in ordered]
    return found


def _held_into_next(note: Note, ordered: Sequence[Note], onsets: FloatArray) -> Note:
    low, high = np.searchsorted(onsets, (note.end_s - SLUR_GAP_S, note.end_s + SLUR_GAP_S))
    following = [n for n in ordered[int(low) : int(high)] if n.start_s > note.start_s]
    if not following or any(n.pitch == note.pitch for n in following):
        return note
    interval = min(abs(n.pitch - note.pitch) for n in following)
    if interval > MOST_SLURRED_SEMITONES:
        return note
    start_s = min(n.start_s for n in following if abs(n.pitch - note.pitch) == interval)
    end_s = max(note.end_s, start_s + SLUR_OVERLAP_S)
    later = int(np.searchsorted(onsets, end_s + SLUR_GAP_S))
    again = [n.start_s for n in ordered[int(low) : later]
             if n.pitch == note.pitch and n.start_s > note.start_s]  # fmt: skip
    return replace(note, end_s=max(min([end_s, *again]), note.end_s))


# --- expression -------------------------------------------------------------------------------

DARKENED = frozenset({40, 41, 42, 43, 44, 48, 49, 52, 56, 57, 58, 60, 61, 68, 70, 71, 73})
"""Programs whose overtones fade before their fundamentals: bowed, blown and sung."""
DARK_HZ = 1500.0
"""What is above fades more."""
DARKENING = 0.5
"""dB by which the upper band falls further for each dB that expression takes from the whole. Set by
hand, about as Luce (1975) has it for a trumpet's upper partials."""


def upper_band(expression: FloatArray) -> FloatArray:
    """Factors of the band above :data:`DARK_HZ` at values 0-127 of controller 11.

    The whole follows 40 log10(value / 127) dB (General MIDI level 2), which is applied elsewhere.
    """
    return np.asarray((np.clip(expression, 0, 127) / 127) ** (2 * DARKENING))
