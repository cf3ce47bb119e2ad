from __future__ import annotations

from pathlib import Path

import pytest

from render import soundfont
from render.errors import SoundfontError
from render.soundfont import ENVIRONMENT_VARIABLE, find_soundfont, soundfont_format

BOTH = ("SF2", "SF3")


def font(path: Path, version: int) -> Path:
    """The head of a soundfont file, as far as its format shows."""
    ifil = b"ifil" + (4).to_bytes(4, "little") + version.to_bytes(2, "little") + b"\1\0"
    info = b"LIST" + (4 + len(ifil)).to_bytes(4, "little") + b"INFO" + ifil
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"RIFF" + (4 + len(info)).to_bytes(4, "little") + b"sfbk" + info)
    return path


def test_the_format_is_told_by_content(tmp_path: Path, tim: Path):
    assert soundfont_format(tim) == "SF2"
    assert soundfont_format(font(tmp_path / "misnamed.sf2", 3)) == "SF3"


def test_order_of_choice(tmp_path: Path, tim: Path, monkeypatch: pytest.MonkeyPatch):
    system = tmp_path / "system"
    monkeypatch.setattr(soundfont, "_FOLDERS", (str(system),))
    assert find_soundfont(None, BOTH) == tim
    lite = font(system / "MuseScore_General_Lite.sf3", 3)
    fluid = font(system / "FluidR3_GM.sf2", 2)
    (system / "MuseScore_General.sf3").write_bytes(b"broken")
    assert find_soundfont(None, BOTH) == lite
    assert find_soundfont(None, ("SF2",)) == fluid
    asked = font(tmp_path / "asked.sf2", 2)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(asked))
    assert find_soundfont(None, BOTH) == asked
    assert find_soundfont(fluid, BOTH) == fluid


def test_bad_soundfonts_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wrong = tmp_path / "wrong.sf2"
    wrong.write_bytes(b"RIFF\0\0\0\0WAVEfmt ")
    with pytest.raises(SoundfontError, match="is not a soundfont"):
        find_soundfont(wrong, BOTH)
    with pytest.raises(SoundfontError, match="cannot read the soundfont"):
        find_soundfont(tmp_path, BOTH)
    with pytest.raises(SoundfontError, match="is an SF3 soundfont, but the engine reads SF2 only"):
        find_soundfont(font(tmp_path / "a.sf3", 3), ("SF2",))
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "gone.sf2"))
    with pytest.raises(SoundfontError, match=r"gone\.sf2"):
        find_soundfont(None, BOTH)
