"""``amt spot`` on clips drawn here, whose cues are known."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from amt.cli import main
from amt.reporter import callback_reporter
from amt.spotting import clip_clock, read_cues, spot_clip, with_music
from amt.spotting.cues import Cue, CueSheet
from amt.timecode import RATES, Timecode
from amt.types import Section, TimeSpan
from tests.arrange.plan_strategies import make_plan
from tests.features.clips import picture, write_clip

FPS = 24
FRAMES = {"cut": 72, "flash": 120, "fade": 192}


def drawn_frames() -> list[np.ndarray]:
    """A cut, a flash of three frames, and a fade to black and up again to another picture."""
    frames = [picture(1)] * FRAMES["cut"]
    frames += [picture(2)] * (FRAMES["flash"] - len(frames))
    frames += [np.clip(picture(2).astype(int) + rise, 0, 255).astype(np.uint8)
               for rise in (90, 120, 60)]  # fmt: skip
    frames += [picture(2)] * (FRAMES["fade"] - 20 - len(frames))
    frames += [(picture(2) * share).astype(np.uint8) for share in np.linspace(1, 0, 14)]
    frames += [np.zeros_like(picture(2))] * (FRAMES["fade"] - len(frames))
    frames += [(picture(3) * share).astype(np.uint8) for share in np.linspace(0.15, 1, 12)]
    frames += [picture(3)] * 60
    return frames


def add_sound(clip: Path, target: Path) -> Path:
    """The clip with a tone that is silent from 2.0 to 3.5 s."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        video = out.add_stream_from_template(source.streams.video[0])
        audio = out.add_stream("aac", rate=44100)
        length = int(44100 * float(source.duration / av.time_base))
        tone = 0.2 * np.sin(np.arange(length) * 2 * np.pi * 440 / 44100)
        tone[int(2.0 * 44100) : int(3.5 * 44100)] = 0
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = video
                out.mux(packet)
        for start in range(0, length, 1024):
            part = tone[start : start + 1024].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(part[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, start
            out.mux(audio.encode(frame))
        out.mux(audio.encode(None))
    return target


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spot")
    silent = write_clip(folder / "silent.mp4", drawn_frames(), fps=FPS)
    return add_sound(silent, folder / "clip.mp4")


def test_cuts_flashes_fades_and_silence_are_found_on_their_frames(clip):
    clock = clip_clock(clip, "01:00:00:00").clock
    assert clock == Timecode(RATES["24"], "01:00:00:00")
    sheet = spot_clip(clip, clock)
    frames = {cue.kind: clock.frame(cue.time_s) for cue in sheet.cues if cue.kind in FRAMES}
    assert frames.keys() == FRAMES.keys()
    assert all(abs(frames[kind] - FRAMES[kind]) <= 1 for kind in FRAMES)
    (quiet,) = (cue for cue in sheet.cues if cue.kind == "quiet")
    assert (quiet.time_s, quiet.end_s) == pytest.approx((2.0, 3.5), abs=0.06)
    (gone,) = (cue for cue in sheet.cues if cue.kind == "fadeout")
    assert (clock.frame(gone.time_s), clock.frame(gone.end_s)) == pytest.approx(
        (FRAMES["fade"] - 19, FRAMES["fade"] - 8), abs=1
    )
    assert sum(cue.kind in FRAMES for cue in sheet.cues) == len(FRAMES)


def test_speech_is_found_where_its_detector_is_installed(clip, monkeypatch):
    monkeypatch.setattr("amt.spotting.detect.is_available", lambda: True)
    monkeypatch.setattr("amt.spotting.detect.speech_spans", lambda path: (TimeSpan(1.0, 2.5),))
    assert Cue(1.0, "speech", 1.5) in spot_clip(clip, clip_clock(clip).clock).cues


def tagged(clip: Path, target: Path, label: str) -> Path:
    """The clip with a timecode track."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-i", clip, "-c", "copy", "-timecode", label, target],
        check=True,
    )  # fmt: skip
    return target


def test_a_clip_s_own_timecode_is_its_start(tmp_path):
    ntsc = write_clip(tmp_path / "n.mov", [picture(1)] * 40, fps=Fraction(30000, 1001))
    clock = clip_clock(tagged(ntsc, tmp_path / "t.mov", "10:00:00;00"))
    assert (clock.clock.start, clock.clock.rate.name) == ("10:00:00;00", "29.97df")
    assert clock.start_stated and not clock.start_asked
    assert clip_clock(tmp_path / "t.mov", "02:00:00:00").clock.start == "02:00:00:00"
    assert not clip_clock(ntsc).is_known


def test_a_rate_that_no_timecode_has_is_said(tmp_path):
    said: list[str] = []
    odd = write_clip(tmp_path / "odd.mp4", [picture(1)] * 30, fps=Fraction(273, 10))
    clock = clip_clock(odd, reporter=callback_reporter(None, said.append))
    assert clock.clock.rate.name == "25"
    assert "27.3 frames a second, which is no rate of timecode" in said[0]


def test_what_the_music_does_is_read_off_the_plan():
    plan = make_plan(12.0, sections=(Section(0, "sad"), Section(8, "tense")))
    cues = (Cue(4.0, "hit"), Cue(4.75, "movement"), Cue(5.12, "note"), Cue(12.5, "cut"))
    sheet = CueSheet(Timecode(RATES["25"], "00:00:00:00"), cues)
    assert [cue.music for cue in with_music(sheet, plan).cues] == [
        "hit on the downbeat of bar 3, section 2 (tense) begins, chord C begins",
        "hit on the offbeat after beat 2 of bar 3, chord C",
        "120 ms after a beat of bar 3, chord C",
        "after the end",
    ]
    resting = replace(plan, silences=(TimeSpan(4.0, 6.0),))
    cues = (Cue(4.0, "cut"), Cue(5.0, "cut"), Cue(6.0, "cut"))
    first, second, third = (c.music for c in with_music(replace(sheet, cues=cues), resting).cues)
    assert (first, second) == ("silence begins, to 6.00 s", "silence, to 6.00 s")
    assert third.startswith("the music comes in, hit on the downbeat of bar 4")


def test_the_command_writes_a_sheet_that_it_reads(clip, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr(
        sys, "argv",
        ["amt", "spot", str(clip), "--start-tc", "01:00:00:00", "--out", str(tmp_path / "c.edl"),
         "--json", "-q"],
    )  # fmt: skip
    with pytest.raises(SystemExit) as exit_info:
        main()
    captured = capsys.readouterr()
    assert exit_info.value.code == 0, captured.err
    printed = json.loads(captured.out)
    assert (printed["start_tc"], printed["rate"]) == ("01:00:00:00", "24")
    back = read_cues(tmp_path / "c.edl", clip_clock(clip))
    assert [back.label(cue) for cue in back.cues] == [c["timecode"] for c in printed["cues"]]
