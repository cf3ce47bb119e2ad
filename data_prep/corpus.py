"""What the readers of corpora share: splits by song, and compact copies as one ``.npz``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from amt.errors import InputError


class CorpusError(InputError):
    """A piece of a corpus is missing, incomplete or inconsistent."""


class PartOfSong(Protocol):
    """A piece of a corpus."""

    @property
    def song(self) -> str:
        """The song that it is, or is a part of."""


P = TypeVar("P", bound=PartOfSong)
T = TypeVar("T")


def read_usable(
    paths: Iterable[Path], read: Callable[[Path], T], report: Callable[[str], None] | None = None
) -> list[T]:
    """Read what can be read.

    Args:
        paths: one a piece.
        read: reads one, and raises :class:`CorpusError` for a piece that cannot be used.
        report: called with one sentence for every piece that is left out.
    """
    pieces = []
    for path in paths:
        try:
            pieces.append(read(path))
        except CorpusError as error:
            if report is not None:
                report(f"left out: {error}")
    return pieces


def split_by_song(
    pieces: Sequence[P],
    validation_share: float = 0.1,
    seed: int = 0,
    songs: Collection[str] | None = None,
) -> tuple[list[P], list[P]]:
    """Split into (training, validation) so that no song stands on two sides.

    Args:
        pieces: of any order, which stays.
        validation_share: of the songs, 0 to 1.
        seed: of the draw, which does not depend on the pieces' order.
        songs: what is drawn from; those of the pieces if None. Readers that leave out different
            pieces of a corpus agree on what is held out if this is all of its songs.
    """
    names = sorted({piece.song for piece in pieces} if songs is None else set(songs))
    drawn = np.random.default_rng(seed).permutation(len(names))
    held = {names[i] for i in drawn[: round(validation_share * len(names))]}
    return [p for p in pieces if p.song not in held], [p for p in pieces if p.song in held]


def fingerprint(version: int, root: Path, paths: Sequence[Path]) -> str:
    """Twelve hexadecimal digits that change with the names and sizes of the files under ``root``.

    Args:
        version: of what the cache holds and how it is computed.
        root: the folder of the corpus.
        paths: the files that are read.
    """
    lines = [str(version), str(root.resolve())]
    lines += [f"{path.name} {path.stat().st_size}" for path in paths]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def write_arrays(
    path: Path, arrays: Mapping[str, NDArray[Any]], *, is_compressed: bool = True
) -> None:
    """Write arrays as ``.npz`` beside ``path`` and rename, so that a kill leaves no half of a file.

    Args:
        path: of the file; its folder is made.
        arrays: by name.
        is_compressed: False for large arrays of noise-like numbers, which would only take time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    with partial.open("wb") as file:
        save = np.savez_compressed if is_compressed else np.savez
        save(file, allow_pickle=False, **dict(arrays))
    partial.replace(path)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of :func:`write_arrays`."""
    with np.load(path, allow_pickle=False) as data:
        return {name: data[name] for name in data.files}
