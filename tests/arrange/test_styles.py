"""Built-in and own styles."""

from __future__ import annotations

from pathlib import Path

import pytest

from amt.arrange.styles import MIN_RANGE, ROLES, load_style, style_names
from amt.errors import InputError

OWN = """
description = "A lone guitar."
swing = 0.6
[roles.harmony]
name = "Guitar"
program = 24
low = 48
high = 72
volume = 100
pan = 64
gate = 0.9
"""


@pytest.mark.parametrize("name", style_names())
def test_built_in_styles_are_complete(name: str) -> None:
    style = load_style(name)
    assert style.name == name
    assert style.description.endswith(".")
    roles = [player.role for player in style.instruments]
    assert {"harmony", "arpeggio", "bass"} <= set(roles)
    assert roles == [role for role in ROLES if role in roles]
    for player in style.instruments:
        if player.role != "drums":
            assert player.high - player.low >= MIN_RANGE[player.role]
        assert 40 <= player.volume <= 127


def test_the_nine_styles() -> None:
    assert style_names() == (
        "piano", "strings", "orchestral", "acoustic", "band", "synth", "lo-fi", "ambient",
        "symphonic",
    )  # fmt: skip


def test_a_users_own_style(tmp_path: Path) -> None:
    path = tmp_path / "lone.toml"
    path.write_text(OWN)
    style = load_style(path)
    assert (style.name, style.swing) == ("lone", 0.6)
    assert style == load_style(str(path))
    harmony = style.instrument("harmony")
    assert harmony is not None
    assert (harmony.name, harmony.program, harmony.pedal) == ("Guitar", 24, False)
    assert style.instrument("bass") is None


def test_an_unknown_style_lists_the_names() -> None:
    with pytest.raises(InputError, match=r"unknown style 'polka': expected piano, strings"):
        load_style("polka")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("program = 24", "program = 200", "program is 200, expected a whole number"),
        ("program = 24", "", "program is missing"),
        ("program = 24", "program = true", "program is True"),
        ("gate = 0.9", "gate = 0", "gate is 0"),
        ("gate = 0.9", "", "gate is missing"),
        ('name = "Guitar"', "name = 3", "name is 3, expected text"),
        ('name = "Guitar"', "", "name is missing"),
        ("high = 72", "high = 60", "range 48-60 is too narrow"),
        ("swing = 0.6", "swing = 0.9", "swing is 0.9"),
        ("swing = 0.6", "speed = 90", "speed is unknown"),
        ("swing = 0.6", "tempo = [90, 100]", "the second at least 1.4 times the first"),
        ("swing = 0.6", "tempo = [20, 100]", "expected two numbers from 60 to 160"),
        ("pan = 64", "pan = 64\npitch = 3", "pitch is unknown"),
        ("[roles.harmony]", "[roles.kazoo]", r"expected a table \[roles.harmony\]"),
        ("[roles.harmony]", "[roles]\nharmony = 1\n[roles.bass]", "harmony is 1"),
        ("swing = 0.6", "swing =", "not a style in TOML"),
    ],
)
def test_a_broken_style_is_explained(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN.replace(old, new))
    with pytest.raises(InputError, match=message):
        load_style(path)


def test_a_missing_style_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the style .*none\.toml"):
        load_style(tmp_path / "none.toml")


KIT = """
[roles.drums]
name = "Kit"
program = 8
volume = 90
pan = 64
"""


@pytest.mark.parametrize("name", style_names())
def test_every_style_has_melody_counter_melody_and_accompaniment(name: str) -> None:
    style = load_style(name)
    for role in ("melody", "counter", "accompaniment"):
        player = style.instrument(role)
        assert player is not None
        assert player.low >= 21
        assert player.high <= 108
    for unused in ({"harmony", "arpeggio"}, {"melody", "counter", "accompaniment"}):
        names = [player.name for player in style.instruments if player.role not in unused]
        assert len(set(names)) == len(names), "tracks are known by their names"


def test_a_kit_has_neither_range_nor_gate(tmp_path: Path) -> None:
    path = tmp_path / "kit.toml"
    path.write_text(OWN + KIT)
    drums = load_style(path).instrument("drums")
    assert drums is not None
    assert (drums.name, drums.program) == ("Kit", 8)
    path.write_text(OWN + KIT + "low = 35\n")
    with pytest.raises(InputError, match="drums: low is unknown, expected calm, groove, name"):
        load_style(path)


def test_an_unknown_role_and_a_narrow_melody_are_named(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN + "[roles.kazoo]\nprogram = 3\n")
    with pytest.raises(InputError, match="role kazoo is unknown, expected melody, counter"):
        load_style(path)
    path.write_text(OWN + OWN.split("swing = 0.6")[1].replace("harmony", "melody"))
    assert load_style(path).instrument("melody") is not None
    path.write_text(path.read_text().replace("high = 72\nvolume", "high = 60\nvolume"))
    with pytest.raises(InputError, match="range 48-60 is too narrow"):
        load_style(path)


FIGURES = """
[bass]
half = ["r--- ---- f--- ----"]
[chords]
beat = ["x--- x--- x--- x---", "d--- --u- d--- --u-"]
"""


def test_a_style_has_figures_for_bass_and_chords(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN + FIGURES)
    style = load_style(path)
    assert style.bass == {"half": ("r-------f-------",)}
    assert len(style.chords["beat"]) == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("r--- ---- f--- ----", "r--- f---", "a figure of half has 8 steps, expected 16"),
        ("r--- ---- f---", "r--- ---- x---", "a figure of half has 'x', expected r o d f 5 t n a"),
        ("x--- x---", "---- x---", "a figure of beat begins with -"),
        ('["r--- ---- f--- ----"]', "3", "half is 3, expected a list of figures"),
        ("half =", "quarter =", "bass: quarter is unknown, expected hold, bar, half, beat"),
    ],
)
def test_a_broken_figure_is_explained(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN + FIGURES.replace(old, new))
    with pytest.raises(InputError, match=message):
        load_style(path)


def test_lo_fi_is_slow_and_comps() -> None:
    lo_fi = load_style("lo-fi")
    assert lo_fi.tempo == (66, 96)
    assert lo_fi.comps == 1
    assert load_style("piano").comps == 0
