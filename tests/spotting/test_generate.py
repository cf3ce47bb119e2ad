"""What a cue sheet and a timecode do to the plan, the notes and the MIDI file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest

from amt import api
from amt.arrange import arrange
from amt.arrange.finish import MIN_ENTRY, finished, silent_ticks
from amt.arrange.form import form_of
from amt.errors import PlanError
from amt.midi import read_midi, write_midi
from amt.plan import plan_from_json, plan_to_json
from amt.spotting import write_cues
from amt.spotting.cues import Cue, CueSheet, ordered
from amt.timecode import RATES, Timecode, smpte_offset
from amt.timing.hits import is_hit
from amt.types import TICKS_PER_BEAT, Arrangement, ControlChange, Note, TimeSpan, Track
from tests.arrange.plan_strategies import make_plan
from tests.features.clips import picture, write_clip

SILENCES = (TimeSpan(0.0, 1.3), TimeSpan(5.0, 7.5), TimeSpan(20.25, 24.0))


@pytest.mark.parametrize("style", ["piano", "lo-fi", "strings"])
def test_nothing_sounds_in_a_silence_and_the_music_comes_in_after_it(style):
    plan = replace(make_plan(24.0, style=style), silences=SILENCES)
    song = arrange(plan)
    spans = silent_ticks(plan, song.end)
    notes = [note for track in song.tracks for note in track.notes]
    assert notes
    assert not [n for n in notes for start, end in spans if n.start < end and n.end > start]
    for track in song.tracks:
        pedal = [c for c in track.controls if c.number == 64]
        for start, end in spans:
            assert all(c.value < 64 for c in pedal if start <= c.tick < end)
            assert not pedal or [0, *(c.value for c in pedal if c.tick <= start)][-1] < 64
    beat_s = 0.5
    for silence in SILENCES[:2]:
        entry = min(
            n.start for n in notes if n.start >= silence.end_s / beat_s * TICKS_PER_BEAT - 1
        )
        assert entry / TICKS_PER_BEAT * beat_s - silence.end_s < beat_s / 2
    assert [m.text for m in song.markers if m.text.startswith("Silence")] == [
        "Silence 1.30 s", "Silence 2.50 s", "Silence 3.75 s",
    ]  # fmt: skip


def test_only_what_lasts_is_moved_to_the_end_of_a_silence():
    plan = replace(make_plan(8.0), silences=(TimeSpan(1.0, 2.0),))
    song = arrange(plan)
    notes = (Note(0, 60, 1200, 80), Note(960, 62, 1920 + MIN_ENTRY, 80), Note(960, 64, 1950, 80),
             Note(1000, 65, 4000, 80), Note(2400, 65, 2880, 80))  # fmt: skip
    pedal = (ControlChange(480, 64, 127), ControlChange(1440, 64, 0), ControlChange(1470, 64, 127))
    track = Track("Piano", 0, notes, pedal)
    (made,) = finished(replace(song, tracks=(track,)), plan).tracks
    assert made.notes == (
        Note(0, 60, 960, 80), Note(1920, 62, 1920 + MIN_ENTRY, 80), Note(1920, 65, 2400, 80),
        Note(2400, 65, 2880, 80),
    )  # fmt: skip
    assert made.controls == (
        ControlChange(480, 64, 127), ControlChange(960, 64, 0), ControlChange(1920, 64, 127),
    )  # fmt: skip


def test_silences_and_timecode_are_read_back_and_checked():
    clock = Timecode(RATES["29.97df"], "01:00:00;00")
    plan = replace(make_plan(24.0), silences=SILENCES, timecode=clock)
    text = plan_to_json(plan)
    again = plan_from_json(text)
    assert (again.silences, again.timecode) == (SILENCES, clock)
    assert plan_to_json(again) == text
    data = json.loads(text)
    for name, value, reason in (
        ("silences", [{"start_s": 3, "end_s": 2}], r"silences\[0\] is from 3.* to 2.* s"),
        ("silences", [{"start_s": 3, "end_s": 99}], "ends by the end at 24 s"),
        ("silences", [{"start_s": 0, "end_s": 24}], "leave no music"),
        ("timecode", {"rate": "25", "start": "01:00:00;00"}, "timecode: .*drop-frame"),
        ("timecode", {"rate": "12", "start": "01:00:00:00"}, "timecode: .*no frame rate"),
    ):
        with pytest.raises(PlanError, match=reason):
            plan_from_json(json.dumps(data | {name: value}))
    for name in ("silences", "timecode"):
        del data[name]
    old = plan_from_json(json.dumps(data))
    assert (old.silences, old.timecode) == ((), None)


@pytest.mark.parametrize("rate", RATES)
def test_a_midi_file_states_the_timecode_and_players_read_it(rate, tmp_path):
    start = "01:00:00;00" if RATES[rate].drop else "01:00:00:00"
    plan = replace(make_plan(12.0), timecode=Timecode(RATES[rate], start))
    song = arrange(plan)
    write_midi(song, tmp_path / "song.mid")
    assert read_midi(tmp_path / "song.mid").smpte_offset == smpte_offset(plan.timecode)
    first = mido.MidiFile(tmp_path / "song.mid").tracks[0]
    assert [m.type for m in first if m.time == 0][1] == "smpte_offset"
    bare = arrange(replace(plan, timecode=None))
    write_midi(bare, tmp_path / "bare.mid")
    with pytest.warns(RuntimeWarning) if False else _nothing():
        ends = [
            pretty_midi.PrettyMIDI(str(tmp_path / n)).get_end_time()
            for n in ("song.mid", "bare.mid")
        ]
    assert ends[0] == ends[1]


def _nothing():
    from contextlib import nullcontext

    return nullcontext()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = [picture(shot) for shot in range(4) for _ in range(75)]
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", images)


def generate(clip: Path, **words):
    return api.generate(clip, backend="analytic", arranger="patterns", **words)


def test_a_sheet_decides_hits_moods_silences_and_cuts(clip, tmp_path):
    cues = [
        Cue(2.2, "start"), Cue(7.1, "hit"), Cue(8.0, "silence", 1.04), Cue(2.2, "mood", mood="sad"),
        Cue(7.1, "mood", mood="exciting"), Cue(3.0, "cut"), Cue(6.48, "cut", strength=0.9),
        Cue(5.0, "movement", strength=0.7), Cue(9.04, "theme", theme="C"),
    ]  # fmt: skip
    sheet = CueSheet(Timecode(RATES["25"], "10:00:00:00"), ordered(cues), 12.0)
    path = tmp_path / "spots.json"
    write_cues(sheet, path)
    made = generate(clip, spots=path, seed=3)
    plan = made.plan
    assert plan.silences == (TimeSpan(0.0, 2.2), TimeSpan(8.0, 9.04))
    assert plan.timecode == sheet.clock
    assert [cut.time_s for cut in plan.cuts] == [3.0, 6.48]
    assert plan.cuts[1].strength == 0.9
    assert [accent.time_s for accent in plan.accents] == [5.0, 7.1]
    downbeats_s = plan.grid.beats_s[plan.grid.downbeats]
    for time_s in (2.2, 7.1, 9.04):
        assert is_hit(float(downbeats_s[np.abs(downbeats_s - time_s).argmin()]), time_s)
    onsets = [n.start for t in made.song.tracks for n in t.notes]
    assert min(onsets) >= plan.grid.beats_at(2.2) * TICKS_PER_BEAT - 1
    section = next(s for s in plan.sections if s.label == "C")
    assert is_hit(float(plan.grid.beats_s[section.beat]), 9.04)
    emotion = plan.emotion.argmax(axis=1)
    assert emotion[4] != emotion[9]


def test_music_that_ends_before_the_clip_ends_on_the_tonic(clip, tmp_path):
    (tmp_path / "s.csv").write_text("seconds,kind\n8.5,silence\n")
    plan = generate(clip, spots=tmp_path / "s.csv").plan
    assert plan.silences == (TimeSpan(8.5, 12.0),)
    last = plan.chords[-1]
    assert last.chord == plan.key.tonic_chord
    assert plan.grid.beats_s[last.beat] <= 7.5
    assert form_of(plan).ending == last.beat * TICKS_PER_BEAT


def test_timecode_survives_new_bars(clip, tmp_path):
    from amt.regenerate import regenerate
    from amt.types import Rewrite

    made = generate(clip, start_tc="01:00:00:00")
    assert made.plan.timecode == Timecode(RATES["25"], "01:00:00:00")
    assert made.song.markers[0].text.endswith("01:00:00:00")
    again = regenerate(made.plan, Rewrite(2, 2, 5))
    assert again.song.smpte_offset == made.song.smpte_offset is not None
    assert generate(clip).plan.timecode is None


def test_markers_of_a_midi_file_are_spots(clip, tmp_path):
    track = mido.MidiTrack([
        mido.MetaMessage("smpte_offset", frame_rate=25, hours=1, minutes=0, seconds=1, frames=0,
                         sub_frames=0),
        mido.MetaMessage("set_tempo", tempo=500_000),
        mido.MetaMessage("marker", text="hit: door", time=960),
        mido.MetaMessage("marker", text="Chord Am", time=0),
        mido.MetaMessage("marker", text="silence 1 s", time=960),
        mido.MetaMessage("end_of_track", time=0),
    ])  # fmt: skip
    mido.MidiFile(type=1, ticks_per_beat=480, tracks=[track]).save(tmp_path / "m.mid")
    made = generate(clip, spots=tmp_path / "m.mid")
    assert made.plan.silences == (TimeSpan(2.0, 3.0),)
    shifted = generate(clip, spots=tmp_path / "m.mid", start_tc="01:00:00:00")
    assert shifted.plan.silences == (TimeSpan(3.0, 4.0),)
    assert Arrangement("patterns") == made.plan.arrangement
