"""``amt batch``: many clips, scored side by side."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amt.cli.app import app
from amt.cli.console import print_out
from amt.cli.files import refuse_idle
from amt.cli.inputs import VIDEO_SUFFIXES
from amt.cli.options import (
    BatchOutputOptions,
    BatchRequest,
    BatchRunOptions,
    FilmOptions,
    Only,
    RunOptions,
)
from amt.cli.progress import reporting
from amt.cli.signature import GivenFields, expanded
from amt.cli.sound import check_player, refuse_idle_sound, render_options
from amt.cli.video import refuse_idle_clip
from amt.errors import InputError, OutputError, shown
from render.options import NeuralOptions, RenderOptions

if TYPE_CHECKING:
    from amt.batch import Job, Manifest, Tally
    from amt.cli.scorer import Asked
    from amt.reporter import Reporter


@app.command()
@expanded
def batch(
    *,
    clips: Annotated[
        list[Path] | None,
        typer.Argument(help="Clips, and folders of clips.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the outputs and manifest.jsonl.")],
    clip_list: Annotated[
        Path | None,
        typer.Option("--list", help="Also the clips that this text file names, one a line."),
    ] = None,
    made: BatchOutputOptions,
    request: BatchRequest,
    playing: RenderOptions,
    neural: Annotated[NeuralOptions, Only(("steps", "networks", "unsupported"))],
    film: FilmOptions,
    dealing: BatchRunOptions,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one line of JSON on stdout: manifest, done, partly, "
            "failed, kept (done by an earlier run), seconds.",
        ),
    ] = False,
    run: RunOptions,
    given: GivenFields,
) -> None:
    """Compose soundtracks for many clips.

    Each clip gets what amt generate would write for it, with the same bytes. What becomes of each
    is written to manifest.jsonl at once, and a clip that fails does not stop the others.

    [dim]amt batch clips/ --out scores --plan --wav[/dim]

    [dim]amt batch clips/ --out scores --plan --wav --resume[/dim]
    """  # fmt: skip
    is_silent = not {"wav", "mp4", "music_and_effects", "report"} & {*made.kinds}
    _refuse_idle(made, film, dealing, run)
    refuse_idle_sound(playing, neural, given, silent=is_silent)
    refuse_idle_clip(request.backend)
    began_s = time.monotonic()
    with reporting(run.quiet) as reporter:
        sound = render_options(playing, neural)
        if not is_silent:
            check_player(sound)
        from amt.batch import Manifest, jobs_for
        from amt.cli.scorer import Asked

        named = [*(clips or ()), *_listed(clip_list)]
        jobs = jobs_for(named, out, made.kinds, VIDEO_SUFFIXES)
        asked = Asked(request.request, sound, film)
        with Manifest(out, resume=dealing.resume, fresh=run.force) as manifest:
            tally = _deal(jobs, asked, dealing, manifest, reporter, force=run.force)
    _conclude(tally, manifest, time.monotonic() - began_s, reporter, as_json=as_json)


def _refuse_idle(
    made: BatchOutputOptions, film: FilmOptions, dealing: BatchRunOptions, run: RunOptions
) -> None:
    """Refuse options that need another.

    Raises:
        InputError: one was given; the message says what it needs.
    """
    unmixed = not (made.mp4 or made.music_and_effects)
    refuse_idle(
        [
            (film.keep_sound is not None and unmixed, "--keep-sound", "needs a film: add --mp4"),
            (film.duck is not None and film.keep_sound is None, "--duck", "needs --keep-sound"),
            (film.film_codec is not None and not made.mp4, "--film-codec", "needs --mp4"),
            (film.embed_clip and not made.report, "--embed-clip", "needs --report"),
            (dealing.resume and run.force, "--resume", "--force contradicts"),
        ]
    )


def _listed(path: Path | None) -> Iterator[Path]:
    """The clips that a text file names, from its own folder where they are relative.

    Raises:
        InputError: it cannot be read.
    """
    if path is None:
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise InputError(f"--list {shown(path)} cannot be read: {why}") from error
    for line in text.splitlines():
        if (name := line.strip()) and not name.startswith("#"):
            yield path.parent / name


def _deal(
    jobs: Sequence[Job],
    asked: Asked,
    dealing: BatchRunOptions,
    manifest: Manifest,
    reporter: Reporter,
    *,
    force: bool,
) -> Tally:
    """Score those clips that are left."""
    from amt.batch import Tally, open_pool, run_batch
    from amt.batch.run import clip_name, is_done
    from amt.cli.scorer import Scorer

    options = asked.as_json
    left = [
        job for job in jobs
        if not is_done(manifest.last.get(clip_name(job.clip)), job, options, manifest)
    ]  # fmt: skip
    kept = Tally(kept=len(jobs) - len(left))
    if not left:
        return kept
    cluster = dealing.cluster or os.environ.get("RAY_ADDRESS") or None
    size = dealing.jobs and min(dealing.jobs, len(left))
    with open_pool(partial(Scorer, asked), size, cluster, dealing.time_limit) as pool:
        return run_batch(left, pool, manifest, reporter.stage("scoring"), kept, force=force)


def _conclude(
    tally: Tally, manifest: Manifest, seconds: float, reporter: Reporter, *, as_json: bool
) -> None:
    """Say what became of the clips.

    Raises:
        OutputError: some could not be scored.
    """
    counts = {"done": tally.done, "partly": tally.partly, "failed": tally.failed,
              "kept": tally.kept}  # fmt: skip
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    reporter.message(f"{said or 'nothing to do'}; {seconds:.1f} s -> {manifest.path}")
    if as_json:
        print_out(
            json.dumps({"manifest": str(manifest.path), **counts, "seconds": round(seconds, 3)})
        )
    if unfinished := tally.failed + tally.partly:
        total = sum(counts.values())
        raise OutputError(
            f"{unfinished} of {total} clips could not be finished: {shown(manifest.path)} says "
            "why, and --resume tries them again"
        )
