"""Bytes of one track of a standard MIDI file → messages on absolute ticks.

Damaged events and events that are not allowed in files are skipped and counted, and reading goes on
where the bytes form valid events again. Running status
outlives system exclusive and meta events, as in most players, though the specification ends it
there. Time and memory are proportional to the bytes, whatever lengths and times they claim.

Text in messages is Latin-1, one character a byte, so that nothing is lost when it is written
again; :func:`render.files.smf.decode_text` decodes it.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import Any

import mido
from mido.midifiles.meta import KeySignatureError, UnknownMetaMessage, build_meta_message

Timed = tuple[int, Any]
"""A tick counted from the start of the file and the mido message on it; its ``time`` is 0."""

MAX_DELTA = 2**28 - 1
"""Longest time between two events: the most that four bytes of seven bits hold."""

_FIELDS: dict[int, tuple[str, tuple[str, ...]]] = {
    0x80: ("note_off", ("note", "velocity")),
    0x90: ("note_on", ("note", "velocity")),
    0xA0: ("polytouch", ("note", "value")),
    0xB0: ("control_change", ("control", "value")),
    0xC0: ("program_change", ("program",)),
    0xD0: ("aftertouch", ("value",)),
    0xE0: ("pitchwheel", ("lsb", "msb")),
}
_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_SYSEX, _ESCAPE, _META = 0xF0, 0xF7, 0xFF
_TEMPO, _METRE, _KEY, _END = 0x51, 0x58, 0x59, 0x2F
_TEXTS = range(0x01, 0x10)
_METRE_DEFAULTS = bytes([4, 2, 24, 8])
_MAX_UNIT = 6
"""Power of two of the smallest unit of a metre: a 64th."""
_LOOKAHEAD = 6
"""Events that are tried out where two readings of damaged bytes compete."""
_MOST_ODDITIES = 2
"""With more of them, bytes are not taken for the events from which reading goes on."""
_SENSELESS = 100
"""Score of a reading that breaks off; one oddity scores 1."""


class TrackReader:
    """Reads one track.

    Attributes:
        position: the byte behind what was read.
        events: what was read; the last is the end of the track.
    """

    def __init__(
        self, data: bytes, start: int, limit: int, passed_over: Counter[str], tick: int = 0
    ) -> None:
        self.position = start
        self.events: list[Timed] = []
        self._data = data
        self._limit = limit
        self._passed_over = passed_over
        self._tick = tick
        self._status = 0
        self._has_delta = True
        self._pads_times = False
        self._is_ended = False
        self._sysex: list[bytes] = []

    def read(self) -> list[Timed]:
        """Read to the end-of-track event, or to the limit where there is none."""
        while not self._is_ended and self.position < self._limit:
            self._event()
        self._close_sysex()
        self.events.append((self._tick, mido.MetaMessage("end_of_track")))
        return self.events

    def _event(self) -> None:
        start, tick = self.position, self._tick
        if self._has_delta and self._lacks_delta():
            self._has_delta = False
            self._pass_over("missing byte")
        if self._has_delta:
            self._tick += self._number(MAX_DELTA)
        self._has_delta = True
        if self.position >= self._limit:
            self._pass_over("incomplete event at the end of a track")
            return
        status = self._data[self.position]
        if status < 0x80 and not self._status:
            self._tick = tick
            self._pass_over("stray byte")
            self._resume(start)
        elif status == _META:
            self.position += 1
            self._meta()
        elif status in (_SYSEX, _ESCAPE):
            self.position += 1
            self._system_exclusive(status)
        elif status > _SYSEX:
            self._system(status)
        else:
            self._channel_message(status)

    def _lacks_delta(self) -> bool:
        """Whether what should be a time makes more sense as an event.

        So it is behind an event that lacks a byte and took this one's time for its own. Only
        times that look like a status and are rare as times are looked into, and none in a track
        whose times are padded with 0x80.
        """
        first = self._data[self.position]
        if self._pads_times or 0x80 < first < 0x90 or first < 0x80:
            return False
        as_time = self._oddities(self.position, self._status, True)
        lacks = as_time > 0 and self._oddities(self.position, 0, False) < as_time
        self._pads_times = first == 0x80 and not lacks
        return lacks

    def _channel_message(self, status: int) -> None:
        if status >= 0x80:
            self._status = status
            self.position += 1
        kind, fields = _FIELDS[self._status & 0xF0]
        end = self.position + len(fields)
        if end > self._limit:
            self.position = self._limit
            self._pass_over("incomplete event at the end of a track")
            return
        values = list(self._data[self.position : end])
        if max(values) > 127:
            # Either the value is too great or a byte is missing and the next event begins.
            next_event = self.position + (0 if values[0] > 127 else 1)
            if self._oddities(next_event, 0, False) < self._oddities(end, self._status, True):
                self.position, self._has_delta = next_event, False
                self._pass_over("incomplete event")
                return
            values = [min(value, 127) for value in values]
            self._pass_over("value over 127, played as 127,")
        self.position = end
        named = dict(zip(fields, values, strict=True))
        self._add(_channel_message(kind, self._status & 0x0F, named))

    def _meta(self) -> None:
        if self.position >= self._limit:
            self._pass_over("incomplete event at the end of a track")
            return
        kind = self._data[self.position]
        self.position += 1
        data = self._block("meta event longer than its track")
        if kind == _END:
            self._is_ended = True
        elif data is not None:
            message, reason = _meta_message(kind, data)
            if reason:
                self._pass_over(reason)
            self._add(message)

    def _system_exclusive(self, status: int) -> None:
        data = self._block("system exclusive message longer than its track")
        if data is None:
            return
        if status == _ESCAPE and not self._sysex:
            self._pass_over("escaped system message")
            return
        if status == _SYSEX:
            self._close_sysex()
        self._sysex.append(data)
        if data.endswith(b"\xf7"):
            self._close_sysex()

    def _close_sysex(self) -> None:
        """Join the pieces of a system exclusive message, whose end mark may be missing."""
        data = b"".join(self._sysex)
        data = data.removesuffix(b"\xf7")
        if self._sysex:
            self._sysex = []
            if max(data, default=0) > 127:
                self._pass_over("damaged system exclusive message")
            else:
                self._add(mido.Message("sysex", data=data))

    def _system(self, status: int) -> None:
        """Pass over what belongs on a cable, not into a file, with its data."""
        self.position += 1
        for _ in range(_SYSTEM_DATA.get(status, 0)):
            if self.position < self._limit and self._data[self.position] < 0x80:
                self.position += 1
        self._pass_over("system message that no file holds")

    def _add(self, message: Any) -> None:  # noqa: ANN401 (mido is untyped)
        if self._sysex:
            self._close_sysex()
        self.events.append((self._tick, message))

    def _pass_over(self, what: str) -> None:
        self._passed_over[what] += 1

    def _number(self, most: int) -> int:
        """A number of seven bits a byte, at most ``most``; bytes behind the fourth are read."""
        value = 0
        while self.position < self._limit:
            byte = self._data[self.position]
            self.position += 1
            value = min(value << 7 | byte & 0x7F, most)
            if byte < 0x80:
                break
        return value

    def _block(self, too_long: str) -> bytes | None:
        """Data behind their length; None where they would end outside the track."""
        start = self.position
        length = self._number(self._limit)
        end = self.position + length
        if end > self._limit:
            self._pass_over(too_long)
            self._resume(start)
            return None
        data = self._data[self.position : end]
        self.position = end
        return data

    def _resume(self, start: int) -> None:
        """Go on at the next byte from which a few events in a row make sense."""
        for position in range(start, self._limit):
            for has_delta in (True, False):
                if (position > start or not has_delta) and (
                    self._oddities(position, 0, has_delta) <= _MOST_ODDITIES
                ):
                    self.position, self._has_delta = position, has_delta
                    return
        self.position = self._limit

    def _oddities(self, position: int, status: int, has_delta: bool) -> int:
        """How little sense the bytes from here on make as events, 0 to 100.

        Times that begin with 0x80, which adds nothing to them, count 1, and so does what no file
        should hold.
        """
        score, data, limit = 0, self._data, self._limit
        for i in range(_LOOKAHEAD):
            if has_delta or i:
                score += position < limit and data[position] == 0x80
                end = _number_end(data, position, limit)
                if end is None:
                    return _SENSELESS
                position = end
            if position >= limit:
                return score if i else _SENSELESS
            if data[position] < 0x80 and not status:
                return _SENSELESS
            if data[position] == _META and data[position + 1 : position + 2] == b"\x2f":
                return score
            score += _is_odd(data, position)
            status, end = _event_end(data, position, limit, status)
            if end is None:
                return _SENSELESS
            position = end
            if position == limit:
                return score
        return score


def _number_end(data: bytes, position: int, limit: int) -> int | None:
    """Where a number of at most four bytes ends."""
    for end in range(position, min(position + 4, limit)):
        if data[end] < 0x80:
            return end + 1
    return None


def _is_odd(data: bytes, position: int) -> bool:
    """Whether a system message or a meta event is there that no file should hold."""
    if data[position] == _META:
        return data[position + 1 : position + 2] > b"\x7f"
    return data[position] > _SYSEX and data[position] != _ESCAPE


def _event_end(data: bytes, position: int, limit: int, status: int) -> tuple[int, int | None]:
    """Running status behind a well-formed event and where that ends; None if it is none."""
    first = data[position]
    if first in (_SYSEX, _ESCAPE, _META):
        start = position + (2 if first == _META else 1)
        behind = _number_end(data, start, limit)
        if behind is None:
            return status, None
        length = 0
        for byte in data[start:behind]:
            length = length << 7 | byte & 0x7F
        return status, behind + length if behind + length <= limit else None
    if first > _SYSEX:
        end = position + 1 + _SYSTEM_DATA.get(first, 0)
        return status, end if end <= limit else None
    if first >= 0x80:
        status, position = first, position + 1
    end = position + len(_FIELDS[status & 0xF0][1])
    is_whole = end <= limit and max(data[position:end]) < 0x80
    return status, end if is_whole else None


def _channel_message(kind: str, channel: int, values: dict[str, int]) -> Any:  # noqa: ANN401
    if kind == "pitchwheel":
        values = {"pitch": values["lsb"] + 128 * values["msb"] - 8192}
    return mido.Message(kind, skip_checks=True, channel=channel, **values)


def _meta_message(kind: int, data: bytes) -> tuple[Any, str]:
    """A meta event, and a description of it where it is invalid, else an empty one.

    Invalid events stay in the track as unknown ones, byte for byte.
    """
    reason = ""
    if kind == _TEMPO and (len(data) < 3 or not any(data[:3])):
        reason = "tempo of 0" if len(data) >= 3 else "tempo that is too short"
    elif kind == _METRE:
        is_short = len(data) < 2
        if is_short or not data[0] or data[1] > _MAX_UNIT:
            reason = "time signature that does not exist"
        data = data if is_short else data + _METRE_DEFAULTS[len(data) :]
    try:
        message = None if reason else build_meta_message(kind, data)
        if message and kind not in _TEXTS:
            message.bytes()  # what cannot be written again is kept as it came
    except (ValueError, LookupError, TypeError, struct.error, KeySignatureError):
        reason = "key signature that does not exist" if kind == _KEY else "odd meta event"
        message = None
    return message or UnknownMetaMessage(kind, data=tuple(data)), reason
