from __future__ import annotations

import pytest

from render.available import engines, planned_instrument, soundfonts
from render.errors import EngineError, SoundfontError
from render.soundfont import find as soundfont
from render.soundfont.find import ENVIRONMENT_VARIABLE
from render.soundfont.synthesisers import ENGINES
from tests.render.soundfonts import Tiny


def test_engines_state_their_version_or_what_is_missing():
    found = engines()
    assert [engine.name for engine in found] == [engine.name for engine in ENGINES]
    for engine in found:
        assert bool(engine.version) != bool(engine.problem)


def test_soundfonts_are_listed_in_the_order_of_choice(tmp_path, tim, monkeypatch):
    monkeypatch.setattr(soundfont, "_FOLDERS", (str(tmp_path / "system"),))
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "asked.sf2"))
    (asked, small) = soundfonts()
    assert "No such file" in asked.problem
    assert (small.path, small.name, small.format) == (tim, "TimGM6mb", "SF2")
    assert small.hint.startswith("TimGM6mb.sf2 is a small soundfont")
    (tmp_path / "asked.sf2").write_bytes(Tiny(is_vorbis=True).build())
    assert [(font.name, font.format, font.problem, font.hint) for font in soundfonts()[:1]] == [
        ("tiny", "SF3", "", "")
    ]


def test_the_planned_instrument_is_known_before_any_work(tmp_path, tim):
    assert planned_instrument("midirenderer", tim).soundfont_name == "TimGM6mb"
    with pytest.raises(EngineError, match="is no engine"):
        planned_instrument("timidity", tim)
    (tmp_path / "font.sf2").write_bytes(Tiny().build(phdr=b""))
    with pytest.raises(SoundfontError, match="is damaged"):
        planned_instrument("auto", tmp_path / "font.sf2")
