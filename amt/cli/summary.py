"""What a command says when it is done."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amt.cli.console import print_out

if TYPE_CHECKING:
    from amt.reporter import Reporter
    from amt.types import Plan, Song
    from render.stems import Instrument


def summarise(
    plan: Plan,
    song: Song,
    outputs: Sequence[Path],
    *,
    as_json: bool,
    reporter: Reporter,
    sound: Instrument | None = None,
    failed: Mapping[Path, str] | None = None,
) -> None:
    """Say what was made.

    Args:
        plan: of the piece.
        song: the piece.
        outputs: files that were written.
        as_json: also print it as one line of JSON on stdout.
        reporter: gets the sentences.
        sound: engine and soundfont that played, where sound was made.
        failed: outputs that could not be made, and why.
    """
    tempos = plan.grid.tempo_bpm
    summary = {
        "outputs": [str(path) for path in outputs],
        "failed": {str(path): why for path, why in (failed or {}).items()},
        **facts(plan, song, sound),
    }
    low, high = f"{tempos.min():.1f}", f"{tempos.max():.1f}"
    reporter.message(
        f"{plan.key.label}, {low if low == high else f'{low}-{high}'} BPM, "
        f"{_counted(len(plan.grid.bars), 'bar')}, "
        f"{_counted(sum(len(track.notes) for track in song.tracks), 'note')} "
        f"in {_counted(len(song.tracks), 'track')}, {plan.grid.duration_s:.2f} s -> "
        f"{', '.join(map(str, outputs))}"
    )
    if sound is not None:
        reporter.message(f"played by {sound}{'; ' * bool(sound.hint)}{sound.hint}")
    if as_json:
        print_out(json.dumps(summary))


def facts(plan: Plan, song: Song, sound: Instrument | None) -> dict[str, Any]:
    """What a piece is like, for machines: length, key, tempi, counts, and what played it."""
    tempos = plan.grid.tempo_bpm
    return {
        "duration_s": round(plan.grid.duration_s, 3),
        "key": plan.key.label,
        "key_changes": [[beat, key.label] for beat, key in plan.key_changes()],
        "tempo_bpm": [round(float(tempos.min()), 2), round(float(tempos.max()), 2)],
        "bars": len(plan.grid.bars),
        "chords": len(plan.chords),
        "notes": {track.name: len(track.notes) for track in song.tracks},
        "style": plan.style,
        "arranger": plan.arrangement.arranger,
        "seed": plan.seed,
        "engine": sound and f"{sound.engine} {sound.version}".strip(),
        "soundfont": sound and sound.soundfont and str(sound.soundfont),
    }


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
