"""Whole pieces by every player, measured beside the teacher's: plain numbers for tables and JSON.

Notes are those that Basic Pitch finds in the mix against those that are written for pitched parts.
Distances and times are measured of every family of instruments by itself, and of the mix. Baselines
that nobody taught the teacher's level (:data:`UNLEVELLED`) get one gain a piece.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.common.bootstrap import mean_and_interval
from experiments.renderer.measures import AGREED
from experiments.renderer.metrics import (
    AUDIBLE_DB,
    Floats,
    drum_onsets,
    frechet_distance,
    integrated_lufs,
    loudness_error,
    mel_db,
    mel_distance,
    mel_statistics,
    merged_onsets,
    texture,
    time_errors,
)
from experiments.renderer.pieces import Piece
from experiments.renderer.players import PiecePlayer, Rendering, transcribed
from experiments.renderer.stereo import correlation, high_band_db, side_to_mid_db
from experiments.renderer.systems import OTHER, SINES, TEACHER
from experiments.renderer.transcriber import (
    FRAME,
    N_KEYS,
    RATE,
    Posteriors,
    Transcriber,
    decode,
    note_scores,
    onset_f1,
)
from render.diffusion.instruments import DRUMS

EXCITATION = "excitation without network"
UNLEVELLED = (OTHER, SINES, EXCITATION)
"""Players that one gain a piece brings to the teacher's loudness."""
SCORES = (
    "f1", "precision", "recall", "f1_offsets", AGREED, "drum_f1", "mel_audible", "loudness",
    "flux", "deviation", "correlation", "width_db", "high_db",
)  # fmt: skip
DENSE_GROUPS = ("dense piano",)
_SECOND = RATE // FRAME


@dataclass(frozen=True, slots=True, eq=False)
class WholeMeasured:
    """What was measured of one player's rendering of a piece.

    Attributes:
        scores: of :data:`SCORES`; NaN where one does not apply. ``flux`` and ``deviation`` are
            ratios to the teacher's, ``width_db`` and ``high_db`` plain levels.
        families: family -> ``mel_audible`` and ``loudness`` of its sound alone.
        rise_ms: errors at isolated onsets of single families.
        fall_ms: family -> errors at isolated releases.
        statistics: [S, 96] embedding by the log-mel spectrogram.
        posteriors: [S, 176] embedding by the transcriber.
        real_time: seconds of wall clock, and of processor, for a second of one stem.
    """

    scores: dict[str, float]
    families: dict[str, dict[str, float]]
    rise_ms: Floats
    fall_ms: dict[str, Floats]
    statistics: Floats
    posteriors: Floats
    real_time: tuple[float, float]


WholeTable = Mapping[str, Sequence[WholeMeasured]]
"""Name -> what was measured of each piece, in one order; :data:`TEACHER` among them."""


def play_and_measure(
    piece: Piece, players: Mapping[str, PiecePlayer], transcriber: Transcriber | None,
    cache: Path | None,
) -> tuple[dict[str, WholeMeasured], dict[str, Rendering]]:  # fmt: skip
    """Let everybody play a piece and measure it beside the teacher, who is the first player."""
    made = {name: play(piece) for name, play in players.items()}
    true = made[TEACHER]
    wanted = integrated_lufs(true.mono)
    for name in UNLEVELLED:
        if name in made:
            made[name] = made[name].louder(wanted - integrated_lufs(made[name].mono))
    heading = _Reference(piece, true)
    notes = {
        name: transcribed(transcriber, r.mono, cache) for name, r in made.items() if transcriber
    }
    return {name: heading.measure(r, notes.get(name), notes) for name, r in made.items()}, made


class _Reference:
    """What a piece's renderings are compared with."""

    def __init__(self, piece: Piece, true: Rendering) -> None:
        self._piece, self._true = piece, true
        self._wave = true.mono
        self._mel = mel_db(self._wave)
        self._texture = texture(self._mel)

    def measure(
        self, made: Rendering, found: Posteriors | None, notes: Mapping[str, Posteriors]
    ) -> WholeMeasured:
        """Everything that is known of one rendering."""
        wave = made.mono
        mel = mel_db(wave)
        flux, deviation = texture(mel)
        scores = {
            "mel_audible": mel_distance(mel, self._mel, AUDIBLE_DB),
            "loudness": loudness_error(wave, self._wave),
            "flux": flux / self._texture[0], "deviation": deviation / self._texture[1],
            "correlation": correlation(made.mix), "width_db": side_to_mid_db(made.mix),
            "high_db": high_band_db(made.mix),
        }  # fmt: skip
        if found is not None:
            notes_found = decode(found)
            scores |= asdict(note_scores(notes_found, self._piece.pitched))
            scores[AGREED] = note_scores(notes_found, decode(notes[TEACHER])).f1
        if DRUMS in made.families:
            drums = [n for p in self._piece.parts if p.is_drum for n in p.notes]
            onsets = drum_onsets(mel_db(made.families[DRUMS]))
            scores["drum_f1"] = onset_f1(onsets, merged_onsets(drums))
        rise_ms, fall_ms = self._times(made)
        return WholeMeasured(
            dict.fromkeys(SCORES, math.nan) | scores, self._families(made), rise_ms, fall_ms,
            mel_statistics(mel), _by_second(found), _real_time(made),
        )  # fmt: skip

    def _families(self, made: Rendering) -> dict[str, dict[str, float]]:
        report = {}
        for family, true in self._true.families.items():
            if family in made.families:
                ours = made.families[family]
                report[family] = {
                    "mel_audible": mel_distance(mel_db(ours), mel_db(true), AUDIBLE_DB),
                    "loudness": loudness_error(ours, true),
                }
        return report

    def _times(self, made: Rendering) -> tuple[Floats, dict[str, Floats]]:
        rises, falls = [np.zeros(0)], {}
        for family, true in self._true.families.items():
            if family in made.families:
                parts = zip(self._piece.parts, self._piece.families, strict=True)
                held = (p.sustained(self._piece.duration_s) for p, f in parts if f == family)
                notes = sorted(note for part in held for note in part.notes)
                releases = family != DRUMS
                rise, fall = time_errors(made.families[family], true, notes, has_releases=releases)
                rises.append(rise)
                falls[family] = fall
        return np.concatenate(rises), falls


