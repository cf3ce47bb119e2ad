"""Plausible mistakes at the command line: one sentence each, before any work is done."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mido
import pytest
import soundfile

from amt.cli import main
from tests.test_cli import draw_clip

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Call ``amt`` in a folder of its own; gives exit code, stdout and stderr."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["amt", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        captured = capsys.readouterr()
        return int(exit_info.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture of a clip may be looked at."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the clip was watched")

    monkeypatch.setattr("amt.features.extract.MotionMeter", fail)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return draw_clip(tmp_path_factory.mktemp("clip") / "clip.mp4").read_bytes()


@pytest.fixture
def clip(tmp_path: Path, drawn: bytes) -> Path:
    (tmp_path / "clip.mp4").write_bytes(drawn)
    return tmp_path / "clip.mp4"


def write_midi(path: Path, names: tuple[str, ...] = ("Piano", "Horns")) -> Path:
    """A second of each of some tracks."""
    file = mido.MidiFile(type=1)
    for channel, name in enumerate(names):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
        track.append(mido.Message("note_on", note=60 + channel, velocity=80, channel=channel))
        track.append(mido.Message("note_off", note=60 + channel, channel=channel, time=480))
        file.tracks.append(track)
    file.save(path)
    return path


MISTAKES = {
    "no command": ("clip.mp4", "did you mean `amt generate …`"),
    "no command, MIDI": ("a.mid", "did you mean `amt render …`"),
    "misspelt command": ("genrate clip.mp4", "Did you mean 'generate'"),
    "two clips": ("generate clip.mp4 other.mp4", "name one file at a time"),
    "two clips, one as option": ("generate clip.mp4 --video other.mp4", "name one"),
    "no clip": ("generate", "no clip is named"),
    "misspelt clip": ("generate clpi.mp4", "did you mean 'clip.mp4'"),
    "other case": ("generate CLIP.MP4", "did you mean 'clip.mp4'"),
    "quotes in quotes": ("generate \"'clip.mp4'\"", "did you mean 'clip.mp4'"),
    "curly quotes": ("generate “clip.mp4”", "did you mean 'clip.mp4'"),
    "folder": ("generate .", "is a folder; expected a video: name one"),
    "folder that is none": ("generate no/clip.mp4", "there is no folder 'no'"),
    "pattern without match": ("generate '*.mov'", "no file matches '*.mov'"),
    "web address": ("generate https://example.com/a.mp4", "download it first"),
    "video site": ("generate https://www.youtube.com/watch?v=a", "download it first"),
    "file address": ("generate file:///tmp/a.mp4", "give the path, such as /tmp/a.mp4"),
    "MIDI as clip": ("generate a.mid", "expected a video"),
    "sound as clip": ("generate a.wav", "expected a video"),
    "clip as MIDI": ("render clip.mp4 --out b.wav", "there is `amt generate`"),
    "clip as plan": ("arrange clip.mp4 --out b.mid", "expected a plan"),
    "MIDI as plan": ("arrange a.mid --out b.mid", "expected a plan"),
    "MIDI as plan of bars": ("regenerate a.mid --bars 1-2 --out b.mid", "expected a plan"),
    "plan as MIDI": ("render plan.json --out b.wav", "there is `amt arrange`"),
    "plan of another version": ("arrange plan.json --out b.mid", "version"),
    "folder as output": ("generate clip.mp4 --out .", "is a folder: name a file in it"),
    "sound as notes": ("generate clip.mp4 --out b.wav", "there is --wav"),
    "MP3": ("generate clip.mp4 --wav b.mp3", "none of the suffixes .wav, .flac"),
    "no suffix": ("generate clip.mp4 --out song", "none of the suffixes .mid"),
    "one file twice": ("generate clip.mp4 --out b.mid --plan b.mid", "none of the suffixes"),
    "one file twice by two ways": (
        "generate clip.mp4 --out b.mid --plan p.json --report ./c.html --wav ./w.wav --mp4 w.wav",
        "none of the suffixes",
    ),
    "gone engine": ("generate clip.mp4 --wav b.wav --engine tinysoundfont", "no longer supported"),
    "misspelt engine": ("generate clip.mp4 --wav b.wav --engine fluidsyth", "mean 'fluidsynth'"),
    "misspelt arranger": ("generate clip.mp4 --arranger neurl", "did you mean 'neural'"),
    "misspelt option": ("generate clip.mp4 --stlye piano", "--style"),
    "misspelt style": ("generate clip.mp4 --style Orchestrall", "did you mean 'orchestral'"),
    "misspelt mood": ("generate clip.mp4 --emotion exitin", "did you mean 'exciting'"),
    "no tempo": ("generate clip.mp4 --bpm fast", "'fast' is no number"),
    "no key": ("generate clip.mp4 --key 'A mjor'", "unknown key"),
    "no time": ("generate clip.mp4 --hit noon", "is no time"),
    "too many seconds": ("generate clip.mp4 --hit 1:75", "below 60"),
    "no chord": ("generate clip.mp4 --primer 'Am Hx'", "unknown chord"),
    "mood without quotes": ("generate clip.mp4 --emotion calm: 0 - 2", "in quotes"),
    "mood backwards": ("generate clip.mp4 --emotion calm:3-1", "ends no later"),
    "moods that are missing": ("generate clip.mp4 --emotion no.csv", "no.csv"),
    "style that is missing": ("generate clip.mp4 --style no.toml", "no.toml"),
    "weights that are missing": ("generate clip.mp4 --weights no", "no"),
    "soundfont that is missing": ("generate clip.mp4 --wav b.wav --soundfont n.sf2", "n.sf2"),
    "clip as soundfont": ("generate clip.mp4 --wav b.wav --soundfont clip.mp4", "soundfont"),
    "CLIP that is missing": ("generate clip.mp4 --backend clip --clip-model no/x", "no/x"),
    "networks that are missing": (
        "generate clip.mp4 --wav b.wav --engine diffusion --renderer no", "no predictor at no",
    ),
    "temperature": ("generate clip.mp4 --temperature 0", "temperature"),
    "candidates": ("generate clip.mp4 --candidates 0", "--candidates"),
    "film codec": ("generate clip.mp4 --mp4 b.mp4 --film-codec hevc", "'copy', 'h264', 'vp9'"),
    "steps without networks": ("generate clip.mp4 --wav b.wav --steps 2", "--engine diffusion"),
    "idle level": ("generate clip.mp4 --keep-sound -12", "--mp4"),
    "idle codec": ("generate clip.mp4 --film-codec h264", "--mp4"),
    "idle embedding": ("generate clip.mp4 --embed-clip", "--report"),
    "idle soundfont": ("generate clip.mp4 --soundfont s.sf2", "--wav"),
    "idle engine": ("generate clip.mp4 --engine midirenderer", "--wav"),
    "idle networks": ("generate clip.mp4 --engine diffusion", "--wav"),
    "idle blend": ("generate clip.mp4 --mood-blend 0.5", "--emotion"),
    "idle mood": ("generate clip.mp4 --emotion sad --mood-blend 0", "--mood-blend 0 overrules"),
    "idle hit": ("generate clip.mp4 --hit 1 --no-fit", "--no-fit"),
    "idle candidates": ("generate clip.mp4 --arranger patterns --candidates 4", "--candidates"),
    "idle melody": ("generate clip.mp4 --arranger patterns --melody", "--melody"),
    "idle drums": ("generate clip.mp4 --style piano --drums", "has none"),
    "idle model": ("generate clip.mp4 --backend analytic --clip-model x", "--backend"),
    "idle download": ("generate clip.mp4 --backend analytic --allow-download", "--backend"),
    "needless download": ("generate clip.mp4 --clip-model . --allow-download", "needless"),
    "idle model of features": ("features clip.mp4 --out f.npz --backend analytic --clip-model x",
                               "--backend"),
    "soundfont that nothing plays": (
        "generate clip.mp4 --wav b.wav --engine diffusion --unsupported refuse --soundfont s.sf2",
        "refuse leaves nothing",
    ),
    "idle map": ("regenerate plan.json --bars 1-2 --out b.mid --map a=b", "--midi"),
    "timecode of another rate": (
        "generate clip.mp4 --start-tc 01:00:00:25 --rate 25", "frames go from 00 to 24",
    ),
    "no frame": ("spot clip.mp4 --start-tc 01:00", "is no timecode"),
    "no rate": ("spot clip.mp4 --rate 12", "is no frame rate: expected 23.976, 24"),
    "cues that are missing": ("generate clip.mp4 --spots no.csv", "no.csv"),
    "plan as cues": ("generate clip.mp4 --spots plan.json", "plan.json"),
    "cues after the end": ("generate clip.mp4 --spots late.csv", "lies outside the clip"),
    "cues without a grid": ("generate clip.mp4 --spots hit.csv --no-fit", "--no-fit"),
    "MIDI without markers": ("generate clip.mp4 --spots a.mid", "holds no markers"),
    "cue sheet of another kind": ("spot clip.mp4 --out b.xlsx", "none of the suffixes .csv"),
    "MIDI to spot": ("spot a.mid", "expected a video"),
    "no features": ("features clip.mp4 --out f.csv", ".npz"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
@pytest.mark.usefixtures("unwatched", "clip")
def test_a_mistake_is_one_sentence_before_any_work(run: Run, tmp_path: Path, name: str) -> None:
    write_midi(tmp_path / "a.mid")
    soundfile.write(tmp_path / "a.wav", [0.0] * 100, 44100)
    (tmp_path / "plan.json").write_text('{"version": 99}')
    for name_, time_s in (("late", 99), ("hit", 1)):
        (tmp_path / f"{name_}.csv").write_text(f"seconds,kind\n{time_s},hit\n")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    line, word = MISTAKES[name]
    code, out, err = run(*shlex.split(line), *(["-q"] if " " in line else []))
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert word in err
    assert "internal error" not in err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "line",
    ["--emotion 'calm: 0:00 - 0:02'", "--bpm '120 BPM'", "--hit 0:02.5", "--key Am", "--bpm 100,5"],
)
def test_values_as_people_write_them(run: Run, clip: Path, tmp_path: Path, line: str) -> None:
    code, _, err = run(
        "generate", clip, "--out", "b.mid", "--arranger", "patterns", "-q", *shlex.split(line)
    )
    assert (code, err) == (0, "")


@pytest.mark.parametrize("name", ["12:30.mp4", "žluťoučký kůň.mp4", "-x.mp4", "a\nb.mp4"])
def test_names_of_every_kind(run: Run, clip: Path, tmp_path: Path, name: str) -> None:
    clip.rename(tmp_path / name)
    code, _, err = run("generate", "--arranger", "patterns", "-q", "--", name)
    assert (code, err) == (0, "")
    assert len(list(tmp_path.glob("*.mid"))) == 1


def test_a_home_folder_in_quotes(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    code, _, err = run("generate", "~/clip.mp4", "-q")
    assert (code, "did you mean" in err) == (2, True)


def test_stems_are_checked_before_the_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("it was rendered")

    midi = write_midi(tmp_path / "a.mid")
    stems = tmp_path / "stems"
    with monkeypatch.context() as patch:
        patch.setattr("render.engine.render_to_disk", fail)
        stems.write_text("a file")
        assert "is to be a folder" in run("render", midi, "--out", "a.wav", "--stems", stems)[2]
        stems.unlink()
        stems.symlink_to(tmp_path / "nowhere")
        assert "is to be a folder" in run("render", midi, "--out", "a.wav", "--stems", stems)[2]
        stems.unlink()
        deep = midi / "stems"
        assert "a.mid is no folder" in run("render", midi, "--out", "a.wav", "--stems", deep)[2]
        own = stems / "01_piano.wav"
        code, _, err = run("render", midi, "--out", own, "--stems", stems)
        assert (code, "named for two outputs" in err) == (2, True)
        assert not stems.exists()
        stems.mkdir()
        own.write_text("my own recording")
        code, _, err = run("render", midi, "--out", "a.wav", "--stems", stems)
        assert (code, "01_piano.wav exists already" in err) == (2, True)
        assert own.read_text() == "my own recording"
        code, _, err = run("render", midi, "--out", own, "--stems", stems, "--force")
        assert (code, "named for two outputs" in err) == (2, True)
    own.unlink()
    (stems / "notes.txt").write_text("kept")
    assert run("render", midi, "--out", "a.wav", "--stems", stems, "-q") == (0, "", "")
    names = ["01_piano.wav", "02_horns.wav", "notes.txt"]
    assert sorted(path.name for path in stems.iterdir()) == names


def test_stems_and_master_appear_together(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from render.audio import Master
    from render.errors import AudioError

    midi = write_midi(tmp_path / "a.mid")
    write, calls = Master.write, []

    def fail_at_third(self: Master, path: Path) -> None:
        calls.append(path)
        if len(calls) == 3:
            raise AudioError("the disk is full")
        write(self, path)

    monkeypatch.setattr(Master, "write", fail_at_third)
    code, _, err = run("render", midi, "--out", "a.wav", "--stems", "new/stems", "-q")
    assert (code, "the disk is full" in err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]


def test_failures_are_reported_in_json(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from render.errors import MuxError

    def fail(*_: object, **__: object) -> None:
        raise MuxError("the disk refuses films")

    monkeypatch.setattr("render.mux.mux", fail)
    code, out, err = run(
        "generate", clip, "--mp4", "a.mp4", "--arranger", "patterns", "--json", "-q"
    )
    assert (code, err.count("\n"), out.count("\n")) == (2, 1, 1)
    summary = json.loads(out)
    assert summary["failed"] == {"a.mp4": "the disk refuses films"}
    assert summary["outputs"] == ["clip.mid"]


def test_doctor_says_what_is_here_and_what_is_not(run: Run) -> None:
    code, out, err = run("doctor")
    assert (code, err) == (0, "")
    for subject in ("Python", "FFmpeg", "OpenCV", "engine", "soundfont", "CLIP", "extra", "cache"):
        assert re.search(rf"^{subject} ", out, re.MULTILINE), out
    assert "hf download openai/clip-vit-large-patch14-336" in out or "SHA-256" in out
    findings = json.loads(run("doctor", "--json")[1])
    assert {"subject", "state", "text", "remedy"} == findings[0].keys()
    assert {finding["state"] for finding in findings} <= {"good", "better", "missing"}


def test_doctor_survives_broken_libraries(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object')")
    (tmp_path / "av.py").write_text("raise OSError('libavcodec.so: cannot open shared object')")
    (tmp_path / "mido.py").write_text("raise RuntimeError('broken')")
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "amt", "doctor"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{root}"},
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "opencv-python-headless" in done.stdout
    assert "pip install --force-reinstall av" in done.stdout
    assert "mido: broken" in done.stdout
    assert "soundfont" in done.stdout
    imports = done.stderr.splitlines()
    assert not any(re.search(r"\| +torch$", line) for line in imports)
    assert "does not work: see libraries" in imports[-1]


SHELLS = {
    "bash": {"COMP_WORDS": "amt gen", "COMP_CWORD": "1"},
    "zsh": {"_TYPER_COMPLETE_ARGS": "amt gen"},
    "fish": {"_TYPER_COMPLETE_ARGS": "amt gen", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
}


@pytest.mark.parametrize("shell", SHELLS)
def test_shells_complete(shell: str) -> None:
    """As the scripts do that ``amt --show-completion`` prints."""

    def complete(words: dict[str, str]) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "amt"],
            env=os.environ | {"_AMT_COMPLETE": f"complete_{shell}"} | words,
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    assert "generate" in complete(SHELLS[shell])
    words = {k: v.replace("amt gen", "amt generate --style pi") for k, v in SHELLS[shell].items()}
    if shell == "bash":
        words["COMP_CWORD"] = "3"
    assert "piano" in complete(words)
    words = {k: v.replace("amt gen", "amt generate --em") for k, v in SHELLS[shell].items()}
    if shell == "bash":
        words["COMP_CWORD"] = "2"
    lines = complete(words).splitlines()
    assert len(lines) == 2  # --emotion and --embed-clip, each with its help in one line
    assert "--emotion" in lines[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_within_an_import_has_its_exit_code(tmp_path: Path, number: int) -> None:
    """Libraries execute texts as they are imported, which changes how Python ends."""
    (tmp_path / "slow.py").write_text(
        "import os, sys, time\n"
        f"text = 'os.kill(os.getpid(), {int(number)}); time.sleep(9)'\n"
        "exec(text)\n"
    )
    code = (
        "import amt.cli.run as run; from amt.cli import interrupts\n"
        "def app(*_, **__):\n"
        "    interrupts.state.cleaning = True\n"
        "    import slow\n"
        "run.app = app; run.main()"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{root}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 128 + number
    assert done.stderr == "amt: interrupted; nothing was written\n"


def test_without_a_home_folder_there_is_a_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amt.errors import WeightsError
    from amt.features.cache import cache_folder

    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", fail)
    for name in ("AMT_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(WeightsError, match="AMT_CACHE_DIR"):
        cache_folder()
    code, out, _ = run("doctor")
    assert (code, "AMT_CACHE_DIR" in out) == (0, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--hit", "99"], "hit point lies at 99 s, outside the clip"),
        (["--emotion", "sad:1-99"], "does not lie inside the clip"),
    ],
)
def test_moments_beyond_the_end_are_known_before_the_clip_is_watched(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list, words: str
) -> None:
    def watched(*_: object, **__: object) -> None:
        raise AssertionError("the clip was watched")

    monkeypatch.setattr("amt.pipeline.extract_features", watched)
    code, _, err = run("generate", clip, "--out", tmp_path / "a.mid", *options, "-q")
    assert (code, err.count("\n")) == (2, 1), err
    assert words in err
