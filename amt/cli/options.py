"""Options that several commands share, and what is made of them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amt.chords import Chord, parse_chord
from amt.errors import InputError
from amt.times import parse_time

if TYPE_CHECKING:
    from amt.plan import Arrangement


class BackendName(StrEnum):
    """What looks at the picture."""

    auto = "auto"
    clip = "clip"
    analytic = "analytic"


class ArrangerChoice(StrEnum):
    """Who writes the notes."""

    neural = "neural"
    patterns = "patterns"


class EngineName(StrEnum):
    """What turns MIDI into sound."""

    auto = "auto"
    fluidsynth = "fluidsynth"
    tinysoundfont = "tinysoundfont"
    midirenderer = "midirenderer"
    diffusion = "diffusion"


class Unlearned(StrEnum):
    """What becomes of the parts that the neural renderer has not learned."""

    soundfont = "soundfont"
    refuse = "refuse"


Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No messages, no progress.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace outputs that exist.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")]
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
    ArrangerChoice | None,
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


def chosen_arrangement(
    arrangement: Arrangement,
    arranger: ArrangerChoice | None,
    candidates: int | None,
    drums: bool | None,
    melody: bool | None,
) -> Arrangement:
    """An arrangement with what was asked for on the command line.

    Raises:
        InputError: the number of candidates has no meaning, or patterns are asked for what only
            the network does.
    """
    from dataclasses import replace

    from amt.plan import MAX_CANDIDATES

    if candidates is not None and not 1 <= candidates <= MAX_CANDIDATES:
        raise InputError(
            f"--candidates is {candidates}; expected a whole number from 1 to {MAX_CANDIDATES}"
        )
    asked = {
        "arranger": None if arranger is None else arranger.value,
        "candidates": candidates,
        "drums": drums,
        "melody": melody,
    }
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    chosen = replace(arrangement, **given)
    if chosen.arranger == "patterns" and (candidates is not None or melody):
        name = "--melody" if melody else "--candidates"
        raise InputError(f"{name} was given, which only the network knows: use --arranger neural")
    return chosen


def check_drums(drums: bool | None, style: str) -> None:
    """Refuse to promise drums in a style that has none.

    Raises:
        InputError: the style has none, or does not exist.
    """
    from amt.arrange import load_style
    from amt.arrange.styles import style_names

    if load_style(style).instrument("drums") is None and drums:
        others = [name for name in style_names() if load_style(name).instrument("drums")]
        raise InputError(
            f"--drums was given, but the style {style} has none: use {', '.join(others)}, or a "
            "style of your own"
        )


def checked_seed(seed: int) -> int:
    """The seed, if it is one.

    Raises:
        InputError: it is out of range.
    """
    if not 0 <= seed < 2**63:
        raise InputError(f"--seed is {seed}; expected a whole number from 0 to 2^63 - 1")
    return seed


def parse_primer(text: str | None) -> tuple[Chord, ...]:
    """The chords of a primer such as ``Am F C G``."""
    return tuple(parse_chord(name) for name in (text or "").replace(",", " ").split())
