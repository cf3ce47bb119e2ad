"""How the video is analysed, and how closely tempo and metre follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from amt.errors import InputError
from amt.times import parse_time
from render.files.options import Option, check_options

TempoMap = Literal["free", "gentle", "fixed"]
Backend = Literal["auto", "clip", "analytic"]
Speech = Literal["auto", "on", "off"]
_PANEL = "Video"


def _seconds(time: object) -> object:
    """Seconds of a time that is written as text; another value as it is."""
    return parse_time(time) if isinstance(time, str) else time


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """How tempo and metre follow the video.

    Raises:
        InputError: hit points or a tempo map are asked for, and nothing is to be fitted.
    """

    fit: Annotated[bool, Option("Fit tempo and metre to the cuts.", _PANEL)] = True
    tempo_map: Annotated[
        TempoMap,
        Option(
            "How tempo may change: free bends it wherever a cut asks for it, gentle holds one for "
            "each section, fixed holds one throughout and names what it misses.",
            _PANEL,
        ),
    ] = "free"
    hits: Annotated[
        tuple[float, ...],
        Option(
            "Moment that must fall on a downbeat, as 62.5 or 1:02.5; may be repeated.", _PANEL,
            flag="hit", convert=_seconds, is_repeated=True, metavar="TIME",
        ),
    ] = ()  # fmt: skip

    def __post_init__(self) -> None:
        check_options(self, InputError)
        if self.tempo_map != "free" and not self.fit:
            raise InputError(
                f"`tempo_map` is {self.tempo_map}, which fits a grid: leave out `fit=False`"
            )
        if self.hits and not self.fit:
            raise InputError("`hits` need a fitted grid: leave out `fit=False`")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOptions:
    """Whether the music makes room for speech in the clip's own sound.

    Raises:
        InputError: the value does not exist.
    """

    speech: Annotated[
        Speech,
        Option(
            "Make room where somebody speaks in the clip's own sound: softer, thinner and lower, "
            "without melody; auto does where the extra `speech` is installed.",
            _PANEL,
        ),
    ] = "auto"

    def __post_init__(self) -> None:
        check_options(self, InputError)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions:
    """What finds mood and meaning in the video's frames.

    Raises:
        InputError: the backend does not exist.
    """

    backend: Annotated[
        Backend,
        Option(
            "What finds the mood of the video: CLIP, or an analysis of light, colour and "
            "movement; auto takes CLIP where its weights are on this machine.",
            _PANEL,
        ),
    ] = "auto"
    clip_model: Annotated[str | None, Option("Folder or Hub name of a CLIP model.", _PANEL)] = None
    allow_download: Annotated[
        bool, Option("Fetch CLIP's weights from the Hub if they are not here.", _PANEL)
    ] = False

    def __post_init__(self) -> None:
        check_options(self, InputError)
