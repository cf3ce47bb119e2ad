"""EMOPIA as notes on a grid: beats, bars, roles and lengths of performances written here."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.chords import Key, parse_chord
from amt.midi import write_midi
from amt.models.notes.tokens import DURATION, ONSET, PITCH, RESOLUTION, ROLE, to_notes, to_words
from amt.types import TICKS_PER_BEAT, FloatArray, Note, Song, TempoChange, TimeSignature, Track
from data_prep.beat_tracking import track_bars, track_beats
from data_prep.chord_inference import infer_key
from data_prep.corpus import CorpusError, split_by_song
from data_prep.emopia import song_names
from data_prep.emopia_notes import (
    LEAST_OF_CLIPS,
    load_clips_as_notes,
    read_clip_as_notes,
    with_lengths,
    with_roles,
)
from data_prep.note_song import NoteSong
from data_prep.sustain import sounding_notes

TICKS_PER_S = 2 * TICKS_PER_BEAT
PROGRESSION = ("C", "Am", "F", "G")
MELODY, HARMONY = 0, 2
HELD_S = 0.8


def beat_times(bpms: list[float]) -> FloatArray:
    return np.concatenate([[0.4], 0.4 + np.cumsum([60 / bpm for bpm in bpms])])


def performance(bars: int, metre: int = 4, bpm: float = 96, jitter_s: float = 0.0) -> Song:
    """Broken chords in eighths under a melody on the beats, held by a pedal; 120 BPM is stamped."""
    rng = np.random.default_rng(0)
    beats_s = beat_times([bpm * (1 + 0.04 * np.sin(b / 5)) for b in range(bars * metre + 1)])
    events: list[tuple[float, int, float, int]] = []
    for bar in range(bars):
        tones = parse_chord(PROGRESSION[bar % 4]).pitch_classes
        for half in range(2 * metre):
            beat = bar * metre + half / 2
            lowest = 36 if half == 0 else 48
            events.append((beat, lowest + tones[half % 3], HELD_S, 60))
            if half % 2 == 0 or (bar + half) % 5 == 0:
                events.append((beat, 72 + tones[(bar + half) % 3], HELD_S, 90))
    notes: dict[int, list[Note]] = {}
    for beat, pitch, length, velocity in sorted(events):
        at = float(np.interp(beat, np.arange(len(beats_s)), beats_s))
        start = round((at + float(rng.normal(0, jitter_s))) * TICKS_PER_S)
        end = start + round(length * TICKS_PER_S)
        same = notes.setdefault(pitch, [])
        if same:
            last = same.pop()
            same.append(Note(last.start, pitch, min(last.end, start), last.velocity))
        same.append(Note(start, pitch, end, velocity))
    track = Track("", 0, tuple(sorted(note for same in notes.values() for note in same)))
    end = max(note.end for note in track.notes)
    return Song((track,), (TempoChange(0, 500_000),), (TimeSignature(0, 4),), Key(0, "major"), end)


def write_clip(path: Path, song: Song | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_midi(song or performance(10), path)
    return path


@settings(deadline=None, max_examples=12)
@given(st.floats(65, 140), st.floats(0, 0.012), st.integers(0, 99))
def test_beats_are_found_in_loose_eighths(bpm: float, jitter_s: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    beats_s = beat_times([bpm * (1 + 0.03 * np.sin(b / 7)) for b in range(40)])
    halves = np.arange(0, 39.5, 0.5)
    # Every beat has an onset, and the halves between are sparser and softer.
    halves = halves[(halves % 1 == 0) | (rng.random(len(halves)) < 0.6)]
    onsets = np.interp(halves, np.arange(len(beats_s)), beats_s)
    onsets = onsets + rng.normal(0, jitter_s, len(onsets))
    found = track_beats(onsets, np.where(halves % 1 == 0, 1.0, 0.7))
    assert found[0] <= onsets.min() + 0.05 and found[-1] > onsets.max()
    assert np.all(np.diff(found) > 0)
    between = (beats_s[1:] + beats_s[:-1]) / 2
    every = np.sort(np.concatenate([beats_s, between]))
    assert np.mean(np.abs(every[:, None] - found[2:-2]).min(axis=0) < 0.05) > 0.9
    level = 60 / np.median(np.diff(found)) / bpm
    assert min(abs(level - octave) for octave in (0.5, 1, 2)) < 0.1


@pytest.mark.parametrize(("metre", "phase"), [(4, 0), (4, 3), (3, 0), (3, 1)])
def test_bars_begin_where_chords_change(metre: int, phase: int) -> None:
    beats = np.arange(41)
    downbeat = (beats - phase) % metre == 0
    bars = track_bars(downbeat, np.where(downbeat, 0.8, 0.1), np.ones(41))
    edges = np.cumsum([0, *bars])
    assert edges[-1] == 41
    assert set(edges[1:-1]) | {0} == set(beats[downbeat]) | {0}


def test_without_evidence_a_bar_has_four_beats() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        bars = track_bars(rng.random(60) < 0.3, rng.random(60), rng.random(60))
        assert max(bars) == 4
    assert track_bars(np.ones(2, dtype=bool), np.ones(2), np.ones(2)) == (2,)


@pytest.mark.parametrize("metre", [4, 3])
def test_a_performance_comes_onto_its_grid(tmp_path: Path, metre: int) -> None:
    song = performance(12, metre, jitter_s=0.006)
    clip = read_clip_as_notes(write_clip(tmp_path / "Q4_abc_def_3.mid", song))
    assert (clip.name, clip.song, clip.affect) == ("emopia/Q4_abc_def_3", "abc_def", (0.6, -0.6))
    assert clip.bars.count(metre) >= 11
    assert clip.key == infer_key(sounding_notes(song))
    assert abs(np.median(clip.tempo_bpm) - 96) < 4
    assert len(clip.notes) == len(song.tracks[0].notes)
    assert np.mean(clip.notes[:, ONSET] % (RESOLUTION // 2) == 0) > 0.97
    inside = clip.chords[metre : 9 * metre : metre].tolist()
    assert inside == [parse_chord(PROGRESSION[bar % 4]).id for bar in range(1, 9)]
    words = to_words(clip.notes, clip.bars)
    np.testing.assert_array_equal(to_notes(words, clip.bars), clip.notes)


def test_the_melody_is_on_top_and_one_line(tmp_path: Path) -> None:
    clip = read_clip_as_notes(write_clip(tmp_path / "Q1_one_0.mid"))
    melody = clip.notes[clip.notes[:, ROLE] == MELODY]
    assert melody[:, PITCH].min() >= 72
    assert len(melody) > 0.7 * np.sum(clip.notes[:, PITCH] >= 72)
    assert all(a[ONSET] + a[DURATION] <= b[ONSET] for a, b in pairwise(melody))


def rows_of(*notes: tuple[int, int, int]) -> np.ndarray:
    return np.array([(onset, 0, pitch, duration, 80) for onset, pitch, duration in notes])


def test_what_lies_far_below_the_melody_accompanies_it() -> None:
    notes = with_roles(rows_of((0, 84, 48), (6, 64, 6), (12, 67, 6), (24, 67, 6), (30, 40, 6)))
    assert notes[:, ROLE].tolist() == [MELODY, HARMONY, HARMONY, MELODY, HARMONY]


def test_pedalled_notes_are_held_as_fingers_would() -> None:
    notes = rows_of((0, 36, 96), (0, 60, 96), (6, 64, 96), (12, 72, 96), (48, 62, 3))
    notes[:, ROLE] = HARMONY
    chords = np.array([1, 1, 1, 14, 14, 14])
    # The bass to the change of chord; a tone to its neighbour; one that was short stays short.
    assert with_lengths(notes, chords)[:, DURATION].tolist() == [36, 6, 30, 24, 3]


def test_unusable_clips_are_left_out_and_named(tmp_path: Path) -> None:
    write_clip(tmp_path / "Q1_one_0.mid")
    (tmp_path / "Q2_two_0.mid").write_bytes(b"no music")
    write_clip(tmp_path / "Q2_three_0.mid", performance(2))
    rng = np.random.default_rng(0)
    onsets = np.sort(rng.integers(0, 30 * TICKS_PER_S, 300)).tolist()
    anyhow = tuple(sorted({Note(t, 40 + i % 40, t + 99, 80) for i, t in enumerate(onsets)}))
    song = performance(10)
    scattered = Song(
        (Track("", 0, anyhow),), song.tempos, song.time_signatures, song.key, 31 * TICKS_PER_S
    )
    write_clip(tmp_path / "Q3_four_0.mid", scattered)
    write_clip(tmp_path / "Q9_five_0.mid")
    said: list[str] = []
    assert [clip.song for clip in load_clips_as_notes(tmp_path, report=said.append)] == ["one"]
    wrong = ["not a MIDI file", f"expected {LEAST_OF_CLIPS.notes}", "off its beats", "a name such"]
    reported = sorted(said, key=lambda line: line.split("Q")[1])
    assert all(any(text in line for line in reported) for text in wrong) and len(said) == 4
    with pytest.raises(CorpusError, match="no usable clip"):
        load_clips_as_notes(tmp_path / "nowhere")


def test_the_cache_is_the_corpus(tmp_path: Path) -> None:
    root, cache = tmp_path / "midis", tmp_path / "cache"
    write_clip(root / "Q2_one_0.mid")
    write_clip(root / "Q3_two_1.mid", performance(8, 3))
    first = load_clips_as_notes(root, cache=cache)
    assert len(list(cache.iterdir())) == 1
    for before, after in zip(first, load_clips_as_notes(root, cache=cache), strict=True):
        for name in NoteSong.__slots__:
            np.testing.assert_array_equal(getattr(before, name), getattr(after, name), name)


def test_readers_that_leave_out_clips_agree_on_the_songs_held_out(tmp_path: Path) -> None:
    for song in range(20):
        (tmp_path / f"Q1_song{song}_0.mid").touch()
    names = song_names(tmp_path)
    clip = read_clip_as_notes(write_clip(tmp_path / "clips" / "Q1_one_0.mid"))
    clips = [replace(clip, song=name) for name in names]
    held = {c.song for c in split_by_song(clips, 0.3, 1, names)[1]}
    assert len(held) == 6
    some = clips[::2]
    train, validation = split_by_song(some, 0.3, 1, names)
    assert {c.song for c in validation} == held & {c.song for c in some}
    assert len(train) + len(validation) == len(some)
