"""Cue sheet ⇄ OpenTimelineIO: a clip a shot, a marker a cue.

Markers lie on the timeline's stack. Their names are those of
:func:`amt.spotting.cues.marker_text`, and their metadata ``amt`` hold the cue exactly. An editor's
timeline is read for its markers and for the changes of shot in its first track of the picture: a
transition makes a dissolve, a gap is black picture.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from amt.errors import InputError, shown
from amt.reporter import Reporter
from amt.spotting.clip import ClipClock
from amt.spotting.cues import Cue, CueSheet, marker_cue, marker_text, ordered, rounded
from amt.spotting.json_rows import cue_fields, cue_of_fields
from amt.spotting.shots import MARKER_COLOURS, merged, shot_edges
from amt.timecode import RATES, FrameRate, Timecode, nearest_rate

if TYPE_CHECKING:
    import opentimelineio as otio

_METADATA = "amt"
_HALF_FRAME = 0.51
"""A marker lies on the frame nearest to its cue."""


def to_text(sheet: CueSheet) -> str:
    """The text of an OpenTimelineIO file.

    Raises:
        ModuleNotFoundError: OpenTimelineIO is not installed.
    """
    import opentimelineio as otio

    clock = sheet.clock
    fps = float(clock.rate.fps)

    def at(frame: int) -> otio.opentime.RationalTime:
        return otio.opentime.RationalTime(frame, fps)

    timeline = otio.schema.Timeline(
        name=sheet.title,
        global_start_time=at(clock.start_frame),
        metadata={
            _METADATA: {
                "rate": clock.rate.name, "start_tc": clock.start, "duration_s": sheet.duration_s,
            }
        },
    )  # fmt: skip
    track = otio.schema.Track(name="V1", kind=otio.schema.TrackKind.Video)
    for first, end in shot_edges(sheet):
        span = otio.opentime.TimeRange(at(clock.start_frame + first), at(end - first))
        media = otio.schema.MissingReference(name=sheet.title)
        track.append(otio.schema.Clip(name=sheet.title, media_reference=media, source_range=span))
    timeline.tracks.append(track)
    for cue in map(rounded, sheet.cues):
        length = clock.frame(cue.end_s) - clock.frame(cue.time_s)
        timeline.tracks.markers.append(
            otio.schema.Marker(
                name=marker_text(cue),
                marked_range=otio.opentime.TimeRange(at(clock.frame(cue.time_s)), at(length)),
                color=MARKER_COLOURS[cue.kind],
                metadata={_METADATA: cue_fields(sheet, cue)},
            )
        )
    return str(timeline.to_json_string(indent=2)) + "\n"


def from_text(text: str, name: str, clock: ClipClock, reporter: Reporter) -> CueSheet:
    """The cue sheet of an OpenTimelineIO file's text.

    Args:
        text: of the file.
        name: of the file, for messages.
        clock: the timecode of the clip; without a start the timeline begins with the clip.
        reporter: gets one sentence on gaps.

    Raises:
        InputError: the text is no timeline, or counts at another rate.
        ModuleNotFoundError: OpenTimelineIO is not installed.
    """
    import opentimelineio as otio

    try:
        timeline = otio.adapters.read_from_string(text, "otio_json")
    except Exception as error:
        raise InputError(f"{name} is no OpenTimelineIO file: {shown(error)}") from error
    if not isinstance(timeline, otio.schema.Timeline):
        raise InputError(
            f"{name} holds a {type(timeline).__name__}, expected a Timeline: export the sequence"
        )
    try:
        counted = _clock_of(timeline, name, clock)
        cues = _markers(timeline, counted)
        cuts = _cuts(timeline, name, reporter)
    except (otio.exceptions.OTIOError, ValueError, RuntimeError) as error:
        raise InputError(f"{name} is a damaged timeline: {shown(error)}") from error
    if not cues and not cuts and not list(timeline.find_clips()):
        raise InputError(f"{name} is an empty timeline: it has no clips and no markers")
    ours = _ours(timeline)
    duration_s = ours.get("duration_s")
    merged_cues = merged(cues, cuts, float(1 / counted.rate.fps))
    return CueSheet(counted, ordered(merged_cues), duration_s, timeline.name or "")


def _ours(item: Any) -> dict[str, Any]:  # noqa: ANN401 (an object of OpenTimelineIO)
    """What this program wrote into an object's metadata."""
    found = item.metadata.get(_METADATA)
    return {} if found is None else {key: found[key] for key in found}


