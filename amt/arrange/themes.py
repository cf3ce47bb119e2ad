"""The melody as themes: phrases that return, breathe, rise to a climax, and end on the tonic.

The network writes a melody bar by bar and seldom comes back to one. Here the plan's form is laid
over its notes: a phrase with the label of an earlier one takes over its melody, adapted to its own
chords; in a section that brings a theme back, some bars are varied and the head of the theme
is not, so that it is recognised; every phrase ends with a note that is held and a rest (Huron 2006:
phrases end with longer notes); the loudest section rises in steps to an octave above its theme; the
last note is the tonic.

Conventions: notes are integers [n, 5] as :mod:`amt.models.notes.tokens` has them, of the melody
alone, sorted by onset, in the home key. Positions are twelfths of a beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from amt.chords import HOME, Chord, Key, chord_from_id
from amt.models.notes.tokens import DURATION, ONSET, PITCH, RESOLUTION, VELOCITY
from amt.types import IntArray

PHRASE_BARS = 4
"""Bars of a phrase from which on it has a basic idea and its second statement."""
BREATH = RESOLUTION // 2
"""Positions of rest at least at the end of a phrase: half a beat."""
LAST_ONSET = 0.63
"""Share of the last bar of a phrase after which no note begins: half a beat after the middle of a
bar of four. Set by hand so that the last half-bars of phrases have some 60 % of the onsets of
others; people's have 75 to 85 %."""
OCTAVE = 12
SCALE_STEPS = 7
THEME_NOTES = (3, 8)
"""Notes of a bar of a theme: fewer have no rhythm, more no shape that is remembered."""
WIDE, MOST_ADDED = 3, 2
"""Semitones from which on an interval is filled with a passing note, and notes that are added to a
bar at most."""
FIRST_RISE, LAST_RISE, LONE_RISE = 3, 7, 5
"""Steps of the scale by which the first and the last phrase of the loudest section lie higher than
written, a fourth and an octave, and those of a section of one phrase, a sixth."""


