"""Whole pieces in the report on the neural renderer: what is played, measured and kept."""

from __future__ import annotations

import json
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.common import corpora
from experiments.evaluate import main
from experiments.renderer import evaluate_whole, probes
from experiments.renderer.metrics import AUDIBLE_DB, mel_db, texture
from experiments.renderer.pieces import Piece, cut, family_of, merged, on_program, without_unisons
from experiments.renderer.players import (
    RATE,
    Rendering,
    by_excitation,
    by_part,
    cached,
    rendered,
    sines,
    transcribed,
)
from experiments.renderer.stereo import correlation, high_band_db, side_to_mid_db
from experiments.renderer.systems import OTHER, SINES, TEACHER
from experiments.renderer.transcriber import Posteriors, Transcriber
from experiments.renderer.whole import EXCITATION, play_and_measure, spread, whole_report
from render.diffusion.instruments import DRUMS, FAMILIES
from render.diffusion.mel import SAMPLE_RATE
from render.score import Note, Part
from render.stems import Instrument, StemStream
from tests.experiments.renderer.test_evaluate import three_voices
from tests.render.networks import save_tiny_renderer

TIM = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"


def part(*notes: Note, program: int = 0, is_drum: bool = False) -> Part:
    change = (0.0, mido.Message("program_change", program=program))
    return Part("part", is_drum, notes, (change,))


def steps(count: int = 4, pitch: int = 60, program: int = 0) -> Part:
    """A note of 0.4 s each second."""
    notes = (Note(0.2 + i, 0.6 + i, pitch + i, 60 + 10 * i) for i in range(count))
    return part(*notes, program=program)


def hits(count: int = 4) -> Part:
    return part(*(Note(0.2 + i, 0.3 + i, 38, 90) for i in range(count)), is_drum=True)


def small_piece() -> Piece:
    return Piece("small", "ours", (steps(), steps(pitch=48, program=32), hits()), 4.5)


# --- pieces -----------------------------------------------------------------------------------


def test_a_piece_begins_with_its_first_note_and_ends_its_last():
    held = (*steps(6).controls, (3.0, mido.Message("control_change", control=64, value=127)))
    late = part(*(Note(n.start_s + 7, n.end_s + 7, n.pitch, 80) for n in steps(6).notes))
    (found,) = cut([Part("part", False, late.notes, held)], 5.0)
    assert found.notes[0].start_s == pytest.approx(0.2)
    assert max(note.start_s for note in found.notes) < 3.7
    assert found.sustained(99.0).end_s <= 4.0  # the pedal is lifted at the end


def test_unisons_are_found_once_and_repetitions_are_not():
    notes = [Note(0, 1, 60, 80), Note(0.02, 1, 60, 80), Note(0, 1, 72, 80), Note(0.5, 1, 60, 80)]
    assert without_unisons(iter(notes)) == (notes[0], notes[2], notes[3])
    piece = Piece("", "", (part(*notes[:1]), part(*notes[:1]), hits()), 4.0)
    assert len(piece.pitched) == 1
    assert piece.families == ("piano", "piano", DRUMS)
    assert family_of(part(notes[0], program=109)) == "other"


def test_voices_on_one_instrument_strike_each_key_anew():
    voices = [part(Note(0, 2, 60, 80)), part(Note(1, 3, 60, 80), Note(1, 2, 67, 80))]
    together = merged(voices, "piano")
    assert [n.end_s for n in together.notes if n.pitch == 60] == [1, 3]


@given(lowest=st.integers(0, 110), program=st.sampled_from([0, 73, 32, 40]))
def test_another_instrument_plays_within_its_range(lowest, program):
    family = next(f for f in FAMILIES if program in f.programs)
    moved = on_program(part(Note(0, 1, lowest, 80), Note(1, 2, lowest + 7, 80)), program)
    assert all(family.lowest <= n.pitch <= family.highest for n in moved.notes)
    assert {(n.pitch - lowest) % 12 for n in moved.notes} <= {0, 7}


