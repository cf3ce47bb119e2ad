"""Features of a clip: cuts, motion, mood and meaning, all from one pass over its frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from amt.errors import WeightsError
from amt.features.appearance import AppearanceMeter
from amt.features.clip_cache import read_cache, write_cache
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
from amt.features.semantic import ClipResult, ClipVision
from amt.features.video import Frame, VideoReader
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.types import Cut, FloatArray, VideoFeatures

Backend = Literal["auto", "clip", "analytic"]


def extract_features(
    path: str | Path,
    *,
    backend: Backend = "auto",
    clip_model: str | None = None,
    allow_download: bool = False,
    reporter: Reporter = DEFAULT_REPORTER,
    open_clip: Callable[..., ClipVision] | None = None,
    receivers: Sequence[FrameReceiver] = (),
) -> VideoFeatures:
    """The features of a clip, from one pass over its frames; memory does not grow with its length.

    Args:
        path: any file that PyAV decodes.
        backend: ``clip`` for mood and meaning from CLIP, ``analytic`` for mood from light, colour
            and movement, ``auto`` for CLIP where its weights are on this machine.
        clip_model: folder or Hub name of a CLIP model.
        allow_download: whether CLIP's weights may be fetched.
        reporter: gets the progress, one sentence about which backend ``auto`` chose, and one about
            a file that holds less than it declares.
        open_clip: called in place of :class:`ClipVision`, where models are kept between clips.
        receivers: get every frame as well.

    Raises:
        VideoError: the clip cannot be decoded or holds fewer than two frames.
        WeightsError: ``clip`` was asked for, and its weights are not here or not usable.
    """
    with VideoReader(Path(path)) as reader:
        model = _chosen_clip(backend, clip_model, allow_download, reporter)
        result = read_cache(reader.file, model) if model is not None else None
        vision = None
        if model is not None and result is None:
            vision = (open_clip or ClipVision)(
                model, allow_download=allow_download, reporter=reporter
            )
        motion, detector, seconds = MotionMeter(), CutDetector(), _FirstOfSecond(vision)
        appearance = AppearanceMeter()
        _read_frames(reader, (motion, detector, seconds, appearance, *receivers), reporter)
    n_seconds = math.ceil(reader.duration_s)
    cuts = detector.finish(reader.duration_s)
    if reader.first_s > 0:
        # The detector receives no frame of what is dark before the first one.
        cuts = (Cut(reader.first_s, 1.0, "cut"), *cuts)
    moving = motion.per_second(n_seconds)
    if vision is not None:
        result = vision.finish()
        write_cache(reader.file, model, result)
    semantic, emotion = seconds.finish(n_seconds, moving, cuts, result)
    reporter.progress(1.0)
    return VideoFeatures(
        duration_s=reader.duration_s,
        emotion=emotion,
        motion=moving,
        scene_offset=scene_offset(cuts, n_seconds),
        cuts=cuts,
        semantic=semantic,
        backend="clip" if model is not None else "analytic",
        appearance=appearance.per_second(n_seconds),
    )


class FrameReceiver(Protocol):
    """Takes the frames of a clip, one by one."""

    def push(self, frame: Frame) -> None:
        """Take the next frame."""


def _read_frames(
    reader: VideoReader, receivers: tuple[FrameReceiver, ...], reporter: Reporter
) -> None:
    """Push every frame of a clip to each of the receivers."""
    for frame in reader:
        for receiver in receivers:
            receiver.push(frame)
        if reader.info.declared_s:
            reporter.progress(min(1.0, frame.time_s / reader.info.declared_s))
    if (shortfall := reader.shortfall()) is not None:
        reporter.message(shortfall)


def _chosen_clip(
    backend: Backend,
    clip_model: str | None,
    allow_download: bool,
    reporter: Reporter,
) -> str | None:
    """The CLIP model that gives mood and meaning; None for mood from light, colour and movement."""
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
                "`allow_download` once, or a folder with `clip_model`"
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


class _FirstOfSecond:
    """Measures the first frame shown in each second, and hands it to CLIP if there is one."""

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
        result: ClipResult | None,
    ) -> tuple[FloatArray | None, FloatArray]:
        """Semantic [S, 768] or None, and emotion [S, 6]."""
        # A second in which no frame begins shows the frame of the second before.
        rows = np.searchsorted(self._times, np.arange(n_seconds), side="right") - 1
        rows = np.maximum(rows, 0)  # where the picture starts late, its first one counts
        if result is None:
            return None, analytic_emotion([self._looks[row] for row in rows], motion, cuts)
        rows = np.minimum(rows, len(result.emotion) - 1)  # another decoder may have kept fewer
        semantic = None if result.semantic is None else result.semantic[rows]
        return semantic, result.emotion[rows]
