"""The comparison with note_seq on songs and clips of a few notes."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from amt.chords import Key, parse_chord
from amt.midi import write_midi
from amt.types import TICKS_PER_BEAT, ControlChange, Note, Song, TempoChange, TimeSignature, Track
from data_prep.sustain import sounding_notes
from experiments.composer.sustain import note_seq_sustained
from experiments.evaluate import main

LABELS = ("C", "A:min", "F", "G")
CHORD_BEATS = 4

pytestmark = pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")


@pytest.fixture(autouse=True, scope="module")
def libraries() -> None:
    """note_seq and mir_eval, whose imports warn of what they import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("note_seq")
        pytest.importorskip("mir_eval")


def song_of(notes: list[Note], controls: tuple[ControlChange, ...] = ()) -> Song:
    return Song(
        tracks=(Track("Piano", 0, tuple(sorted(notes)), controls),),
        tempos=(TempoChange(0, 500_000),),
        time_signatures=(TimeSignature(0, 4),),
        key=Key(0, "major"),
        end=4 * CHORD_BEATS * TICKS_PER_BEAT,
    )


def held_chords(duration_beats: int = CHORD_BEATS) -> list[Note]:
    """The chords of LABELS, four beats each, over their roots."""
    notes = []
    for index, label in enumerate(LABELS):
        start = CHORD_BEATS * index * TICKS_PER_BEAT
        classes = parse_chord(label).pitch_classes
        for pitch in (36 + classes[0], *(60 + pitch_class for pitch_class in classes)):
            notes.append(Note(start, pitch, start + duration_beats * TICKS_PER_BEAT, 80))
    return notes


@pytest.fixture
def pop909(tmp_path: Path) -> Path:
    root = tmp_path / "pop909"
    for name in ("001", "002"):
        folder = root / name
        folder.mkdir(parents=True)
        write_midi(song_of(held_chords()), folder / f"{name}.mid")
        rows = [f"{2 * i}\t{2 * i + 2}\t{label}" for i, label in enumerate(
            ("C:maj", "A:min", "F:maj", "G:maj")
        )]  # fmt: skip
        for kind in ("audio", "midi"):
            (folder / f"chord_{kind}.txt").write_text("\n".join(rows))
        (folder / "beat_midi.txt").write_text("\n".join(f"{b / 2} 0 0" for b in range(1, 16)))
    return root


def test_held_chords_agree_with_their_labels(
    pop909: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.json"
    main([
        "chord-inference", "--pop909", str(pop909), "--songs", "1", "--tuning-songs", "1",
        "--bootstrap", "5", "--json", str(path),
    ])  # fmt: skip
    found = json.loads(path.read_text())["chords"]
    assert len(found["agreement"]) == 6
    for row in found["agreement"].values():
        assert row["root"]["figure"] == pytest.approx(1, abs=0.01)
        assert row["majmin"]["figure"] == pytest.approx(1, abs=0.01)
    assert "| data_prep, frames of 0.25 s | 1.000 [1.000, 1.000] |" in capsys.readouterr().out


def test_both_pedals_hold_notes_alike_until_it_rises() -> None:
    pedal = tuple(
        ControlChange(tick * TICKS_PER_BEAT, 64, value)
        for tick, value in ((0, 127), (7, 0), (8, 127), (15, 0))
    )
    song = song_of(held_chords(1), pedal)
    ours = sounding_notes(song)
    theirs = note_seq_sustained(song)
    order = np.lexsort((theirs[:, 2], theirs[:, 0]))
    np.testing.assert_allclose(theirs[order], ours, atol=1e-9)
    assert ours[:, 1].max() == pytest.approx(7.5)


def test_clips_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_midi(
        song_of(held_chords(1), (ControlChange(0, 64, 127),)), tmp_path / "Q1_one_0.mid"
    )  # a pedal that never rises
    path = tmp_path / "out.json"
    main(["chord-inference", "--emopia", str(tmp_path), "--json", str(path)])
    found = json.loads(path.read_text())["sustain"]
    assert found["notes"] == 16
    assert (found["differing"], found["at_end"], found["only_ours"]) == (12, 7, 0)
    assert found["seconds"]["ours"] == pytest.approx(found["seconds"]["written"])
    assert "Sustain of 1 clips" in capsys.readouterr().out


def test_missing_songs_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["chord-inference", "--pop909", str(tmp_path)])
    assert "no song of POP909" in capsys.readouterr().err
