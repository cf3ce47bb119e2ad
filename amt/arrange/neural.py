"""Arranging by network: melody and harmony; counter-melody, pad, bass and drums by rule.

The plan is transposed to the home key and given to the network (:mod:`amt.models.notes.network`) as
its control inputs: notes per beat, loudness as velocities, mood, sections, hits, active roles. The
network's notes are transposed back, moved by octaves into the ranges of the style's instruments,
and get the dynamics that all tracks share. The counter-melody answers the melody; pad, bass and
drums follow the patterns. The notes of counter-melody, pad and bass are subtracted from the density
that the network is asked for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch

from amt.arrange.articulation import articulated
from amt.arrange.casting import casts, led, played_by_parts
from amt.arrange.comping import comped
from amt.arrange.counter import counter_melody
from amt.arrange.dynamics import decibels, even_velocity
from amt.arrange.entries import playing, resting_bars
from amt.arrange.form import integral, phrase_starts
from amt.arrange.patterns import orchestral_tracks, pattern_tracks
from amt.arrange.registers import in_register
from amt.arrange.roles import (
    COUNTER_SHARE,
    active_roles,
    bar_phrases,
    counter_phrases,
    network_instruments,
)
from amt.arrange.score import Score, write_score
from amt.arrange.section_keys import bar_keys, in_section_keys, section_keys
from amt.arrange.spacing import FLOOR, below_melody
from amt.arrange.splice import bar_span, splice_bars
from amt.arrange.styles import Instrument, load_style
from amt.arrange.theme_bars import ThemeContext
from amt.arrange.themes import shaped
from amt.arrange.tracks import Draft, song_of, track_of
from amt.chords import home_distance
from amt.models.notes.conditioning import NotePlan, beats_to_next
from amt.models.notes.constraints import Constraints
from amt.models.notes.decode import Infill, NoteSamplingOptions, sample_words
from amt.models.notes.inputs import CONTROLS
from amt.models.notes.network import Arranger
from amt.models.notes.tokens import (
    DURATION,
    ONSET,
    PITCH,
    ROLE,
    ROLES,
    TICKS_PER_POSITION,
    VELOCITY,
    bar_starts,
    to_notes,
)
from amt.mood import valence_arousal
from amt.plan import rounded, validate
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.types import TICKS_PER_BEAT, FloatArray, IntArray, Plan, Song

_RULED_ROLES = ("pad", "bass", "drums")
"""Roles that play by patterns, beside the network's."""
_OCTAVE = 12
"""Semitones."""
_LEAST_NOTES = 0.25
"""Notes per beat that the network is asked for at least, so that no bar of it is empty."""
_MOST_ACCENT = 10.0
"""Velocity steps by which a note differs from the mean velocity of its role at most."""


def arrange_neural(
    plan: Plan,
    arranger: Arranger,
    reporter: Reporter = DEFAULT_REPORTER,
) -> Song:
    """Arrange a plan with the network; equal arguments give equal songs on one machine.

    Args:
        plan: Any plan; it is rounded as its file would be, so that arranging the file gives the
            same song. Its arrangement gives roles, candidates, and the bars that are composed
            anew, one after the other.
        arranger: In evaluation mode.
        reporter: Gets the progress.

    Raises:
        PlanError: the plan breaks a rule of :func:`amt.plan.validate`.
        InputError: its style does not exist, or a bar has more beats than the network knows.
    """
    *_, song = iter_neural_songs(plan, arranger, reporter)
    return song


def iter_neural_songs(
    plan: Plan,
    arranger: Arranger,
    reporter: Reporter = DEFAULT_REPORTER,
) -> Iterator[Song]:
    """The song without rewrites, then after each of them; see :func:`arrange_neural`."""
    # What depends on the arranger, such as the mix, is that of this one, whatever the plan says.
    plan = replace(plan, arrangement=replace(plan.arrangement, arranger="neural"))
    plan = rounded(plan)
    validate(plan)
    arrangement = plan.arrangement
    bar_starts(plan.grid.bars)
    score = write_score(plan, load_style(plan.style))
    asked = note_plan(plan, score)
    players = network_instruments(score.style, arrangement)
    constraints = Constraints(ranges=home_ranges(players, home_distance(plan.key)))
    options = NoteSamplingOptions(candidates=arrangement.candidates, constraints=constraints)
    passes = 1 + len(arrangement.rewrites)

    def write(number: int, seed: int, given: Infill | None = None) -> IntArray:
        part = reporter.part(number / passes, (number + 1) / passes)
        generator = torch.Generator().manual_seed(seed)
        return sample_words(arranger, asked, options, generator, given, part)

    words = write(0, plan.seed)
    song = _song(plan, score, words, plan.seed)
    yield song
    for number, rewrite in enumerate(arrangement.rewrites, 1):
        bars = range(rewrite.first - 1, rewrite.last)
        words = write(number, rewrite.seed, Infill(words, bars))
        anew = _song(plan, score.varied(rewrite.seed), words, rewrite.seed, bars)
        song = splice_bars(song, anew, bar_span(plan.grid, rewrite, song.end))
        yield song


