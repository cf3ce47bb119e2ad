"""How well the notes do what the plan asks and what the picture shows, second by second.

Three pairs of curves are correlated inside every clip: the plan's loudness with that of the notes
(CC 11 times velocity), the plan's density with the notes that begin, and the video's motion
with the strength of the onsets. The notes' side is defined in :mod:`amt.measure`.

Beside each stands what chance gives: the same notes against the curves of all other clips,
stretched to the length of the clip. Only whole seconds count, and only clips of at least
:data:`MIN_SECONDS`, since a handful of seconds correlates by accident; shorter ones are listed and
left out of the means.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from amt.arrange import arrange
from amt.compose import ComposeOptions, compose
from amt.features.motion import without_cuts
from amt.measure import measured_loudness, notes_per_second, onset_strength
from amt.models.chords.network import Composer
from amt.models.expression import Expression
from amt.models.notes.network import Arranger
from amt.mood import smooth
from amt.plan import rounded
from amt.timing.hits import are_hits
from amt.types import TICKS_PER_BEAT, Arrangement, FloatArray, Plan, Song, VideoFeatures
from experiments.common.tables import markdown, number

MIN_SECONDS = 8
SMOOTH_S = 1.0
"""Standard deviation of the kernel with which the plan's curves were smoothed. A second holds one
beat or two by turns, and notes fall on beats: with the same kernel on both sides this goes."""
CONSTANT = 1e-9
"""A curve with a smaller standard deviation correlates with nothing."""

PAIRS = ("loudness", "density", "motion")


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """The curves of one clip; every array is [S], whole seconds only."""

    name: str
    asked: dict[str, FloatArray]
    """Of the plan (loudness, density) and of the picture (motion)."""
    measured: dict[str, FloatArray]
    """What the notes do about each."""
    cuts: int
    """Cuts before the final chord."""
    cuts_answered: int
    """Those of them on which a note begins, to within 40 ms."""
    until_ending: int
    """Seconds before the last bar, in which the last chord rings whatever the picture shows."""

    @property
    def counts(self) -> bool:
        """Whether the clip is long enough for the means."""
        return len(self.asked["motion"]) >= MIN_SECONDS


def followed(name: str, features: VideoFeatures, plan: Plan, song: Song) -> Followed:
    """The curves of a clip and of the song made for it."""
    whole = int(features.duration_s + 0.01)
    motion = features.motion.copy()
    if len(motion) > 1:
        motion[0] = motion[1]  # second 0 has no frame before it and reads 0
    asked = {"loudness": plan.loudness, "density": plan.density, "motion": without_cuts(motion)}
    measured = {
        "loudness": measured_loudness(song),
        "density": notes_per_second(song),
        "motion": onset_strength(song),
    }
    last_bar_s = float(plan.grid.beats_s[plan.grid.downbeats[-1]])
    onsets_s = plan.grid.seconds_at(
        np.unique([note.start for track in song.tracks for note in track.notes]) / TICKS_PER_BEAT
    )
    times_s = [cut.time_s for cut in plan.cuts if cut.time_s < last_bar_s]
    return Followed(
        name=name,
        asked={pair: curve[:whole] for pair, curve in asked.items()},
        measured={pair: curve[:whole] for pair, curve in measured.items()},
        cuts=len(times_s),
        cuts_answered=sum(bool(are_hits(onsets_s - time_s).any()) for time_s in times_s),
        until_ending=min(int(last_bar_s), whole),
    )


def follow(
    clips: Sequence[tuple[str, VideoFeatures]],
    composer: Composer,
    expression: Expression,
    styles: Sequence[str],
    seeds: Sequence[int],
    arranger: Arranger | None = None,
) -> Iterator[Followed]:
    """Compose every clip in every style with every seed, by patterns where there is no network."""
    arrangement = Arrangement("patterns" if arranger is None else "neural")
    for name, features in clips:
        for style in styles:
            for seed in seeds:
                options = ComposeOptions(seed=seed, style=style)
                plan = rounded(compose(features, options, composer, expression))
                plan = replace(plan, arrangement=arrangement)
                yield followed(name, features, plan, arrange(plan, arranger))


def correlation(first: FloatArray, second: FloatArray) -> float:
    """Pearson's r of two curves of one length; NaN where one of them does not move."""
    if len(first) < 3 or min(first.std(), second.std()) < CONSTANT:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def pooled_correlation(pairs: Sequence[tuple[FloatArray, FloatArray]]) -> float:
    """Repeated-measures correlation: one slope for all clips, each around its own means.

    A clip counts as much as it moves, so that nearly constant ones, where rounding to whole notes
    decides, do not (Bakdash and Marusich 2017).
    """
    centred = [(a - a.mean(), b - b.mean()) for a, b in pairs if len(a) > 2]
    if not centred:
        return float("nan")
    first, second = (np.concatenate(side) for side in zip(*centred, strict=True))
    return correlation(first, second)


