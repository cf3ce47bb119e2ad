"""The report on the neural renderer: measures on drawn sounds, and a small run of everything."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from amt.chords import Key
from amt.errors import InputError
from data_prep.note_song import NoteSong, measured
from experiments.common import corpora
from experiments.common.bootstrap import mean_and_interval
from experiments.evaluate import main
from experiments.renderer import evaluate, measures, systems
from experiments.renderer.data import Teacher
from experiments.renderer.measures import Measured, Scales, figure_report, levelled, seam_report
from experiments.renderer.metrics import (
    correlation,
    db_of,
    drum_onsets,
    envelope_db,
    fall_time,
    frechet_distance,
    isolated_onsets,
    isolated_releases,
    jumps,
    level_db,
    loudness_error,
    mel_db,
    mel_distance,
    mel_statistics,
    merged_onsets,
    note_levels,
    percentiles,
    rise_time,
    stft_distance,
    time_errors,
)
from experiments.renderer.report import draw_spectrograms
from experiments.renderer.systems import (
    BAND,
    CEILING,
    EXCERPT_S,
    OTHER,
    TEACHER,
    Excerpt,
    Sound,
    Voice,
    by_diffusion,
    by_filter,
    by_noise,
    by_sines,
    draw_excerpts,
    mixed,
    teacher_wave,
    velocity_scale,
)
from experiments.renderer.transcriber import (
    FRAME,
    N_FRAMES,
    N_KEYS,
    RATE,
    Posteriors,
    Transcriber,
    decode,
    load_transcriber,
    note_scores,
    onset_f1,
)
from render.diffusion.buses import assign
from render.diffusion.instruments import DRUMS, FAMILIES, FAMILY_OF
from render.diffusion.mel import FRAME_RATE, SAMPLE_RATE, SILENCE
from render.diffusion.sampler import SamplerOptions
from render.diffusion.synthesize import PIECE_FRAMES, synthesize
from render.diffusion.weights import Renderer
from render.score import Note
from tests.data_prep.test_pop909_notes import write_corpus_song
from tests.experiments.arranger.test_evaluate import drawn_tracks
from tests.experiments.renderer.test_data import scale_song
from tests.render.networks import save_tiny_renderer, tiny_renderer

TIM = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
FEW = tuple(family for family in FAMILIES if family.name in ("piano", "guitar", "strings", DRUMS))


def tone(
    start_s: float,
    end_s: float,
    *,
    level: float = 0.1,
    length_s: float = 3.0,
    attack_s: float = 0.0,
) -> np.ndarray:
    """A sound of 440 Hz, float32."""
    at = np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    envelope = np.clip((at - start_s) / max(attack_s, 1e-9), 0, 1) * (at < end_s)
    return (level * envelope * np.sin(2 * np.pi * 440 * at)).astype(np.float32)


def clicks(onsets: list[float], length_s: float = 3.0) -> np.ndarray:
    """Bursts of noise that die away."""
    rng = np.random.default_rng(0)
    wave = np.zeros(round(length_s * SAMPLE_RATE))
    at = np.arange(SAMPLE_RATE // 4) / SAMPLE_RATE
    for onset in onsets:
        start = round(onset * SAMPLE_RATE)
        burst = 0.2 * rng.normal(size=len(at)) * np.exp(-at / 0.03)
        wave[start : start + len(at)] += burst[: len(wave) - start]
    return wave.astype(np.float32)


def three_voices(name: str, bars: int = 16) -> NoteSong:
    """A melody in quarters, its repetition half a beat later, and eighths below, at 120 BPM."""
    beats = 4 * bars
    melody = [(12 * i, 0, 72 + i % 12, 12, 70 + i % 30) for i in range(beats)]
    repetition = [(12 * i + 6, 1, 60 + i % 12, 6, 60) for i in range(beats)]
    chords = [(6 * i, 2, 40 + i % 5, 6, 50 + i % 20) for i in range(2 * beats)]
    notes = np.array(sorted(melody + repetition + chords), np.int64)
    return measured(
        name, Key(0, "major"), (4,) * bars, np.full(beats, 120.0), np.ones(beats, np.int64), notes
    )


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return tiny_renderer()


# --- distances --------------------------------------------------------------------------------


@settings(deadline=None, max_examples=20)
@given(gain_db=st.floats(-20, 20))
def test_a_gain_is_its_own_distance(gain_db):
    true = clicks([0.2, 1.1]) + tone(0.5, 2.5)
    said = (true * 10 ** (gain_db / 20)).astype(np.float32)
    assert loudness_error(said, true) == pytest.approx(abs(gain_db), abs=0.05)
    # Of quiet bands the floor takes a part.
    assert mel_distance(mel_db(said), mel_db(true)) <= abs(gain_db) + 0.01
    assert level_db(said) - level_db(true) == pytest.approx(gain_db, abs=0.01)


def test_nothing_differs_from_itself():
    true = tone(0.5, 2.5)
    assert mel_distance(mel_db(true), mel_db(true), 60) == 0
    assert stft_distance(true, true) == 0
    assert loudness_error(true, true) == 0


def test_a_full_scale_tone_reads_0_db():
    assert mel_db(tone(0, 3, level=1.0)).max() == pytest.approx(0, abs=1.0)
    assert level_db(tone(0, 3, level=1.0)) == pytest.approx(-3.01, abs=0.01)
    assert db_of(np.array([SILENCE]))[0] == pytest.approx(-98.6, abs=0.1)


def test_what_is_inaudible_does_not_count():
    true = np.full((128, 50), -98.0)
    true[40] = -10.0
    said = true.copy()
    said[90] = -80.0  # 70 dB below
    assert mel_distance(said, true) > 0
    assert mel_distance(said, true, 60) == 0
    said[90] = -60.0  # ten above what is audible, as many bands as the tone
    assert mel_distance(said, true, 60) == pytest.approx(5)


def test_seconds_in_which_the_teacher_is_silent_do_not_count():
    true, said = tone(0.0, 1.0), tone(0.0, 3.0)
    assert loudness_error(said, true) == pytest.approx(0, abs=0.1)
    assert np.isnan(loudness_error(said, np.zeros_like(said)))


# --- time -------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(late_ms=st.floats(-40, 40), gain_db=st.floats(-12, 12), attack_s=st.floats(0, 0.06))
def test_a_shift_in_time_is_read_whatever_the_level(late_ms, gain_db, attack_s):
    late_s, level = late_ms / 1000, 0.1 * 10 ** (gain_db / 20)
    notes = (Note(0.5, 1.2, 69, 80), Note(2.0, 2.3, 69, 80))
    true = tone(0.5, 1.2, attack_s=attack_s) + tone(2.0, 2.3, attack_s=attack_s)
    said = tone(0.5 + late_s, 1.2 + late_s, level=level, attack_s=attack_s)
    said = said + tone(2.0 + late_s, 2.3 + late_s, level=level, attack_s=attack_s)
    rise, fall = time_errors(said, true, notes)
    assert rise == pytest.approx([late_ms] * 2, abs=4)
    assert fall == pytest.approx([late_ms] * 2, abs=4)


def test_a_note_that_is_not_played_is_missed():
    notes = (Note(0.5, 1.0, 69, 80), Note(2.0, 2.4, 69, 80))
    true = tone(0.5, 1.0) + tone(2.0, 2.4)
    rise, fall = time_errors(tone(0.5, 1.0), true, notes)
    assert np.isnan(rise).tolist() == [False, True]
    assert not np.isnan(fall[0])
    assert len(time_errors(true, true, notes, has_releases=False)[1]) == 0
    # What does not rise in the teacher's playing is not asked for.
    assert len(time_errors(true, tone(0.5, 1.0), notes)[0]) == 1


def test_times_at_the_borders_of_a_sound_are_unknown():
    envelope = envelope_db(tone(0.0, 1.0, length_s=1.0))
    assert np.isnan(rise_time(envelope, 0.95))
    assert np.isnan(fall_time(envelope, 0.9))


def test_chords_and_overlaps_are_not_isolated():
    chord = (Note(1.0, 1.5, 60, 80), Note(1.01, 1.5, 64, 80))
    alone = (Note(3.0, 3.5, 60, 80),)
    assert isolated_onsets((*chord, *alone)).tolist() == [3.0]
    assert isolated_releases((*chord, *alone)).tolist() == [3.5]
    held = (*alone, Note(2.0, 5.0, 48, 80))
    assert isolated_releases(held).tolist() == [5.0]
    assert isolated_releases((*alone, Note(3.8, 4.2, 60, 80))).tolist() == [4.2]
    assert isolated_releases((Note(3.9, 4.0, 60, 80),)).tolist() == []


# --- notes ------------------------------------------------------------------------------------


def test_drums_are_found_where_they_are():
    onsets = [0.1, 0.5, 0.62, 1.0, 1.75, 2.4]
    found = drum_onsets(mel_db(clicks(onsets)))
    assert len(found) == len(onsets)
    assert np.abs(found - onsets).max() < 0.01
    assert len(drum_onsets(mel_db(np.zeros(SAMPLE_RATE, np.float32)))) == 0


def test_a_flam_is_one_onset():
    notes = [Note(t, t + 0.1, 38, 90) for t in (0.5, 0.52, 0.56, 1.0)]
    assert merged_onsets(notes).tolist() == [0.5, 0.56, 1.0]


def roll(n_frames: int = 200) -> Posteriors:
    return Posteriors(*(np.zeros((n_frames, N_KEYS), np.float32) for _ in range(2)))


def test_notes_hold_while_they_are_likely():
    posteriors = roll()
    posteriors.onset[20, 39], posteriors.note[20:60, 39] = 0.9, 0.8
    posteriors.note[30:36, 39] = 0.1  # too short a dip to end it
    posteriors.note[90:120, 39] = 0.8  # no onset
    posteriors.onset[100, 51], posteriors.note[100:104, 51] = 0.9, 0.9  # too short
    posteriors.onset[140, 63], posteriors.note[140:200, 63] = 0.49, 0.9  # too faint
    (note,) = decode(posteriors)
    assert (note.pitch, note.start_s, note.end_s) == (60, 20 * FRAME / RATE, 60 * FRAME / RATE)


def test_a_key_struck_again_is_two_notes():
    posteriors = roll()
    posteriors.note[20:80, 39] = 0.8
    posteriors.onset[[20, 50], 39] = 0.9
    posteriors.onset[[21, 51], 39] = 0.9  # a plateau is one peak
    assert [round(note.start_s * RATE / FRAME) for note in decode(posteriors)] == [20, 50]
    assert decode(roll()) == ()


@pytest.mark.parametrize("length_s", [0.5, 2.0, 7.3, 40.0])
def test_windows_join_to_one_clock(length_s):
    """A network that returns the sample on which each frame is centred."""

    def network(windows):
        centre = np.minimum(np.arange(N_FRAMES) * FRAME, windows.shape[1] - 1)
        centres = np.repeat(windows[:, centre], N_KEYS, axis=2)
        return centres, -centres

    at = np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    wave = np.sin(2 * np.pi * 3.3 * at).astype(np.float32)
    posteriors = Transcriber(network).posteriors(wave)
    frames_s = np.arange(len(posteriors.onset)) * FRAME / RATE
    assert 0 <= frames_s[-1] - length_s + FRAME / RATE < FRAME / RATE + 1e-3
    inner = (frames_s > 0.02) & (frames_s < length_s - 0.02)
    np.testing.assert_allclose(
        posteriors.onset[inner, 5], np.sin(2 * np.pi * 3.3 * frames_s[inner]), atol=2e-3
    )
    np.testing.assert_array_equal(posteriors.note, -posteriors.onset)


def test_notes_are_scored_as_the_field_does():
    pytest.importorskip("mir_eval")
    written = [Note(i, i + 0.5, 60 + i, 80) for i in range(4)]
    same = note_scores(written, written)
    assert (same.f1, same.f1_offsets) == (1.0, 1.0)
    late = [Note(n.start_s + 0.06, n.end_s, n.pitch, 80) for n in written]
    assert note_scores(late, written).f1 == 0
    cut = [Note(n.start_s, n.start_s + 0.2, n.pitch, 80) for n in written]
    found = note_scores(cut, written)
    assert (found.f1, found.f1_offsets) == (1.0, 0.0)
    assert note_scores(written[:2], written).f1 == pytest.approx(2 / 3)
    assert note_scores([], written).f1 == 0
    assert np.isnan(note_scores(written, []).f1)


def test_onsets_are_scored_as_the_field_does():
    pytest.importorskip("mir_eval")
    written = np.array([0.5, 1.0, 1.5])
    assert onset_f1(written + 0.04, written) == 1.0
    assert onset_f1(written[:1] + 0.06, written) == 0.0
    assert onset_f1(np.array([]), written) == 0.0


def test_a_file_that_is_no_transcriber_is_refused(tmp_path):
    pytest.importorskip("onnxruntime")
    with pytest.raises(InputError, match="there is no transcriber"):
        load_transcriber(tmp_path / "none.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    with pytest.raises(InputError, match="is no ONNX network"):
        load_transcriber(broken)


# --- seams and sets ---------------------------------------------------------------------------


def measured_with(*drawn: np.ndarray) -> Measured:
    """What is known of a voice of which only the spectrogram is of interest."""
    nothing = np.zeros(0)
    return Measured({}, nothing, nothing, nothing, nothing, tuple(jumps(mel) for mel in drawn))


def wandering(seed: int, n_frames: int = 6 * PIECE_FRAMES) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(-60, -20, (128, 1)) + rng.normal(0, 2, (128, n_frames))


def test_seams_are_found_and_smooth_ones_are_not():
    clean = [wandering(seed) for seed in range(12)]
    stepped = [mel + 6 * (np.arange(mel.shape[1]) // PIECE_FRAMES % 2) for mel in clean]
    table = {
        "stepped": [measured_with(mel) for mel in stepped],
        "clean": [measured_with(wandering(100 + i)) for i in range(12)],
        TEACHER: [measured_with(mel) for mel in clean],
    }
    report = seam_report(table, ["stepped", "clean"], 200, 0)
    assert report["stepped"]["spectral"]["seams"] == 12 * 5
    for kind in ("spectral", "level"):
        assert report["stepped"][kind]["percentile"]["figure"] > 99
        assert report["stepped"][kind]["of_teacher"]["figure"] > 99
        assert report["stepped"][kind]["extreme"] == 1
        assert report["stepped"][kind]["at"] > 2 * report["stepped"][kind]["elsewhere"]
        for system in ("clean", TEACHER):
            low, high = report[system][kind]["of_teacher"]["interval"]
            assert low < 55 and high > 45
            assert report[system][kind]["extreme"] < 0.2


def test_silence_has_no_seams():
    mel = np.full((128, 3 * PIECE_FRAMES), -98.0)
    mel[:, : PIECE_FRAMES // 2] = -30
    assert jumps(mel).frame.max() == PIECE_FRAMES // 2


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_values_have_percentile_50_among_themselves(values):
    found = percentiles(np.array(values, float), np.array(values, float))
    assert found.mean() == pytest.approx(50)


def test_frechet_distance_of_known_gaussians():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(40_000, 2))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    # |m1 - m2|^2 + sum of (s1 - s2)^2, of independent dimensions
    b = rng.normal((3, 0), (1, 2), size=(40_000, 2))
    assert frechet_distance(a, b) == pytest.approx(9 + 1, rel=0.03)


def test_statistics_know_balance_and_movement():
    steady = np.full((128, round(2.5 * FRAME_RATE)), -40.0)
    moving = steady + 6 * (np.arange(steady.shape[1]) % 2)
    assert mel_statistics(steady).shape == (2, 96)
    np.testing.assert_allclose(mel_statistics(steady)[0], [-40] * 32 + [0] * 64)
    np.testing.assert_allclose(mel_statistics(moving)[0, 32:], [3] * 32 + [6] * 32, atol=0.01)


def test_correlations():
    assert correlation(np.arange(5.0), np.exp(np.arange(5.0)), ranks=True) == pytest.approx(1)
    assert correlation(np.arange(5.0), np.exp(np.arange(5.0))) < 0.95
    assert np.isnan(correlation(np.arange(5.0), np.ones(5)))


def test_intervals_leave_out_what_does_not_apply():
    found = mean_and_interval([1.0, float("nan"), 3.0], 500, 0)
    assert (found["figure"], found["excerpts"]) == (2.0, 2)
    assert found["interval"] == (1.0, 3.0)
    assert np.isnan(mean_and_interval([float("nan")], 10, 0)["figure"])


def test_gaps_are_paired():
    nothing = np.zeros(0)
    voice = Voice(velocity_scale(FEW[0], 0))
    excerpts = [Excerpt("a", "piano", (voice,))] * 6

    def measured(f1):
        names = ("f1_offsets", "drum_f1", "f1_agreed", "mel", "mel_audible", "stft", "loudness")
        scores = dict.fromkeys(names, float("nan")) | {"f1": f1}
        return Measured(scores, nothing, nothing, nothing, nothing, ())

    true = np.linspace(0, 1, 6)
    table = {TEACHER: [measured(x) for x in true], "ours": [measured(x - 0.1) for x in true]}
    gap = figure_report(table, excerpts, 200, 0)["ours"]["f1_gap"]
    assert gap["figure"] == pytest.approx(-0.1)
    assert gap["interval"] == pytest.approx((-0.1, -0.1))


# --- who plays --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def excerpts() -> list[Excerpt]:
    songs = [three_voices(f"song {i}") for i in range(2)]
    return draw_excerpts({"pop909": songs, "emopia": songs}, 2, 0)


def test_every_family_has_its_excerpts(excerpts):
    solos = [excerpt for excerpt in excerpts if excerpt.group != BAND]
    assert [excerpt.group for excerpt in solos] == [f.name for f in FAMILIES for _ in range(2)]
    for excerpt in excerpts:
        for voice in excerpt.voices:
            assert voice.take.program in voice.take.family.programs
        for note in excerpt.notes:
            assert 0 <= note.start_s <= note.end_s <= EXCERPT_S - 1
        assert len(excerpt.notes) >= 8


def test_excerpts_repeat():
    songs = [three_voices(f"song {i}") for i in range(3)]
    drawn = [draw_excerpts({"pop909": songs}, 1, seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_bands_play_three_voices_of_one_passage(excerpts):
    for band in (excerpt for excerpt in excerpts if excerpt.group == BAND):
        melody, counter, harmony = (voice.take for voice in band.voices)
        assert len({take.family.name for take in (melody, counter, harmony)}) == 3
        # The counter-melody repeats the melody half a beat later, and basses begin bars.
        later = {round(n.start_s - 0.25, 3) for n in counter.notes}
        assert len(later & {round(n.start_s, 3) for n in melody.notes}) >= len(later) - 1
        starts = [n.start_s for n in harmony.notes]
        assert np.diff(starts) == pytest.approx(0.25)


def test_songs_that_are_too_short_are_refused(monkeypatch):
    monkeypatch.setattr(systems, "_TRIES", 20)
    with pytest.raises(InputError, match="none of 1 held-out songs has 8 notes"):
        draw_excerpts({"pop909": [scale_song(bars=1)]}, 1, 0)


def test_a_mix_is_what_the_renderer_makes_of_the_buses(renderer):
    take = velocity_scale(FEW[0], 0)
    other = velocity_scale(FEW[1], 1)
    excerpt = Excerpt("two", BAND, (Voice(take, 90), Voice(other, 110)))
    parts = [systems.part_of(voice) for voice in excerpt.voices]
    options = SamplerOptions(steps=1, seed=3)
    player = by_diffusion(renderer, options)
    silent = np.zeros(round(EXCERPT_S * SAMPLE_RATE), np.float32)
    ours = mixed(excerpt, [player(v.take, silent, i) for i, v in enumerate(excerpt.voices)])
    buses, left = assign(parts)
    assert not left
    whole = np.concatenate(list(synthesize(buses, renderer, options)), axis=1)
    np.testing.assert_allclose(ours, whole[0, : len(ours)], atol=1e-5)
    np.testing.assert_allclose(whole[0], whole[1], atol=1e-6)


def test_the_ceiling_and_the_diffusion_are_as_long_as_the_teacher(renderer):
    teacher = Teacher(TIM, "midirenderer")
    take = velocity_scale(FAMILY_OF[0], 0)
    true = teacher_wave(teacher, take)
    assert true.shape == (round(EXCERPT_S * SAMPLE_RATE),)
    levels = note_levels(true, take.notes)
    assert correlation(np.array([n.velocity for n in take.notes]), levels, ranks=True) > 0.99
    for player in (by_filter(renderer), by_diffusion(renderer, SamplerOptions(1)), by_noise):
        assert player(take, true, 0).wave.shape == true.shape


def test_sines_sound_the_notes_as_loud_as_they_are_struck():
    take = velocity_scale(FAMILY_OF[73], 0)
    wave = by_sines(take, np.zeros(round(EXCERPT_S * SAMPLE_RATE), np.float32), 0).wave
    levels = note_levels(wave, take.notes)
    velocities = np.array([note.velocity for note in take.notes])
    expected = 40 * np.log10(velocities / velocities[0])
    np.testing.assert_allclose(levels - levels[0], expected, atol=0.05)


def test_noise_has_the_mean_spectrum_and_never_changes():
    true = (clicks([0.5, 2.0]) + tone(1.0, 2.5)).astype(np.float32)
    said = by_noise(velocity_scale(FEW[0], 0), true, 0).wave
    assert level_db(said) == pytest.approx(level_db(true), abs=1)
    ours, theirs = (np.abs(np.fft.rfft(x)) ** 2 for x in (said, true))
    bands = np.array_split(np.arange(len(ours)), 24)
    ratio = [10 * np.log10(ours[b].sum() / theirs[b].sum()) for b in bands]
    assert np.abs(ratio).max() < 2


def test_one_gain_brings_a_system_to_the_teachers_level():
    levels = {"piano": np.array([-40.0, -30, -20]), "pad": np.array([-50.0, -40, -30])}
    off = {family: found - 7 for family, found in levels.items()}
    silent = {name: off for name in systems.UNLEVELLED}
    scales = Scales({TEACHER: levels, "ours": off, **silent}, {})
    true = tone(0.0, 3.0)
    players = {name: lambda *_: Sound(true) for name in ("ours", *silent)}
    played, brought = levelled(players, scales)
    for family, found in brought.levels[OTHER].items():
        np.testing.assert_allclose(found, levels[family])
    assert brought.levels["ours"] == off
    wave = played[OTHER](velocity_scale(FEW[0], 0), true, 0).wave
    assert level_db(wave) - level_db(true) == pytest.approx(7, abs=0.01)


# --- everything -------------------------------------------------------------------------------


def test_pictures_are_small(tmp_path):
    rng = np.random.default_rng(0)
    mel = mel_db(clicks(np.arange(0.2, 5.5, 0.25).tolist(), 6.0)) + rng.normal(0, 2, (128, 563))
    draw_spectrograms(
        {"a": mel, "b": mel}, velocity_scale(FEW[0], 0).notes, "drums", tmp_path / "drums.png"
    )
    with Image.open(tmp_path / "drums.png") as picture:
        assert picture.size[0] > 500
    assert (tmp_path / "drums.png").stat().st_size < 60_000


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_renderer(tmp_path_factory.mktemp("weights"))


def test_a_report_from_the_command_line(weights, monkeypatch, tmp_path, capsys):
    pytest.importorskip("mir_eval")
    songs = [three_voices(f"song {i}") for i in range(10)]
    monkeypatch.setattr(corpora, "load_songs", lambda *args, **kwargs: songs)
    for module in (systems, measures):
        monkeypatch.setattr(module, "FAMILIES", FEW)
    monkeypatch.setattr(evaluate, "PICTURED", ("piano",))
    asked = ["renderer", "--pop909", str(tmp_path), "--soundfont", str(TIM), "--weights"]
    asked += [str(weights), "--engine", "midirenderer", "--songs", "1", "--steps", "2"]
    asked += ["--pieces", "0"]
    asked += ["--threads", "1", "--bootstrap", "20", "--pictures", str(tmp_path / "pictures")]
    main([*asked, "--json", str(tmp_path / "report.json")])
    report = json.loads((tmp_path / "report.json").read_text())
    # The other soundfont is the teacher's own here, on an engine whose samples repeat.
    assert report["figures"][OTHER]["mel"]["figure"] == pytest.approx(0, abs=1e-3)
    assert report["times"][OTHER]["rise_ms"]["median"] == pytest.approx(0, abs=1e-3)
    assert report["velocity"][OTHER]["piano"]["rho"] == pytest.approx(1)
    assert report["figures"][TEACHER]["drum_f1"]["figure"] > 0.7
    assert report["figures"][TEACHER]["f1"]["figure"] is None  # nobody transcribed
    assert report["figures"]["diffusion, 2 steps"]["mel"]["figure"] > 1
    assert report["main"] == "diffusion, 2 steps"
    assert [row["steps"] for row in report["speed"]["rows"]] == [2]
    (picture,) = (tmp_path / "pictures").iterdir()
    assert picture.name == "piano.png" and picture.stat().st_size < 60_000
    text = capsys.readouterr().out
    for word in (TEACHER, CEILING, "Seams", "Fréchet", "real-time factor"):
        assert word in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--songs", "0", "--pieces", "0"], "choose 1 or more"),
        (["--weights", "nowhere"], "no predictor at nowhere"),
        (["--soundfont", "none.sf2"], "cannot read the soundfont"),
        (["--steps", "99"], "choose 1 to 20"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(change, message, weights, tmp_path, capsys):
    pytest.importorskip("mir_eval")
    write_corpus_song(tmp_path, "001", drawn_tracks(1))
    asked = ["renderer", "--pop909", str(tmp_path), "--soundfont", str(TIM), "--weights"]
    change = [*change, "--pieces", "0"] if "--pieces" not in change else change
    with pytest.raises(SystemExit):
        main([*asked, str(weights), *change])
    assert message in capsys.readouterr().err
