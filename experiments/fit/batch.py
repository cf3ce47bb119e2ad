"""Score many drawn clips with ``amt batch``: on one core, on more, and cut off and resumed.

    python -m experiments.evaluate batch --films 200 --seed 0 --jobs 2 --folder FOLDER

Draws films of about 16 s with plain cuts, scores all of them with one process and with several,
then once more with a run that is killed half way (SIGKILL) and resumed, and compares the bytes of
all outputs of the three. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.common.tables import markdown
from experiments.shots.films import cut_film, write


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the first film")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--arranger", default="neural", choices=("neural", "patterns"))
    parser.add_argument("--folder", type=Path, required=True, help="for films and outputs")
    args = parser.parse_args(argv)
    clips = args.folder / "films"
    clips.mkdir(parents=True, exist_ok=True)
    for seed in range(args.seed, args.seed + args.films):
        if not (path := clips / f"film-{seed:05}.mp4").exists():
            write(cut_film(seed), path)
    more = ["--plan", "--arranger", args.arranger]
    rows, digests = [], []
    for jobs in (1, args.jobs):
        out = args.folder / f"jobs-{jobs}"
        seconds, tally = timed(clips, out, [*more, "--jobs", str(jobs), "--force"])
        rows.append(
            [f"{jobs} at a time", f"{seconds:.1f}", str(tally["done"]), str(tally["failed"]), ""]
        )
        digests.append(contents(out))
    out = args.folder / "killed"
    killed_after = interrupt(clips, out, [*more, "--jobs", str(args.jobs), "--force"], args.films)
    seconds, tally = timed(clips, out, [*more, "--jobs", str(args.jobs), "--resume"])
    digests.append(contents(out))
    rows.append(["killed, resumed", f"{seconds:.1f}", str(tally["done"]), str(tally["failed"]),
                 f"{tally['kept']} kept, {killed_after} done when it was killed"])  # fmt: skip
    print(markdown(("run", "seconds", "done", "failed", ""), rows))
    print(f"speed-up {float(rows[0][1]) / float(rows[1][1]):.2f} on {os.cpu_count()} cores, "
          f"{platform.machine()}; same bytes: {all(one == digests[0] for one in digests)} "
          f"({len(digests[0])} files)")  # fmt: skip


def command(clips: Path, out: Path, more: Sequence[str]) -> list[str]:
    """The command line of a run."""
    return [sys.executable, "-m", "amt", "batch", str(clips), "--out", str(out), "-q", *more]


def timed(clips: Path, out: Path, more: Sequence[str]) -> tuple[float, dict[str, Any]]:
    """Seconds of a run from its start to its end, and its tally."""
    began_s = time.perf_counter()
    run = subprocess.run([*command(clips, out, more), "--json"], stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - began_s, json.loads(run.stdout)


def interrupt(clips: Path, out: Path, more: Sequence[str], n_films: int) -> int:
    """Kill a run when half of its clips are done; gives how many are."""
    run = subprocess.Popen(command(clips, out, more))
    manifest = out / "manifest.jsonl"
    while run.poll() is None:
        time.sleep(0.2)
        done = manifest.read_bytes().count(b'"status":"done"') if manifest.exists() else 0
        if 2 * done >= n_films:
            run.send_signal(signal.SIGKILL)
            run.wait()
            return done
    raise RuntimeError("the run ended before it could be killed")


def contents(out: Path) -> dict[str, str]:
    """Name → SHA-256 of every output in a folder."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.iterdir())
        if path.suffix in (".mid", ".json")
    }


if __name__ == "__main__":
    main()
