"""``amt render``: from a MIDI file to sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amt.cli.app import app
from amt.cli.console import progress
from amt.cli.files import check_suffix, consent, staged
from amt.cli.options import (
    Engine,
    EngineName,
    Force,
    Networks,
    Quiet,
    SoundFont,
    Steps,
    UnlearnedOption,
)
from amt.cli.sound import record, render_options
from amt.outputs import SOUND_SUFFIXES


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
    check_suffix("--out", out, SOUND_SUFFIXES)
    inputs = [midi, soundfont, renderer]
    replaceable = consent([out], inputs, force=force, quiet=quiet)
    with progress(quiet) as show:
        sound = render_options(
            engine, soundfont,
            steps=steps, guidance=guidance, seed=seed, networks=renderer, unlearned=unlearned,
        )  # fmt: skip
        with (
            staged([out], replaceable) as stage,
            record(
                midi, sound, out.parent, show, quiet=quiet, stems=stems is not None
            ) as rendering,
        ):
            rendering.master.write(stage.path(out))
            if stems is not None:
                stems.mkdir(parents=True, exist_ok=True)
                for name, stem in rendering.stems.items():
                    stem.write(stage.path((stems / name).with_suffix(out.suffix)))
