"""The page itself: one HTML file that opens anywhere, offline, and asks nothing of a network."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from amt.report.clip import check_embeddable, coded, link_to
from amt.report.curves import density, loudness, movement, tempo
from amt.report.drawing import Axis, clock
from amt.report.hits import CutAlignment, cut_alignments
from amt.report.panels import BACKENDS, Panel, cuts_and_bars, emotion, harmony, picture, ruler
from amt.report.roll import piano_roll
from amt.report.sound import SoundSource, encode_mp3
from amt.report.templates import render, verbatim
from amt.report.thumbnails import film_strip
from amt.types import Plan, Song, TimeGrid, VideoFeatures

_STRONG_CUT_LINES = 200
"""Cuts that are drawn faintly through all panels, the strongest first."""
_SILENCE = (
    "No sound: the music could not be rendered when this page was made. Click to move through it."
)
_FILLED_ELEMENTS = (
    '<script type="text/plain" id="sound">',
    '<script type="text/plain" id="clip-data">',
)
"""Elements of the page that are filled block by block, in their order."""


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Optional contents of a page."""

    embed_clip: bool = False
    """Whether the clip lies inside the page; else the page plays the file from where it is."""
    played_by: str = ""
    """Engine and soundfont that turned the notes into sound, such as ``fluidsynth on FluidR3.sf2``;
    empty where that is not known."""
    sound_hint: str = ""
    """A sentence on how it may sound better, if any."""


def write_report(
    path: str | Path,
    video: str | Path,
    features: VideoFeatures,
    plan: Plan,
    song: Song,
    sound: SoundSource | None = None,
    options: ReportOptions = ReportOptions(),
) -> None:
    """Write a page that shows how the music of a clip follows its video.

    The page holds its pictures, its drawings, and the sound as MP3, and plays the clip from the
    file beside it, or from inside. Its size and the memory for it are bounded but for the lists of
    bars and chords: sound and clip are coded block by block. A minute gives 1 to 2 MB without the
    clip. Equal input gives equal bytes.

    Args:
        path: HTML file to write.
        video: the clip; the page refers to it by the way from ``path`` to it.
        features: of the clip.
        plan: of the music.
        song: the notes of ``plan``.
        sound: the rendered song, in memory (:class:`amt.report.Sound`) or in blocks; None gives a
            page without sound, which says so.
        options: see :class:`ReportOptions`.

    Raises:
        VideoError: the clip cannot be decoded.
        InputError: the clip is too large to be embedded.
        OSError: ``path`` cannot be written.
    """
    path, video = Path(path), Path(video)
    if options.embed_clip:
        check_embeddable(video)
    text = _text(path, video, features, plan, song, sound is not None, options)
    with path.open("w", encoding="utf-8", newline="\n") as page:
        page.write(text[0])
        if sound is not None:
            _write_sound(page, sound, path.parent)
        page.write(text[1])
        if options.embed_clip:
            with video.open("rb") as file:
                page.writelines(coded(file))
        page.write(text[2])


