"""``amt regenerate``: some bars of a piece anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amt.cli.app import app
from amt.cli.files import check_suffix, consent, refuse_idle_weights, staged
from amt.cli.inputs import check_input
from amt.cli.options import RunOptions
from amt.cli.progress import reporting
from amt.cli.signature import expanded
from amt.cli.summary import summarise
from amt.errors import InputError
from amt.options import ModelOptions, MusicOptions
from amt.outputs import MIDI_SUFFIXES, PLAN_SUFFIXES

EditedMidi = Annotated[
    Path | None, typer.Option(help="The piece as you edited it: all its other bars are kept.")
]
TrackMap = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="Which of its tracks is which of the plan's, as in Horns=harmony; Horns=- is "
        "your own, -=pad goes without it, +=pad adds it. May be given several times.",
        show_default=False,
    ),
]
PlanOut = Annotated[
    Path | None, typer.Option(help="Also write the plan that gives the new piece, to build on.")
]


@app.command()
@expanded
def regenerate(
    *,
    plan: Annotated[Path, typer.Argument(help="The plan of the piece.", show_default=False)],
    bars: Annotated[str, typer.Option(help="Bars to compose anew, such as 9-16.")],
    out: Annotated[Path, typer.Option(help="MIDI file to write.")],
    seed: Annotated[int, typer.Option(help="Another seed, other bars.")] = 1,
    midi: EditedMidi = None,
    track_map: TrackMap = None,
    plan_out: PlanOut = None,
    models: ModelOptions,
    run: RunOptions,
) -> None:
    """Compose some bars of a piece anew; all other bars stay as they are.

    [dim]amt regenerate song.plan.json --bars 9-16 --seed 7 --out song.mid[/dim]

    [dim]amt regenerate song.plan.json --bars 9-16 --midi edited.mid --out song.mid[/dim]
    """
    if track_map and midi is None:
        raise InputError("--map names tracks of the file of --midi: give that, too")
    check_input(plan, "plan")
    if midi is not None:
        check_input(midi, "MIDI")
    check_suffix("--out", out, MIDI_SUFFIXES)
    check_suffix("--plan-out", plan_out, PLAN_SUFFIXES)
    outputs = [path for path in (out, plan_out) if path is not None]
    replaceable = consent(outputs, [plan, midi, models.weights], force=run.force, quiet=run.quiet)
    with reporting(run.quiet) as reporter:
        from amt.arrange import load_network
        from amt.midi import read_midi
        from amt.plan import read_plan, write_plan
        from amt.regenerate import Edited, parse_bars
        from amt.regenerate import regenerate as rewrite_bars
        from amt.types import Rewrite

        chosen = read_plan(plan, reporter)
        rewrite = Rewrite(*parse_bars(bars, len(chosen.grid.bars)), MusicOptions(seed=seed).seed)
        edited = None if midi is None else Edited(midi, tuple(track_map or ()))
        arranger = chosen.arrangement.arranger
        refuse_idle_weights(arranger, models.weights)
        network = load_network(arranger, models.weights)
        with staged(outputs, replaceable) as stage:
            made = rewrite_bars(chosen, rewrite, network, edited, reporter.stage("arranging"))
            made.write(stage.path(out))
            song = made.song if midi is None else read_midi(stage.path(out))
            if plan_out is not None:
                write_plan(made.plan, stage.path(plan_out))
    if made.edited is not None:
        for line in (*made.edited.matches, *made.edited.remarks):
            reporter.message(str(line))
    summarise(made.plan, song, outputs, as_json=False, reporter=reporter)
    if plan_out is None:
        reporter.message(f"to keep these bars when you compose others anew, add --midi {out} then")
