"""Composes an editable soundtrack that follows a video: the symbolic pipeline.

>>> import amt
>>> soundtrack = amt.generate("clip.mp4", style="piano", seed=7)  # doctest: +SKIP
>>> soundtrack.write_midi("song.mid")  # doctest: +SKIP

:func:`amt.generate` and what else is named here load their modules on first use (PEP 562), so that
``import amt`` costs next to nothing; see :mod:`amt.api`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amt.api import Soundtrack as Soundtrack
    from amt.api import export as export
    from amt.api import generate as generate
    from amt.errors import AmtError as AmtError
    from amt.spotting.run import spot as spot

    __version__: str

_HOMES = {
    "export": "amt.api",
    "generate": "amt.api",
    "spot": "amt.spotting.run",
    "Soundtrack": "amt.api",
    "AmtError": "amt.errors",
}

__all__ = ["AmtError", "Soundtrack", "__version__", "export", "generate", "spot"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 (an attribute may be anything)
    if name == "__version__":
        value = _version()
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'amt' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    """The version that is installed, or that of the source tree that holds this package."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("amt-soundtrack")
    except PackageNotFoundError:
        import tomllib
        from pathlib import Path

        with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
            return str(tomllib.load(file)["project"]["version"])
