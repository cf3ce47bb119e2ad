"""The one pass over a clip that gives everything the pipeline knows of it."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from amt.errors import InputError
from amt.features.emotion import Look, analytic_emotion, look
from amt.features.motion import MotionMeter
from amt.features.scenes import CutDetector, scene_offset
from amt.features.semantic import ClipVision, find_clip
from amt.features.video import Frame, VideoReader
from amt.types import EMOTIONS, Cut, CutKind, FloatArray, VideoFeatures

Backend = Literal["auto", "clip", "analytic"]
FORMAT = 1
_CUT_KINDS: tuple[CutKind, ...] = get_args(CutKind)


def extract_features(
    path: Path,
    *,
    backend: Backend = "auto",
    clip_model: str | None = None,
    allow_download: bool = False,
    progress: Callable[[float], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> VideoFeatures:
    """Look at a clip once, frame by frame; memory does not grow with its length.

    Args:
        path: any file that PyAV decodes.
        backend: ``clip`` for mood and meaning from CLIP, ``analytic`` for mood from light, colour
            and movement, ``auto`` for CLIP where its weights are on this machine.
        clip_model: folder or Hub name of a CLIP model.
        allow_download: whether CLIP's weights may be fetched.
        progress: called with the share that is done, 0 to 1.
        say: called with one sentence about which backend ``auto`` chose.

    Raises:
        VideoError: the clip cannot be decoded or holds fewer than two frames.
        WeightsError: ``clip`` was asked for, and its weights are not here or not usable.
    """
    with VideoReader(path) as reader:
        vision = _vision(backend, clip_model, allow_download=allow_download, say=say)
        motion, detector, seconds = MotionMeter(), CutDetector(), _EverySecond(vision)
        for frame in reader:
            motion.push(frame)
            detector.push(frame)
            seconds.push(frame)
            if progress is not None and reader.info.declared_s:
                progress(min(1.0, frame.time_s / reader.info.declared_s))
        duration_s = reader.duration_s
    n_seconds = math.ceil(duration_s)
    cuts = detector.finish(duration_s)
    moving = motion.per_second(n_seconds)
    semantic, emotion = seconds.finish(n_seconds, moving, cuts)
    if progress is not None:
        progress(1.0)
    return VideoFeatures(
        duration_s=duration_s,
        emotion=emotion,
        motion=moving,
        scene_offset=scene_offset(cuts, n_seconds),
        cuts=cuts,
        semantic=semantic,
        backend="analytic" if vision is None else "clip",
    )


def _vision(
    backend: Backend,
    clip_model: str | None,
    *,
    allow_download: bool,
    say: Callable[[str], None] | None,
) -> ClipVision | None:
    """CLIP, or None for the analytic backend."""
    if backend == "clip":
        return ClipVision(clip_model, allow_download=allow_download)
    if backend == "auto":
        if find_clip(clip_model) is not None:
            if say is not None:
                say("mood and meaning from CLIP")
            return ClipVision(clip_model)
        if say is not None:
            say(
                "mood from light, colour and movement; for mood and meaning from CLIP, have its "
                "weights on this machine or name a folder with --clip-model"
            )
    return None


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
        self, n_seconds: int, motion: FloatArray, cuts: tuple[Cut, ...]
    ) -> tuple[FloatArray | None, FloatArray]:
        """Semantic [S, 768] or None, and emotion [S, 6]."""
        # A second in which no frame begins shows the frame of the second before.
        rows = np.searchsorted(self._times, np.arange(n_seconds), side="right") - 1
        if self._vision is None:
            return None, analytic_emotion([self._looks[row] for row in rows], motion, cuts)
        seen = self._vision.finish()
        return None if seen.semantic is None else seen.semantic[rows], seen.emotion[rows]


def save_features(features: VideoFeatures, path: Path) -> None:
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
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_features(path: Path) -> VideoFeatures:
    """Read what :func:`save_features` wrote.

    Raises:
        InputError: the file is missing, no NPZ, of another format, or inconsistent.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
    except OSError as error:
        raise InputError(f"cannot read features from {path}: {error}") from error
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"{path} is no features file: write it with amt features") from error
    if int(arrays.get("format", -1)) != FORMAT:
        raise InputError(f"{path} is not of features format {FORMAT}: extract the clip again")
    try:
        features = _from_arrays(arrays)
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(f"{path} lacks a part of the features: {error}") from error
    _check(features, path)
    return features


def _from_arrays(arrays: dict[str, np.ndarray]) -> VideoFeatures:
    cuts = zip(arrays["cut_time_s"], arrays["cut_strength"], arrays["cut_kind"], strict=True)
    return VideoFeatures(
        duration_s=float(arrays["duration_s"]),
        emotion=arrays["emotion"],
        motion=arrays["motion"],
        scene_offset=arrays["scene_offset"],
        cuts=tuple(Cut(float(t), float(s), _CUT_KINDS[int(k)]) for t, s, k in cuts),
        semantic=arrays.get("semantic"),
        backend=str(arrays["backend"]),
    )


def _check(features: VideoFeatures, path: Path) -> None:
    seconds = math.ceil(features.duration_s)
    shapes = {
        "emotion": (seconds, len(EMOTIONS)), "motion": (seconds,), "scene_offset": (seconds,)
    }  # fmt: skip
    for name, shape in shapes.items():
        values = getattr(features, name)
        if values.shape != shape or not np.isfinite(values).all():
            raise InputError(f"{path}: {name} is not {shape} finite numbers, extract again")
