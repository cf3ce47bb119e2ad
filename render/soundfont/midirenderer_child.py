"""The process in which midirenderer plays: ``python -m render.soundfont.midirenderer_child``.

A request holds an SF2 file, or nothing where it is the one before, and a MIDI file; the answer is a
WAV file.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator

from render.soundfont.isolation import serve


def _player() -> Callable[[list[bytes]], Iterator[bytes]]:
    last = b""

    def answer(contents: list[bytes]) -> Iterator[bytes]:
        nonlocal last
        soundfont, midi = contents
        last = soundfont or last
        yield importlib.import_module("midirenderer").render_wave_from(last, midi)

    return answer


if __name__ == "__main__":
    serve(_player())
