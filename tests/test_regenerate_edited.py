"""New bars in files that were edited: never the old music beside the new, and nothing else lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amt.arrange import arrange
from amt.arrange.splice import bar_span
from amt.errors import InputError, MidiError
from amt.midi import read_midi, write_midi
from amt.regenerate import Edited, EditedFile, regenerate
from amt.types import Plan, Rewrite
from tests import edited_midi as edits
from tests.arrange.plan_strategies import make_plan, plans
from tests.edited_midi import File

Edit = Callable[[File], File]
REWRITE = Rewrite(5, 8, 7)
SPAN = range(4 * 1920, 8 * 1920)


def band() -> Plan:
    return make_plan(24.0, style="band", mood="exciting", density=6.0)


@cache
def original() -> File:
    with TemporaryDirectory() as folder:
        write_midi(arrange(band()), Path(folder) / "song.mid")
        return edits.load(Path(folder) / "song.mid")


def number_of(name: str) -> int:
    """Which track chunk of the original an instrument is."""
    names = [track[0][1].name for track in original().tracks]
    return next(i for i, other in enumerate(names) if i and name.lower() in other.lower())


@cache
def planned() -> Counter[tuple[int, int]]:
    """Ticks and pitches of the new bars."""
    song = regenerate(band(), REWRITE).song
    return Counter((n.start, n.pitch) for t in song.tracks for n in t.notes if n.start in SPAN)


def made_of(
    file: File, folder: Path, *said: str, plan: Plan | None = None, rewrite: Rewrite = REWRITE
) -> tuple[File, EditedFile]:
    """The file with new bars, and what was reported."""
    path = edits.save(file, folder / "edited.mid")
    made = regenerate(plan or band(), rewrite, edited=Edited(path, said))
    made.write(folder / "new.mid")
    read_midi(folder / "new.mid")
    assert made.edited is not None
    return edits.load(folder / "new.mid"), made.edited


def check_outside(before: File, after: File, span: range) -> None:
    """All other bars have the same notes in the same tracks, and no other event has changed."""

    def rest(file: File) -> list[tuple[int, ...]]:
        return [
            (number, start, pitch, min(end, span.start) if start < span.start else end, velocity)
            for number, start, pitch, end, velocity in edits.notes(file)
            if start not in span
        ]

    assert rest(after) == rest(before)
    assert edits.others(after) == edits.others(before)
    assert (after.type, after.ticks_per_beat) == (before.type, before.ticks_per_beat)
    assert after.end == before.end


def test_bars_of_the_unedited_file_are_those_of_the_plan(tmp_path: Path) -> None:
    made = regenerate(band(), REWRITE)
    made.write(tmp_path / "plan.mid")
    file, _ = made_of(original(), tmp_path)
    assert edits.notes(file) == edits.notes(edits.load(tmp_path / "plan.mid"))
    check_outside(original(), file, SPAN)


SAME: dict[str, Edit] = {
    "other names, no programs": edits.renamed,
    "no names, programs or controllers": edits.nameless,
    "all on channel 1": edits.on_channel_1,
    "tracks in another order": lambda f: replace(f, tracks=(f.tracks[0], *f.tracks[:0:-1])),
    "two hands": lambda f: edits.split(lambda p: int(p >= 60), number_of("piano"))(f),
    "nameless hands": lambda f: edits.nameless(
        edits.split(lambda p: int(p >= 60), number_of("piano"))(f)
    ),
    "a track for each drum": lambda f: edits.split(lambda p: p, number_of("drum"))(f),
    "type 0": edits.type_0,
    "type 0 without names": lambda f: edits.type_0(edits.nameless(f)),
    "no time signatures": edits.without_metre,
    "metre in other words": lambda f: replace(
        f,
        tracks=(
            tuple(
                (t, m.copy(numerator=2, denominator=2) if m.type == "time_signature" else m)
                for t, m in f.tracks[0]
            ),
            *f.tracks[1:],
        ),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_what_programs_make_of_a_file_is_recognised(tmp_path: Path, name: str) -> None:
    edited = SAME[name](original())
    file, _ = made_of(edited, tmp_path)
    check_outside(edited, file, SPAN)
    assert edits.onsets(file, SPAN) == planned()


@pytest.mark.parametrize("ticks_per_beat", [96, 120, 384, 960])
def test_other_resolutions(tmp_path: Path, ticks_per_beat: int) -> None:
    edited = edits.renamed(edits.resolution(ticks_per_beat)(original()))
    file, _ = made_of(edited, tmp_path)
    scale = ticks_per_beat / 480
    span = range(round(SPAN.start * scale), round(SPAN.stop * scale))
    check_outside(edited, file, span)
    wanted = Counter({(round(t * scale), p): n for (t, p), n in planned().items()})
    assert edits.onsets(file, span) == wanted


def test_everything_in_one_track_on_one_channel(tmp_path: Path) -> None:
    edited = edits.type_0(edits.on_channel_1(original()))
    file, outcome = made_of(edited, tmp_path)
    check_outside(edited, file, SPAN)
    found = edits.onsets(file, SPAN)
    assert found == Counter(set(planned()))  # one channel plays a pitch once at a time
    assert {match.theirs for match in outcome.matches} == {"track 1"}


def test_quantised_notes_are_recognised(tmp_path: Path) -> None:
    edited = edits.renamed(edits.quantised(120)(original()))
    file, _ = made_of(edited, tmp_path)
    check_outside(edited, file, SPAN)
    assert edits.onsets(file, SPAN) == planned()


def test_a_track_an_octave_lower_stays_there(tmp_path: Path) -> None:
    number = number_of("bass")
    edited = edits.renamed(edits.transposed(-12, number)(original()))
    file, outcome = made_of(edited, tmp_path)
    check_outside(edited, file, SPAN)
    assert "12 semitones lower" in " ".join(map(str, outcome.matches))
    plain, _ = made_of(edits.renamed(original()), tmp_path)
    low, high = (
        sorted((s, p) for n, s, p, _, _ in edits.notes(f) if n == number and s in SPAN)
        for f in (file, plain)
    )
    assert low == [(start, pitch - 12) for start, pitch in high]


def test_a_piece_in_another_key_stays_there(tmp_path: Path) -> None:
    edited = edits.renamed(edits.transposed(2)(original()))
    file, _ = made_of(edited, tmp_path)
    check_outside(edited, file, SPAN)
    plain, _ = made_of(edits.renamed(original()), tmp_path)
    assert edits.onsets(file, SPAN) == edits.onsets(edits.transposed(2)(plain), SPAN)


def test_tracks_of_ones_own_are_left_alone(tmp_path: Path) -> None:
    vocal = edits.melody("Vocal", 14, [70, 71, 73, 75, 73, 71] * 8)
    edited = edits.renamed(edits.with_track(vocal, at=1)(original()))
    file, outcome = made_of(edited, tmp_path)
    assert file.tracks[1] == edited.tracks[1]
    own = edits.onsets(File((file.tracks[1],)), SPAN)
    assert edits.onsets(file, SPAN) == planned() + own
    assert "yours, left as it is" in next(str(m) for m in outcome.matches if m.ours == "-")


def test_forty_tracks_are_kept(tmp_path: Path) -> None:
    edited = original()
    for i in range(36):
        port = mido.MetaMessage("midi_port", port=1 + i // 16)
        own = [(0, port), *edits.melody(f"Own {i}", i % 16, [30 + 2 * i] * 40)]
        edited = edits.with_track(own)(edited)
    file, _ = made_of(edited, tmp_path)
    check_outside(edited, file, SPAN)
    n = len(original().tracks)
    assert file.tracks[n:] == edited.tracks[n:]
    assert edits.onsets(replace(file, tracks=file.tracks[:n]), SPAN) == planned()


def test_a_count_in_is_found_and_said(tmp_path: Path) -> None:
    edited = edits.renamed(edits.later(2 * 1920)(original()))
    file, outcome = made_of(edited, tmp_path)
    span = range(SPAN.start + 3840, SPAN.stop + 3840)
    check_outside(edited, file, span)
    assert edits.onsets(file, span) == Counter(
        {(t + 3840, p): n for (t, p), n in planned().items()}
    )
    assert any("8 beats later" in remark for remark in outcome.remarks)


def test_a_count_in_is_found_in_another_key(tmp_path: Path) -> None:
    edited = edits.transposed(3)(edits.later(1920)(original()))
    file, _ = made_of(edited, tmp_path)
    check_outside(edited, file, range(SPAN.start + 1920, SPAN.stop + 1920))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (edits.later(2 * 480), "2 beats later than in the plan, which is not a whole number of"),
        (
            lambda f: replace(
                f,
                tracks=tuple(
                    tuple((t + 3840 if t >= SPAN.start + 1920 else t, m) for t, m in track)
                    for track in f.tracks
                ),
            ),
            "bars were put in or taken out",
        ),
        (
            lambda f: replace(
                f,
                tracks=tuple(
                    tuple(
                        (t, m.copy(numerator=3) if m.type == "time_signature" else m)
                        for t, m in track
                    )
                    for track in f.tracks
                ),
            ),
            "the bars of the MIDI file are not those of the plan",
        ),
    ],
)
def test_files_with_other_bars_are_refused(tmp_path: Path, edit: Edit, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        made_of(edit(original()), tmp_path)
    assert "\n" not in str(caught.value)


def band_bass() -> str:
    return str(original().tracks[number_of("bass")][0][1].name)


def with_own_bass() -> tuple[File, int]:
    """The bass replaced by a line of somebody's own on a track that is called otherwise."""
    number = number_of("bass")
    own = edits.melody("Horns", 13, [41, 44, 39, 46, 42, 37] * 8, step=400)
    return edits.renamed(
        edits.with_track(own, at=number)(edits.without_track(number)(original()))
    ), number


