"""The command line as a user meets it: what is written, what is said, and with which exit code."""

from __future__ import annotations

import inspect
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pretty_midi
import pytest
import soundfile

from amt.cli import generate, main
from amt.compose import ComposeOptions
from amt.options import FitOptions, MusicOptions, SamplingOptions
from amt.pipeline import GenerateOptions
from amt.plan import read_plan
from render.files.options import option_fields

STORM = Path(__file__).parent / "data" / "storm.mp4"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call ``amt`` with arguments; gives exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        handler = signal.getsignal(signal.SIGTERM)
        monkeypatch.setattr(sys, "argv", ["amt", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        signal.signal(signal.SIGTERM, handler)
        captured = capsys.readouterr()
        return int(exit_info.value.code or 0), captured.out, captured.err

    return call


def draw_clip(path: Path, frames: int = 30, fps: int = 10, codec: str = "libx264") -> Path:
    """A few frames of changing colour."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(frames):
            image = np.full((48, 64, 3), (index * 8) % 256, np.uint8)
            image[:, : (index * 3) % 60] = (200, 40, 90)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return draw_clip(tmp_path / "clip.mp4")


def test_the_whole_way(run: Run, tmp_path: Path) -> None:
    names = ("song.mid", "song.wav", "scored.mp4", "song.plan.json")
    midi, wav, mp4, plan = (tmp_path / name for name in names)
    code, out, err = run(
        "generate", "--video", STORM, "--out", midi, "--wav", wav, "--mp4", mp4,
        "--plan", plan, "--backend", "analytic", "--json",
    )  # fmt: skip
    assert code == 0, err
    summary = json.loads(out)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    duration_s = summary["duration_s"]
    song = pretty_midi.PrettyMIDI(str(midi))
    assert song.get_end_time() == pytest.approx(duration_s, abs=0.05)
    assert sum(summary["notes"].values()) == sum(len(i.notes) for i in song.instruments) > 20
    samples, rate = soundfile.read(wav)
    assert len(samples) / rate >= duration_s - 0.05
    assert np.abs(samples).max() <= 10 ** (-1 / 20) + 1e-4
    with av.open(str(mp4)) as container:
        assert len(container.streams.video) == len(container.streams.audio) == 1
    again = tmp_path / "again.mid"
    assert run("arrange", plan, "--out", again, "--quiet")[0] == 0
    assert again.read_bytes() == midi.read_bytes()


def test_same_seed_same_bytes_other_seed_other_bytes(run: Run, clip: Path, tmp_path: Path) -> None:
    songs = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        out = tmp_path / f"{name}.mid"
        assert run("generate", "--video", clip, "--out", out, "--seed", seed, "-q")[0] == 0
        songs.append(out.read_bytes())
    assert songs[0] == songs[1] != songs[2]


def test_options_reach_the_plan(run: Run, clip: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    code, _, err = run(
        "generate", "--video", clip, "--out", tmp_path / "a.mid", "--plan", plan,
        "--key", "F# minor", "--style", "strings", "--bpm", 120, "--primer", "F#m D",
        "--emotion", "sad", "--seed", 5,
    )  # fmt: skip
    assert code == 0, err
    made = read_plan(plan)
    assert (made.key.label, made.style, made.seed) == ("F# minor", "strings", 5)
    assert made.chords[0].chord.label == "F#:min"
    np.testing.assert_allclose(made.grid.tempo_bpm, 120, rtol=1e-6)
    assert made.emotion.mean(axis=0).argmax() == 3


def test_features_and_render(run: Run, clip: Path, tmp_path: Path) -> None:
    features, plot = tmp_path / "f.npz", tmp_path / "f.png"
    assert run("features", clip, "--out", features, "--plot", plot, "-q")[0] == 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    midi, stems = tmp_path / "a.mid", tmp_path / "stems"
    assert run("generate", "--video", clip, "--out", midi, "-q")[0] == 0
    assert run("render", midi, "--out", tmp_path / "a.flac", "--stems", stems, "-q")[0] == 0
    tracks = [i for i in pretty_midi.PrettyMIDI(str(midi)).instruments if i.notes]
    assert len(list(stems.glob("*.flac"))) == len(tracks)


def bad_clips(tmp_path: Path) -> dict[str, Path]:
    """Files that are no clip to score."""
    text = tmp_path / "text.mp4"
    text.write_text("this is no film\n" * 50)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    whole = draw_clip(tmp_path / "whole.mp4")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    whole.unlink()
    sound = tmp_path / "sound.mp4"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        silence = np.zeros((1, 44100), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.sample_rate = 44100
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    folder = tmp_path / "folder.mp4"
    folder.mkdir()
    one = draw_clip(tmp_path / "one.mp4", frames=1)
    paths = {"text": text, "empty": empty, "cut": cut, "sound": sound, "folder": folder}
    return paths | {"one": one, "missing": tmp_path / "missing.mp4"}


@pytest.mark.parametrize("kind", ["text", "empty", "cut", "sound", "folder", "one", "missing"])
def test_a_bad_clip_is_one_sentence_and_nothing_is_written(
    run: Run, tmp_path: Path, kind: str
) -> None:
    path = bad_clips(tmp_path)[kind]
    before = set(tmp_path.iterdir())
    code, out, err = run("generate", "--video", path, "--out", tmp_path / "a.mid", "-q")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert path.name in err
    assert set(tmp_path.iterdir()) == before


BAD_OPTIONS = {
    "key": (["--key", "H major"], "unknown key"),
    "primer": (["--primer", "Am Hm7"], "unknown chord"),
    "style": (["--style", "polka"], "polka"),
    "emotion": (["--emotion", "cheerfull"], "unknown mood"),
    "emotion span": (["--emotion", "sad:1-99"], "inside the clip"),
    "seed": (["--seed", "-1"], "--seed"),
    "temperature": (["--temperature", "nan"], "temperature"),
    "top p": (["--top-p", "1.5"], "--top-p is 1.5; expected a number from 1e-06 to 1"),
    "guidance": (["--guidance", "-2"], "guidance"),
    "bpm": (["--bpm", "-120"], "-120"),
    "bpm nan": (["--bpm", "nan"], "nan"),
    "bpm out of bounds": (["--bpm", "200"], "60 to 160"),
    "hit": (["--hit", "99"], "hit point lies at 99 s, outside the clip"),
    "hit before": (["--hit", "-1"], "is no time"),
    "mood smoothing": (["--mood-smoothing", "-1"], "mood"),
    "mood blend": (["--mood-blend", "1.5"], "mood"),
    "no number": (["--bpm", "fast"], "--bpm"),
    "weights": (["--weights", "."], "composer"),
    "backend": (["--backend", "magic"], "magic"),
    "no number of the table": (["--chord-mood", "red"], "--chord-mood"),
    "no number of a former name": (["--colour", "red"], "--colour"),
    "unknown option": (["--styel", "piano"], "--style"),
    "sound as notes": (["--out", "a.wav"], "--wav"),
    "film as sound": (["--wav", "a.mp4"], "--mp4"),
    "sound kept in no film": (["--keep-sound", "-12"], "--mp4"),
    "soundfont without sound": (["--soundfont", "a.sf2"], "--wav"),
    "blend of no mood": (["--mood-blend", "0.5"], "--emotion"),
    "drums in a style without": (["--style", "piano", "--drums"], "has none: use band"),
    "candidates of patterns": (["--arranger", "patterns", "--candidates", "2"], "neural"),
    "clip model without clip": (["--backend", "analytic", "--clip-model", "x"], "--backend"),
    "hits without fit": (["--hit", "1", "--no-fit"], "--no-fit"),
    "misspelt style": (["--style", "orchstral"], "did you mean 'orchestral'"),
    "misspelt mood": (["--emotion", "tens"], "did you mean 'tense'"),
    "two clips": (["another.mp4"], "name one"),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_a_bad_option_is_one_sentence_and_nothing_is_written(
    run: Run, clip: Path, tmp_path: Path, name: str
) -> None:
    options, word = BAD_OPTIONS[name]
    code, out, err = run("generate", "--video", clip, "--out", tmp_path / "a.mid", *options, "-q")
    assert (code, out) == (2, ""), err
    assert err.count("\n") == 1
    assert word in err
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"once upon a time\n", "start,end,mood"),
        (b"start,end,mood\nzero,ten,sad\n", "two numbers"),
        (b"0,99,sad\n", "inside the clip"),
        (b"\xff\xfe\x00\x81", "moods.csv"),
    ],
)
def test_a_bad_csv_of_moods_is_one_sentence(
    run: Run, clip: Path, tmp_path: Path, content: bytes, word: str
) -> None:
    moods = tmp_path / "moods.csv"
    moods.write_bytes(content)
    code, out, err = run(
        "generate", "--video", clip, "--out", tmp_path / "a.mid", "--emotion", moods, "-q"
    )
    assert (code, out) == (2, ""), err
    assert err.count("\n") == 1
    assert word in err
    assert not (tmp_path / "a.mid").exists()


def test_half_a_second_still_gets_a_chord(run: Run, tmp_path: Path) -> None:
    short, midi = draw_clip(tmp_path / "short.mp4", frames=5), tmp_path / "a.mid"
    code, _, err = run("generate", "--video", short, "--out", midi, "-q")
    assert code == 0, err
    song = pretty_midi.PrettyMIDI(str(midi))
    assert song.get_end_time() == pytest.approx(0.5, abs=0.002)
    sounding = {note.pitch % 12 for part in song.instruments for note in part.notes}
    assert len(sounding) >= 3


def test_a_missing_soundfont_is_named(run: Run, clip: Path, tmp_path: Path) -> None:
    code, _, err = run(
        "generate", "--video", clip, "--out", tmp_path / "a.mid", "--wav", tmp_path / "a.wav",
        "--soundfont", tmp_path / "no.sf2", "-q",
    )  # fmt: skip
    assert code == 2
    assert "no.sf2" in err
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_sound_file_of_unknown_kind_is_named(run: Run, clip: Path, tmp_path: Path) -> None:
    arguments = ("generate", "--video", clip, "--out", tmp_path / "a.mid")
    for option, name in (("--wav", "a.ogg"), ("--mp4", "a.avi")):
        code, _, err = run(*arguments, option, tmp_path / name)
        assert code == 2
        assert name in err


def test_a_missing_option_is_named(run: Run) -> None:
    code, _, err = run("generate")
    assert (code, err.count("\n")) == (2, 1)
    assert "video" in err


@pytest.mark.parametrize("out", ["clip.mp4", "no/such/folder.mid", "."])
def test_an_impossible_output_is_named_before_any_work(
    run: Run, clip: Path, tmp_path: Path, out: str
) -> None:
    before = clip.read_bytes()
    code, _, err = run("generate", "--video", clip, "--out", tmp_path / out)
    assert code == 2
    assert "output" in err
    assert clip.read_bytes() == before


def test_damaged_weights_are_named(run: Run, clip: Path, tmp_path: Path) -> None:
    import amt

    packaged = Path(amt.__file__).parent / "weights"
    for model in ("composer", "expression"):
        (tmp_path / "w" / model).mkdir(parents=True)
        for name in ("config.json", "weights.safetensors"):
            data = (packaged / model / name).read_bytes()
            (tmp_path / "w" / model / name).write_bytes(data)
    damaged = tmp_path / "w" / "composer" / "weights.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    code, _, err = run(
        "generate", "--video", clip, "--out", tmp_path / "a.mid", "--weights", tmp_path / "w"
    )
    assert code == 2
    assert "damaged" in err


def test_a_broken_plan_and_a_midi_that_is_none_are_named(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"version": 99}')
    code, _, err = run("arrange", broken, "--out", tmp_path / "a.mid")
    assert code == 2
    assert "version" in err
    code, _, err = run("render", broken, "--out", tmp_path / "a.wav", "-q")
    assert code == 2
    assert "broken.json" in err
    assert [path.name for path in tmp_path.iterdir()] == ["broken.json"]


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(tmp_path: Path, signal_number: int) -> None:
    clip = draw_clip(tmp_path / "long.mp4", frames=3000)
    command = [
        sys.executable, "-c", "from amt.cli import main; main()", "generate", "--video", clip,
        "--out", tmp_path / "a.mid", "--wav", tmp_path / "a.wav",
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) == 1 and time.monotonic() < deadline:
        time.sleep(0.02)  # until the first staged file shows that work is under way
    process.send_signal(signal_number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal_number
    assert "nothing was written" in err
    assert [path.name for path in tmp_path.iterdir()] == ["long.mp4"]


def test_a_bug_shows_its_traceback_only_with_debug(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object, **__: object) -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr("amt.midi.write_midi", bug)
    arguments = ("generate", "--video", clip, "--out", tmp_path / "a.mid", "-q")
    code, _, err = run(*arguments)
    assert code == 1
    assert "surprise" in err
    assert "Traceback" not in err
    assert "Traceback" in run("--debug", *arguments)[2]


@pytest.mark.parametrize("command", ["generate", "features", "arrange", "render"])
def test_every_command_explains_itself_with_an_example(run: Run, command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"amt {command}" in out


def test_help_needs_no_heavy_library() -> None:
    heavy = "torch", "numpy", "cv2", "av", "transformers", "matplotlib"
    code = f"import sys, amt.cli; sys.exit(any(m in sys.modules for m in {heavy!r}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_command_and_the_library_have_the_same_defaults() -> None:
    parameters = inspect.signature(generate).parameters
    made = ComposeOptions()
    named = {"mood_smoothing": "mood_sigma_s", "chord_mood": "chord_mood_weight"}
    for options in (MusicOptions(), SamplingOptions(), FitOptions()):
        for field in option_fields(type(options)):
            expected = getattr(options, field.name)
            assert parameters[field.name].default == expected or not expected, field.name
            own = made.sampling if hasattr(made.sampling, field.name) else made
            name = named.get(field.name, field.name)
            assert not hasattr(own, name) or getattr(own, name) == expected, field.name


def test_former_names_of_options_are_taken_and_hidden(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Reached(Exception):
        pass

    def take(_: Path, options: GenerateOptions, *__: object) -> None:
        raise Reached(options.compose.chord_mood_weight)

    monkeypatch.setattr("amt.pipeline.generate", take)
    for flag in ("--colour", "--chord-mood"):
        code, _, err = run("generate", clip, "--out", tmp_path / "a.mid", "-q", flag, "3")
        assert (code, "Reached: 3.0" in err) == (1, True), err
    code, _, err = run("generate", clip, "--colour", "3", "--chord-mood", "3", "-q")
    assert (code, "--chord-mood and its old name --colour" in err) == (2, True)
    for command in ("generate", "render"):
        out = run(command, "--help")[1]
        assert "--colour" not in out and "--unlearned" not in out  # earlier name


def test_an_output_that_exists_is_replaced_only_by_force(
    run: Run, clip: Path, tmp_path: Path
) -> None:
    midi = tmp_path / "a.mid"
    midi.write_bytes(b"edited for hours")
    midi.chmod(0o640)
    arguments = ("generate", clip, "--out", midi, "--arranger", "patterns", "-q")
    code, _, err = run(*arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert "a.mid exists already: add --force" in err
    assert midi.read_bytes() == b"edited for hours"
    assert run(*arguments, "--force") == (0, "", "")
    assert midi.read_bytes().startswith(b"MThd")
    assert midi.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 2), ("", 2)])
def test_on_a_terminal_the_user_is_asked(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    midi = tmp_path / "a.mid"
    midi.write_bytes(b"edited for hours")
    monkeypatch.setattr("amt.cli.files._is_interactive", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    found, _, err = run("generate", clip, "--out", midi, "--arranger", "patterns")
    assert found == code
    assert f"replace {midi}?" in err
    assert (midi.read_bytes() == b"edited for hours") == (code == 2)


def test_inputs_of_every_kind_are_never_outputs(run: Run, clip: Path, tmp_path: Path) -> None:
    moods, style = tmp_path / "m.csv", tmp_path / "s.toml"
    moods.write_text("0,1,sad\n")
    style.write_bytes((Path(__file__).parents[1] / "amt" / "arrange" / "styles.toml").read_bytes())
    midi, plan = tmp_path / "a.mid", tmp_path / "p.json"
    plan.hardlink_to(moods)
    code, _, err = run("generate", clip, "--emotion", moods, "--out", midi, "--plan", plan, "-qf")
    assert (code, "p.json is also an input" in err) == (2, True)
    assert moods.read_text() == "0,1,sad\n"
    folder = tmp_path / "weights"
    folder.mkdir()
    model = folder / "config.json"
    model.write_text("{}")
    arguments = ("generate", clip, "--weights", folder, "--out", midi, "-qf", "--plan")
    code, _, err = run(*arguments, model)
    assert (code, "also an input" in err) == (2, True)
    code, _, err = run(*arguments, folder / "new.json")
    assert (code, "also an input" in err) == (2, False)  # a new file replaces nothing
    assert [path.name for path in folder.iterdir()] == ["config.json"]


def test_a_clip_alone_is_scored_here(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert run("generate", clip, "--arranger", "patterns", "-q")[0] == 0
    assert [path.name for path in folder.iterdir()] == ["clip.mid"]


def test_a_film_that_cannot_be_made_costs_nothing_else(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from render.errors import MuxError

    def fail(*_: object, **__: object) -> None:
        raise MuxError("the disk refuses films")

    monkeypatch.setattr("render.mux.mux", fail)
    names = ("a.mid", "a.wav", "a.json")
    midi, wav, plan = (tmp_path / name for name in names)
    code, _, err = run(
        "generate", clip, "--out", midi, "--wav", wav, "--mp4", tmp_path / "a.mp4",
        "--plan", plan, "--arranger", "patterns", "-q",
    )  # fmt: skip
    assert (code, err.count("\n")) == (2, 1)
    assert "a.mp4 was not made: the disk refuses films" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "clip.mp4"])


def test_lists_of_choices(run: Run) -> None:
    code, out, _ = run("styles")
    assert code == 0
    assert all(name in out for name in ("piano", "lo-fi", "With drums"))
    code, out, _ = run("moods")
    assert code == 0
    assert all(name in out for name in ("exciting", "happy", "neutral"))
    assert "amt-soundtrack" in run("--version")[1]


def test_without_a_terminal_each_stage_is_a_line_with_seconds(
    run: Run, clip: Path, tmp_path: Path
) -> None:
    code, _, err = run("generate", clip, "--out", tmp_path / "a.mid", "--arranger", "patterns")
    assert code == 0
    for stage in ("loading", "watching", "composing", "arranging"):
        assert re.search(rf"^amt: {stage}: \d+\.\d s$", err, re.MULTILINE), err


def test_a_long_stage_says_that_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    from amt.cli import progress

    with pytest.MonkeyPatch.context() as patch, progress.reporting(quiet=False) as reporter:
        patch.setattr(progress, "HEARTBEAT_S", 0.1)
        reporter.stage("watching").progress(0.25)
        time.sleep(0.9)
    assert "watching: 25 % after" in capsys.readouterr().err


def amt(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "amt", *map(str, arguments)]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, **({"stdout": subprocess.PIPE} | options)
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay_s", [0.5, 1.0])
def test_an_early_interrupt_is_silent(tmp_path: Path, number: int, delay_s: float) -> None:
    clip = draw_clip(tmp_path / "long.mp4", frames=3000)
    process = amt("generate", clip, "--out", tmp_path / "a.mid", "-q")
    time.sleep(delay_s)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert (out, err) in (("", ""), ("", "amt: interrupted; nothing was written\n"))
    assert [path.name for path in tmp_path.iterdir()] == ["long.mp4"]


@pytest.mark.parametrize("redirection", ["pipe", "closed"])
def test_a_closed_stdout_is_one_sentence(clip: Path, tmp_path: Path, redirection: str) -> None:
    script = (
        'import os, sys; os.close(1) if sys.argv[1] == "closed" else None; '
        'sys.argv = ["amt", *sys.argv[2:]]; from amt.__main__ import main; main()'
    )
    read, write = os.pipe()
    os.close(read)
    arguments = ["generate", clip, "--out", tmp_path / "a.mid", "--arranger", "patterns", "--json"]
    process = subprocess.run(
        [sys.executable, "-c", script, redirection, *map(str, arguments), "-q"],
        stdout=write, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(write)
    assert process.returncode == 2, process.stderr
    assert process.stderr.count("\n") == 1
    assert "standard output" in process.stderr
    assert (tmp_path / "a.mid").exists()