def _write_sound(page: TextIO, sound: SoundSource, folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as mp3:
        encode_mp3(sound, mp3)
        mp3.seek(0)
        page.writelines(coded(mp3))


def _text(
    path: Path,
    video: Path,
    features: VideoFeatures,
    plan: Plan,
    song: Song,
    has_sound: bool,
    options: ReportOptions,
) -> list[str]:
    """The page in three pieces: before the sound, between sound and clip, after the clip."""
    axis = Axis(plan.grid.duration_s)
    found = cut_alignments(features.cuts, plan.grid, song)
    link = "" if options.embed_clip else link_to(video, path)
    text = render(
        "page.html",
        title=plan.title or video.stem,
        file=video.name,
        facts=_facts(features, plan, song, options),
        verdict=_verdict(found),
        panels=panels(axis, film_strip(video, axis.duration_s), features, plan, song),
        ruler_labels=ruler(axis),
        marks=cut_marks(axis, found),
        link=link,
        has_clip=bool(link) or options.embed_clip,
        has_sound=has_sound,
        duration_s=axis.duration_s,
        note=options.sound_hint if has_sound else _SILENCE,
        data=_script_data(plan),
        style=verbatim("page.css"),
        script=verbatim("page.js"),
    )
    pieces = []
    for element in _FILLED_ELEMENTS:
        before, text = text.split(element)
        pieces.append(before + element)
    return [*pieces, text]


def panels(
    axis: Axis, strip: Sequence[bytes], features: VideoFeatures, plan: Plan, song: Song
) -> tuple[Panel, ...]:
    """What the page shows, from the picture to the notes; the strip is that of the clip."""
    return (
        picture(axis, strip),
        cuts_and_bars(axis, cut_alignments(features.cuts, plan.grid, song), plan),
        harmony(axis, plan),
        emotion(axis, plan, features.backend),
        movement(axis, features, song),
        loudness(axis, plan, song),
        density(axis, plan, song),
        tempo(axis, plan),
        piano_roll(axis, song),
    )


def _facts(
    features: VideoFeatures, plan: Plan, song: Song, options: ReportOptions
) -> dict[str, str]:
    tempos = plan.grid.tempo_bpm
    low, high = f"{tempos.min():.0f}", f"{tempos.max():.0f}"
    notes = sum(len(track.notes) for track in song.tracks)
    return {
        "Length": clock(plan.grid.duration_s, 1),
        "Timecode": _starting_timecode(plan),
        "Tempo": (low if low == high else f"{low} to {high}") + " beats a minute",
        "Key": ", ".join([plan.key_at(0).label, *_key_changes(plan)]),
        "Style": Path(plan.style).stem,
        "Instruments": str(len(song.tracks)),
        "Bars": str(len(plan.grid.bars)),
        "Notes": str(notes),
        "Seed": str(plan.seed),
        "Picture read by": BACKENDS.get(features.backend, features.backend),
        "Played by": options.played_by,
    }


def _starting_timecode(plan: Plan) -> str:
    """Timecode of the first frame and its rate; empty where nobody has named one."""
    clock = plan.timecode
    return "" if clock is None else f"{clock.start} at {clock.rate.name} frames a second"


def _verdict(found: Sequence[CutAlignment]) -> str:
    """How well the music meets the cuts, in a sentence or two."""
    if not found:
        return "The clip has no cuts for the music to meet."
    strong = [alignment for alignment in found if alignment.strong]
    met = sum(alignment.on_beat for alignment in found)
    text = f"{met} of {len(found)} {_cuts(len(found))} on a beat of the music"
    if strong:
        met = sum(alignment.on_downbeat for alignment in strong)
        text += f", and {met} of {len(strong)} strong ones on the first beat of a bar"
    noted = sum(alignment.answered for alignment in found)
    text += f"; a note begins on {noted}"
    return f"{text}, to within 40 milliseconds (one frame of film)."


def _cuts(count: int) -> str:
    return "cut falls" if count == 1 else "cuts fall"


def cut_marks(axis: Axis, found: Sequence[CutAlignment]) -> str:
    """Path data of faint lines at the strongest cuts."""
    strongest = sorted(found, key=lambda alignment: -alignment.cut.strength)[:_STRONG_CUT_LINES]
    times_s = sorted(alignment.cut.time_s for alignment in strongest if alignment.strong)
    return "".join(f"M{axis.x(t)} 0v100" for t in times_s)


def _key_changes(plan: Plan) -> list[str]:
    return [f"{key.label} from {clock(plan.grid.beats_s[b])}" for b, key in plan.key_changes()]


def _script_data(plan: Plan) -> dict[str, object]:
    """What the script shows beside the clock: times in seconds and what begins there."""
    grid = plan.grid
    chords = [span.chord.spell(plan.key_at(span.beat)) for span in plan.chords]
    moods = [section.mood for section in plan.sections]
    return {
        "duration": round(grid.duration_s, 3),
        "bars": _starts(grid, grid.downbeats.tolist()),
        "chords": (_starts(grid, [span.beat for span in plan.chords]), chords),
        "moods": (_starts(grid, [section.beat for section in plan.sections]), moods),
    }


def _starts(grid: TimeGrid, beats: Sequence[int]) -> list[float]:
    return [round(float(grid.beats_s[beat]), 3) for beat in beats]
