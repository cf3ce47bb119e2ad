"""The page as its reader meets it: whole, offline, true to the plan, and safe."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from amt.chords import Key, parse_chord
from amt.compose import ComposeOptions
from amt.errors import InputError
from amt.pipeline import Generated, GenerateOptions, generate
from amt.report import ReportOptions, Sound, write_report
from amt.report.clip import MAX_EMBEDDED_BYTES, check_embeddable, coded, link_to
from amt.report.drawing import Axis
from amt.report.hits import cut_alignments
from amt.report.panels import cuts_and_bars
from amt.report.sound import BIT_RATES, SoundSource, choose_bit_rate, encode_mp3
from amt.report.thumbnails import MOST, film_strip
from amt.timecode import RATES, Timecode
from amt.timing.hits import is_hit
from amt.types import (
    ChordSpan,
    Cut,
    Note,
    Plan,
    Section,
    Song,
    TempoChange,
    TimeGrid,
    TimeSignature,
    TimeSpan,
    Track,
    VideoFeatures,
)

STORM = Path(__file__).parents[1] / "data" / "storm.mp4"
VOID = {"meta", "img", "input", "br", "path", "use"}
TICKS = 480


class Page(HTMLParser):
    """What of a page the tests look at; fails on a tag that is closed by another."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.links: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.elements.append((tag, named))
        self.links += [named[name] for name in ("src", "href", "srcset", "action") if name in named]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            self.words.setdefault(self._open[-1], []).append(data)

    def all(self, tag: str, css: str = "") -> list[dict[str, str]]:
        return [
            named
            for name, named in self.elements
            if name == tag and set(css.split()) <= set(named.get("class", "").split())
        ]

    def script(self, name: str) -> str:
        found = re.search(f'<script [^>]*id="{name}">(.*?)</script>', self.text, re.DOTALL)
        assert found
        return found[1]


@pytest.fixture(scope="module")
def storm() -> Generated:
    options = GenerateOptions(compose=ComposeOptions(title="Storm"), backend="analytic")
    return generate(STORM, options)


def written(path: Path, made: Generated, **wishes: object) -> Page:
    page = path / "report.html"
    video = wishes.pop("video", path / STORM.name)
    if not video.exists():
        shutil.copy(STORM, video)
    write_report(page, video, made.features, made.plan, made.song, **wishes)
    return Page(page.read_text(encoding="utf-8"))


def decoded(sound: SoundSource) -> tuple[np.ndarray, int]:
    coded = io.BytesIO()
    encode_mp3(sound, coded)
    coded.seek(0)
    return soundfile.read(coded)


@dataclass(frozen=True)
class Stream:
    """Sound that is never in memory as a whole, as a renderer gives it."""

    samples: np.ndarray
    sample_rate: int
    size: int

    @property
    def frames(self) -> int:
        return self.samples.shape[1]

    def blocks(self) -> Iterator[np.ndarray]:
        for start in range(0, self.frames, self.size):
            yield self.samples[:, start : start + self.size]


