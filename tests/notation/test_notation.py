"""Scores: rhythms that are read easily, and the notes of the song in other readers."""

from __future__ import annotations

import shutil
import subprocess
import warnings
import zipfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amt.arrange import arrange
from amt.chords import Key, parse_key
from amt.midi import read_midi
from amt.notation import musicxml, score_of, write_score
from amt.notation.bars import Bar, bars_of
from amt.notation.dynamics import levels_of, marks_of
from amt.notation.hands import hands_of
from amt.notation.musicxml import score_element
from amt.notation.quantise import swing_of
from amt.notation.spelling import Speller
from amt.notation.values import divided
from amt.notation.voices import Chord, voices_of
from amt.sessions import session_of
from amt.types import (
    ControlChange,
    KeyChange,
    Note,
    Section,
    Song,
    TempoChange,
    TextEvent,
    TimeSignature,
    Track,
)
from tests.arrange.plan_strategies import make_plan
from tests.notation.drawn_songs import scores
from tests.test_midi import songs

FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def song_of(*tracks: Track, signature: tuple[int, int] = (4, 4), end: int = 0) -> Song:
    last = end or max(note.end for track in tracks for note in track.notes)
    return Song(
        tracks, (TempoChange(0, 500_000),), (TimeSignature(0, *signature),), Key(0, "major"), last
    )


def line(*notes: tuple[int, int, int], program: int = 73) -> Track:
    """A track of (start, end, pitch)."""
    return Track("Line", program, tuple(Note(s, p, e, 80) for s, e, p in notes))


def rhythm(song: Song) -> list[str]:
    """Each note of the first part as type, dots, ``3`` in triplets and ``r`` for rests."""
    return [
        note.findtext("type", "bar")
        + "." * len(note.findall("dot"))
        + "3" * (note.find("time-modification") is not None)
        + "r" * (note.find("rest") is not None)
        + "~" * (note.find("tie[@type='start']") is not None)
        for note in score_element(score_of(song)).find("part").iter("note")
    ]


# Rhythm.


