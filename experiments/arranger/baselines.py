"""What the arranger is compared with: patterns on a song's own chords, and a bigram model of notes.

Both are given what the arranger is given. The patterns are those of :mod:`amt.arrange.patterns`;
the bigram model counts, so it depends on no more than the previous word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from amt.arrange import arrange_patterns
from amt.chords import chord_from_id
from amt.features.emotion import circumplex
from amt.models.notes.tokens import (
    BAR,
    DURATION,
    FIRST_POSITION,
    ONSET,
    PITCH,
    POSITION,
    RESOLUTION,
    ROLE,
    ROLES,
    TICKS_PER_POSITION,
    VELOCITY,
    VOCABULARY,
    snap,
    to_words,
)
from amt.types import ChordSpan, FloatArray, IntArray, Plan, Song, TimeGrid
from data_prep.note_song import NoteSong

STYLE = "piano"
"""POP909 and EMOPIA are piano music."""
_SMOOTHING = 0.1
"""How many words everything that may come counts as beforehand, by how common it is at all."""
CERTAINTY = 6.0
"""Sharpness of a piece's emotion: its mood is known from a label, not guessed from pictures."""


# --- patterns ---------------------------------------------------------------------------------


def plan_of(piece: NoteSong, seed: int) -> Plan:
    """The plan that asks for a piece: its beats, chords, density and loudness second by second."""
    beats_s = np.concatenate([[0.0], np.cumsum(60 / piece.tempo_bpm)])
    seconds = np.arange(int(np.ceil(beats_s[-1])), dtype=np.float64) + 0.5
    beat = np.searchsorted(beats_s[1:-1], seconds, side="right")
    bar = np.repeat(np.arange(len(piece.bars)), piece.bars)[beat]
    changes = np.flatnonzero(np.diff(piece.chords, prepend=-1)).tolist()
    affect = piece.affect or (0.0, 0.0)
    return Plan(
        grid=TimeGrid(beats_s, piece.bars),
        key=piece.key,
        chords=tuple(ChordSpan(b, chord_from_id(int(piece.chords[b]))) for b in changes),
        # Patterns play an RMS value at its square root (amt.arrange.dynamics).
        loudness=piece.loudness[bar] ** 2,
        density=piece.density[bar] * piece.tempo_bpm[beat] / 60,
        emotion=np.tile(circumplex(np.array([affect]), CERTAINTY), (len(seconds), 1)),
        style=STYLE,
        seed=seed,
    )


def notes_of(song: Song) -> IntArray:
    """Snapped notes [n, 5] of the pitched tracks, all as harmony."""
    rows = [
        (note.start, list(ROLES).index("harmony"), note.pitch, note.end - note.start, note.velocity)
        for track in song.tracks
        if not track.is_drum
        for note in track.notes
    ]
    notes = np.array(rows, dtype=np.float64).reshape(-1, 5)
    last = song.end // TICKS_PER_POSITION - 1
    notes[:, ONSET] = np.rint(notes[:, ONSET] / TICKS_PER_POSITION).clip(max=last)
    notes[:, DURATION] = np.rint(notes[:, DURATION] / TICKS_PER_POSITION).clip(min=1)
    return snap(notes.astype(np.int64))


def arranged_by_patterns(piece: NoteSong, seed: int) -> tuple[NoteSong, Song]:
    """The patterns' answer to a piece's own plan, on the grid and as a DAW sees it."""
    song = arrange_patterns(plan_of(piece, seed))
    return replace(piece, notes=notes_of(song)), song


# --- bigrams ----------------------------------------------------------------------------------


