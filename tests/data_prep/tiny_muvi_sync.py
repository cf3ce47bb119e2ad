"""Writes songs of six seconds in MuVi-Sync's published layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

LAB = "0.000 1.500 C\n1.500 3.900 A:min\n3.900 4.800 G\n4.800 6.000 N\n"
PER_SECOND = ("C", "C", "A:min", "A:min", "G", "N")


def write_song(root: Path, name: str, key: str = "C major") -> None:
    """One song whose chords and key agree in all three forms."""
    rng = np.random.default_rng(int(name))
    seconds = len(PER_SECOND)
    chords = "".join(f"{second} {label}\n" for second, label in enumerate(PER_SECOND))
    emotion = rng.dirichlet(np.ones(6), size=seconds)
    columns = "exciting_prob fearful_prob tense_prob sad_prob relaxing_prob neutral_prob"
    files = {
        "vevo_chord/lab/all": LAB,
        "vevo_chord/lab_v2/all": f"key {key}\n{chords}",
        "vevo_chord/lab_v2_norm/all": f"key C major\n{chords}",
        "vevo_emotion/6c_l14p/all": f"time {columns}\n"
        + "".join(
            f"{second} {' '.join(f'{p:.4f}' for p in row)}\n" for second, row in enumerate(emotion)
        ),
        "vevo_motion/all": "".join(f"{second} 10.0\n" for second in range(seconds)),
        "vevo_scene_offset/all": "".join(f"{second} {second % 4}\n" for second in range(seconds)),
        "vevo_loudness/all": "".join(f"{second} 0.1\n" for second in range(seconds)),
        "vevo_note_density/all": "".join(f"{second} {second}.0\n" for second in range(seconds)),
    }
    for folder, text in files.items():
        path = root / folder / f"{name}.lab"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    semantic = root / "vevo_semantic/all/2d/clip_l14p" / f"{name}.npy"
    semantic.parent.mkdir(parents=True, exist_ok=True)
    np.save(semantic, rng.normal(size=(seconds, 768)).astype(np.float32))


def write_split(root: Path, split: str, names: Sequence[str]) -> None:
    """A split and its songs."""
    path = root / "vevo_meta/split/v1" / f"{split}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(names) + "\n")
    for name in names:
        write_song(root, name)
