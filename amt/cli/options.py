"""Options that only the command line has, and the list of all options classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from amt.errors import InputError
from amt.options import (
    BackendOptions,
    FitOptions,
    ModelOptions,
    MusicOptions,
    NoteOptions,
    Request,
    SamplingOptions,
    SpeechOptions,
    SpottingOptions,
)
from amt.studio.limits import Limits
from render.files.options import Option, check_options
from render.options import NeuralOptions, RenderOptions

_SOUND = "Sound"
_MADE = "Outputs"
_BATCH = "Run"


class Only(NamedTuple):
    """Which fields of an options class a command takes, in the notes of its parameter."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """The clip and the files that ``amt generate`` writes."""

    video: Annotated[Path | None, Option("The same, as an option.")] = None
    out: Annotated[
        Path | None, Option("MIDI file to write; else the clip's name with .mid, here.")
    ] = None
    wav: Annotated[Path | None, Option("Also render to this WAV or FLAC file.")] = None
    mp4: Annotated[
        Path | None,
        Option("Also write the clip with its new soundtrack (MP4, MOV, MKV or WebM)."),
    ] = None
    music_and_effects: Annotated[
        Path | None,
        Option(
            "Also write the music with the clip's own sound but without its speech (WAV or FLAC)."
        ),
    ] = None
    plan: Annotated[Path | None, Option("Also write the plan, to edit and arrange again.")] = None
    session: Annotated[
        Path | None,
        Option(
            "Also write a session with the clip in place (.dawproject, .rpp), and with rendered "
            "stems where --wav, --mp4 or --report make sound; or a score (.musicxml, .mxl)."
        ),
    ] = None
    report: Annotated[
        Path | None,
        Option("Also write a page that shows and plays how the music follows the video (HTML)."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmOptions:
    """How the film and the report of ``amt generate`` are made."""

    keep_sound: Annotated[
        float | None,
        Option(
            "Keep the clip's own sound in --mp4 at this level in dB, such as -12.", _SOUND,
            unit="dB",
        ),
    ] = None  # fmt: skip
    duck: Annotated[
        float | None,
        Option(
            "Decibels by which music is softer under speech that --keep-sound keeps; else so many "
            "that speech stands 10 LU above it.", _SOUND, low=0.0, high=40.0, unit="dB",
        ),
    ] = None  # fmt: skip
    duck_attack: Annotated[
        float, Option("Milliseconds in which music gets softer before speech.", _SOUND, low=0.0,
                      high=5000.0, unit="ms"),
    ] = 150.0  # fmt: skip
    duck_release: Annotated[
        float, Option("Milliseconds in which music comes back after speech.", _SOUND, low=0.0,
                      high=10000.0, unit="ms"),
    ] = 600.0  # fmt: skip
    film_codec: Annotated[
        Literal["copy", "h264", "vp9"] | None,
        Option(
            "Video stream of --mp4: copied, or encoded anew; else copied wherever it can be.",
            _SOUND,
        ),
    ] = None
    embed_clip: Annotated[
        bool,
        Option("Put the clip into --report, which else plays it from where it is.", _SOUND),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOutputOptions:
    """What ``amt batch`` writes for each clip besides the notes."""

    wav: Annotated[bool, Option("Also render to a WAV file.", _MADE)] = False
    mp4: Annotated[bool, Option("Also write the clip with its new soundtrack.", _MADE)] = False
    music_and_effects: Annotated[
        bool,
        Option("Also write the music with the clip's own sound but without its speech.", _MADE),
    ] = False
    plan: Annotated[bool, Option("Also write the plan.", _MADE)] = False
    report: Annotated[bool, Option("Also write the page.", _MADE)] = False
    session: Annotated[
        Literal["dawproject", "rpp", "musicxml", "mxl"] | None,
        Option("Also write a session or a score of this kind.", _MADE),
    ] = None

    def __post_init__(self) -> None:
        check_options(self, InputError)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is written, the notes included, by the names of :data:`amt.batch.jobs.SUFFIXES`."""
        asked = ("wav", "mp4", "music_and_effects", "plan", "report")
        kinds = ("midi", *(kind for kind in asked if getattr(self, kind)))
        return kinds if self.session is None else (*kinds, self.session)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRunOptions:
    """How ``amt batch`` deals the clips out.

    Raises:
        InputError: a value is out of its range.
    """

    jobs: Annotated[
        int | None,
        Option("Clips at a time, each on one core; else one for every core.", _BATCH, short="-j",
               low=1, high=1024),
    ] = None  # fmt: skip
    resume: Annotated[
        bool,
        Option(
            "Go on with an earlier run: leave out what it finished with the same options and the "
            "same clip.", _BATCH,
        ),
    ] = False  # fmt: skip
    time_limit: Annotated[
        float | None,
        Option("Give up a clip that takes longer than these seconds.", _BATCH, low=0.1, unit="s"),
    ] = None
    cluster: Annotated[
        str | None,
        Option(
            "Run on the Ray cluster of this address, whose nodes see the same files; auto finds "
            "one, local starts one here; else $RAY_ADDRESS, if it is set.", _BATCH,
            metavar="ADDRESS",
        ),
    ] = None  # fmt: skip

    def __post_init__(self) -> None:
        check_options(self, InputError)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """What may be asked of every clip: all but what belongs to moments of one clip."""

    music: MusicOptions
    notes: NoteOptions
    fit: Annotated[FitOptions, Only(("fit", "tempo_map"))]
    backend: BackendOptions
    speech: SpeechOptions
    sampling: SamplingOptions
    models: ModelOptions

    @property
    def request(self) -> Request:
        """The same for one clip."""
        return Request(**{field.name: getattr(self, field.name) for field in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a command behaves."""

    force: Annotated[bool, Option("Replace outputs that exist.", short="-f")] = False
    quiet: Annotated[bool, Option("No messages, no progress.", short="-q")] = False


CLASSES: tuple[type, ...] = (
    OutputOptions, MusicOptions, NoteOptions, FitOptions, SpottingOptions, BackendOptions,
    SpeechOptions, SamplingOptions, ModelOptions, RenderOptions, NeuralOptions, FilmOptions,
    RunOptions, Limits, BatchOutputOptions, BatchRunOptions,
)  # fmt: skip
"""All classes of which commands are made."""
OTHER_FLAGS: Mapping[str, str] = {"bars": "--bars", "map": "--map"}
"""Options of single commands that messages of the library name."""
