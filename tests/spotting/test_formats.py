"""Cue sheets written and read back, at every rate; each format also by an independent reader."""

from __future__ import annotations

import csv
import io
import json

import opentimelineio as otio
import pytest

from amt.errors import InputError
from amt.reporter import SILENT, callback_reporter
from amt.spotting import edl
from amt.spotting.cues import CUTS, Cue, CueSheet, marker_cue, marker_text
from amt.spotting.files import READERS, WRITERS
from amt.spotting.shots import shot_edges
from amt.timecode import RATES, Timecode
from tests.spotting.sheets import clip_clock, draw_sheet

EXACT = (".csv", ".json", ".otio")
N_SHEETS = 200


def read(text: str, suffix: str, clock) -> CueSheet:
    return READERS[suffix](text, f"cues{suffix}", clock, SILENT)


def known(sheet: CueSheet) -> list[tuple[object, ...]]:
    """What every format keeps of the cues, with times in frames."""
    return sorted(
        (sheet.clock.frame(c.time_s), c.kind, round(c.duration_s, 5), c.strength or 0, c.mood,
         c.theme, c.text)
        for c in sheet.cues
    )  # fmt: skip


@pytest.mark.parametrize("rate", RATES)
def test_a_sheet_survives_every_format_to_the_frame(rate):
    for seed in range(N_SHEETS):
        sheet = draw_sheet(rate, seed)
        bare = clip_clock(rate.removesuffix("df"), asked=False)
        formats = WRITERS if seed < 6 else {".csv": 0, ".edl": 0}
        for suffix in formats:
            back = read(WRITERS[suffix](sheet), suffix, bare)
            assert back.clock == sheet.clock, suffix
            assert known(back) == known(sheet), suffix
            half_s = 0.5001 / float(sheet.clock.rate.fps)
            pairs = zip(sorted(map(times, sheet.cues)), sorted(map(times, back.cues)), strict=True)
            assert all(abs(a[0] - b[0]) <= (1e-6 if suffix in EXACT else half_s) for a, b in pairs)


def times(cue: Cue) -> tuple[float, str]:
    return cue.time_s, cue.kind


@pytest.mark.parametrize("rate", RATES)
def test_the_edl_says_the_same_to_another_parser(rate):
    for seed in range(8):
        sheet = draw_sheet(rate, seed)
        counted = sheet.clock.rate
        if sheet.clock.start_frame + 90 * counted.counted > counted.frames_per_day:
            continue  # the adapter has no midnight
        fps = float(counted.fps)
        timeline = otio.adapters.read_from_string(edl.to_text(sheet), "cmx_3600", rate=fps)
        (track,) = timeline.video_tracks()
        lengths = [round(clip.duration().value) for clip in track]
        assert lengths == [end - first for first, end in shot_edges(sheet)]
        starts = [round(clip.source_range.start_time.value) for clip in track]
        assert starts == [sheet.clock.start_frame + first for first, _ in shot_edges(sheet)]
        if not sheet.clock.rate.drop:  # the adapter passes over locators with a semicolon
            markers = [marker for clip in track for marker in clip.markers]
            assert [m.name for m in markers] == [marker_text(cue) for cue in sheet.cues]
            frames = [sheet.clock.start_frame + sheet.clock.frame(c.time_s) for c in sheet.cues]
            assert [round(m.marked_range.start_time.value) for m in markers] == frames


@pytest.mark.parametrize("rate", RATES)
def test_the_otio_file_is_a_timeline_with_the_clip_s_timecode(rate):
    sheet = draw_sheet(rate, 3)
    timeline = otio.adapters.read_from_string(WRITERS[".otio"](sheet), "otio_json")
    start = timeline.global_start_time
    assert start.value == sheet.clock.start_frame
    assert start.rate == pytest.approx(float(sheet.clock.rate.fps))
    (track,) = timeline.video_tracks()
    assert len(track) == 1 + len({sheet.clock.frame(c.time_s) for c in sheet.cues
                                  if c.kind in CUTS} - {0})  # fmt: skip
    for cue, marker in zip(sheet.cues, timeline.tracks.markers, strict=True):
        place_s = marker.marked_range.start_time.to_seconds()
        assert abs(place_s - cue.time_s) <= 0.5001 / float(sheet.clock.rate.fps)