def stretched(curve: FloatArray, seconds: int) -> FloatArray:
    """A curve of another clip, resampled linearly to a length."""
    if len(curve) == 0:
        return np.zeros(seconds)
    places = (np.arange(seconds) + 0.5) / seconds * len(curve) - 0.5
    return np.asarray(np.interp(places, np.arange(len(curve)), curve))


def clip_row(songs: Sequence[Followed]) -> dict[str, float]:
    """Correlations of one clip, the mean over its songs; raw, and smoothed on both sides."""
    row: dict[str, float] = {"seconds": float(len(songs[0].asked["motion"]))}
    for pair in PAIRS:
        curves = [(song.asked[pair], song.measured[pair]) for song in songs]
        row[pair] = _mean([correlation(*both) for both in curves])
        row[f"{pair}_smooth"] = _mean(
            [correlation(smooth(a, SMOOTH_S), smooth(b, SMOOTH_S)) for a, b in curves]
        )
    return row


def summary(songs: Sequence[Followed]) -> dict[str, dict[str, float]]:
    """Every pair of curves over all clips that count; see :func:`table` for the columns."""
    counted = [song for song in songs if song.counts]
    rows: dict[str, dict[str, float]] = {}
    for pair in PAIRS:
        rows[pair] = _summary_row(counted, pair, [len(song.asked[pair]) for song in counted])
        until = [song.until_ending for song in counted]
        rows[f"{pair}, before the last bar"] = _summary_row(counted, pair, until)
    return rows


def _summary_row(songs: Sequence[Followed], pair: str, until: Sequence[int]) -> dict[str, float]:
    """Means over songs of the seconds before ``until``, one a song."""
    own = [(s.asked[pair][:n], s.measured[pair][:n]) for s, n in zip(songs, until, strict=True)]
    own = [both for both in own if len(both[0]) > 2]
    smoothed = [(smooth(a, SMOOTH_S), smooth(b, SMOOTH_S)) for a, b in own]
    shuffled = [
        (stretched(other.asked[pair], len(s.measured[pair]))[:n], s.measured[pair][:n])
        for s, n in zip(songs, until, strict=True)
        for other in songs
        if other.name != s.name
    ]
    return {
        "mean": _mean([correlation(*both) for both in own]),
        "pooled": pooled_correlation(own),
        "smooth": _mean([correlation(*both) for both in smoothed]),
        "pooled_smooth": pooled_correlation(smoothed),
        "shuffled": _mean([correlation(*both) for both in shuffled]),
    }


def report(songs: Sequence[Followed]) -> dict[str, dict[str, dict[str, float]]]:
    """All figures: ``overall`` by pair of curves and ``clips`` by name."""
    names = list(dict.fromkeys(song.name for song in songs))
    cuts = sum(song.cuts for song in songs)
    return {
        "overall": summary(songs),
        "cuts": {
            "all": {
                "cuts": float(cuts),
                "answered": sum(song.cuts_answered for song in songs) / cuts
                if cuts
                else float("nan"),
            }
        },
        "clips": {name: clip_row([s for s in songs if s.name == name]) for name in names},
    }


def table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """The figures as Markdown tables.

    ``mean`` is the mean of the clips' correlations, ``pooled`` their :func:`pooled_correlation`;
    ``smooth`` says that both curves were smoothed (:data:`SMOOTH_S`); ``shuffled`` is the mean
    against the other clips.
    """
    columns = {name: name.replace("_", ", ") for name in next(iter(results["overall"].values()))}
    overall = [
        [pair, *(number(row[column]) for column in columns)]
        for pair, row in results["overall"].items()
    ]
    names = [f"{pair}{end}" for pair in PAIRS for end in ("", "_smooth")]
    clips = [
        [
            name[:30] + ("" if row["seconds"] >= MIN_SECONDS else " *"),
            f"{row['seconds']:.0f}",
            *(number(row[column]) for column in names),
        ]
        for name, row in results["clips"].items()
    ]
    cuts = results["cuts"]["all"]
    parts = [
        f"{cuts['answered']:.3f} of {cuts['cuts']:.0f} cuts before the last bar have a note",
        markdown(["plan or video, and notes", *columns.values()], overall),
        markdown(["clip", "seconds", *(name.replace("_", ", ") for name in names)], clips),
    ]
    if any(row["seconds"] < MIN_SECONDS for row in results["clips"].values()):
        parts.append(f"* shorter than {MIN_SECONDS} s: not in the means")
    return "\n\n".join(parts)


def _mean(values: Sequence[float]) -> float:
    """Mean of the values that exist."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
