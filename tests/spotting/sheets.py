"""Cue sheets that tests draw, and the timecode of a clip without a file."""

from __future__ import annotations

import random

from amt.spotting.clip import ClipClock
from amt.spotting.cues import KINDS, SPANS, Cue, CueSheet, ordered
from amt.timecode import RATES, Timecode
from amt.types import EMOTIONS


def clip_clock(
    rate: str, start: str = "00:00:00:00", *, asked: bool = True, stated: bool = False
) -> ClipClock:
    """What is known of a clip at a rate; asked for by the user, or the file's."""
    return ClipClock(Timecode(RATES[rate], start), asked, asked, stated, True)


def draw_sheet(rate: str, seed: int, duration_s: float = 90.0) -> CueSheet:
    """A sheet of any kinds of cues at any times inside a clip."""
    draws = random.Random(seed)
    counted = RATES[rate]
    start = counted.label(draws.choice((0, 86400, counted.frames_per_day - 50)))
    cues = []
    for _ in range(draws.randrange(1, 14)):
        kind = draws.choice(KINDS)
        cues.append(
            Cue(
                round(draws.uniform(0, duration_s - 0.5), 6),
                kind,
                round(draws.uniform(0.1, 9), 6) if kind in SPANS and draws.random() < 0.6 else 0.0,
                round(draws.random(), 4) if draws.random() < 0.6 else None,
                draws.choice(EMOTIONS) if kind == "mood" else "",
                draws.choice("ABC") if kind == "theme" else "",
                draws.choice(("", "a door; slams, hard", 'Türe "zu"', "1.5 s 30 % here")),
            )
        )
    return CueSheet(Timecode(counted, start), ordered(cues), duration_s, "clip")
