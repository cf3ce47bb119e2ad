"""What the user may decide about a piece."""

from __future__ import annotations

from dataclasses import dataclass, field

from amt.chords import Chord, Key
from amt.errors import InputError
from amt.models.chords.decode import SamplingOptions
from amt.mood import MoodSpan
from amt.timing import GridOptions

MAX_CHORD_MOOD_WEIGHT = 20.0
"""Log-odds: at 20 a chord that fits the mood is e^20 times as likely, and no other is left."""
MAX_MOOD_SIGMA_S = 600.0
"""Seconds. Smoothing over ten minutes gives a clip of any usual length one mood."""


@dataclass(frozen=True, slots=True)
class ComposeOptions:
    """What the user may decide about a piece.

    Raises:
        InputError: a number is out of its range; the message calls it as the command line does.
    """

    seed: int = 0
    key: Key | None = None
    """None takes the key that the primer implies; without primer, the mode that suits valence on a
    tonic that is drawn (:func:`amt.compose.key.choose_key`)."""
    bpm: float | None = None
    """Held when given; else chosen from the clip's energy."""
    fit: bool = True
    """Whether tempo and metre are fitted to the cuts."""
    hits_s: tuple[float, ...] = ()
    """Hit points besides the cuts."""
    style: str = "orchestral"
    moods: tuple[MoodSpan, ...] = ()
    mood_blend: float = 1.0
    """How far asked moods replace those of the video, 0 to 1."""
    mood_sigma_s: float = 3.0
    """How slowly mood may move: standard deviation of the smoothing kernel in seconds."""
    primer: tuple[Chord, ...] = ()
    """The first chords, one a slot, in the piece's key."""
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    """Its ``affect_guidance`` is how strongly all music follows mood, the video's and the asked:
    tempo, loudness, density, mode, harmonic rhythm, chords, register and articulation. At 1.5 they
    follow as in music that people made, below less, at 0 not at all: mood is then neutral."""
    chord_mood_weight: float = 0.8
    """How strongly chord qualities follow mood (Video2Music's table of qualities that fit each
    emotion, and dissonance where it is tense): the log-odds a fitting chord gains over one that
    does not; 0 is off."""
    chromaticism: float = 0.4
    """0 keeps to the key, 1 takes foreign tones as the corpus does."""
    title: str = ""

    def __post_init__(self) -> None:
        GridOptions(fixed_bpm=self.bpm)
        if self.hits_s and not self.fit:
            raise InputError("hit points need a fitted grid: leave out --no-fit")
        for value, high, option, expected in (
            (
                self.chord_mood_weight, MAX_CHORD_MOOD_WEIGHT, "--colour",
                f"a number from 0 (off) to {MAX_CHORD_MOOD_WEIGHT:g}",
            ),
            (self.mood_blend, 1.0, "--mood-blend", "a share from 0 (the picture) to 1 (--emotion)"),
            (
                self.mood_sigma_s, MAX_MOOD_SIGMA_S, "--mood-smoothing",
                f"a number of seconds from 0 to {MAX_MOOD_SIGMA_S:g}",
            ),
        ):  # fmt: skip
            if not 0 <= value <= high:
                raise InputError(f"{option} is {value:g}; expected {expected}")
