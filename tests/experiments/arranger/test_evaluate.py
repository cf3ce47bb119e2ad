"""The report on the arranger, on small corpora drawn here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from amt.midi import write_midi
from amt.models.config import ArrangerConfig
from amt.models.notes.network import Arranger
from amt.models.notes.tokens import BAR
from amt.models.weights import save_model
from amt.types import TICKS_PER_BEAT, Note
from experiments.arranger.evaluate import by_human, by_patterns
from experiments.arranger.report import text_of
from experiments.arranger.scores import control_report, melody_report, overlap_report
from experiments.common.bootstrap import resamples
from experiments.evaluate import main
from tests.data_prep.test_pop909_notes import N_BARS, write_corpus_song
from tests.experiments.arranger.test_metrics import make_piece
from tests.experiments.mood.test_evaluate import FAST
from tests.experiments.mood.test_evaluate import song as mood_song

ARRANGER = ArrangerConfig(
    d_model=16, n_heads=2, d_ff=16, encoder_layers=1, decoder_layers=1, motif_bars=4
)
METRICS = (
    "pitch-class entropy", "scale consistency", "in-scale share", "chord-tone share",
    "groove consistency", "polyphony", "polyphony rate", "empty-beat rate", "note lengths",
    "pitch intervals", "mean",
)  # fmt: skip


def drawn_tracks(seed: int) -> dict[str, list[Note]]:
    """A wandering melody in quarters over chords that are broken in eighths in every second bar."""
    rng = np.random.default_rng(seed)
    tracks: dict[str, list[Note]] = {"MELODY": [], "BRIDGE": [], "PIANO": []}
    offset = 3 * TICKS_PER_BEAT // 2
    melody = 74 + np.cumsum(rng.integers(-2, 3, 4 * N_BARS))
    for beat, pitch in enumerate(melody.tolist()):
        start = offset + beat * TICKS_PER_BEAT
        tracks["MELODY"].append(Note(start, pitch, start + 400, 70 + int(rng.integers(30))))
        for i in range(1 + beat // 4 % 2):
            at = start + i * TICKS_PER_BEAT // 2
            for third in (50, 54, 57):
                tracks["PIANO"].append(Note(at, third, at + 200, 50 + beat // 4 % 4 * 8))
    return tracks


@pytest.fixture(scope="module")
def pop909(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty songs, of which two are held out."""
    root = tmp_path_factory.mktemp("pop909")
    for number in range(20):
        write_corpus_song(root, f"{number:03d}", drawn_tracks(number))
    return root


@pytest.fixture(scope="module")
def emopia(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten songs in each quadrant, in octaves; those held out are of the first and the third."""
    root = tmp_path_factory.mktemp("emopia")
    for i in range(40):
        quadrant = (1, 2, 4, 3)[i % 4]
        clip = mood_song(minor=quadrant in (2, 3), lively=quadrant in (1, 2), seed=i, up=i % 5)
        notes = clip.tracks[0].notes
        octaves = sorted([*notes, *(replace(note, pitch=note.pitch - 12) for note in notes)])
        clip = replace(clip, tracks=(replace(clip.tracks[0], notes=tuple(octaves)),))
        write_midi(clip, root / f"Q{quadrant}_song{i:02d}_0.mid")
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    arranger = Arranger(ARRANGER)
    with torch.no_grad():
        arranger.heads.position.bias[BAR] = 3.0  # short bars are written quickly
    save_model(folder / "arranger", "arranger", ARRANGER, arranger.state_dict())
    return folder


def test_baselines_are_measured_without_weights(
    pop909: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    command = ["arranger", "--pop909", str(pop909), "--json", str(path), "--bootstrap", "50"]
    main([*command, "--rolls", str(tmp_path / "rolls")])
    text = capsys.readouterr().out
    report = json.loads(path.read_text())
    assert text.strip() == text_of(report)
    assert report["songs"] == 2
    assert set(report["overlap"]["arrangers"]) == {"patterns", "bigram"}
    for found in report["overlap"]["arrangers"].values():
        assert tuple(found) == METRICS
        assert all(0 <= row["figure"] <= 1 for row in found.values())
    assert set(report) >= {"values", "controls", "melody", "copying"}
    assert "mood" not in report and "speed" not in report
    pictures = sorted((tmp_path / "rolls").iterdir())
    assert [picture.name[:7] for picture in pictures] == ["pop909-"] * 2
    with Image.open(pictures[0]) as picture:
        assert picture.width > 1000
        assert len(picture.convert("RGB").getcolors(maxcolors=2**24)) > 20


def test_the_network_is_measured_beside_them(
    pop909: Path, emopia: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    main([
        "arranger", "--pop909", str(pop909), "--emopia", str(emopia), "--weights", str(weights),
        "--json", str(path), "--bootstrap", "20", "--bars", "4", "--judge", FAST, "--threads", "1",
    ])  # fmt: skip
    report = json.loads(path.read_text())
    assert "| network less patterns |" in capsys.readouterr().out
    assert set(report["overlap"]["arrangers"]) == {"patterns", "bigram", "network"}
    assert "network" in report["controls"] and "network" in report["copying"]
    verdicts = report["mood"]["verdicts"]
    assert {"patterns", "network", "network, mood alone asked"} < set(verdicts)
    assert all(0 <= row["quadrant"]["share"] <= 1 for row in verdicts.values())
    assert report["speed"]["notes"] > 0 and report["speed"]["seconds"] > 0


def test_a_missing_corpus_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["arranger", "--pop909", str(tmp_path)])
    assert stopped.value.code == 2
    assert "no usable song of POP909" in capsys.readouterr().err


def test_people_are_as_people_are_and_do_what_is_asked() -> None:
    rng = np.random.default_rng(0)
    pieces = [
        make_piece(
            [
                (4 * bar + i, i % 2 * 2, int(rng.integers(60, 72)), 1)
                for bar in range(8)
                for i in range(1 + int(rng.integers(4)))
            ],
            (4,) * 8,
        )
        for _ in range(4)
    ]
    human = [by_human(piece) for piece in pieces]
    patterns = [by_patterns(piece, 0) for piece in pieces]
    sets = {"human": human, "twin": human, "patterns": patterns}
    draws = resamples(4, 10, 0)
    overlap = overlap_report(sets, pieces, draws, 0)
    assert overlap["arrangers"]["twin"]["mean"]["figure"] == pytest.approx(1)
    assert overlap["other human songs"]["mean"] == pytest.approx(1)
    assert overlap["arrangers"]["patterns"]["mean"]["figure"] < 0.9
    asked = control_report(sets, draws)
    assert asked["twin"]["density, pooled"]["figure"] == pytest.approx(1)
    # All notes have one velocity, so there is no loudness to follow.
    assert np.isnan(asked["twin"]["loudness, within songs"]["figure"])
    range_ = melody_report(sets)["range"]
    assert range_["human"]["inside"] and range_["human"]["quartiles"] == range_["twin"]["quartiles"]
