"""``amt features``: what the models see of a clip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amt.cli.app import app
from amt.cli.files import check_suffix, consent, staged
from amt.cli.inputs import check_input
from amt.cli.options import RunOptions
from amt.cli.progress import reporting
from amt.cli.signature import expanded
from amt.cli.video import refuse_idle_clip
from amt.options import BackendOptions


@app.command()
@expanded
def features(
    *,
    clip: Annotated[Path, typer.Argument(help="The clip to look at.", show_default=False)],
    out: Annotated[Path, typer.Option(help="NPZ file to write.")],
    plot: Annotated[Path | None, typer.Option(help="Also draw the curves as PNG.")] = None,
    backend: BackendOptions,
    run: RunOptions,
) -> None:
    """Extract what the models see of a clip: mood, motion, cuts.

    [dim]amt features clip.mp4 --out features.npz --plot features.png[/dim]
    """
    check_input(clip, "video")
    check_suffix("--out", out, (".npz",))
    check_suffix("--plot", plot, (".png", ".svg", ".pdf"))
    refuse_idle_clip(backend)
    outputs = [path for path in (out, plot) if path is not None]
    replaceable = consent(outputs, [clip], force=run.force, quiet=run.quiet)
    with reporting(run.quiet) as reporter:
        from amt.features import extract_features, plot_features, save_features

        with staged(outputs, replaceable) as stage:
            found = extract_features(
                clip,
                backend=backend.backend,
                clip_model=backend.clip_model,
                allow_download=backend.allow_download,
                reporter=reporter.stage("watching"),
            )
            save_features(found, stage.path(out))
            if plot is not None:
                plot_features(found, stage.path(plot))
