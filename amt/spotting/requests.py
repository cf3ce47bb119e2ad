"""What a cue sheet asks of the music, and cues that contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from amt.errors import InputError
from amt.features.scenes import scene_offset
from amt.mood import MoodSpan
from amt.options import SpottingOptions
from amt.reporter import SILENT, Reporter
from amt.spotting.clip import clip_clock
from amt.spotting.cues import ASKED, CUTS, Cue, CueSheet
from amt.spotting.files import read_cues
from amt.timecode import RATES, Timecode
from amt.types import Accent, Cut, Plan, TimeSpan, VideoFeatures

SAME_CUT_S = 0.1
"""A cut of a sheet without a strength has that of the cut found in the clip this near to it."""
ACCENT_S = 0.5
"""Another accent this near to a hit gives way to it: the two would fall on one beat."""
UNSEEN_STRENGTH = 0.7
"""Strength of one where none was found: below a strong cut, as the picture hardly changes."""


@dataclass(frozen=True, slots=True)
class SpotRequests:
    """What a cue sheet asks for; times in seconds of the clip."""

    hits_s: tuple[float, ...] = ()
    """Moments that fall on a downbeat: hits, starts of themes, and where music comes in again."""
    moods: tuple[MoodSpan, ...] = ()
    silences_s: tuple[tuple[float, float], ...] = ()
    """Start and end of each, in order, none touching another."""
    end_s: float | None = None
    """When the music ends, where silence lasts from there to the end of the clip."""
    themes: tuple[tuple[float, str], ...] = ()
    """Start and letter of each section."""
    cuts: tuple[Cue, ...] = ()
    """Changes of shot that stand in for those found in the clip; empty keeps those."""
    movements: tuple[Cue, ...] = ()
    """Peaks of movement and flashes, which do so likewise."""
    stressed: tuple[Cue, ...] = ()
    """Hits, which the music accents besides."""

    def cuts_for(self, found: Sequence[Cut], duration_s: float) -> tuple[Cut, ...]:
        """The cuts that the music follows.

        Args:
            found: in the clip.
            duration_s: length of the clip.
        """
        if not self.cuts:
            return tuple(found)
        inside = (cue for cue in self.cuts if 0 < cue.time_s < duration_s)
        cuts = [Cut(cue.time_s, _strength(cue, found), cue.kind) for cue in inside]  # type: ignore[arg-type]
        return tuple(
            cut
            for before, cut in zip((None, *cuts), cuts, strict=False)
            if before is None or cut.time_s > before.time_s
        )

    def accents_for(self, found: Sequence[Accent], duration_s: float) -> tuple[Accent, ...]:
        """The accents that the music plays.

        Args:
            found: in the clip.
            duration_s: length of the clip.
        """
        times = {accent.time_s: accent.strength for accent in found}
        if self.movements:
            times = _strengths(self.movements)
        stressed = _strengths(self.stressed)
        near = {t for t in times if any(abs(t - hit_s) < ACCENT_S for hit_s in stressed)}
        times = {t: strength for t, strength in times.items() if t not in near} | stressed
        return tuple(Accent(t, strength) for t, strength in sorted(times.items()) if t < duration_s)


def _strengths(cues: Sequence[Cue]) -> dict[float, float]:
    """Strength of each cue by its time, 1 where it is not known."""
    return {cue.time_s: 1.0 if cue.strength is None else cue.strength for cue in cues}


def _strength(cue: Cue, found: Sequence[Cut]) -> float:
    if cue.strength is not None:
        return cue.strength
    near = min(found, key=lambda cut: abs(cut.time_s - cue.time_s), default=None)
    if near is None or abs(near.time_s - cue.time_s) > SAME_CUT_S:
        return UNSEEN_STRENGTH
    return near.strength


def requests_of(sheet: CueSheet, duration_s: float) -> SpotRequests:
    """What a cue sheet asks of the music of a clip.

    Args:
        sheet: as it was read.
        duration_s: length of the clip.

    Raises:
        InputError: a cue lies outside the clip, or two contradict each other.
    """
    _check_inside(sheet, duration_s)
    silences = _silences(sheet, duration_s)
    _check_contradictions(sheet, silences)
    if silences == ((0.0, duration_s),):
        raise InputError("silence is asked for from the first frame to the last: leave some music")
    of_kind = {kind: [cue for cue in sheet.cues if cue.kind == kind] for kind in ASKED}
    entries = [end for _, end in silences if end < duration_s]
    downbeats = [cue.time_s for kind in ("hit", "start", "theme") for cue in of_kind[kind]]
    return SpotRequests(
        hits_s=tuple(sorted({*downbeats, *entries})),
        moods=_moods(of_kind["mood"], duration_s),
        silences_s=silences,
        end_s=silences[-1][0] if silences and silences[-1][1] >= duration_s else None,
        themes=tuple((cue.time_s, cue.theme) for cue in of_kind["theme"]),
        cuts=tuple(cue for cue in sheet.cues if cue.kind in CUTS),
        movements=tuple(cue for cue in sheet.cues if cue.kind in ("movement", "flash")),
        stressed=tuple(of_kind["hit"]),
    )


def _check_inside(sheet: CueSheet, duration_s: float) -> None:
    """Refuse cues outside the clip.

    Raises:
        InputError: one that asks for something begins at the end or later, or another does so by
            more than a second.
    """
    late = [c for c in sheet.cues if c.time_s >= duration_s + (0 if c.kind in ASKED else 1)]
    if late:
        clock = sheet.clock
        more = f" and {len(late) - 1} more" if len(late) > 1 else ""
        raise InputError(
            f"the {late[0].kind} at {sheet.label(late[0])}{more} lies outside the clip, which goes "
            f"from {clock.start} to {clock.label(duration_s)} at {clock.rate.name} frames a "
            "second: mend the cue, or name the clip's first timecode with `start_tc`"
        )


def _silences(sheet: CueSheet, duration_s: float) -> tuple[tuple[float, float], ...]:
    """Start and end of every stretch without music, in order; those that touch are one.

    One without a duration lasts to the next cue that asks for something, or to the end.
    """
    asked = [cue for cue in sheet.cues if cue.kind in ASKED]
    spans = [(0.0, cue.time_s) for cue in asked if cue.kind == "start" and cue.time_s > 0]
    for cue in asked:
        if cue.kind == "silence":
            later = [c.time_s for c in asked if c.time_s > cue.time_s and c.kind != "silence"]
            open_end = min(later, default=duration_s)
            end_s = cue.end_s if cue.duration_s else open_end
            spans.append((cue.time_s, min(end_s, duration_s)))
    joined: list[tuple[float, float]] = []
    for start_s, end_s in sorted(spans):
        if joined and start_s <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_s))
        else:
            joined.append((start_s, end_s))
    return tuple(joined)


def _check_contradictions(sheet: CueSheet, silences: Sequence[tuple[float, float]]) -> None:
    """Refuse cues that cannot all be served.

    Raises:
        InputError: the music starts twice, is hit where it rests, or has two moods or themes at
            once.
    """
    label = sheet.label
    starts = [cue for cue in sheet.cues if cue.kind == "start"]
    if len(starts) > 1:
        raise InputError(
            f"the music is to start twice, at {label(starts[0])} and at {label(starts[1])}: keep "
            "one, and ask for silence between"
        )
    for start_s, end_s in silences:
        for cue in sheet.cues:
            if cue.kind in ("hit", "theme", "start") and start_s <= cue.time_s < end_s:
                clock = sheet.clock
                raise InputError(
                    f"the {cue.kind} at {label(cue)} lies where silence is asked for, from "
                    f"{clock.label(start_s)} to {clock.label(end_s)}: move one of them"
                )
    for kind, value in (("mood", "mood"), ("theme", "theme")):
        asked = [cue for cue in sheet.cues if cue.kind == kind]
        for before, cue in pairwise(asked):
            if before.time_s == cue.time_s and getattr(before, value) != getattr(cue, value):
                raise InputError(
                    f"two {kind}s are asked for at {label(cue)}, {getattr(before, value)} and "
                    f"{getattr(cue, value)}: keep one"
                )


def _moods(cues: Sequence[Cue], duration_s: float) -> tuple[MoodSpan, ...]:
    """Moods in order; one without a duration lasts to the next, or to the end."""
    spans = []
    for number, cue in enumerate(cues, 1):
        next_s = cues[number].time_s if number < len(cues) else duration_s
        end_s = min(cue.end_s if cue.duration_s else next_s, duration_s)
        if end_s > cue.time_s:
            spans.append(MoodSpan(cue.mood, cue.time_s, end_s))
    return tuple(spans)


NO_CLOCK = Timecode(RATES["25"], "00:00:00:00")


@dataclass(frozen=True)
class Spots:
    """The cue sheet of a run, if one is given, and the timecode of its clip."""

    sheet: CueSheet | None = None
    clock: Timecode = NO_CLOCK
    """By which moments are named."""
    is_stated: bool = False
    """Whether user, clip or sheet states the timecode."""

    def requests(self, duration_s: float) -> SpotRequests:
        """What is asked of the music; see :func:`requests_of`."""
        return SpotRequests() if self.sheet is None else requests_of(self.sheet, duration_s)

    def applied_to(self, features: VideoFeatures) -> VideoFeatures:
        """The features of a clip, with the sheet's cuts in place of its own if it has any."""
        cuts = self.requests(features.duration_s).cuts_for(features.cuts, features.duration_s)
        return replace(features, cuts=cuts, scene_offset=scene_offset(cuts, features.seconds))

    def planned(self, plan: Plan) -> Plan:
        """A plan with the silences, the accents and the timecode that are asked for."""
        end_s = plan.grid.duration_s
        requests = self.requests(end_s)
        silences = tuple(TimeSpan(start, end) for start, end in requests.silences_s)
        accents = requests.accents_for(plan.accents, end_s)
        return replace(
            plan,
            silences=silences,
            accents=accents,
            timecode=self.clock if self.is_stated else None,
        )


def read_spots(video: Path, options: SpottingOptions, reporter: Reporter) -> Spots:
    """The cue sheet and the timecode of a run, before the clip is watched.

    Args:
        video: the clip.
        options: what the user named.
        reporter: gets sentences on the clip's rate, and on cues that ask for nothing.

    Raises:
        AmtError: the sheet or the clip cannot be read, or the timecode is of another rate.
    """
    asks = any(option is not None for option in (options.spots, options.start_tc, options.rate))
    clock = clip_clock(video, options.start_tc, options.rate, reporter if asks else SILENT)
    if options.spots is None:
        return Spots(None, clock.clock, clock.is_known)
    sheet = read_cues(options.spots, clock, reporter)
    return Spots(sheet, sheet.clock, clock.is_known or sheet.clock != clock.clock)
