"""Run one evaluation by name; its own options follow.

    python -m experiments.evaluate composer --data DIR --split val --json composer.json
    python -m experiments.evaluate expression --data DIR --split val --protocol paper
    python -m experiments.evaluate form --films 12 --seed 100
    python -m experiments.evaluate alignment --synthetic --seed 0
    python -m experiments.evaluate mood --emopia EMOPIA/midis --seed 0
    python -m experiments.evaluate looks --clips FOLDER
    python -m experiments.evaluate moods CLIPS --seeds 0 1 2
    python -m experiments.evaluate arranger --pop909 POP909 --emopia EMOPIA/midis --weights W
    python -m experiments.evaluate renderer --pop909 POP909 --soundfont SF3 --weights W
    python -m experiments.evaluate NAME --help

Every evaluation lives in the package of its model and is imported only when it is asked for.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

EVALUATIONS = {
    "composer": ("composer.evaluate", "the next chord, beside counting baselines"),
    "ablations": ("composer.ablations", "what each part of the composer is worth"),
    "chord-inference": (
        "composer.chord_inference",
        "chords and sustain inferred from notes, beside note_seq's",
    ),
    "expression": ("expression.evaluate", "loudness and density of every second"),
    "arranger": ("arranger.evaluate", "notes, beside those that people wrote"),
    "renderer": ("renderer.evaluate", "the neural renderer's sound, beside its teacher's"),
    "music": ("music.evaluate", "what the command writes, beside music by people"),
    "speech": ("music.speech", "room for speech in the clip's own sound"),
    "sound": ("music.sound", "the mix of what it writes, crescendi, and the sound at cuts"),
    "moods": ("music.moods", "in how many dimensions the moods of the music are distinct"),
    "form": ("music.form", "whether themes return where scenes of the film return"),
    "styles": ("music.styles", "how far styles differ in notes, and drums beside drummers"),
    "mood": ("mood.evaluate", "whether the music has the mood that was asked for"),
    "looks": ("mood.looks", "whether the mood of a picture is read as it was meant"),
    "alignment": ("fit.alignment", "beats on cuts, and correlation of notes with plan and video"),
    "hits": ("fit.hit_lists", "hit points set by hand, on downbeats"),
    "tempo": ("fit.tempo", "tempo by mood, and the cuts on beats of the same grids"),
    "tempo-maps": ("fit.tempo_maps", "what each tempo map costs an editor, and meets of the cuts"),
    "long": ("fit.long_films", "time and memory of films of up to two hours"),
    "shots": ("shots.evaluate", "changes of shot that are found"),
    "benchmark": ("fit.benchmark", "time and memory of amt generate"),
    "batch": ("fit.batch", "time of amt batch on one core and on more, killed and resumed"),
}
"""Name -> module within :mod:`experiments`, and what it measures."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    names = "\n".join(f"  {name:<17}{about}" for name, (_, about) in EVALUATIONS.items())
    parser = argparse.ArgumentParser(
        prog="python -m experiments.evaluate",
        description=(__doc__ or "").splitlines()[0],
        epilog=f"evaluations:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=EVALUATIONS, metavar="NAME", help="of the evaluation")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="of that evaluation")
    args = parser.parse_args(argv)
    module, _ = EVALUATIONS[args.name]
    importlib.import_module(f"experiments.{module}").main(args.options)


if __name__ == "__main__":
    main()
