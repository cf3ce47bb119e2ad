"""What the psychology of music says of moods: which measure is higher in which of two."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """A measure that differs between two moods, by the literature."""

    measure: str
    more: str
    """The mood in which it is higher."""
    less: str
    source: str


_HEVNER_35, _HEVNER_37 = "Hevner 1935", "Hevner 1937"
_REVIEW = "Gabrielsson & Lindström 2010"
CLAIMS = (
    *(
        Claim(measure, more, less, _HEVNER_35)
        for measure in ("minor key", "minor chords")
        for more, less in (("sad", "exciting"), ("sad", "relaxing"), ("fearful", "exciting"))
    ),
    Claim("major chords", "exciting", "fearful", _HEVNER_35),
    Claim("major chords", "relaxing", "sad", _HEVNER_35),
    Claim("diminished chords", "fearful", "relaxing", _REVIEW),
    Claim("diminished chords", "tense", "relaxing", _REVIEW),
    Claim("dominant chords", "tense", "relaxing", _REVIEW),
    Claim("changes a minute", "exciting", "sad", _REVIEW),
    Claim("changes a minute", "exciting", "relaxing", _REVIEW),
    Claim("changes a minute", "tense", "sad", _REVIEW),
    Claim("changes a bar", "exciting", "sad", _REVIEW),
    Claim("tempo", "exciting", "sad", _HEVNER_37),
    Claim("tempo", "tense", "relaxing", _HEVNER_37),
    Claim("tempo", "fearful", "sad", _HEVNER_37),
    Claim("notes a second", "exciting", "sad", _REVIEW),
    Claim("notes a second", "tense", "relaxing", _REVIEW),
    Claim("velocity", "exciting", "sad", _REVIEW),
    Claim("velocity", "tense", "relaxing", _REVIEW),
    Claim("register", "exciting", "sad", _HEVNER_37),
    Claim("articulation", "sad", "exciting", _REVIEW),
    Claim("articulation", "relaxing", "tense", _REVIEW),
)
"""Sad and calm music is slow, soft, legato; sad and fearful music minor; fear and tension are
dissonant; happy music is fast and high."""
