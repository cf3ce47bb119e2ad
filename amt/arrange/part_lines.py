"""Lines that only the parts of an orchestra play: divided chords, cadences of the timpani, cymbals.

Times are ticks, 480 to the beat. Constants without a source were set by hand.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise

from amt.arrange.casting import Cast
from amt.arrange.chord_voices import Voicing
from amt.arrange.drums import KICK
from amt.arrange.form import Region
from amt.arrange.score import Score
from amt.arrange.tracks import Draft
from amt.types import TICKS_PER_BEAT, TimeGrid

LOWEST_DRUM = 41
"""F2, the lowest note of the timpani; from there each pitch class has one note (Adler 2016)."""
ROLL_STEP_S = 0.07
"""Seconds between the notes of a roll at least: about 14 a second, as fast as players roll."""
ROLL_BEATS = 2
"""Beats of a roll into a strong cut."""
ROLL_RISE = 22.0
"""Velocity steps by which a roll grows."""
CYMBAL = 57
"""Key of a pair of cymbals in the orchestra kit, and of a crash cymbal in the standard kit."""
_ROLL_LEVEL = 2
"""Dynamic level from which the timpani roll."""
_BEAT_LEVEL = 3
"""Dynamic level from which they play the roots of tonic and dominant on every downbeat."""
_LOUD_LEVEL, _CLIMAX_LEVEL = 3, 4
"""Levels from which the cymbals strike strong cuts, and from which the bass drum has downbeats."""
_STEPS = (TICKS_PER_BEAT // 8, TICKS_PER_BEAT // 6, TICKS_PER_BEAT // 4, TICKS_PER_BEAT // 2)
"""Ticks between the notes of a roll or of a tremolo, of which it has the shortest it can play."""
_RING = TICKS_PER_BEAT
"""Ticks that a note of a drum or cymbal is written for."""


def divided_chords(
    score: Score, voicings: Sequence[Voicing], spaced: Callable[[list[Draft]], list[Draft]]
) -> tuple[list[Draft], ...]:
    """Return one line a voice of some chords, from the top.

    A voice holds its note until the next chord, strong cut or phrase, and further where the next
    chord has it in the same voice.

    Args:
        score: of the piece.
        voicings: [regions] pitches, rising.
        spaced: moves chords out of the way of the melody.
    """
    form = score.form
    stops = {cell.start for cell in form.cells if cell.place == 0}
    stops |= {tick for tick in form.hits if form.has_strong_cut(tick)} | {form.ending}
    ordered = sorted(stops)
    chords: list[Draft] = []
    for region, voicing in zip(form.regions, voicings, strict=True):
        inner = ordered[bisect_right(ordered, region.start) : bisect_left(ordered, region.end)]
        edges = [region.start, *inner, region.end]
        for start, end in pairwise(edges):
            chords += [Draft(start, pitch, end) for pitch in voicing]
    by_start: dict[int, list[Draft]] = {}
    for draft in spaced(chords):
        by_start.setdefault(draft.start, []).append(draft)
    n_voices = max((len(voicing) for voicing in voicings), default=0)
    lines: tuple[list[Draft], ...] = tuple([] for _ in range(n_voices))
    for _, chord in sorted(by_start.items()):
        for line, draft in zip(lines, sorted(chord, key=lambda d: -d.pitch), strict=False):
            _join(line, draft, draft.start in stops)
    return lines


def _join(line: list[Draft], draft: Draft, anew: bool) -> None:
    """Add a note to a line, or lengthen its last one if that is the same."""
    if line and not anew and line[-1].pitch == draft.pitch and line[-1].end == draft.start:
        line[-1] = line[-1]._replace(end=draft.end)
    else:
        line.append(draft)


def cadences(
    score: Score, cast: Sequence[Cast], bass: Sequence[Draft], grid: TimeGrid
) -> list[Draft]:
    """Return what the timpani play: roots of tonic and dominant under cadences, and rolls.

    They strike where a dominant goes to a tonic, from a level on on all downbeats of these chords,
    and roll into strong cuts and on the final tonic. They play with the root in the bass alone.
    """
    form = score.form
    drafts: dict[int, Draft] = {}

    def strike(tick: int) -> None:
        root = _tuned(form.regions[form.region_at(tick)])
        if root is not None and _bass_class(bass, tick) in (root, None):
            drafts[tick] = Draft(tick, drum(root), min(tick + _RING, form.end))

    for before, after in pairwise(form.regions):
        if _is_cadence(before, after):
            strike(before.start)
            strike(after.start)
    for cell in form.cells:
        if _phrase_at(cast, cell.start).level >= _BEAT_LEVEL:
            strike(cell.downbeat)
    rolls = _rolls(score, cast)
    kept = [d for d in drafts.values() if not any(s <= d.start < e for s, e, _ in rolls)]
    for start, end, root in rolls:
        rising = start < form.ending
        kept += rolled(start, end, drum(root), grid, ROLL_RISE if rising else 0.0)
    last = max(kept, default=None)  # the roll on the final chord ends with a note that rings
    if last is not None and last.start >= form.ending:
        kept = [*(d for d in kept if d is not last), last._replace(end=form.end)]
    return sorted(kept)


def _rolls(score: Score, cast: Sequence[Cast]) -> list[tuple[int, int, int]]:
    """Start, end and root of each roll: into strong cuts that open a section, and at the end."""
    form = score.form
    rolls = []
    for before, phrase in pairwise(cast):
        cut = phrase.opens and form.has_strong_cut(phrase.start)
        region = form.regions[form.region_at(phrase.start - 1)]
        root = _tuned(region)
        if cut and max(before.level, phrase.level) > _ROLL_LEVEL and root is not None:
            rests = [start for start, end in form.rests() if end == phrase.start]
            end = rests[0] if rests else phrase.start
            start = max(end - ROLL_BEATS * TICKS_PER_BEAT, region.start, before.start)
            if start < end:
                rolls.append((start, end, root))
    root, middle = _tuned(form.regions[-1]), (form.ending + form.end) // 2
    long = middle - form.ending >= TICKS_PER_BEAT
    if cast[-1].level >= _ROLL_LEVEL and root is not None and long:
        rolls.append((form.ending, middle, root))
    return rolls


def _is_cadence(before: Region, after: Region) -> bool:
    tonic = after.key.tonic
    return before.chord.root == (tonic + 7) % 12 and after.chord.root == tonic


def _tuned(region: Region) -> int | None:
    """The root of a chord where it is the tonic or dominant of its key, else None."""
    root, tonic = region.chord.root, region.key.tonic
    return root if root in (tonic, (tonic + 7) % 12) else None


def _bass_class(bass: Sequence[Draft], tick: int) -> int | None:
    """Pitch class of the bass note, of notes sorted by onset, that begins on a tick, if any."""
    index = bisect_left(bass, (tick,))
    starts = index < len(bass) and bass[index].start == tick
    return bass[index].pitch % 12 if starts else None


def _phrase_at(cast: Sequence[Cast], tick: int) -> Cast:
    return cast[max(bisect_right(cast, tick, key=lambda phrase: phrase.start) - 1, 0)]


def drum(root: int) -> int:
    """Return the note of the timpani for a pitch class."""
    return LOWEST_DRUM + (root - LOWEST_DRUM) % 12


def rolled(start: int, end: int, pitch: int, grid: TimeGrid, rise: float) -> list[Draft]:
    """Return the notes of a roll that grows by so many velocity steps up to its end."""
    step = step_of(start, end, grid)
    ticks = range(start, end, step)
    return [
        Draft(t, pitch, min(t + step, end), rise * ((t - start) / (end - start) - 1)) for t in ticks
    ]


def step_of(start: int, end: int, grid: TimeGrid) -> int:
    """Return the ticks between the notes of a roll, as short as can be played in a span."""
    first, last = start // TICKS_PER_BEAT, -(-end // TICKS_PER_BEAT)
    beat_s = float(grid.beat_length_s[first : max(last, first + 1)].min())
    return next((s for s in _STEPS if s / TICKS_PER_BEAT * beat_s >= ROLL_STEP_S), TICKS_PER_BEAT)


def percussion(score: Score, cast: Sequence[Cast]) -> list[Draft]:
    """Return what cymbals and bass drum play: climaxes that begin, and strong cuts when loud."""
    form = score.form
    cymbal, drums = set(), set()
    for before, phrase in zip((None, *cast), cast, strict=False):
        if phrase.level >= _CLIMAX_LEVEL and (before is None or before.level < phrase.level):
            cymbal.add(phrase.start)
    for cell in form.cells:
        if cell.start < form.ending and _phrase_at(cast, cell.start).level >= _CLIMAX_LEVEL:
            drums.add(cell.downbeat)
    for tick in form.hits:
        loud = _phrase_at(cast, tick).level >= _LOUD_LEVEL
        if loud and tick < form.ending and form.has_strong_cut(tick):
            cymbal.add(tick)
    cymbals = [Draft(tick, CYMBAL, tick + _RING) for tick in cymbal]
    return sorted([*cymbals, *(Draft(tick, KICK, tick + _RING) for tick in drums | cymbal)])