def test_what_is_not_recognised_is_refused_with_the_option_that_decides(tmp_path: Path) -> None:
    edited, number = with_own_bass()
    with pytest.raises(InputError) as caught:
        made_of(edited, tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        f'"VST {number}"',
        f'`map="VST {number}=',
        f'`map="VST {number}=-"`',
        '`map="-=',
    ):
        assert part in message
    assert not (tmp_path / "new.mid").exists()


@pytest.mark.parametrize("key", ["VST {}", "vst {}", "{}"])
@pytest.mark.parametrize("ours", ["bass", "Bass", "BASS"])
def test_the_user_decides_which_track_is_which(tmp_path: Path, key: str, ours: str) -> None:
    edited, number = with_own_bass()
    file, outcome = made_of(edited, tmp_path, f"{key.format(number)}={ours}")
    check_outside(edited, file, SPAN)
    assert edits.onsets(file, SPAN) == planned()
    assert any("as you said" in match.why and match.confidence == 1 for match in outcome.matches)


@pytest.mark.parametrize("said", ["VST {}=-", "-=bass"])
def test_the_user_says_that_a_track_is_his_own(tmp_path: Path, said: str) -> None:
    edited, number = with_own_bass()
    file, outcome = made_of(edited, tmp_path, said.format(number))
    assert file.tracks[number] == edited.tracks[number]
    rest = replace(file, tracks=(*file.tracks[:number], *file.tracks[number + 1 :]))
    bass = number_of("bass")
    plain, _ = made_of(original(), tmp_path)
    played = replace(plain, tracks=(*plain.tracks[:bass], *plain.tracks[bass + 1 :]))
    assert edits.onsets(rest, SPAN) == edits.onsets(played, SPAN)
    assert any("left out" in match.why for match in outcome.matches)