def beep(duration_s: float, at_s: float, rate: int = 44_100, channels: int = 2) -> Sound:
    samples = np.zeros((channels, int(duration_s * rate)), np.float32)
    start = int(at_s * rate)
    samples[:, start : start + rate // 10] = 0.5 * np.sin(np.arange(rate // 10) * 0.2)
    return Sound(samples, rate)


def test_the_page_needs_nothing_but_itself(storm: Generated, tmp_path: Path) -> None:
    page = written(tmp_path, storm, sound=beep(24, 3))
    others = [x for x in page.links if not x.startswith(("data:image/jpeg;base64,", "#"))]
    assert others == ["storm.mp4"]  # the clip beside it, without which the page still stands
    assert not re.search(r"https?://|@import|url\(", page.text)
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'")
    assert len(page.text) < 1_500_000


def test_every_panel_has_a_heading_a_sentence_and_a_description(
    storm: Generated, tmp_path: Path
) -> None:
    page = written(tmp_path, storm)
    headings = page.words["h2"]
    assert headings == [
        "The picture", "Cuts and bars", "Sections and chords", "Mood", "Movement", "Loudness",
        "Density", "Tempo", "The notes",
    ]  # fmt: skip
    assert len([words for words in page.words["p"] if len(words) > 40]) >= len(headings)
    plots = page.all("div", "plot")
    assert len(plots) >= len(headings)
    assert all(plot["role"] == "img" and len(plot["aria-label"]) > 10 for plot in plots)
    assert all("alt" in image for image in page.all("img"))
    assert all("aria-label" in c for c in page.all("input"))


def test_the_facts_are_the_plan_s(storm: Generated, tmp_path: Path) -> None:
    page = written(tmp_path, storm)
    facts = dict(zip(page.words["dt"], page.words["dd"], strict=False))
    notes = sum(len(track.notes) for track in storm.song.tracks)
    assert facts["Key"] == storm.plan.key.label
    assert facts["Length"] == "0:24.0"
    assert (facts["Notes"], facts["Seed"]) == (str(notes), "0")
    chords = [span.chord.spell(storm.plan.key) for span in storm.plan.chords]
    data = json.loads(page.script("data"))
    assert data["chords"][1] == chords
    starts = storm.plan.grid.beats_s[[span.beat for span in storm.plan.chords]]
    assert data["chords"][0] == pytest.approx(starts, abs=1e-3)
    assert len(page.all("span", "chord")) == len(chords)
    for track in storm.song.tracks:
        assert f"{track.name} ({len(track.notes)} notes)" in page.text


def test_words_of_others_stay_words(storm: Generated, tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script> \"'&<b>$script $title"
    video = tmp_path / "a'\"><img src=x onerror=alert(1)>&.mp4"
    video.write_bytes(STORM.read_bytes())
    tracks = tuple(replace(track, name=evil) for track in storm.song.tracks)
    made = replace(
        storm,
        plan=replace(storm.plan, title=evil, style=evil),
        song=replace(storm.song, tracks=tracks),
    )
    page = written(tmp_path, made, video=video)
    assert len(page.all("script")) == len(written(tmp_path, storm).all("script"))
    assert not any("onerror" in named for _, named in page.elements)
    assert page.words["h1"] == [evil]


NAMES = st.text(
    st.characters(exclude_characters="/\\\0", exclude_categories=("Cs", "Cc")), min_size=1
).filter(lambda name: name not in (".", ".."))


@given(st.lists(NAMES, min_size=1, max_size=4), st.lists(NAMES, min_size=1, max_size=4))
def test_the_link_leads_from_the_page_to_the_clip(clip: list[str], page: list[str]) -> None:
    root = Path("/nowhere at all")
    link = link_to(root.joinpath(*clip), root.joinpath(*page))
    assert re.fullmatch(r"[\w.~/%-]*", link, re.ASCII)  # no scheme, query or fragment
    reached = os.path.normpath(root.joinpath(*page).parent / unquote(link))
    assert reached == str(root.joinpath(*clip))


def test_the_way_goes_through_linked_folders(tmp_path: Path) -> None:
    (tmp_path / "real" / "out").mkdir(parents=True)
    (tmp_path / "short").symlink_to(tmp_path / "real" / "out")
    link = link_to(tmp_path / "real" / "clip.mp4", tmp_path / "short" / "report.html")
    assert link == "../clip.mp4"


def test_a_name_that_is_no_text_is_linked() -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    assert link_to(Path("/films") / name, Path("/films/report.html")) == "caf%E9.mp4"


def test_the_clip_lies_in_the_page_on_request(storm: Generated, tmp_path: Path) -> None:
    page = written(tmp_path, storm, sound=beep(2, 1), options=ReportOptions(embed_clip=True))
    assert base64.b64decode(page.script("clip-data"), validate=True) == STORM.read_bytes()
    assert "src" not in next(iter(page.all("video")))
    assert all(link.startswith(("data:image/jpeg;base64,", "#")) for link in page.links)
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert "media-src blob:;" in policy


def test_a_clip_too_large_to_embed_is_refused(storm: Generated, tmp_path: Path) -> None:
    video = tmp_path / "large.mp4"
    with video.open("wb") as file:
        file.truncate(MAX_EMBEDDED_BYTES + 1)
    with pytest.raises(InputError, match="at most 64 MB"):
        check_embeddable(video)
    with pytest.raises(InputError, match="at most 64 MB"):
        written(tmp_path, storm, video=video, options=ReportOptions(embed_clip=True))
    assert not (tmp_path / "report.html").exists()


def test_a_pipe_is_neither_linked_nor_embedded(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert link_to(pipe, tmp_path / "report.html") == ""
    with pytest.raises(InputError, match="no ordinary file"):
        check_embeddable(pipe)


@given(st.binary(max_size=1000), st.integers(1, 40))
def test_pieces_of_base64_are_one_code(data: bytes, most: int) -> None:
    class Raw(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, most))

    assert "".join(coded(Raw(data))) == base64.b64encode(data).decode()


def test_the_page_says_what_played_and_what_looked(storm: Generated, tmp_path: Path) -> None:
    hint = "A larger soundfont <sounds> better."
    options = ReportOptions(played_by="fluidsynth on a<b>.sf2", sound_hint=hint)
    page = written(tmp_path, storm, sound=beep(2, 1), options=options)
    facts = dict(zip(page.words["dt"], page.words["dd"], strict=False))
    assert facts["Played by"] == "fluidsynth on a<b>.sf2"
    assert facts["Picture read by"] == "light, colour and movement"
    assert hint in page.words["p"]
    bare = written(tmp_path, storm, sound=beep(2, 1))
    assert "Played by" not in bare.words["dt"]


def test_equal_input_gives_equal_bytes(storm: Generated, tmp_path: Path) -> None:
    pages = [written(tmp_path, storm, sound=beep(24, 3)).text for _ in range(2)]
    assert pages[0] == pages[1]


def test_the_sound_lies_in_the_page(storm: Generated, tmp_path: Path) -> None:
    page = written(tmp_path, storm, sound=beep(24.0, 3.0))
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(page.script("sound"))))
    assert len(samples) / rate == pytest.approx(24.0, abs=0.06)
    assert np.flatnonzero(np.abs(samples[:, 0]) > 0.1)[0] / rate == pytest.approx(3.0, abs=0.01)
    assert "No sound" not in page.text
    assert "disabled" not in next(b for b in page.all("button") if b.get("id") == "play")


