"""``amt features``: what the models see of a clip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amt.cli.app import app
from amt.cli.files import check_suffix, consent, refuse_idle, staged
from amt.cli.inputs import check_input
from amt.cli.options import AllowDownload, Backend, BackendName, ClipModel, Force, Quiet
from amt.cli.progress import reporting


@app.command()
def features(
    clip: Annotated[Path, typer.Argument(help="The clip to look at.", show_default=False)],
    out: Annotated[Path, typer.Option(help="NPZ file to write.")],
    plot: Annotated[Path | None, typer.Option(help="Also draw the curves as PNG.")] = None,
    backend: Backend = BackendName.auto,
    clip_model: ClipModel = None,
    allow_download: AllowDownload = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Extract what the models see of a clip: mood, motion, cuts.

    [dim]amt features clip.mp4 --out features.npz --plot features.png[/dim]
    """
    check_input(clip, "video")
    check_suffix("--out", out, (".npz",))
    check_suffix("--plot", plot, (".png", ".svg", ".pdf"))
    refuse_clip_options(backend, clip_model, allow_download)
    outputs = [path for path in (out, plot) if path is not None]
    replaceable = consent(outputs, [clip], force=force, quiet=quiet)
    with reporting(quiet) as reporter:
        from amt.features import extract_features, plot_features, save_features

        with staged(outputs, replaceable) as stage:
            found = extract_features(
                clip,
                backend=backend.value,
                clip_model=clip_model,
                allow_download=allow_download,
                reporter=reporter.stage("watching"),
            )
            save_features(found, stage.path(out))
            if plot is not None:
                plot_features(found, stage.path(plot))


def refuse_clip_options(backend: BackendName, clip_model: str | None, allow_download: bool) -> None:
    """Refuse options of CLIP where CLIP is not to look."""
    analytic = backend is BackendName.analytic
    refuse_idle(
        [
            (analytic and clip_model is not None, "--clip-model", "needs --backend auto or clip"),
            (analytic and allow_download, "--allow-download", "needs --backend auto or clip"),
            (
                allow_download and clip_model is not None and Path(clip_model).is_dir(),
                "--allow-download",
                "--clip-model makes needless: its folder is here",
            ),
        ]
    )
