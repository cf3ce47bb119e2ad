"""Features as NPZ files."""

from __future__ import annotations

import math
import zipfile
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np

from amt.errors import InputError, shown
from amt.features.appearance import DIM
from amt.features.semantic import SEMANTIC_DIM
from amt.types import EMOTIONS, Cut, CutKind, FloatArray, VideoFeatures

FORMAT = 1
_NO_NPZ = (ValueError, AttributeError, TypeError, zipfile.BadZipFile, EOFError, zlib.error)
"""What NumPy raises on files of other kinds."""
_CUT_KINDS: tuple[CutKind, ...] = get_args(CutKind)


def save_features(features: VideoFeatures, path: str | Path) -> None:
    """Write features as NPZ; :func:`load_features` reads them back equal."""
    arrays: dict[str, Any] = {
        "format": np.array(FORMAT),
        "duration_s": np.array(features.duration_s),
        "emotion": features.emotion,
        "motion": features.motion,
        "scene_offset": features.scene_offset,
        "cut_time_s": np.array([cut.time_s for cut in features.cuts], dtype=np.float64),
        "cut_strength": np.array([cut.strength for cut in features.cuts], dtype=np.float64),
        "cut_kind": np.array([_CUT_KINDS.index(cut.kind) for cut in features.cuts], np.int64),
        "backend": np.array(features.backend),
    }
    if features.semantic is not None:
        arrays["semantic"] = features.semantic
    if features.appearance is not None:
        arrays["appearance"] = features.appearance
    with Path(path).open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_features(path: str | Path) -> VideoFeatures:
    """Read what :func:`save_features` wrote.

    Raises:
        InputError: the file is missing, no NPZ, of another format, or inconsistent.
    """
    try:
        # A file of our own keeps numpy from leaving one open when the archive is broken.
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
    except OSError as error:
        raise InputError(f"cannot read features from {shown(path)}: {error.strerror}") from error
    except _NO_NPZ as error:
        raise InputError(f"{path} is no features file: write it with amt features") from error
    if not np.array_equal(arrays.get("format", -1), FORMAT):
        raise InputError(
            f"{shown(path)} is not of features format {FORMAT}: extract the clip again"
        )
    try:
        features = _from_arrays(arrays)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise InputError(
            f"{shown(path)} lacks a part of the features or holds a broken one: extract the clip "
            "again"
        ) from error
    problem = _problem(features)
    if problem is not None:
        raise InputError(f"{shown(path)} does not hold together, {problem}: extract the clip again")
    return features


def _from_arrays(arrays: dict[str, np.ndarray]) -> VideoFeatures:
    def curve(name: str) -> FloatArray:
        return arrays[name].astype(np.float64)

    cuts = zip(curve("cut_time_s"), curve("cut_strength"), arrays["cut_kind"], strict=True)
    return VideoFeatures(
        duration_s=float(arrays["duration_s"]),
        emotion=curve("emotion"),
        motion=curve("motion"),
        scene_offset=curve("scene_offset"),
        cuts=tuple(Cut(float(t), float(s), _CUT_KINDS[int(k)]) for t, s, k in cuts),
        semantic=curve("semantic") if "semantic" in arrays else None,
        backend=str(arrays["backend"]),
        appearance=curve("appearance") if "appearance" in arrays else None,
    )


def _problem(features: VideoFeatures) -> str | None:
    """What is wrong with features from a file, or None."""
    if not 0 < features.duration_s < math.inf:
        return "its duration is not a positive number"
    seconds = math.ceil(features.duration_s)
    curves = {
        "emotion": (features.emotion, (seconds, len(EMOTIONS))),
        "motion": (features.motion, (seconds,)),
        "scene_offset": (features.scene_offset, (seconds,)),
    }
    if features.semantic is not None:
        curves["semantic"] = (features.semantic, (seconds, SEMANTIC_DIM))
    if features.appearance is not None:
        curves["appearance"] = (features.appearance, (seconds, DIM))
    for name, (values, shape) in curves.items():
        if values.shape != shape or not np.isfinite(values).all():
            return f"{name} is not {shape} finite numbers"
    if features.emotion.min() < 0 or not np.allclose(features.emotion.sum(axis=1), 1, atol=1e-3):
        return "emotion is not a probability a second"
    times = [0.0, *(cut.time_s for cut in features.cuts), features.duration_s]
    if not all(before < after for before, after in pairwise(times)):
        return "its cuts are not in order inside the clip"
    if not all(0 <= cut.strength <= 1 for cut in features.cuts):
        return "a cut's strength is not within 0 to 1"
    if features.backend not in ("clip", "analytic"):
        return f"its backend is {features.backend[:20]!r}"
    return None