def test_csv_and_json_are_plain_ones():
    sheet = draw_sheet("25", 5)
    rows = list(csv.DictReader(io.StringIO(WRITERS[".csv"](sheet))))
    cues = json.loads(WRITERS[".json"](sheet))["cues"]
    assert [row["timecode"] for row in rows] == [cue["timecode"] for cue in cues]
    assert [float(row["seconds"]) for row in rows] == [cue["seconds"] for cue in cues]


def test_a_moved_or_renamed_marker_of_a_timeline_counts():
    sheet = CueSheet(Timecode(RATES["24"], "01:00:00:00"), (Cue(2.0, "hit"), Cue(4.0, "hit")), 9.0)
    timeline = otio.adapters.read_from_string(WRITERS[".otio"](sheet), "otio_json")
    first, second = timeline.tracks.markers
    first.marked_range = otio.opentime.TimeRange(otio.opentime.RationalTime(60, 24),
                                                 otio.opentime.RationalTime(0, 24))  # fmt: skip
    second.name = "silence 2 s"
    back = read(timeline.to_json_string(), ".otio", clip_clock("24", asked=False))
    assert back.cues == (Cue(2.5, "hit"), Cue(4.0, "silence", 2.0))


def editors_timeline(rate: float) -> otio.schema.Timeline:
    """Two shots, a gap, a shot that a dissolve leads to; a marker in a clip's own time."""

    def span(start: int, length: int) -> otio.opentime.TimeRange:
        at = otio.opentime.RationalTime
        return otio.opentime.TimeRange(at(start, rate), at(length, rate))

    track = otio.schema.Track(kind="Video")
    track.append(otio.schema.Clip("one", source_range=span(500, 48)))
    two = otio.schema.Clip("two", source_range=span(1000, 24))
    two.markers.append(otio.schema.Marker("hit: the door", span(1012, 0)))
    track.append(two)
    track.append(otio.schema.Gap(source_range=span(0, 12)))
    track.append(otio.schema.Clip("three", source_range=span(0, 60)))
    offset = otio.opentime.RationalTime(6, rate)
    track.append(otio.schema.Transition(in_offset=offset, out_offset=offset))
    track.append(otio.schema.Clip("four", source_range=span(0, 60)))
    timeline = otio.schema.Timeline("edit", global_start_time=otio.opentime.RationalTime(
        86400, rate))  # fmt: skip
    timeline.tracks.append(track)
    return timeline


def test_an_editor_s_timeline_gives_cuts_dissolves_and_markers():
    said: list[str] = []
    sheet = READERS[".otio"](
        editors_timeline(24).to_json_string(), "edit.otio", clip_clock("24", asked=False),
        callback_reporter(None, said.append),
    )  # fmt: skip
    assert sheet.clock.start == "01:00:00:00"
    assert [(cue.time_s, cue.kind) for cue in sheet.cues] == [
        (2.0, "cut"), (2.5, "hit"), (3.0, "cut"), (3.5, "cut"), (6.0, "dissolve"),
    ]  # fmt: skip
    assert said == ["edit.otio: 1 gap in the picture, the first at 3.00 s, taken as black"]


EDITORS_EDL = """TITLE:   REEL ONE
FCM: NON-DROP FRAME
001  A001C003 V     C        04:10:00:00 04:10:04:00 01:00:00:00 01:00:04:00
* FROM CLIP NAME: A001C003.MOV
M2   A001C003       023.9                04:10:00:00
002  B002     AA    C        00:00:00:00 00:00:04:00 01:00:00:00 01:00:04:00
003  A001C003 V     C        04:10:04:00 04:10:04:00 01:00:04:00 01:00:04:00
003  B017     V     D    020 07:00:00:00 07:00:06:00 01:00:04:00 01:00:10:00
* LOC: 01:00:05:12 RED     hit: gunshot
004  BL       V     C        00:00:00:00 00:00:01:00 01:00:10:00 01:00:11:00
005  B020     V     D    012 07:00:00:00 07:00:06:00 01:00:11:00 01:00:17:00
"""


