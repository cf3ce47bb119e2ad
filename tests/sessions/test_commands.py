"""``amt export`` and ``amt generate --session``, as a user meets them."""

from __future__ import annotations

import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pretty_midi
import pytest
import rpp

import amt
from amt.arrange import arrange
from amt.cli import main
from amt.midi import write_midi
from amt.plan import write_plan
from amt.types import Section
from render.soundfont.find import ENVIRONMENT_VARIABLE
from tests.arrange.plan_strategies import make_plan
from tests.test_cli import draw_clip

PLAN = make_plan(6.0)


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
    path = tmp_path / "ein Lied.mid"
    write_midi(arrange(PLAN), path)
    write_plan(PLAN, tmp_path / "plan.json")
    return path


def test_rendered_stems_are_in_a_dawproject_and_beside_a_reaper_project(run, midi: Path) -> None:
    folder = midi.parent
    for name in ("song.dawproject", "song.rpp"):
        code, said = run(
            "export", midi, "--out", folder / name, "--render", "--engine", "midirenderer",
            "--plan", folder / "plan.json",
        )  # fmt: skip
        assert (code, "3 stems" in said) == (0, True), said
    with zipfile.ZipFile(folder / "song.dawproject") as file:
        held = [name for name in file.namelist() if name.startswith("audio/")]
    beside = sorted(f"audio/{path.name}" for path in (folder / "song stems").iterdir())
    assert held == beside
    text = (folder / "song.rpp").read_text("utf-8")
    assert f'FILE "song stems/{Path(beside[0]).name}"' in text
    assert not [path for path in folder.iterdir() if path.name.startswith((".amt", "tmp"))]


def test_nothing_is_replaced_without_force(run, midi: Path) -> None:
    out = midi.with_name("song.rpp")
    out.write_text("mine")
    code, said = run("export", midi, "--out", out, "--quiet")
    assert (code, "add --force" in said, out.read_text()) == (2, True, "mine")
    assert run("export", midi, "--out", out, "--force")[0] == 0
    assert rpp.loads(out.read_text("utf-8")).tag == "REAPER_PROJECT"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--out", "song.als"], "none of the suffixes"),
        (["--out", "song.rpp", "--stems", "."], "holds no stems"),
        (["--out", "song.rpp", "--stems", ".", "--render"], "both given"),
        (["--out", "song.rpp", "--engine", "midirenderer"], "needs --render"),
        (["--out", "song.rpp", "--video", "missing.mp4"], "does not exist"),
        (["--out", "song.rpp", "--video", "-"], "give its path"),
        (["--out", "song.mxl", "--render"], "a score holds neither picture nor sound"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(
    run, midi: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], expected: str
) -> None:
    monkeypatch.chdir(midi.parent)
    code, said = run("export", midi, *arguments)
    assert (code, expected in said) == (2, True), said
    assert not (midi.parent / "song.rpp").exists()


def test_a_score_has_the_sections_of_the_plan(run, midi: Path) -> None:
    out = midi.with_name("song.musicxml")
    plan = replace(PLAN, sections=(Section(0, "sad"), Section(4, "tense")))
    write_plan(plan, midi.with_name("other.json"))
    code, said = run("export", midi, "--out", out, "--plan", midi.with_name("other.json"))
    assert (code, out.read_text("utf-8").count("<rehearsal>")) == (0, 2), said


def test_generate_writes_a_session_beside_the_notes(run, tmp_path: Path) -> None:
    clip = draw_clip(tmp_path / "clip.mp4")
    out, session = tmp_path / "song.mid", tmp_path / "song.rpp"
    code, said = run(
        "generate", clip, "--out", out, "--session", session, "--arranger", "patterns",
        "--backend", "analytic",
    )  # fmt: skip
    assert (code, str(session) in said) == (0, True), said
    text = session.read_text("utf-8")
    assert 'FILE "clip.mp4"' in text and "<SOURCE MIDI" in text


@pytest.mark.parametrize("name", ["my session ünd 'more'.rpp", "a b & c.dawproject"])
def test_a_session_has_rendered_stems_where_there_is_sound(run, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "films of (2026), 100 %"
    folder.mkdir()
    clip, session = draw_clip(folder / "the clip #1.mp4"), folder / name
    given = (
        "generate", clip, "--out", folder / "song.mid", "--session", session, "--arranger",
        "patterns", "--backend", "analytic", "--style", "piano", "--wav", folder / "song.wav",
        "--engine", "midirenderer", "--start-tc", "01:00:00:00",
    )  # fmt: skip
    code, said = run(*given)
    assert code == 0, said
    if session.suffix == ".dawproject":
        with zipfile.ZipFile(session) as file:
            names = file.namelist()
        assert "video/the clip #1.mp4" in names
        assert len([n for n in names if n.startswith("audio/")]) >= 1
    else:
        text = session.read_text("utf-8")
        stems = sorted((folder / f"{session.stem} stems").iterdir())
        files = [
            item.find("SOURCE").find("FILE")
            for element in rpp.loads(text).findall("TRACK")
            for item in element.findall("ITEM")
            if item.find("SOURCE") is not None
        ]
        found = {(folder / f[1]).resolve() for f in files if f is not None}
        assert {*(s.resolve() for s in stems), clip.resolve()} <= found and stems
        code, said = run(*given, "--quiet")
        assert (code, "add --force" in said) == (2, True), said
    assert run(*given, "--force")[0] == 0
    assert not [path for path in folder.rglob("*") if path.name.startswith((".amt", "tmp"))]


def test_the_python_interface_writes_the_same_session(run, midi: Path) -> None:
    clip = draw_clip(midi.with_name("clip.mp4"))
    ours, theirs = midi.with_name("a.rpp"), midi.with_name("b.rpp")
    assert run("export", midi, "--out", ours, "--video", clip)[0] == 0
    amt.export(midi, theirs, video=clip)
    assert theirs.read_bytes() == ours.read_bytes()
    with pytest.raises(amt.AmtError, match="none of the suffixes"):
        amt.export(midi, "song.als")