@pytest.mark.parametrize(
    ("metre", "span", "expected"),
    [
        ((4, 4), (240, 720), [(240, 480)]),  # eighth, quarter, eighth
        ((4, 4), (720, 1200), [(720, 240), (960, 240)]),  # the middle of the bar is seen
        ((4, 4), (480, 1440), [(480, 960)]),
        ((4, 4), (480, 1200), [(480, 480), (960, 240)]),
        ((4, 4), (0, 1440), [(0, 1440)]),
        ((4, 4), (120, 480), [(120, 360)]),
        ((4, 4), (360, 600), [(360, 120), (480, 120)]),
        ((3, 4), (480, 1440), [(480, 960)]),
        ((6, 8), (0, 720), [(0, 720)]),
        ((6, 8), (480, 960), [(480, 240), (720, 240)]),
        ((5, 4), (0, 2400), [(0, 1440), (1440, 960)]),
    ],
)
def test_values_show_the_beat(metre, span, expected) -> None:
    signature = TimeSignature(0, *metre)
    bar = Bar(0, metre[0] * 1920 // metre[1], signature)
    assert divided(*span, bar) == expected


@FEW
@given(
    metre=st.sampled_from([(4, 4), (3, 4), (7, 4), (6, 8), (5, 8), (2, 2)]),
    edges=st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
def test_values_fill_their_span(metre, edges) -> None:
    length = metre[0] * 1920 // metre[1]
    start, end = sorted(min(edge * 60, length) for edge in edges)
    bar = Bar(0, length, TimeSignature(0, *metre))
    for is_rest in (False, True):
        now = start
        for at, ticks in divided(start, end, bar, is_rest=is_rest):
            assert at == now and ticks > 0
            now += ticks
        assert now == end


def test_a_jittered_melody_is_written_on_its_grid() -> None:
    notes = line((3, 235, 60), (238, 476, 62), (484, 955, 64), (963, 1917, 65))
    assert rhythm(song_of(notes, end=1920)) == ["eighth", "eighth", "quarter", "half"]


def test_triplets_are_written_where_they_are_meant() -> None:
    notes = line((0, 158, 60), (161, 318, 62), (320, 480, 64), (480, 960, 65), (960, 1280, 67),
                 (1280, 1440, 69), (1440, 1920, 60))  # fmt: skip
    assert rhythm(song_of(notes)) == [
        "eighth3", "eighth3", "eighth3", "quarter", "quarter3", "eighth3", "quarter",
    ]  # fmt: skip


def test_short_gaps_are_no_rests_and_long_ones_are() -> None:
    notes = line((0, 420, 60), (480, 900, 62), (960, 1200, 64))
    assert rhythm(song_of(notes, end=1920)) == [
        "quarter",
        "quarter",
        "eighth",
        "eighthr",
        "quarterr",
    ]


def test_swing_is_words_and_even_eighths() -> None:
    notes = [(b * 480 + p, b * 480 + p + 200, 60) for b in range(12) for p in (0, 278)]
    song = song_of(line(*notes), end=12 * 480)
    assert swing_of(song.tracks[0].notes) == 278
    assert set(rhythm(song)) == {"eighth"}
    assert b"Swing" in musicxml(score_of(song))


def test_voices_that_overlap_are_two_and_one_line_is_one() -> None:
    held = Chord(0, 1920, (48,))
    moving = [Chord(t, t + 480, (60,)) for t in range(0, 1920, 480)]
    assert voices_of([held, *moving]) == [moving, [held]]
    assert voices_of(moving) == [moving]


def test_hands_are_within_reach_and_the_bass_is_left() -> None:
    notes = [Note(t, p, t + 480, 80) for t in range(0, 3840, 480) for p in (36, 48, 64, 67, 72)]
    right, left = hands_of(notes)
    assert {n.pitch for n in left} == {36, 48}
    assert {n.pitch for n in right} == {64, 67, 72}


@pytest.mark.parametrize(
    ("key", "chord", "pitch", "name"),
    [
        ("A minor", "E7", 68, "G#4"),
        ("F minor", "Fm", 68, "Ab4"),
        ("C major", "", 61, "C#4"),
        ("Eb major", "", 61, "Db4"),
        ("B major", "", 70, "A#4"),
        ("C major", "Bb", 58, "Bb3"),
        ("C# minor", "G#7", 72, "B#4"),
    ],
)
def test_notes_are_spelled_by_chord_and_key(key: str, chord: str, pitch: int, name: str) -> None:
    speller = Speller(parse_key(key), [TextEvent(0, chord)] if chord else [])
    found = speller.name(pitch, 10)
    assert f"{found.step}{'b' if found.alter < 0 else '#' * found.alter}{found.octave}" == name


def test_dynamics_follow_velocity_and_expression_and_do_not_flicker() -> None:
    def played(velocities: list[int], controls: tuple[ControlChange, ...] = ()) -> list[str]:
        notes = tuple(Note(i * 1920, 60, i * 1920 + 960, v) for i, v in enumerate(velocities))
        song = song_of(Track("", 0, notes, controls), end=len(velocities) * 1920)
        return list(marks_of(levels_of(song.tracks, bars_of(song))).values())

    assert played([52, 52, 54, 52, 58, 56, 52]) == ["p"]
    assert played([50, 50, 50, 100, 100, 100]) == ["p", "mf", "f"]
    quiet = tuple(ControlChange(i * 1920, 11, v) for i, v in enumerate([60, 60, 60, 100, 100]))
    assert played([64] * 5, quiet)[0] == "mp"
    assert played([64] * 5, quiet)[-1] == "ff"


def test_parts_of_one_piece_share_its_level() -> None:
    tracks = [Track(f"{v}", 40, tuple(Note(i * 1920, 60, i * 1920 + 960, v) for i in range(4)))
              for v in (50, 60, 70)]  # fmt: skip
    marks = [part.marks for part in score_of(song_of(*tracks, end=7680)).parts]
    assert marks == [{0: "mp"}] * 3


# The whole score.


@pytest.fixture(scope="module")
def piece() -> Song:
    sections = (Section(0, "sad"), Section(16, "exciting"))
    return arrange(make_plan(20.0, style="piano", sections=sections))


def test_a_piano_is_one_part_of_two_hands_with_chords_and_sections(piece: Song) -> None:
    session = session_of(piece)
    root = score_element(score_of(piece), session.sections)
    assert [name.text for name in root.iter("part-name")] == ["Piano"]
    assert root.findtext("part/measure/attributes/staves") == "2"
    signs = [clef.findtext("sign") for clef in root.iter("clef")]
    assert signs == ["G", "F"]
    assert [mark.text for mark in root.iter("rehearsal")] == ["A", "B"]
    assert len(list(root.iter("harmony"))) == len(piece.chord_names)
    assert next(root.iter("per-minute")).text == "120"
    assert {mark[0].tag for mark in root.iter("dynamics")} <= {"pp", "p", "mp", "mf", "f", "ff"}


@FEW
@given(song=songs())
def test_any_song_has_a_score_whose_bars_are_full(song: Song) -> None:
    score = score_of(song)
    root = score_element(score, [TextEvent(0, "sad")])
    for part in root.iter("part"):
        for bar, measure in zip(score.bars, part.iter("measure"), strict=True):
            filled: dict[str, int] = defaultdict(int)
            for note in measure.iter("note"):
                if note.find("chord") is None:
                    filled[note.findtext("voice")] += int(note.findtext("duration"))
            assert filled["1"] == bar.length
            assert all(ticks <= bar.length for ticks in filled.values())


def test_a_change_of_key_is_written_at_its_bar_and_decides_the_spelling(piece: Song) -> None:
    change = KeyChange(4 * 1920, parse_key("F minor"))
    bare = replace(piece, key=parse_key("E minor"), key_changes=(change,), chord_names=())
    measures = score_element(score_of(bare)).findall("part/measure")
    found = {m.get("number"): m.findtext("attributes/key/fifths") for m in measures}
    assert {n: fifths for n, fifths in found.items() if fifths} == {"1": "1", "5": "-4"}
    speller = Speller(bare.key, (), bare.key_changes)
    assert [speller.name(68, tick).step for tick in (0, change.tick)] == ["G", "A"]


def test_changes_of_tempo_are_played_and_only_great_ones_shown(piece: Song) -> None:
    tempos = (500_000, 504_000, 400_000, 402_000)
    changed = tuple(TempoChange(i * 1920, us) for i, us in enumerate(tempos))
    root = score_element(score_of(replace(piece, tempos=changed)))
    assert [mark.text for mark in root.iter("per-minute")] == ["120", "150"]
    played = [60e6 / float(sound.get("tempo")) for sound in root.iter("sound")]
    assert played == pytest.approx(tempos)


@settings(FEW, max_examples=8)
@given(song=scores())
def test_music21_reads_the_notes_of_drawn_songs_to_the_tick(song: Song, tmp_path: Path) -> None:
    music21 = pytest.importorskip("music21")
    path = tmp_path / "song.musicxml"
    write_score(song, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = music21.converter.parse(path, forceSource=True)
    played = [track for track in song.tracks if track.notes]
    assert len(read.parts) == len(played)
    for part, track in zip(read.parts, played, strict=True):
        found = sorted(
            (round(float(note.offset) * 480), pitch.midi, round(float(note.quarterLength) * 480))
            for note in part.stripTies().flatten().notes
            if not isinstance(note, music21.harmony.Harmony)
            for pitch in note.pitches
        )
        expected = sorted((n.start, n.pitch, n.end - n.start) for n in track.notes)
        assert len(found) == len(expected)
        assert np.abs(np.array(found) - np.array(expected)).max(initial=0) <= 1


def test_parts_and_compressed_scores_are_zip_files(piece: Song, tmp_path: Path) -> None:
    parts, score = tmp_path / "parts.zip", tmp_path / "score.mxl"
    write_score(piece, parts)
    write_score(piece, score)
    with zipfile.ZipFile(parts) as file:
        assert file.namelist() == ["score.musicxml", "01_piano.musicxml"]
    with zipfile.ZipFile(score) as file:
        container = ET.fromstring(file.read("META-INF/container.xml"))
        assert container.find("rootfiles/rootfile").get("full-path") == "score.musicxml"
    before = score.read_bytes()
    write_score(piece, score)
    assert score.read_bytes() == before


@pytest.mark.skipif(shutil.which("musescore3") is None, reason="MuseScore is not installed")
def test_musescore_plays_every_note_of_the_score_and_prints_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    song = arrange(make_plan(10.0, style="lo-fi"))
    write_score(song, tmp_path / "song.musicxml")
    for name in ("song.mid", "song.pdf"):
        subprocess.run(
            ["musescore3", "-o", name, "song.musicxml"],
            cwd=tmp_path, check=True, capture_output=True, timeout=120,
        )  # fmt: skip
    read = read_midi(tmp_path / "song.mid")
    count = sum(len(track.notes) for track in song.tracks)
    assert sum(len(track.notes) for track in read.tracks) == count
    assert (tmp_path / "song.pdf").read_bytes()[:4] == b"%PDF"


@pytest.mark.parametrize(
    ("n_parts", "staff_mm", "page_mm"), [(1, 6.5, 297), (12, 4, 297), (26, 4, 420)]
)
def test_staves_and_pages_have_the_size_that_their_number_asks_for(
    n_parts: int, staff_mm: float, page_mm: float
) -> None:
    track = Track("Flute", 73, tuple(Note(480 * i, 72, 480 * i + 480, 80) for i in range(8)))
    song = song_of(*(replace(track, name=f"Part {i}") for i in range(n_parts)))
    defaults = score_element(score_of(song)).find("defaults")
    assert defaults is not None
    tenth_mm = float(defaults.findtext("scaling/millimeters") or 0) / 40
    assert 40 * tenth_mm == pytest.approx(staff_mm)
    height = float(defaults.findtext("page-layout/page-height") or 0)
    assert height * tenth_mm == pytest.approx(page_mm, abs=0.1)


@pytest.mark.parametrize(
    ("name", "program", "pitch", "sign"),
    [
        ("Trombones", 57, 60, "F"), ("Trombones", 61, 60, "F"), ("Timpani", 47, 60, "F"),
        ("Violas", 48, 64, "C"), ("Cellos", 42, 62, "F"), ("Bassoon", 70, 59, "F"),
        ("Flute", 73, 58, "G"), ("Trombones", 57, 80, "G"), ("Pad", 89, 50, "F"),
    ],
)  # fmt: skip
def test_instruments_have_their_usual_clef_unless_they_play_far_from_it(
    name: str, program: int, pitch: int, sign: str
) -> None:
    track = Track(name, program, (Note(0, pitch, 1920, 80),))
    (part,) = score_of(song_of(track)).parts
    assert part.staves[0].clef.sign == sign
