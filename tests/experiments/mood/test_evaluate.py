"""The judge of mood and the report on the mood control, on a corpus made here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import ClassifierMixin

from amt.chords import Key, parse_chord
from amt.midi import write_midi
from amt.models.chords.network import Composer
from amt.models.config import ComposerConfig, ExpressionConfig
from amt.models.expression import Expression
from amt.models.weights import save_model
from amt.types import EMOTIONS, Note, Song, TempoChange, TimeSignature, Track, VideoFeatures
from data_prep.corpus import CorpusError
from experiments.evaluate import main
from experiments.mood.claims import CLAIMS
from experiments.mood.classifier import (
    MoodCorpus,
    candidates,
    read_corpus,
    share_interval,
    split,
    train_judge,
    verdicts,
)
from experiments.mood.evaluate import articulation, drawn_clip
from experiments.mood.features import family_shares, features_of, timed_notes

COMPOSER = ComposerConfig(d_model=16, n_heads=2, d_ff=32, encoder_layers=1, decoder_layers=2)
EXPRESSION = ExpressionConfig(d_model=8, hidden=8, layers=1, levels=6)
FAST = "logistic regression, C=0.1"


def song(*, minor: bool, lively: bool, seed: int = 0, up: int = 0) -> Song:
    """Twelve seconds of broken triads: tonic, subdominant, dominant, tonic."""
    rng = np.random.default_rng(seed)
    step, velocity = (240, 85) if lively else (480, 50)
    roots = (0, 5, 7, 0)
    notes = []
    for i, start in enumerate(range(0, 4 * 2880, step)):
        root = roots[start // 2880]
        third = 3 if minor and root != 7 else 4
        pitch = 60 + up + root + (0, third, 7)[i % 3]
        notes.append(Note(start, pitch, start + step, velocity + int(rng.integers(-5, 6))))
    return Song(
        tracks=(Track("Piano", 0, tuple(notes)),),
        tempos=(TempoChange(0, 500_000),),
        time_signatures=(TimeSignature(0, 4),),
        key=Key(0, "major"),
        end=4 * 2880,
    )


@pytest.fixture(scope="module")
def emopia(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen songs of two clips, four in each quadrant."""
    root = tmp_path_factory.mktemp("emopia")
    for quadrant in (1, 2, 3, 4):
        for number in range(8):
            clip = song(minor=quadrant in (2, 3), lively=quadrant in (1, 2), seed=number, up=number)
            write_midi(clip, root / f"Q{quadrant}_song{quadrant}x{number // 2}_{number % 2}.mid")
    return root


@given(st.integers(0, 10_000), st.integers(4, 30))
def test_no_song_stands_on_both_sides_and_no_clip_is_lost(seed: int, n_songs: int) -> None:
    rng = np.random.default_rng(seed)
    songs = rng.integers(0, n_songs, 4 * n_songs).astype(str)
    if len(set(songs)) < 2:
        return
    rows = np.arange(len(songs), dtype=np.float64)[:, None]
    corpus = MoodCorpus(("row",), rows, rng.integers(1, 5, len(songs)), songs)
    train, held_out = split(corpus, seed)
    assert not set(train.songs) & set(held_out.songs)
    both = np.concatenate([train.features, held_out.features])
    np.testing.assert_array_equal(np.sort(both, axis=0), rows)
    np.testing.assert_array_equal(split(corpus, seed)[0].features, train.features)


def test_the_judge_generalises_to_other_songs(emopia: Path) -> None:
    train, held_out = split(read_corpus(emopia), seed=1)
    judge = train_judge(train, kind=FAST)
    asked = {axis: held_out.high(axis) for axis in ("valence", "arousal")}
    found = verdicts(judge, held_out.features, asked, held_out.songs.tolist(), n_resamples=50)
    assert {name: row["share"] for name, row in found.items()} == {
        "valence": 1.0, "arousal": 1.0, "quadrant": 1.0,
    }  # fmt: skip


def test_a_corpus_without_clips_is_named_and_broken_files_are_left_out(
    emopia: Path, tmp_path: Path
) -> None:
    with pytest.raises(CorpusError, match="no readable clip of EMOPIA"):
        read_corpus(tmp_path)
    (tmp_path / "Q1_bad_0.mid").write_bytes(b"no music")
    write_midi(song(minor=True, lively=True), tmp_path / "Q2_good_0.mid")
    said: list[str] = []
    assert read_corpus(tmp_path, said.append).quadrants.tolist() == [2]
    assert len(said) == 1


@settings(max_examples=15, deadline=None)
@given(st.integers(-24, 24), st.booleans(), st.booleans())
def test_features_do_not_depend_on_the_key_but_for_register(
    up: int, minor: bool, lively: bool
) -> None:
    here, there = (features_of(song(minor=minor, lively=lively, up=u)) for u in (0, up))
    for name, value in here.items():
        moved = up if name in {"pitch_mean", "pitch_low", "pitch_high"} else 0
        assert there[name] == pytest.approx(value + moved, abs=1e-9), name


