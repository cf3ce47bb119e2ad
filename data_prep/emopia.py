"""EMOPIA (Hung et al. 2021; Zenodo record 5090631): piano clips labelled with an emotion quadrant.

``ROOT/Q1_0vLPYiPN7qY_0.mid`` is clip 0 of song ``0vLPYiPN7qY`` in quadrant 1 of Russell's plane of
valence and arousal. The clips are transcribed performances with a sustain pedal but without beats,
chords and key, so chords and key are inferred (:mod:`data_prep.chord_inference`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from amt.errors import MidiError, shown
from amt.midi import read_midi
from data_prep.chord_inference import FRAME_S, infer_chords, infer_key
from data_prep.chord_track import ChordTrack, normalise
from data_prep.corpus import CorpusError, fingerprint, read_arrays, read_usable, write_arrays
from data_prep.sustain import sounding_notes

QUADRANT_VALENCE_AROUSAL: dict[int, tuple[float, float]] = {
    1: (0.6, 0.6),
    2: (-0.6, 0.6),
    3: (-0.6, -0.6),
    4: (0.6, -0.6),
}
"""Quadrant -> (valence, arousal), each -1 to 1; a label says no more than the two signs."""

_NAME = re.compile(r"Q([1-4])_(.+)_(\d+)")
_CACHE_VERSION = 1
"""To be raised when the inference changes."""


@dataclass(frozen=True, slots=True, eq=False)
class AffectClip:
    """The chords of one clip and how it feels."""

    track: ChordTrack
    quadrant: int
    """1 to 4, see :data:`QUADRANT_VALENCE_AROUSAL`."""
    song: str
    """The song that the clip is of; clips of a song must not be split."""


def load_clips(
    root: Path, *, report: Callable[[str], None] | None = None, cache: Path | None = None
) -> list[AffectClip]:
    """Read every clip and infer its chords, normalised by its key.

    Args:
        root: the folder of ``Q1_…_0.mid`` and so on.
        report: called with one sentence for every clip that is left out.
        cache: folder for one ``.npz``, read instead of inferring anew while the names and sizes of
            the files stay the same; None infers each time.

    Raises:
        CorpusError: there is no readable clip.
    """
    paths = sorted(root.glob("Q*.mid"))
    cached = (
        None if cache is None else cache / f"emopia-{fingerprint(_CACHE_VERSION, root, paths)}.npz"
    )
    if cached is not None and cached.is_file():
        return _read_cache(cached)
    clips = read_usable(paths, read_clip, report)
    if not clips:
        raise CorpusError(f"no readable clip of EMOPIA under {root}: expected Q1_SONG_0.mid, …")
    if cached is not None:
        _write_cache(cached, clips)
    return clips


def read_clip(path: Path) -> AffectClip:
    """Read one clip and infer its chords.

    Raises:
        CorpusError: the file's name is of another form, or the file is no MIDI file or empty.
    """
    quadrant, song = parse_name(path)
    try:
        notes = sounding_notes(read_midi(path))
    except MidiError as error:
        raise CorpusError(str(error)) from error
    if not len(notes):
        raise CorpusError(f"{shown(path)} has no note")
    key = infer_key(notes)
    frames = infer_chords(notes)
    changes = np.flatnonzero(np.diff(frames, prepend=-1))
    track = ChordTrack(
        name=f"emopia/{path.stem}",
        mode=key.mode,
        starts_s=np.asarray(changes * FRAME_S, dtype=np.float64),
        ids=normalise(frames[changes], key),
        duration_s=float(notes[:, 1].max()),
    )
    return AffectClip(track, quadrant, song)


def song_names(root: Path) -> list[str]:
    """The songs of all clips in EMOPIA's folder, whether they can be used or not."""
    return sorted({m[2] for path in root.glob("Q*.mid") if (m := _NAME.fullmatch(path.stem))})


def parse_name(path: Path) -> tuple[int, str]:
    """Quadrant and song of a clip, by the name of its file.

    Raises:
        CorpusError: the name is of another form.
    """
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise CorpusError(f"{shown(path)}: expected a name such as Q1_SONG_0.mid")
    return int(match[1]), match[2]


def _write_cache(path: Path, clips: list[AffectClip]) -> None:
    tracks = [clip.track for clip in clips]
    arrays = dict(
        names=np.array([track.name for track in tracks]),
        modes=np.array([track.mode for track in tracks]),
        durations_s=np.array([track.duration_s for track in tracks]),
        changes=np.array([len(track.ids) for track in tracks]),
        starts_s=np.concatenate([track.starts_s for track in tracks]),
        ids=np.concatenate([track.ids for track in tracks]),
        quadrants=np.array([clip.quadrant for clip in clips]),
        songs=np.array([clip.song for clip in clips]),
    )
    write_arrays(path, arrays)


def _read_cache(path: Path) -> list[AffectClip]:
    arrays = read_arrays(path)
    by_clip = np.cumsum(arrays["changes"])[:-1]
    columns = zip(
        arrays["names"].tolist(),
        arrays["modes"].tolist(),
        np.split(arrays["starts_s"], by_clip),
        np.split(arrays["ids"], by_clip),
        arrays["durations_s"].tolist(),
        strict=True,
    )
    labels = zip(arrays["quadrants"].tolist(), arrays["songs"].tolist(), strict=True)
    return [
        AffectClip(ChordTrack(*column), quadrant, song)
        for column, (quadrant, song) in zip(columns, labels, strict=True)
    ]
