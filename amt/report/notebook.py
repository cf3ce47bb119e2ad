"""A song in a notebook: its player and its notes, in a frame of their own.

The frame (``srcdoc``) keeps the notebook's styles and ours apart, and needs no file beside it.
"""

from __future__ import annotations

import io
from html import escape

from amt.report.clip import coded
from amt.report.drawing import Axis
from amt.report.roll import piano_roll
from amt.report.sound import SoundSource, encode_mp3
from amt.report.templates import render, verbatim
from amt.types import Song

_HEIGHT_PX = 460
"""Until the frame has measured itself."""


def notebook_frame(
    song: Song, duration_s: float, note: str, sound: SoundSource | None = None
) -> str:
    """HTML that shows a song and plays it.

    Args:
        song: the notes.
        duration_s: length of the music.
        note: a sentence above.
        sound: the rendered song; None shows the notes alone.
    """
    page = render(
        "notebook.html",
        style=verbatim("page.css"),
        note=note,
        sound="" if sound is None else _mp3(sound),
        roll=piano_roll(Axis(duration_s), song),
        duration_s=duration_s,
    )
    return (
        f'<iframe srcdoc="{escape(page)}" title="The music and its notes" '
        f'style="width:100%;height:{_HEIGHT_PX}px;border:0"></iframe>'
    )


def _mp3(sound: SoundSource) -> str:
    """Sound as MP3 in Base64."""
    mp3 = io.BytesIO()
    encode_mp3(sound, mp3)
    mp3.seek(0)
    return "".join(coded(mp3))
