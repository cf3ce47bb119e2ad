"""``amt arrange``: from a plan to notes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amt.cli.app import app
from amt.cli.completion import style_completions
from amt.cli.files import check_suffix, consent, refuse_idle_weights, staged
from amt.cli.inputs import check_input
from amt.cli.options import RunOptions
from amt.cli.progress import reporting
from amt.cli.signature import expanded
from amt.cli.summary import summarise
from amt.options import ModelOptions, NoteOptions
from amt.outputs import MIDI_SUFFIXES


@app.command()
@expanded
def arrange(
    *,
    plan: Annotated[Path, typer.Argument(help="A plan, as generate --plan writes it.")],
    out: Annotated[Path, typer.Option(help="MIDI file to write.")],
    style: Annotated[
        str | None,
        typer.Option(help="Another style than the plan's.", autocompletion=style_completions),
    ] = None,
    notes: NoteOptions,
    models: ModelOptions,
    run: RunOptions,
) -> None:
    """Write the notes of a plan, edited or not; the same plan gives the same bytes.

    What is not asked for here is as the plan says.

    [dim]amt arrange song.plan.json --out song.mid[/dim]
    """
    check_input(plan, "plan")
    check_suffix("--out", out, MIDI_SUFFIXES)
    replaceable = consent([out], [plan, style, models.weights], force=run.force, quiet=run.quiet)
    with reporting(run.quiet) as reporter:
        from dataclasses import replace

        from amt.arrange import arrange as arrange_plan
        from amt.arrange import load_network
        from amt.midi import write_midi
        from amt.plan import read_plan
        from amt.words import check_drums, chosen_arrangement

        chosen = read_plan(plan, reporter)
        arrangement = chosen_arrangement(chosen.arrangement, notes)
        chosen = replace(chosen, arrangement=arrangement, style=style or chosen.style)
        check_drums(notes.drums, chosen.style)
        refuse_idle_weights(arrangement.arranger, models.weights)
        network = load_network(arrangement.arranger, models.weights)
        with staged([out], replaceable) as stage:
            song = arrange_plan(chosen, network, reporter.stage("arranging"))
            write_midi(song, stage.path(out))
    summarise(chosen, song, [out], as_json=False, reporter=reporter)
