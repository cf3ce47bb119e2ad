"""``amt arrange``: from a plan to notes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amt.cli.app import app
from amt.cli.files import check_suffix, consent, refuse_idle_weights, staged
from amt.cli.inputs import check_input
from amt.cli.options import (
    ArrangerOption,
    Candidates,
    Drums,
    Force,
    Melody,
    NetworkWeights,
    Quiet,
    style_completions,
)
from amt.cli.progress import reporting
from amt.cli.summary import summarise
from amt.outputs import MIDI_SUFFIXES


@app.command()
def arrange(
    plan: Annotated[Path, typer.Argument(help="A plan, as generate --plan writes it.")],
    out: Annotated[Path, typer.Option(help="MIDI file to write.")],
    style: Annotated[
        str | None,
        typer.Option(help="Another style than the plan's.", autocompletion=style_completions),
    ] = None,
    arranger: ArrangerOption = None,
    candidates: Candidates = None,
    drums: Drums = None,
    melody: Melody = None,
    weights: NetworkWeights = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write the notes of a plan, edited or not; the same plan gives the same bytes.

    What is not asked for here is as the plan says.

    [dim]amt arrange song.plan.json --out song.mid[/dim]
    """
    check_input(plan, "plan")
    check_suffix("--out", out, MIDI_SUFFIXES)
    replaceable = consent([out], [plan, style, weights], force=force, quiet=quiet)
    with reporting(quiet) as reporter:
        from dataclasses import replace

        from amt.arrange import arrange as arrange_plan
        from amt.arrange import load_network
        from amt.midi import write_midi
        from amt.options import ArrangementWords, check_drums, chosen_arrangement
        from amt.plan import read_plan

        chosen = read_plan(plan, reporter)
        words = ArrangementWords(
            arranger=arranger,
            candidates=candidates,
            drums=drums,
            melody=melody,
        )
        arrangement = chosen_arrangement(chosen.arrangement, words)
        chosen = replace(chosen, arrangement=arrangement, style=style or chosen.style)
        check_drums(drums, chosen.style)
        refuse_idle_weights(arrangement.arranger, weights)
        network = load_network(arrangement.arranger, weights)
        with staged([out], replaceable) as stage:
            song = arrange_plan(chosen, network, reporter.stage("arranging"))
            write_midi(song, stage.path(out))
    summarise(chosen, song, [out], as_json=False, reporter=reporter)