def test_a_deleted_track_stays_away_unless_it_is_asked_for(tmp_path: Path) -> None:
    edited = edits.without_track(number_of("drum"))(original())
    file, outcome = made_of(edited, tmp_path)
    assert len(file.tracks) == len(edited.tracks)
    assert any("left out" in match.why for match in outcome.matches)
    file, outcome = made_of(edited, tmp_path, "+=drums")
    check_outside(edited, replace(file, tracks=file.tracks[:-1]), SPAN)
    assert edits.onsets(file, SPAN) == planned()
    assert {m.channel for _, m in file.tracks[-1] if edits.is_note(m)} == {9}
    one, _ = made_of(edits.type_0(edited), tmp_path, "+=drums")
    assert edits.onsets(one, SPAN) == planned()


def test_a_copy_on_another_instrument_is_renewed_on_request(tmp_path: Path) -> None:
    number = number_of("bass")
    copy = [
        (t, m.copy(channel=15) if hasattr(m, "channel") else m)
        for t, m in original().tracks[number]
        if m.type not in {"track_name", "program_change"}
    ]
    edited = edits.with_track([(0, mido.MetaMessage("track_name", name="Tuba")), *copy])(original())
    file, outcome = made_of(edited, tmp_path)
    assert file.tracks[-1] == edited.tracks[-1]
    assert f'`map="{len(edited.tracks) - 1}={band_bass()}"`' in outcome.matches[-1].why
    file, _ = made_of(edited, tmp_path, "Tuba=bass")
    check_outside(edited, file, SPAN)
    assert edits.onsets(File((file.tracks[-1],))) == edits.onsets(File((file.tracks[number],)))


