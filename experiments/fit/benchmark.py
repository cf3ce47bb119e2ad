"""Score every clip of a folder as a user would, and measure it.

    python -m experiments.fit.benchmark --clips DIR [--backend analytic] [--json out.json]

For each clip: whole-process wall time and peak memory of ``amt generate``, beside the time of bare
decoding; notes; how far the MIDI's end is from the clip's; the share of note time inside the key;
and whether a second run gives the same bytes. Then the time of composing 300 chords.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import torch

from amt.midi import read_midi
from amt.models.chords.decode import sample_chords
from amt.models.video import MODALITIES, VideoInput
from amt.models.weights import load_composer
from amt.options import SamplingOptions
from amt.types import TICKS_PER_BEAT, Song
from experiments.common.tables import markdown

VIDEO_SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".m4v", ".avi"}


@dataclass(frozen=True, slots=True)
class Measured:
    """What one clip cost and gave."""

    clip: str
    duration_s: float
    decode_s: float
    """Wall time of decoding every frame and doing nothing with it."""
    wall_s: float
    """Wall time of the whole ``amt generate`` process."""
    peak_mib: float
    """Largest resident size of that process."""
    notes: int
    end_error_ms: float
    in_key: float
    """Share of note time on tones of the key; the raised seventh of minor counts as in key."""
    same_bytes: bool
    """Whether a second run with the same seed wrote the same file."""


def measure(clip: Path, backend: str, folder: Path) -> Measured:
    """Run ``amt generate`` twice on a clip."""
    decode_s = bare_decoding(clip)
    outputs = [folder / f"{clip.stem}-{i}.mid" for i in range(2)]
    runs = [_run(clip, out, backend) for out in outputs]
    wall_s, peak_mib, summary = runs[0]
    song = read_midi(outputs[0])
    end_s = _seconds_of(song)
    return Measured(
        clip=clip.name,
        duration_s=summary["duration_s"],
        decode_s=decode_s,
        wall_s=wall_s,
        peak_mib=peak_mib,
        notes=sum(len(track.notes) for track in song.tracks),
        end_error_ms=1000 * (end_s - summary["duration_s"]),
        in_key=in_key(song),
        same_bytes=outputs[0].read_bytes() == outputs[1].read_bytes(),
    )


def bare_decoding(clip: Path) -> float:
    """Wall time in seconds of decoding every frame."""
    start = time.perf_counter()
    with av.open(str(clip)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for _ in container.decode(video=0):
            pass
    return time.perf_counter() - start


def in_key(song: Song) -> float:
    """Share of the pitched note time on tones of the song's key."""
    tones = set(song.key.scale)
    if song.key.mode == "minor":
        tones.add((song.key.tonic + 11) % 12)
    lengths = [
        (note.end - note.start, note.pitch % 12 in tones)
        for track in song.tracks
        if not track.is_drum
        for note in track.notes
    ]
    return sum(length for length, inside in lengths if inside) / sum(n for n, _ in lengths)


def chords_per_second(n_chords: int = 300) -> float:
    """Chords a second that the installed composer draws for a quiet clip, guided, best of four."""
    model = load_composer()
    generator = torch.Generator().manual_seed(0)

    slots = torch.arange(n_chords, dtype=torch.float32)[None]
    known = torch.tensor([[float(name != "semantic") for name in MODALITIES]])
    video = VideoInput(
        semantic=torch.zeros(1, n_chords, model.config.semantic_dim),
        emotion=torch.full((1, n_chords, 6), 1 / 6),
        motion=torch.full((1, n_chords), 4.0),
        scene_offset=slots % 7,
        affect=torch.zeros(1, n_chords, 2),
        clock=torch.stack([slots, n_chords - slots], dim=-1),
        known=known,
    )
    times = []
    for _ in range(4):
        start = time.perf_counter()
        sample_chords(model, video, minor=False, options=SamplingOptions(), generator=generator)
        times.append(time.perf_counter() - start)
    return n_chords / min(times)


def _run(clip: Path, out: Path, backend: str) -> tuple[float, float, dict[str, Any]]:
    command = [
        sys.executable, "-c", "from amt.cli import main; main()", "generate", "--video", str(clip),
        "--out", str(out), "--backend", backend, "--quiet", "--json",
    ]  # fmt: skip
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    summary = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"amt generate failed on {clip}")
    return wall_s, usage.ru_maxrss / 1024, json.loads(summary)


def _seconds_of(song: Song) -> float:
    """Time of the end of a song after its tempo map."""
    ticks = [tempo.tick for tempo in song.tempos] + [song.end]
    return sum(
        (end - tempo.tick) * tempo.us_per_beat / (1e6 * TICKS_PER_BEAT)
        for tempo, end in zip(song.tempos, ticks[1:], strict=True)
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips")
    parser.add_argument("--backend", default="analytic")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args(argv)
    clips = sorted(p for p in args.clips.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)
    header = ("clip", "s", "decode s", "wall s", "peak MiB", "notes", "end ms", "in key", "same")
    lines = []
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for clip in clips:
            row = measure(clip, args.backend, Path(folder))
            rows.append(asdict(row))
            lines.append([
                row.clip, f"{row.duration_s:.2f}", f"{row.decode_s:.2f}", f"{row.wall_s:.1f}",
                f"{row.peak_mib:.0f}", str(row.notes), f"{row.end_error_ms:+.2f}",
                f"{row.in_key:.3f}", "yes" if row.same_bytes else "NO",
            ])  # fmt: skip
    speed = chords_per_second()
    print(markdown(header, lines))
    print(f"\n300 chords in {300 / speed:.2f} s")
    if args.json:
        args.json.write_text(json.dumps({"clips": rows, "chords_per_s": speed}, indent=2) + "\n")


if __name__ == "__main__":
    main()
