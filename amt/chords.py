"""Chords and keys: the one table of roots and qualities.

Conventions: pitch classes count semitones from C = 0. A chord label is ``N`` (no chord), a root
(major triad) or ``root:quality`` with sharps (Harte et al. 2005, as MuVi-Sync writes it). Chords
have neither inversion nor bass. Ids are MuVi-Sync's: 0 for ``N``, else ``1 + 13 * root + quality``
with the quality's index in :data:`QUALITIES`; ``V`` = 157 in all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from amt.errors import ChordError, quoted

Mode = Literal["major", "minor"]

ROOTS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLAT_ROOTS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")

QUALITIES: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "maj": ((0, 4, 7), ("", "M")),
    "dim": ((0, 3, 6), ("dim", "o")),
    "sus4": ((0, 5, 7), ("sus4", "sus")),
    "min7": ((0, 3, 7, 10), ("m7", "-7")),
    "min": ((0, 3, 7), ("m", "-")),
    "sus2": ((0, 2, 7), ("sus2",)),
    "aug": ((0, 4, 8), ("aug", "+")),
    "dim7": ((0, 3, 6, 9), ("dim7", "o7")),
    "maj6": ((0, 4, 7, 9), ("6",)),
    "hdim7": ((0, 3, 6, 10), ("m7b5", "ø", "ø7")),
    "7": ((0, 4, 7, 10), ("7",)),
    "min6": ((0, 3, 7, 9), ("m6",)),
    "maj7": ((0, 4, 7, 11), ("maj7", "M7")),
}
"""Quality -> (intervals above the root in semitones, lead-sheet suffixes, the first preferred)."""

QUALITY_NAMES = tuple(QUALITIES)
VOCABULARY_SIZE = 1 + len(ROOTS) * len(QUALITIES)

_PITCH_CLASS = {name: pc for names in (ROOTS, FLAT_ROOTS) for pc, name in enumerate(names)} | {
    "Cb": 11, "B#": 0, "E#": 5, "Fb": 4,
}  # fmt: skip
_QUALITY_OF_SUFFIX = {s: q for q, (_, suffixes) in QUALITIES.items() for s in suffixes}
_LEAD_SHEET = re.compile(r"([A-G][#b]?)(.*)")
_FIFTHS = "FCGDAEB"
"""Natural notes in order of fifths, of which F is the first."""
_FLATTEST, _FLATTEST_RAISED = -5, -3
"""Fifths from a major key's tonic to the flattest of its twelve names: Db in C major, where the
sharpest is F#; Eb and G# where tones are more often raised than lowered, which is in minor keys and
on the roots of diminished chords."""
_FLATTEST_NAME, _SHARPEST_NAME = -8, 12
"""Fb and B#, beyond which a name takes two accidentals."""
_SHARPS_OF_MAJOR = (0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5)


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord of the vocabulary; ``root`` is None for no chord, and ``quality`` is then empty."""

    root: int | None
    quality: str

    @property
    def id(self) -> int:
        """Index in the MuVi-Sync vocabulary, 0-156."""
        if self.root is None:
            return 0
        return 1 + len(QUALITIES) * self.root + QUALITY_NAMES.index(self.quality)

    @property
    def label(self) -> str:
        """MuVi-Sync label: ``N``, ``F`` or ``A:min7``."""
        if self.root is None:
            return "N"
        return ROOTS[self.root] + ("" if self.quality == "maj" else f":{self.quality}")

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Pitch classes from the root up; empty for no chord."""
        if self.root is None:
            return ()
        return tuple((self.root + i) % 12 for i in QUALITIES[self.quality][0])

    def transpose(self, semitones: int) -> Chord:
        """The chord moved up by ``semitones`` (any integer)."""
        return self if self.root is None else Chord((self.root + semitones) % 12, self.quality)

    def spell(self, key: Key | None = None) -> str:
        """Lead-sheet name (``Am7``, ``Bbmaj7``, ``N.C.``), its root as it is written in the key.

        >>> Chord(10, "maj").spell(Key(0, "major")), Chord(1, "dim7").spell(Key(2, "minor"))
        ('Bb', 'C#dim7')
        """
        if self.root is None:
            return "N.C."
        is_diminished = self.quality in ("dim", "dim7", "hdim7")
        name = ROOTS[self.root] if key is None else key.spell(self.root, raised=is_diminished)
        return name + QUALITIES[self.quality][1][0]


NO_CHORD = Chord(None, "")


