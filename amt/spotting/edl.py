"""Cue sheet ⇄ EDL (CMX 3600): an event a shot, a locator a cue.

Source and record timecode are both the clip's. A locator is a comment ``* LOC: 01:00:04:12 RED
text`` under the event in which it lies, as Avid writes them; its text is that of
:func:`amt.spotting.cues.marker_text`. Drop-frame lists say ``FCM: DROP FRAME``.

An editor's list is read for its changes of shot: what record timecode each event of the picture
begins on, from any reel. A dissolve or wipe counts at its middle; one from or to black is a fade.
In lists of markers, as DaVinci Resolve writes them, an event is a marker and no shot.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from amt.errors import InputError, quoted
from amt.reporter import Reporter
from amt.spotting.clip import ClipClock
from amt.spotting.cues import Cue, CueKind, CueSheet, marker_cue, marker_text, ordered
from amt.spotting.shots import MARKER_COLOURS, merged, shot_edges
from amt.timecode import RATES, FrameRate, Timecode

_TITLE_LENGTH = 70
"""Characters of a title, by the format."""
_TC = r"\d{1,2}[:;]\d{2}[:;]\d{2}[:;]\d{2}"
_EVENT = re.compile(
    rf"(?P<number>\d+)\s+(?P<reel>\S+)\s+(?P<channels>\S+)\s+(?P<edit>C|D|W\d*|K[BO]?)"
    rf"(?:\s+(?P<length>\d+))?\s+{_TC}\s+{_TC}\s+(?P<begins>{_TC})\s+(?P<ends>{_TC})",
    re.IGNORECASE,
)
_LOCATOR = re.compile(rf"\*\s*LOC:?\s*(?P<tc>{_TC})\s+(?P<colour>\w+)(?:\s+(?P<text>.*))?")
_MARKER_LINE = re.compile(r"\|C:\S*\s*\|M:(?P<text>.*?)\s*\|D:(?P<length>\d+)")
"""What DaVinci Resolve writes under an event that stands for a marker."""
_FCM = re.compile(r"FCM:\s*(?P<drop>NON[- ]?DROP|DROP)", re.IGNORECASE)
_PICTURE = re.compile(r"(?:.*/)?(?:V\d*|B|NONE)(?:/.*)?", re.IGNORECASE)
_BLACK = ("BL", "BLACK")


class _Event(NamedTuple):
    number: str
    reel: str
    edit: str
    length: int
    """Frames of a dissolve or wipe."""
    begins: str
    ends: str


class _Content(NamedTuple):
    events: list[_Event]
    locators: list[tuple[str, str]]
    """Timecode and text."""
    drop: bool | None
    """Whether it says that it counts drop-frame; None where it says nothing."""


def to_text(sheet: CueSheet) -> str:
    """The text of an EDL."""
    clock = sheet.clock

    def label(frame: int) -> str:
        return clock.rate.label(clock.start_frame + frame)

    title = " ".join(sheet.title.split())[:_TITLE_LENGTH] or "cues"
    lines = [
        f"TITLE: {title}",
        f"FCM: {'DROP FRAME' if clock.rate.drop else 'NON-DROP FRAME'}",
        "",
    ]
    waiting = list(sheet.cues)
    shots = shot_edges(sheet)
    for number, (first, end) in enumerate(shots, 1):
        span = f"{label(first)} {label(end)}"
        lines.append(f"{number:03d}  AX       V     C        {span} {span}")
        lines.append(f"* FROM CLIP NAME: {title}")
        is_last = number == len(shots)
        while waiting and (is_last or clock.frame(waiting[0].time_s) < end):
            cue = waiting.pop(0)
            lines.append(
                f"* LOC: {sheet.label(cue)} {MARKER_COLOURS[cue.kind]:<7} {marker_text(cue)}"
            )
    return "\n".join([*lines, ""])


def from_text(text: str, name: str, clock: ClipClock, reporter: Reporter) -> CueSheet:
    """The cue sheet of an EDL's text.

    Args:
        text: of the file.
        name: of the file, for messages.
        clock: the timecode of the clip; without a start the list begins with the clip.
        reporter: not used.

    Raises:
        InputError: a line is no event, a timecode is of another rate, or nothing of the picture is
            in it.
    """
    content = _content(text, name)
    rate = _rate(content, name, clock)
    counted = clock.for_sheet(name, rate, _start(content, rate))
    _check_reels(content, name, counted)
    frame_s = float(1 / counted.rate.fps)
    named = [marker_cue(counted.seconds(tc), words) for tc, words in content.locators]
    cues = merged(named, _cuts(content.events, counted), frame_s)
    ends_s = [counted.seconds(event.ends) for event in content.events]
    title = re.search(r"^TITLE:\s*(.*?)\s*$", text, re.MULTILINE)
    return CueSheet(counted, ordered(cues), max(ends_s, default=None), title[1] if title else "")


def _content(text: str, name: str) -> _Content:
    """What the lines of a list say.

    Raises:
        InputError: one begins like an event and is none, or there is nothing of the picture.
    """
    events: list[_Event] = []
    locators: list[tuple[str, str]] = []
    drop = None
    others = 0
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if match := _LOCATOR.fullmatch(line):
            locators.append((match["tc"], match["text"] or ""))
        elif (match := _MARKER_LINE.fullmatch(line)) and events:
            locators.append((events.pop().begins, match["text"]))
        elif match := _FCM.match(line):
            drop = match["drop"].upper() == "DROP"
        elif match := _EVENT.fullmatch(line):
            if not _PICTURE.fullmatch(match["channels"]):
                others += 1
                continue
            length = int(match["length"] or 0)
            events.append(
                _Event(
                    match["number"], match["reel"], match["edit"].upper(), length,
                    match["begins"], match["ends"],
                )
            )  # fmt: skip
        elif re.match(r"\d{3,}\s", line):
            raise InputError(
                f"{name}, line {number}, is no event of CMX 3600: expected number, reel, channel, "
                f"edit and four timecodes, found {quoted(line)}"
            )
    if not events and not locators:
        what = "only events of sound" if others else "no event and no locator"
        raise InputError(f"{name} holds {what}: expected an EDL of the picture (CMX 3600)")
    return _Content(events, locators, drop)


def _rate(content: _Content, name: str, clock: ClipClock) -> FrameRate:
    """How the list counts: at the clip's rate, drop-frame or not as the list says.

    Raises:
        InputError: it counts drop-frame, and at the clip's rate there is no such thing.
    """
    own = clock.clock.rate
    labels = [event.begins for event in content.events] + [tc for tc, _ in content.locators]
    drop = content.drop or any(";" in label for label in labels)
    if content.drop is None and not drop:
        return own
    bare = own.name.removesuffix("df")
    rate = RATES.get(f"{bare}df") if drop else RATES[bare]
    if rate is None:
        raise InputError(
            f"{name} counts drop-frame, as 29.97 and 59.94 frames a second do, but the clip has "
            f"{own.name}: name the rate that it counts at with `rate`, or export it at the clip's"
        )
    return rate


def _start(content: _Content, rate: FrameRate) -> str | None:
    """The record timecode on which a list begins; None where it has no events."""
    frames = [rate.frame(event.begins) for event in content.events]
    if not frames:
        return None
    noon = rate.frames_per_day // 2
    if max(frames) - min(frames) > noon:  # it goes on after midnight
        frames = [frame for frame in frames if frame >= noon]
    return rate.label(min(frames))


def _check_reels(content: _Content, name: str, clock: Timecode) -> None:
    """Refuse a list whose events count from more than one hour: it is of several reels.

    Raises:
        InputError: there is a minute and more without picture, and after it another hour.
    """
    spans = sorted(
        (clock.frame(clock.seconds(e.begins)), clock.frame(clock.seconds(e.ends)))
        for e in content.events
    )
    minute, hour = 60 * clock.rate.counted, 3600 * clock.rate.counted
    ended = spans[0][1] if spans else 0
    for begins, ends in spans:
        hours = [(clock.start_frame + frame) // hour for frame in (begins, ended - 1)]
        if begins - ended > minute and hours[0] > hours[1]:
            reels = sorted({clock.rate.label(clock.start_frame + first)[:2] for first, _ in spans})
            raise InputError(
                f"{name} holds several reels, of the hours {', '.join(reels)}: give the events of "
                "the clip's reel alone"
            )
        ended = max(ended, ends)


def _cuts(events: Sequence[_Event], clock: Timecode) -> list[Cue]:
    """The changes of shot between the events of the picture."""
    cuts: dict[int, CueKind] = {}
    ended, before = 0, ""
    for event in sorted(events, key=lambda e: clock.seconds(e.begins)):
        begins, ends = (clock.frame(clock.seconds(tc)) for tc in (event.begins, event.ends))
        if ended and begins > ended:  # nothing is seen in between
            cuts[ended] = "cut"
        if ends == begins:  # the outgoing half of a dissolve
            before = event.reel
            continue
        frame = begins + (event.length // 2 if event.edit != "C" else 0)
        if frame > 0:
            black = {event.reel.upper(), before.upper()} & set(_BLACK)
            gradual: CueKind = "fade" if black else "dissolve"
            cuts[frame] = "cut" if event.edit == "C" else gradual
        ended, before = max(ended, ends), event.reel
    return [Cue(clock.seconds_of(frame), kind) for frame, kind in sorted(cuts.items())]
