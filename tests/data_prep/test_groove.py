"""Counts of drummers' performances, of a tiny set written here."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest

from data_prep.corpus import CorpusError
from data_prep.groove import (
    STEPS,
    family_of,
    family_table,
    kick_patterns,
    load_performances,
    step_shares,
    toml_text,
    velocities,
)

HEADER = "id,style,bpm,beat_type,time_signature,midi_filename,split\n"


def write_beat(path: Path, bars: int, late: int = 0) -> None:
    """Kick on 1 and 3, loud snare on 2 and 4, a ghost before 3, hats of eighths."""
    events = []
    for bar in range(bars):
        start = bar * 1920
        events += [(start, 36, 80), (start + 960, 36, 80)]
        events += [(start + 480, 38, 120), (start + 1440, 38, 120), (start + 840 + late, 38, 30)]
        events += [(start + i * 240, 42, 90 if i % 2 == 0 else 60) for i in range(8)]
    track = mido.MidiTrack()
    now = 0
    for tick, note, velocity in sorted(events):
        track.append(mido.Message("note_on", note=note, velocity=velocity, time=tick - now))
        now = tick
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    file.save(path)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write_beat(tmp_path / "a.mid", 4)
    write_beat(tmp_path / "b.mid", 2, late=20)
    rows = [
        "d/a,rock,120,beat,4-4,a.mid,train",
        "d/b,rock/indie,100,beat,4-4,b.mid,train",
        "d/c,rock,100,beat,6-8,a.mid,train",
        "d/d,jazz,100,beat,4-4,a.mid,train",
    ]
    (tmp_path / "info.csv").write_text(HEADER + "\n".join(rows) + "\n")
    return tmp_path


def test_families_leave_out_shuffles_and_other_styles() -> None:
    assert family_of("pop/soft") == "rock"
    assert family_of("rock/halftime") is None
    assert family_of("jazz/fast") is None


def test_hits_are_counted_by_piece_and_step(corpus: Path) -> None:
    found = load_performances(corpus)
    assert [p.bars for p in found] == [4, 2], "only 4/4, only the families"
    assert kick_patterns(found) == [("x.......x.......", pytest.approx(2.0))]
    ghosts, loud = (step_shares(found, "snare", ghosts=soft) for soft in (True, False))
    assert np.flatnonzero(ghosts).tolist() == [7]
    assert np.flatnonzero(loud).tolist() == [4, 12]
    assert velocities(found, "snare", ghosts=True)[7] == pytest.approx(-90)


def test_a_table_is_written_as_toml(corpus: Path) -> None:
    import tomllib

    found = load_performances(corpus)
    text = toml_text({"rock": family_table(found, "rock")})
    table = tomllib.loads(text)["rock"]
    assert len(table["ghosts"]) == STEPS
    assert table["performances"] == 2


def test_a_folder_without_a_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"info\.csv, the list of performances"):
        load_performances(tmp_path)
