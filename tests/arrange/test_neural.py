"""Arrangements by network: what it is asked for, and that its notes are played as written."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amt.arrange import arrange, load_network, neural, style_names
from amt.arrange.neural import (
    answered_phrases,
    arrange_neural,
    fold_octaves,
    home_ranges,
    note_plan,
)
from amt.arrange.roles import COUNTER_SHARE, network_instruments
from amt.arrange.score import write_score
from amt.arrange.styles import load_style
from amt.chords import Key, chord_from_id, home_distance
from amt.errors import InputError, PlanError, WeightsError
from amt.midi import read_midi, write_midi
from amt.models.config import ArrangerConfig
from amt.models.notes.conditioning import NotePlan
from amt.models.notes.inputs import NO_HIT
from amt.models.notes.network import Arranger
from amt.models.notes.tokens import ROLES
from amt.models.weights import save_model
from amt.plan import plan_from_json, plan_to_json
from amt.types import TICKS_PER_BEAT, Arrangement, Cut, Note, Plan, Section, Song
from tests.arrange.plan_strategies import make_plan, plans

NEURAL = Arrangement("neural")
ENSEMBLES = tuple(name for name in style_names() if not load_style(name).parts)
"""Styles in which one instrument plays a role."""
SWING_TICKS = 90
"""By which swing and random timing may delay the end of a note."""
CONFIG = ArrangerConfig(
    d_model=16, n_heads=2, d_ff=32, encoder_layers=1, decoder_layers=2, motif_bars=4
)
SOME_PLANS = settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@cache
def tiny() -> Arranger:
    torch.manual_seed(0)
    return Arranger(CONFIG).eval()


def asked(plan: Plan) -> NotePlan:
    return note_plan(plan, write_score(plan, load_style(plan.style)))


def quiet(plan: Plan) -> Plan:
    """A plan of few notes, which are soon written."""
    return replace(plan, density=np.minimum(plan.density, 6.0))


@SOME_PLANS
@given(plan=plans().map(quiet))
def test_any_plan_becomes_a_song_in_range_that_midi_can_hold(plan: Plan, tmp_path: Path) -> None:
    song = arrange_neural(plan, tiny())
    write_midi(song, tmp_path / "song.mid")
    assert read_midi(tmp_path / "song.mid") == song
    style = load_style(plan.style)
    players = {p.name: p for p in network_instruments(style, NEURAL).values()}
    for track in song.tracks:
        if track.name in players:
            player = players[track.name]
            assert track.program == player.program
            assert all(player.low <= note.pitch <= player.high for note in track.notes)
    roles = [track.name for track in song.tracks]
    assert len(set(roles)) == len(roles)


@SOME_PLANS
@given(plan=plans().map(quiet))
def test_a_plan_and_its_file_are_arranged_to_the_same_song(plan: Plan) -> None:
    again = plan_from_json(plan_to_json(replace(plan, arrangement=NEURAL)))
    assert arrange_neural(again, tiny()) == arrange_neural(plan, tiny())


def test_the_seed_decides() -> None:
    plan = make_plan(12.0, density=4.0)
    one, two = arrange_neural(plan, tiny()), arrange_neural(replace(plan, seed=2), tiny())
    assert one.tracks[0].notes != two.tracks[0].notes


@given(plan=plans())
@settings(max_examples=40, deadline=None)
def test_what_is_asked_fits_the_plan(plan: Plan) -> None:
    wanted = asked(plan)
    assert wanted.bars == plan.grid.bars
    assert wanted.known.all()
    assert np.isfinite(wanted.controls).all()
    for name, low, high in (
        ("density", 0, 1e3), ("loudness", 0, 1), ("valence", -1, 1), ("arousal", -1, 1),
        ("section", 0, 1), ("to_hit", 0, NO_HIT), ("tempo", 3, 1201),
    ):  # fmt: skip
        values = wanted.control(name)
        assert low <= values.min() <= values.max() <= high, name
    np.testing.assert_allclose(wanted.control("tempo"), plan.grid.tempo_bpm)
    assert wanted.roles[:, list(ROLES).index("harmony")].all()


@given(plan=plans())
@settings(max_examples=40, deadline=None)
def test_chords_are_asked_in_the_home_key(plan: Plan) -> None:
    wanted = asked(plan)
    away = -home_distance(plan.key)
    assert -5 <= away <= 6
    assert Key((away + (9 if wanted.is_minor else 0)) % 12, plan.key.mode) == plan.key
    for span in plan.chords:
        assert chord_from_id(int(wanted.chords[span.beat])).transpose(away) == span.chord


def test_density_is_asked_without_what_is_written_by_rule() -> None:
    plan = make_plan(32.0, style="strings", density=8.0)
    per_beat = 8.0 / 2
    shares = asked(plan).control("density")[:48]
    song = arrange(plan)
    ruled = sum(
        len([n for n in track.notes if n.start < 48 * 480])
        for track in song.tracks
        if track.name in {"Slow strings", "Cellos and basses"}
    )
    answers = COUNTER_SHARE * 16 / 48  # bars 5 to 8 of twelve
    assert shares.mean() == pytest.approx(per_beat - ruled / 48 - answers, abs=0.05)
    alone = asked(make_plan(32.0, style="strings", density=16.0)).control("density")
    assert alone.mean() > shares.mean() + 2


def test_a_bar_of_the_network_is_never_asked_to_be_silent() -> None:
    thin = asked(make_plan(32.0, style="strings", density=0.01)).control("density")
    assert thin.min() == pytest.approx(0.25)


def test_accents_of_the_network_are_played_as_differences_of_velocity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = make_plan(32.0, density=6.0)

    def spread() -> float:
        return float(np.std([n.velocity for n in arrange_neural(plan, tiny()).tracks[0].notes]))

    on = spread()
    monkeypatch.setattr(neural, "_MOST_ACCENT", 0.0)
    assert on - spread() >= 2


def test_loudness_is_asked_as_the_velocities_that_will_be_played() -> None:
    plan = make_plan(24.0, loudness=0.1, density=7.0)
    song = arrange_neural(plan, tiny())
    played = np.mean([note.velocity for track in song.tracks[:2] for note in track.notes]) / 127
    assert asked(plan).control("loudness").mean() == pytest.approx(played, abs=0.06)


def test_sections_and_hits_are_inputs() -> None:
    plan = make_plan(
        24.0, cuts=(Cut(6.0, 0.9), Cut(9.0, 0.3)), sections=(Section(0, "sad"), Section(17, "sad"))
    )
    wanted = asked(plan)
    assert np.flatnonzero(wanted.control("section")).tolist() == [0, 16]
    assert wanted.control("to_hit")[:14].tolist() == [*range(12, -1, -1), NO_HIT]


def test_without_a_melody_there_is_no_counter_melody() -> None:
    plan = make_plan(16.0, density=10.0)
    plan = replace(plan, arrangement=Arrangement("neural", melody=False))
    wanted = asked(plan)
    assert not wanted.roles[:, :2].any()
    song = arrange_neural(plan, tiny())
    assert [t.name for t in song.tracks] == ["Piano accompaniment", "Piano bass"]


def test_the_answer_plays_in_every_second_phrase_where_there_is_room() -> None:
    def phrases(density: float) -> frozenset[int]:
        plan = make_plan(64.0, density=density)
        return answered_phrases(plan, write_score(plan, load_style(plan.style)))

    assert phrases(8.0) == {1, 3, 5, 7}
    assert phrases(2.0) == set()
    assert not asked(make_plan(64.0)).roles[:, list(ROLES).index("counter")].any()


@pytest.mark.parametrize("style", ENSEMBLES)
def test_one_track_a_role(style: str) -> None:
    plan = make_plan(16.0, style=style, mood="exciting", density=9.0)
    song = arrange_neural(plan, tiny())
    wanted = [p.name for p in network_instruments(load_style(style), NEURAL).values()]
    ruled = (load_style(style).instrument(role) for role in ("pad", "bass", "drums"))
    wanted += [player.name for player in ruled if player is not None]
    names = [track.name for track in song.tracks]
    assert names == [name for name in wanted if name in names]
    assert len(names) >= len(wanted) - 1
    assert [t.name for t in song.tracks if t.is_drum] == [
        p.name for p in load_style(style).instruments if p.role == "drums"
    ]


def test_pad_bass_and_drums_play_as_they_do_with_the_patterns() -> None:
    plan = make_plan(24.0, style="synth", mood="exciting", density=9.0)
    theirs = {track.name: track for track in arrange(plan).tracks}
    pad, *others = arrange_neural(plan, tiny()).tracks[-3:]
    for track in others:
        assert track == theirs[track.name]
    onsets = {note.start for note in theirs[pad.name].notes}
    assert {note.start for note in pad.notes} <= onsets  # some give way to the melody


def test_no_drums() -> None:
    plan = make_plan(16.0, style="band", mood="exciting", density=9.0)
    without_drums = replace(plan, arrangement=Arrangement("neural", drums=False))
    without = arrange_neural(without_drums, tiny())
    assert without.tracks == arrange_neural(plan, tiny()).tracks[:-1]


def test_a_users_style_without_a_melody_gives_it_to_the_arpeggio(tmp_path: Path) -> None:
    path = tmp_path / "lone.toml"
    role = (
        '[roles.{}]\nname = "{}"\nprogram = 24\nlow = 48\nhigh = 72\nvolume = 100\npan = 64\n'
        "gate = 0.9\n"
    )
    plan = make_plan(12.0, style=str(path), density=5.0)

    def names(*roles: tuple[str, str]) -> list[str]:
        path.write_text("".join(role.format(*r) for r in roles))
        return [track.name for track in arrange_neural(plan, tiny()).tracks]

    assert names(("harmony", "Guitar")) == ["Guitar melody", "Guitar"]
    assert names(("harmony", "Guitar"), ("arpeggio", "Harp")) == ["Harp", "Guitar"]
    assert names(("harmony", "Guitar"), ("melody", "Flute"), ("accompaniment", "Lute")) == [
        "Flute", "Lute",
    ]  # fmt: skip


def struck(song: Song, tick: int) -> list[Note]:
    return [n for track in song.tracks[:2] for n in track.notes if n.start == tick]


def test_strong_cuts_and_the_loudness_curve_shape_the_networks_notes() -> None:
    loudness = np.repeat([0.05, 0.3], 12)
    song = arrange_neural(make_plan(24.0, loudness=loudness, density=6.0), tiny())
    both = 0
    for track in song.tracks[:3]:
        halves = [[n.velocity for n in track.notes if (n.start < 11520) == s] for s in (1, 0)]
        if all(halves):
            assert np.mean(halves[0]) + 15 < np.mean(halves[1])
            both += 1
    assert both


@pytest.mark.parametrize("style", style_names())
@pytest.mark.parametrize("tonic", range(12))
def test_what_may_be_written_is_what_the_players_can_play(style: str, tonic: int) -> None:
    players = network_instruments(load_style(style), NEURAL)
    distance = home_distance(Key(tonic, "minor"))
    ranges = dict(zip(ROLES, home_ranges(players, distance), strict=True))
    for role, player in players.items():
        low, high = ranges[role]
        assert high - low >= 11
        written = np.arange(low, high + 1) - distance
        np.testing.assert_array_equal(fold_octaves(written, player.low, player.high), written)


@given(st.lists(st.integers(0, 140), min_size=1), st.integers(0, 100), st.integers(11, 40))
def test_pitches_are_folded_by_octaves(pitches: list[int], low: int, width: int) -> None:
    came = fold_octaves(np.array(pitches), low, low + width)
    assert ((low <= came) & (came <= low + width)).all()
    assert ((came - pitches) % 12 == 0).all()
    kept = [low <= p <= low + width for p in pitches]
    assert (came[kept] == np.array(pitches)[kept]).all()


def test_what_cannot_be_arranged_is_refused() -> None:
    plan = make_plan(16.0)
    with pytest.raises(InputError, match="a bar has 9 beats; expected 1 to 8"):
        arrange_neural(make_plan(16.0, beats_per_bar=9), tiny())
    with pytest.raises(InputError, match="unknown style 'polka'"):
        arrange_neural(replace(plan, style="polka"), tiny())
    with pytest.raises(PlanError, match="candidates is 0"):
        arrange_neural(replace(plan, arrangement=Arrangement(candidates=0)), tiny())
    with pytest.raises(InputError, match="none is loaded"):
        arrange(replace(plan, arrangement=NEURAL))


def test_the_network_is_loaded_only_where_it_is_asked_for(tmp_path: Path) -> None:
    assert load_network("patterns", tmp_path) is None
    with pytest.raises(WeightsError, match=r"no weights of the neural arranger in .*`weights`"):
        load_network("neural", tmp_path)
    save_model(tmp_path / "arranger", "arranger", CONFIG, tiny().state_dict())
    assert isinstance(load_network("neural", tmp_path), Arranger)


@pytest.mark.parametrize("duration_s", [16.0, 17.3])
def test_the_tones_of_the_last_chord_ring_until_the_end(duration_s: float) -> None:
    plan = make_plan(duration_s, density=10.0)
    song = arrange_neural(plan, tiny())
    ending = write_score(plan, load_style(plan.style)).form.ending
    tones = plan.chords[-1].chord.pitch_classes
    for track in song.tracks[1:]:
        last = [n for n in track.notes if n.start >= ending and n.pitch % 12 in tones]
        if "counter" in track.name.lower():
            last = last[-1:]
        again = {b.start for a in last for b in last if a.pitch == b.pitch and a.start < b.start}
        assert all(n.end in again | {song.end} for n in last)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("style", ["orchestral", "piano", "synth"])
def test_no_note_outlasts_its_chord_by_more_than_a_beat(style: str, seed: int) -> None:
    """Unless the next chords have it too; drums and swing's ticks aside."""
    plan = replace(make_plan(40.0, style=style, mood="exciting", density=9.0), seed=seed)
    changes = [
        (after.beat * TICKS_PER_BEAT, after.chord)
        for before, after in pairwise(plan.chords)
        if before.chord != after.chord
    ]
    for track in arrange_neural(plan, tiny()).tracks:
        for note in track.notes if not track.is_drum else ():
            after = [tick for tick, chord in changes if note.start < tick < note.end
                     and note.pitch % 12 not in chord.pitch_classes]  # fmt: skip
            assert not after or note.end <= after[0] + TICKS_PER_BEAT + SWING_TICKS
