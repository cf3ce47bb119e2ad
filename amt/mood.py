"""Mood over time: moods that a user asks for, and how far music follows mood.

Conventions: a mood is one of the six emotions of :data:`amt.types.EMOTIONS` or an everyday alias of
one (``calm``, ``happy`` …). *Affect* is valence and arousal, each -1 to 1. Curves have a row a
second; ``S`` is the number of seconds.

How far music moves with mood was measured on the piano clips of EMOPIA (Hung et al. 2021), 255
songs that people had placed in the four quadrants of the circumplex. Between low and high arousal
their velocities rise from 53 to 77 and their notes from 4.6 to 9.2 a second; chords change .28
times a second in sad clips, .33 in calm and in tense ones, and .44 in happy ones
(``python -m experiments.evaluate mood`` counts this). The directions are those of the experiments
that Gabrielsson & Lindström (2010) review.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from amt.chords import QUALITY_NAMES, VOCABULARY_SIZE
from amt.errors import InputError, quoted, shown, suggestion
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.times import parse_time
from amt.types import EMOTION_VALENCE_AROUSAL, EMOTIONS, FloatArray, IntArray

ALIASES = {
    "happy": "exciting", "joyful": "exciting", "cheerful": "exciting", "energetic": "exciting",
    "excited": "exciting", "epic": "exciting", "scary": "fearful", "afraid": "fearful",
    "dark": "fearful", "angry": "tense", "nervous": "tense", "anxious": "tense",
    "melancholic": "sad", "gloomy": "sad", "calm": "relaxing", "peaceful": "relaxing",
    "relaxed": "relaxing", "romantic": "relaxing",
}  # fmt: skip
EMOTION_QUALITIES: dict[str, tuple[str, ...]] = {
    "exciting": ("maj", "sus4", "7"),
    "fearful": ("dim", "min7", "dim7", "hdim7"),
    "tense": ("dim", "sus4", "min7", "7"),
    "sad": ("min7", "min", "sus2"),
    "relaxing": ("maj", "maj6", "maj7"),
    "neutral": QUALITY_NAMES,
}
"""Chord qualities that fit each emotion (Kang et al. 2023, *Video2Music*); neutral fits all."""

ASKED_SHARE = 0.95
"""Probability of a mood that the user asks for; the others share the rest."""
NEUTRAL_LOUDNESS, AROUSAL_DB = 0.055, 12.0
"""RMS of full scale where arousal is 0, and dB for a unit of arousal; half of the dB go to
velocities (:mod:`amt.arrange`), which thus are EMOPIA's."""
NEUTRAL_DENSITY, AROUSAL_LOG_DENSITY = 6.0, 0.63
"""Notes a second where arousal is 0, and the change of their logarithm for a unit of arousal."""
VALENCE_CHANGE_ODDS, AROUSAL_CHANGE_ODDS = 0.8, 0.1
"""Change of the log-odds of a chord change for a unit of valence and of arousal, chosen so that
chord changes a second fall from mood to mood as in EMOPIA: the faster tempo of high arousal comes
on top."""
FULL_NEGATIVE_VALENCE = -0.25
"""Valence from which down music is as minor as it gets, so that tense music is minor as well."""
TENSE_FROM = 0.15
"""Half of arousal less valence from which music is tense: excitement (.6, .8) stays below."""

KERNEL_SIGMAS = 3.0
"""Half of the width of a smoothing kernel, in standard deviations."""
MIN_SIGMA_S = 0.1
"""A kernel narrower than this is but one second wide: its next weight is below 1e-21."""

MAX_CSV_BYTES = 1 << 20
"""A larger file is no list of moods."""

_SPAN = re.compile(r"\s*([^\W\d_]+)\s*(?::\s*([^-\u2013\s]+)\s*[-\u2013]\s*([^-\u2013\s]+))?\s*")


@dataclass(frozen=True, slots=True)
class MoodSpan:
    """A mood asked for from ``start_s`` to ``end_s``."""

    mood: str
    start_s: float
    end_s: float


def valence_arousal(emotion: FloatArray) -> FloatArray:
    """Expected place on the circumplex: probabilities [..., 6] -> [..., 2] in [-1, 1]."""
    return np.asarray(emotion @ np.array([EMOTION_VALENCE_AROUSAL[name] for name in EMOTIONS]))


def emotion_chords() -> FloatArray:
    """[6, V] 1 where a chord's quality fits an emotion, else 0; no chord fits all."""
    fits = np.zeros((len(EMOTIONS), VOCABULARY_SIZE))
    fits[:, 0] = 1
    for row, emotion in enumerate(EMOTIONS):
        for quality in EMOTION_QUALITIES[emotion]:
            fits[row, 1 + QUALITY_NAMES.index(quality) :: len(QUALITY_NAMES)] = 1
    return fits