def test_without_sound_the_page_says_so(storm: Generated, tmp_path: Path) -> None:
    page = written(tmp_path, storm)
    assert any(words.startswith("No sound: ") for words in page.words["p"])
    assert page.script("sound") == ""
    assert "disabled" in next(b for b in page.all("button") if b.get("id") == "play")


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (44_100, 1), (22_050, 1)])
def test_any_rate_keeps_time(rate: int, channels: int) -> None:
    samples, coded_rate = decoded(beep(22.0, 21.0, rate, channels))  # past the first block
    assert np.flatnonzero(np.abs(samples[:, 0]) > 0.1)[0] / coded_rate == pytest.approx(
        21, abs=0.01
    )


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_stream_sounds_as_the_same_in_memory(rate: int) -> None:
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 3 * rate)).astype(np.float32)
    whole, _ = decoded(Sound(noise, rate))
    for size in (1000, 65_536):
        streamed, _ = decoded(Stream(noise, rate, size))
        assert streamed.shape == whole.shape
        assert np.abs(streamed - whole).max() < 1e-3


def test_a_long_sound_takes_little_memory(storm: Generated, tmp_path: Path) -> None:
    second = np.zeros((2, 44_100), np.float32)
    second[:, :2000] = 0.3

    class Hour(Stream):
        frames = 3600 * 44_100

        def blocks(self) -> Iterator[np.ndarray]:
            return (second for _ in range(300))  # a part of it is enough here

    written(tmp_path, storm, sound=beep(1, 0))  # what is loaded once
    tracemalloc.start()
    page = tmp_path / "report.html"
    write_report(page, STORM, storm.features, storm.plan, storm.song, Hour(second, 44_100, 1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert page.stat().st_size > 1_000_000
    assert peak < 12_000_000


def test_a_long_sound_is_coded_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = [choose_bit_rate(60.0 * minutes) for minutes in (1, 16, 20, 40, 600)]
    assert rates[0] == rates[1] == max(BIT_RATES)
    assert sorted(rates, reverse=True) == rates
    assert rates[-1] == min(BIT_RATES)
    monkeypatch.setattr("amt.report.sound.MAX_BYTES", 1000)
    samples, rate = decoded(beep(12, 11))
    assert samples.ndim == 1
    assert np.flatnonzero(np.abs(samples) > 0.1)[0] / rate == pytest.approx(11, abs=0.01)


@given(
    st.lists(st.floats(0, 12, exclude_min=True), max_size=12),
    st.lists(st.floats(0.2, 1.5), min_size=1, max_size=16),
)
def test_cut_alignments_as_by_hand(times_s: list[float], lengths_s: list[float]) -> None:
    beats_s = np.concatenate([[0.0], np.cumsum(lengths_s)])
    grid = TimeGrid(beats_s, (1, *(1,) * (len(lengths_s) - 1)))
    for cut, found in zip(
        cuts := tuple(Cut(t) for t in sorted(times_s)), cut_alignments(cuts, grid), strict=True
    ):
        nearest = min(abs(beat - cut.time_s) for beat in beats_s)
        assert abs(found.beat_s) == pytest.approx(nearest)
        assert cut.time_s + found.beat_s == pytest.approx(
            beats_s[np.abs(beats_s - cut.time_s - found.beat_s).argmin()]
        )
        assert found.on_beat == is_hit(nearest, 0.0)
        assert abs(found.downbeat_s) >= abs(found.beat_s)


def test_hits_and_misses_look_different(storm: Generated, tmp_path: Path) -> None:
    grid = storm.plan.grid
    downbeats_s = grid.beats_s[grid.downbeats]
    cuts = (
        Cut(float(downbeats_s[1]) + 0.01, 0.9),
        Cut(float(grid.beats_s[grid.downbeats[2] + 1]), 0.3, "fade"),
        Cut(float(downbeats_s[3]) + 0.15, 0.8, "dissolve"),
    )
    held = Track("Organ", 19, (Note(0, 60, storm.song.end, 70),))
    song = replace(storm.song, tracks=(held,))
    found = replace(storm, features=replace(storm.features, cuts=cuts), song=song)
    page = written(tmp_path, found)
    x = [f"{10_000 * cut.time_s / grid.duration_s:.1f}".removesuffix(".0") for cut in cuts]
    for place, outcome, kind in zip(
        x, ("downbeat", "onbeat", "miss"), ("cut", "fade", "dissolve"), strict=True
    ):
        drawn = page.all("path", f"tick {outcome} {kind}")
        assert [path["d"].split(" ")[0] for path in drawn] == [f"M{place}"]
    assert "2 of 3 cuts fall on a beat" in page.text
    assert "1 of 2 strong ones on the first beat of a bar; a note begins on 0" in page.text
    tick = round(float(grid.beats_at(cuts[2].time_s)) * TICKS)
    struck = replace(held, notes=(*held.notes, Note(tick, 72, tick + 100, 70)))
    page = written(tmp_path, replace(found, song=replace(song, tracks=(struck,))))
    assert page.all("path", "tick struck dissolve")
    assert not page.all("path", "tick miss dissolve")
    assert "A note begins on 1 of 3." in page.text


def test_the_film_strip_shows_the_clip_in_order() -> None:
    strip = film_strip(STORM, 24.0)
    images = [np.asarray(Image.open(io.BytesIO(image)).convert("RGB")) for image in strip]
    assert len(images) == 24
    assert max(image.shape[0] for image in images) <= 90
    assert images[1].mean() > images[9].mean() + 40  # a sunny meadow, then a dark forest
    assert len(film_strip(STORM, 7200.0)) == MOST


def long_piece(hours: float) -> Generated:
    """A plan and a song without a clip: a chord every 2 s, six notes a second."""
    n_beats = int(hours * 7200)
    seconds = n_beats // 2
    rng = np.random.default_rng(0)
    emotion = rng.dirichlet(np.ones(6), seconds)
    cut_times_s = np.sort(rng.uniform(1, seconds - 1, 2000))
    cuts = tuple(
        Cut(float(t), float(s)) for t, s in zip(cut_times_s, rng.random(2000), strict=True)
    )
    names = [parse_chord(name) for name in ("C", "Am", "F", "Gsus4")]
    plan = Plan(
        grid=TimeGrid(np.arange(n_beats + 1) / 2, (4,) * (n_beats // 4)),
        key=Key(0, "major"),
        chords=tuple(ChordSpan(b, names[b // 4 % 4]) for b in range(0, n_beats, 4)),
        loudness=rng.random(seconds),
        density=6 * rng.random(seconds),
        emotion=emotion,
        style="piano",
        seed=1,
        cuts=cuts,
        sections=tuple(Section(b, "sad") for b in range(0, n_beats, 64)),
    )
    notes = tuple(
        Note(t, 48 + (t // 160) % 24, t + 150, 80) for t in range(0, n_beats * TICKS, 160)
    )
    song = Song(
        tracks=(Track("Piano", 0, notes), Track("Drums", 0, notes[::6], is_drum=True)),
        tempos=(TempoChange(0, 500_000),),
        time_signatures=(TimeSignature(0, 4),),
        key=plan.key,
        end=n_beats * TICKS,
    )
    features = VideoFeatures(
        duration_s=float(seconds),
        emotion=emotion,
        motion=rng.random(seconds),
        scene_offset=np.zeros(seconds),
        cuts=cuts,
        semantic=None,
        backend="analytic",
    )
    return Generated(features, plan, song)


def test_a_long_piece_gives_a_small_page(tmp_path: Path) -> None:
    page = written(tmp_path, long_piece(2.0))
    assert len(page.text) < 3_500_000
    curves = [path["d"] for path in page.all("path", "area") + page.all("path", "line")]
    assert max(data.count("L") for data in curves) < 2600


def test_a_piece_without_cuts_sections_or_notes(tmp_path: Path) -> None:
    made = long_piece(0.005)
    bare = Generated(
        replace(made.features, cuts=()),
        replace(made.plan, cuts=(), sections=()),
        replace(made.song, tracks=()),
    )
    page = written(tmp_path, bare)
    assert "The clip has no cuts for the music to meet." in page.words["p"]
    assert "Bars" in page.words["h2"]
    assert not page.all("table")


def test_cuts_have_their_timecode_and_why_a_note_begins_there_or_not(storm: Generated) -> None:
    clock = Timecode(RATES["25"], "01:00:00:00")
    grid = storm.plan.grid
    last_s = float(grid.beats_s[storm.plan.chords[-1].beat])
    cuts = (Cut(1.0, 0.9), Cut(2.0, 0.3), Cut(3.0, 0.3), Cut(last_s + 0.2, 0.3))
    plan = replace(storm.plan, cuts=cuts, timecode=clock, silences=(TimeSpan(2.9, 3.5),))
    tick = round(float(grid.beats_at(1.0)) * TICKS)
    song = replace(
        storm.song, tracks=(replace(storm.song.tracks[0], notes=(Note(tick, 60, tick + 9, 80),)),)
    )
    panel = cuts_and_bars(Axis(grid.duration_s), cut_alignments(cuts, grid, song), plan)
    assert panel.table is not None
    assert [row[0] for row in panel.table.rows][:3] == ["01:00:01:00", "01:00:02:00", "01:00:03:00"]
    assert [row[-1] for row in panel.table.rows] == [
        "yes, a strong cut", "no, the style answers stronger ones", "no, the music rests",
        "no, the final chord rings",
    ]  # fmt: skip


def test_the_page_states_the_timecode(storm: Generated, tmp_path: Path) -> None:
    clock = Timecode(RATES["29.97df"], "01:00:00;00")
    timed = replace(storm, plan=replace(storm.plan, timecode=clock))
    page = written(tmp_path, timed)
    assert "01:00:00;00 at 29.97df frames a second" in page.words["dd"]
    assert "Timecode" not in written(tmp_path, storm).words["dt"]
