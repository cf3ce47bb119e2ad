from __future__ import annotations

from pathlib import Path

import pytest

from render.errors import SoundfontError
from render.soundfont import find as soundfont
from render.soundfont.find import ENVIRONMENT_VARIABLE, find_soundfont, installed_soundfonts
from render.stems import Instrument
from tests.render.soundfonts import Tiny


def font(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(Tiny().build())
    return path


def test_order_of_choice(tmp_path: Path, tim: Path, monkeypatch: pytest.MonkeyPatch):
    system = tmp_path / "system"
    monkeypatch.setattr(soundfont, "_FOLDERS", (str(system),))
    assert find_soundfont(None) == tim
    fluid = font(system / "FluidR3_GM.sf2")
    assert find_soundfont(None) == fluid
    lite = font(system / "MuseScore_General_Lite.sf3")
    (system / "MuseScore_General.sf3").write_bytes(b"broken")
    (system / "default-GM.sf2").symlink_to(fluid)
    assert list(installed_soundfonts()) == [lite, fluid, tim]
    asked = font(tmp_path / "asked.sf2")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(asked))
    assert find_soundfont(None) == asked
    assert find_soundfont(fluid) == fluid


def test_bad_soundfonts_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wrong = tmp_path / "wrong.sf2"
    wrong.write_bytes(b"RIFF\0\0\0\0WAVEfmt ")
    with pytest.raises(SoundfontError, match="is not a soundfont"):
        find_soundfont(wrong)
    with pytest.raises(SoundfontError, match="cannot read the soundfont"):
        find_soundfont(tmp_path)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "gone.sf2"))
    with pytest.raises(SoundfontError, match=r"gone\.sf2"):
        find_soundfont(None)


def test_the_small_soundfont_is_hinted_at(tim: Path, tmp_path: Path):
    assert "apt install fluid-soundfont-gm" in Instrument("fluidsynth", "2.3", tim).hint
    assert Instrument("fluidsynth", "2.3", tmp_path / "FluidR3_GM.sf2").hint == ""
    assert Instrument("diffusion").hint == ""