def test_an_editor_s_edl_gives_cuts_dissolves_and_fades_of_any_source():
    sheet = read(EDITORS_EDL, ".edl", clip_clock("25", asked=False))
    assert (sheet.title, sheet.clock.start) == ("REEL ONE", "01:00:00:00")
    assert [(cue.time_s, cue.kind, cue.text) for cue in sheet.cues] == [
        (4.4, "dissolve", ""), (5.48, "hit", "gunshot"), (10.0, "cut", ""), (11.24, "fade", ""),
    ]  # fmt: skip


def test_markers_are_read_as_people_write_them():
    written = {
        "Hit": Cue(1, "hit"),
        "HIT: door": Cue(1, "hit", text="door"),
        "mood: Calm": Cue(1, "mood", mood="relaxing"),
        "mood tense 4,5 s": Cue(1, "mood", 4.5, mood="tense"),
        "silence here": Cue(1, "silence"),
        "Silence for 2 s": Cue(1, "silence", 2),
        "start here": Cue(1, "start"),
        "theme A here": Cue(1, "theme", theme="A"),
        "Theme: b": Cue(1, "theme", theme="B"),
        "Cut 3 (dissolve)": Cue(1, "dissolve"),
        "Cut 12 01:00:04:12": Cue(1, "cut"),
        "Section 2 (sad)": Cue(1, "note", text="Section 2 (sad)"),
        "hitherto": Cue(1, "note", text="hitherto"),
        "": Cue(1, "note"),
    }
    assert {text: marker_cue(1, text) for text in written} == written


