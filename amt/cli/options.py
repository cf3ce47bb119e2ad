"""Options that several commands share, and what is made of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from amt.errors import quoted
from amt.times import parse_time


def number(unit: str = "") -> Callable[[str], float]:
    """A reader of numbers that may carry their unit, as in ``120 BPM`` or ``-12dB``.

    Args:
        unit: that may follow the number; empty for none.
    """

    def read(text: str | float) -> float:
        bare = re.sub(rf"\s*{unit}\s*$", "", str(text), flags=re.IGNORECASE) if unit else text
        try:
            return float(str(bare).replace(",", "."))
        except ValueError:
            example = f"a number, such as 1.5{' ' * bool(unit)}{unit}"
            raise typer.BadParameter(f"{quoted(text)} is no number; expected {example}") from None

    return read


def style_completions(incomplete: str) -> list[str]:
    """Names of styles that begin so, for shells."""
    from amt.arrange.styles import style_names

    return [name for name in style_names() if name.startswith(incomplete)]


def mood_completions(incomplete: str) -> list[str]:
    """Words for moods that begin so, for shells."""
    from amt.mood import ALIASES
    from amt.types import EMOTIONS

    return [word for word in (*EMOTIONS, *ALIASES) if word.startswith(incomplete)]


def key_completions(incomplete: str) -> list[str]:
    """Keys that begin so, for shells."""
    tonics = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    keys = [f"{tonic}{minor}" for tonic in tonics for minor in ("", "m")]
    return [key for key in keys if key.startswith(incomplete)]


class BackendName(StrEnum):
    """What looks at the picture."""

    auto = "auto"
    clip = "clip"
    analytic = "analytic"


class EngineName(StrEnum):
    """What turns MIDI into sound."""

    auto = "auto"
    fluidsynth = "fluidsynth"
    midirenderer = "midirenderer"
    diffusion = "diffusion"


class Unlearned(StrEnum):
    """What becomes of the parts that the neural renderer has not learned."""

    soundfont = "soundfont"
    refuse = "refuse"


Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No messages, no progress.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace outputs that exist.")]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one line of JSON on stdout: outputs, failed (output: why), duration_s, key, "
        "tempo_bpm, bars, chords, notes, style, arranger, seed, engine, soundfont. Where nothing "
        "was made there is none, and the exit code is 2.",
    ),
]
AllowDownload = Annotated[
    bool,
    typer.Option(
        "--allow-download", help="Fetch CLIP's weights if needed.", rich_help_panel="Picture"
    ),
]
Backend = Annotated[
    BackendName, typer.Option(help="What looks at the picture.", rich_help_panel="Picture")
]
ClipModel = Annotated[
    str | None,
    typer.Option(help="Folder or Hub name of a CLIP model.", rich_help_panel="Picture"),
]
ArrangerOption = Annotated[
    Literal["neural", "patterns"] | None,
    typer.Option(
        help="Who writes the notes: a network, or patterns over the chords.",
        rich_help_panel="Notes",
        case_sensitive=False,
    ),
]
Candidates = Annotated[
    int | None,
    typer.Option(
        help="Versions that the network writes, of which the best is kept.",
        rich_help_panel="Notes",
    ),
]
Drums = Annotated[
    bool | None,
    typer.Option(
        "--drums/--no-drums",
        help="Drums, in styles that have them.",
        rich_help_panel="Notes",
        show_default=False,
    ),
]
Melody = Annotated[
    bool | None,
    typer.Option(
        "--melody/--no-melody",
        help="A tune and its answer, from the network.",
        rich_help_panel="Notes",
        show_default=False,
    ),
]
NetworkWeights = Annotated[
    Path | None, typer.Option("--weights", help="Folder with another network.")
]
FilmCodec = Annotated[
    Literal["copy", "h264", "vp9"] | None,
    typer.Option(
        help="Pictures of --mp4: copied as they are, or encoded anew. [default: copied, and "
        "encoded only where that cannot be]",
        rich_help_panel="Sound",
        case_sensitive=False,
    ),
]
Hits = Annotated[
    list[float] | None,
    typer.Option(
        parser=parse_time,
        metavar="TIME",
        help="Moment that must fall on a downbeat, as 62.5 or 1:02.5; may be repeated.",
        rich_help_panel="Picture",
    ),
]
Engine = Annotated[
    EngineName,
    typer.Option(
        help="Synthesiser of soundfonts, or diffusion: a network (auto takes a soundfont).",
        rich_help_panel="Sound",
        case_sensitive=False,
    ),
]
SoundFont = Annotated[
    Path | None,
    typer.Option(
        help="SF2 or SF3 file; else $AMT_SOUNDFONT, else one of the system, else a small one.",
        rich_help_panel="Sound",
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        help="With diffusion: evaluations of the network, 1-20; more give detail. [default: 1]",
        rich_help_panel="Sound",
    ),
]
Networks = Annotated[
    Path | None,
    typer.Option(
        "--renderer", help="With diffusion: folder with other networks.", rich_help_panel="Sound"
    ),
]
UnlearnedOption = Annotated[
    Unlearned | None,
    typer.Option(
        help="With diffusion: let a soundfont play what the network has not learned, or refuse. "
        "[default: soundfont]",
        rich_help_panel="Sound",
        case_sensitive=False,
    ),
]
