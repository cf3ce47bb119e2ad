"""``amt render``: from a MIDI file to sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amt.cli.app import app
from amt.cli.files import check_suffix, consent, staged
from amt.cli.inputs import check_input
from amt.cli.options import RunOptions
from amt.cli.progress import reporting
from amt.cli.signature import GivenFields, expanded
from amt.cli.sound import check_player, record, refuse_idle_sound, render_options
from amt.outputs import SOUND_SUFFIXES
from render.options import NeuralOptions, RenderOptions


@app.command()
@expanded
def render(
    *,
    midi: Annotated[Path, typer.Argument(help="A MIDI file, ours or any other.")],
    out: Annotated[Path, typer.Option(help="WAV or FLAC file to write.")],
    playing: RenderOptions,
    stems: Annotated[
        Path | None,
        typer.Option(
            help="Folder for one file a track (diffusion: a family).", rich_help_panel="Sound"
        ),
    ] = None,
    neural: NeuralOptions,
    run: RunOptions,
    given: GivenFields,
) -> None:
    """Turn a MIDI file into sound at -14 LUFS.

    [dim]amt render song.mid --out song.wav --stems stems/[/dim]

    [dim]amt render song.mid --out song.wav --engine diffusion[/dim]
    """
    check_input(midi, "MIDI")
    check_suffix("--out", out, SOUND_SUFFIXES)
    refuse_idle_sound(playing, neural, given)
    with reporting(run.quiet):
        sound = render_options(playing, neural)
        check_player(sound)
        names = () if stems is None else _stem_paths(midi, sound, stems, out.suffix)
    outputs, inputs = [out, *names], [midi, playing.soundfont, neural.networks]
    replaceable = consent(outputs, inputs, force=run.force, quiet=run.quiet, folder=stems)
    with (
        reporting(run.quiet) as reporter,
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
