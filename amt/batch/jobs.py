"""The clips of a batch, and the files that are written for each."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from amt.errors import InputError, shown
from amt.outputs import clip_title

SUFFIXES: Mapping[str, str] = {
    "midi": ".mid",
    "plan": ".plan.json",
    "wav": ".wav",
    "mp4": ".mp4",
    "music_and_effects": ".music-and-effects.wav",
    "report": ".html",
    "dawproject": ".dawproject",
    "rpp": ".rpp",
    "musicxml": ".musicxml",
    "mxl": ".mxl",
}
"""Kinds of outputs → how the names of their files end."""


@dataclass(frozen=True, slots=True)
class Job:
    """A clip to score."""

    clip: Path
    """Absolute, so that a process with another working folder finds it."""
    outputs: Mapping[str, Path]
    """Kind (a key of :data:`SUFFIXES`) → absolute path."""
    replaceable: tuple[Path, ...] | None = ()
    """Outputs that may replace a file; None for all."""


def jobs_for(
    clips: Iterable[Path], folder: Path, kinds: Collection[str], suffixes: Collection[str]
) -> tuple[Job, ...]:
    """The jobs for clips, in the order in which they are named; a clip named twice counts once.

    A clip that is named by itself is written to the folder itself, and one that lies in a named
    folder to the subfolder of the same name. Clips that would have outputs of one name get eight
    digits of their paths' hashes into it, so that a name does not depend on what else is asked for
    in which order.

    Args:
        clips: files, and folders of which every video is taken, at any depth.
        folder: where the outputs go; what lies in it is no clip.
        kinds: keys of :data:`SUFFIXES`.
        suffixes: how names of videos end.

    Raises:
        InputError: there is no clip.
    """
    bases = dict(_found(clips, folder.absolute(), suffixes))
    if not bases:
        raise InputError("no clip is named: amt batch clips/ --out scores")
    taken = Counter(str(base).casefold() for base in bases.values())
    jobs = []
    for clip, base in bases.items():
        name = base.name
        if taken[str(base).casefold()] > 1:
            name += "-" + hashlib.sha256(os.fsencode(clip)).hexdigest()[:8]
        place = folder.absolute() / base.parent
        outputs = {kind: place / f"{name}{SUFFIXES[kind]}" for kind in SUFFIXES if kind in kinds}
        jobs.append(Job(clip, outputs))
    return tuple(jobs)


def _found(
    clips: Iterable[Path], folder: Path, suffixes: Collection[str]
) -> Iterator[tuple[Path, Path]]:
    """(Absolute path, path of the outputs below their folder without suffix) of every clip."""
    for named in clips:
        if not named.is_dir():
            yield named.absolute(), Path(clip_title(named))
            continue
        try:
            within = sorted(path for path in named.absolute().rglob("*") if path.is_file())
        except OSError as error:
            raise InputError(f"{shown(named)} cannot be read: {error.strerror}") from error
        for path in within:
            if path.suffix.lower() in suffixes and folder not in path.parents:
                yield path, path.relative_to(named.absolute()).parent / clip_title(path)
