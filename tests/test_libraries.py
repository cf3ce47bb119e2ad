"""A library that is missing or cannot be loaded is one sentence with the command that mends it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from amt.errors import AmtError
from amt.libraries import explained

ROOT = Path(__file__).parents[1]
CLIP = ROOT / "tests" / "data" / "storm.mp4"
HEADLESS = "pip uninstall -y opencv-python && pip install --force-reinstall opencv-python-headless"


def run_with(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the modules of a folder before all others."""
    path = os.pathsep.join([str(folder), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "amt", *arguments],
        env=os.environ | {"PYTHONPATH": path}, cwd=folder, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (
            "raise ImportError('libGL.so.1: cannot open shared object file: No such file')",
            ["lacks libGL.so.1", HEADLESS],
        ),
        ("", ["its files are gone", HEADLESS]),
    ],
)
def test_opencv_that_does_not_load_is_reported_before_the_work(
    tmp_path: Path, broken: str, words: list[str]
) -> None:
    (tmp_path / "cv2.py").write_text(broken)
    assert_reported(tmp_path, words)


@pytest.mark.parametrize("library", ["av"])
def test_other_libraries_are_named_with_their_command(tmp_path: Path, library: str) -> None:
    (tmp_path / f"{library}.py").write_text("raise OSError('libx.so: cannot open shared object')")
    assert_reported(tmp_path, [f"pip install --force-reinstall {library}`"])


def assert_reported(folder: Path, words: list[str]) -> None:
    done = run_with(folder, "features", str(CLIP), "--out", "features.npz", "-q")
    assert done.returncode == 2
    (sentence,) = done.stderr.strip().splitlines()
    assert all(word in sentence for word in words)
    assert not (folder / "features.npz").exists()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            ImportError("libgthread-2.0.so.0: cannot open shared object file", name="cv2"),
            ["lacks libgthread-2.0.so.0,", HEADLESS],
        ),
        (
            ImportError("Error loading shared library libGL.so.1: No such file", name="cv2"),
            ["lacks libGL.so.1,", HEADLESS],
        ),
        (ImportError("numpy.core.multiarray failed to import", name="cv2"), [HEADLESS]),
        (ModuleNotFoundError("No module", name="cv2"), ["`pip install opencv-python`"]),
        (ModuleNotFoundError("No module", name="PIL.Image"), ["`pip install pillow`"]),
        (ModuleNotFoundError("No module", name="torch"), ["`pip install torch`"]),
    ],
)
def test_each_kind_of_failure_has_its_command(error: Exception, words: list[str]) -> None:
    sentence = str(explained(error))
    assert "\n" not in sentence
    assert all(word in sentence for word in words)


@pytest.mark.parametrize(
    "error",
    [ImportError("cannot import name 'x' from 'amt.mood'", name="amt.mood"), OSError(2, "no file"),
     ModuleNotFoundError("no", name="pywin32"), RuntimeError("libGL.so.1")],
)  # fmt: skip
def test_other_errors_are_left_alone(error: Exception) -> None:
    assert explained(error) is None


def test_the_sentence_is_an_import_error_and_one_of_ours() -> None:
    error = explained(ModuleNotFoundError("No module named 'cv2'", name="cv2"))
    assert isinstance(error, ImportError)
    assert isinstance(error, AmtError)
    assert explained(error) is error
