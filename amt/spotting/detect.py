"""Clip → cue sheet: cuts, fades, flashes, peaks of movement, silence and speech."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from amt.features import extract_features
from amt.features.accents import motion_accents
from amt.features.speech import is_available, speech_spans
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.spotting.cues import Cue, CueSheet, ordered, rounded
from amt.spotting.fadeouts import FadeOutDetector
from amt.spotting.flashes import Flash, FlashDetector
from amt.spotting.silence import quiet_spans
from amt.timecode import Timecode
from amt.types import VideoFeatures

CUT_S = 0.12
"""A flash this near to a cut belongs to the cut."""


def spot_clip(
    path: Path,
    clock: Timecode,
    reporter: Reporter = DEFAULT_REPORTER,
) -> CueSheet:
    """The cues of a clip; speech among them where the extra ``speech`` is installed.

    Args:
        path: any file that PyAV decodes.
        clock: its timecode.
        reporter: gets the progress.

    Raises:
        VideoError: the clip cannot be decoded.
    """
    flashes, fade_outs = FlashDetector(), FadeOutDetector()
    features = extract_features(
        path, backend="analytic", reporter=reporter, receivers=[flashes, fade_outs]
    )
    cues = picture_cues(features, flashes.flashes)
    cues += [Cue(start, "fadeout", end - start) for start, end in fade_outs.fade_outs]
    cues += [
        Cue(start_s, "quiet", end_s - start_s)
        for start_s, end_s in quiet_spans(path, features.duration_s)
    ]
    if is_available():
        cues += [Cue(s.start_s, "speech", s.end_s - s.start_s) for s in speech_spans(path)]
    found = ordered([rounded(cue) for cue in cues])
    return CueSheet(clock, found, features.duration_s, path.stem)


def picture_cues(features: VideoFeatures, flashes: Iterable[Flash] = ()) -> list[Cue]:
    """The cues of a clip's picture, in any order.

    Args:
        features: of the clip.
        flashes: of its frames.
    """
    cues = [Cue(cut.time_s, cut.kind, strength=cut.strength) for cut in features.cuts]
    cues += [
        Cue(accent.time_s, "movement", strength=accent.strength)
        for accent in motion_accents(features)
    ]
    cues += [
        Cue(flash.time_s, "flash", strength=flash.strength)
        for flash in flashes
        if all(abs(flash.time_s - cut.time_s) > CUT_S for cut in features.cuts)
    ]
    return cues
