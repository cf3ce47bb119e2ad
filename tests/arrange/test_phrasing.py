"""Phrase arches, high notes, and the top of a chord."""

from __future__ import annotations

import numpy as np
import pytest

from amt.arrange import phrasing
from amt.arrange.draft import Draft
from amt.arrange.form import form_of
from amt.arrange.phrasing import note_db, phrase_arch_db, tops
from tests.arrange.plan_strategies import make_plan

BEAT = 480
BAR = 4 * BEAT
FORM = form_of(make_plan(32.0, chords="Am F"))
"""Sixteen bars at 120 bpm: four phrases of four bars."""


def test_a_phrase_of_the_melody_grows_to_its_peak_and_falls_to_its_end() -> None:
    ticks = np.arange(0, 4 * BAR, BEAT)
    level = phrase_arch_db(FORM, "melody", ticks)
    assert 0.4 <= level.argmax() / len(ticks) <= 0.75
    assert level.max() - level[0] >= 3 and level.max() - level[-1] >= 2
    assert abs(level.mean()) < 0.5
    np.testing.assert_allclose(phrase_arch_db(FORM, "melody", ticks + 4 * BAR), level)


def test_the_accompaniment_follows_less_and_the_drums_not_at_all() -> None:
    ticks = np.arange(0, 4 * BAR, BEAT)
    spans = {role: np.ptp(phrase_arch_db(FORM, role, ticks)) for role in ("melody", "pad", "drums")}
    assert spans["melody"] > 2 * spans["pad"] > spans["drums"] == 0


def test_high_notes_of_a_melody_are_louder() -> None:
    line = [Draft(i * BEAT, pitch, i * BEAT + BEAT) for i, pitch in enumerate([60, 66, 72, 90])]
    level = note_db("melody", line)
    assert level[2] - level[0] == pytest.approx(1.5)
    assert level[3] == phrasing.HIGH_LOUD_LIMIT_DB
    assert not note_db("bass", line).any()


def test_the_top_of_a_chord_is_louder() -> None:
    chord = [Draft(0, 60, BEAT), Draft(4, 64, BEAT), Draft(8, 67, BEAT)]
    alone = [Draft(BEAT, 72, 2 * BEAT)]
    assert tops([*alone, *chord]).tolist() == [False, False, False, True]
    assert note_db("harmony", chord).tolist() == [0, 0, phrasing.TOP_DB]
    assert phrasing.TOP_DB >= 1
