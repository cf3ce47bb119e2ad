"""``amt render`` and ``amt generate`` with the neural renderer, as a user meets it."""

from __future__ import annotations

import sys
from pathlib import Path

import mido
import pretty_midi
import pytest
import soundfile

from amt.cli import main
from render.soundfont.find import ENVIRONMENT_VARIABLE
from tests.render.networks import save_tiny_renderer
from tests.test_cli import draw_clip


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_renderer(tmp_path_factory.mktemp("networks"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Call ``amt``; gives exit code and stderr."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setenv(
        ENVIRONMENT_VARIABLE, str(Path(pretty_midi.__file__).parent / "TimGM6mb.sf2")
    )

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["amt", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        return int(exit_info.value.code or 0), capsys.readouterr().err

    return call


@pytest.fixture
def midi(tmp_path: Path) -> Path:
    """A second of piano, and one of bagpipes."""
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    for channel, program in enumerate((0, 109)):
        track = mido.MidiTrack()
        track += [
            mido.Message("program_change", program=program, channel=channel),
            mido.Message("note_on", note=60, velocity=80, channel=channel),
            mido.Message("note_off", note=60, channel=channel, time=960),
        ]
        file.tracks.append(track)
    file.save(tmp_path / "a.mid")
    return tmp_path / "a.mid"


def test_render_is_the_same_for_a_seed_and_names_what_it_leaves(run, midi, networks, tmp_path):
    neural = ("--engine", "diffusion", "--renderer", networks, "--steps", 1)
    takes = {}
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        out = tmp_path / f"{name}.wav"
        code, err = run("render", midi, "--out", out, *neural, "--seed", seed)
        assert code == 0, err
        assert err.count("does not support program 109 (Bagpipe) in Bagpipe") == 1
        takes[name] = out.read_bytes()
    assert takes["a"] == takes["b"] != takes["c"]
    assert soundfile.info(tmp_path / "a.wav").samplerate == 44100


def test_stems_and_refusal(run, midi, networks, tmp_path):
    neural = ("--engine", "diffusion", "--renderer", networks, "--steps", 1)
    stems = tmp_path / "stems"
    code, err = run("render", midi, "--out", tmp_path / "a.flac", *neural, "--stems", stems, "-q")
    assert (code, err) == (0, "")
    assert sorted(p.name for p in stems.iterdir()) == ["01_piano.flac", "02_bagpipe.flac"]
    out = tmp_path / "refused.wav"
    code, err = run("render", midi, "--out", out, *neural, "--unsupported", "refuse", "-q")
    assert (code, err.count("\n")) == (2, 1)
    assert "Bagpipe" in err
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--steps", "0"], "--steps is 0; expected a whole number from 1 to 20"),
        (["--steps", "21"], "--steps is 21"),
        (["--seed", "-1"], "--seed is -1"),
        (["--renderer", "nowhere"], "no predictor at nowhere"),
        (["--engine", "auto", "--steps", "4"], "--steps was given"),
        (["--engine", "auto", "--renderer", "."], "--renderer was given"),
    ],
)
def test_a_bad_option_is_one_sentence(run, midi, networks, tmp_path, arguments, word):
    given = ["--engine", "diffusion", *arguments]
    if "--renderer" not in given and "auto" not in given:
        given += ["--renderer", networks]
    code, err = run("render", midi, "--out", tmp_path / "a.wav", *given, "-q")
    assert (code, err.count("\n")) == (2, 1), err
    assert word in err
    assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]


def test_generate_plays_its_song_on_the_networks(run, networks, tmp_path):
    clip = draw_clip(tmp_path / "clip.mp4")
    names = ("a.mid", "a.wav", "a.mp4")
    song, wav, mp4 = (tmp_path / name for name in names)
    neural = ("--engine", "diffusion", "--renderer", networks, "--steps", 1)
    code, err = run(
        "generate", "--video", clip, "--out", song, "--wav", wav, "--mp4", mp4, "--backend",
        "analytic", "--arranger", "patterns", *neural,
    )  # fmt: skip
    assert code == 0, err
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "clip.mp4"])
    again = tmp_path / "again.wav"
    assert run("render", song, "--out", again, *neural, "-q") == (0, "")
    assert again.read_bytes() == wav.read_bytes()
    before = set(tmp_path.iterdir())
    code, err = run(
        "generate", "--video", clip, "--out", tmp_path / "b.mid", "--wav", tmp_path / "b.wav",
        *neural[:4], "--steps", 99, "-q",
    )  # fmt: skip
    assert (code, "--steps is 99" in err) == (2, True)
    assert set(tmp_path.iterdir()) == before
