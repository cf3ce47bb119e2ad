"""Small MIDI files, clips and a soundfont to try the renderer on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import av
import mido
import numpy as np
import pretty_midi
import pytest

from render.soundfont.find import ENVIRONMENT_VARIABLE
from render.soundfont.synthesisers import ENGINES, Engine
from tests.render.events import TICKS_PER_BEAT, Event

MidiWriter = Callable[..., Path]
ClipWriter = Callable[..., Path]


@pytest.fixture(autouse=True)
def no_soundfont_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param


@pytest.fixture
def tim() -> Path:
    return Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"


@pytest.fixture
def write_midi(tmp_path: Path) -> MidiWriter:
    """(tick, message) events of each track → a file; 480 ticks are half a second."""

    def write(*tracks: Iterable[Event], name: str = "song.mid", kind: int = 1) -> Path:
        file = mido.MidiFile(type=kind, ticks_per_beat=TICKS_PER_BEAT)
        for events in tracks:
            track = mido.MidiTrack()
            done = 0
            for tick, message in sorted(events, key=lambda event: event[0]):
                track.append(message.copy(time=tick - done))
                done = tick
            file.tracks.append(track)
        file.save(tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def write_clip(tmp_path: Path) -> ClipWriter:
    """A second or more of a moving bar, by default in H.264 at 25 frames a second."""

    def write(
        name: str = "clip.mp4",
        codec: str = "libx264",
        seconds: float = 2.0,
        tone_hz: float | None = None,
        start_s: float = 0.0,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as clip:
            video = clip.add_stream(codec, rate=25, width=96, height=64, pix_fmt="yuv420p")
            audio = clip.add_stream("aac", rate=44100, layout="mono") if tone_hz else None
            for i in range(round(25 * seconds)):
                picture = np.zeros((64, 96, 3), np.uint8)
                picture[:, (3 * i) % 90 : (3 * i) % 90 + 6] = 255
                frame = av.VideoFrame.from_ndarray(picture)
                frame.pts = i + round(25 * start_s)
                clip.mux(video.encode(frame))
            clip.mux(video.encode(None))
            if audio is not None:
                time = np.arange(round(44100 * seconds)) / 44100
                tone = (0.5 * np.sin(2 * np.pi * tone_hz * time)).astype(np.float32)
                sound = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
                sound.sample_rate = 44100
                sound.pts = round(44100 * start_s)
                clip.mux(audio.encode(sound))
                clip.mux(audio.encode(None))
        return path

    return write
