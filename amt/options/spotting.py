"""What is asked of the music at moments of the clip, and how the clip's frames are counted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from amt.errors import InputError
from amt.timecode import RATES, parse_rate
from render.files.options import Option, check_options

_PANEL = "Spotting"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpottingOptions:
    """What is asked of the music at moments of the clip, and how frames are counted.

    Raises:
        InputError: the rate is none of timecode, or the start is no timecode of it.
    """

    spots: Annotated[
        Path | None,
        Option(
            "Cue sheet to follow: hits, moods, silences, start and themes, and the cuts of an "
            "editor (CSV, JSON, EDL, OTIO, or a MIDI file with markers).",
            _PANEL,
        ),
    ] = None
    start_tc: Annotated[
        str | None,
        Option(
            "Timecode of the clip's first frame, such as 01:00:00:00; else the one in the file.",
            _PANEL, metavar="TIMECODE",
        ),
    ] = None  # fmt: skip
    rate: Annotated[
        str | None,
        Option(
            f"Frames a second of the timecode: {', '.join(RATES)}; else the clip's. Drop-frame is "
            "taken where --start-tc has a semicolon.".replace("--start-tc", "`start_tc`"),
            _PANEL, metavar="RATE",
        ),
    ] = None  # fmt: skip

    def __post_init__(self) -> None:
        check_options(self, InputError)
        if self.rate is not None:
            counted = parse_rate(self.rate)
            if self.start_tc is not None:
                counted.frame(self.start_tc)
        elif self.start_tc is not None:
            # Whether the label fits the clip's rate is known when the clip is read.
            RATES["59.94df" if ";" in self.start_tc else "60"].frame(self.start_tc)