def fade_to_neutral(emotion: FloatArray, strength: float) -> FloatArray:
    """Emotions [S, 6] faded to neutral: strength 0 is all neutral, 1 and more leaves them."""
    neutral = np.eye(len(EMOTIONS))[EMOTIONS.index("neutral")]
    share = min(strength, 1.0)
    return np.asarray(share * emotion + (1 - share) * neutral)


def exaggerate_affect(affect: FloatArray, strength: float) -> FloatArray:
    """Valence and arousal [..., 2] times a strength above 1, kept in [-1, 1]."""
    return np.asarray((max(strength, 1.0) * affect).clip(-1, 1))


def loudness_level(affect: FloatArray) -> FloatArray:
    """Loudness [S] as RMS of full scale that suits valence and arousal [S, 2]."""
    return np.asarray(NEUTRAL_LOUDNESS * 10 ** (AROUSAL_DB * affect[:, 1] / 20))


def density_level(affect: FloatArray) -> FloatArray:
    """Notes a second [S] that suit valence and arousal [S, 2]."""
    return np.asarray(NEUTRAL_DENSITY * np.exp(AROUSAL_LOG_DENSITY * affect[:, 1]))


def change_odds(affect: FloatArray) -> FloatArray:
    """Log-odds [S] to be added to a chord change: slow when sad, quick when happy and excited."""
    return np.asarray(affect @ np.array([VALENCE_CHANGE_ODDS, AROUSAL_CHANGE_ODDS]))


def tension(affect: FloatArray) -> FloatArray:
    """Tense arousal [S] in 0-1 (Thayer 1989): the axis of the circumplex from content to afraid.

    Half of arousal less valence, from a threshold on that joyful excitement does not reach.
    """
    tense = (affect[:, 1] - affect[:, 0]) / 2
    return np.asarray(((tense - TENSE_FROM) / (1 - TENSE_FROM)).clip(0, 1))


def negative_valence(affect: FloatArray) -> FloatArray:
    """How negative valence is, [S] in 0-1: 0 from neutral up, 1 from -.25 down."""
    return np.asarray((affect[:, 0] / FULL_NEGATIVE_VALENCE).clip(0, 1))


def smooth(curve: FloatArray, sigma_s: float, breaks: Sequence[int] = ()) -> FloatArray:
    """Gaussian smoothing of a curve [S] or [S, columns] along time.

    The kernel is cut off (:data:`KERNEL_SIGMAS`) and renormalised at both ends, so that a
    constant curve stays as it is and nothing fades in or out.

    Args:
        curve: a row a second.
        sigma_s: standard deviation in seconds; below :data:`MIN_SIGMA_S` the curve stays as it is.
        breaks: rows, rising, that begin a part of their own: a step before them stays a step.
    """
    if len(breaks):
        return np.concatenate([smooth(part, sigma_s) for part in np.split(curve, list(breaks))])
    if sigma_s < MIN_SIGMA_S or len(curve) < 2:
        return curve
    half = min(math.ceil(KERNEL_SIGMAS * sigma_s), len(curve) - 1)
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma_s) ** 2)
    columns = curve.reshape(len(curve), -1)
    weight = np.convolve(np.ones(len(curve)), kernel, mode="full")[half : half + len(curve)]
    smoothed = [
        np.convolve(column, kernel, mode="full")[half : half + len(curve)] / weight
        for column in columns.T
    ]
    return np.stack(smoothed, axis=-1).reshape(curve.shape)


def parse_moods(
    text: str, duration_s: float | None, reporter: Reporter = DEFAULT_REPORTER
) -> tuple[MoodSpan, ...]:
    """Read ``tense``, ``calm:0-12, tense:12-1:02.5``, or a CSV file of ``start,end,mood``.

    Args:
        text: a mood for the whole clip, spans in seconds or minutes and seconds, or the path of a
            file ending in .csv, of at most 1 MiB (separated by commas, or by semicolons as some
            spreadsheets do).
        duration_s: length of the clip; None where it is not known yet, to check the rest.
        reporter: gets one sentence on which of the six moods an alias is taken as.

    Raises:
        InputError: a mood is unknown, a time cannot be read, or a span lies outside the clip.
    """
    if text.lower().endswith(".csv"):
        rows = _read_csv(Path(text))
    else:
        matches = [(part, _SPAN.fullmatch(part)) for part in text.split(",")]
        for part, match in matches:
            if match is None:
                raise InputError(
                    f"mood {quoted(part.strip())} is not written as mood or mood:start-end"
                )
        rows = [(match[1], match[2], match[3]) for _, match in matches if match]
    for alias in dict.fromkeys(mood.strip().lower() for mood, _, _ in rows):
        report_alias(alias, reporter)
    return tuple(_span(mood, start, end, duration_s) for mood, start, end in rows)


