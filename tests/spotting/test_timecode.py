"""Timecode against the facts of SMPTE ST 12-1."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amt.errors import InputError
from amt.timecode import RATES, Timecode, nearest_rate, parse_rate, smpte_offset

rates = st.sampled_from(sorted(RATES))

FACTS = [
    ("29.97df", "00:00:59;29", 1799),
    ("29.97df", "00:01:00;02", 1800),
    ("29.97df", "00:09:59;29", 17981),
    ("29.97df", "00:10:00;00", 17982),
    ("29.97df", "01:00:00;00", 107892),
    ("29.97df", "23:59:59;29", 2589407),
    ("59.94df", "00:01:00;04", 3600),
    ("59.94df", "00:10:00;00", 35964),
    ("59.94df", "01:00:00;00", 215784),
    ("29.97", "01:00:00:00", 108000),
    ("59.94", "01:00:00:00", 216000),
    ("23.976", "01:00:00:00", 86400),
    ("24", "01:00:00:00", 86400),
    ("25", "01:00:00:00", 90000),
    ("30", "01:00:00:00", 108000),
    ("50", "01:00:00:00", 180000),
    ("60", "01:00:00:00", 216000),
]


@pytest.mark.parametrize(("rate", "label", "frame"), FACTS)
def test_labels_name_the_frames_of_the_standard(rate, label, frame):
    assert RATES[rate].frame(label) == frame
    assert RATES[rate].label(frame) == label


@given(name=rates, share=st.floats(0, 1, exclude_max=True))
def test_every_frame_of_a_day_has_a_label_of_its_own(name, share):
    rate = RATES[name]
    frame = int(share * rate.frames_per_day)
    assert rate.frame(rate.label(frame)) == frame
    assert rate.label(frame + rate.frames_per_day) == rate.label(frame)


@given(name=rates, minute=st.integers(0, 24 * 60 - 1))
def test_drop_frame_passes_over_the_first_numbers_of_nine_minutes_in_ten(name, minute):
    rate = RATES[name]
    hours, minutes = divmod(minute, 60)
    sign = ";" if rate.drop else ":"
    first = f"{hours:02d}:{minutes:02d}:00{sign}00"
    if rate.drop and minutes % 10:
        with pytest.raises(InputError, match="passes over"):
            rate.frame(first)
        first = f"{hours:02d}:{minutes:02d}:00{sign}{rate.counted // 15:02d}"
    assert rate.label(rate.frame(first)) == first


def test_drop_frame_keeps_to_the_clock_within_a_frame_at_every_tenth_minute():
    for name in ("29.97df", "59.94df"):
        rate = RATES[name]
        for tens in range(6):
            real_s = rate.frame(f"00:{tens}0:00;00") / rate.fps
            assert abs(real_s - 600 * tens) < 1 / rate.fps
    assert RATES["29.97"].frame("01:00:00:00") / RATES["29.97"].fps == Fraction("3603.6")


@given(name=rates, start=st.integers(0, 2_000_000), frame=st.integers(0, 2_000_000))
def test_a_clip_finds_the_frame_of_its_label(name, start, frame):
    clock = Timecode(RATES[name], RATES[name].label(start))
    time_s = clock.seconds_of(frame)
    assert clock.frame(time_s) == frame
    assert clock.seconds(clock.label(time_s)) == time_s


def test_labels_go_on_after_midnight():
    clock = Timecode(RATES["25"], "23:59:59:00")
    assert clock.label(2.0) == "00:00:01:00"
    assert clock.seconds("00:00:01:00") == 2.0


@pytest.mark.parametrize(
    ("rate", "label", "reason"),
    [
        ("25", "01:00:00:25", "frames go from 00 to 24"),
        ("25", "01:00:00;00", "drop-frame exists at 29.97df and 59.94df"),
        ("29.97df", "01:01:00;01", "passes over"),
        ("24", "25:00:00:00", "hours go to 23"),
        ("24", "1 hour", "no timecode: expected"),
    ],
)
def test_what_is_no_timecode_of_a_rate_is_refused(rate, label, reason):
    with pytest.raises(InputError, match=reason):
        Timecode(RATES[rate], label)


def test_rates_are_read_as_people_write_them():
    written = {
        "23.98": "23.976", "24000/1001": "23.976", "29,97 drop": "29.97df", "29.97 NDF": "29.97",
        "30000/1001": "29.97", "59.94 DF": "59.94df", "25 fps": "25", "60": "60",
    }  # fmt: skip
    assert {text: parse_rate(text).name for text in written} == written
    for text in ("12", "24 drop", "fast", "1/0"):
        with pytest.raises(InputError, match="no frame rate"):
            parse_rate(text)
    found = {Fraction(12): "24", Fraction(15): "30", Fraction(2997, 100): "29.97",
             Fraction(120): "60", Fraction(10): "30"}  # fmt: skip
    assert {fps: nearest_rate(fps)[0].name for fps in found} == found
    assert not nearest_rate(Fraction(273, 10))[1]


def test_midi_states_the_label_at_the_nearest_of_its_four_rates():
    expected = {
        "23.976": (24, 11, 0), "24": (24, 11, 0), "25": (25, 11, 0), "29.97": (30, 11, 0),
        "29.97df": (29.97, 11, 0), "30": (30, 11, 0), "50": (25, 5, 50), "59.94": (30, 5, 50),
        "59.94df": (29.97, 5, 50), "60": (30, 5, 50),
    }  # fmt: skip
    for name, (rate, frames, sub_frames) in expected.items():
        sign = ";" if RATES[name].drop else ":"
        offset = smpte_offset(Timecode(RATES[name], f"01:02:03{sign}11"))
        assert (offset.frame_rate, offset.hours, offset.minutes, offset.seconds) == (rate, 1, 2, 3)
        assert (offset.frames, offset.sub_frames) == (frames, sub_frames)
