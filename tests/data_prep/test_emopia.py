"""EMOPIA: chords and keys inferred from clips written here."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amt.chords import QUALITIES, Chord, Key, parse_chord
from amt.midi import write_midi
from amt.types import (
    TICKS_PER_BEAT,
    ControlChange,
    FloatArray,
    Note,
    Song,
    TempoChange,
    TimeSignature,
    Track,
)
from data_prep import emopia
from data_prep.chord_inference import FRAME_S, infer_chords, infer_key
from data_prep.chord_track import ChordTrack, transpose_ids
from data_prep.corpus import CorpusError, split_by_song
from data_prep.emopia import (
    QUADRANT_VALENCE_AROUSAL,
    AffectClip,
    load_clips,
    read_clip,
)
from data_prep.sustain import sounding_notes

CHORD_S = 2.0
PROGRESSION = ("C", "A:min", "F", "G:7")
TAKEN_FOR_TRIADS = {"maj6", "min6"}
"""An added sixth is more often a melody note on a triad, and is inferred so."""
TICKS_PER_S = 2 * TICKS_PER_BEAT


def broken_chords(chords: Sequence[Chord]) -> FloatArray:
    """A bass and an arpeggio in quavers for each chord: [n, 3] start, end, pitch."""
    rows = []
    for slot, chord in enumerate(chords):
        tones = chord.pitch_classes
        start = slot * CHORD_S
        rows.append((start, start + CHORD_S, 36 + tones[0]))
        upper = itertools.cycle([60 + (tone - tones[0]) % 12 + tones[0] for tone in tones])
        rows += [(start + i / 4, start + i / 4 + 0.3, next(upper)) for i in range(8)]
    return np.array(rows)


def song_of(
    notes: Sequence[Note], controls: Sequence[ControlChange] = (), us_per_beat: int = 500_000
) -> Song:
    return Song(
        tracks=(Track("Piano", 0, tuple(sorted(notes)), tuple(controls)),),
        tempos=(TempoChange(0, us_per_beat),),
        time_signatures=(TimeSignature(0, 4, 4),),
        key=Key(0, "major"),
        end=60 * TICKS_PER_S,
    )


def held_chords(chords: Sequence[Chord]) -> FloatArray:
    """Each chord struck at once over its root: [n, 3] start, end, pitch."""
    return np.array(
        [
            (slot * CHORD_S, (slot + 1) * CHORD_S, pitch)
            for slot, chord in enumerate(chords)
            for pitch in (36 + chord.pitch_classes[0], *(60 + pc for pc in chord.pitch_classes))
        ]
    )


def write_clip(path: Path, labels: Sequence[str] = PROGRESSION) -> None:
    rows = broken_chords([parse_chord(label) for label in labels])
    ticks = np.round(rows[:, :2] * TICKS_PER_S).astype(int)
    # A pitch must end before it is struck again.
    ticks[:, 1] = np.minimum(ticks[:, 1], ticks[:, 0] + round(CHORD_S * TICKS_PER_S))
    by_pitch: dict[int, list[Note]] = {}
    for (start, end), pitch in zip(ticks.tolist(), rows[:, 2].astype(int).tolist(), strict=True):
        by_pitch.setdefault(pitch, []).append(Note(start, pitch, end, 80))
    write_midi(song_of([note for notes in by_pitch.values() for note in notes]), path)


def at_middles(frames: np.ndarray, count: int) -> list[int]:
    return [int(frames[int((slot + 0.5) * CHORD_S / FRAME_S)]) for slot in range(count)]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.builds(
            Chord,
            st.integers(0, 11),
            st.sampled_from(sorted(set(QUALITIES) - TAKEN_FOR_TRIADS)),
        ),
        min_size=1,
        max_size=6,
        unique_by=lambda chord: chord.root,
    )
)
def test_held_chords_over_their_root_are_recognised(chords: list[Chord]) -> None:
    frames = infer_chords(held_chords(chords))
    assert at_middles(frames, len(chords)) == [chord.id for chord in chords]


@pytest.mark.parametrize("semitones", [1, 5, 7, 12])
@pytest.mark.parametrize("seed", range(4))
def test_inference_moves_with_the_music(seed: int, semitones: int) -> None:
    # Drawn lengths leave no two chords or keys equally likely, so no tie is broken by order.
    rng = np.random.default_rng(seed)
    starts = np.sort(rng.uniform(0, 20, 60))
    pitches = rng.choice([0, 2, 4, 5, 7, 9, 11, 12], 60) + 48
    notes = np.stack([starts, starts + rng.uniform(0.1, 1.5, 60), pitches], axis=1)
    moved = notes + np.array([0, 0, semitones])
    np.testing.assert_array_equal(
        infer_chords(moved), transpose_ids(infer_chords(notes), semitones)
    )
    key = infer_key(notes)
    assert infer_key(moved) == Key((key.tonic + semitones) % 12, key.mode)


def test_broken_chords_are_recognised() -> None:
    chords = [parse_chord(label) for label in PROGRESSION]
    frames = infer_chords(broken_chords(chords))
    assert at_middles(frames, len(chords)) == [chord.id for chord in chords]


def test_a_passing_note_changes_no_chord() -> None:
    notes = broken_chords([parse_chord("C"), parse_chord("C")])
    passing = np.vstack([notes, [(1.75, 2.0, 62), (2.0, 2.25, 65)]])
    assert set(infer_chords(passing)) == {parse_chord("C").id}


def test_a_long_silence_is_no_chord_and_a_short_one_is_not() -> None:
    c = parse_chord("C")
    notes = broken_chords([c, c])
    for gap_s, expected in [(1.0, {c.id}), (4.0, {0, c.id})]:
        later = notes[:, 0] >= CHORD_S
        spread = notes + np.outer(later, [gap_s, gap_s, 0])
        assert set(infer_chords(spread)) == expected


@pytest.mark.parametrize("tonic", range(12))
def test_cadences_decide_the_key(tonic: int) -> None:
    major = [Chord((tonic + step) % 12, q) for step, q in ((0, "maj"), (5, "maj"), (7, "7"))]
    minor = [Chord((tonic + step) % 12, q) for step, q in ((0, "min"), (5, "min"), (7, "maj"))]
    assert infer_key(broken_chords([*major, major[0]])) == Key(tonic, "major")
    assert infer_key(broken_chords([*minor, minor[0]])) == Key(tonic, "minor")


def test_the_pedal_holds_notes_until_it_rises_or_they_are_struck_again() -> None:
    notes = [Note(0, 48, 480, 80), Note(0, 60, 480, 80), Note(960, 60, 1200, 80)]
    notes.append(Note(2400, 64, 2880, 80))
    pedal = [ControlChange(100, 64, 127), ControlChange(1920, 64, 0)]
    seconds = sounding_notes(song_of(notes, pedal))[:, :2]
    np.testing.assert_allclose(seconds, [(0, 2), (0, 1), (1, 2), (2.5, 3)])
    dry = sounding_notes(song_of(notes))[:, :2]
    np.testing.assert_allclose(dry, [(0, 0.5), (0, 0.5), (1, 1.25), (2.5, 3)])


def test_seconds_follow_every_tempo() -> None:
    song = song_of([Note(0, 60, 1440, 80)])
    slower = Song(
        tracks=song.tracks,
        tempos=(TempoChange(0, 500_000), TempoChange(480, 1_000_000)),
        time_signatures=song.time_signatures,
        key=song.key,
        end=song.end,
    )
    np.testing.assert_allclose(sounding_notes(slower), [(0, 2.5, 60)])


def test_a_clip_is_read_in_c_major_with_its_label(tmp_path: Path) -> None:
    path = tmp_path / "Q4_a_b-C_12.mid"
    write_clip(path, ["Eb", "C:min", "Ab", "Bb:7", "Eb"])
    clip = read_clip(path)
    assert (clip.quadrant, clip.song, clip.track.mode) == (4, "a_b-C", "major")
    middles = (np.arange(5) + 0.5) * CHORD_S
    expected = [parse_chord(label).id for label in ("C", "A:min", "F", "G:7", "C")]
    assert clip.track.sample(middles).tolist() == expected
    assert clip.track.starts_s[0] == 0
    assert (np.diff(clip.track.starts_s) > 0).all()
    assert clip.track.duration_s == pytest.approx(10.05, abs=0.1)


def test_quadrants_are_corners_of_the_plane() -> None:
    signs = {q: (v > 0, a > 0) for q, (v, a) in QUADRANT_VALENCE_AROUSAL.items()}
    assert signs == {1: (True, True), 2: (False, True), 3: (False, False), 4: (True, False)}


def test_broken_clips_are_left_out_and_reported(tmp_path: Path) -> None:
    write_clip(tmp_path / "Q1_one_0.mid")
    (tmp_path / "Q2_two_0.mid").write_bytes(b"no music")
    write_clip(tmp_path / "Q5_three_0.mid")
    write_midi(song_of([]), tmp_path / "Q3_four_1.mid")
    reports: list[str] = []
    assert [clip.song for clip in load_clips(tmp_path, report=reports.append)] == ["one"]
    wrong = ["not a MIDI file", "has no note", "expected a name"]
    assert all(text in line for text, line in zip(wrong, reports, strict=True))


@pytest.mark.parametrize("folder", [".", "missing"])
def test_a_folder_without_clips_is_an_error(tmp_path: Path, folder: str) -> None:
    with pytest.raises(CorpusError, match="no readable clip"):
        load_clips(tmp_path / folder)


def test_the_cache_gives_the_same_clips_until_the_files_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, cache = tmp_path / "midis", tmp_path / "cache"
    root.mkdir()
    write_clip(root / "Q1_one_0.mid")
    write_clip(root / "Q3_two_0.mid", ["A:min", "D:min", "E", "A:min"])
    first = load_clips(root, cache=cache)
    with monkeypatch.context() as patch:
        patch.delattr(emopia, "read_clip")
        second = load_clips(root, cache=cache)
    for a, b in zip(first, second, strict=True):
        assert (a.quadrant, a.song) == (b.quadrant, b.song)
        assert (a.track.name, a.track.mode) == (b.track.name, b.track.mode)
        assert a.track.duration_s == b.track.duration_s
        np.testing.assert_array_equal(a.track.starts_s, b.track.starts_s)
        np.testing.assert_array_equal(a.track.ids, b.track.ids)
    write_clip(root / "Q2_three_0.mid")
    assert len(load_clips(root, cache=cache)) == 3


def clips_of(songs: Sequence[str]) -> list[AffectClip]:
    track = ChordTrack("x", "major", np.zeros(1), np.ones(1, dtype=np.int64), 1.0)
    return [AffectClip(track, 1, song) for song in songs]


@given(st.lists(st.text("abcdef", max_size=2)), st.floats(0, 1), st.integers(0, 9))
def test_no_song_stands_on_two_sides(songs: list[str], share: float, seed: int) -> None:
    clips = clips_of(songs)
    train, validation = split_by_song(clips, share, seed)
    assert sorted(map(id, train + validation)) == sorted(map(id, clips))
    held = {clip.song for clip in validation}
    assert not held & {clip.song for clip in train}
    assert len(held) == round(share * len(set(songs)))
    backwards = split_by_song(clips[::-1], share, seed)[1]
    assert {clip.song for clip in backwards} == held
