"""What the piece is to be like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from amt.chords import Chord, Key, parse_chord, parse_key
from amt.errors import InputError
from render.files.options import LARGEST_SEED, Option, check_options

MIN_BPM = 60.0
MAX_BPM = 160.0
"""Quarter notes a minute of the slowest and the fastest piece."""
_PANEL = "Music"


def parse_primer(primer: str | Sequence[str | Chord]) -> tuple[Chord, ...]:
    """The chords of a primer, as text or one by one.

    >>> [chord.label for chord in parse_primer("Am, F")]
    ['A:min', 'F']

    Raises:
        ChordError: a chord is unknown.
    """
    names = primer.replace(",", " ").split() if isinstance(primer, str) else primer
    return tuple(name if isinstance(name, Chord) else parse_chord(name) for name in names)


def _key(key: str | Key) -> Key:
    return parse_key(key) if isinstance(key, str) else key


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicOptions:
    """What the piece is to be like.

    Raises:
        InputError: a value is out of its range.
    """

    seed: Annotated[
        int, Option("Another seed, another piece.", _PANEL, low=0, high=LARGEST_SEED)
    ] = 0
    style: Annotated[
        str,
        Option("A style that amt styles lists, or a TOML file.", _PANEL),
    ] = "orchestral"
    key: Annotated[
        Key | None,
        Option(
            "Such as 'A minor'; else the primer's, else chosen by mood.", _PANEL,
            convert=_key, metavar="KEY",
        ),
    ] = None  # fmt: skip
    bpm: Annotated[
        float | None,
        Option(
            f"Hold this tempo, {MIN_BPM:g}-{MAX_BPM:g}; else chosen to fit cuts and mood.", _PANEL,
            low=MIN_BPM, high=MAX_BPM, unit="BPM",
        ),
    ] = None  # fmt: skip
    emotion: Annotated[
        str | None,
        Option(
            "Mood to ask for: 'tense', 'calm:0-12, tense:12-1:02.5', or a CSV of start,end,mood; "
            "amt moods lists them.",
            _PANEL, metavar="MOOD",
        ),
    ] = None  # fmt: skip
    mood_smoothing: Annotated[
        float,
        Option(
            "How slowly mood may change: standard deviation of the smoothing kernel in seconds.",
            _PANEL, low=0, high=600, unit="s",
        ),
    ] = 2.0  # fmt: skip
    mood_blend: Annotated[
        float,
        Option(
            "Share of the mood that `emotion` decides, 0 to 1; the video decides the rest.",
            _PANEL, low=0, high=1,
        ),
    ] = 1.0  # fmt: skip
    primer: Annotated[
        tuple[Chord, ...],
        Option(
            "First chords, such as 'Am F C G'; they imply the key.", _PANEL,
            convert=parse_primer, metavar="CHORDS",
        ),
    ] = ()  # fmt: skip
    chord_mood: Annotated[
        float,
        Option(
            "Log-odds that a chord quality gains where it fits the mood (0 is off).", _PANEL,
            low=0, high=20, old_flags=("--colour",),
        ),
    ] = 0.8  # fmt: skip

    def __post_init__(self) -> None:
        check_options(self, InputError)