class NoteBigram:
    """Each column of a word drawn given the same column of the word before, as counted.

    A place follows a place; a role follows a role and whether the place is the same; a pitch
    follows a role and its pitch, by its own role, and whether place and role are the same; lengths
    and velocities follow those before, by their own role. Like the arranger it draws nothing that
    would leave the order of words or the bar.

    Args:
        pieces: training songs, all in C major or A minor.
    """

    def __init__(self, pieces: Sequence[NoteSong]) -> None:
        places, roles, pitches, durations, velocities = VOCABULARY
        self._place = np.zeros((places, places))
        self._role = np.zeros((2, roles, roles))
        self._pitch = np.zeros((roles, 2, roles, pitches, pitches))
        self._duration = np.zeros((roles, durations, durations))
        self._velocity = np.zeros((roles, velocities, velocities))
        for piece in pieces:
            self._count(to_words(piece.notes, piece.bars))
        self._backed_off()

    def write(self, bars: Sequence[int], generator: np.random.Generator) -> IntArray:
        """Words [m, 5] of a piece of these bars."""
        words = [(BAR, 0, 0, 0, 0)]
        for beats in bars:
            end = FIRST_POSITION + RESOLUTION * beats
            while True:
                words.append(self._next(words[-1], end, generator))
                if words[-1][POSITION] == BAR:
                    break
        return np.array(words, dtype=np.int64)

    def _count(self, words: IntArray) -> None:
        before, now = words[:-1], words[1:]
        np.add.at(self._place, (before[:, POSITION], now[:, POSITION]), 1)
        is_note = now[:, POSITION] >= FIRST_POSITION
        before, now = before[is_note], now[is_note]
        same = before[:, POSITION] == now[:, POSITION]
        same_role = same & (before[:, ROLE] == now[:, ROLE])
        role = now[:, ROLE]
        np.add.at(self._role, (same.astype(int), before[:, ROLE], role), 1)
        key = (role, same_role.astype(int), before[:, ROLE], before[:, PITCH], now[:, PITCH])
        np.add.at(self._pitch, key, 1)
        np.add.at(self._duration, (role, before[:, DURATION], now[:, DURATION]), 1)
        np.add.at(self._velocity, (role, before[:, VELOCITY], now[:, VELOCITY]), 1)

    def _backed_off(self) -> None:
        """Add what follows at all, whatever is before, so that nothing allowed is impossible."""
        self._place += _SMOOTHING * _shares(self._place.sum(axis=0))
        self._role += _SMOOTHING * _shares(self._role.sum(axis=(0, 1)))
        for counts in (self._pitch, self._duration, self._velocity):
            others = tuple(range(1, counts.ndim - 1))
            counts += _SMOOTHING * _shares(counts.sum(axis=others, keepdims=True))

    def _next(
        self, before: tuple[int, ...], end: int, generator: np.random.Generator
    ) -> tuple[int, int, int, int, int]:
        last_place, last_role, last_pitch, last_duration, last_velocity = before
        is_highest = last_pitch == VOCABULARY[PITCH] - 1
        is_full = is_highest and last_role == VOCABULARY[ROLE] - 1
        weights = self._place[last_place].copy()
        weights[0] = weights[end:] = weights[FIRST_POSITION : last_place + is_full] = 0
        place = _drawn(weights, generator)
        if place == BAR:
            return BAR, 0, 0, 0, 0
        same = place == last_place
        weights = self._role[int(same), last_role].copy()
        weights[: last_role + is_highest if same else 1] = 0
        role = _drawn(weights, generator)
        same = same and role == last_role
        weights = self._pitch[role, int(same), last_role, last_pitch].copy()
        weights[: last_pitch + 1 if same else 1] = 0
        pitch = _drawn(weights, generator)
        duration, velocity = (
            _drawn(np.concatenate([[0], table[role, last, 1:]]), generator)
            for table, last in ((self._duration, last_duration), (self._velocity, last_velocity))
        )
        return place, role, pitch, duration, velocity


def _shares(counts: FloatArray) -> FloatArray:
    """Counts [..., V] as shares of the last axis, none of them 0."""
    smooth = counts + 1e-6
    return np.asarray(smooth / smooth.sum(axis=-1, keepdims=True))


def _drawn(weights: FloatArray, generator: np.random.Generator) -> int:
    """An index, as likely as its weight [V]."""
    total = np.cumsum(weights)
    return int(np.searchsorted(total, generator.random() * total[-1], side="right"))
