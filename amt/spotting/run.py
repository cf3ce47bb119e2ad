"""The Python interface to spotting: ``amt.spot``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from amt.plan import read_plan
from amt.reporter import callback_reporter
from amt.spotting.clip import clip_clock
from amt.spotting.cues import CueSheet
from amt.spotting.detect import spot_clip
from amt.spotting.music import with_music
from amt.types import Plan


def spot(
    video: str | Path,
    *,
    plan: Plan | str | Path | None = None,
    start_tc: str | None = None,
    rate: str | None = None,
    progress: Callable[[str, float], object] | None = None,
    say: Callable[[str], object] | None = None,
) -> CueSheet:
    """Find what happens in a clip and when: its cue sheet.

    Args:
        video: any file that PyAV decodes.
        plan: of this clip: says what its music does at every cue.
        start_tc: timecode of the first frame, else the file's own.
        rate: frames a second of the timecode, else the clip's.
        progress: called with the name of a stage and the share (0 to 1) of it that is done.
        say: called with a sentence on what was decided for the user; None logs it.

    Raises:
        AmtError: the clip, the plan or the timecode cannot be used.
    """
    reporter = callback_reporter(progress, say)
    clip = Path(video)
    chosen = plan if isinstance(plan, Plan | None) else read_plan(Path(plan), reporter)
    clock = clip_clock(clip, start_tc, rate, reporter).clock
    sheet = spot_clip(clip, clock, reporter.stage("watching"))
    return sheet if chosen is None else with_music(sheet, chosen)
