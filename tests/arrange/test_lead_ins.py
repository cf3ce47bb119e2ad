"""What happens before and on a strong cut."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from amt.arrange import arrange, lead_ins, strong_cuts
from amt.arrange.draft import Draft
from amt.arrange.form import Form, form_of
from amt.arrange.lead_in_notes import lead_in_notes
from amt.arrange.lead_ins import LeadIn, choose_lead_ins
from amt.arrange.score import write_score
from amt.arrange.strong_cuts import with_strong_cuts_struck
from amt.arrange.styles import load_style
from amt.types import Cut, Note, Plan, Section, Track
from tests.arrange.plan_strategies import make_plan
from tests.arrange.test_patterns import tracks_of

BEAT = 480
CUT = 24 * BEAT
"""Tick of a strong cut at 12 s, on a downbeat that begins a section."""


def cut_plan(style: str = "piano", **wishes: object) -> Plan:
    defaults: dict[str, object] = {"density": 6.0, "chords": "Am F", "mood": "exciting"}
    plan = make_plan(24, style=style, cuts=(Cut(12.0, 1.0),), **defaults | wishes)
    return replace(plan, sections=(Section(0, "exciting"), Section(24, "exciting")))


def in_the_way(kind: str, monkeypatch: pytest.MonkeyPatch, plan: Plan) -> dict[str, tuple]:
    monkeypatch.setattr(lead_ins, "_options", lambda **_: (kind,))
    return tracks_of(arrange(plan), plan.style)


def form_in_the_way(kind: str, monkeypatch: pytest.MonkeyPatch, plan: Plan) -> Form:
    monkeypatch.setattr(lead_ins, "_options", lambda **_: (kind,))
    return form_of(plan)


def kinds(
    plan: Plan, *, sections: tuple[int, ...] = (8, 16, 24, 32), mood: float = 0.5, accent: float = 1
) -> list[str]:
    beats = (8, 16, 24, 32)
    return [led.kind for led in choose_lead_ins(plan, beats, sections, (mood,) * 4, accent)]


def test_the_ways_alternate_and_the_seed_draws_them() -> None:
    drawn = [kinds(make_plan(24, seed=seed)) for seed in range(12)]
    assert len({tuple(row) for row in drawn}) >= 6
    assert {kind for row in drawn for kind in row} == {"break", "cutoff", "repeat", "run"}
    assert all(a != b for row in drawn for a, b in pairwise(row))
    assert kinds(make_plan(24, seed=3)) == kinds(make_plan(24, seed=3))


def test_calm_music_takes_a_breath_at_most() -> None:
    for seed in range(6):
        plan = make_plan(24, seed=seed)
        assert set(kinds(plan, mood=-0.5)) <= {"breath", "break"}
        assert set(kinds(plan, accent=0.4)) <= {"breath", "break"}
        assert set(kinds(plan, mood=-0.5, sections=())) == {"plain"}
        assert "break" not in kinds(plan, sections=())


def test_cuts_close_together_have_short_rests_alone() -> None:
    plan = make_plan(24)
    led = choose_lead_ins(plan, (8, 11, 12), (), (0.5,) * 3, 1.0)
    assert [lead_in.kind for lead_in in led[1:]] == ["cutoff", "plain"]


@pytest.mark.parametrize(("kind", "rest"), [("break", 480), ("breath", 240), ("cutoff", 120)])
def test_nothing_sounds_in_the_rest(kind: str, rest: int, monkeypatch) -> None:
    for notes in in_the_way(kind, monkeypatch, cut_plan("orchestral")).values():
        assert not [n for n in notes if n.start < CUT and n.end > CUT - rest]


def test_struck_notes_are_repeated_into_the_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    notes = in_the_way("repeat", monkeypatch, cut_plan())["harmony"]
    sixteenths = sorted({round((CUT - n.start) / 120) for n in notes if CUT - 970 < n.start < CUT})
    assert sixteenths == [1, 2, 3, 4, 6, 8]
    velocities = [n.velocity for n in notes if CUT - 2 * BEAT <= n.start < CUT]
    assert np.mean(velocities[-3:]) > np.mean(velocities[:3]) + 4
    strings = in_the_way("repeat", monkeypatch, cut_plan("strings"))["harmony"]
    assert len({n.start for n in strings if CUT - 2 * BEAT <= n.start < CUT}) < 6


def test_a_run_climbs_to_the_first_note_after_the_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = in_the_way("run", monkeypatch, cut_plan(density=12.0))
    run = [n.pitch for n in parts["arpeggio"] if CUT - 730 <= n.start < CUT - 20]
    after = [[n.pitch for n in parts[r] if n.start == CUT] for r in ("arpeggio", "harmony")]
    target = max(after[0] or after[1])
    assert run == sorted(run) and len(run) == 6
    assert 0 < target - run[-1] <= 2


def test_a_chord_is_held_and_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for role, notes in in_the_way("cutoff", monkeypatch, cut_plan(density=12.0)).items():
        assert not [n for n in notes if CUT - BEAT + 10 < n.start < CUT], role
        assert [n for n in notes if n.end == CUT - 120], role


def test_the_bass_drops_out_and_enters_on_the_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    bass = in_the_way("run", monkeypatch, cut_plan(density=12.0))["bass"]
    assert not [n for n in bass if n.start < CUT and n.end > CUT - 5 * BEAT]
    assert [n for n in bass if n.start == CUT]
    assert [n for n in bass if CUT - 7 * BEAT < n.start < CUT - 5 * BEAT]


def test_the_crescendo_is_higher_where_notes_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    def height(kind: str) -> float:
        form = form_in_the_way(kind, monkeypatch, cut_plan())
        return max(crescendo.peak_db for crescendo in form.crescendi(1.0))

    assert height("repeat") > height("plain") + 2 > height("breath") + 4


def test_a_sudden_piano_has_no_accent_and_no_rest_of_the_crescendo() -> None:
    loudness = np.repeat([0.3, 0.05], 12)
    form = form_of(cut_plan(loudness=loudness))
    (led,) = form.lead_ins
    (crescendo,) = form.crescendi(1.0)
    assert led.is_sudden and led.change_db == pytest.approx(-15.6, abs=0.1)
    assert form.stress_at(CUT) == 0
    assert crescendo.fall_s < 0.1
    assert form_of(cut_plan()).stress_at(CUT) == 1


def track(style: str, role: str, *notes: Note) -> Track:
    player = load_style(style).instrument(role)
    assert player is not None
    return Track(player.name, player.program, tuple(sorted(notes)))


def struck(style: str, led: LeadIn | None = None, melody: int = 76) -> list[list[int]]:
    """Pitches on the cut of a melody, a chord part and a bass with one note each."""
    scored = write_score(cut_plan(style), load_style(style))
    if led is not None:
        scored = replace(scored, form=replace(scored.form, lead_ins=(led,)))
    tracks = [
        track(style, "melody", Note(CUT, melody, CUT + BEAT, 70)),
        track(style, "accompaniment", Note(CUT, 60, CUT + BEAT, 60)),
        track(style, "bass", Note(CUT, 45, CUT + BEAT, 60)),
    ]
    found = with_strong_cuts_struck(scored, tracks)
    return [[n.pitch for n in t.notes if n.start == CUT] for t in found]


def test_a_strong_cut_is_struck_by_a_whole_chord_below_the_melody() -> None:
    melody, chord, bass = struck("piano")
    assert melody == [76]
    assert len(chord) == strong_cuts.VOICES and 60 in chord
    assert min(chord) >= 48 and max(chord) <= 73
    assert bass == [33, 45]


def test_a_sudden_piano_and_a_style_of_little_accent_have_no_such_chord() -> None:
    assert struck("piano", LeadIn(24, "run", -6.0)) == [[76], [60], [45]]
    low = struck("piano", LeadIn(24, "run", 0.0), melody=64)[1]
    assert max(low) == 60
    assert struck("ambient") == [[76], [60], [45]]


def test_held_notes_of_strings_are_not_repeated_into_a_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    def repeat(**_: bool) -> tuple[lead_ins.Kind, ...]:
        return ("repeat",)

    monkeypatch.setattr(lead_ins, "_options", repeat)
    counts = {}
    for style in ("piano", "strings"):
        plan = cut_plan(style)
        score = write_score(plan, load_style(style))
        player = score.style.instrument("harmony")
        assert player is not None
        held = [Draft(CUT - 4 * BEAT, 60, CUT)]
        counts[style] = len(lead_in_notes(held, score, player, plan))
    assert counts["strings"] == 1 and counts["piano"] > 4
