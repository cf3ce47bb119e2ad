"""The report of the mood control as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.common.tables import markdown, with_interval

Verdicts = Mapping[str, Any]

VERDICT_HEADER = ("right about", "valence", "arousal", "quadrant", "AUC valence", "AUC arousal")
"""Columns of :func:`verdict_cells`, after the name of the row."""


def text_of(report: Mapping[str, Any]) -> str:
    """All tables."""
    return "\n\n".join(
        [
            _judge_text(report["human"]),
            _verdicts(report),
            _moods(report["moods"]["means"]),
            _claims(report["moods"]["claims"]),
            _strengths(report["strengths"]),
        ]
    )


def _judge_text(human: Mapping[str, Any]) -> str:
    train, held_out = human["training"], human["held_out"]
    axes = tuple(human["kinds"])
    kinds = list(human["cross_validated"][axes[0]])
    rows = [[kind, *(f"{human['cross_validated'][a][kind]:.3f}" for a in axes)] for kind in kinds]
    chosen = ", ".join(f"{axis}: {human['kinds'][axis]}" for axis in axes)
    means = [
        [name, *(f"{value:.2f}" for value in row.values())]
        for name, row in human["quadrants"].items()
    ]
    return "\n\n".join(
        [
            f"Judge: {train['clips']} training clips of {train['songs']} songs, "
            f"{held_out['clips']} held-out clips of {held_out['songs']} songs. Accuracy in "
            f"cross-validation over training songs; chosen: {chosen}.",
            markdown(["", *axes], rows),
            "Means by quadrant, training songs.",
            markdown(["", "Q1 happy", "Q2 tense", "Q3 sad", "Q4 calm"], means),
        ]
    )


def _verdicts(report: Mapping[str, Any]) -> str:
    human = report["human"]
    rows = [
        ["human clips of held-out songs", *verdict_cells(human["verdicts"])],
        ["the same, second judge", *verdict_cells(report["human_second"])],
        ["the same, majority guess", *(f"{x:.3f}" for x in human["majority"].values()), "", "", ""],
        ["the same, mode only", f"{human['mode_only_valence']:.3f}", "", "", "", ""],
        *([f"songs: {name}", *verdict_cells(v)] for name, v in report["generated"].items()),
        ["songs: corners, key only", f"{report['mode_alone_valence']:.3f}", "", "", "", ""],
    ]
    high = [
        [mood, *(f"{share:.2f}" for share in row.values())]
        for mood, row in report["generated"]["five moods"]["judged_high"].items()
    ]
    return "\n\n".join(
        [
            f"{len(report['clips'])} clips, {report['seeds']} seeds from {report['seed']}, "
            f"{report['songs']} songs. Share that the judge is right about, 95 % intervals over "
            "songs (human) and clips (composed); chance is .5, for the quadrant .25.",
            markdown(VERDICT_HEADER, rows),
            "Share of songs judged high, by asked mood.",
            markdown(["asked", "valence", "arousal"], high),
        ]
    )


def verdict_cells(verdicts: Verdicts) -> list[str]:
    """Cells of :data:`VERDICT_HEADER` after the first: shares with intervals, and AUC."""
    shares = [
        with_interval(verdicts[name]["share"], verdicts[name]["interval"])
        for name in ("valence", "arousal", "quadrant")
    ]
    return shares + [f"{verdicts[axis]['auc']:.3f}" for axis in ("valence", "arousal")]


def _moods(means: Mapping[str, Mapping[str, float]]) -> str:
    moods = list(next(iter(means.values())))
    rows = [[name, *(f"{row[mood]:.2f}" for mood in moods)] for name, row in means.items()]
    return "Means, same clips and seeds.\n\n" + markdown(["", *moods], rows)


def _claims(claims: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            claim["measure"],
            f"{claim['more']} > {claim['less']}",
            with_interval(claim["difference"], claim["interval"], signed=True),
            "yes" if claim["as_expected"] else "no",
            claim["source"],
        ]
        for claim in claims
    ]
    header = ["measure", "expected", "paired difference", "as expected", "source"]
    title = "Directions; 95 % intervals of the paired differences over clips, expected above 0."
    return f"{title}\n\n{markdown(header, rows)}"


def _strengths(strengths: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            f"{row['affect_guidance']:g}",
            f"{row['chord_mood_weight']:g}",
            *verdict_cells(row["verdicts"]),
            f"{row['minor_chords_sad']:.2f}",
            f"{row['minor_chords_relaxing']:.2f}",
            f"{row['diminished_chords_fearful']:.2f}",
            "yes" if row["same_song_whatever_is_asked"] else "no",
        ]
        for row in strengths
    ]
    header = [
        "affect guidance", "chord mood weight", "valence", "arousal", "quadrant", "AUC valence",
        "AUC arousal", "minor chords, sad", "minor chords, relaxing", "diminished, fearful",
        "same song whatever is asked",
    ]  # fmt: skip
    return "Strengths, four corners, one seed a clip.\n\n" + markdown(header, rows)