def report_alias(text: str, reporter: Reporter) -> None:
    """Report which of the six moods a word is taken as, where it is an alias of one."""
    word = text.strip().lower()
    if word in ALIASES:
        reporter.message(f"the mood {word} is taken as {ALIASES[word]}, the nearest of the six")


def apply_moods(emotion: FloatArray, spans: tuple[MoodSpan, ...], blend: float = 1.0) -> FloatArray:
    """Emotions of a video with the moods that a user asks for blended over them.

    Args:
        emotion: [S, 6] probabilities.
        spans: later ones win where they overlap.
        blend: 0 keeps the video's, 1 keeps the asked ones.

    Returns:
        [S, 6] probabilities.
    """
    result = emotion.copy()
    for span in spans:
        asked = np.full(len(EMOTIONS), (1 - ASKED_SHARE) / (len(EMOTIONS) - 1))
        asked[EMOTIONS.index(span.mood)] = ASKED_SHARE
        rows = _rows(span, len(emotion))
        result[rows] = (1 - blend) * emotion[rows] + blend * asked
    return result


def asked_share(spans: tuple[MoodSpan, ...], seconds: int) -> FloatArray:
    """1 for every second [S] for which a mood is asked, else 0."""
    share = np.zeros(seconds)
    for span in spans:
        share[_rows(span, seconds)] = 1.0
    return share


def mood_name(text: str) -> str:
    """The emotion that a word or alias means.

    Raises:
        InputError: the word is unknown.
    """
    word = text.strip().lower()
    if word in EMOTIONS:
        return word
    if word in ALIASES:
        return ALIASES[word]
    known = (*EMOTIONS, *ALIASES)
    raise InputError(
        f"unknown mood {quoted(text.strip())}; expected one of {', '.join(known)}"
        f"{suggestion(word, known)}"
    )


def _rows(span: MoodSpan, seconds: int) -> IntArray:
    middles = np.arange(seconds) + 0.5
    inside = (middles >= span.start_s) & (middles < span.end_s)
    return np.flatnonzero(inside)


def _span(mood: str, start: str | None, end: str | None, duration_s: float | None) -> MoodSpan:
    name = mood_name(mood)
    last_s = math.inf if duration_s is None else math.ceil(duration_s)
    if start is None or end is None:
        return MoodSpan(name, 0.0, last_s)
    try:
        start_s, end_s = parse_time(start), parse_time(end)
    except InputError as error:
        span = quoted(f"{mood}:{start}-{end}")
        raise InputError(f"mood span {span} needs two numbers of seconds: {error}") from error
    if start_s >= end_s:
        raise InputError(f"mood span {shown(f'{mood}:{start}-{end}')} ends no later than it begins")
    if end_s > last_s:
        raise InputError(
            f"mood span {shown(f'{mood}:{start}-{end}')} does not lie inside the clip of "
            f"{duration_s:.2f} s"
        )
    return MoodSpan(name, start_s, end_s)


def _read_csv(path: Path) -> list[tuple[str, str | None, str | None]]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CSV_BYTES + 1)
        text = data.decode("utf-8-sig")
        if len(data) > MAX_CSV_BYTES:
            raise InputError(
                f"{shown(path)} is larger than {MAX_CSV_BYTES >> 20} MiB: no list of moods"
            )
        delimiter = ";" if ";" in text.partition("\n")[0] else ","
        lines = text.splitlines()
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if any(map(str.strip, row))]
    except OSError as error:
        raise InputError(f"cannot read the moods in {shown(path)}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{shown(path)} is no CSV in UTF-8: expected rows of start,end,mood"
        ) from error
    except ValueError as error:  # a NUL in the name
        raise InputError(f"cannot read the moods in {shown(path)}: {error}") from error
    if rows and [cell.strip().lower() for cell in rows[0]] == ["start", "end", "mood"]:
        rows = rows[1:]
    if not rows:
        raise InputError(f"{shown(path)} holds no moods: expected rows of start,end,mood")
    for row in rows:
        if len(row) != 3:
            found = quoted(",".join(row))
            raise InputError(f"{shown(path)}: expected rows of start,end,mood, found {found}")
    return [(row[2], row[0].strip(), row[1].strip()) for row in rows]