def note_plan(plan: Plan, score: Score) -> NotePlan:
    """Return the inputs of the network: the plan, less the notes of the parts written by rule.

    Args:
        plan: Of the piece.
        score: Of the same plan.

    Returns:
        A plan in the home key, with every control given.
    """
    grid, form = plan.grid, score.form
    notes, answered = _network_share(plan, score), answered_phrases(plan, score)
    is_answered = np.isin(bar_phrases(form, grid), list(answered))
    notes = np.maximum(notes - COUNTER_SHARE * is_answered, _LEAST_NOTES)
    loudness = _bar_means(plan, decibels(plan.loudness))
    mood = valence_arousal(plan.emotion)
    roles = active_roles(grid, score.style, plan.arrangement)
    rests = [resting_bars(plan, form, role) for role in ROLES]
    roles &= ~np.stack(rests, axis=1)
    by_bar = {
        "density": notes,
        "loudness": even_velocity(loudness) / 127,
        "valence": _bar_means(plan, mood[:, 0]),
        "arousal": _bar_means(plan, mood[:, 1]),
        **{role: roles[:, i].astype(np.float64) for i, role in enumerate(ROLES)},
    }
    controls = np.zeros((grid.n_beats, len(CONTROLS)))
    for name, values in by_bar.items():
        controls[:, CONTROLS.index(name)] = np.repeat(values, grid.bars)
    sections = np.array([0, *(section.beat for section in plan.sections)])
    first_beats = grid.downbeats[np.searchsorted(grid.downbeats, sections, side="right") - 1]
    controls[first_beats, CONTROLS.index("section")] = 1
    is_hit = np.array(
        [form.has_strong_event(beat * TICKS_PER_BEAT) for beat in range(grid.n_beats)]
    )
    controls[:, CONTROLS.index("to_hit")] = beats_to_next(is_hit)
    controls[:, CONTROLS.index("tempo")] = grid.tempo_bpm
    return NotePlan(
        bars=grid.bars,
        chords=_home_chords(plan),
        is_minor=plan.key.mode == "minor",
        controls=controls,
        known=np.ones(len(CONTROLS), dtype=bool),
    )


def answered_phrases(plan: Plan, score: Score) -> frozenset[int]:
    """Return the numbers of the phrases in which a counter-melody answers the melody."""
    notes = _network_share(plan, score)
    return counter_phrases(score.form, plan.grid, score.style, plan.arrangement, notes)


def _home_chords(plan: Plan) -> IntArray:
    """[B] id of the chord on each beat, in the home key."""
    beats = [span.beat for span in plan.chords]
    ids = np.array([span.chord.transpose(home_distance(plan.key)).id for span in plan.chords])
    return np.repeat(ids, np.diff([*beats, plan.grid.n_beats])).astype(np.int64)


def home_ranges(players: Mapping[str, Instrument], distance: int) -> tuple[tuple[int, int], ...]:
    """Return the lowest and highest MIDI note of each role in the home key, in order of roles.

    A range is that of the role in training, cut to the range of its instrument unless less than an
    octave would be left.

    Args:
        players: role -> instrument; a role without one has the range of training.
        distance: semitones from the key of the plan to the home key.
    """
    learned = Constraints().ranges or ()
    ranges = []
    for role, (low, high) in zip(ROLES, learned, strict=True):
        player = players.get(role)
        if player is not None:
            both = max(low, player.low + distance), min(high, player.high + distance)
            # An octave has every tone; with less notes are folded afterwards instead.
            low, high = both if both[1] - both[0] >= _OCTAVE - 1 else (low, high)
        ranges.append((low, high))
    return tuple(ranges)


