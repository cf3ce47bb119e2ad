"""What commands ask of the renderer."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amt.cli.options import EngineName
from amt.errors import InputError
from amt.reporter import Reporter

if TYPE_CHECKING:
    from render.engine import Rendering
    from render.options import RenderOptions


NO_SOUNDFONT_PLAYS = "nothing plays on: --unlearned refuse leaves nothing to a soundfont"


def render_options(engine: EngineName, soundfont: Path | None, **neural: object) -> RenderOptions:
    """What is asked of the renderer.

    Args:
        engine: what plays.
        soundfont: what it plays on.
        neural: fields of :class:`render.options.NeuralOptions`; None where they were not given.

    Raises:
        InputError: they were given and no network plays.
        RenderError: the network that plays cannot do so, which is better known before any work.
    """
    from render.options import NeuralOptions, RenderOptions

    given: dict[str, Any] = {name: value for name, value in neural.items() if value is not None}
    if given and engine is not EngineName.diffusion:
        option = {"networks": "renderer"}.get(name := next(iter(given)), name)
        raise InputError(
            f"--{option} was given, which only the engine diffusion knows: add --engine diffusion"
        )
    options = NeuralOptions(**given)
    if engine is EngineName.diffusion:
        from render.diffusion.engine import check

        check(options)
    return RenderOptions(engine.value, soundfont, neural=options)


def check_player(options: RenderOptions) -> None:
    """Make sure, before any work, that there is something to play on.

    Raises:
        RenderError: an engine or the soundfont cannot be used.
    """
    from render.available import planned_instrument
    from render.options import NEURAL

    if options.engine != NEURAL:  # networks have been checked with their options
        planned_instrument(options.engine, options.soundfont)


def record(
    midi: Path,
    options: RenderOptions,
    folder: Path,
    reporter: Reporter,
    *,
    stems: bool = False,
) -> AbstractContextManager[Rendering]:
    """Render to temporary files in a folder."""
    from render.engine import render_to_disk

    return render_to_disk(
        midi, options, stems=stems, folder=folder, reporter=reporter.stage("rendering")
    )