def _by_second(posteriors: Posteriors | None) -> Floats:
    """Means of posteriors over every whole second: [S, 176]."""
    if posteriors is None:
        return np.zeros((0, 2 * N_KEYS))
    both = np.concatenate([posteriors.onset, posteriors.note], axis=1).astype(np.float64)
    whole = len(both) // _SECOND * _SECOND
    return np.asarray(both[:whole].reshape(-1, _SECOND, both.shape[1]).mean(axis=1))


def _real_time(made: Rendering) -> tuple[float, float]:
    if not made.sounding_s:
        return math.nan, math.nan
    return made.wall_s / made.sounding_s, made.cpu_s / made.sounding_s


# --- reports ----------------------------------------------------------------------------------


def whole_report(
    table: WholeTable, pieces: Sequence[Piece], n_resamples: int, seed: int
) -> dict[str, Any]:
    """All figures of whole pieces by name."""
    return {
        "pieces": [
            {"name": piece.name, "group": piece.group, "seconds": piece.duration_s,
             "notes": len(piece.pitched), "instruments": len(piece.parts)}
            for piece in pieces
        ],
        "figures": _figures(table, n_resamples, seed),
        "by_piece": {
            system: [{name: row.scores[name] for name in ("f1", "precision", "recall")}
                     for row in rows]
            for system, rows in table.items()
        },
        "families": _family_means(table),
        "times": {system: _times(rows) for system, rows in table.items()},
        "frechet": _frechet(table),
        "real_time": {
            system: [_median(row.real_time[i] for row in rows) for i in (0, 1)]
            for system, rows in table.items()
        },
    }  # fmt: skip


def _figures(table: WholeTable, n_resamples: int, seed: int) -> dict[str, Any]:
    """System -> score -> mean with interval, and ``f1_gap`` to the teacher."""
    report: dict[str, Any] = {}
    for system, rows in table.items():
        of = {name: [row.scores[name] for row in rows] for name in SCORES}
        gap = [row.scores["f1"] - true.scores["f1"]
               for row, true in zip(rows, table[TEACHER], strict=True)]  # fmt: skip
        report[system] = {
            name: mean_and_interval(values, n_resamples, seed)
            for name, values in {**of, "f1_gap": gap}.items()
        }
    return report


def _family_means(table: WholeTable) -> dict[str, Any]:
    """Family -> system -> measure, means over the pieces in which the family plays."""
    names = dict.fromkeys(name for rows in table.values() for row in rows for name in row.families)
    return {
        family: {
            system: {
                measure: _mean(r.families[family][measure] for r in rows if family in r.families)
                for measure in ("mel_audible", "loudness")
            }
            for system, rows in table.items()
        }
        for family in names
    }


def _times(rows: Sequence[WholeMeasured]) -> dict[str, Any]:
    """Median size of errors, median with sign, share within 15 ms and counts."""
    rise = np.concatenate([row.rise_ms for row in rows])
    falls: dict[str, list[Floats]] = {}
    for row in rows:
        for family, errors in row.fall_ms.items():
            falls.setdefault(family, []).append(errors)
    by_family = {family: np.concatenate(errors) for family, errors in falls.items()}
    fall = np.concatenate([np.zeros(0), *by_family.values()])
    return {
        "rise_ms": spread(rise), "fall_ms": spread(fall),
        "fall_by_family": {family: spread(errors) for family, errors in by_family.items()},
    }  # fmt: skip


def spread(errors_ms: Floats) -> dict[str, float]:
    """Size and sign of errors in ms, the share of all within 15 ms, the share that is missed."""
    found = errors_ms[np.isfinite(errors_ms)]
    if not len(found):
        return {"median": math.nan, "late": math.nan, "within_15": math.nan, "notes": 0.0}
    return {
        "median": float(np.median(np.abs(found))), "late": float(np.median(found)),
        "within_15": float((np.abs(found) <= 15).sum() / len(errors_ms)),
        "notes": float(len(errors_ms)),
    }  # fmt: skip


def _frechet(table: WholeTable) -> dict[str, dict[str, float]]:
    report: dict[str, dict[str, float]] = {}
    for embedding in ("statistics", "posteriors"):
        of = {s: np.concatenate([getattr(r, embedding) for r in rows]) for s, rows in table.items()}
        if len(of[TEACHER]) > 1:
            report[embedding] = {
                system: frechet_distance(found, of[TEACHER])
                for system, found in of.items()
                if system != TEACHER
            }
    return report


def _mean(values: Any) -> float:  # noqa: ANN401 - any floats
    found = [value for value in values if math.isfinite(value)]
    return float(np.mean(found)) if found else math.nan


def _median(values: Any) -> float:  # noqa: ANN401 - any floats
    found = [value for value in values if math.isfinite(value)]
    return float(np.median(found)) if found else math.nan
