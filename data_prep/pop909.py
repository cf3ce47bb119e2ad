"""POP909 (Wang et al. 2020): the chords of 909 piano arrangements of pop songs.

``ROOT/NNN/chord_audio.txt`` has a chord a line (start, end, label, tab-separated, seconds) and
``ROOT/NNN/key_audio.txt`` a key a line likewise. The labels are Harte's with extensions and basses
(``Db:min9/b3``); :func:`nearest_chord` maps them to the vocabulary of :mod:`amt.chords`.

Of the two label files the one from the recording is read. The one from the MIDI (``chord_midi``)
fits the notes a little better but was spelled by rule: it has a sus2 in 5 % of its labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from amt.chords import NO_CHORD, Chord, Key, parse_chord, parse_key
from amt.errors import ChordError, quoted, shown
from data_prep.chord_track import ChordTrack, chord_ids, normalise
from data_prep.corpus import CorpusError

_LABEL = re.compile(r"([A-G][#b]?):([a-z]*)(\d*)(?:\(([b#\d,]+)\))?(?:/([b#]?\d+))?")
_SEVENTHS = {
    "maj": "maj7", "min": "min7", "": "7", "dim": "dim7", "hdim": "hdim7", "minmaj": "min",
}  # fmt: skip
"""Quality of a seventh, ninth, eleventh or thirteenth; a minor-major seventh has no nearer one."""
_ADDED_SEVENTHS = {
    ("maj", "b7"): "7", ("maj6", "b7"): "7", ("min", "b7"): "min7", ("min6", "b7"): "min7",
    ("maj", "7"): "maj7", ("maj6", "7"): "maj7",
}  # fmt: skip
"""(Quality, degree in brackets or in the bass) -> quality."""


def load_tracks(root: Path, *, report: Callable[[str], None] | None = None) -> list[ChordTrack]:
    """Read the chords of every song, normalised by its longest key.

    Args:
        root: the folder that holds ``001`` and so on.
        report: called with one sentence for every song that is left out.

    Raises:
        CorpusError: there is no song.
    """
    tracks = []
    for folder in sorted(path for path in root.glob("[0-9][0-9][0-9]") if path.is_dir()):
        try:
            tracks.append(read_track(folder))
        except CorpusError as error:
            if report is not None:
                report(f"left out: {error}")
    if not tracks:
        raise CorpusError(f"no song of POP909 under {root}: expected folders 001, 002 and so on")
    return tracks


def read_track(folder: Path) -> ChordTrack:
    """Read the chords of one song.

    Raises:
        CorpusError: a file is missing, a line is broken, or a label is unknown.
    """
    rows = read_rows(folder / "chord_audio.txt")
    key = longest_key(folder)
    try:
        ids = normalise(chord_ids([nearest_chord(label) for _, _, label in rows]), key)
    except ChordError as error:
        raise CorpusError(f"song {folder.name}: {error}") from error
    starts = np.array([start for start, _, _ in rows])
    return ChordTrack(f"pop909/{folder.name}", key.mode, starts, ids, rows[-1][1])


def longest_key(folder: Path) -> Key:
    """The key in which a song stays longest.

    Raises:
        CorpusError: the key file is missing or names no key.
    """
    spans: dict[str, float] = {}
    for start, end, label in read_rows(folder / "key_audio.txt"):
        spans[label] = spans.get(label, 0.0) + end - start
    try:
        return parse_key(max(spans, key=lambda label: spans[label]))
    except ChordError as error:
        raise CorpusError(f"song {folder.name}: {error}") from error


def nearest_chord(label: str) -> Chord:
    """The chord of the vocabulary nearest to a label: same root, basses and tensions left out.

    A ninth, eleventh or thirteenth becomes the seventh it stands on (``min9`` -> ``min7``). A
    degree in brackets or in the bass goes (``maj(9)/3`` -> ``maj``, ``sus4(b7)`` -> ``sus4``),
    unless it makes a triad or sixth a seventh (``maj/b7`` -> ``7``).

    >>> [nearest_chord(x).label for x in ("N", "Db:min9/b3", "F:maj(9)/3", "G:sus4(b7,9)", "E:9")]
    ['N', 'C#:min7', 'F', 'G:sus4', 'E:7']
    >>> [nearest_chord(x).label for x in ("C:maj/b7", "A:min/b7", "F:maj6(7)")]
    ['C:7', 'A:min7', 'F:maj7']

    Raises:
        ChordError: the label is not of this form.
    """
    if label in {"N", "X"}:
        return NO_CHORD
    match = _LABEL.fullmatch(label)
    if match is None:
        raise ChordError(f"unknown chord label {quoted(label)}")
    root, kind, number, added, bass = match.groups()
    quality = kind + number
    if number in {"7", "9", "11", "13"} and kind in _SEVENTHS:
        quality = _SEVENTHS[kind]
    for degree in [*(added or "").split(","), bass]:
        quality = _ADDED_SEVENTHS.get((quality, degree), quality)
    return parse_chord(f"{root}:{quality}")


def read_rows(path: Path) -> list[tuple[float, float, str]]:
    """Start and end in seconds and label of every line of a file of chords or keys.

    Raises:
        CorpusError: the file is missing or empty, a line is broken, or times are out of order.
    """
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise CorpusError(f"no readable file {shown(path)}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{shown(path)} is not a text file: expected start, end and label"
        ) from error
    try:
        rows = [(float(s), float(e), label) for s, e, label in (line.split() for line in lines)]
    except ValueError as error:
        raise CorpusError(f"{shown(path)}: expected lines of start, end and label") from error
    if not rows:
        raise CorpusError(f"{shown(path)} is empty")
    times = np.array([(start, end) for start, end, _ in rows])
    in_order = np.all(times[:, 0] < times[:, 1]) and np.all(np.diff(times[:, 0]) > 0)
    if not (np.isfinite(times).all() and in_order):
        raise CorpusError(f"{shown(path)}: its times are not finite or are out of order")
    return rows
