"""The shots of a cue sheet in whole frames, the cuts of a timeline, and its markers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from amt.spotting.cues import CUTS, Cue, CueKind, CueSheet

MARKER_COLOURS: Mapping[CueKind, str] = {
    "cut": "WHITE", "dissolve": "WHITE", "fade": "WHITE", "fadeout": "WHITE", "flash": "YELLOW",
    "movement": "CYAN", "quiet": "BLUE", "speech": "BLUE", "hit": "RED", "mood": "MAGENTA",
    "silence": "BLACK", "start": "GREEN", "theme": "GREEN", "note": "YELLOW",
}  # fmt: skip
"""Colours of the markers of cues, by names that Avid and OpenTimelineIO share."""
_LAST_S = 1.0
"""Seconds that the last shot has where the length of the clip is not known."""


def shot_edges(sheet: CueSheet) -> list[tuple[int, int]]:
    """First frame of every shot and of what follows it, from the clip's 0 on."""
    clock = sheet.clock
    last_s = max((cue.end_s for cue in sheet.cues), default=0.0)
    end = clock.frame(last_s + _LAST_S if sheet.duration_s is None else sheet.duration_s)
    cuts = {clock.frame(cue.time_s) for cue in sheet.cues if cue.kind in CUTS}
    edges = [0, *sorted(frame for frame in cuts if 0 < frame < end), max(end, 1)]
    return list(pairwise(edges))


def merged(named: list[Cue], cuts: list[Cue], frame_s: float) -> list[Cue]:
    """Named cues, and of the cuts of a timeline those that none of them names.

    Args:
        named: from markers.
        cuts: from the edges of shots.
        frame_s: length of a frame.
    """
    known = [cue.time_s for cue in named if cue.kind in CUTS]
    return named + [
        cut for cut in cuts if all(abs(cut.time_s - time_s) > 0.5 * frame_s for time_s in known)
    ]
