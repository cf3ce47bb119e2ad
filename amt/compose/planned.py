"""What is planned of the chord in a slot, before the composer chooses.

A *degree* is the distance of a root above the tonic in semitones, 0-11; the key may change from
section to section, and degrees count from the tonic of the slot's own key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class PlannedChord(NamedTuple):
    """A chord on some degree."""

    degree: int
    qualities: tuple[str, ...] = ()
    """Qualities of :data:`amt.chords.QUALITIES` of which one must come; empty leaves the chord to
    the composer, and the degree is then a suggestion."""
    pedal: int | None = None
    """Degree that the bass holds below the chord, if it does."""

    @property
    def is_exact(self) -> bool:
        """Whether the chord must come."""
        return bool(self.qualities)

    def same_chord(self, other: PlannedChord) -> bool:
        """Whether the same chord is planned as in another slot, whatever the bass."""
        return (self.degree, self.qualities) == (other.degree, other.qualities)


def runs(plan: Sequence[PlannedChord]) -> list[range]:
    """The slots of each chord of a plan, one range a chord.

    >>> runs([PlannedChord(0), PlannedChord(0), PlannedChord(7)])
    [range(0, 2), range(2, 3)]
    """
    starts = [i for i, chord in enumerate(plan) if i == 0 or not chord.same_chord(plan[i - 1])]
    ends = [*starts[1:], len(plan)][: len(starts)]
    return [range(a, b) for a, b in zip(starts, ends, strict=True)]
