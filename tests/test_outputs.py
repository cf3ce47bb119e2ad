"""Outputs appear whole or not at all."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from amt.errors import OutputError
from amt.outputs import check_outputs, staging

ROOT = Path(__file__).parents[1]


def test_success_publishes_everything(tmp_path: Path) -> None:
    first, second = tmp_path / "a.mid", tmp_path / "b.wav"
    first.write_text("old")
    with staging() as stage:
        stage.path(first).write_text("new")
        stage.path(second).write_text("sound")
        assert first.read_text() == "old"
    assert (first.read_text(), second.read_text()) == ("new", "sound")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mid", "b.wav"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_the_old_file_and_no_trace(
    tmp_path: Path, error: type[BaseException]
) -> None:
    out = tmp_path / "a.mid"
    out.write_text("old")
    with pytest.raises(error), staging() as stage:
        stage.path(out).write_text("half")
        raise error
    assert [p.name for p in tmp_path.iterdir()] == ["a.mid"]
    assert out.read_text() == "old"


def test_a_staged_path_keeps_its_suffix_and_is_one_per_output(tmp_path: Path) -> None:
    with staging() as stage:
        path = stage.path(tmp_path / "a.flac")
        assert path.suffix == ".flac"
        assert stage.path(tmp_path / "a.flac") == path


def test_outputs_that_cannot_be_are_named(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.touch()
    with pytest.raises(OutputError, match="also an input"):
        check_outputs([tmp_path / "x" / ".." / "clip.mp4"], [clip])
    with pytest.raises(OutputError, match="two outputs"):
        check_outputs([tmp_path / "a", tmp_path / "a"], [])
    with pytest.raises(OutputError, match="is a folder"):
        check_outputs([tmp_path], [])
    with pytest.raises(OutputError, match="does not exist"):
        check_outputs([tmp_path / "no" / "a.mid"], [])
    with pytest.raises(OutputError, match="cannot write"), staging() as stage:
        stage.path(Path("/proc/a.mid"))


def write(path: Path, text: str, **options: Any) -> None:
    """Publish a text, as a command does."""
    with staging([path], **options) as stage:
        stage.path(path).write_text(text)


def test_links_are_followed_and_modes_are_kept(tmp_path: Path) -> None:
    own, link = tmp_path / "own.mid", tmp_path / "link.mid"
    own.write_text("old")
    own.chmod(0o604)
    link.symlink_to("own.mid")
    check_outputs([link], [])
    write(link, "new")
    assert (link.is_symlink(), own.read_text(), own.stat().st_mode & 0o777) == (True, "new", 0o604)
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "way").symlink_to(other)
    write(tmp_path / "way" / "a.mid", "new")
    assert (other / "a.mid").read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can")
def test_the_owner_is_kept(tmp_path: Path) -> None:
    own = tmp_path / "a.mid"
    own.write_text("old")
    os.chown(own, 12345, 12345)
    write(own, "new")
    assert (own.stat().st_uid, own.stat().st_gid) == (12345, 12345)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    fifo, nothing, endpoint = (tmp_path / name for name in ("f.mid", "n.mid", "s.mid"))
    os.mkfifo(fifo)
    nothing.symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(endpoint))
        for path in (fifo, endpoint, Path("/dev/null")):
            with pytest.raises(OutputError, match="device or pipe"):
                check_outputs([path], [])
    with pytest.raises(OutputError, match="link to nothing"):
        check_outputs([nothing], [])
    with pytest.raises(OutputError, match="too long a name"):
        check_outputs([tmp_path / f"{'x' * 300}.mid"], [])


def test_one_file_by_two_names_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clip = Path("clip.mp4")
    clip.touch()
    Path("hard.mid").hardlink_to(clip)
    Path("soft.mid").symlink_to(clip)
    for name in ("hard.mid", "soft.mid", str(tmp_path / "clip.mp4")):
        with pytest.raises(OutputError, match="also an input"):
            check_outputs([Path(name)], [clip])
    for one, other in (("a.mid", str(tmp_path / "a.mid")), ("a.mid", "A.MID")):
        with pytest.raises(OutputError, match="two outputs"):
            check_outputs([Path(one), Path(other)], [])


def test_a_folder_of_inputs_may_get_new_files_only(tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    check_outputs([tmp_path / "new.json"], [tmp_path])
    with pytest.raises(OutputError, match="also an input"):
        check_outputs([tmp_path / "config.json"], [tmp_path])


@pytest.mark.parametrize("has_links", [True, False])
def test_what_appears_meanwhile_is_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    if not has_links:
        refuse_links(monkeypatch)
    first, second = tmp_path / "a.mid", tmp_path / "b.mid"
    with (
        pytest.raises(OutputError, match=r"b\.mid has appeared meanwhile"),
        staging([first, second], replaceable=()) as stage,
    ):
        second.write_text("somebody else's")
        stage.path(first).write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["b.mid"]
    assert second.read_text() == "somebody else's"


@pytest.mark.parametrize("has_links", [True, False])
def test_a_rename_that_fails_undoes_those_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    if not has_links:
        refuse_links(monkeypatch)
    paths = [tmp_path / name for name in ("a.mid", "b.mid", "new.mid", "last.mid")]
    for path in paths[:2]:
        path.write_text("old")
    replace = Path.replace

    def fail_at_last(self: Path, target: Path) -> Path:
        if target.name == "last.mid":
            raise OSError(5, "Input/output error")
        return replace(self, target)

    with pytest.raises(OutputError, match=r"cannot write .*last\.mid"), staging(paths) as stage:
        for path in paths:
            stage.path(path).write_text("new")
        monkeypatch.setattr(Path, "replace", fail_at_last)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mid", "b.mid"]
    assert [path.read_text() for path in paths[:2]] == ["old", "old"]


def refuse_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file system without hard links does."""

    def fail(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", fail)


def test_a_folder_that_is_made_goes_with_what_failed(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "stems"
    out = folder / "a.wav"
    check_outputs([out], [], folder=folder)
    with pytest.raises(RuntimeError), staging([out], folder=folder):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    write(out, "sound", folder=folder)
    assert out.read_text() == "sound"


def test_a_folder_that_goes_meanwhile_is_one_sentence(tmp_path: Path) -> None:
    out = tmp_path / "gone" / "a.mid"
    out.parent.mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*a\.mid"), staging([out]) as stage:
        stage.path(out).unlink()
        out.parent.rmdir()


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from amt.outputs import staging\n"
        "with staging([Path(sys.argv[1])]): os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.mid"], check=False, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".amt-")
    own = tmp_path / ".amt-notes"
    own.write_text("not ours")
    with staging([tmp_path / "running.mid"]):  # those of a run that goes on stay
        write(tmp_path / "b.mid", "new")
        assert not left.exists()
        assert len(list(tmp_path.iterdir())) == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == [".amt-notes", "b.mid", "running.mid"]


def test_a_signal_waits_until_all_are_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    paths = [tmp_path / name for name in ("a.mid", "b.mid")]
    replace = Path.replace
    # Programs started in the background ignore Ctrl-C, and these tests may be one.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))

    def interrupted(self: Path, target: Path) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), staging(paths) as stage:
        for path in paths:
            stage.path(path).write_text("new")
    assert stage.is_published
    assert [path.read_text() for path in paths] == ["new", "new"]


def test_a_message_names_no_temporary_file(tmp_path: Path) -> None:
    with staging([tmp_path / "a.wav"]) as stage:
        text = f"cannot write {stage.path(tmp_path / 'a.wav')}: no space"
        assert stage.named(text) == f"cannot write {tmp_path / 'a.wav'}: no space"


def test_what_is_no_error_of_a_file_is_not_taken_for_one(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="libx") as caught, staging([tmp_path / "a.mid"]):
        raise OSError("libx.so: cannot open shared object file")
    assert not isinstance(caught.value, OutputError)
    assert not list(tmp_path.iterdir())
