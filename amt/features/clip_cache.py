"""What CLIP gave for a clip, kept on disk by the bytes of the clip and the model."""

from __future__ import annotations

import contextlib
import hashlib
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from amt.features.cache import cache_folder, replacing
from amt.features.clip_weights import chosen_clip, local_folder, revision_of
from amt.features.semantic import SEMANTIC_DIM, ClipResult
from amt.types import EMOTIONS

_FORMAT = 1


def read_cache(video: Path, model: str | None = None) -> ClipResult | None:
    """What :func:`write_cache` kept for a clip with these bytes and this model, or None.

    A broken entry counts as none. The folder is ``$AMT_CACHE_DIR``, else ``$XDG_CACHE_HOME/amt``,
    else ``~/.cache/amt``.

    Args:
        video: the clip; its bytes are the key, not its name.
        model: as for :class:`ClipVision`.
    """
    try:
        # A file of our own keeps numpy from leaving one open when the archive is broken.
        with (
            _cache_path(video, chosen_clip(model)).open("rb") as file,
            np.load(file, allow_pickle=False) as data,
        ):
            semantic = data["semantic"] if "semantic" in data.files else None
            result = ClipResult(semantic, data["emotion"])
    except (OSError, ValueError, KeyError, EOFError, AttributeError):
        return None
    except (zipfile.BadZipFile, zlib.error, RuntimeError):  # the last for unknown compression
        return None
    return result if _is_sound(result) else None


def write_cache(video: Path, model: str | None, result: ClipResult) -> None:
    """Keep a result for :func:`read_cache`, whole or not at all.

    A cache that cannot be written (a full disk, a read-only home) is left unwritten in silence: the
    result itself is in the caller's hands.

    Args:
        video: the clip that was looked at.
        model: as for :class:`ClipVision`.
        result: one row a second.
    """
    arrays: dict[str, Any] = {"emotion": result.emotion}
    if result.semantic is not None:
        arrays["semantic"] = result.semantic
    with contextlib.suppress(OSError):
        path = _cache_path(video, chosen_clip(model))
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part, part.open("wb") as file:
            np.savez_compressed(file, **arrays)


def _cache_path(video: Path, name: str) -> Path:
    with video.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    key = json.dumps([_FORMAT, content, _identity(name), EMOTIONS])
    return cache_folder() / "clip" / f"{hashlib.sha256(key.encode()).hexdigest()}.npz"


def _identity(name: str) -> list[str]:
    """Model and revision; the state of its files stands for the revision of a plain folder."""
    folder = local_folder(name)
    if folder is None:
        return [name, revision_of(name) or "main"]
    if folder != Path(name):  # the Hub's cache names a snapshot's folder after its commit
        return [name, folder.name]
    files = sorted(path for path in folder.iterdir() if path.is_file())
    states = [(path.name, path.stat()) for path in files]
    return [str(folder.resolve()), *(f"{n} {s.st_size} {s.st_mtime_ns}" for n, s in states)]


def _is_sound(result: ClipResult) -> bool:
    emotion, semantic = result.emotion, result.semantic
    if emotion.dtype != np.float64 or emotion.ndim != 2 or emotion.shape[1] != len(EMOTIONS):
        return False
    if not np.allclose(emotion.sum(axis=1), 1) or (emotion < 0).any():
        return False
    if semantic is None:
        return True
    shape = (len(emotion), SEMANTIC_DIM)
    return bool(
        semantic.dtype == np.float64 and semantic.shape == shape and np.isfinite(semantic).all()
    )
