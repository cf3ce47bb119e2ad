"""A CLIP model that stays loaded from clip to clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from amt.errors import WeightsError
from amt.features import extract_features
from amt.features.kept_clip import KeptClip
from amt.features.semantic import ClipVision
from tests.features.clips import shots, write_clip
from tests.features.toy_clip import make_clip, seal


@pytest.fixture(autouse=True)
def _sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seal(tmp_path, monkeypatch)


def test_a_model_is_loaded_once_until_its_files_change(tmp_path: Path) -> None:
    model, open_clip = make_clip(tmp_path / "clip"), KeptClip()
    first = open_clip(str(model))
    assert open_clip(str(model)) is first
    next(model.glob("*.safetensors")).touch()
    assert open_clip(str(model)) is not first
    with pytest.raises(WeightsError):
        open_clip(str(tmp_path / "absent"))


def test_what_an_interrupted_clip_left_is_forgotten(tmp_path: Path) -> None:
    model, open_clip = make_clip(tmp_path / "clip"), KeptClip()
    grey = np.full((40, 40, 3), 90, np.uint8)
    open_clip(str(model)).push(grey)
    vision = open_clip(str(model))
    assert len(vision.finish().emotion) == 0


def test_clips_are_seen_as_by_a_fresh_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, open_clip = make_clip(tmp_path / "clip"), KeptClip()
    opened: list[ClipVision] = []

    def open_once(*names: str | None, **options: object) -> ClipVision:
        opened.append(open_clip(*names, **options))
        return opened[-1]

    for seed in (1, 2):
        clip = write_clip(tmp_path / f"{seed}.mp4", shots([30, 30], seed))
        monkeypatch.setenv("AMT_CACHE_DIR", str(tmp_path / f"kept-{seed}"))
        kept = extract_features(clip, backend="clip", clip_model=str(model), open_clip=open_once)
        monkeypatch.setenv("AMT_CACHE_DIR", str(tmp_path / f"fresh-{seed}"))
        fresh = extract_features(clip, backend="clip", clip_model=str(model))
        assert kept.emotion == pytest.approx(fresh.emotion)
    assert len(opened) == 2
    assert opened[0] is opened[1]
