"""The neural renderer on whole pieces: who plays, and pictures of what they made."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from data_prep.note_song import NoteSong
from experiments.common.corpora import EMOPIA, POP909
from experiments.common.reports import note
from experiments.renderer.metrics import mel_db
from experiments.renderer.pieces import Piece, draw_pieces
from experiments.renderer.players import (
    PiecePlayer,
    Rendering,
    by_engine,
    by_excitation,
    by_part,
    by_soundfont,
    cached,
    sines,
)
from experiments.renderer.probes import probe_report
from experiments.renderer.report import draw_spectrograms
from experiments.renderer.systems import OTHER, SINES, TEACHER
from experiments.renderer.transcriber import Transcriber
from experiments.renderer.whole import EXCITATION, WholeMeasured, play_and_measure, whole_report
from render.diffusion.mel import FRAME_RATE

PICTURED = ("dense piano", "three", "ours, orchestral", "ours, band")
"""Kinds of pieces of which the first is drawn."""
PICTURE_FROM_S = 8.0
"""Where pictures of a piece begin."""


def evaluate_pieces(
    args: argparse.Namespace, held: Mapping[str, Sequence[NoteSong]],
    transcriber: Transcriber | None,
) -> dict[str, Any]:  # fmt: skip
    """What is known of a renderer by whole pieces and probes of single sounds."""
    roots = {POP909: args.pop909} | ({EMOPIA: args.emopia} if args.emopia else {})
    pieces = draw_pieces(held, roots, args.pieces, args.seed, args.cache)
    renderings = args.cache / "renderings" if args.cache else None
    players, ours = _players(args, renderings)
    shown = {TEACHER, EXCITATION, next(iter(ours))}
    drawn: set[str] = set()
    table: dict[str, list[WholeMeasured]] = {}
    for number, piece in enumerate(pieces, 1):
        note(f"{number}/{len(pieces)}: {piece.group}, {piece.name}")
        measured, made = play_and_measure(piece, players, transcriber, renderings)
        for name, row in measured.items():
            table.setdefault(name, []).append(row)
        if args.pictures and piece.group in PICTURED and piece.group not in drawn:
            drawn.add(piece.group)
            draw_whole(piece, made, [name for name in made if name in shown], args.pictures)
    return {
        "weights": str(args.weights), "soundfont": args.soundfont.name, "seed": args.seed,
        "whole": whole_report(table, pieces, args.bootstrap, args.seed),
        "probes": probe_report({name: players[name] for name in (TEACHER, OTHER, *ours)}),
        "weights_mb": size_mb(args.weights),
        "main": steps_name(args.steps[0]), "most_steps": steps_name(max(args.steps)),
    }  # fmt: skip


def _players(
    args: argparse.Namespace, renderings: Path | None
) -> tuple[dict[str, PiecePlayer], tuple[str, ...]]:
    """All players, the teacher first, and the names of the neural ones."""
    kept = {
        TEACHER: by_soundfont(args.engine, args.soundfont),
        OTHER: by_soundfont(args.engine, timgm6mb()),
        SINES: by_part(sines),
    }
    names = {TEACHER: args.soundfont.name, OTHER: OTHER, SINES: SINES}
    players = {
        name: cached(player, f"{args.engine} {names[name]}", renderings)
        for name, player in kept.items()
    }
    ours = {steps_name(n): n for n in args.steps}
    players[EXCITATION] = by_excitation
    for name, n in ours.items():
        players[name] = by_engine(args.weights, n, args.soundfont, args.seed)
    return players, tuple(ours)


def draw_whole(
    piece: Piece, made: Mapping[str, Rendering], shown: Sequence[str], folder: Path
) -> None:
    """Draw some seconds of a piece by several players as ``whole-GROUP.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    first = round(PICTURE_FROM_S * FRAME_RATE)
    spectrograms = {name: mel_db(made[name].mono)[:, first:] for name in shown}
    notes = [
        replace(n, start_s=n.start_s - PICTURE_FROM_S)
        for part in piece.parts
        for n in part.notes
        if n.start_s >= PICTURE_FROM_S
    ]
    name = piece.group.replace(", ", "-").replace(" ", "-")
    draw_spectrograms(
        spectrograms, notes, f"{piece.group}: {piece.name}", folder / f"whole-{name}.png"
    )


def steps_name(steps: int) -> str:
    """The name of the engine with so many steps in tables."""
    return f"diffusion, {steps} step{'s' * (steps > 1)}"


def size_mb(folder: Path) -> float:
    """Size in 10^6 bytes of all weight files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*.safetensors")) / 1e6


def timgm6mb() -> Path:
    """The small soundfont that comes with pretty_midi."""
    package = importlib.util.find_spec("pretty_midi")
    assert package is not None and package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / "TimGM6mb.sf2"
