"""What the user may decide about a piece."""

from __future__ import annotations

from dataclasses import dataclass, field

from amt.chords import Chord, Key
from amt.errors import InputError
from amt.mood import MoodSpan
from amt.options import FitOptions, MusicOptions, SamplingOptions, TempoMap
from amt.types import TimeSpan

_MUSIC, _FIT = MusicOptions(), FitOptions()
"""The defaults, which the command line and the Python interface share."""


@dataclass(frozen=True, slots=True)
class ComposeOptions:
    """What the user may decide about a piece.

    Raises:
        InputError: a number is out of its range; the message names the field of
            :class:`amt.options.MusicOptions`.
    """

    seed: int = _MUSIC.seed
    key: Key | None = None
    """None takes the key that the primer implies; without primer, the mode that suits valence on a
    tonic that is drawn (:func:`amt.compose.key.choose_key`)."""
    bpm: float | None = None
    """Held when given; else chosen from the clip's energy."""
    fit: bool = _FIT.fit
    """Whether tempo and metre are fitted to the cuts."""
    tempo_map: TempoMap = _FIT.tempo_map
    """How tempo may change; a ``bpm`` that is given is held in any case."""
    hits_s: tuple[float, ...] = ()
    """Hit points besides the cuts."""
    style: str = _MUSIC.style
    tempo_range: tuple[float, float] | None = None
    """Slowest and fastest tempo of the style, in quarter notes a minute as they are felt; ``bpm``
    and hit points go before."""
    moods: tuple[MoodSpan, ...] = ()
    mood_blend: float = _MUSIC.mood_blend
    """How far asked moods replace those of the video, 0 to 1."""
    mood_sigma_s: float = _MUSIC.mood_smoothing
    """How slowly mood may move: standard deviation of the smoothing kernel in seconds."""
    primer: tuple[Chord, ...] = ()
    """The first chords, one a slot, in the piece's key."""
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    """Its ``affect_guidance`` is how strongly all music follows mood, the video's and the asked:
    tempo, loudness, density, mode, harmonic rhythm, chords, register and articulation. At 1.5 they
    follow as in music that people made, below less, at 0 not at all: mood is then neutral."""
    chord_mood_weight: float = _MUSIC.chord_mood
    """How strongly chord qualities follow mood (Video2Music's table of qualities that fit each
    emotion, and dissonance where it is tense): the log-odds a fitting chord gains over one that
    does not; 0 is off."""
    chromaticism: float = 0.4
    """0 keeps to the key, 1 takes foreign tones as the corpus does."""
    speech: tuple[TimeSpan, ...] = ()
    """When somebody speaks in the clip's own sound, in order."""
    end_s: float | None = None
    """When the music ends, where that is before the clip does: the final chord lies before it."""
    silences_s: tuple[tuple[float, float], ...] = ()
    """Start and end of stretches without music, in order: beats and bars begin anew after each."""
    themes: tuple[tuple[float, str], ...] = ()
    """Where sections of a theme begin: seconds and capital letter."""
    title: str = ""

    def __post_init__(self) -> None:
        MusicOptions(
            seed=self.seed,
            bpm=self.bpm,
            mood_blend=self.mood_blend,
            mood_smoothing=self.mood_sigma_s,
            chord_mood=self.chord_mood_weight,
        )
        FitOptions(fit=self.fit, tempo_map=self.tempo_map, hits=self.hits_s)
        if self.bpm is not None and self.tempo_map == "gentle":
            raise InputError("`bpm` holds one tempo: leave out `tempo_map='gentle'`")
