"""The cues that the markers of a MIDI file name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from amt.chord_events import named_chord
from amt.errors import MidiError
from amt.reporter import Reporter
from amt.spotting.clip import ClipClock
from amt.spotting.cues import Cue, CueSheet, marker_cue, ordered
from amt.timecode import SmpteOffset, Timecode, parse_rate
from render.files.smf import SmfError, SmfFile, decode_text, read_smf

_TEXTS = ("marker", "cue_marker")


def from_file(path: Path, clock: ClipClock, reporter: Reporter) -> CueSheet:
    """The markers and cue points of a MIDI file; those that name chords are left out.

    Second 0 of the file is the clip's 0. Where the file states the SMPTE time at which it begins,
    and the clip's timecode is known, markers lie where their timecode does.

    Args:
        path: of the file.
        clock: the timecode of the clip.
        reporter: gets one sentence on what of the file had to be passed over.

    Raises:
        MidiError: the file cannot be read, or holds no markers.
    """
    try:
        smf = read_smf(path, reporter)
    except SmfError as error:
        raise MidiError(str(error)) from error
    markers = [(t, m) for track in smf.tracks for t, m in track if m.type in _TEXTS]
    markers = [(tick, message) for tick, message in markers if named_chord(message) is None]
    if not markers:
        raise MidiError(f"{path.name} holds no markers: add some that say hit, mood, silence …")
    counted = clock.clock
    shift_s = _shift_s(smf, clock)
    times_s = smf.seconds([tick for tick, _ in markers]) + shift_s
    cues = [
        marker_cue(max(0.0, float(time_s)), decode_text(message.text))
        for time_s, (_, message) in zip(times_s, markers, strict=True)
        if time_s >= -1 / float(counted.rate.fps)
    ]
    if lost := len(markers) - len(cues):
        reporter.message(f"{path.name}: {lost} markers lie before the clip's start: passed over")
    return CueSheet(counted, ordered(_without_repeats(cues)))


def _without_repeats(cues: list[Cue]) -> list[Cue]:
    """Cues of which none is there twice: some programs write markers into every track."""
    return list(dict.fromkeys(cues))


def _shift_s(smf: SmfFile, clock: ClipClock) -> float:
    """Seconds from the clip's 0 to the file's."""
    offset = next((m for track in smf.tracks for t, m in track if m.type == "smpte_offset"), None)
    if offset is None or not (clock.start_asked or clock.start_stated):
        return 0.0
    stated = _label(offset)
    if stated.hours == stated.minutes == stated.seconds == stated.frames == 0:
        return 0.0  # what programs write where nobody has set it
    rate = parse_rate("29.97df" if stated.frame_rate == 29.97 else f"{stated.frame_rate:g}")
    own = clock.clock
    if own.rate.counted // round(stated.frame_rate) * round(stated.frame_rate) == own.rate.counted:
        # The label is the clip's, counted as finely as MIDI can.
        step = own.rate.counted // round(stated.frame_rate)
        frames = stated.frames * step + stated.sub_frames * step // 100
        sign = ";" if own.rate.drop else ":"
        start = f"{stated.label[:8]}{sign}{frames:02d}"
        first = own.rate.frame(start)
        return float((first - own.start_frame) / own.rate.fps)
    begins = Timecode(rate, stated.label)
    return float(begins.start_frame / rate.fps - own.start_frame / own.rate.fps)


def _label(message: Any) -> SmpteOffset:  # noqa: ANN401 (mido is untyped)
    return SmpteOffset(
        float(message.frame_rate), message.hours, message.minutes, message.seconds,
        message.frames, message.sub_frames,
    )  # fmt: skip
