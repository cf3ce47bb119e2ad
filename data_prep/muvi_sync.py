"""MuVi-Sync (Kang, Poria, Herremans 2023; Zenodo record 10057093) in its published layout.

``ROOT/vevo_meta/split/v1/{train,val,test}.txt`` name the songs of a split; each song ``NNN`` has
``vevo_chord/lab/all/NNN.lab`` (chords with times, original key), ``vevo_chord/lab_v2_norm/all``
(a chord a second in C major or A minor), ``vevo_chord/lab_v2/all`` (the same in the original key,
named in its first line), ``vevo_semantic/all/2d/clip_l14p/NNN.npy`` [seconds, 768],
``vevo_emotion/6c_l14p/all`` [seconds, 6], and ``vevo_motion``, ``vevo_scene_offset``,
``vevo_loudness``, ``vevo_note_density`` (each ``all/NNN.lab``, one number a second).

The published arrays of a song differ by a second at the end now and then; the chord file decides
the length, and a feature that is shorter by at most :data:`MAX_MISSING_S` seconds repeats its last
row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from amt.chords import Key, Mode, parse_chord, parse_key
from amt.errors import ChordError, shown
from data_prep.chord_track import ChordTrack, chord_ids, normalise
from data_prep.corpus import CorpusError, read_arrays, write_arrays

Split = Literal["train", "val", "test"]
MAX_MISSING_S = 2
CACHE_VERSION = 1

_SCALARS = {
    "motion": "vevo_motion/all",
    "scene_offset": "vevo_scene_offset/all",
    "loudness": "vevo_loudness/all",
    "density": "vevo_note_density/all",
}


@dataclass(frozen=True, slots=True, eq=False)
class MuviSong:
    """One music video; S is the number of seconds of its chord file."""

    track: ChordTrack
    """Chords with exact times, normalised."""
    chords: NDArray[np.int64]
    """[S] normalised chord id of every second, as published."""
    semantic: NDArray[np.float16]
    """[S, 768] CLIP ViT-L/14@336 image embeddings."""
    emotion: NDArray[np.float32]
    """[S, 6] probabilities in the order of ``amt.types.EMOTIONS``."""
    motion: NDArray[np.float32]
    """[S] mean absolute RGB difference, 0-255."""
    scene_offset: NDArray[np.float32]
    """[S] seconds since the last cut."""
    loudness: NDArray[np.float32]
    """[S] RMS of full scale, 0-1."""
    density: NDArray[np.float32]
    """[S] notes of the transcription that sound in each second."""

    @property
    def name(self) -> str:
        """Number of the song, such as ``001``."""
        return self.track.name


def song_names(root: Path, split: Split) -> list[str]:
    """Names of the songs of a split, in file order.

    Raises:
        CorpusError: the split file is missing.
    """
    path = root / "vevo_meta" / "split" / "v1" / f"{split}.txt"
    if not path.is_file():
        raise CorpusError(
            f"no split file {shown(path)}: expected MuVi-Sync in its published layout"
        )
    return path.read_text().split()


def load_split(
    root: Path,
    split: Split,
    *,
    on_error: Literal["raise", "skip"] = "raise",
    report: Callable[[str], None] | None = None,
    cache: Path | None = None,
) -> list[MuviSong]:
    """Read every song of a split.

    Args:
        root: folder of the published layout; songs of other splits may be absent.
        split: which songs.
        on_error: what to do with a broken song: stop, or leave it out.
        report: called with one sentence for every song that is left out.
        cache: folder for one compact ``.npz`` a split, read instead of the layout when its
            split file has not changed; None reads the layout each time.

    Raises:
        CorpusError: a song is broken and ``on_error`` is ``raise``, or none is left.
    """
    names = song_names(root, split)
    cached = None if cache is None else cache / f"muvi-sync-{split}-{_fingerprint(root, names)}.npz"
    if cached is not None and cached.is_file():
        return _read_cache(cached)
    songs = list(_read_all(root, names, on_error, report))
    if not songs:
        raise CorpusError(f"no readable song of the {split} split under {root}")
    if cached is not None:
        _write_cache(cached, songs)
    return songs


def _read_all(
    root: Path,
    names: list[str],
    on_error: Literal["raise", "skip"],
    report: Callable[[str], None] | None,
) -> Iterator[MuviSong]:
    for name in names:
        try:
            yield read_song(root, name)
        except CorpusError as error:
            if on_error == "raise":
                raise
            if report is not None:
                report(f"left out: {error}")


def read_song(root: Path, name: str) -> MuviSong:
    """Read and check one song.

    Raises:
        CorpusError: a file is missing, a second is missing, a chord is unknown, or lengths differ
            by more than :data:`MAX_MISSING_S`.
    """
    _, labels = _key_and_rows(root / "vevo_chord/lab_v2_norm/all" / f"{name}.lab")
    chords = _parse_labels(name, _per_second(name, labels)[:, 0])
    seconds = len(chords)
    emotion = _rows(root / "vevo_emotion/6c_l14p/all" / f"{name}.lab", header=True)
    scalars = {
        field: _fit(name, field, _floats(name, _rows(root / path / f"{name}.lab"))[:, 0], seconds)
        for field, path in _SCALARS.items()
    }
    semantic_path = root / "vevo_semantic/all/2d/clip_l14p" / f"{name}.npy"
    if not semantic_path.is_file():
        raise CorpusError(f"song {name}: no file {shown(semantic_path)}")
    semantic = np.load(semantic_path, allow_pickle=False)
    return MuviSong(
        track=read_track(root, name, float(seconds)),
        chords=chords,
        semantic=_fit(name, "semantic", semantic, seconds).astype(np.float16),
        emotion=_fit(name, "emotion", _floats(name, emotion), seconds),
        **scalars,
    )


def read_track(root: Path, name: str, duration_s: float) -> ChordTrack:
    """The chords of a song with their exact times, normalised by the published key."""
    key, _ = _key_and_rows(root / "vevo_chord/lab_v2/all" / f"{name}.lab")
    rows = _rows(root / "vevo_chord/lab/all" / f"{name}.lab")
    labels = np.array(["N" if row[2] == "X" else row[2] for row in rows])
    return ChordTrack(
        name=name,
        mode=key.mode,
        starts_s=np.array([float(row[0]) for row in rows]),
        ids=normalise(_parse_labels(name, labels), key),
        duration_s=duration_s,
    )


def _rows(path: Path, *, header: bool = False) -> list[list[str]]:
    if not path.is_file():
        raise CorpusError(f"no file {shown(path)}")
    return [line.split() for line in path.read_text().splitlines()[header:] if line.strip()]


def _key_and_rows(path: Path) -> tuple[Key, list[list[str]]]:
    rows = _rows(path)
    if not rows or rows[0][0] != "key":
        raise CorpusError(f"{shown(path)}: expected a first line such as 'key C major'")
    return parse_key(" ".join(rows[0][1:])), rows[1:]


def _per_second(name: str, rows: list[list[str]]) -> NDArray[np.str_]:
    """The values [S, columns] of rows that must count the seconds from 0 without a gap."""
    for second, row in enumerate(rows):
        if int(float(row[0])) != second:
            raise CorpusError(f"song {name}: second {second} is missing")
    return np.array([row[1:] for row in rows])


def _floats(name: str, rows: list[list[str]]) -> NDArray[np.float32]:
    values = _per_second(name, rows).astype(np.float32)
    if not np.isfinite(values).all():
        raise CorpusError(f"song {name}: a feature is not a finite number")
    return values


def _parse_labels(name: str, labels: NDArray[np.str_]) -> NDArray[np.int64]:
    try:
        return chord_ids([parse_chord(str(label)) for label in labels])
    except ChordError as error:
        raise CorpusError(f"song {name}: {error}") from error


def _fit(name: str, field: str, values: NDArray[Any], seconds: int) -> NDArray[Any]:
    """Cut to ``seconds`` rows, or repeat the last row when a few are missing."""
    missing = seconds - len(values)
    if missing > MAX_MISSING_S:
        raise CorpusError(f"song {name}: {field} has {len(values)} seconds, chords {seconds}")
    return np.concatenate([values, values[-1:].repeat(max(missing, 0), axis=0)])[:seconds]


_ARRAYS = [field.name for field in fields(MuviSong) if field.name != "track"]


def _fingerprint(root: Path, names: list[str]) -> str:
    text = f"{CACHE_VERSION}\n{root.resolve()}\n" + "\n".join(names)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _write_cache(path: Path, songs: list[MuviSong]) -> None:
    arrays: dict[str, NDArray[Any]] = {
        name: np.concatenate([getattr(song, name) for song in songs]) for name in _ARRAYS
    }
    arrays["seconds"] = np.array([len(song.chords) for song in songs])
    arrays["changes"] = np.array([len(song.track.ids) for song in songs])
    arrays["names"] = np.array([song.name for song in songs])
    arrays["modes"] = np.array([song.track.mode for song in songs])
    arrays["starts_s"] = np.concatenate([song.track.starts_s for song in songs])
    arrays["ids"] = np.concatenate([song.track.ids for song in songs])
    write_arrays(path, arrays, is_compressed=False)


def _read_cache(path: Path) -> list[MuviSong]:
    arrays = read_arrays(path)
    by_second = np.cumsum(arrays["seconds"])[:-1]
    by_change = np.cumsum(arrays["changes"])[:-1]
    columns = {name: np.split(arrays[name], by_second) for name in _ARRAYS}
    starts = np.split(arrays["starts_s"], by_change)
    ids = np.split(arrays["ids"], by_change)
    return [
        MuviSong(
            track=ChordTrack(
                name, cast(Mode, mode), starts[i], ids[i], float(arrays["seconds"][i])
            ),
            **{column: columns[column][i] for column in _ARRAYS},
        )
        for i, (name, mode) in enumerate(
            zip(arrays["names"].tolist(), arrays["modes"].tolist(), strict=True)
        )
    ]
