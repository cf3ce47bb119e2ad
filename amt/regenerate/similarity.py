"""Similarity of a track of the plan and one of a file: notes, name, program, channel, range.

The kinds of evidence are combined as independent causes by a noisy-or: the doubt that remains is
the product of the doubts that each leaves (Pearl, *Probabilistic Reasoning in Intelligent Systems*,
1988, § 4.3.2). The weights were set by hand on the edits of ``tests/edited_midi.py``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple

from amt.types import TICKS_PER_BEAT

TOLERANCE = TICKS_PER_BEAT // 6
"""Ticks between the onsets of a pair of notes at most; quantising moves them by less."""
ENOUGH = 8
"""Notes from which the lack of common notes counts against a match."""

_NAME, _NAME_PART, _PROGRAM, _DRUMS, _RANGE, _CHANNEL = 0.8, 0.5, 0.5, 0.6, 0.2, 0.15
"""Similarity that each kind of evidence gives by itself, 0 to 1."""
_ALIKE_NAMES = 0.75
"""Ratio of :class:`difflib.SequenceMatcher` from which names count as alike."""
_CONTAINED = 0.8
"""Weight of the share of one track's notes in the other, where that has more notes."""
_TRANSPOSED = 0.3
"""Least gain in the share of common notes for which a transposition is assumed."""

Onset = tuple[int, int]
"""Start in ticks of the plan and pitch of a note."""


@dataclass(frozen=True, slots=True)
class Part:
    """The comparable properties of a track of the plan's song or of a file."""

    name: str
    onsets: tuple[Onset, ...]
    """Sorted."""
    program: int | None
    """None if the file gives none."""
    channel: int
    is_drum: bool
    port: int = 0


class Common(NamedTuple):
    """The notes that two parts have in common."""

    ours: frozenset[int]
    """Indices of them in the one part."""
    theirs: frozenset[int]
    """Indices in the other."""
    shift: int = 0
    """Semitones by which the other lies higher."""


class Similarity(NamedTuple):
    """The similarity of two parts, and the reasons for it."""

    score: float
    """0 to 1."""
    content: float
    """Of the notes alone."""
    common: Common
    reasons: tuple[str, ...]


def common_notes(
    ours: Sequence[Onset], theirs: Sequence[Onset], shift: int = 0, tolerance: int = TOLERANCE
) -> Common:
    """Pairs of notes of one pitch that begin together; each note is in one pair at most.

    Args:
        ours: sorted.
        theirs: sorted.
        shift: semitones by which ``theirs`` lie higher.
        tolerance: ticks by which the starts of a pair may differ.
    """
    waiting: dict[int, list[int]] = defaultdict(list)
    for j in range(len(theirs) - 1, -1, -1):
        waiting[theirs[j][1] - shift].append(j)  # the first of them last, where it can be popped
    found: list[tuple[int, int]] = []
    for i, (start, pitch) in enumerate(ours):
        left = waiting[pitch]
        while left and theirs[left[-1]][0] < start - tolerance:
            left.pop()
        if left and theirs[left[-1]][0] <= start + tolerance:
            found.append((i, left.pop()))
    return Common(frozenset(i for i, _ in found), frozenset(j for _, j in found), shift)


def similarity(ours: Part, theirs: Part) -> Similarity:
    """How alike a track of the plan and a track of a file are."""
    common = _best_common(ours, theirs)
    content = _content(common, ours, theirs)
    evidence = {
        _notes_text(common, ours): content,
        "name": name_evidence(ours.name, theirs.name),
        "program": _PROGRAM
        if not ours.is_drum and not theirs.is_drum and ours.program == theirs.program
        else 0.0,
        "drum channel": _DRUMS if ours.is_drum and theirs.is_drum else 0.0,
        "range": 0.0 if ours.is_drum else _RANGE * _range_overlap(ours, theirs),
        "channel": _CHANNEL if ours.channel == theirs.channel else 0.0,
    }
    doubt = 1.0
    for value in evidence.values():
        doubt *= 1 - value
    score = 1 - doubt
    many = min(len(ours.onsets), len(theirs.onsets)) >= ENOUGH
    named = evidence["name"] >= _NAME or (ours.is_drum and theirs.is_drum)
    if (many and content < 0.1 and not named) or (theirs.is_drum and not ours.is_drum):
        score *= 0.5
    least = 0.1
    return Similarity(score, content, common, tuple(k for k, v in evidence.items() if v > least))


def _best_common(ours: Part, theirs: Part) -> Common:
    plain = common_notes(ours.onsets, theirs.onsets)
    if ours.is_drum or theirs.is_drum or _content(plain, ours, theirs) > 1 - _TRANSPOSED:
        return plain
    shift = likeliest_shift(ours.onsets, theirs.onsets)
    moved = common_notes(ours.onsets, theirs.onsets, shift)
    gain = _content(moved, ours, theirs) - _content(plain, ours, theirs)
    return moved if gain >= _TRANSPOSED and len(moved.ours) >= ENOUGH // 2 else plain


def likeliest_shift(ours: Sequence[Onset], theirs: Sequence[Onset]) -> int:
    """Return the most common difference in pitch, in semitones, of notes that begin together."""
    together: dict[int, list[int]] = defaultdict(list)
    for start, pitch in theirs:
        together[start // TOLERANCE].append(pitch)
    differences: Counter[int] = Counter()
    for start, pitch in ours:
        cell = start // TOLERANCE
        near = {other for c in (cell - 1, cell, cell + 1) for other in together.get(c, ())}
        differences.update(other - pitch for other in near)
    return max(differences, key=lambda d: (differences[d], -abs(d), d), default=0)


def _content(common: Common, ours: Part, theirs: Part) -> float:
    """Share of notes in common, 0 to 1: of both, or of the one that the other contains."""
    n, m, found = len(ours.onsets), len(theirs.onsets), len(common.ours)
    contained = found / (min(n, m) + 1)
    return max(2 * found / (n + m + 1), _CONTAINED * contained)


def _notes_text(common: Common, ours: Part) -> str:
    moved = f", {abs(common.shift)} semitones {'higher' if common.shift > 0 else 'lower'}"
    return f"{len(common.ours)} of {len(ours.onsets)} notes{moved if common.shift else ''}"


def plain(name: str) -> str:
    """Return a name for comparison: lower case, ASCII letters and digits only."""
    kept = "".join(c if c.isascii() and c.isalnum() else " " for c in name.casefold())
    return " ".join(kept.split())


def name_evidence(ours: str, theirs: str) -> float:
    """Return the evidence of two names, 0 to 1: equal, alike, or one contains the other's words."""
    one, other = plain(ours), plain(theirs)
    if not one or not other:
        return 0.0
    if one == other:
        return _NAME
    contained = set(one.split()) <= set(other.split())
    alike = SequenceMatcher(None, one, other, autojunk=False).ratio() >= _ALIKE_NAMES
    return _NAME_PART if contained or alike else 0.0


def _range_overlap(ours: Part, theirs: Part) -> float:
    """Share of the range of both that they have in common, 0 to 1."""
    if not ours.onsets or not theirs.onsets:
        return 0.0
    one, other = [p for _, p in ours.onsets], [p for _, p in theirs.onsets]
    shared = min(max(one), max(other)) - max(min(one), min(other)) + 1
    return max(shared, 0) / (max(*one, *other) - min(*one, *other) + 1)