def test_features_describe_the_notes() -> None:
    happy, sad = song(minor=False, lively=True), song(minor=True, lively=False)
    bright, dark = features_of(happy), features_of(sad)
    assert bright["majorness"] > 0 > dark["majorness"]
    assert bright["notes_per_s"] == pytest.approx(4.0, abs=0.01)
    assert dark["notes_per_s"] == pytest.approx(2.0, abs=0.01)
    assert bright["velocity_mean"] > dark["velocity_mean"] + 25
    assert bright["log_length_median"] < dark["log_length_median"]


def test_times_follow_the_tempo_map() -> None:
    halved = replace(
        song(minor=False, lively=False),
        tempos=(TempoChange(0, 500_000), TempoChange(4800, 1_000_000)),
    )
    starts = timed_notes(halved)[:, 0]
    np.testing.assert_allclose(np.diff(starts)[:10], 0.5)
    np.testing.assert_allclose(np.diff(starts)[10:], 1.0)


def test_articulation_is_the_share_of_the_step_that_sounds() -> None:
    legato = song(minor=False, lively=False)
    (track,) = legato.tracks
    notes = tuple(replace(note, end=note.start + 120) for note in track.notes)
    assert articulation(legato) == pytest.approx(1.0)
    assert articulation(replace(legato, tracks=(replace(track, notes=notes),))) == 0.25


def test_families_are_weighted_and_add_up() -> None:
    chords = [parse_chord(name) for name in ("C", "Am7", "Bdim", "N")]
    shares = family_shares(chords, np.array([2.0, 1.0, 1.0, 9.0]))
    assert shares == {
        "major": 0.5, "minor": 0.25, "dominant": 0.0, "diminished": 0.25, "suspended": 0.0,
    }  # fmt: skip


@given(st.lists(st.booleans(), min_size=4, max_size=60), st.integers(0, 99))
def test_the_interval_holds_shares_that_can_be(hits: list[bool], seed: int) -> None:
    groups = [i % 4 for i in range(len(hits))]
    low, high = share_interval(np.array(hits), groups, seed, n_resamples=100)
    assert 0 <= low <= high <= 1
    if len(set(hits)) == 1:
        assert low == high == hits[0]


def test_a_clip_is_drawn_from_its_seed() -> None:
    first, again, other = (drawn_clip(seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.motion, again.motion)
    assert first.cuts == again.cuts != other.cuts
    np.testing.assert_allclose(first.emotion.sum(axis=1), 1)
    assert all(0 < cut.time_s < first.duration_s for cut in first.cuts)


@pytest.fixture
def _few_trees_and_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real classifiers with a tenth of their trees, and the first seconds of the real clips."""

    def small(seed: int = 0) -> dict[str, ClassifierMixin]:
        found = candidates(seed)
        found["random forest"].set_params(n_estimators=30)
        found["gradient boosting"].set_params(max_iter=15)
        return found

    def short(seed: int, seconds: int = 12) -> VideoFeatures:
        clip = drawn_clip(seed)
        return replace(
            clip,
            duration_s=seconds - 0.3,
            emotion=clip.emotion[:seconds],
            motion=clip.motion[:seconds],
            scene_offset=clip.scene_offset[:seconds],
            cuts=tuple(cut for cut in clip.cuts if cut.time_s < seconds - 1),
        )

    monkeypatch.setattr("experiments.mood.classifier.candidates", small)
    monkeypatch.setattr("experiments.mood.evaluate.drawn_clip", short)


@pytest.mark.usefixtures("_few_trees_and_seconds")
def test_the_report_has_every_part(
    emopia: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    save_model(tmp_path / "composer", "composer", COMPOSER, Composer(COMPOSER).state_dict())
    model = Expression(EXPRESSION)
    model.levels.copy_(torch.stack([torch.linspace(0, 0.5, 6), torch.linspace(0, 40, 6)]))
    save_model(tmp_path / "expression", "expression", EXPRESSION, model.state_dict())
    out = tmp_path / "mood.json"
    main([
        "mood", "--emopia", str(emopia), "--drawn", "1", "--seeds", "1",
        "--weights", str(tmp_path), "--json", str(out),
    ])  # fmt: skip
    report = json.loads(out.read_text())
    assert set(report["human"]["cross_validated"]["valence"]) == set(candidates())
    assert report["generated"]["asked mood ignored"]["valence"]["share"] == 0.5
    assert set(report["moods"]["means"]["tempo"]) == set(EMOTIONS)
    assert len(report["moods"]["claims"]) == len(CLAIMS)
    off, *others = report["strengths"]
    assert off["affect_guidance"] == 0
    assert off["same_song_whatever_is_asked"]
    assert not any(row["same_song_whatever_is_asked"] for row in others)
    assert "| songs: corners |" in capsys.readouterr().out
