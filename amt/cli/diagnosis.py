"""What ``amt doctor`` finds out, without loading a network or PyTorch."""

from __future__ import annotations

import importlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from amt.libraries import explained

PROJECT = "amt-soundtrack"
State = Literal["good", "better", "missing", "broken"]
_OPENCV = (
    "opencv-python", "opencv-python-headless", "opencv-contrib-python",
    "opencv-contrib-python-headless",
)  # fmt: skip
"""They lie in one folder, so one is enough and two spoil each other."""
_LOADED = ("numpy", "scipy", "av", "cv2", "soundfile", "mido")
"""Libraries that load quickly and stand on code that may not fit the machine."""
_GPU_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is here or not.

    Attributes:
        subject: what is looked at, such as ``soundfont``.
        state: ``good``; ``better``: it works and could be better; ``missing``: something is not
            here that not everybody needs; ``broken``: the program cannot do its work.
        text: what was found.
        remedy: what to do, mostly a command; empty where nothing is to do.
    """

    subject: str
    state: State
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        """Such as ``soundfont: FluidR3_GM.sf2``, with what to do in a second line."""
        mark = "" if self.state == "good" else f"{self.state}: "
        line = f"{self.subject:<10}  {mark}{self.text}"
        return f"{line}\n{'':<10}  -> {self.remedy}" if self.remedy else line

    def as_dict(self) -> dict[str, str]:
        """The fields by their names."""
        return asdict(self)


def diagnose() -> Iterator[Finding]:
    """What is here and what is missing; a step that fails is a finding, too."""
    for subject, look in _STEPS:
        try:
            yield from look()
        except Exception as error:  # whatever is broken, the rest is still worth knowing
            sentence = explained(error) or f"{type(error).__name__}: {error}"
            yield Finding(subject, "broken", " ".join(str(sentence).split())[:400])


def _program() -> Iterator[Finding]:
    yield Finding("amt", "good", f"{PROJECT} {metadata.version(PROJECT)}")
    yield Finding("Python", "good", f"{platform.python_version()} on {platform.platform()}")


def _processors() -> Iterator[Finding]:
    yield Finding("processor", "good", f"{os.cpu_count()} cores, {platform.machine()}")
    name, build = _gpu_name(), metadata.version("torch").partition("+")[2]
    if not name:
        yield Finding("GPU", "good", "none found; nothing needs one, only CLIP is faster with one")
    elif build == "cpu":
        yield Finding(
            "GPU", "better", f"{name} is not used, because PyTorch is installed without CUDA",
            "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu128",
        )  # fmt: skip
    else:
        yield Finding("GPU", "good", f"{name}; CLIP runs on it")


def _gpu_name() -> str:
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "Apple GPU"
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    command = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GPU_WAIT_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ", ".join(done.stdout.split("\n")).strip(", ") if done.returncode == 0 else ""


def _libraries() -> Iterator[Finding]:
    """Whether all that every installation needs is here, in versions that fit, and loads."""
    needed = (line for line in _required() if not line.startswith(_OPENCV[0]))  # or a variant
    wrong = [problem for problem in map(_misfit, needed) if problem]
    if wrong:
        yield Finding("libraries", "broken", "; ".join(wrong), f"pip install -U {PROJECT}")
    loaded = []
    for module in _LOADED:
        try:
            library = importlib.import_module(module)
            loaded.append(f"{module} {getattr(library, '__version__', '')}".strip())
        except Exception as error:
            yield Finding("libraries", "broken", str(explained(error) or f"{module}: {error}"))
    yield Finding("libraries", "good", ", ".join([*loaded, f"torch {metadata.version('torch')}"]))


def _required(extra: str = "") -> Iterator[str]:
    """Requirements of an extra, or of every installation, such as ``av>=16,<19``."""
    for line in metadata.requires(PROJECT) or ():
        requirement, _, marker = line.partition(";")
        wanted = re.search(r"extra == ['\"]([\w-]+)['\"]", marker)
        if (wanted[1] if wanted else "") == extra:
            yield requirement.strip()


def _misfit(requirement: str) -> str:
    """What is wrong with a requirement; empty where it is fulfilled."""
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    try:
        found = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return f"{wanted.name} is not installed"
    if wanted.specifier.contains(found, prereleases=True):
        return ""
    return f"{wanted.name} is {found}, expected {wanted.specifier}"


def _video() -> Iterator[Finding]:
    av = importlib.import_module("av")
    yield Finding("FFmpeg", "good", f"{av.ffmpeg_version_info}, within PyAV {av.__version__}")
    here = [name for name in _OPENCV if _is_installed(name)]
    if len(here) > 1:
        others = " ".join(here)
        yield Finding(
            "OpenCV", "broken", f"{' and '.join(here)} lie in one folder and spoil each other",
            f"pip uninstall -y {others} && pip install opencv-python",
        )  # fmt: skip
    elif here:
        yield Finding("OpenCV", "good", f"{here[0]} {metadata.version(here[0])}")
    else:
        yield Finding("OpenCV", "broken", "not installed", "pip install opencv-python")


def _is_installed(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def _engines() -> Iterator[Finding]:
    from render.available import engines

    found = engines()
    for engine in found:
        works = not engine.problem
        text = f"{engine.name} {engine.version}" if works else f"{engine.name}: {engine.problem}"
        yield Finding("engine", "good" if works else "missing", text.strip())
    if all(engine.problem for engine in found):
        yield Finding("engine", "broken", "nothing plays soundfonts", "pip install midirenderer")


def _soundfonts() -> Iterator[Finding]:
    from render.available import soundfonts

    found = soundfonts()
    for index, font in enumerate(found):
        if font.problem:
            yield Finding("soundfont", "broken" if index == 0 else "missing", font.problem)
            continue
        text = f"{font.path} ({font.name or 'no name'}, {_size(font.n_bytes)})"
        # Only what plays where nothing is asked for is worth a hint.
        hint = font.hint if index == 0 else ""
        yield Finding("soundfont", "better" if hint else "good", text, hint)
    if not found:
        yield Finding("soundfont", "broken", "none found", "give one with --soundfont")


def _networks() -> Iterator[Finding]:
    import amt
    import render

    places = (Path(amt.__file__).parent / "weights", Path(render.__file__).parent / "weights")
    files = [file for place in places for file in sorted(place.rglob("*.safetensors"))]
    names = ", ".join(dict.fromkeys(file.parent.name for file in files))
    if {"composer", "expression", "arranger"} <= {file.parent.name for file in files}:
        yield Finding("networks", "good", names)
    else:
        remedy = f"pip install --force-reinstall --no-deps {PROJECT}"
        yield Finding("networks", "broken", f"only {names or 'none'} installed", remedy)


def _clip() -> Iterator[Finding]:
    from amt.errors import WeightsError
    from amt.features.checkpoint import check_torch
    from amt.features.clip_weights import clip_status

    status = clip_status(compute=True)
    if status.files is not None:
        sums = ", ".join(f"{name} SHA-256 {value}" for name, value in status.checksums.items())
        text = f"{status.files.name} in {status.files.folder} ({_size(status.files.size_bytes)})"
        yield Finding("CLIP", "good", f"{text}; {sums}" if sums else text)
        if status.files.format == "pickle":
            try:
                check_torch()
            except WeightsError as error:
                yield Finding("CLIP", "missing", str(error))
    if status.missing is not None:
        lacks = status.missing.partition(";")[0].rstrip(".")
        yield Finding(
            "CLIP",
            "better" if status.files else "missing",
            lacks if status.files else f"{lacks}; without it, mood is read from light and colour",
            f"`{status.command}` or `amt generate --allow-download …`",
        )


def _extras() -> Iterator[Finding]:
    for extra in metadata.metadata(PROJECT).get_all("Provides-Extra") or ():
        if extra == "test":
            continue
        lacks = [problem for problem in map(_misfit, _required(extra)) if problem]
        if lacks:
            command = f"pip install '{PROJECT}[{extra}]'"
            yield Finding("extra", "missing", f"{extra}: {'; '.join(lacks)}", command)
        else:
            yield Finding("extra", "good", f"{extra} is installed")


def _cache() -> Iterator[Finding]:
    from amt.errors import WeightsError
    from amt.features.cache import cache_folder

    try:
        folder = cache_folder()
    except WeightsError as error:
        yield Finding("cache", "missing", str(error))
        return
    files = [file for file in folder.rglob("*") if file.is_file()] if folder.is_dir() else []
    n_bytes = sum(file.stat().st_size for file in files)
    yield Finding("cache", "good", f"{folder} ({_size(n_bytes)}); it may be deleted")


def _size(n_bytes: int) -> str:
    """Such as ``148 MB``."""
    return f"{n_bytes / 1e6:.0f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.0f} kB"


_STEPS: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
    ("amt", _program),
    ("processor", _processors),
    ("libraries", _libraries),
    ("video", _video),
    ("engine", _engines),
    ("soundfont", _soundfonts),
    ("networks", _networks),
    ("CLIP", _clip),
    ("extra", _extras),
    ("cache", _cache),
)