def test_hands_that_were_rewritten_are_known_by_their_channel(tmp_path: Path) -> None:
    hands = edits.split(lambda p: int(p >= 60), number_of("piano"))(original())
    number = number_of("piano")
    edited = edits.transposed(5, number)(hands)
    file, outcome = made_of(edited, tmp_path)
    check_outside(edited, file, SPAN)
    assert not any(match.ours == "-" for match in outcome.matches)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("bass", "expected a track of the MIDI file, = and a track of the plan"),
        ("=bass", "expected a track"),
        ("-=-", "expected a track"),
        ("nobody=bass", '`map` names "nobody", but the tracks of the MIDI file are: 1 '),
        ("1=tuba", '`map` names "tuba", but the tracks of the plan are: '),
        ("99=bass", "`map` names"),
        ("1=-;1=bass", "is your own and that it is not"),
        ("1=bass;-=bass", "two things of one track"),
    ],
)
def test_bad_decisions_are_one_sentence(tmp_path: Path, said: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        made_of(original(), tmp_path, *said.split(";"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def decorated() -> File:
    """Events of all sorts in and around the bars, on the first instrument's channel."""
    message, meta = mido.Message, mido.MetaMessage

    def around(tick: int) -> list[edits.Timed]:
        return [
            (tick, message("control_change", control=0, value=8)),
            (tick, message("control_change", control=32, value=1)),
            (tick, message("program_change", program=9)),
            (tick, message("control_change", control=1, value=70)),
            (tick, meta("lyrics", text="la")),
            (tick, meta("lyrics", text="A")),
            (tick, meta("cue_marker", text="cue")),
            (tick, meta("marker", text="A")),
            (tick, meta("sequencer_specific", data=(0, 0, 65, 1))),
            (tick, message("sysex", data=(126, 127, 9, 1))),
            (tick, mido.UnknownMetaMessage(0x60, data=(1, 2, 3))),
        ]

    def bends(tick: int) -> list[edits.Timed]:
        return [
            (tick, message("pitchwheel", pitch=4000)),
            (tick, message("aftertouch", value=50)),
            (tick, message("polytouch", note=60, value=5)),
        ]

    head = [
        (0, meta("copyright", text="(c) me")),
        (0, meta("smpte_offset", frame_rate=25, hours=1)),
        (0, meta("key_signature", key="Eb")),
        (0, message("control_change", control=101, value=0)),
        (0, message("control_change", control=100, value=0)),
        (0, message("control_change", control=6, value=12)),
    ]
    added = [*head, *around(1000), *bends(1000), *around(9000), *around(SPAN.stop + 77)]
    added += bends(SPAN.stop + 77)
    file = original()
    first = tuple(sorted([*file.tracks[1], *added], key=lambda event: event[0]))
    return replace(file, tracks=(file.tracks[0], first, *file.tracks[2:]))


def test_no_event_but_the_notes_of_the_bars_changes(tmp_path: Path) -> None:
    file, outcome = made_of(decorated(), tmp_path)
    check_outside(decorated(), file, SPAN)
    assert edits.onsets(file, SPAN) == planned()
    assert not outcome.remarks


def test_bends_and_aftertouch_go_with_their_notes(tmp_path: Path) -> None:
    drawn = [
        (SPAN.start - 50, mido.Message("pitchwheel", pitch=-500)),
        (SPAN.start + 50, mido.Message("pitchwheel", pitch=1000)),
        (SPAN.start + 60, mido.Message("aftertouch", value=9)),
        (SPAN.start + 70, mido.Message("polytouch", note=60, value=9)),
        (SPAN.stop - 10, mido.Message("pitchwheel", pitch=2000)),
        (SPAN.stop + 90, mido.Message("pitchwheel", pitch=0)),
    ]
    file = original()
    first = tuple(sorted([*file.tracks[1], *drawn], key=lambda event: event[0]))
    made, outcome = made_of(
        replace(file, tracks=(file.tracks[0], first, *file.tracks[2:])), tmp_path
    )
    found = [
        (t, m) for t, m in made.tracks[1] if m.type in {"pitchwheel", "aftertouch", "polytouch"}
    ]
    assert found == [
        (SPAN.start - 50, mido.Message("pitchwheel", pitch=-500)),
        (SPAN.start, mido.Message("pitchwheel", pitch=0)),
        (SPAN.stop, mido.Message("pitchwheel", pitch=2000)),
        (SPAN.stop, mido.Message("aftertouch", value=9)),
        (SPAN.stop + 90, mido.Message("pitchwheel", pitch=0)),
    ]
    assert any("pitch bends and aftertouch" in remark for remark in outcome.remarks)


def test_a_file_of_another_piece_is_doubted(tmp_path: Path) -> None:
    other = make_plan(24.0, style="band", mood="sad", density=3.0, seed=9, chords="Dm Bb Gm A7")
    write_midi(arrange(other), tmp_path / "other.mid")
    _, outcome = made_of(edits.load(tmp_path / "other.mid"), tmp_path)
    assert any(
        "of the notes that the plan gives are in the MIDI file" in r for r in outcome.remarks
    )


def test_own_tempos_stay_and_it_is_said_where_the_bars_are_then(tmp_path: Path) -> None:
    file = original()
    slow = tuple(
        (t, m.copy(tempo=600_000) if m.type == "set_tempo" else m) for t, m in file.tracks[0]
    )
    edited = replace(file, tracks=(slow, *file.tracks[1:]))
    made, outcome = made_of(edited, tmp_path)
    check_outside(edited, made, SPAN)
    assert any("begin at 9.60 s; in the plan they begin at 8.00 s" in r for r in outcome.remarks)


def test_chord_names_of_the_bars_are_those_of_the_plan(tmp_path: Path) -> None:
    plan = band()
    other = make_plan(
        24.0, style="band", mood="exciting", density=6.0, chords="Am F C G Dm7 Em Am F E7 Am"
    )
    write_midi(arrange(plan), tmp_path / "song.mid")
    edited = edits.load(tmp_path / "song.mid")
    _, outcome = made_of(edited, tmp_path, plan=other, rewrite=Rewrite(6, 8, 7))
    write_midi(arrange(other), tmp_path / "other.mid")
    names = read_midi(tmp_path / "other.mid").chord_names
    span = range(5 * 1920, 8 * 1920)
    found = read_midi(tmp_path / "new.mid").chord_names
    before = read_midi(tmp_path / "song.mid").chord_names
    assert [n for n in found if n.tick in span] == [n for n in names if n.tick in span]
    assert [n for n in found if n.tick not in span] == [n for n in before if n.tick not in span]
    assert any("chord names" in remark for remark in outcome.remarks)


def test_a_note_that_sounds_into_the_bars_ends_where_a_new_one_begins(tmp_path: Path) -> None:
    line = sorted(
        (s, p)
        for n, s, p, _, _ in edits.notes(made_of(original(), tmp_path)[0])
        if n == number_of("bass") and s in SPAN
    )
    start, pitch = next(
        (s, p)
        for i, (s, p) in enumerate(line)
        if s > SPAN.start and p not in {earlier for _, earlier in line[:i]}
    )
    number = number_of("bass")
    track = original().tracks[number]
    channel = next(m.channel for _, m in track if edits.is_note(m))
    clear = tuple(  # so that nothing else of that pitch is in the way
        (t, m) for t, m in track if not (edits.is_note(m) and m.note == pitch)
    )
    held = [
        (SPAN.start - 100, mido.Message("note_on", note=pitch, velocity=99, channel=channel)),
        (start + 30, mido.Message("note_off", note=pitch, channel=channel)),
    ]
    tracks = list(original().tracks)
    tracks[number] = tuple(sorted([*clear, *held], key=lambda event: event[0]))
    file, _ = made_of(replace(original(), tracks=tuple(tracks)), tmp_path)
    assert (number, SPAN.start - 100, pitch, start, 99) in edits.notes(file)
    assert edits.onsets(file, SPAN) == planned()


def test_damaged_files_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "no.mid").write_bytes(b"RIFFno midi")
    for path in (tmp_path / "no.mid", tmp_path / "missing.mid", tmp_path):
        with pytest.raises(MidiError) as caught:
            regenerate(band(), REWRITE, edited=Edited(path))
        assert "\n" not in str(caught.value)


EDITS: tuple[Edit, ...] = (
    lambda file: file,
    edits.renamed,
    edits.nameless,
    edits.on_channel_1,
    edits.type_0,
    edits.resolution(960),
    lambda file: edits.renamed(edits.with_track(edits.melody("Own", 15, [50, 97, 31]))(file)),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans(), edit=st.sampled_from(EDITS), data=st.data())
def test_never_doubled(plan: Plan, edit: Edit, data: st.DataObject) -> None:
    plan = replace(plan, density=np.minimum(plan.density, 6.0))  # few notes are soon written
    n_bars = len(plan.grid.bars)
    first = data.draw(st.integers(1, n_bars))
    rewrite = Rewrite(first, data.draw(st.integers(first, n_bars)), data.draw(st.integers(0, 99)))
    song = arrange(plan)
    span = bar_span(plan.grid, rewrite, song.end)
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_midi(song, folder / "song.mid")
        edited = edit(edits.load(folder / "song.mid"))
        scale = edited.ticks_per_beat / 480
        own = max(len(edits.load(folder / "song.mid").tracks), 1)
        try:
            file, _ = made_of(edited, folder, plan=plan, rewrite=rewrite)
        except InputError as error:  # so few notes that it is not clear whose they are
            assert "`map" in str(error)
            return
    span = range(round(span.start * scale), round(span.stop * scale))
    check_outside(edited, replace(file, tracks=file.tracks[: len(edited.tracks)]), span)
    made = regenerate(plan, rewrite).song
    wanted = Counter(
        (round(n.start * scale), n.pitch)
        for t in made.tracks for n in t.notes if round(n.start * scale) in span
    )  # fmt: skip
    found = edits.onsets(replace(file, tracks=file.tracks[:own]), span)
    assert found == wanted
