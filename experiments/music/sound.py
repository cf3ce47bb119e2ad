"""What the music sounds like: the mix of its stems, its crescendi, and the sound at cuts.

    python -m experiments.evaluate sound CLIPS --soundfont FluidR3_GM.sf2
    python -m experiments.evaluate sound --films 4 --first 4000 --arranger patterns

Every clip of a folder, or every drawn film, is scored with every seed and style as ``amt generate``
scores it and rendered stem by stem with a soundfont (:mod:`experiments.music.audio`).

* Mix: level of the melody over the rest between 300 and 4,000 Hz while it plays, with the share of
  pieces within :data:`MELODY_DB`; loudness of the other roles against the whole; level of the
  drums' attacks over the rest between 2 and 10 kHz.
* Cuts: at strong cuts and at all other downbeats the rise in loudness, the onset strength, the
  change of colour and of pitch classes, and entries. A moment is marked if its rise or its onset
  strength is :data:`RISE_DB` above the median of its piece's other downbeats, if colour or pitch
  classes change more than at :data:`ORDINARY_SHARE` of all other downbeats, if the music becomes
  :data:`RISE_DB` softer, or if a part enters.
* Crescendi: rise over the two seconds before strong cuts.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import amt
from amt.arrange.styles import style_names
from amt.timing.hits import is_strong
from experiments.common.reports import note, write_json
from experiments.common.tables import markdown, number
from experiments.music import audio
from experiments.music.evaluate import FIRST_FILM, clips_of, drawn_clips

MELODY_DB = (3.0, 8.0)
"""Least and most level of a melody over the rest."""
RISE_DB = 3.0
"""dB by which a moment stands out."""
ORDINARY_SHARE = 0.9
"""Share of the ordinary downbeats at which colour or pitch classes change less than at a marked
moment."""
NEAR_S = 0.15
"""Seconds from a strong cut within which a downbeat is no ordinary one."""
_BALANCED = ("counter", "accompaniment", "harmony", "arpeggio", "pad", "bass", "drums")


@dataclass(frozen=True, slots=True)
class Measured:
    """The measures of one piece."""

    clip: str
    seed: int
    style: str
    melody_db: float
    balance_db: dict[str, float]
    """Role -> loudness against the whole; NaN for a role that does not play."""
    attacks_db: float
    cuts: tuple[audio.Event, ...]
    downbeats: tuple[audio.Event, ...]
    crescendi_db: tuple[float, ...]


def measured(clip: Path, seed: int, style: str, args: argparse.Namespace, folder: Path) -> Measured:
    """Score a clip, render it and measure it."""
    midi = folder / "song.mid"
    made = amt.generate(clip, seed=seed, style=style, backend="analytic", arranger=args.arranger)
    made.write_midi(midi)
    sound = audio.render(midi, style, args.soundfont, args.engine)
    plan, grid = made.plan, made.plan.grid
    strong = np.array([c.time_s for c in plan.cuts if is_strong(c)])
    downbeats = grid.beats_s[grid.downbeats][1:-1]
    ordinary = [t for t in downbeats if not (np.abs(strong - t) < NEAR_S).any()]
    inside = [t for t in strong if audio.FRAME_S * 100 < t < grid.duration_s - 0.5]
    return Measured(
        clip=clip.stem,
        seed=seed,
        style=style,
        melody_db=audio.melody_over_rest_db(sound),
        balance_db={role: audio.balance_db(sound, role) for role in _BALANCED},
        attacks_db=audio.drum_attacks_db(sound),
        cuts=tuple(audio.event_at(sound, t) for t in inside),
        downbeats=tuple(audio.event_at(sound, t) for t in ordinary),
        crescendi_db=tuple(audio.crescendo_db(sound, t) for t in inside if t > 2.5),
    )


def mix_table(pieces: Sequence[Measured]) -> str:
    """The mix, a row a style."""
    header = ["style", "melody over rest, dB", "least", "most", "within 3-8 dB"]
    header += [*_BALANCED, "drum attacks, dB"]
    rows = []
    for style in dict.fromkeys(piece.style for piece in pieces):
        mine = [piece for piece in pieces if piece.style == style]
        melody = np.array([piece.melody_db for piece in mine])
        melody = melody[~np.isnan(melody)]
        inside = (melody >= MELODY_DB[0]) & (melody <= MELODY_DB[1])
        values = [_mean(melody), min(melody, default=math.nan), max(melody, default=math.nan)]
        values += [_mean(inside)]
        values += [_mean([piece.balance_db[role] for piece in mine]) for role in _BALANCED]
        values += [_mean([piece.attacks_db for piece in mine])]
        rows.append([style, *(number(value, 2) for value in values)])
    return markdown(header, rows)


def cut_figures(pieces: Sequence[Measured]) -> dict[str, tuple[float, float]]:
    """Measure -> its figure at strong cuts and at other downbeats."""
    pieces = [piece for piece in pieces if piece.downbeats]
    others = [event for piece in pieces for event in piece.downbeats]
    if not any(piece.cuts for piece in pieces):
        return {}
    colour, chroma = (
        float(np.quantile([getattr(event, name) for event in others], ORDINARY_SHARE))
        for name in ("colour_db", "chroma")
    )
    found: dict[str, tuple[list[float], list[float]]] = {}
    for piece in pieces:
        rise_db = float(np.median([event.rise_db for event in piece.downbeats]))
        onset_db = float(np.median([event.onset_db for event in piece.downbeats]))
        for column, events in enumerate((piece.cuts, piece.downbeats)):
            for event in events:
                louder = event.rise_db >= rise_db + RISE_DB or event.onset_db >= onset_db + RISE_DB
                changed = event.colour_db > colour or event.chroma > chroma
                softer = event.change_db <= -RISE_DB
                row = {
                    "rise, dB": event.rise_db,
                    "onset strength, dB": event.onset_db,
                    "change of colour, dB": event.colour_db,
                    "change of pitch classes": event.chroma,
                    "3 dB above other downbeats": louder,
                    "3 dB softer than before": softer,
                    "colour or pitch classes changed": changed,
                    "a part enters": event.entry,
                    "marked": louder or softer or changed or event.entry,
                }
                for name, value in row.items():
                    found.setdefault(name, ([], []))[column].append(value)
    return {name: (_mean(at_cut), _mean(other)) for name, (at_cut, other) in found.items()}


def cut_table(pieces: Sequence[Measured]) -> str:
    """The sound at strong cuts and at other downbeats, over all pieces."""
    cuts = sum(len(piece.cuts) for piece in pieces)
    others = sum(len(piece.downbeats) for piece in pieces)
    rows = [
        [name, number(at_cut, 2), number(other, 2)]
        for name, (at_cut, other) in cut_figures(pieces).items()
    ]
    for style in dict.fromkeys(piece.style for piece in pieces):
        rises = [r for piece in pieces if piece.style == style for r in piece.crescendi_db]
        rows.append([f"rise before it, dB: {style}", number(_mean(rises), 2), "-"])
    return markdown(["", f"strong cuts ({cuts})", f"other downbeats ({others})"], rows)


def _mean(values: Iterable[float]) -> float:
    known = [value for value in map(float, values) if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    args = _parser().parse_args(argv)
    pieces = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = args.clips is None
        clips = drawn_clips(args.films, folder, args.first) if drawn else clips_of(args.clips)
        for clip in clips:
            for seed in args.seeds:
                pieces += [measured(clip, seed, style, args, folder) for style in args.styles]
            note(f"{clip.name}: measured")
    print(mix_table(pieces))
    print(f"\n{cut_table(pieces)}")
    if args.json is not None:
        found = [asdict(piece) for piece in pieces]
        write_json({"pieces": found, "cuts": cut_figures(pieces)}, args.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evaluate sound", description="The mix, the crescendi and the sound at cuts."
    )
    parser.add_argument("clips", type=Path, nargs="?", help="folder; drawn films if left out")
    parser.add_argument("--films", type=int, default=4, help="drawn films to score (4)")
    parser.add_argument(
        "--first", type=int, default=FIRST_FILM, help=f"seed of the first film ({FIRST_FILM})"
    )
    parser.add_argument("--soundfont", type=Path, help="SF2 or SF3 (the one that is found)")
    parser.add_argument("--engine", default="auto", help="synthesiser (auto)")
    parser.add_argument("--arranger", default="neural", choices=("neural", "patterns"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--styles", nargs="+", default=list(style_names()), help="(all)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser
