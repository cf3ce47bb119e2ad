"""Values that shells offer for an option that has begun to be typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping


def style_completions(incomplete: str) -> list[str]:
    """Names of styles that begin so, for shells."""
    from amt.arrange.styles import style_names

    return [name for name in style_names() if name.startswith(incomplete)]


def mood_completions(incomplete: str) -> list[str]:
    """Words for moods that begin so, for shells."""
    from amt.mood import ALIASES
    from amt.types import EMOTIONS

    return [word for word in (*EMOTIONS, *ALIASES) if word.startswith(incomplete)]


def key_completions(incomplete: str) -> list[str]:
    """Keys that begin so, for shells."""
    tonics = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    keys = [f"{tonic}{minor}" for tonic in tonics for minor in ("", "m")]
    return [key for key in keys if key.startswith(incomplete)]


COMPLETIONS: Mapping[str, Callable[[str], list[str]]] = {
    "style": style_completions, "emotion": mood_completions, "key": key_completions,
}  # fmt: skip
"""Name of an option → what completes its value."""
