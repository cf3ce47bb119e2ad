"""What commands ask of the renderer."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amt.cli.console import Show, say
from amt.cli.options import EngineName
from amt.errors import InputError

if TYPE_CHECKING:
    from render.engine import Rendering
    from render.options import RenderOptions


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
        from render.neural import check

        check(options)
    return RenderOptions(engine.value, soundfont, neural=options)


def check_player(options: RenderOptions) -> None:
    """Load what is going to play, so that it is known before any work whether it can.

    Raises:
        RenderError: an engine, the soundfont or a network cannot be used.
    """
    from render.options import NEURAL
    from render.playing import load_player

    if options.engine != NEURAL:  # networks have been checked with their options
        load_player(options.engine, options.soundfont, options.sample_rate)


def record(
    midi: Path,
    options: RenderOptions,
    folder: Path,
    show: Show,
    *,
    quiet: bool,
    stems: bool = False,
) -> AbstractContextManager[Rendering]:
    """Render to temporary files in a folder."""
    from render.engine import record as render_to_disk

    return render_to_disk(
        midi,
        options,
        stems=stems,
        folder=folder,
        progress=lambda share: show("rendering", share),
        say=None if quiet else say,
    )
