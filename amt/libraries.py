"""What to do where a library that this package stands on is missing or cannot be loaded."""

from __future__ import annotations

import re

from amt.errors import DependencyError

_DISTRIBUTIONS = {
    "av": "av", "cv2": "opencv-python", "einops": "einops", "fluidsynth": "pyfluidsynth",
    "huggingface_hub": "huggingface_hub", "matplotlib": "matplotlib",
    "midirenderer": "midirenderer", "miditok": "miditok", "mido": "mido", "numpy": "numpy",
    "opentimelineio": "opentimelineio", "PIL": "pillow", "pretty_midi": "pretty_midi",
    "pyloudnorm": "pyloudnorm", "rich": "rich", "safetensors": "safetensors", "scipy": "scipy",
    "soundfile": "soundfile", "soxr": "soxr", "symusic": "symusic", "timecode": "timecode",
    "tokenizers": "tokenizers", "torch": "torch", "transformers": "transformers",
}  # fmt: skip
"""Names of modules and the packages that bring them."""
_HEADLESS = (
    "`pip uninstall -y opencv-python && pip install --force-reinstall opencv-python-headless`"
)
_SYSTEM_LIBRARY = re.compile(r"\blib[\w.+-]+\.(?:so|dylib)[.\d]*")
_UNLOADABLE = ("cannot open shared object", "Error loading shared library", "DLL load failed")


def explained(error: Exception) -> DependencyError | None:
    """One sentence on a failed import and how to mend it; None for any other error.

    A library of the system that OpenCV needs for windows (``libGL.so.1`` and others) is missing in
    most containers; the package ``opencv-python-headless`` is the same without windows.

    Args:
        error: what an import raised.
    """
    if isinstance(error, DependencyError):
        return error
    text = str(error)
    unloadable = any(words in text for words in _UNLOADABLE)
    if not (isinstance(error, ImportError) or (isinstance(error, OSError) and unloadable)):
        return None
    module = _module(error)
    if module is None:
        return None
    if module == "cv2" and not isinstance(error, ModuleNotFoundError):
        return DependencyError(_about_opencv(text))
    package = _DISTRIBUTIONS[module]
    if isinstance(error, ModuleNotFoundError):
        return DependencyError(
            f"{module} is not installed; install it with `pip install {package}`."
        )
    return DependencyError(
        f"{module} cannot be loaded ({_brief(text)}); install it anew with "
        f"`pip install --force-reinstall {package}`."
    )


def _module(error: Exception) -> str | None:
    """The library that failed: the innermost one that the error or its traceback names."""
    name = (getattr(error, "name", None) or "").split(".")[0]
    if name in _DISTRIBUTIONS:
        return name
    found, frame = None, error.__traceback__
    while frame is not None:
        package = frame.tb_frame.f_globals.get("__name__", "").split(".")[0]
        found = package if package in _DISTRIBUTIONS else found
        frame = frame.tb_next
    return found


def _about_opencv(text: str) -> str:
    missing = _SYSTEM_LIBRARY.search(text)
    if missing is None:
        return (
            f"OpenCV cannot be loaded ({_brief(text)}); install the one without windows with "
            f"{_HEADLESS}."
        )
    return (
        f"OpenCV cannot be loaded, because this system lacks {missing[0]}, which only windows "
        f"need; install OpenCV without windows, opencv-python-headless, with {_HEADLESS}."
    )


def _brief(text: str) -> str:
    return " ".join(text.split())[:80]