def _bar_edges(plan: Plan) -> FloatArray:
    """[bars + 1] beats, the last where the music ends."""
    grid = plan.grid
    return np.append(grid.downbeats.astype(np.float64), grid.end_beat)


def _bar_means(plan: Plan, curve: FloatArray) -> FloatArray:
    """[bars] mean of a per-second curve [S] over each bar."""
    edges_s = plan.grid.seconds_at(_bar_edges(plan))
    return np.asarray(integral(curve, edges_s) / np.maximum(np.diff(edges_s), 1e-9))


def _network_share(plan: Plan, score: Score) -> FloatArray:
    """[bars] notes per beat that the density curve asks for, less those of pad and bass."""
    edges = _bar_edges(plan)
    wanted = integral(plan.density, plan.grid.seconds_at(edges))
    starts = [start for start, _, _ in score.pad_notes()]
    if score.style.instrument("bass") is not None:
        ticks = (score.bass_ticks(i, texture) for i, texture in enumerate(score.textures))
        starts += [tick for cell in ticks for tick in cell] + [score.form.ending]
    played, _ = np.histogram(starts, edges * TICKS_PER_BEAT)
    return np.asarray(np.maximum((wanted - played) / np.diff(edges), _LEAST_NOTES))


def _song(
    plan: Plan, score: Score, words: IntArray, seed: int, rewritten: range = range(0)
) -> Song:
    """The song of words [m, 5] in the home key, with the instruments that play by patterns.

    Bars that are rewritten keep their new melody, even where a phrase would repeat an earlier one.
    """
    style = score.style
    instruments = network_instruments(style, plan.arrangement)
    cast = casts(plan, score) if style.parts else ()
    lines = _network_lines(plan, score, words, rewritten)
    melody = lines.get("melody", [])
    if melody:
        by_parts = "melody" in played_by_parts(style)
        melody = (
            led(melody, cast)
            if by_parts
            else in_register(melody, score.form, instruments["melody"])
        )
        lines["melody"] = melody
    if "counter" in instruments:
        phrases = answered_phrases(plan, score)
        lines["counter"] = counter_melody(melody, score, instruments["counter"], phrases)

    def spaced(role: str, instrument: Instrument, part: list[Draft]) -> list[Draft]:
        if role in ("melody", "counter", "bass"):
            return part
        low = max(instrument.low, FLOOR) if style.instrument("bass") else instrument.low
        return _within_chords(below_melody(part, melody, low, score.form.tones_at), score)

    lines = {
        role: playing(spaced(role, instruments[role], line), role, score.form)
        for role, line in lines.items()
    }
    tracks = orchestral_tracks(plan, score, cast, _by_source(lines), spaced, seed)
    tracks += [
        track_of(plan, score, instrument, lines[role], seed)
        for role, instrument in instruments.items()
        if _source(role) not in played_by_parts(style)
    ]
    roles = [role for role in _RULED_ROLES if role != "drums" or plan.arrangement.drums]
    roles = [role for role in roles if role not in played_by_parts(style)]
    return song_of(plan, score, [*tracks, *pattern_tracks(plan, score, roles, seed, spaced)])


def _network_lines(
    plan: Plan, score: Score, words: IntArray, rewritten: range
) -> dict[str, list[Draft]]:
    """Role -> its notes in the key of the plan, the melody as themes."""
    notes = to_notes(words, plan.grid.bars)
    instruments = network_instruments(score.style, plan.arrangement)
    if "melody" in instruments:
        is_melody = notes[:, ROLE] == list(ROLES).index("melody")
        line = shaped(
            notes[is_melody], _theme_context(plan, score, instruments["melody"], rewritten)
        )
        notes = np.concatenate([notes[~is_melody], line])
    notes = in_section_keys(notes, section_keys(plan), _home_chords(plan))
    notes[:, PITCH] -= home_distance(plan.key)
    lines = {}
    for role, instrument in instruments.items():
        part = notes[notes[:, ROLE] == list(ROLES).index(role)]
        played = articulated(_drafts(part, instrument, score.form.end), score.form)
        played = _within_chords(played, score)
        if role == "harmony":
            played = comped(played, score, instrument, plan.seed)
        lines[role] = _with_sustained_ending(played, score)
    return lines


def _source(role: str) -> str:
    """The line of a style's parts that a role of the network writes."""
    return "accompaniment" if role == "harmony" else role


def _by_source(lines: Mapping[str, list[Draft]]) -> dict[str, list[Draft]]:
    return {_source(role): line for role, line in lines.items()}


