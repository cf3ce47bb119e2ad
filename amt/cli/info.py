"""``amt styles``, ``amt moods`` and ``amt doctor``: choices, and what works on this machine."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from amt.cli.app import app
from amt.cli.console import print_out
from amt.cli.flags import with_flags
from amt.errors import DependencyError


@app.command()
def styles() -> None:
    """List the styles: what plays, and whether there are drums."""
    from amt.arrange.styles import load_style, style_names

    width = max(map(len, style_names()))
    for name in style_names():
        style = load_style(name)
        drums = " With drums." if style.has_drums else ""
        print_out(f"{name:<{width}}  {style.description}{drums}")


@app.command()
def moods() -> None:
    """List the moods that --emotion takes, with the words that mean the same."""
    from amt.mood import ALIASES
    from amt.types import EMOTION_VALENCE_AROUSAL

    print_out("mood       valence  arousal  also called")
    for name, (valence, arousal) in EMOTION_VALENCE_AROUSAL.items():
        words = ", ".join(word for word, mood in ALIASES.items() if mood == name)
        print_out(f"{name:<9}  {valence:>+7.1f}  {arousal:>+7.1f}  {words}".rstrip())


@app.command()
def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a list of subject, state, text, remedy as JSON.")
    ] = False,
) -> None:
    """Say what of the program works on this machine, and what brings the rest.

    Exits with 2 where it cannot do its work.
    """
    from amt.cli.diagnosis import diagnose

    found = []
    for finding in diagnose():
        found.append(finding)
        if not as_json:
            print_out(with_flags(str(finding)))
    if as_json:
        print_out(with_flags(json.dumps([finding.as_dict() for finding in found])))
    broken = dict.fromkeys(finding.subject for finding in found if finding.state == "broken")
    if broken:
        raise DependencyError(f"this installation does not work: see {', '.join(broken)}")