def _clock_of(timeline: otio.schema.Timeline, name: str, clock: ClipClock) -> Timecode:
    """The timecode that a timeline counts by.

    Raises:
        InputError: it counts at another rate than the clip.
    """
    start = timeline.global_start_time
    times = [start] if start is not None else []
    times += [clip.duration() for clip in timeline.find_clips()]
    times += [marker.marked_range.start_time for marker in timeline.tracks.markers]
    if not times:
        return clock.clock
    rate = _rate(float(times[0].rate), _ours(timeline).get("rate"), name, clock)
    if start is None:
        return clock.for_sheet(name, rate, None)
    frame = round(start.rescaled_to(float(rate.fps)).value)
    return clock.for_sheet(name, rate, rate.label(frame))


def _rate(fps: float, written: str | None, name: str, clock: ClipClock) -> FrameRate:
    own = clock.clock.rate
    rate, usual = nearest_rate(Fraction(fps).limit_denominator(100_000))
    if not usual or abs(float(rate.fps) / fps - 1) > 1e-3:
        raise InputError(
            f"{name} counts {fps:g} frames a second, expected one of {', '.join(RATES)}: export it "
            "at the clip's rate"
        )
    if written is not None and written in RATES and RATES[written].fps == rate.fps:
        return RATES[written]
    return own if own.fps == rate.fps else rate


def _markers(timeline: otio.schema.Timeline, clock: Timecode) -> list[Cue]:
    """The cues of all markers, at their places on the timeline."""
    cues = []
    for item in [timeline.tracks, *timeline.tracks.find_children()]:
        for marker in getattr(item, "markers", ()):
            place = marker.marked_range.start_time
            if item is not timeline.tracks:
                place = item.transformed_time(place, timeline.tracks)
            time_s = float(place.to_seconds())
            named = marker_cue(max(0.0, time_s), marker.name or marker.comment)
            cues.append(_exact(named, marker, clock))
    return cues


def _exact(named: Cue, marker: otio.schema.Marker, clock: Timecode) -> Cue:
    """The cue of a marker, with the digits of its metadata where it was not edited since.

    Args:
        named: the cue by the marker's place and name.
        marker: it may have metadata of this program.
        clock: the timecode.
    """
    ours = _ours(marker)
    if not ours:
        return named
    written = cue_of_fields(ours, clock)
    if marker.name != marker_text(written):
        return named
    moved = abs(written.time_s - named.time_s) * clock.rate.fps > _HALF_FRAME
    return replace(written, time_s=named.time_s) if moved else written


def _cuts(timeline: otio.schema.Timeline, name: str, reporter: Reporter) -> list[Cue]:
    """The changes of shot of the first track of the picture."""
    import opentimelineio as otio

    cuts: list[Cue] = []
    track = next(iter(timeline.video_tracks()), None)
    if track is None:
        return []
    now_s, gaps = 0.0, []
    transition: otio.schema.Transition | None = None
    for item in track:
        if isinstance(item, otio.schema.Transition):
            transition = item
            continue
        if isinstance(item, otio.schema.Gap) and item.duration().value > 0:
            gaps.append(now_s)
        if now_s > 0 and transition is not None:
            into_s = transition.out_offset.to_seconds() - transition.in_offset.to_seconds()
            cuts.append(Cue(now_s + into_s / 2, "dissolve"))
        elif now_s > 0:
            cuts.append(Cue(now_s, "cut"))
        transition = None
        now_s += float(item.duration().to_seconds())
    if gaps:
        reporter.message(
            f"{name}: {len(gaps)} gap{'s' * (len(gaps) > 1)} in the picture, the first at "
            f"{gaps[0]:.2f} s, taken as black"
        )
    return cuts