# --- players ----------------------------------------------------------------------------------


def test_stems_add_to_the_mix_and_families_are_kept_apart():
    left, right = np.full((2, RATE), 0.25, np.float32), np.full((2, RATE), 0.5, np.float32)
    blocks = iter([(0, 0, left), (1, RATE // 2, right), (2, 0, right)])
    stream = StemStream(("piano", "bass", "Pipes"), blocks, 1.0, Instrument(""))
    made = rendered(stream, stream.names, 1.0)
    assert made.mix[0, 0] == 0.75 and made.mix[0, -1] == pytest.approx(1.25)
    assert set(made.families) == {"piano", "bass"}
    assert len(made.families["piano"]) == SAMPLE_RATE
    assert made.sounding_s == 3.0


def test_renderings_and_transcriptions_are_made_once(tmp_path):
    made = []

    def play(piece: Piece) -> Rendering:
        made.append(piece)
        return by_part(sines)(piece)

    piece = small_piece()
    first = cached(play, "sines", tmp_path)(piece)
    second = cached(play, "sines", tmp_path)(piece)
    np.testing.assert_array_equal(first.mix, second.mix)
    assert first.families.keys() == second.families.keys()
    assert len(made) == 1
    cached(play, "other sines", tmp_path)(piece)
    assert len(made) == 2
    asked = []

    def network(windows: np.ndarray) -> list[np.ndarray]:
        asked.append(len(windows))
        return [np.zeros((len(windows), 172, 88), np.float32)] * 2

    for _ in range(2):
        found = transcribed(Transcriber(network), first.mono, tmp_path)
    assert isinstance(found, Posteriors) and len(asked) == 1


def test_the_excitation_sounds_every_family():
    made = by_excitation(small_piece())
    assert set(made.families) == {"piano", "bass", DRUMS}
    assert all(np.abs(wave).max() > 1e-3 for wave in made.families.values())


# --- measures ---------------------------------------------------------------------------------


def test_width_is_read_from_the_difference_of_the_sides():
    rng = np.random.default_rng(0)
    middle, side = rng.normal(size=(2, RATE)).astype(np.float32)
    assert side_to_mid_db(np.stack([middle, middle])) == -120
    assert side_to_mid_db(np.stack([middle, side])) == pytest.approx(0, abs=0.2)
    assert correlation(np.stack([middle, side])) == pytest.approx(0, abs=0.02)
    wide = np.stack([middle + 0.1 * side, middle - 0.1 * side])
    assert side_to_mid_db(wide) == pytest.approx(-20, abs=0.2)
    assert high_band_db(np.stack([middle, middle])) == pytest.approx(0, abs=0.3)


def test_a_mean_of_spectrograms_is_smoother_than_each():
    rng = np.random.default_rng(0)
    noises = [mel_db(rng.normal(0, 0.1, 3 * SAMPLE_RATE).astype(np.float32)) for _ in range(4)]
    flux, deviation = texture(noises[0])
    mean_flux, mean_deviation = texture(np.mean(noises, axis=0))
    assert mean_flux < 0.7 * flux and mean_deviation < 0.7 * deviation
    louder = texture(noises[0] + 6)
    assert louder == pytest.approx((flux, deviation))
    silent = np.concatenate([noises[0], noises[0] - 2 * AUDIBLE_DB], axis=1)
    assert texture(silent)[1] == pytest.approx(deviation, rel=0.2)


def test_what_plays_like_the_teacher_has_no_errors_and_baselines_get_one_gain():
    pytest.importorskip("mir_eval")
    teacher = by_part(sines)
    players = {
        TEACHER: teacher,
        "same": teacher,
        SINES: lambda piece: teacher(piece).louder(-9.0),
        "quiet": lambda piece: teacher(piece).louder(-9.0),
    }
    piece = small_piece()
    measured, _ = play_and_measure(piece, players, None, None)
    report = whole_report({name: [row] for name, row in measured.items()}, [piece], 10, 0)
    for name in ("same", SINES):
        row = report["figures"][name]
        assert row["mel_audible"]["figure"] == pytest.approx(0, abs=0.1)
        assert row["loudness"]["figure"] == pytest.approx(0, abs=0.1)
        assert report["times"][name]["fall_ms"]["median"] == pytest.approx(0, abs=0.1)
    assert report["figures"]["quiet"]["loudness"]["figure"] == pytest.approx(9, abs=0.3)
    assert report["families"]["piano"]["quiet"]["loudness"] == pytest.approx(9, abs=0.3)
    assert report["figures"]["same"]["flux"]["figure"] == pytest.approx(1)


def test_errors_of_time_are_summed_up():
    found = spread(np.array([-20.0, 5.0, 10.0, np.nan]))
    assert found == {"median": 10.0, "late": 5.0, "within_15": 0.5, "notes": 4.0}
    assert np.isnan(spread(np.array([]))["median"])


def test_probes_find_a_drum_that_is_too_soft(monkeypatch):
    monkeypatch.setattr(probes, "FAMILIES", FAMILIES[:1])
    teacher = by_part(sines)

    def soft_kick(piece: Piece) -> Rendering:
        softer = [
            Part(p.name, p.is_drum, tuple(
                Note(n.start_s, n.end_s, n.pitch, n.velocity // 2 if n.pitch == 36 else n.velocity)
                for n in p.notes), p.controls)
            for p in piece.parts
        ]  # fmt: skip
        return teacher(Piece(piece.name, piece.group, tuple(softer), piece.duration_s))

    report = probes.probe_report({TEACHER: teacher, "soft": soft_kick})
    assert report["drums"]["soft"]["kick"]["bias"] == pytest.approx(-12, abs=1)
    assert report["drums"]["soft"]["snare"]["error"] == pytest.approx(0, abs=0.5)
    assert report["releases"]["soft"]["piano"]["median"] == pytest.approx(0, abs=0.1)


def test_a_report_on_whole_pieces_from_the_command_line(monkeypatch, tmp_path, capsys):
    pytest.importorskip("mir_eval")
    save_tiny_renderer(tmp_path)
    songs = [three_voices(f"song {i}") for i in range(10)]
    monkeypatch.setattr(corpora, "load_songs", lambda *args, **kwargs: songs)
    monkeypatch.setattr(evaluate_whole, "draw_pieces", lambda *args: [small_piece()])
    monkeypatch.setattr(probes, "FAMILIES", FAMILIES[:1])
    asked = ["renderer", "--pop909", str(tmp_path), "--soundfont", str(TIM), "--weights"]
    asked += [str(tmp_path), "--engine", "midirenderer", "--songs", "0", "--steps", "1", "2"]
    asked += ["--bootstrap", "20", "--cache", str(tmp_path / "cache")]
    asked += ["--pictures", str(tmp_path / "pictures")]
    monkeypatch.setattr(evaluate_whole, "PICTURED", ("ours",))
    monkeypatch.setattr(evaluate_whole, "PICTURE_FROM_S", 1.0)
    main([*asked, "--json", str(tmp_path / "report.json")])
    report = json.loads((tmp_path / "report.json").read_text())
    # The other soundfont is the teacher's own here, on an engine whose samples repeat.
    assert report["whole"]["figures"][OTHER]["mel_audible"]["figure"] == pytest.approx(0, abs=1e-3)
    assert report["whole"]["figures"][EXCITATION]["mel_audible"]["figure"] > 1
    assert report["main"] == "diffusion, 1 step" and report["most_steps"] == "diffusion, 2 steps"
    assert list((tmp_path / "cache" / "renderings").iterdir())
    (picture,) = (tmp_path / "pictures").iterdir()
    assert picture.name == "whole-ours.png" and picture.stat().st_size < 60_000
    text = capsys.readouterr().out
    for word in ("Whole pieces", "closed hat", "weights, MB", "F1, diffusion, 2 steps less"):
        assert word in text
