"""``amt styles``, ``amt moods`` and ``amt doctor``: choices, and what works on this machine."""

from __future__ import annotations

from amt.cli.app import app
from amt.cli.console import print_out


@app.command()
def styles() -> None:
    """List the styles: what plays, and whether there are drums."""
    from amt.arrange.styles import load_style, style_names

    width = max(map(len, style_names()))
    for name in style_names():
        style = load_style(name)
        drums = "" if style.instrument("drums") is None else " With drums."
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
def doctor() -> None:
    """Say what of the program works on this machine, and what brings the rest."""
    from amt.cli.diagnosis import diagnose

    for line in diagnose():
        print_out(line)
