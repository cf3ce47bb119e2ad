"""``python -m experiments.fuzz KIND``: counts, the slowest case, and every case that broke."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from experiments.fuzz.runner import KINDS, run

_SHOWN = 40


def main() -> None:
    """Run the cases and print what became of them; exit code 1 where one broke."""
    parser = argparse.ArgumentParser(prog="python -m experiments.fuzz", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--keep", type=Path, help="folder for the files of cases that broke")
    args = parser.parse_args()
    if args.keep is not None:
        args.keep = args.keep.resolve()
        args.keep.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    found = run(args.kind, range(args.first, args.first + args.cases), args.seed, args.keep)
    print(f"{args.kind}, seed {args.seed}: {time.monotonic() - start:.0f} s")
    for name, number in sorted(found.counts.items()):
        print(f"{number:8d}  {name}")
    seconds, slowest = found.slowest
    print(f"{seconds:8.3f}  seconds for the slowest, case {slowest}")
    print(f"{found.peak_mib:8d}  MiB at most")
    for number, why in found.broken[:_SHOWN]:
        print(f"case {number}: {why!a}")
    sys.exit(bool(found.broken))


if __name__ == "__main__":
    main()
