"""Soundfonts that are damaged, small, or something else: one sentence, or sound."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from render.engine import render_to_disk
from render.errors import SoundfontError
from render.files.reporter import callback_reporter
from render.options import RenderOptions
from render.score import Note, Part
from render.soundfont.bank import Bank, read_bank
from render.soundfont.bank_samples import SampleReader
from render.soundfont.bank_subset import subset
from render.soundfont.isolation import Child, ChildError
from render.soundfont.player import SoundfontPlayer, load_player
from render.soundfont.presets import cast, presets_of
from render.soundfont.synthesisers import ENGINES, Engine
from tests.render.events import control, named, note, program
from tests.render.rendering import render_midi
from tests.render.soundfonts import PERIOD, RATE, Tiny, chunk, signed, wave

INSTALLED = [engine for engine in ENGINES if engine.is_installed()]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.sf2"
    path.write_bytes(Tiny().build())
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def one_note(pitch: int = 69, *, is_drum: bool = False) -> Part:
    return Part("Solo", is_drum, (Note(0.0, 0.5, pitch, 100),), ())


def player_of(engine: Engine, path: Path) -> SoundfontPlayer:
    return load_player(engine.name, path, RATE)


def pitch_hz(sound: np.ndarray) -> float:
    mono = sound.mean(axis=0)
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(mono.size), 4 * mono.size))
    return float(spectrum.argmax() * RATE / (4 * mono.size))


@pytest.mark.parametrize("is_vorbis", [False, True])
def test_both_formats_play_on_every_engine(engine: Engine, tmp_path, is_vorbis):
    if not engine.is_installed():
        return
    path = written(tmp_path / "any.name", Tiny(is_vorbis=is_vorbis).build())
    player = player_of(engine, path)
    assert (player.bank.format, player.bank.name) == ("SF3" if is_vorbis else "SF2", "tiny")
    assert str(player.instrument).startswith(f"{engine.name} ")
    assert str(player.instrument).endswith("on any.name (tiny)")
    assert player.instrument.hint == ""
    sound = player.play(one_note(), RATE // 2)
    assert pitch_hz(sound[:, 2000:]) == pytest.approx(441, rel=0.01)


def test_a_subset_plays_the_same_samples(tiny):
    bank = read_bank(tiny)
    raw = subset(SampleReader(bank), [(0, 0)], [(69, 100)])
    small = read_bank(written(tiny.with_name("small.sf2"), raw))
    assert set(small.presets) == {(0, 0)}
    header, first = small.tables["shdr"][0], small.samples[0]
    sound = np.frombuffer(raw, np.int16, int(header["end"] - header["start"]), first)
    np.testing.assert_array_equal(sound, wave())
    assert header["loop_end"] - header["loop_start"] == 38 * PERIOD
    assert (small.tables["igen"]["kind"] == 54).any()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"RIFF\0\0\0\0WAVEfmt ", "expected a RIFF file of form sfbk"),
        (chunk("RIFF", b"DLS colh"), "it is a DLS bank"),
        (b"PK\3\4rest", "ZIP archive"),
        (b"<!DOCTYPE html><html>", "it is a web page"),
        (b"\n<region> sample=a.wav", "it is an SFZ instrument"),
        (b"MThd\0\0\0\6", "it is a MIDI file"),
        (bytes(1000), "is not a soundfont"),
    ],
)
def test_other_files_are_named_as_what_they_are(tmp_path, content, reason):
    with pytest.raises(SoundfontError, match=reason):
        read_bank(written(tmp_path / "font.sf2", content))


def test_what_is_no_file_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe.sf2")
    for path, reason in (
        (tmp_path, "it is a folder"),
        (tmp_path / "pipe.sf2", "it is a pipe or a device"),
        (tmp_path / "gone.sf2", "No such file"),
        (Path("nul\0.sf2"), "null"),
    ):
        with pytest.raises(SoundfontError, match=reason):
            load_player("auto", path, RATE)


def test_damaged_tables_are_named(tmp_path):
    tables = Tiny().tables()
    for changed, reason in (
        ({"phdr": tables["phdr"][-38:]}, "it holds no presets"),
        ({"shdr": tables["shdr"][:-1]}, "shdr is missing or of a wrong size"),
        ({"ibag": struct.pack("<HHHH", 0, 0, 2, 0xFF00)}, "ibag lead outside of imod"),
        ({"pgen": struct.pack("<HH", 41, 9) * 2 + bytes(4)}, "pgen lead outside of inst"),
        ({"igen": struct.pack("<HHHH", 54, 1, 53, 7) + bytes(4)}, "igen lead outside of shdr"),
    ):
        path = written(tmp_path / "font.sf2", Tiny().build(**changed))
        with pytest.raises(SoundfontError, match=f"font.sf2 is damaged: .*{reason}"):
            read_bank(path)


@pytest.mark.parametrize(
    "broken",
    [
        Tiny(zone=((50, signed(-256)), (54, 1))),
        Tiny(zone=((0, 32000),)),
        Tiny(zone=((12, 4),)),
        Tiny(header={"end": 1 << 24}),
        Tiny(header={"start": 3000, "end": 2000}),
    ],
)
def test_samples_beyond_the_data_are_named(engine: Engine, tmp_path, broken):
    if not engine.is_installed():
        return
    path = written(tmp_path / "font.sf2", broken.build())
    with pytest.raises(SoundfontError, match=r"font\.sf2 is damaged: .* outside of its"):
        player_of(engine, path).play(one_note(), RATE)


def test_broken_vorbis_is_named(engine: Engine, tmp_path):
    if not engine.is_installed():
        return
    raw = Tiny(is_vorbis=True).build()
    at = raw.index(b"OggS")
    path = written(tmp_path / "font.sf3", raw[:at] + b"X" * 500 + raw[at + 500 :])
    with pytest.raises(SoundfontError, match=r"font\.sf3 is damaged: sample 'wave' cannot be dec"):
        player_of(engine, path).play(one_note(), RATE)


def test_any_cut_is_named(tmp_path):
    raw = Tiny().build()
    path = tmp_path / "cut.sf2"
    for length in range(0, len(raw) - 1, 97):
        with pytest.raises(SoundfontError, match=r"cut\.sf2"):
            read_bank(written(path, raw[:length]))


damage = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6)


def check_damage(engine: Engine, path: Path, damage: list, in_tables: bool, is_drum: bool) -> None:
    """Bytes are changed anywhere or in the tables, which are small beside the samples."""
    raw = bytearray(Tiny().build())
    first = raw.index(b"pdta") if in_tables else 0
    for share, value in damage:
        raw[first + int(share * (len(raw) - first))] = value
    try:
        player = player_of(engine, written(path, raw))
        sound = player.play(one_note(is_drum=is_drum), RATE // 4)
    except SoundfontError as error:
        assert path.name in str(error)
        assert len(str(error).replace(str(path), "")) < 250
    else:
        assert sound.shape == (2, RATE // 4)
        assert np.isfinite(sound).all()


fixtures = [HealthCheck.function_scoped_fixture]


@settings(max_examples=150, deadline=None, suppress_health_check=fixtures)
@given(damage, st.booleans(), st.booleans())
def test_any_damage_gives_sound_or_a_sentence(tiny, one_process, damage, in_tables, is_drum):
    if engine := next((e for e in INSTALLED if e.name == "midirenderer"), None):
        check_damage(engine, tiny, damage, in_tables, is_drum)


@settings(max_examples=12, deadline=None, suppress_health_check=fixtures)
@given(damage, st.booleans(), st.booleans())
def test_any_damage_does_so_on_the_best_engine(tiny, damage, in_tables, is_drum):
    check_damage(INSTALLED[0], tiny, damage, in_tables, is_drum)


@pytest.fixture
def one_process(monkeypatch):
    """One process of midirenderer for many soundfonts, as starting one takes longest."""
    child = Child("render.soundfont.midirenderer_child")
    monkeypatch.setattr("render.soundfont.midirenderer.Child", lambda module: child)
    yield
    child.close()


def test_a_crash_is_a_sentence_and_the_next_part_plays(engine: Engine, tiny, monkeypatch):
    if not engine.is_installed():
        return
    player = player_of(engine, tiny)
    child = player.synthesiser._child
    player.play(one_note(), RATE // 4)
    child._process.kill()
    child._process.wait()
    monkeypatch.setattr(type(child), "_running", lambda self: self._process)
    with pytest.raises(SoundfontError, match=r"cannot play on .*it crashed"):
        player.play(one_note(), RATE // 4)
    monkeypatch.undo()
    assert player.play(one_note(), RATE // 4).any()


def test_what_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr("render.soundfont.isolation.TIMEOUT_S", 0.1)
    child = Child("tests.render.sleeping_child")
    with pytest.raises(ChildError, match="it took more than 0 s"):
        list(child.ask(b"play"))


def bank_of(*presets: tuple[int, int]) -> Bank:
    tables = {"phdr": np.array(
        [(b"p", program, bank, 0, bytes(12)) for bank, program in (*presets, (0, 0))],
        read_dtype(),
    )}  # fmt: skip
    return Bank(Path("font.sf2"), "SF2", "", tables, (0, 0))


def read_dtype() -> np.dtype:
    from render.soundfont.bank import _RECORDS

    return _RECORDS["phdr"]


@pytest.mark.parametrize(
    ("presets", "asked", "is_drum", "found"),
    [
        ([(0, 0), (0, 48), (8, 48)], (8, 48), False, (8, 48)),
        ([(0, 0), (0, 48)], (8, 48), False, (0, 48)),
        ([(0, 0), (128, 0)], (0, 48), False, (0, 0)),
        ([(0, 30), (128, 0)], (0, 48), False, (0, 30)),
        ([(128, 0)], (0, 0), False, None),
        ([(0, 0), (128, 0), (128, 25)], (127, 25), True, (128, 25)),
        ([(0, 0), (128, 0), (128, 25)], (0, 26), True, (128, 0)),
        ([(0, 0), (128, 40)], (0, 0), True, (128, 40)),
        ([(0, 0)], (0, 0), True, None),
    ],
)
def test_the_nearest_preset_plays(presets, asked, is_drum, found):
    assert bank_of(*presets).resolve(*asked, is_drum=is_drum) == found


def test_a_part_uses_only_programs_that_sound(tmp_path):
    bank = read_bank(written(tmp_path / "f.sf2", Tiny(presets=((0, 0), (0, 5), (8, 5))).build()))
    change = [mido.Message("program_change", program=n) for n in (3, 5)]
    select = mido.Message("control_change", control=0, value=8)
    controls = ((0.0, change[0]), (0.0, select), (0.0, change[1]), (2.0, change[0]))
    part = Part("Solo", False, (Note(0.0, 1.0, 60, 90), Note(3.0, 4.0, 60, 90)), controls)
    found = cast([part], bank)
    assert presets_of(found.parts[0]) == [(8, 5), (0, 0)]
    assert found.messages == ("the soundfont tiny lacks program 3 (Honky-tonk Piano): its preset "
                          "'preset 0' plays instead",)  # fmt: skip


def test_missing_drums_are_silent_and_reported(engine: Engine, tmp_path, write_midi):
    if not engine.is_installed():
        return
    path = written(tmp_path / "piano.sf2", Tiny(presets=((0, 0),)).build())
    drums = [named("Kit"), *note(0, 240, 38, channel=9)]
    asked = RenderOptions(engine.name, path, normalise=False)
    messages: list[str] = []
    song = write_midi([named("Piano"), program(0), *note(0, 240)], drums)
    with render_to_disk(
        song, asked, stems=True, reporter=callback_reporter(message=messages.append)
    ) as rendering:
        peaks = [stem.peak() for stem in rendering.stems.values()]
        assert rendering.instrument.soundfont == path
    assert peaks[0] > 0.01
    assert peaks[1] == 0
    assert messages == ["the soundfont tiny cannot play Kit: silent"]
    with pytest.raises(SoundfontError, match="has no drum kits"):
        render_midi(write_midi(drums), engine=engine.name, soundfont=path)


def test_tuning_is_honoured(engine: Engine, tiny, write_midi):
    """Registered parameters 1 and 2: fine and coarse tuning; 0: the range of bends."""
    if not engine.is_installed():
        return

    def tuned(*values: tuple[int, int]) -> float:
        events = [control(0, number, value) for number, value in values]
        bend = [(0, mido.Message("pitchwheel", pitch=0))]
        song = write_midi([*events, *bend, *note(0, 960, 69)])
        audio = render_midi(song, engine=engine.name, soundfont=tiny, normalise=False)
        return 1200 * np.log2(pitch_hz(audio.samples[:, 4000:40000]) / 441)

    assert tuned() == pytest.approx(0, abs=6)
    assert tuned((101, 0), (100, 1), (6, 80), (38, 0)) == pytest.approx(25, abs=6)
    assert tuned((101, 0), (100, 2), (6, 65), (38, 0)) == pytest.approx(100, abs=6)
