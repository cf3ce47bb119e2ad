"""The plan file: exact round trips, and a clear word about everything that is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.chords import parse_key
from amt.errors import PlanError
from amt.plan import plan_from_json, plan_to_json, read_plan, rounded, write_plan
from amt.reporter import callback_reporter
from amt.types import Accent, Arrangement, Cut, Entry, Phrase, Plan, Rewrite, Section, TimeSpan
from tests.arrange.plan_strategies import make_plan, plans


@pytest.fixture
def plan() -> Plan:
    made = make_plan(
        6.25,
        chords="Am7 Bb F#m7b5 N",
        key="F major",
        cuts=(Cut(2.0, 0.75), Cut(4.123456789, 0.2, "dissolve")),
        sections=(Section(0, "sad", "half"), Section(8, "exciting", label="A'")),
        accents=(Accent(0.0, 0.4), Accent(3.0)),
    )
    return replace(
        made,
        entries=(Entry(0, ("melody", "drums")), Entry(4, ())),
        speech=(TimeSpan(0.5, 1.25), TimeSpan(2.0, 3.0)),
    )


@settings(max_examples=60, deadline=None)
@given(plans())
def test_reading_and_writing_give_back_the_same_text(plan: Plan) -> None:
    text = plan_to_json(plan)
    again = plan_from_json(text)
    assert plan_to_json(again) == text
    once = rounded(plan)
    assert (again.key, again.chords, again.cuts) == (once.key, once.chords, once.cuts)
    assert (again.sections, again.style, again.seed) == (once.sections, once.style, once.seed)
    assert again.grid.bars == once.grid.bars
    assert again.grid.last_beat == once.grid.last_beat
    for name in ("loudness", "density", "emotion"):
        np.testing.assert_array_equal(getattr(again, name), getattr(once, name))
    np.testing.assert_array_equal(again.grid.beats_s, once.grid.beats_s)


def test_a_file_is_read_back(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "song.plan.json"
    write_plan(plan, path)
    first = path.read_bytes()
    write_plan(read_plan(path), path)
    assert path.read_bytes() == first


def test_the_file_is_made_to_be_edited(plan: Plan) -> None:
    lines = plan_to_json(plan).splitlines()
    assert '    {"beat": 4, "bar": 2, "chord": "Bb"},' in lines
    assert '    {"time_s": 4.123456789, "strength": 0.2, "kind": "dissolve"}' in lines
    assert (
        '    {"beat": 8, "bar": 3, "mood": "exciting", "feel": "normal", "label": "A\'"}' in lines
    )
    assert sum('"second"' in line for line in lines) == 7


def test_labels_are_read_and_bar_may_be_left_out(plan: Plan) -> None:
    data = json.loads(plan_to_json(plan))
    data["chords"][1] = {"beat": 4, "chord": "A#:maj"}
    del data["title"]
    again = plan_from_json(json.dumps(data))
    assert again.chords == plan.chords
    assert again.title == ""


def test_a_second_that_rounding_ends_is_dropped() -> None:
    plan = make_plan(4.0 + 1e-11)
    assert len(plan.loudness) == 5
    assert len(plan_from_json(plan_to_json(plan)).loudness) == 4


def test_a_plan_without_accents_is_read(plan: Plan) -> None:
    data = json.loads(plan_to_json(plan))
    assert plan_from_json(json.dumps(data)).accents == plan.accents
    del data["accents"]
    assert plan_from_json(json.dumps(data)).accents == ()


def test_cuts_that_rounding_makes_one_are_one() -> None:
    close = (Cut(2.0, 0.5), Cut(2.0 + 1e-12, 0.7), Cut(3.0))
    plan = make_plan(6.0, cuts=close)
    assert rounded(plan).cuts == (close[0], close[2])
    assert rounded(rounded(plan)).cuts == rounded(plan).cuts


def _set(*path: Any, value: Any) -> Any:
    def change(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        data[path[-1]] = value

    return change


def _drop(*path: Any) -> Any:
    def change(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        del data[path[-1]]

    return change


BROKEN = [
    (_set("version", value=2), r"version is 2, expected 1"),
    (_set("version", value=True), r"version is True"),
    (_drop("version"), r"version is missing"),
    *((_drop(f), rf"{f} is missing") for f in ("style", "seed", "key", "bars", "last_beat")),
    *((_drop(f), rf"{f} is missing") for f in ("beats_s", "chords", "sections", "cuts", "curve")),
    (_set("tempo", value=120), r"tempo is unknown"),
    (_set("title", value=3), r"title is 3, expected text"),
    (_set("title", value="\ud800"), r"title is '.ud800', expected text that UTF-8 can hold"),
    (_set("seed", value=10**400), r"seed is 1000.{,79}0000, expected a whole number"),
    (_set("x" * 500, value=1), r"x{39}…x{40} is unknown"),
    (_set("style", value=None), r"style is None, expected text"),
    (_set("style", value=" "), r"style is empty"),
    (_set("seed", value=1.5), r"seed is 1\.5, expected a whole number"),
    (_set("seed", value=-1), r"seed is -1"),
    (_set("seed", value=2**63), r"seed is"),
    (_set("key", value="A dorian"), r"key: unknown key"),
    (_set("bars", value=4), r"bars is 4, expected a list"),
    (_set("bars", value=[4, 4]), r"bars sum to 8 beats, expected 13"),
    (_set("bars", 0, value="4"), r"bars\[0\] is '4'"),
    (_set("bars", 0, value=0), r"bars\[0\] is 0"),
    (_set("last_beat", value=0), r"last_beat is 0"),
    (_set("last_beat", value=1.1), r"last_beat is 1\.1"),
    (_set("beats_s", value=[0]), r"beats_s must hold"),
    (_set("beats_s", 0, value=0.1), r"beats_s must hold 0"),
    (_set("beats_s", 3, value=0.9), r"beats_s\[3\] is 0\.9"),
    (_set("beats_s", 3, value=-1), r"beats_s\[3\] is -1"),
    (_set("beats_s", 3, value=float("nan")), r"NaN"),
    (_set("beats_s", 3, value=float("inf")), r"Infinity"),
    (_set("beats_s", 3, value=10**400), r"beats_s\[3\].*finite"),
    (_set("beats_s", 3, value=1.01), r"beats_s\[2\] starts a beat of 0\.01 s"),
    (_set("beats_s", 13, value=99), r"beats_s\[12\] starts a beat of 186 s"),
    (_set("beats_s", 3, value="1.5"), r"beats_s\[3\] is '1\.5'"),
    (_set("chords", value=[]), r"chords must begin on beat 0"),
    (_set("chords", 0, "beat", value=1), r"chords must begin on beat 0"),
    (_set("chords", 1, value=["Am"]), r"chords\[1\] is \['Am'\], expected an object"),
    (_set("chords", 1, "chord", value="Hm"), r"chords\[1\]\.chord: unknown chord 'Hm'"),
    (_set("chords", 1, "bar", value=3), r"chords\[1\]\.bar is 3, but beat 4 lies in bar 2"),
    (_set("chords", 1, "inversion", value=1), r"chords\[1\]\.inversion is unknown"),
    (_set("chords", 1, "bass", value="H"), r"chords\[1\]\.bass: unknown note 'H'"),
    (_set("sections", 1, "key", value="H minor"), r"sections\[1\]\.key: unknown key 'H minor'"),
    (_drop("chords", 1, "chord"), r"chords\[1\]\.chord is missing"),
    (_set("chords", 3, value={"beat": 13, "chord": "C"}), r"chords\[3\]\.beat is 13.*0 to 12"),
    (_set("chords", 2, value={"beat": 4, "chord": "C"}), r"chords\[2\]\.beat is 4.*later"),
    (_set("chords", 2, value={"beat": -4, "chord": "C"}), r"chords\[2\]\.beat is -4"),
    (_set("sections", 1, "mood", value="mooody"), r"sections\[1\]\.mood: unknown mood 'mooody'"),
    (_set("sections", 1, "beat", value=0), r"sections\[1\]\.bar is 3"),
    (_set("sections", 0, "feel", value="slow"), r"sections\[0\]\.feel is 'slow'"),
    (_set("sections", 1, value={"beat": 0, "mood": "sad"}), r"sections\[1\]\.beat is 0"),
    (_set("cuts", 1, "time_s", value=1.0), r"cuts\[1\]\.time_s is 1\.0"),
    (_set("cuts", 1, "time_s", value=6.25), r"cuts\[1\]\.time_s is 6\.25"),
    (_set("cuts", 0, "time_s", value=0), r"cuts\[0\]\.time_s is 0"),
    (_set("cuts", 0, "strength", value=1.5), r"cuts\[0\]\.strength is 1\.5"),
    (_set("cuts", 0, "kind", value="wipe"), r"cuts\[0\]\.kind is 'wipe'"),
    (_set("accents", value={}), r"accents is \{\}, expected a list"),
    (_set("accents", 1, "time_s", value=0.0), r"accents\[1\]\.time_s is 0\.0.*after 0 s"),
    (_set("accents", 1, "time_s", value=6.25), r"accents\[1\]\.time_s is 6\.25"),
    (_set("accents", 0, "time_s", value=-1), r"accents\[0\]\.time_s is -1"),
    (_set("accents", 0, "strength", value=2), r"accents\[0\]\.strength is 2"),
    (_set("speech", 0, "end_s", value=0.5), r"speech\[0\] is from 0\.5 to 0\.5 s"),
    (_set("speech", 1, "start_s", value=1.0), r"speech\[1\] is from 1\.0.*after 1\.25 s"),
    (_set("speech", 1, "end_s", value=99), r"speech\[1\] is from 2\.0 to 99.*by the end"),
    (_set("accents", 0, "kind", value="cut"), r"accents\[0\]\.kind is unknown"),
    (_set("curve", 2, "loudness", value=-0.1), r"curve\[2\]\.loudness is -0\.1"),
    (_set("curve", 2, "loudness", value=1.2), r"curve\[2\]\.loudness is 1\.2"),
    (_set("curve", 2, "density", value=-1), r"curve\[2\]\.density is -1"),
    (_set("curve", 2, "density", value=None), r"curve\[2\]\.density is None"),
    (_set("curve", 2, "sad", value=0.5), r"moods of curve\[2\] sum to 1\.5"),
    (_set("curve", 2, "second", value=3), r"curve\[2\]\.second is 3, expected 2"),
    (_drop("curve", 2, "fearful"), r"curve\[2\]\.fearful is missing"),
    (_set("curve", 2, "joy", value=0), r"curve\[2\]\.joy is unknown"),
    (_drop("curve", 6), r"curve has 6 rows of loudness, expected 7"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN)
def test_a_broken_field_is_named(plan: Plan, change: Any, message: str) -> None:
    data = json.loads(plan_to_json(plan))
    change(data)
    with pytest.raises(PlanError, match=message):
        plan_from_json(json.dumps(data))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("tempo: 120", "not JSON"),
        ("[]", "expected an object"),
        ("null", "expected an object"),
        ("{}", "version is missing"),
        ('{"version": 1, "version": 1}', "version is given twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"version": ' + "9" * 5000 + "}", "not JSON"),
    ],
)
def test_what_is_no_plan_is_refused(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        plan_from_json(text)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"cannot read .*missing\.json"):
        read_plan(tmp_path / "missing.json")
    with pytest.raises(PlanError, match="cannot read"):
        read_plan(tmp_path)
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PlanError, match=r"binary\.json is not a plan"):
        read_plan(binary)
    binary.write_text("{}")
    with pytest.raises(PlanError, match=r"binary\.json: version is missing"):
        read_plan(binary)


def test_a_plan_that_could_not_be_read_is_not_written(plan: Plan, tmp_path: Path) -> None:
    plan.loudness[2] = np.nan
    with pytest.raises(PlanError, match="loudness"):
        write_plan(plan, tmp_path / "plan.json")
    assert not (tmp_path / "plan.json").exists()


def arrangements() -> st.SearchStrategy[Arrangement]:
    rewrite = st.builds(Rewrite, st.just(1), st.just(1), st.integers(0, 2**63 - 1))
    return st.builds(
        Arrangement,
        st.sampled_from(["neural", "patterns"]),
        st.integers(1, 64),
        st.booleans(),
        st.booleans(),
        st.lists(rewrite, max_size=3).map(tuple),
        st.integers(0, 100).map(lambda percent: percent / 100),
    )


@settings(max_examples=30, deadline=None)
@given(plans(), arrangements())
def test_how_notes_are_written_is_read_back(plan: Plan, arrangement: Arrangement) -> None:
    text = plan_to_json(replace(plan, arrangement=arrangement))
    assert plan_from_json(text).arrangement == arrangement
    assert plan_to_json(plan_from_json(text)) == text


def test_a_plan_from_before_there_were_arrangers_is_played_by_patterns(
    plan: Plan, tmp_path: Path
) -> None:
    data = json.loads(plan_to_json(plan))
    del data["arrangement"], data["rewrites"]
    path = tmp_path / "old.plan.json"
    path.write_text(json.dumps(data))
    assert read_plan(path).arrangement == Arrangement() == Arrangement("patterns")
    assert plan_to_json(read_plan(path)) == plan_to_json(plan)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("arrangement", {"arranger": "magic"}, "arrangement.arranger is 'magic', expected neural"),
        ("arrangement", {"candidates": 0}, "arrangement.candidates is 0, expected"),
        ("arrangement", {"humanize": 2}, "arrangement.humanize is 2"),
        ("arrangement", {"drums": "no"}, "arrangement.drums is 'no', expected true or false"),
        ("arrangement", {"choir": True}, "arrangement.choir is unknown"),
        ("arrangement", [], "arrangement is"),
        ("phrases", [{"beat": 4, "label": "A", "cadence": "half"}], "phrases must begin on beat 0"),
        ("phrases", [{"beat": 0, "label": "1", "cadence": "half"}], r"phrases\[0\].label is '1'"),
        ("sections", [{"beat": 0, "mood": "sad", "label": "a"}], r"sections\[0\].label is 'a'"),
        ("entries", [{"beat": 0, "resting": ["tuba"]}], r"entries\[0\].resting has 'tuba'"),
        ("entries", [{"beat": 999, "resting": []}], r"entries\[0\].beat is 999"),
        ("entries", [{"beat": 0}], r"entries\[0\].resting is missing"),
        ("phrases", [{"beat": 0, "label": "A", "cadence": "full"}], r"phrases\[0\].cadence is"),
        ("phrases", [{"beat": 0, "label": "A"}], r"phrases\[0\].cadence is missing"),
        ("rewrites", [{"bars": [2, 99], "seed": 1}], r"rewrites\[0\].bars is \[2, 99\], expected"),
        ("rewrites", [{"bars": [3, 2], "seed": 1}], r"rewrites\[0\].bars is \[3, 2\], expected"),
        ("rewrites", [{"bars": [2], "seed": 1}], r"rewrites\[0\].bars has 1 numbers"),
        ("rewrites", [{"bars": [1, 2], "seed": -1}], r"rewrites\[0\].seed is -1"),
        ("rewrites", [{"bars": [1, 2]}], r"rewrites\[0\].seed is missing"),
    ],
)
def test_a_broken_arrangement_is_named(plan: Plan, field: str, value: object, message: str) -> None:
    data = json.loads(plan_to_json(plan)) | {field: value}
    with pytest.raises(PlanError, match=message):
        plan_from_json(json.dumps(data))


def test_an_alias_of_a_mood_is_read_as_the_mood_and_reported(plan: Plan) -> None:
    data = json.loads(plan_to_json(plan))
    data["sections"][1]["mood"] = "happy"
    said: list[str] = []
    assert (
        plan_from_json(json.dumps(data), callback_reporter(message=said.append)).sections[1].mood
        == "exciting"
    )
    assert said == ["the mood happy is taken as exciting, the nearest of the six"]


def test_a_file_that_is_too_large_is_no_plan(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("amt.plan.text.MAX_BYTES", 1 << 20)
    path = tmp_path / "large.json"
    path.write_text(" " * (1 << 20) + "{}")
    with pytest.raises(PlanError, match="larger than 1 MiB"):
        read_plan(path)


def test_a_message_quotes_little_of_a_long_value(plan: Plan) -> None:
    data = json.loads(plan_to_json(plan))
    data["seed"] = "x" * 100_000
    with pytest.raises(PlanError) as caught:
        plan_from_json(json.dumps(data))
    assert len(str(caught.value)) < 200


def test_phrases_are_kept_and_begin_bars(plan: Plan) -> None:
    second = int(plan.grid.downbeats[1])
    phrased = replace(plan, phrases=(Phrase(0, "A", "half"), Phrase(second, "B", "authentic")))
    text = plan_to_json(phrased)
    assert plan_from_json(text).phrases == phrased.phrases
    with pytest.raises(PlanError, match=r"phrases\[1\].beat is 1, expected the first"):
        plan_to_json(replace(plan, phrases=(phrased.phrases[0], Phrase(1, "B", "half"))))


def test_sections_keep_their_keys_and_chords_their_basses(plan: Plan) -> None:
    sections = (Section(0, "sad"), Section(8, "exciting", key=parse_key("F minor")))
    chords = (plan.chords[0], replace(plan.chords[1], bass=5), *plan.chords[2:])
    keyed = replace(plan, sections=sections, chords=chords)
    text = plan_to_json(keyed)
    rows = json.loads(text)
    assert [row.get("key") for row in rows["sections"]] == [None, "F minor"]
    assert [row.get("bass") for row in rows["chords"]] == [None, "F", None, None]
    assert "key" not in rows["sections"][0]
    again = plan_from_json(text)
    assert (again.sections, again.chords) == (sections, chords)
    assert [again.key_at(beat).label for beat in (0, 7, 8, 11)] == [
        "F major", "F major", "F minor", "F minor",
    ]  # fmt: skip
    assert again.key_changes() == ((8, parse_key("F minor")),)
    with pytest.raises(PlanError, match=r"chords\[0\].bass is 12, expected a note's name"):
        plan_to_json(replace(plan, chords=(replace(plan.chords[0], bass=12),)))


def test_a_key_that_goes_on_is_no_change(plan: Plan) -> None:
    same, minor = Section(8, "sad", key=plan.key), parse_key("F minor")
    assert replace(plan, sections=(Section(0, "sad"), same)).key_changes() == ()
    held = (Section(0, "sad", key=minor), Section(4, "sad", key=minor), Section(8, "sad"))
    assert replace(plan, sections=held).key_changes() == ((8, plan.key),)
    assert replace(plan, sections=held).key_at(0) == minor
