"""What commands ask of the renderer."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from amt.cli.files import refuse_idle
from amt.cli.flags import flag_of
from amt.cli.signature import GivenFields
from amt.errors import InputError
from amt.reporter import Reporter
from render.files.options import option_fields
from render.options import NEURAL, NeuralOptions, RenderOptions

if TYPE_CHECKING:
    from render.engine import Rendering


def refuse_idle_sound(
    playing: RenderOptions,
    neural: NeuralOptions,
    given: GivenFields,
    *,
    silent: bool = False,
    needs: str = "--wav, --mp4 or --report",
) -> None:
    """Refuse options of sound that cannot matter.

    Args:
        playing: what plays, and on what.
        neural: how the neural renderer works.
        given: the options that were given.
        silent: whether no output holds sound.
        needs: the options of which one makes sound.

    Raises:
        InputError: one was given; the message says what it needs.
    """
    needs_sound = f"needs {needs}"
    refuses = neural.unsupported == "refuse" and playing.soundfont is not None
    refuse_idle(
        [
            (silent and playing.soundfont is not None, "--soundfont", needs_sound),
            (silent and playing.engine != "auto", "--engine", needs_sound),
            (
                silent and playing.loudness_lufs != RenderOptions().loudness_lufs,
                "--loudness",
                needs_sound,
            ),
            (
                refuses,
                "--soundfont",
                "nothing plays on: --unsupported refuse leaves nothing to a soundfont",
            ),
        ]
    )
    if playing.engine != NEURAL:
        for field in option_fields(NeuralOptions):
            if field.name in given[NeuralOptions]:
                raise InputError(
                    f"{flag_of(field)} was given, which only the engine diffusion uses: add "
                    "--engine diffusion"
                )


def render_options(playing: RenderOptions, neural: NeuralOptions) -> RenderOptions:
    """What is asked of the renderer.

    Raises:
        RenderError: the network that is to play is missing or damaged, which is better known
            before any work.
    """
    if playing.engine == NEURAL:
        from render.diffusion.engine import check

        check(neural)
    return replace(playing, neural=neural)


def check_player(options: RenderOptions) -> None:
    """Make sure, before any work, that there is something to play on.

    Raises:
        RenderError: an engine or the soundfont cannot be used.
    """
    from render.available import planned_instrument

    if options.engine != NEURAL:  # networks have been checked with their options
        planned_instrument(options.engine, options.soundfont)


def record(
    midi: Path, options: RenderOptions, folder: Path, reporter: Reporter, *, stems: bool = False
) -> AbstractContextManager[Rendering]:
    """Render to temporary files in a folder."""
    from render.engine import render_to_disk

    return render_to_disk(
        midi, options, stems=stems, folder=folder, reporter=reporter.stage("rendering")
    )