CSV = "timecode,seconds,kind,duration_s,strength,mood,theme,text\n"
MISTAKES = {
    ".csv": {
        "": "is empty",
        "a,b\n1,2\n": "expected names of columns",
        "kind,text\nhit,x\n": "expected names of columns",
        "seconds,seconds,kind\n1,2,hit\n": "the column seconds twice",
        CSV + ",1,hitt\n": "line 2: 'hitt' is no kind of cue.*did you mean 'hit'",
        CSV + ",,hit\n": "line 2: the row has neither timecode nor seconds",
        CSV + ",soon,hit\n": "line 2: 'soon' is no time",
        CSV + "00:00:04:00,5,hit\n": "line 2: the timecode 00:00:04:00 is 4.000 s.*mend one",
        CSV + "00:00:04:25,,hit\n": "line 2: '00:00:04:25' is a timecode of another rate",
        CSV + "00:00:04;00,,hit\n": "line 2: '00:00:04;00' is a drop-frame timecode",
        CSV + ",1,hit,2\n": "line 2: a cue of the kind hit has a duration",
        CSV + ",1,silence,-2\n": "line 2: '-2' is no time",
        CSV + ",1,hit,,7\n": "line 2: the strength '7' does not lie in 0 to 1",
        CSV + ",1,mood,,,furious\n": "line 2: unknown mood 'furious'",
        CSV + ",1,mood\n": "line 2: a cue of the kind mood needs its mood",
        CSV + ",1,theme,,,,AB\n": "line 2: the theme 'AB' is no capital letter",
        CSV + ',1,hit,,,,,a,b,"c"\n': "line 2, has 10 cells under 8 names",
        CSV + ',1,"hit\n': "is no CSV",
        "rate,seconds,kind\n24,1,hit\n": "counts at 24 frames a second, but .rate. says 25",
        "rate,seconds,kind\n24,1,hit\n25,2,hit\n": "counts at 24 and 25 frames",
    },
    ".json": {
        "[": "is not JSON",
        "{}": "version",
        '{"version": 2, "cues": []}': "version is 2, expected 1",
        '{"version": 1, "cues": [{"kind": "hit"}]}': r"cues\[0\]: there is neither timecode",
        '{"version": 1, "cues": [{"kind": "bang", "seconds": 1}]}': r"cues\[0\]: kind is 'bang'",
        '{"version": 1, "rate": "24", "cues": []}': "counts at 24 frames a second",
        '{"version": 1, "cues": [{"seconds": "x"}]}': r"cues\[0\].seconds",
    },
    ".edl": {
        "": "no event and no locator",
        "001  X  AA  C  00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00": "only events of sound",
        "001  X  V  C  00:00:00:00 00:00:01:00 01:00:00:00": "line 1, is no event of CMX 3600",
        "001  X  V  C  00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:25": "of another rate",
        EDITORS_EDL.replace("NON-DROP", "DROP"): "counts drop-frame.*the clip has 25",
        EDITORS_EDL + "006  C1  V  C  00:00:00:00 00:00:06:00 02:00:00:00 02:00:06:00":
            "several reels, of the hours 01, 02",
    },
    ".otio": {
        "x": "is no OpenTimelineIO file",
        otio.schema.Clip("a").to_json_string(): "holds a Clip, expected a Timeline",
        otio.schema.Timeline("a").to_json_string(): "is an empty timeline",
        editors_timeline(24).to_json_string(): "counts at 24 frames a second",
        editors_timeline(27.3).to_json_string(): "counts 27.3 frames a second, expected one of",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("suffix", "text", "reason"),
    [(suffix, text, reason) for suffix, of in MISTAKES.items() for text, reason in of.items()],
)
def test_a_damaged_sheet_is_named_in_a_sentence(suffix, text, reason):
    with pytest.raises(InputError, match=reason) as caught:
        read(text, suffix, clip_clock("25"))
    assert "\n" not in str(caught.value)


def test_columns_and_rows_that_spreadsheets_and_editors_write():
    said: list[str] = []
    text = "Name;TC;Colour\nhit: bang;00:00:02:00;red\n;;\nMood: tense;00:00:03:12;\n"
    clock = clip_clock("25", asked=False)
    sheet = READERS[".csv"](text, "m.csv", clock, callback_reporter(None, said.append))
    assert sheet.cues == (Cue(2.0, "hit", text="bang"), Cue(3.48, "mood", mood="tense"))
    assert said == ["m.csv: the columns 'colour' are passed over"]


def test_markers_as_resolve_and_premiere_export_them():
    resolve = (
        "TITLE: Timeline 1\nFCM: NON-DROP FRAME\n\n"
        "001  001      V     C        01:00:02:00 01:00:02:01 01:00:02:00 01:00:02:01  \n"
        " |C:ResolveColorBlue |M:hit: bang |D:1\n\n"
        "002  001      V     C        01:00:03:12 01:00:03:13 01:00:03:12 01:00:03:13  \n"
        " |C:ResolveColorRed |M:Mood tense |D:1\n"
    )
    expected = (Cue(2.0, "hit", text="bang"), Cue(3.48, "mood", mood="tense"))
    clock = clip_clock("25", "01:00:00:00", asked=False, stated=True)
    assert read(resolve, ".edl", clock).cues == expected
    premiere = (
        "Marker Name\tDescription\tIn\tOut\tDuration\tMarker Type\n"
        "hit: bang\t\t01:00:02:00\t01:00:02:00\t00:00:00:00\tComment\n"
        "Mood tense\t\t01:00:03:12\t01:00:03:12\t00:00:00:00\tComment\n"
    )
    assert read(premiere, ".csv", clock).cues == expected


def test_the_sheet_s_own_start_counts_unless_another_is_named():
    text = "timecode,rate,seconds,kind\n01:00:02:00,25,2,hit\n01:00:04:00,25,,hit\n"
    own = read(text, ".csv", clip_clock("25", asked=False))
    assert (own.clock.start, [c.time_s for c in own.cues]) == ("01:00:00:00", [2.0, 4.0])
    with pytest.raises(InputError, match="seconds says 2"):
        read(text, ".csv", clip_clock("25", "10:00:00:00"))
