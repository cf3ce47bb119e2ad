"""Write the golden files anew: ``python -m tests.golden.make``, after a change of the music.

The four annotation files hold what the drawn storm gives with patterns and seed 0, one item a line,
tab-separated, in the manner of mir_eval's: they are compared with a stated tolerance, everywhere.
``sha256.json`` holds the hashes of whole outputs. Sums of floating-point numbers differ in their
last bit between processors and versions of PyTorch, which may flip a random draw, so the hashes
hold for the processor and the versions that it names, and are compared there alone.
"""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pretty_midi
import torch
from typer.testing import CliRunner

from amt.cli import app
from amt.midi import read_midi
from amt.plan import read_plan

FOLDER = Path(__file__).parent
STORM = FOLDER.parent / "data" / "storm.mp4"
SOUNDFONT = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
SEEDS = (0, 7)
ARRANGERS = ("neural", "patterns")
LIBRARIES = ("av", "midirenderer", "numpy", "opencv-python", "pretty_midi", "scipy", "torch")


def surroundings() -> dict[str, str]:
    """What may change the last bit of a sum: processor and versions of libraries."""
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "torch_kernels": torch.backends.cpu.get_cpu_capability(),
    } | {name: version(name) for name in LIBRARIES}


def _processor() -> str:
    """Vendor, family and model on Linux, else what Python knows."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return platform.processor()
    fields = dict(
        map(str.strip, line.split(":", 1)) for line in info.read_text().splitlines() if ":" in line
    )
    return " ".join(fields.get(n, "") for n in ("vendor_id", "cpu family", "model", "model name"))


def run(*arguments: object) -> None:
    """Call ``amt`` in this process.

    Raises:
        RuntimeError: it failed.
    """
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exit_code:
        raise RuntimeError(f"amt {arguments} failed: {result.output}") from result.exception


def generate(folder: Path, arranger: str, seed: int) -> tuple[Path, Path]:
    """MIDI file and plan of the storm, written into a folder."""
    midi, plan = folder / f"{arranger}-{seed}.mid", folder / f"{arranger}-{seed}.json"
    run(
        "generate", STORM, "--out", midi, "--plan", plan, "--arranger", arranger,
        "--seed", seed, "--backend", "analytic", "--quiet",
    )  # fmt: skip
    return midi, plan


def outputs(folder: Path) -> dict[str, str]:
    """SHA-256 of each output: MIDI and plan of both arrangers and seeds, a sound of each engine."""
    hashes = {}
    for arranger in ARRANGERS:
        for seed in SEEDS:
            for path in generate(folder, arranger, seed):
                hashes[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    engines = {
        "midirenderer": ("--soundfont", SOUNDFONT),
        "diffusion": ("--unsupported", "refuse"),
    }
    for engine, options in engines.items():
        wav = folder / f"{engine}.wav"
        midi = folder / "patterns-0.mid"
        run("render", midi, "--out", wav, "--engine", engine, *options, "--quiet")
        hashes[wav.name] = hashlib.sha256(wav.read_bytes()).hexdigest()
    return hashes


def annotations(midi: Path, plan_file: Path) -> dict[str, list[tuple[object, ...]]]:
    """What each annotation file holds: times in seconds, labels, MIDI numbers."""
    plan = read_plan(plan_file)
    grid, song = plan.grid, read_midi(midi)
    downbeats = set(grid.downbeats.tolist())
    beats_s = grid.seconds_at(np.arange(grid.end_beat + 1.0))
    starts = [span.beat for span in plan.chords] + [grid.end_beat]
    edges_s = [float(grid.seconds_at(float(beat))) for beat in starts]
    return {
        "cuts.tsv": [(round(c.time_s, 3), c.kind, round(c.strength, 2)) for c in plan.cuts],
        "beats.tsv": [(round(float(s), 3), int(b in downbeats)) for b, s in enumerate(beats_s)],
        "chords.lab": [
            (round(start, 3), round(end, 3), span.chord.label)
            for span, start, end in zip(plan.chords, edges_s[:-1], edges_s[1:], strict=True)
        ],
        "notes.tsv": sorted(
            (note.start, note.end, note.pitch, note.velocity, track.name)
            for track in song.tracks
            for note in track.notes
        ),
    }


def write_rows(path: Path, rows: Iterable[tuple[object, ...]]) -> None:
    """One row a line."""
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    """Write all golden files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hashes = outputs(folder)
        annotated = annotations(folder / "patterns-0.mid", folder / "patterns-0.json")
    for file, rows in annotated.items():
        write_rows(FOLDER / file, rows)
    record = {"surroundings": surroundings(), "sha256": hashes}
    (FOLDER / "sha256.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
