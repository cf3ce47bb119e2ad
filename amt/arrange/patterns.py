"""Arranging by patterns: every role of the style plays the plan's chords in a fixed pattern.

The harmony plays whole chords, the pad ties them, the arpeggio breaks them in patterns that vary
over a phrase, and chords and bass play the figures of the style (:mod:`amt.arrange.figures`). The
number of onsets follows the plan's density (:mod:`amt.arrange.textures`), velocities its loudness
(:mod:`amt.arrange.dynamics`), register and note lengths its mood. The final chord begins once and
sounds until the end.

Constants without a source were set by hand; ``tests/arrange/test_effects.py`` states the least
effect of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from amt.arrange.bass import bass_pitches
from amt.arrange.casting import Cast, casts, played_by_parts
from amt.arrange.drums import drum_track
from amt.arrange.entries import playing
from amt.arrange.form import PHRASE_BARS
from amt.arrange.harmony_voices import chord_tones, thin
from amt.arrange.orchestration import Spaced, part_tracks
from amt.arrange.score import ChordOnset, Score, write_score
from amt.arrange.splice import bar_span, splice_bars
from amt.arrange.styles import PATTERN_ROLES, Instrument, load_style
from amt.arrange.tracks import Draft, song_of, track_of
from amt.plan import rounded, validate
from amt.types import TICKS_PER_BEAT, Plan, Song, Track

_SLOW_PATTERNS = ((0, 2, 1, 3), (0, 1, 2, 3), (2, 1, 3, 2), (3, 2, 1, 2), (0, 3, 2, 1))
_FLOWING_PATTERNS = (
    (0, 1, 2, 3, 4, 3, 2, 1),
    (0, 2, 1, 2, 3, 2, 1, 2),
    (0, 2, 3, 2, 4, 3, 2, 3),
    (0, 1, 2, 4, 3, 2, 1, 2),
    (0, 3, 2, 1, 4, 3, 2, 1),
)
_RUNNING_PATTERNS = (
    (0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 2, 3, 4, 3, 2, 1),
    (0, 2, 1, 3, 2, 4, 3, 5, 4, 2, 3, 1, 2, 0, 1, 2),
    (0, 1, 2, 1, 3, 2, 1, 2, 4, 3, 2, 3, 5, 4, 3, 2),
    (0, 2, 4, 2, 1, 3, 5, 3, 0, 2, 4, 2, 5, 4, 3, 1),
)
_ARPEGGIO_PATTERNS = {1: _SLOW_PATTERNS, 2: _FLOWING_PATTERNS, 4: _RUNNING_PATTERNS}
"""Arpeggio patterns as indices of the rising chord tones, by the number of steps of a beat. The
bars of a phrase have the patterns a a b a."""
_CONTRASTING_BAR = 2
"""Bar of a phrase, from 0, that has pattern b."""
_TONES = 6
"""Chord tones that an arpeggio pattern runs over."""
_TOP_ACCENT = 3.0
"""Velocity steps of the highest note of a chord, so that it can be followed as a line."""
_LONG_GATE, _GATE_AROUSAL = 0.97, 0.35
"""Share of its step that a note of two beats or more sounds at least, and by what share notes are
shorter at arousal 1 (staccato articulation expresses high arousal: Juslin and Laukka, Psychological
Bulletin 129, 2003)."""
_SHORTEST_NOTE = 30
"""Ticks of a note at least: a sixteenth of a beat."""
_MIDDLE_LIFT, _LIFT_AROUSAL, _LIFT_VALENCE = 0.35, 0.3, 0.15
"""Register of the arpeggio as a share of the room in its range: at mood 0, and its change at
arousal 1 and at valence 1."""
_UPSTROKE = -6.0
"""Velocity steps of a chord that is strummed upwards, which is lighter."""
_STRUM_MS = 15.0
"""Milliseconds from the first to the last note of a strummed chord, set by hand within the 10 to
25 ms of a quick strum; upstrokes take half of it."""


def _as_they_are(role: str, instrument: Instrument, drafts: list[Draft]) -> list[Draft]:
    return drafts


def arrange_patterns(plan: Plan) -> Song:
    """Arrange a plan with the patterns of its style; equal plans give equal songs.

    Args:
        plan: Any plan; it is rounded as its file would be, so that arranging the file gives the
            same song. Its arrangement says whether there are drums, and which bars are composed
            anew: those get other patterns. There is no melody to leave out.

    Raises:
        PlanError: the plan breaks a rule of :func:`amt.plan.validate`.
        InputError: its style does not exist.
    """
    *_, song = iter_pattern_songs(plan)
    return song


def iter_pattern_songs(plan: Plan) -> Iterator[Song]:
    """The song without rewrites, then after each of them; see :func:`arrange_patterns`."""
    plan = rounded(plan)
    validate(plan)
    score = write_score(plan, load_style(plan.style))
    song = _song(plan, score, plan.seed)
    yield song
    for rewrite in plan.arrangement.rewrites:
        anew = _song(plan, score.varied(rewrite.seed), rewrite.seed)
        song = splice_bars(song, anew, bar_span(plan.grid, rewrite, song.end))
        yield song


def _song(plan: Plan, score: Score, seed: int) -> Song:
    roles = [role for role in PATTERN_ROLES if role != "drums" or plan.arrangement.drums]
    roles = [role for role in roles if role not in played_by_parts(score.style)]
    cast = casts(plan, score) if score.style.parts else ()
    tracks = orchestral_tracks(plan, score, cast, {}, _as_they_are, seed)
    return song_of(plan, score, [*tracks, *pattern_tracks(plan, score, roles, seed)])


def orchestral_tracks(
    plan: Plan,
    score: Score,
    cast: Sequence[Cast],
    lines: Mapping[str, list[Draft]],
    spaced: Spaced,
    seed: int,
) -> list[Track]:
    """Return the tracks of the parts of a style; none if it has no parts.

    Args:
        plan: of the piece.
        score: of the same plan.
        cast: what plays in each phrase.
        lines: role -> notes that are written already; arpeggio and bass play by patterns.
        spaced: moves the notes of a role out of the way of those of other parts.
        seed: of the random differences of timing and velocity.
    """
    if not score.style.parts:
        return []
    written = dict(lines)
    for role in ("arpeggio", "bass"):
        player = score.style.instrument(role)
        if player is not None and role in played_by_parts(score.style):
            written[role] = _PATTERN_PARTS[role](score, player)
    return part_tracks(plan, score, cast, written, spaced, seed)


def pattern_tracks(
    plan: Plan, score: Score, roles: Sequence[str], seed: int, spaced: Spaced = _as_they_are
) -> list[Track]:
    """Return the tracks of those instruments of a style that play by patterns.

    Args:
        plan: of the piece.
        score: of the same plan.
        roles: of :data:`amt.arrange.styles.PATTERN_ROLES`; those that the style lacks are skipped.
        seed: of fills, ghost notes and the random differences of timing and velocity.
        spaced: moves the notes of a role out of the way of those of other parts.
    """
    tracks = []
    for role, play in _PATTERN_PARTS.items():
        player = score.style.instrument(role)
        if player is not None and role in roles:
            drafts = playing(spaced(role, player, play(score, player)), role, score.form)
            tracks.append(track_of(plan, score, player, drafts, seed))
    drummer = score.style.instrument("drums")
    if drummer is not None and "drums" in roles:
        tracks.append(drum_track(plan, score, drummer, seed))
    return tracks


def _harmony(score: Score, player: Instrument) -> list[Draft]:
    form = score.form
    drafts: list[Draft] = []
    for onset in score.chord_onsets():
        length = note_length(
            onset.end - onset.start, player.gate, form.cell_at(onset.start).arousal
        )
        drafts += strummed(score, onset, onset.start + length)
    return drafts + _ending_chord(score)


def strummed(score: Score, onset: ChordOnset, end: int) -> list[Draft]:
    """Return the notes of a chord, one shortly after the other where it is strummed."""
    order = onset.pitches[:: onset.strum or 1]
    beat_s = score.bars[score.form.cell_at(onset.start).downbeat].beat_s(onset.start)
    off_beat = onset.start % TICKS_PER_BEAT > 0
    late = round(score.style.laid_back_ms * off_beat / 1000 / beat_s * TICKS_PER_BEAT)
    spread = _STRUM_MS / 1000 / beat_s * TICKS_PER_BEAT * {1: 1, -1: 0.5, 0: 0}[onset.strum]
    spread *= score.humanize
    drafts = []
    for i, pitch in enumerate(order):
        start = onset.start + late + round(spread * i / max(len(order) - 1, 1))
        accent = _TOP_ACCENT * (pitch == onset.pitches[-1]) + _UPSTROKE * (onset.strum < 0)
        drafts.append(Draft(min(start, end - 1), pitch, end, accent))
    return drafts


def _ending_chord(score: Score) -> list[Draft]:
    """The final chord: a block chord where the music is busy, broken upwards where it is calm."""
    form = score.form
    # Where the pad has held the chords up to the ending, it holds the final chord too.
    if score.rests(score.textures[form.cell_index(max(form.ending - 1, 0))]):
        return []
    voicing, calm = score.harmony[-1], score.ending_notes < len(score.harmony[-1]) + 2
    if calm and voicing:
        voicing = thin(voicing, form.regions[-1].chord)
    room = (form.end - form.ending) // 2
    gaps = (TICKS_PER_BEAT, TICKS_PER_BEAT // 2, TICKS_PER_BEAT // 4)
    gap = next((gap for gap in gaps if (len(voicing) - 1) * gap <= room), 0) if calm else 0
    return [Draft(form.ending + i * gap, pitch, form.end) for i, pitch in enumerate(voicing)]


def _pad(score: Score, _: Instrument) -> list[Draft]:
    return [Draft(start, pitch, end) for start, end, pitch in score.pad_notes()]


def _arpeggio(score: Score, player: Instrument) -> list[Draft]:
    form = score.form
    tones = _arpeggio_tones(score, player)
    drafts: list[Draft] = []
    for beat, rung in enumerate(score.arpeggio_counts):
        ticks = score.arpeggio_ticks(beat)
        if not ticks:
            continue
        cell = form.cell_at(ticks[0])
        step = TICKS_PER_BEAT // _subdivision(rung)
        shapes = _ARPEGGIO_PATTERNS[_subdivision(rung)]
        first, contrast, *_ = score.choices[cell.phrase]
        shape = shapes[
            (contrast if cell.bar % PHRASE_BARS == _CONTRASTING_BAR else first) % len(shapes)
        ]
        ends = [*ticks[1:], (beat + 1) * TICKS_PER_BEAT]
        for tick in sorted(set(ticks)):
            region = form.region_at(tick)
            place = shape[((tick - cell.downbeat) // step) % len(shape)]
            until = next(end for end in ends if end > tick) - tick
            ring = max(until, TICKS_PER_BEAT) if player.gate == 1 else until
            end = min(form.regions[region].end, max(form.ending, tick + 1))
            stop = min(tick + note_length(ring, player.gate, cell.arousal), end)
            places = (place, place + 2)[: ticks.count(tick)]
            pitches = {_reflect(tones[region], p) for p in places}
            drafts += [Draft(tick, pitch, stop) for pitch in sorted(pitches)]
    return drafts + _ending_arpeggio(score, tones[-1])


def _subdivision(notes: int) -> int:
    """Equal steps of a beat that has so many arpeggio notes."""
    return 1 if notes <= 1 else 2 if notes == 2 else 4


def _ending_arpeggio(score: Score, tones: tuple[int, ...]) -> list[Draft]:
    """The final chord broken upwards once, in the first half of its time, and held."""
    form = score.form
    spare = round(score.ending_notes) - len(score.harmony[-1]) - 1
    step = next(
        (s for s in (TICKS_PER_BEAT, TICKS_PER_BEAT // 2) if 6 * s <= form.end - form.ending),
        TICKS_PER_BEAT // 4,
    )
    starts = [form.ending + i * step for i in range(min(max(spare, 0), len(tones)))]
    latest = form.ending + (form.end - form.ending) // 2
    return [
        Draft(start, pitch, form.end)
        for start, pitch in zip(starts, tones, strict=False)
        if start <= latest
    ]


def _bass(score: Score, player: Instrument) -> list[Draft]:
    form = score.form
    notes = score.bass_notes()
    drafts: list[Draft] = []
    for note, pitch in zip(notes, bass_pitches(score, player, notes), strict=True):
        length = note_length(note.end - note.start, player.gate, form.cell_at(note.start).arousal)
        drafts.append(Draft(note.start, pitch, note.start + length))
    last = score.bass[-1]
    return [*drafts, Draft(form.ending, last - 12 if last - 12 >= player.low else last, form.end)]


def _arpeggio_tones(score: Score, player: Instrument) -> list[tuple[int, ...]]:
    """[regions] rising chord tones of the arpeggio: above the harmony, near those before."""
    form = score.form
    tones: list[tuple[int, ...]] = []
    room = player.high - player.low - 14
    anchor: float | None = None
    section = 0
    for region, voicing in zip(form.regions, score.harmony, strict=True):
        cell = form.cell_at(region.start)
        if cell.section != section:  # a section begins in its own register, without a transition
            section, anchor = cell.section, None
        lift = _MIDDLE_LIFT + _LIFT_AROUSAL * cell.arousal + _LIFT_VALENCE * cell.valence
        lift = np.clip(lift, 0, 1)
        lift = float(np.clip(lift + score.shifts[cell.section] / 12, 0, 1))
        if not voicing:
            tones.append(())
            continue
        goal = max(player.low + room * lift, min(voicing[-1], player.low + room))
        wish = goal if anchor is None else (goal + anchor) / 2
        starts = chord_tones(region.chord, player.low, player.high - 12, 99)
        anchor = float(min(starts, key=lambda n: (abs(n - wish), n)))
        tones.append(chord_tones(region.chord, int(anchor), player.high, _TONES))
    return tones


def _reflect(tones: tuple[int, ...], place: int) -> int:
    """The tone at an index, reflected at both ends of the tones."""
    top = len(tones) - 1
    place %= 2 * top
    return tones[place if place <= top else 2 * top - place]


def note_length(step: int, gate: float, arousal: float) -> int:
    """Return the ticks that a note sounds of its step.

    It is shorter at high arousal, and legato at low arousal or if it is long.
    """
    if step >= 2 * TICKS_PER_BEAT:
        gate = max(gate, _LONG_GATE)
    elif arousal > 0:
        gate *= 1 - _GATE_AROUSAL * arousal
    else:
        gate += (1 - gate) * -arousal
    return max(round(step * min(gate, 1.0)), min(step, _SHORTEST_NOTE))


_PATTERN_PARTS: dict[str, Callable[[Score, Instrument], list[Draft]]] = {
    "harmony": _harmony, "arpeggio": _arpeggio, "pad": _pad, "bass": _bass,
}  # fmt: skip
