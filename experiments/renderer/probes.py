"""Probes of single sounds: releases of every family, and drums key by key, beside the teacher's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mido
import numpy as np

from experiments.renderer.metrics import loudness_by_second, time_errors
from experiments.renderer.pieces import Piece
from experiments.renderer.players import PiecePlayer
from experiments.renderer.systems import TEACHER
from experiments.renderer.whole import UNLEVELLED, spread
from render.diffusion.instruments import DRUMS, FAMILIES
from render.score import Note, Part

DRUM_KEYS = {
    36: "kick", 38: "snare", 42: "closed hat", 46: "open hat", 45: "tom", 49: "crash", 51: "ride",
}  # fmt: skip
"""General MIDI keys whose loudness is compared."""
_VELOCITIES = (50, 80, 100, 120)
_GAP_S = 2.0
"""Seconds from a probe to the next."""
_HELD_S = 0.8
_RANDOM = 15


def release_probe() -> Piece:
    """Every instrument of every family, one after another: single notes over its range."""
    rng = np.random.default_rng(_RANDOM)
    parts, start_s = [], 0.2
    for family in FAMILIES:
        if family.name == DRUMS:
            continue
        for program in family.programs:
            third = (family.highest - family.lowest) // 6
            pitches = (family.lowest + third, (family.lowest + family.highest) // 2,
                       family.highest - third)  # fmt: skip
            notes = []
            for pitch in pitches:
                velocity = int(rng.integers(50, 115))
                notes.append(Note(start_s, start_s + _HELD_S, pitch, velocity))
                start_s += _GAP_S
            change = mido.Message("program_change", program=program)
            parts.append(Part(family.name, False, tuple(notes), ((0.0, change),)))
    return Piece("releases", "probe", tuple(parts), start_s + 1.0)


def drum_probe() -> Piece:
    """Every key of :data:`DRUM_KEYS` at several velocities, from whole second to whole second."""
    notes, start_s = [], 0.0
    for key in DRUM_KEYS:
        for velocity in _VELOCITIES:
            notes.append(Note(start_s, start_s + 0.1, key, velocity))
            start_s += _GAP_S
    return Piece("drums", "probe", (Part(DRUMS, True, tuple(notes), ()),), start_s)


def probe_report(players: Mapping[str, PiecePlayer]) -> dict[str, Any]:
    """What everybody makes of the probes.

    Args:
        players: the teacher first.

    Returns:
        ``releases``: system -> family -> errors of the release; ``all_releases``: the same of all
        families together; ``drums``: system -> drum ->
        ``bias`` and ``error``, the mean difference to the teacher's loudness of the second from its
        onset in dB, with and without its sign. Players whose level nobody taught get one gain.
    """
    releases, drums = release_probe(), drum_probe()
    played = {
        name: (play(releases).families, play(drums).families.get(DRUMS))
        for name, play in players.items()
    }
    true_families, true_drums = played[TEACHER]
    report: dict[str, Any] = {"releases": {}, "all_releases": {}, "drums": {}}
    for name, (families, kit) in played.items():
        errors = {}
        for family, true in true_families.items():
            if family in families:
                notes = sorted(n for p in releases.parts if p.name == family for n in p.notes)
                errors[family] = time_errors(families[family], true, notes)[1]
        report["releases"][name] = {family: spread(row) for family, row in errors.items()}
        report["all_releases"][name] = spread(np.concatenate([np.zeros(0), *errors.values()]))
        if kit is not None and true_drums is not None:
            gap = loudness_by_second(kit) - loudness_by_second(true_drums)
            hits = gap[:: round(_GAP_S)].reshape(len(DRUM_KEYS), len(_VELOCITIES))
            if name in UNLEVELLED:
                hits = hits - np.median(hits)
            report["drums"][name] = {
                drum: {"bias": float(row.mean()), "error": float(np.abs(row).mean())}
                for drum, row in zip(DRUM_KEYS.values(), hits, strict=True)
            }
    return report