def _theme_context(
    plan: Plan, score: Score, instrument: Instrument, rewritten: range
) -> ThemeContext:
    grid, distance = plan.grid, home_distance(plan.key)
    edges = [*phrase_starts(plan), len(grid.bars)]
    labels = [p.label for p in plan.phrases] or [str(i) for i in range(len(edges) - 1)]
    return ThemeContext(
        bars=grid.bars,
        phrases=tuple(
            (first, last, label)
            for (first, last), label in zip(pairwise(edges), labels, strict=False)
        ),
        chords=_home_chords(plan),
        tonic=(plan.key_at(grid.n_beats - 1).tonic + distance) % 12,
        ending=score.form.ending // TICKS_PER_POSITION,
        low=instrument.low + distance,
        high=instrument.high + distance,
        climax=_loudest_section(plan),
        keys=bar_keys(plan),
        rewritten=rewritten,
        returns=_returns(plan),
        resting=frozenset(np.flatnonzero(resting_bars(plan, score.form, "melody")).tolist()),
    )


def _returns(plan: Plan) -> tuple[int, ...]:
    """[phrases] primes of the section of each phrase of the plan."""
    beats = [section.beat for section in plan.sections]
    primes = [0, *(section.label.count("'") for section in plan.sections)]
    return tuple(primes[bisect_right(beats, phrase.beat)] for phrase in plan.phrases)


def _loudest_section(plan: Plan) -> tuple[int, int] | None:
    """First bar of the loudest of several sections, and the bar after its last."""
    beats = [section.beat for section in plan.sections]
    starts = np.searchsorted(plan.grid.downbeats, beats, side="right") - 1
    edges = [*sorted({0, *map(int, starts)}), len(plan.grid.bars)]
    if len(edges) < 3:
        return None
    loudness = _bar_means(plan, decibels(plan.loudness))
    return max(pairwise(edges), key=lambda span: float(loudness[span[0] : span[1]].mean()))


def _drafts(notes: IntArray, player: Instrument, end: int) -> list[Draft]:
    """Notes [n, 5] of one role in the range of its instrument, up to the end of the music."""
    starts = notes[:, ONSET] * TICKS_PER_POSITION
    stops = np.minimum(starts + notes[:, DURATION] * TICKS_PER_POSITION, end)
    pitches = fold_octaves(notes[:, PITCH], player.low, player.high)
    accents = _accents(notes)
    rows = zip(starts.tolist(), pitches.tolist(), stops.tolist(), accents.tolist(), strict=True)
    return [Draft(*row) for row in rows if row[0] < end]


def _with_sustained_ending(drafts: list[Draft], score: Score) -> list[Draft]:
    """Let the tones of the final chord ring until the end, where they begin with it or later."""
    form = score.form
    tones = form.regions[-1].chord.pitch_classes
    return [
        draft._replace(end=form.end)
        if draft.pitch % 12 in tones and draft.start >= form.ending
        else draft
        for draft in drafts
    ]


def _within_chords(drafts: list[Draft], score: Score) -> list[Draft]:
    """End notes at most a beat after a change to a chord that has not their pitch."""
    regions = score.form.regions
    ended = []
    for draft in drafts:
        following = regions[score.form.region_at(draft.start) + 1 :]
        foreign = (
            region.start
            for region in following
            if region.chord.root is not None and draft.pitch % 12 not in region.chord.pitch_classes
        )
        latest = next(foreign, draft.end) + TICKS_PER_BEAT
        ended.append(draft._replace(end=min(draft.end, latest)))
    return ended


def fold_octaves(pitches: IntArray, low: int, high: int) -> IntArray:
    """Return pitches [n], each moved by the fewest octaves into a range of at least an octave."""
    up = np.maximum(0, -(-(low - pitches) // _OCTAVE))
    down = np.maximum(0, -(-(pitches - high) // _OCTAVE))
    return np.asarray(pitches + _OCTAVE * (up - down))


def _accents(notes: IntArray) -> FloatArray:
    """[n] difference in velocity of each note from the mean of its role in the piece.

    Only the differences are used, because the level follows the plan's loudness.
    """
    if not len(notes):
        return np.zeros(0)
    velocities = notes[:, VELOCITY].astype(np.float64)
    return np.asarray(np.clip(velocities - velocities.mean(), -_MOST_ACCENT, _MOST_ACCENT))
