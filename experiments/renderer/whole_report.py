"""The report on whole pieces as Markdown tables, with the targets beside what was found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.common.tables import markdown, number, with_interval
from experiments.renderer.systems import TEACHER

MOST_MEL_DB, MOST_LOUDNESS_DB, MOST_DRUM_DB = 4.0, 2.0, 3.0
MOST_RELEASE_MS, MOST_REAL_TIME, MOST_WEIGHT_MB = 15.0, 0.1, 14.0
MOST_LOST_BY_STEPS, MOST_LOST_IN_BANDS = 0.02, 0.03
_SOLO = ("dense piano", "piano")


def whole_text(report: Mapping[str, Any]) -> str:
    """All tables of whole pieces."""
    whole = report["whole"]
    parts = [
        _title(report), _groups(whole), _notes(whole["figures"]), _sound(whole),
        _families(whole["families"], "mel_audible", "Audible log-mel L1 by family, dB."),
        _families(whole["families"], "loudness", "Loudness error by family, dB."),
        _times(whole["times"]), _releases(report["probes"]["releases"]),
        _drums(report["probes"]["drums"]), _targets(report),
    ]  # fmt: skip
    return "\n\n".join(parts)


def _title(report: Mapping[str, Any]) -> str:
    pieces = report["whole"]["pieces"]
    minutes = sum(piece["seconds"] for piece in pieces) / 60
    return (
        f"Whole pieces: {len(pieces)} of {min(p['seconds'] for p in pieces):.0f} to "
        f"{max(p['seconds'] for p in pieces):.0f} s ({minutes:.1f} minutes, "
        f"{sum(p['notes'] for p in pieces)} pitched notes, one to "
        f"{max(p['instruments'] for p in pieces)} instruments), held out of training, seed "
        f"{report['seed']}; teacher {report['soundfont']}, weights {report['weights']}. TimGM6mb, "
        "sines and the excitation get one gain a piece."
    )


def _groups(whole: Mapping[str, Any]) -> str:
    groups = list(dict.fromkeys(piece["group"] for piece in whole["pieces"]))
    rows = [
        [system, *(number(_group_f1(whole, system, group), 3) for group in groups)]
        for system in whole["by_piece"]
    ]
    title = "Note F1 of a transcription by Basic Pitch (onset within 50 ms), by kind of piece."
    return f"{title}\n\n{markdown(['', *groups], rows)}"


def _group_f1(whole: Mapping[str, Any], system: str, *groups: str) -> float:
    chosen = [
        row["f1"]
        for row, piece in zip(whole["by_piece"][system], whole["pieces"], strict=True)
        if piece["group"] in groups
    ]
    return float(np.mean(chosen)) if chosen else math.nan


def _notes(figures: Mapping[str, Any]) -> str:
    columns = {
        "f1": "note F1", "precision": "precision", "recall": "recall",
        "f1_gap": "F1 less teacher's",
        "f1_offsets": "F1 with offsets", "f1_agreed": "same as the teacher's",
        "drum_f1": "drum onset F1",
    }  # fmt: skip
    rows = [
        [system, *(_cell(row[name], 3, signed=name == "f1_gap") for name in columns)]
        for system, row in figures.items()
    ]
    title = "Notes over all pieces; in brackets 95 % intervals over pieces."
    return f"{title}\n\n{markdown(['', *columns.values()], rows)}"


def _sound(whole: Mapping[str, Any]) -> str:
    columns = {
        "mel_audible": ("audible log-mel L1, dB", 2), "loudness": ("loudness error, dB", 2),
        "flux": ("spectral flux / teacher's", 2),
        "deviation": ("band-wise deviation / teacher's", 2),
        "correlation": ("correlation of left and right", 2),
        "width_db": ("side / middle, dB", 1), "high_db": ("12-18 / 6-12 kHz, dB", 1),
    }  # fmt: skip
    heads = [head for head, _ in columns.values()]
    heads += [
        "Fréchet, log-mel statistics",
        "Fréchet, Basic Pitch",
        "real time a voice",
        "processor",
    ]
    rows = []
    for system, row in whole["figures"].items():
        cells = [_cell(row[name], digits) for name, (_, digits) in columns.items()]
        cells += [
            number(whole["frechet"].get(name, {}).get(system, math.nan), 2)
            for name in ("statistics", "posteriors")
        ]
        cells += [number(value, 3) for value in whole["real_time"][system]]
        rows.append([system, *cells])
    title = (
        "The mix beside the teacher's. Real time: seconds for a second of one voice, median over "
        "pieces, by the clock and of the processor."
    )
    return f"{title}\n\n{markdown(['', *heads], rows)}"


def _families(families: Mapping[str, Any], measure: str, title: str) -> str:
    systems = list(next(iter(families.values())))
    rows = [
        [family, *(number(row[system][measure], 1) for system in systems)]
        for family, row in families.items()
    ]
    return f"{title}\n\n{markdown(['', *systems], rows)}"


def _times(times: Mapping[str, Any]) -> str:
    rows = [
        [system, *(_spread(row[kind]) for kind in ("rise_ms", "fall_ms"))]
        for system, row in times.items()
    ]
    first = next(iter(times.values()))
    title = (
        f"{first['rise_ms']['notes']:.0f} isolated onsets and {first['fall_ms']['notes']:.0f} "
        "isolated releases within families: median size of the error against the teacher's in ms "
        "(median with its sign; share within 15 ms)."
    )
    return f"{title}\n\n{markdown(['', 'onset', 'release'], rows)}"


def _releases(releases: Mapping[str, Any]) -> str:
    systems = [system for system in releases if system != TEACHER]
    rows = [
        [family, *(_spread(releases[system].get(family)) for system in systems)]
        for family in releases[TEACHER]
    ]
    title = (
        "Releases of single notes of every instrument: median size of the error in ms (median with "
        "its sign; share within 15 ms) at which the sound has fallen by 10 dB."
    )
    return f"{title}\n\n{markdown(['', *systems], rows)}"


def _drums(drums: Mapping[str, Any]) -> str:
    systems = [system for system in drums if system != TEACHER]
    rows = [
        [drum, *(f"{number(drums[s][drum]['bias'], 1, signed=True)} "
                 f"({number(drums[s][drum]['error'], 1)})" for s in systems)]
        for drum in drums[TEACHER]
    ]  # fmt: skip
    title = "Loudness of single drums less the teacher's, dB: mean with its sign (and size)."
    return f"{title}\n\n{markdown(['', *systems], rows)}"


def _spread(found: Mapping[str, float] | None) -> str:
    if found is None or not math.isfinite(found["median"]):
        return "-"
    return (
        f"{number(found['median'], 1)} ({number(found['late'], 1, signed=True)}; "
        f"{100 * found['within_15']:.0f} %)"
    )


def _targets(report: Mapping[str, Any]) -> str:
    """What is wanted of the neural engine, and whether it is reached."""
    whole, main, most = report["whole"], report["main"], report["most_steps"]
    ours = whole["figures"][main]
    bands = [p["group"] for p in whole["pieces"] if p["group"] not in _SOLO]
    band_gap = _group_f1(whole, main, *bands) - _group_f1(whole, TEACHER, *bands)
    gap = ours["f1_gap"]["figure"]
    drums = report["probes"]["drums"].get(main, {})
    worst_drum = max((row["error"] for row in drums.values()), default=math.nan)
    releases = report["probes"]["releases"].get(main, {})
    fall = [row["median"] for row in releases.values()]
    every = report["probes"]["all_releases"].get(main, {"median": math.nan})["median"]
    lost = whole["figures"][most]["f1"]["figure"] - ours["f1"]["figure"]
    wanted: list[tuple[str, str, float, bool]] = [
        ("note F1", "no lower than the teacher's", gap, gap >= 0),
        ("note F1 of several instruments", f"at most {MOST_LOST_IN_BANDS} below the teacher's",
         band_gap, band_gap >= -MOST_LOST_IN_BANDS),
        *_at_most(ours, drums, worst_drum),
        ("release, median of all instruments, ms", f"at most {MOST_RELEASE_MS:g}",
         every, every <= MOST_RELEASE_MS),
        ("release, median of the worst family, ms", f"at most {MOST_RELEASE_MS:g}",
         max(fall, default=math.nan), max(fall, default=math.inf) <= MOST_RELEASE_MS),
        (f"F1, {most} less {main}", f"at least -{MOST_LOST_BY_STEPS}", lost,
         lost >= -MOST_LOST_BY_STEPS),
        ("real-time factor of a voice", f"at most {MOST_REAL_TIME}",
         whole["real_time"][main][0], whole["real_time"][main][0] <= MOST_REAL_TIME),
        ("weights, MB", f"at most {MOST_WEIGHT_MB:g}", report["weights_mb"],
         report["weights_mb"] <= MOST_WEIGHT_MB),
    ]  # fmt: skip
    rows = [[name, want, number(found, 3), "yes" if reached else "no"]
            for name, want, found, reached in wanted]  # fmt: skip
    return f"{main}:\n\n{markdown(['target', 'wanted', 'found', 'reached'], rows)}"


def _at_most(
    ours: Mapping[str, Any], drums: Mapping[str, Any], worst_drum: float
) -> Sequence[tuple[str, str, float, bool]]:
    """Rows of the distances that must not be exceeded."""
    mel, loudness = ours["mel_audible"]["figure"], ours["loudness"]["figure"]
    rows = [
        ("audible log-mel L1, dB", f"at most {MOST_MEL_DB:g}", mel, mel <= MOST_MEL_DB),
        ("loudness error, dB", f"at most {MOST_LOUDNESS_DB:g}", loudness,
         loudness <= MOST_LOUDNESS_DB),
    ]  # fmt: skip
    if drums:
        rows.append(("loudness of the worst drum, dB", f"at most {MOST_DRUM_DB:g}", worst_drum,
                     worst_drum <= MOST_DRUM_DB))  # fmt: skip
    return rows


def _cell(found: Mapping[str, Any], digits: int = 3, *, signed: bool = False) -> str:
    return with_interval(found["figure"], found["interval"], digits, signed=signed)
