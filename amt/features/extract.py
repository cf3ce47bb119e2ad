"""The one pass over a clip that gives everything the pipeline knows of it."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from amt.errors import InputError, WeightsError, shown
from amt.features.clip_weights import (
    CLIP_MODEL,
    NEAR_CLIP_MODEL,
    chosen_clip,
    clip_files,
    fetch,
    loadable,
)
from amt.features.emotion import Look, analytic_emotion, look
from amt.features.motion import MotionMeter
from amt.features.scenes import CutDetector, scene_offset
from amt.features.semantic import (
    SEMANTIC_DIM,
    ClipResult,
    ClipVision,
    read_cache,
    write_cache,
)
from amt.features.video import Frame, VideoReader
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.types import EMOTIONS, Cut, CutKind, FloatArray, VideoFeatures

Backend = Literal["auto", "clip", "analytic"]
FORMAT = 1
_NO_NPZ = (ValueError, AttributeError, TypeError, zipfile.BadZipFile, EOFError, zlib.error)
"""What NumPy raises on files of other kinds."""
_CUT_KINDS: tuple[CutKind, ...] = get_args(CutKind)


def extract_features(
    path: str | Path,
    *,
    backend: Backend = "auto",
    clip_model: str | None = None,
    allow_download: bool = False,
    reporter: Reporter = DEFAULT_REPORTER,
    open_clip: Callable[..., ClipVision] | None = None,
) -> VideoFeatures:
    """Look at a clip once, frame by frame; memory does not grow with its length.

    Args:
        path: any file that PyAV decodes.
        backend: ``clip`` for mood and meaning from CLIP, ``analytic`` for mood from light, colour
            and movement, ``auto`` for CLIP where its weights are on this machine.
        clip_model: folder or Hub name of a CLIP model.
        allow_download: whether CLIP's weights may be fetched.
        reporter: gets the progress, one sentence about which backend ``auto`` chose, and one about
            a file that holds less than it declares.
        open_clip: called in place of :class:`ClipVision`, where models are kept between clips.

    Raises:
        VideoError: the clip cannot be decoded or holds fewer than two frames.
        WeightsError: ``clip`` was asked for, and its weights are not here or not usable.
    """
    path = Path(path)
    with VideoReader(path) as reader:
        chosen = _chosen_clip(backend, clip_model, allow_download, reporter)
        kept = read_cache(reader.file, chosen) if chosen is not None else None
        vision = None
        if chosen is not None and kept is None:
            opener = open_clip or ClipVision
            vision = opener(chosen, allow_download=allow_download, reporter=reporter)
        motion, detector, seconds = MotionMeter(), CutDetector(), _EverySecond(vision)
        for frame in reader:
            motion.push(frame)
            detector.push(frame)
            seconds.push(frame)
            if reader.info.declared_s:
                reporter.progress(min(1.0, frame.time_s / reader.info.declared_s))
        duration_s, appears_s = reader.duration_s, reader.first_s
        if (shortfall := reader.shortfall()) is not None:
            reporter.message(shortfall)
    n_seconds = math.ceil(duration_s)
    cuts = detector.finish(duration_s)
    if appears_s > 0:
        # What is dark before is no shot that the detector saw.
        cuts = (Cut(appears_s, 1.0, "cut"), *cuts)
    moving = motion.per_second(n_seconds)
    if vision is not None:
        kept = vision.finish()
        write_cache(reader.file, chosen, kept)
    semantic, emotion = seconds.finish(n_seconds, moving, cuts, kept)
    reporter.progress(1.0)
    return VideoFeatures(
        duration_s=duration_s,
        emotion=emotion,
        motion=moving,
        scene_offset=scene_offset(cuts, n_seconds),
        cuts=cuts,
        semantic=semantic,
        backend="clip" if chosen is not None else "analytic",
    )


def _chosen_clip(
    backend: Backend,
    clip_model: str | None,
    allow_download: bool,
    reporter: Reporter,
) -> str | None:
    """The CLIP model that looks at the pictures; None for light, colour and movement."""
    if backend == "analytic":
        return None
    if clip_model is not None:  # a model that the user names must be usable
        if backend == "auto":
            reporter.message(_from_clip(clip_model))
        return clip_model
    if backend == "auto":
        try:
            if allow_download and clip_files(CLIP_MODEL) is None:
                fetch(CLIP_MODEL, reporter)
            if (files := clip_files()) is not None:
                loadable(files, reporter)
        except WeightsError as error:  # only the default may be absent or unusable
            reporter.message(f"mood from light, colour and movement: {error}")
            return None
        if files is None:
            reporter.message(
                "mood from light, colour and movement; for mood and meaning from CLIP, name "
                "--allow-download once, or a folder with --clip-model"
            )
            return None
    name = CLIP_MODEL if allow_download else chosen_clip(None)
    if backend == "auto" or name == NEAR_CLIP_MODEL:
        reporter.message(_from_clip(name))
    return name


def _from_clip(name: str) -> str:
    """One sentence on the CLIP model that was chosen."""
    files = clip_files(name)
    sentence = f"mood and meaning from CLIP ({name if files is None else files.title})"
    if name == NEAR_CLIP_MODEL:
        sentence += f", near to {CLIP_MODEL} but not the same"
    return sentence


class _EverySecond:
    """Looks at the first frame shown in each second."""

    def __init__(self, vision: ClipVision | None) -> None:
        self._vision = vision
        self._looks: list[Look] = []
        self._times: list[int] = []

    def push(self, frame: Frame) -> None:
        second = int(frame.time_s)
        if self._times and second <= self._times[-1]:
            return
        self._times.append(second)
        self._looks.append(look(frame.bgr))
        if self._vision is not None:
            self._vision.push(frame.rgb(self._vision.frame_side))

    def finish(
        self,
        n_seconds: int,
        motion: FloatArray,
        cuts: tuple[Cut, ...],
        seen: ClipResult | None,
    ) -> tuple[FloatArray | None, FloatArray]:
        """Semantic [S, 768] or None, and emotion [S, 6]."""
        # A second in which no frame begins shows the frame of the second before.
        rows = np.searchsorted(self._times, np.arange(n_seconds), side="right") - 1
        rows = np.maximum(rows, 0)  # where the picture starts late, its first one counts
        if seen is None:
            return None, analytic_emotion([self._looks[row] for row in rows], motion, cuts)
        rows = np.minimum(rows, len(seen.emotion) - 1)  # another decoder may have kept fewer
        return None if seen.semantic is None else seen.semantic[rows], seen.emotion[rows]


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