@dataclass(frozen=True, slots=True, eq=False)
class ThemeContext:
    """What the melody of a piece has to suit."""

    bars: tuple[int, ...]
    """Beats of each bar; they sum to B."""
    phrases: tuple[tuple[int, int, str], ...]
    """First bar, bar after the last, and label of each phrase."""
    chords: IntArray
    """[B] chord ids, in the home key."""
    tonic: int
    """Pitch class of the home key's tonic."""
    ending: int
    """Position on which the final chord begins."""
    low: int
    high: int
    """Pitches that the melody's instrument can play, in the home key."""
    climax: tuple[int, int] | None = None
    """First bar, and bar after the last, of the loudest of several sections."""
    keys: tuple[Key, ...] = ()
    """[bars] key of each bar, in the home key's transposition; empty where they have one key."""
    rewritten: range = range(0)
    """Bars that keep the melody that was written for them."""
    returns: tuple[int, ...] = ()
    """How often the theme of each phrase's section came before, by the plan; () for never."""
    resting: frozenset[int] = frozenset()
    """Bars in which the melody rests."""

    @property
    def edges(self) -> IntArray:
        """[bars + 1] positions on which bars begin, and the end."""
        return RESOLUTION * np.concatenate([[0], np.cumsum(self.bars)]).astype(np.int64)

    def transposition(self, old: int, new: int) -> int:
        """Semitones, -6 to 5, from the tonic of one bar to that of another in the same mode.

        Other modes keep their pitches: relative keys share them, parallel ones are adapted later
        (:mod:`amt.arrange.section_keys`).
        """
        if not self.keys or self.keys[old].mode != self.keys[new].mode:
            return 0
        return (self.keys[new].tonic - self.keys[old].tonic + 6) % OCTAVE - 6

    def scale(self, bar: int) -> tuple[int, ...]:
        """Pitch classes of the key of a bar, rising from C."""
        key = self.keys[bar] if self.keys else HOME["major"]
        return tuple(sorted(key.scale))

    def differ(self, old: int, new: int) -> bool:
        """Whether two bars have other chords or lengths."""
        beats = np.cumsum([0, *self.bars])
        before, after = (self.chords[beats[bar] : beats[bar + 1]] for bar in (old, new))
        return not bool(np.array_equal(before, after))

    def chord_at(self, position: int) -> Chord:
        """The chord that sounds at a position."""
        return chord_from_id(int(self.chords[min(position // RESOLUTION, len(self.chords) - 1)]))


def shaped(melody: IntArray, context: ThemeContext) -> IntArray:
    """The melody with returning phrases, breaths, a climax and an ending on the tonic."""
    if not len(melody):
        return melody
    melody = with_returns(melody, context)
    melody = with_breaths(melody, context)
    melody = with_climax(melody, context)
    return ending_on_tonic(melody, context)


def with_returns(melody: IntArray, context: ThemeContext) -> IntArray:
    """Phrases of a label share one melody, the theme: that of the phrase that has most of one.

    Their last bars do so only over the same chords, as cadences differ. Where the section brings
    its theme back, they are varied (:func:`_varied`). In a theme of four bars or more the third bar
    takes over the melody of the first, as the second statement of a basic idea (Caplin 1998, the
    sentence), and every second bar of a contrasting theme has the rhythm of the first one. Notes on
    strong beats, and long ones, that are a semitone from a tone of the new chord move to its
    nearest tone; others are its sixths, sevenths and ninths.
    """
    by_bar = [
        bar[:0] if i in context.resting else bar for i, bar in enumerate(_by_bar(melody, context))
    ]
    themes = _themes(by_bar, context)
    pattern = _pattern_bar(by_bar, next(iter(themes.values()), (0, 0)))
    for number, (first, last) in enumerate(themes.values()):
        if number and pattern is not None:
            _relate(by_bar, pattern, range(first + 1, last, 2), context)
        _repeat_idea(by_bar, first, last, context)
    for number, (first, last, label) in enumerate(context.phrases):
        if label in themes and themes[label] != (first, last):
            times = context.returns[number] if context.returns else 0
            _take_over(by_bar, themes[label], (first, last), times, context)
    return _joined(by_bar)


def _themes(by_bar: Sequence[IntArray], context: ThemeContext) -> dict[str, tuple[int, int]]:
    """Label -> first bar, and bar after the last, of the phrase that is its theme.

    It is the first of those that have most bars, up to four, and of these most of
    :data:`THEME_NOTES`.
    """
    best: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {}
    low, high = THEME_NOTES
    for first, last, label in context.phrases:
        counts = [len(notes) for notes in by_bar[first : min(first + PHRASE_BARS, last)]]
        worth = len(counts), sum(low <= count <= high for count in counts)
        if any(counts) and (label not in best or worth > best[label][0]):
            best[label] = worth, (first, last)
    return {label: span for label, (_, span) in best.items()}


def _pattern_bar(by_bar: Sequence[IntArray], theme: tuple[int, int]) -> int | None:
    """The first bar of a theme that has :data:`THEME_NOTES`, else the one with most notes."""
    low, high = THEME_NOTES
    bars = range(*theme)
    fuller = (bar for bar in bars if low <= len(by_bar[bar]) <= high)
    return next(fuller, max(bars, key=lambda bar: len(by_bar[bar]), default=None))


def _relate(by_bar: list[IntArray], opening: int, bars: range, context: ThemeContext) -> None:
    """Give some bars the rhythm of the first bar with melody; changes ``by_bar``."""
    for bar in bars:
        if len(by_bar[bar]) and bar not in context.rewritten:
            by_bar[bar] = _in_rhythm(by_bar[bar], by_bar[opening], opening, bar, context)


def _repeat_idea(by_bar: list[IntArray], first: int, last: int, context: ThemeContext) -> None:
    """Repeat the first bar of a phrase as its third, and the first four from the fifth on.

    The last bar stays; ``by_bar`` changes.
    """
    if last - first < PHRASE_BARS:
        return
    pairs = [(first, first + 2), *((bar - PHRASE_BARS, bar) for bar in range(first + 4, last - 1))]
    for old, new in pairs:
        if len(by_bar[old]) and new not in context.rewritten:
            by_bar[new] = _moved(by_bar[old], old, new, context)


def _take_over(
    by_bar: list[IntArray],
    source: tuple[int, int],
    span: tuple[int, int],
    times: int,
    context: ThemeContext,
) -> None:
    """Give a phrase the melody of an earlier one; changes ``by_bar``.

    Args:
        by_bar: the notes of every bar.
        source: first bar of the earlier phrase, and bar after its last.
        span: those of the phrase.
        times: how often its theme came before.
        context: of the piece.
    """
    n_bars = min(source[1] - source[0], PHRASE_BARS)
    for new in range(*span):
        place = new - span[0]
        old = source[0] + (place if source[0] + place < source[1] else place % n_bars)
        is_end = new == span[1] - 1 or old == source[1] - 1
        keeps = new in context.rewritten or (is_end and context.differ(old, new))
        if len(by_bar[old]) and not keeps and new not in context.resting:
            moved = _moved(by_bar[old], old, new, context)
            is_repeat = place % PHRASE_BARS == 2
            by_bar[new] = _varied(moved, times, context.scale(new) if is_repeat else ())


def _varied(notes: IntArray, times: int, scale: Sequence[int]) -> IntArray:
    """A bar of a theme that returns: ornamented at first, then an octave lower, then both.

    Args:
        notes: of the bar.
        times: how often the theme came before; 0 leaves the notes as they are.
        scale: of its key, where it is the third bar of four; others are not ornamented: ().
    """
    if times >= 2:
        notes = notes.copy()
        notes[:, PITCH] -= OCTAVE
    return ornamented(notes, scale) if times % 2 == 1 and scale else notes


def ornamented(notes: IntArray, scale: Sequence[int]) -> IntArray:
    """Notes with others between those a beat or more apart: passing notes, else upper neighbours.

    Args:
        notes: [n, 5] of one bar or more.
        scale: pitch classes of their key.
    """
    added: list[IntArray] = []
    for before, after in pairwise(notes):
        gap = int(after[ONSET] - before[ONSET])
        if gap < RESOLUTION or len(added) == MOST_ADDED:
            continue
        note = before.copy()
        note[ONSET] += gap - RESOLUTION // 2
        note[DURATION] = RESOLUTION // 2
        interval = int(after[PITCH] - before[PITCH])
        towards = after[PITCH] - np.sign(interval) if abs(interval) >= WIDE else before[PITCH] + 1
        note[PITCH] = _in_scale(int(towards), scale, up=interval < WIDE)
        added.append(note)
    together = np.concatenate([notes, np.array(added, dtype=np.int64).reshape(-1, 5)])
    return together[np.argsort(together[:, ONSET], kind="stable")]


def _in_scale(pitch: int, scale: Sequence[int], *, up: bool) -> int:
    """The nearest pitch of a scale in one direction, itself included."""
    while pitch % OCTAVE not in scale:
        pitch += 1 if up else -1
    return pitch


def _moved(notes: IntArray, old: int, new: int, context: ThemeContext) -> IntArray:
    """The notes of one bar in another, fitted to its length and chords."""
    edges = context.edges
    moved: IntArray = notes.copy()
    moved[:, ONSET] += edges[new] - edges[old]
    _transpose(moved, context.transposition(old, new), context)
    moved = moved[moved[:, ONSET] < edges[new + 1]]
    moved[:, DURATION] = np.minimum(moved[:, DURATION], edges[-1] - moved[:, ONSET])
    for note in moved:
        before = context.chord_at(int(note[ONSET] - edges[new] + edges[old]))
        in_bar = int(note[ONSET] - edges[new])
        weighs = in_bar % (2 * RESOLUTION) == 0 or note[DURATION] > RESOLUTION
        chord = context.chord_at(int(note[ONSET]))
        if weighs and before != chord and _clashes(int(note[PITCH]), chord):
            _fit(note, context)
    return moved


def _transpose(notes: IntArray, semitones: int, context: ThemeContext) -> None:
    """Move notes by semitones, those that leave the instrument's range an octave back."""
    notes[:, PITCH] += semitones
    notes[notes[:, PITCH] > context.high, PITCH] -= OCTAVE
    notes[notes[:, PITCH] < context.low, PITCH] += OCTAVE


def _in_rhythm(
    notes: IntArray, pattern: IntArray, old: int, bar: int, context: ThemeContext
) -> IntArray:
    """The pitches of a bar in the rhythm of the notes of bar ``old``."""
    edges = context.edges
    pattern = pattern.copy()
    pattern[:, ONSET] -= edges[old]
    pattern = pattern[pattern[:, ONSET] < edges[bar + 1] - edges[bar]]
    chosen = np.linspace(0, len(notes) - 1, len(pattern)).round().astype(np.int64)
    moved = notes[chosen].copy()
    moved[:, ONSET] = edges[bar] + pattern[:, ONSET]
    moved[:, DURATION] = np.minimum(pattern[:, DURATION], edges[-1] - moved[:, ONSET])
    for note in moved:
        _fit(note, context)
    return moved


def _clashes(pitch: int, chord: Chord) -> bool:
    """Whether a pitch that is not of the chord is a semitone from one of its tones."""
    distances = {(pitch - tone) % OCTAVE for tone in chord.pitch_classes}
    return 0 not in distances and bool(distances & {1, OCTAVE - 1})


def _fit(note: IntArray, context: ThemeContext) -> None:
    """Move a note on a beat to the nearest tone of its chord; changes ``note``."""
    if note[ONSET] % RESOLUTION == 0:
        classes = context.chord_at(int(note[ONSET])).pitch_classes
        note[PITCH] = _nearest(int(note[PITCH]), classes, context)


def _nearest(pitch: int, classes: Sequence[int], context: ThemeContext) -> int:
    """The nearest pitch of some pitch classes that the instrument can play; itself if none are."""
    options = [p for p in range(context.low, context.high + 1) if p % OCTAVE in classes]
    return min(options, key=lambda p: (abs(p - pitch), p), default=pitch)


def with_breaths(melody: IntArray, context: ThemeContext) -> IntArray:
    """Every phrase ends on a note that is held from the third quarter of its last bar, then a rest.

    A longer one than :data:`PHRASE_BARS` does so after as many bars, too.
    """
    edges = context.edges
    kept = []
    ends = {
        end for first, last, _ in context.phrases for end in {min(first + PHRASE_BARS, last), last}
    }
    for bar, notes in enumerate(_by_bar(melody, context)):
        if bar + 1 not in ends or not len(notes):
            kept.append(notes)
            continue
        latest = edges[bar] + LAST_ONSET * (edges[bar + 1] - edges[bar])
        both = notes[notes[:, ONSET] <= latest]
        both = both if len(both) else notes[:1].copy()
        room = edges[bar + 1] - BREATH - both[:, ONSET]
        both[:, DURATION] = np.clip(both[:, DURATION], 1, np.maximum(room, 1))
        if room[-1] > 0:
            both[-1, DURATION] = room[-1]
        kept.append(both)
    return _joined(kept)


def with_climax(melody: IntArray, context: ThemeContext) -> IntArray:
    """The melody of the loudest section higher, phrase by phrase up to an octave.

    A phrase is raised in steps of the scale, as far as the instrument reaches; its notes on beats
    stay tones of their chords.
    """
    if context.climax is None:
        return melody
    edges, raised = context.edges, melody.copy()
    begin, end = context.climax
    spans = [
        (max(first, begin), min(last, end))
        for first, last, _ in context.phrases
        if first < end and last > begin
    ]
    rises = np.linspace(FIRST_RISE, LAST_RISE, len(spans)) if len(spans) > 1 else [LONE_RISE]
    for (first, last), rise in zip(spans, rises, strict=True):
        onsets = melody[:, ONSET]
        rows = np.flatnonzero((onsets >= edges[first]) & (onsets < edges[last]))
        reached = (
            [_stepped(int(p), steps, context.scale(first)) for p in melody[rows, PITCH]]
            for steps in range(round(float(rise)), -1, -1)
        )
        lying = next((p for p in reached if max(p, default=0) <= context.high), None)
        if lying is not None:
            raised[rows, PITCH] = lying
            for row in rows:
                _fit(raised[row], context)
    return raised


def _stepped(pitch: int, steps: int, scale: Sequence[int]) -> int:
    """A pitch moved by steps of a scale; a foreign one as the tone below it."""
    below = _in_scale(pitch, scale, up=False)
    octaves, degree = divmod(scale.index(below % OCTAVE) + steps, SCALE_STEPS)
    return below - below % OCTAVE + octaves * OCTAVE + scale[degree] + pitch - below


def ending_on_tonic(melody: IntArray, context: ThemeContext) -> IntArray:
    """The melody ends on the tonic, with the final chord where it plays as far as that."""
    if not len(melody):
        return melody
    at_end = melody[:, ONSET] >= context.ending
    ended = np.concatenate([melody[~at_end], melody[at_end][:1]])
    if at_end.any():
        until = context.ending - ended[:-1, ONSET]
        ended[:-1, DURATION] = np.minimum(ended[:-1, DURATION], until)
        ended[-1, ONSET] = context.ending
        ended[-1, DURATION] = context.edges[-1] - context.ending
    ended[-1, PITCH] = _nearest(int(ended[-1, PITCH]), (context.tonic,), context)
    return ended


def _by_bar(melody: IntArray, context: ThemeContext) -> list[IntArray]:
    bars: list[IntArray] = np.split(melody, np.searchsorted(melody[:, ONSET], context.edges[1:-1]))
    return bars


def _joined(by_bar: Sequence[IntArray]) -> IntArray:
    """One voice: each note ends where the next begins."""
    melody: IntArray = np.concatenate(by_bar)
    melody = melody[np.lexsort((-melody[:, VELOCITY], melody[:, ONSET]))]
    if not len(melody):
        return melody
    melody = melody[np.append(True, np.diff(melody[:, ONSET]) > 0)].copy()
    until_next = np.append(np.diff(melody[:, ONSET]), np.iinfo(np.int64).max)
    melody[:, DURATION] = np.minimum(melody[:, DURATION], until_next)
    return melody