@dataclass(frozen=True, slots=True)
class Key:
    """A major or natural-minor key."""

    tonic: int
    mode: Mode

    @property
    def sharps(self) -> int:
        """Accidentals of the key signature: positive sharps, negative flats, -6 to 6."""
        major = self.tonic if self.mode == "major" else (self.tonic + 3) % 12
        return _SHARPS_OF_MAJOR[major]

    @property
    def label(self) -> str:
        """For example ``A minor`` or ``Eb major``."""
        return f"{self.spell(self.tonic)} {self.mode}"

    def spell(self, pitch_class: int, *, raised: bool = False) -> str:
        """The name of a pitch class (0-11): the nearest to the key in the line of fifths.

        Args:
            pitch_class: to name.
            raised: whether it is a raised tone rather than a lowered one, where it could be both,
                as a leading tone is.
        """
        lowest = _FLATTEST_RAISED if raised or self.mode == "minor" else _FLATTEST
        lowest = min(max(self.sharps + lowest, _FLATTEST_NAME), _SHARPEST_NAME - 11)
        fifths = lowest + (7 * pitch_class - lowest) % 12
        sharps, letter = divmod(fifths + 1, 7)
        return _FIFTHS[letter] + ("#" * sharps or "b" * -sharps)

    @property
    def scale(self) -> tuple[int, ...]:
        """The seven pitch classes, from the tonic up."""
        steps = (0, 2, 4, 5, 7, 9, 11) if self.mode == "major" else (0, 2, 3, 5, 7, 8, 10)
        return tuple((self.tonic + s) % 12 for s in steps)

    @property
    def tonic_chord(self) -> Chord:
        """The triad on the tonic."""
        return Chord(self.tonic, "maj" if self.mode == "major" else "min")


HOME: dict[Mode, Key] = {"major": Key(0, "major"), "minor": Key(9, "minor")}
"""The keys that models are trained and run in, by mode; other keys are transposed to them."""


def home_distance(key: Key) -> int:
    """Semitones, -6 to 5, by which a key is transposed to its home key the shorter way."""
    return (HOME[key.mode].tonic - key.tonic + 6) % 12 - 6


def implied_key(chords: Sequence[Chord]) -> Key | None:
    """The key whose scale holds the largest share of the chords' tones; None without chords.

    The minor scale counts with its raised seventh in the dominant. Where several keys hold as much,
    the one whose tonic chord comes first wins, then the one whose tonic chord comes last.

    >>> implied_key([parse_chord(name) for name in ("Am", "F", "C", "G")]).label
    'A minor'
    >>> implied_key([parse_chord(name) for name in ("C", "G", "Am", "F")]).label
    'C major'
    """
    sounding = [chord for chord in chords if chord.root is not None]
    if not sounding:
        return None

    def fit(key: Key) -> tuple[float, bool, bool]:
        dominant = (key.tonic + 7) % 12
        held = 0.0
        for chord in sounding:
            scale = set(key.scale)
            if key.mode == "minor" and chord.root == dominant:
                scale.add((key.tonic + 11) % 12)
            held += sum(tone in scale for tone in chord.pitch_classes) / len(chord.pitch_classes)
        return held, _is_tonic(sounding[0], key), _is_tonic(sounding[-1], key)

    modes: tuple[Mode, ...] = ("major", "minor")
    return max((Key(tonic, mode) for tonic in range(12) for mode in modes), key=fit)


def _is_tonic(chord: Chord, key: Key) -> bool:
    """Whether a chord stands on the tonic and has the key's third."""
    third = 4 if key.mode == "major" else 3
    return chord.root == key.tonic and (key.tonic + third) % 12 in chord.pitch_classes


def chord_from_id(index: int) -> Chord:
    """The chord of a MuVi-Sync id.

    Raises:
        ChordError: ``index`` is not in 0-156.
    """
    if not 0 <= index < VOCABULARY_SIZE:
        raise ChordError(f"chord id {index} is outside 0-{VOCABULARY_SIZE - 1}")
    if index == 0:
        return NO_CHORD
    root, quality = divmod(index - 1, len(QUALITIES))
    return Chord(root, QUALITY_NAMES[quality])


def parse_chord(text: str) -> Chord:
    """Read ``N``, ``A:min7``, ``Am7``, ``Bb`` or ``F#m7b5``.

    Raises:
        ChordError: the text names no chord of the vocabulary.
    """
    name = text.strip()
    if name in {"N", "N.C."}:
        return NO_CHORD
    match = _LEAD_SHEET.fullmatch(name)
    if match and match[1] in _PITCH_CLASS:
        suffix = match[2].removeprefix(":")
        quality = _QUALITY_OF_SUFFIX.get(match[2], suffix)
        if quality in QUALITIES:
            return Chord(_PITCH_CLASS[match[1]], quality)
    raise ChordError(
        f"unknown chord {quoted(text)}: expected N, or a root such as C, F# or Bb followed by one "
        f"of {', '.join(f':{q}' for q in QUALITY_NAMES)} or a lead-sheet suffix such as m7 or maj7"
    )


def parse_pitch_class(text: str) -> int:
    """Read the name of a note without octave, such as ``C``, ``F#`` or ``Bb``: 0-11.

    Raises:
        ChordError: the text names no note.
    """
    if text.strip() not in _PITCH_CLASS:
        raise ChordError(f"unknown note {quoted(text)}: expected one such as C, F# or Bb")
    return _PITCH_CLASS[text.strip()]


def parse_key(text: str) -> Key:
    """Read ``A minor``, ``Am``, ``C``, ``C major``, ``Eb:maj`` or ``f#:min``.

    Raises:
        ChordError: the text names no key.
    """
    match = re.fullmatch(r"\s*([A-Ga-g][#b]?)[\s:]*(major|maj|minor|min|m)?\s*", text)
    tonic = _PITCH_CLASS.get(match[1][0].upper() + match[1][1:]) if match else None
    if match is None or tonic is None:
        raise ChordError(f"unknown key {quoted(text)}: expected a tonic and mode such as 'A minor'")
    return Key(tonic, "minor" if match[2] in {"minor", "min", "m"} else "major")
