"""Figures in bars of any length, and what styles do with them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from amt.arrange import arrange, load_style
from amt.arrange.figures import FigureNote, bar_text, figure_notes, voices_of
from amt.arrange.score import write_score
from amt.types import Cut, Note, Plan
from tests.arrange.plan_strategies import make_plan
from tests.arrange.test_patterns import ENSEMBLES, tracks_of

BEAT = 480


def busy(style: str, **wishes: object) -> Plan:
    return make_plan(48, **{"chords": "Am F C G", "density": 12.0, "style": style} | wishes)


def bass_of(plan: Plan) -> list[Note]:
    return list(tracks_of(arrange(plan), plan.style)["bass"])


@pytest.mark.parametrize(
    ("beats", "text"),
    [(2, "aabb"), (3, "aabbbb"), (4, "aabbccdd"), (5, "aabbbbccdd"), (6, "aabbbbccdddd")],
)
def test_a_bar_takes_the_beats_of_a_figure_group_by_group(beats: int, text: str) -> None:
    assert bar_text("aaaabbbbccccdddd", beats) == "".join(letter * 2 for letter in text)


def test_a_note_lasts_to_the_next_one_or_to_a_rest() -> None:
    assert figure_notes("r--.f---") == (FigureNote(0, "r", 3), FigureNote(4, "f", 8))


def test_the_voices_of_a_broken_chord_ring_on_to_the_next_whole_one() -> None:
    notes = figure_notes("1-2-x---1-.-", rings=True)
    assert [note.end for note in notes] == [4, 4, 8, 10]


def test_symbols_choose_voices() -> None:
    chord = (48, 55, 60, 64)
    played = {symbol: voices_of(symbol, chord) for symbol in "xulh13"}
    assert played == {
        "x": chord, "u": chord[1:], "l": chord[:2], "h": chord[2:], "1": (48,), "3": (60,),
    }  # fmt: skip


def test_no_two_styles_have_the_same_bass() -> None:
    onsets = {
        style: {(note.start, note.pitch % 12) for note in bass_of(busy(style))}
        for style in ENSEMBLES
    }
    shared = [
        len(onsets[a] & onsets[b]) / min(len(onsets[a]), len(onsets[b]))
        for a, b in combinations(onsets, 2)
    ]
    assert np.mean(shared) <= 0.6


@pytest.mark.parametrize("style", ENSEMBLES)
def test_the_first_bass_note_of_a_chord_is_its_root_or_third(style: str) -> None:
    plan = busy(style)
    score = write_score(plan, load_style(style))
    first: dict[int, int] = {}
    for note in bass_of(plan):
        first.setdefault(score.form.region_at(note.start), note.pitch)
    for index, pitch in first.items():
        assert pitch % 12 in score.form.regions[index].chord.pitch_classes[:2]


@pytest.mark.parametrize("style", ENSEMBLES)
def test_the_bass_begins_with_every_chord(style: str) -> None:
    """Else another note is lowest at the change, and so the bass of the new chord."""
    for density in (2.0, 5.0, 12.0):
        plan = busy(style, density=density)
        starts = {note.start for note in bass_of(plan)}
        regions = write_score(plan, load_style(style)).form.regions
        assert {region.start for region in regions} <= starts


def test_a_chord_is_strummed_from_the_lowest_note_or_from_the_highest() -> None:
    plan = busy("acoustic", density=16.0)
    notes = tracks_of(arrange(plan), "acoustic")["harmony"]
    down = [n for n in notes if 0 <= n.start % BEAT < 30]
    lags = [n.start % BEAT * 0.5 / BEAT * 1000 for n in down]
    assert 10 <= max(lags) <= 25, "milliseconds at 120 bpm"
    lowest = [n for n in down if n.start % BEAT == 0]
    assert np.mean([n.pitch for n in lowest]) < np.mean([n.pitch for n in down]) - 4


def test_a_strong_cut_is_played_by_bass_and_chords_of_every_style() -> None:
    for style in ENSEMBLES:
        plan = busy(style, cuts=(Cut(20.0, 1.0),))
        parts = tracks_of(arrange(plan), style)
        assert any(note.start == 40 * BEAT for note in parts["bass"])
        assert sum(note.start < 40 * BEAT + 30 for note in parts["harmony"]
                   if note.start >= 40 * BEAT) >= 3  # fmt: skip
