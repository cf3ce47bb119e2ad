"""The evaluation of tempo: moods in order, cuts on beats, on drawn lists of cuts."""

from __future__ import annotations

import json

from experiments.fit.tempo import ORDER, main


def test_calm_moods_are_slow_and_excited_ones_fast_on_drawn_lists(tmp_path, capsys) -> None:
    main(["--lists", "1", "--json", str(tmp_path / "tempo.json")])
    found = json.loads((tmp_path / "tempo.json").read_text())
    felt = [found["moods"][mood]["felt"] for mood in ORDER]
    assert felt == sorted(felt)
    assert felt[0] < 85
    assert felt[1] < 95
    assert felt[-1] > 115
    assert found["alignment"]["strong_cuts_on_downbeats"] >= 0.9
    assert "| sad |" in capsys.readouterr().out
