"""The notebook runs from top to bottom without a network."""

from __future__ import annotations

import json
import socket
from pathlib import Path

NOTEBOOK = Path(__file__).parents[2] / "experiments" / "first_steps.ipynb"


def test_the_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    assert all(cell.get("outputs", []) == [] for cell in cells)
    names: dict[str, object] = {}
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    written = {path.name for path in Path(str(names["folder"])).iterdir()}
    assert {"song.mid", "song.wav", "scored.mp4", "song.rpp", "report.html"} <= written
    printed = capsys.readouterr().out
    louder, softer = (
        int(word) for word in printed.split("mean velocity ")[1].replace(",", "").split()[:3:2]
    )
    assert softer < louder
    assert "<iframe" in names["soundtrack"]._repr_html_()  # type: ignore[attr-defined]
