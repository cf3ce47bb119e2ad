"""``amt spot``: the cue sheet of a clip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amt.cli.app import app
from amt.cli.console import print_out
from amt.cli.files import check_suffix, consent, staged
from amt.cli.inputs import check_input
from amt.cli.options import Only, RunOptions
from amt.cli.progress import reporting
from amt.cli.signature import expanded
from amt.errors import InputError, shown
from amt.options import SpottingOptions

Sheet = Annotated[
    Path | None,
    typer.Option(help="Cue sheet to write: .csv, .json, .edl or .otio; else a table is printed."),
]
PlanFile = Annotated[
    Path | None,
    typer.Option(help="A plan for this clip: says what its music does at every cue."),
]


@app.command()
@expanded
def spot(
    *,
    clip: Annotated[Path, typer.Argument(help="The clip to spot.", show_default=False)],
    out: Sheet = None,
    plan: PlanFile = None,
    timing: Annotated[SpottingOptions, Only(("start_tc", "rate"))],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the cue sheet as JSON on stdout.")
    ] = False,
    run: RunOptions,
) -> None:
    """List what happens in a clip and when: cuts, fades, flashes, movement, silence.

    The sheet can be edited and given to amt generate --spots, with rows of the kinds hit, mood,
    silence, start and theme.

    [dim]amt spot clip.mp4 --start-tc 01:00:00:00[/dim]

    [dim]amt spot clip.mp4 --plan song.plan.json --out cues.csv[/dim]
    """
    from amt.spotting import CUE_SUFFIXES

    check_input(clip, "video")
    if plan is not None:
        check_input(plan, "plan")
    check_suffix("--out", out, CUE_SUFFIXES)
    outputs = [] if out is None else [out]
    replaceable = consent(outputs, [clip, plan], force=run.force, quiet=run.quiet)
    with reporting(run.quiet) as reporter:
        from amt.plan import read_plan
        from amt.spotting import clip_clock, cue_table, spot_clip, with_music, write_cues
        from amt.spotting.json_rows import to_text

        chosen = None if plan is None else read_plan(plan, reporter)
        clock = clip_clock(clip, timing.start_tc, timing.rate, reporter).clock
        with staged(outputs, replaceable) as stage:
            watching = reporter.stage("watching")
            sheet = spot_clip(clip, clock, watching)
            if chosen is not None:
                if abs(chosen.grid.duration_s - (sheet.duration_s or 0.0)) > 1:
                    raise InputError(
                        f"{shown(plan)} is the plan of {chosen.grid.duration_s:.2f} s of music, "
                        f"but the clip lasts {sheet.duration_s:.2f} s: name the clip's own plan"
                    )
                sheet = with_music(sheet, chosen)
            if out is not None:
                write_cues(sheet, stage.path(out))
    if out is not None:
        reporter.message(f"{len(sheet.cues)} cues -> {out}")
    if as_json:
        print_out(to_text(sheet).rstrip("\n"))
    elif out is None:
        print_out(cue_table(sheet))
