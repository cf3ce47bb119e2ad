"""Lines → the tracks of an orchestra's parts.

Each part of a style (:mod:`amt.arrange.styles`) plays a line, of the melody, of a voice of the
chords or of the bass, in the phrases whose cast it belongs to (:mod:`amt.arrange.casting`): at the
written octave or doubling it, in its range, with breaths where it is a wind instrument.

Times are ticks, 480 to the beat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from amt.arrange.casting import Cast, instrument_of, led
from amt.arrange.part_lines import cadences, divided_chords, percussion, step_of
from amt.arrange.parts import Part
from amt.arrange.playable import one_at_a_time, rested
from amt.arrange.registers import OCTAVE, moved, within
from amt.arrange.score import Score
from amt.arrange.styles import Instrument
from amt.arrange.tracks import Draft, track_of
from amt.types import TICKS_PER_BEAT, Plan, TimeGrid, Track

Spaced = Callable[[str, Instrument, list[Draft]], list[Draft]]
"""From a role, its instrument and its notes to the notes where others leave room for them."""


def part_tracks(
    plan: Plan,
    score: Score,
    cast: Sequence[Cast],
    lines: Mapping[str, Sequence[Draft]],
    spaced: Spaced,
    seed: int,
) -> list[Track]:
    """Return the tracks of the parts of a style, in the order of the score.

    Args:
        plan: of the piece.
        score: of the same plan.
        cast: what plays in each phrase.
        lines: role -> its notes, of the roles that an arranger writes; chords, cadences and
            percussion are written here. Without a melody the highest voice of the chords is one.
        spaced: moves the notes of a role out of the way of those of other parts.
        seed: of the random differences of timing and velocity.
    """
    sources = _sources(plan.grid, score, cast, lines, spaced)
    names = dict.fromkeys(part.name for part in score.style.parts)
    tracks = []
    for name in names:
        player = next(part for part in score.style.parts if part.name == name)
        if player.source == "percussion" and not plan.arrangement.drums:
            continue
        drafts: list[Draft] = []
        for phrase in cast:
            drafts += _phrase_notes(phrase, name, sources, plan.grid, score.form.ending)
        drafts = rested(drafts, plan.grid, player.breath, score.form.ending)
        track = track_of(plan, score, instrument_of(player), drafts, seed)
        if player.players == 1:
            track = replace(track, notes=one_at_a_time(track.notes))
        tracks.append(track)
    return tracks


Voices = tuple[list[Draft], ...]
"""Lines of one source: of chords a line a voice from the top, else one."""


def _sources(
    grid: TimeGrid,
    score: Score,
    cast: Sequence[Cast],
    lines: Mapping[str, Sequence[Draft]],
    spaced: Spaced,
) -> dict[str, Voices]:
    style = score.style
    found: dict[str, Voices] = {}
    for role, voicings in (("harmony", score.harmony), ("pad", score.pad)):
        player = style.instrument(role)
        if player is not None:
            found[role] = divided_chords(score, voicings, partial(spaced, role, player))
    for role in ("melody", "counter", "accompaniment", "bass"):
        found[role] = (sorted(lines.get(role, ())),)
    if "melody" not in lines:
        found["melody"] = (led(found["harmony"][0], cast) if found["harmony"] else [],)
    if "accompaniment" not in lines:
        found["accompaniment"] = (sorted(lines.get("arpeggio", ())),)
    found["cadences"] = (cadences(score, cast, found["bass"][0], grid),)
    found["percussion"] = (percussion(score, cast),)
    return found


def _phrase_notes(
    phrase: Cast, name: str, sources: Mapping[str, Voices], grid: TimeGrid, ending: int
) -> list[Draft]:
    """What an instrument plays in a phrase: from the first of its tables that has notes."""
    for part in phrase.parts:
        if part.name == name:
            notes = _part_notes(part, phrase, sources[part.source], grid, ending)
            if notes:
                return notes
    return []


def _part_notes(
    part: Part, phrase: Cast, voices: Voices, grid: TimeGrid, ending: int
) -> list[Draft]:
    chosen = [v for i, v in enumerate(voices, 1) if not part.voices or i in part.voices]
    notes = sorted(draft for voice in chosen for draft in phrase.inside(voice))
    if part.source in ("percussion", "cadences"):
        return notes
    notes = moved(notes, part.octave * OCTAVE)
    if part.source in ("harmony", "pad"):  # what one instrument cannot reach, others play
        notes = [note for note in notes if part.low <= note.pitch <= part.high]
        notes = figured(notes, part, grid, ending)
    else:
        notes = within(notes, part.low, part.high)
    return [
        note._replace(end=note.end - _silence(note, part.gate)) if note.start < ending else note
        for note in notes
    ]


def _silence(note: Draft, gate: float) -> int:
    """Ticks of a note that are left silent, at most a quarter of a beat."""
    return min(round((1 - gate) * (note.end - note.start)), TICKS_PER_BEAT // 4)


def figured(notes: Sequence[Draft], part: Part, grid: TimeGrid, ending: int) -> list[Draft]:
    """Return held notes as a part plays them: held, repeated in half beats, or in a tremolo.

    The final chord is held.
    """
    if part.figure == "hold":
        return list(notes)
    drafts: list[Draft] = []
    for note in notes:
        pulse = part.figure == "pulse"
        step = TICKS_PER_BEAT // 2 if pulse else step_of(note.start, note.end, grid)
        if note.start >= ending:
            step = note.end - note.start
        for tick in range(note.start, note.end, step):
            drafts.append(Draft(tick, note.pitch, min(tick + step, note.end)))
    return drafts
