"""The page itself: one HTML file that opens anywhere, offline, and asks nothing of a network."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from amt.report.drawing import Axis, clock, number
from amt.report.hits import Landing, landings
from amt.report.panels import (
    Panel,
    cuts_and_bars,
    density,
    emotion,
    harmony,
    loudness,
    movement,
    picture,
    ruler,
    tempo,
)
from amt.report.roll import piano_roll
from amt.report.sound import Sound, encode_mp3
from amt.report.thumbnails import film_strip
from amt.types import Plan, Song, TimeGrid, VideoFeatures

_STRONG_CUT_LINES = 200
"""Cuts that are drawn faintly through all panels, the strongest first."""
_SILENCE = (
    "No sound: the music could not be rendered when this page was made. Click to move through it."
)


def write_report(
    path: Path,
    video: Path,
    features: VideoFeatures,
    plan: Plan,
    song: Song,
    sound: Sound | None = None,
) -> None:
    """Write a page that shows how the music of a clip follows its picture.

    The page holds everything it needs: pictures, drawings, and the sound as MP3. Its size and the
    memory for it are bounded but for the sound and the lists of bars and chords; a clip of a minute
    gives 1 to 2 MB. Equal input gives equal bytes.

    Args:
        path: HTML file to write.
        video: the clip.
        features: what was seen of it.
        plan: what was decided.
        song: the notes; made for the same clip as ``plan``.
        sound: the rendered song; None gives a page without sound, which says so.

    Raises:
        VideoError: the clip cannot be decoded.
        OSError: ``path`` cannot be written.
    """
    axis = Axis(plan.grid.duration_s)
    found = landings(features.cuts, plan.grid)
    name = plan.title or video.stem
    page = Template(_part("page.html")).substitute(
        title=escape(name),
        file=escape(video.name),
        facts=_facts(plan, song),
        verdict=escape(_verdict(found)),
        panels="".join(map(_section, _panels(axis, video, features, plan, song))),
        ruler=ruler(axis),
        marks=_marks(axis, found),
        player=_player(axis, sound is not None),
        data=_json(_script_data(plan)),
        sound="" if sound is None else base64.b64encode(encode_mp3(sound)).decode(),
        style=_part("page.css"),
        script=_part("page.js"),
    )
    path.write_text(page, encoding="utf-8", newline="\n")


def _panels(
    axis: Axis, video: Path, features: VideoFeatures, plan: Plan, song: Song
) -> tuple[Panel, ...]:
    """What the page shows, from the picture to the notes."""
    return (
        picture(axis, film_strip(video, axis.duration_s)),
        cuts_and_bars(axis, landings(features.cuts, plan.grid), plan),
        harmony(axis, plan),
        emotion(axis, plan, features.backend),
        movement(axis, features, song),
        loudness(axis, plan, song),
        density(axis, plan, song),
        tempo(axis, plan),
        piano_roll(axis, song),
    )


def _part(name: str) -> str:
    return files("amt.report").joinpath(name).read_text(encoding="utf-8")


def _facts(plan: Plan, song: Song) -> str:
    tempos = plan.grid.tempo_bpm
    low, high = f"{tempos.min():.0f}", f"{tempos.max():.0f}"
    notes = sum(len(track.notes) for track in song.tracks)
    facts = {
        "Length": clock(plan.grid.duration_s, 1),
        "Tempo": (low if low == high else f"{low} to {high}") + " beats a minute",
        "Key": plan.key.label,
        "Style": Path(plan.style).stem,
        "Instruments": str(len(song.tracks)),
        "Bars": str(len(plan.grid.bars)),
        "Notes": str(notes),
        "Seed": str(plan.seed),
    }
    return "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items())


def _verdict(found: Sequence[Landing]) -> str:
    """How well the music meets the cuts, in a sentence or two."""
    if not found:
        return "The clip has no cuts for the music to meet."
    strong = [landing for landing in found if landing.strong]
    met = sum(landing.on_beat for landing in found)
    text = f"{met} of {len(found)} {_cuts(len(found))} on a beat of the music"
    if strong:
        met = sum(landing.on_downbeat for landing in strong)
        text += f", and {met} of {len(strong)} strong ones on the first beat of a bar"
    return f"{text}, to within 40 milliseconds (one frame of film)."


def _cuts(count: int) -> str:
    return "cut falls" if count == 1 else "cuts fall"


def _section(panel: Panel) -> str:
    heading = f"h-{panel.name}"
    return (
        f'<section class="panel" id="{panel.name}" aria-labelledby="{heading}">'
        f'<div class="pin"><h2 id="{heading}">{escape(panel.heading)}</h2>'
        f"<p>{escape(panel.sentence)}</p>{panel.key}</div>{panel.body}"
        + (f'<div class="pin">{panel.more}</div>' if panel.more else "")
        + "</section>"
    )


def _marks(axis: Axis, found: Sequence[Landing]) -> str:
    """Path data of faint lines at the strongest cuts."""
    strongest = sorted(found, key=lambda landing: -landing.cut.strength)[:_STRONG_CUT_LINES]
    times_s = sorted(landing.cut.time_s for landing in strongest if landing.strong)
    return "".join(f"M{axis.x(t)} 0v100" for t in times_s)


def _player(axis: Axis, audible: bool) -> str:
    return Template(_part("player.html")).substitute(
        duration=number(axis.duration_s, 3),
        length=clock(axis.duration_s),
        disabled="" if audible else "disabled",
        note="" if audible else f'<p class="note">{_SILENCE}</p>',
    )


def _script_data(plan: Plan) -> dict[str, object]:
    """What the script shows beside the clock: times in seconds and what begins there."""
    grid = plan.grid
    chords = [span.chord.spell(plan.key) for span in plan.chords]
    moods = [section.mood for section in plan.sections]
    return {
        "duration": round(grid.duration_s, 3),
        "bars": _starts(grid, grid.downbeats.tolist()),
        "chords": (_starts(grid, [span.beat for span in plan.chords]), chords),
        "moods": (_starts(grid, [section.beat for section in plan.sections]), moods),
    }


def _starts(grid: TimeGrid, beats: Sequence[int]) -> list[float]:
    return [round(float(grid.beats_s[beat]), 3) for beat in beats]


def _json(data: object) -> str:
    """JSON that may stand in a script element."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
