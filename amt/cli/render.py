"""``amt render``: from a MIDI file to sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amt.cli.app import app
from amt.cli.files import check_suffix, consent, refuse_idle, staged
from amt.cli.inputs import check_input
from amt.cli.options import (
    Engine,
    EngineName,
    Force,
    Networks,
    Quiet,
    SoundFont,
    Steps,
    UnlearnedOption,
    number,
)
from amt.cli.progress import reporting
from amt.cli.sound import NO_SOUNDFONT_PLAYS, check_player, record, render_options
from amt.outputs import SOUND_SUFFIXES

if TYPE_CHECKING:
    from render.options import RenderOptions


@app.command()
def render(
    midi: Annotated[Path, typer.Argument(help="A MIDI file, ours or any other.")],
    out: Annotated[Path, typer.Option(help="WAV or FLAC file to write.")],
    engine: Engine = EngineName.auto,
    soundfont: SoundFont = None,
    stems: Annotated[
        Path | None,
        typer.Option(
            help="Folder for one file a track (diffusion: a family).", rich_help_panel="Sound"
        ),
    ] = None,
    steps: Steps = None,
    guidance: Annotated[
        float | None,
        typer.Option(
            parser=number(),
            metavar="NUMBER",
            help="With diffusion: how far what the notes ask for is overstated, 1-10. [default: 1]",
            rich_help_panel="Sound",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="With diffusion of 2 steps or more: another seed, another take. [default: 0]",
            rich_help_panel="Sound",
        ),
    ] = None,
    renderer: Networks = None,
    unlearned: UnlearnedOption = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Turn a MIDI file into sound at -14 LUFS.

    [dim]amt render song.mid --out song.wav --stems stems/[/dim]

    [dim]amt render song.mid --out song.wav --engine diffusion[/dim]
    """
    check_input(midi, "MIDI")
    check_suffix("--out", out, SOUND_SUFFIXES)
    idle = unlearned == "refuse" and soundfont is not None
    refuse_idle([(idle, "--soundfont", NO_SOUNDFONT_PLAYS)])
    with reporting(quiet):
        sound = render_options(
            engine, soundfont,
            steps=steps, guidance=guidance, seed=seed, networks=renderer, unsupported=unlearned,
        )  # fmt: skip
        check_player(sound)
        names = () if stems is None else _stem_paths(midi, sound, stems, out.suffix)
    outputs, inputs = [out, *names], [midi, soundfont, renderer]
    replaceable = consent(outputs, inputs, force=force, quiet=quiet, folder=stems)
    with (
        reporting(quiet) as reporter,
        staged(outputs, replaceable, stems) as stage,
        record(midi, sound, out.parent, reporter, stems=stems is not None) as rendering,
    ):
        for path, recording in zip(
            outputs, (rendering.master, *rendering.stems.values()), strict=True
        ):
            recording.write(stage.path(path))
    instrument = rendering.instrument
    reporter.message(f"{', '.join(map(str, outputs[:4]))}{', …' * (len(outputs) > 4)}")
    reporter.message(f"played by {instrument}{'; ' * bool(instrument.hint)}{instrument.hint}")


def _stem_paths(midi: Path, sound: RenderOptions, folder: Path, suffix: str) -> list[Path]:
    """Where the stems will lie."""
    from render.engine import stem_names

    return [(folder / name).with_suffix(suffix) for name in stem_names(midi, sound)]
