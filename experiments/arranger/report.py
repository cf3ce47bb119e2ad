"""The report on the arranger as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.arranger.scores import HUMAN, MEAN, NETWORK, PATTERNS
from experiments.common.tables import markdown, with_interval
from experiments.mood.report import VERDICT_HEADER, verdict_cells

LEAST_OVERLAP, LEAST_RHO = 0.85, 0.85
MOST_SECONDS = 8.0
"""For the notes of a minute."""


def text_of(report: Mapping[str, Any]) -> str:
    """All tables of what was measured."""
    parts = [
        _title(report),
        _overlap(report["overlap"]),
        _values(report["values"]),
        _controls(report["controls"]),
        _melody(report["melody"]),
        _copying(report["copying"]),
    ]
    if "mood" in report:
        parts.append(_mood(report["mood"]))
    if "speed" in report:
        parts.append(_speed(report["speed"]))
    if NETWORK in report["controls"]:
        parts.append(_targets(report))
    return "\n\n".join(parts)


def _title(report: Mapping[str, Any]) -> str:
    bars = f"the first {report['bars']} bars of " if report["bars"] else ""
    return (
        f"Arranger ({report['weights'] or 'no weights'}) on {bars}{report['songs']} held-out songs "
        f"of POP909, seed {report['seed']}; in brackets 95 % intervals over songs of "
        f"{report['bootstrap']} resamples."
    )


def _overlap(overlap: Mapping[str, Any]) -> str:
    arrangers = dict(overlap["arrangers"])
    if "network less patterns" in overlap:
        arrangers["network less patterns"] = overlap["network less patterns"]
    rows = [
        [
            metric,
            f"{overlap['human halves'][metric]:.3f}",
            f"{overlap['other human songs'][metric]:.3f}",
            *(_cell(found[metric]) for found in arrangers.values()),
        ]
        for metric in overlap["human halves"]
    ]
    header = ["overlapped area", "human halves", "other human songs", *arrangers]
    return f"Overlapped area with the human arrangements.\n\n{markdown(header, rows)}"


def _values(values: Mapping[str, Mapping[str, tuple[float, float]]]) -> str:
    names = list(next(iter(values.values())))
    rows = [
        [metric, *(f"{row[name][0]:.3f} ± {row[name][1]:.3f}" for name in names)]
        for metric, row in values.items()
    ]
    title = "Mean and standard deviation over windows of eight bars."
    return f"{title}\n\n{markdown(['', *names], rows)}"


def _controls(controls: Mapping[str, Any]) -> str:
    columns = list(next(iter(controls.values())))
    rows = [[name, *(_cell(row[column]) for column in columns)] for name, row in controls.items()]
    title = "Spearman's rho between requested and measured values, bar by bar."
    return f"{title}\n\n{markdown(['', *columns], rows)}"


def _melody(melody: Mapping[str, Any]) -> str:
    names = list(next(iter(melody.values())))
    rows = [
        [measure, *(_quartiles(row[name], name) for name in names)]
        for measure, row in melody.items()
    ]
    title = (
        "Melody: median over songs and quartiles; whether the median lies within the human "
        "interquartile range, and the share of songs that do (human: .5)."
    )
    return f"{title}\n\n{markdown(['', *names], rows)}"


def _quartiles(row: Mapping[str, Any], name: str) -> str:
    low, median, high = row["quartiles"]
    found = f"{median:.3g} ({low:.3g} to {high:.3g})"
    if name == HUMAN:
        return found
    return f"{found}, {'inside' if row['inside'] else 'outside'}, {row['share_inside']:.2f}"


def _copying(copying: Mapping[str, Mapping[str, float]]) -> str:
    columns = list(next(iter(copying.values())))
    rows = [[name, *(f"{row[column]:g}" for column in columns)] for name, row in copying.items()]
    header = ["", *(column.replace("_", " ") for column in columns)]
    title = "Longest passage of a melody that a training song has too, in intervals, over songs."
    return f"{title}\n\n{markdown(header, rows)}"


def _mood(mood: Mapping[str, Any]) -> str:
    rows = [[name, *verdict_cells(row)] for name, row in mood["verdicts"].items()]
    kinds = ", ".join(f"{axis}: {kind}" for axis, kind in mood["kinds"].items())
    title = (
        f"Moods of {mood['clips']} held-out clips of {mood['songs']} songs of EMOPIA, by a "
        f"classifier trained on {mood['training_clips']} others ({kinds}); chance is .5, for the "
        "quadrant .25."
    )
    return f"{title}\n\n{markdown(VERDICT_HEADER, rows)}"


def _speed(speed: Mapping[str, Any]) -> str:
    return (
        f"Speed: {speed['notes']} notes of {speed['music_s']:.0f} s of music in "
        f"{speed['seconds']:.2f} s, {speed['notes'] / speed['seconds']:.0f} notes a second (best "
        f"of {speed['runs']}, {speed['threads']} threads)."
    )


def _targets(report: Mapping[str, Any]) -> str:
    """What is wanted of the network, and whether it is reached."""
    found = report["overlap"]["arrangers"][NETWORK]
    gaps = report["overlap"][f"{NETWORK} less {PATTERNS}"]
    worse = [metric for metric, gap in gaps.items() if gap["figure"] <= 0]
    rho = {name: cell["figure"] for name, cell in report["controls"][NETWORK].items()}
    outside = [name for name, row in report["melody"].items() if not row[NETWORK]["inside"]]
    ours, human = report["copying"][NETWORK], report["copying"][HUMAN]
    longer = [name for name in ours if ours[name] > human[name]]
    low = [name for name, value in rho.items() if not value >= LEAST_RHO]
    rows = [
        ["overlapped area on average", f"at least {LEAST_OVERLAP}", f"{found[MEAN]['figure']:.3f}",
         found[MEAN]["figure"] >= LEAST_OVERLAP],
        ["overlapped area by metric", "above the patterns'", _listed("not", worse), not worse],
        ["controls", f"rho of at least {LEAST_RHO}", _listed("not", low), not low],
        ["melody", "median in the human quartiles", _listed("not", outside), not outside],
        ["longest melody match", "no longer than people's", _listed("longer", longer), not longer],
    ]  # fmt: skip
    if "mood" in report:
        rows.append(_mood_target(report["mood"]["verdicts"]))
    if "speed" in report:
        speed = report["speed"]["seconds"] / report["speed"]["music_s"] * 60
        rows.append(
            ["notes of a minute", f"at most {MOST_SECONDS:g} s", f"{speed:.2f} s",
             speed <= MOST_SECONDS]
        )  # fmt: skip
    lines = [[what, wanted, got, "yes" if reached else "no"] for what, wanted, got, reached in rows]
    return markdown(["target", "wanted", "found", "reached"], lines)


def _mood_target(verdicts: Mapping[str, Any]) -> list[Any]:
    human = next(row for name, row in verdicts.items() if name.startswith(HUMAN))
    less = [name for name in human if verdicts[NETWORK][name]["share"] < human[name]["share"]]
    return ["mood", "recognised as often as people's", _listed("less often", less), not less]


def _listed(word: str, names: Sequence[str]) -> str:
    return f"{word}: {', '.join(names)}" if names else "all"


def _cell(found: Mapping[str, Any]) -> str:
    return with_interval(found["figure"], found["interval"])
