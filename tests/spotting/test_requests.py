"""What a cue sheet asks of the music, and what it cannot ask."""

from __future__ import annotations

import pytest

from amt.errors import InputError
from amt.mood import MoodSpan
from amt.spotting.cues import Cue, CueSheet, ordered
from amt.spotting.requests import SAME_CUT_S, UNSEEN_STRENGTH, requests_of
from amt.timecode import RATES, Timecode
from amt.types import Accent, Cut

END_S = 20.0


def asked(*cues: Cue):
    clock = Timecode(RATES["25"], "01:00:00:00")
    return requests_of(CueSheet(clock, ordered(list(cues))), END_S)


def test_every_kind_becomes_what_the_composer_takes():
    found = asked(
        Cue(2.0, "start"),
        Cue(5.0, "hit"),
        Cue(6.0, "silence", 1.5),
        Cue(9.0, "theme", theme="B"),
        Cue(0.0, "mood", mood="sad"),
        Cue(9.0, "mood", 2.0, mood="tense"),
        Cue(15.0, "mood", mood="relaxing"),
        Cue(18.0, "silence"),
        Cue(3.0, "note", text="nothing"),
        Cue(4.0, "quiet", 3.0),
    )
    assert found.silences_s == ((0.0, 2.0), (6.0, 7.5), (18.0, END_S))
    assert found.hits_s == (2.0, 5.0, 7.5, 9.0)
    assert found.themes == ((9.0, "B"),)
    assert found.moods == (
        MoodSpan("sad", 0.0, 9.0), MoodSpan("tense", 9.0, 11.0), MoodSpan("relaxing", 15.0, END_S),
    )  # fmt: skip


def test_a_silence_without_length_lasts_to_the_next_thing_asked():
    assert asked(Cue(3.0, "silence"), Cue(4.0, "cut"), Cue(8.0, "hit")).silences_s == ((3.0, 8.0),)


def test_cuts_of_an_editor_stand_in_for_those_found_and_take_their_strength():
    seen = [Cut(4.0, 0.9), Cut(9.0, 0.4, "dissolve"), Cut(12.0, 0.8)]
    request = asked(Cue(4.0 + SAME_CUT_S / 2, "cut"), Cue(9.5, "cut"), Cue(12.0, "fade", 0, 0.3))
    assert request.cuts_for(seen, END_S) == (
        Cut(4.05, 0.9), Cut(9.5, UNSEEN_STRENGTH), Cut(12.0, 0.3, "fade"),
    )  # fmt: skip
    assert asked(Cue(1.0, "hit")).cuts_for(seen, END_S) == tuple(seen)


def test_movements_and_flashes_stand_in_for_the_accents_found():
    request = asked(Cue(4.0, "movement", strength=0.5), Cue(6.0, "flash"))
    assert request.accents_for([Accent(1.0)], END_S) == (Accent(4.0, 0.5), Accent(6.0, 1.0))
    assert asked(Cue(1.0, "cut")).accents_for([Accent(1.0)], END_S) == (Accent(1.0),)


def test_hits_are_accented_and_accents_near_them_give_way():
    request = asked(Cue(5.0, "hit", strength=0.6), Cue(9.0, "hit"))
    found = [Accent(2.0, 0.3), Accent(5.2, 0.4)]
    assert request.accents_for(found, END_S) == (Accent(2.0, 0.3), Accent(5.0, 0.6), Accent(9.0))


@pytest.mark.parametrize(
    ("cues", "reason"),
    [
        ([Cue(1, "start"), Cue(5, "start")], "start twice, at 01:00:01:00 and at 01:00:05:00"),
        ([Cue(4, "silence", 3), Cue(5, "hit")], "hit at 01:00:05:00 lies where silence.*04:00 to"),
        ([Cue(4, "silence"), Cue(4, "hit")], "hit at 01:00:04:00 lies where silence"),
        ([Cue(6, "start"), Cue(5, "hit")], "hit at 01:00:05:00 lies where silence"),
        ([Cue(5, "mood", mood="sad"), Cue(5, "mood", mood="tense")], "two moods.*sad and tense"),
        ([Cue(5, "theme", theme="A"), Cue(5, "theme", theme="B")], "two themes.*A and B"),
        ([Cue(0, "silence", END_S)], "first frame to the last"),
        ([Cue(END_S, "hit"), Cue(30, "hit")], "hit at 01:00:20:00 and 1 more lies outside"),
        ([Cue(25, "cut")], "cut at 01:00:25:00 lies outside the clip.*01:00:00:00 to 01:00:20:00"),
    ],
)  # fmt: skip
def test_contradictions_are_named(cues, reason):
    with pytest.raises(InputError, match=reason):
        asked(*cues)
