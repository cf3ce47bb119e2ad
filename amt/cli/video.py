"""Checks of the options on what looks at the clip."""

from __future__ import annotations

from pathlib import Path

from amt.cli.files import refuse_idle
from amt.options import BackendOptions


def refuse_idle_clip(options: BackendOptions) -> None:
    """Refuse options of CLIP that cannot matter.

    Raises:
        InputError: one was given; the message says what it needs.
    """
    analytic, model = options.backend == "analytic", options.clip_model
    refuse_idle(
        [
            (analytic and model is not None, "--clip-model", "needs --backend auto or clip"),
            (
                analytic and options.allow_download,
                "--allow-download",
                "needs --backend auto or clip",
            ),
            (
                options.allow_download and model is not None and Path(model).is_dir(),
                "--allow-download",
                "--clip-model makes needless: its folder is here",
            ),
        ]
    )
