"""Master tuning and master volume as controllers of every part, and pitch bends in semitones.

Master tuning and master volume come in system exclusive messages, which a synthesiser that plays
one part alone does not get. Fine tuning becomes registered parameter 1 of the part, volume scales
its controller 7, as amplitude is the square of both (40 log10 dB, *General MIDI 2*).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import mido

from render.files.devices import Kind, Setting

Timed = tuple[float, Any]
"""Seconds and the mido message that happens then."""
TimedSetting = tuple[float, Setting]

_VOLUME, _DEFAULT_VOLUME = 7, 100
_DATA, _DATA_FINE = 6, 38
_PARAMETER_FINE, _PARAMETER = 100, 101
_UNREGISTERED = (98, 99)
_NONE = 127
_PITCH_BEND_RANGE, _FINE_TUNING, _COARSE_TUNING = (0, 0), (0, 1), (0, 2)
_BEND_RANGE = 2
"""Semitones that a pitch bend reaches unless parameter 0 sets another range (General MIDI)."""
_CENTRE = 0x2000
"""14-bit value of no tuning; a semitone is as much again."""


def levels(
    settings: Iterable[TimedSetting], kind: Kind, initial: float
) -> list[tuple[float, float]]:
    """(seconds, value) of a setting of the whole instrument; a reset brings back the initial one.

    Empty where it never differs from that.
    """
    values = [
        (time, initial if setting.kind == "reset" else setting.value)
        for time, setting in settings
        if setting.kind in (kind, "reset")
    ]
    return values if any(value != initial for _, value in values) else []


def with_volume(controls: Sequence[Timed], volumes: Sequence[tuple[float, float]]) -> list[Timed]:
    """Controls in which controller 7 is scaled by volumes 0 to 1."""
    own, master = _DEFAULT_VOLUME, 1.0
    result: list[Timed] = []
    for time, message in _merged(controls, volumes):
        if isinstance(message, float):
            master = message
        elif message.is_cc(_VOLUME):
            own = message.value
        else:
            result.append((time, message))
            continue
        result.append((time, _control(_VOLUME, round(own * master))))
    return result


def with_tuning(controls: Sequence[Timed], tunings: Sequence[tuple[float, float]]) -> list[Timed]:
    """Controls in which registered parameter 1 is the part's own tuning and that in cents."""
    entry, own, master = _DataEntry(), [_CENTRE >> 7, 0], 0.0
    result: list[Timed] = []
    for time, message in _merged(controls, tunings):
        if isinstance(message, float):
            master = message
        elif entry.sets(message) == _FINE_TUNING:
            own[message.control == _DATA_FINE] = message.value
        else:
            result.append((time, message))
            continue
        value = round(128 * own[0] + own[1] + master / 100 * _CENTRE)
        result += [(time, m) for m in _fine_tuning(value, entry.parameter)]
    return result


def is_tuned(controls: Iterable[Timed]) -> bool:
    """Whether registered parameters 1 or 2 set a part off concert pitch."""
    entry, centre = _DataEntry(), {_DATA: 64, _DATA_FINE: 0}
    for _, message in controls:
        parameter = entry.sets(message)
        if parameter == _FINE_TUNING and message.value != centre[message.control]:
            return True
        if parameter == _COARSE_TUNING and message.is_cc(_DATA) and message.value != 64:
            return True
    return False


def bends(controls: Iterable[Timed]) -> list[tuple[float, float]]:
    """(seconds, semitones) of the pitch bends of a part, by the range that parameter 0 sets."""
    entry, range_ = _DataEntry(), [_BEND_RANGE, 0]
    found: list[tuple[float, float]] = []
    for time, message in controls:
        if entry.sets(message) == _PITCH_BEND_RANGE:
            range_[message.control == _DATA_FINE] = message.value
        elif message.type == "pitchwheel":
            semitones = range_[0] + range_[1] / 100
            found.append((time, semitones * message.pitch / _CENTRE))
    return found if any(semitones for _, semitones in found) else []


class _DataEntry:
    """Which registered parameter the data entry controllers set."""

    def __init__(self) -> None:
        self.parameter = (_NONE, _NONE)

    def sets(self, message: Any) -> tuple[int, int] | None:  # noqa: ANN401 (mido is untyped)
        """Take the next message; the parameter that it sets, if it sets one."""
        if message.type != "control_change":
            return None
        high, low = self.parameter
        if message.control == _PARAMETER:
            self.parameter = (message.value, low)
        elif message.control == _PARAMETER_FINE:
            self.parameter = (high, message.value)
        elif message.control in _UNREGISTERED:
            self.parameter = (_NONE, _NONE)
        return self.parameter if message.control in (_DATA, _DATA_FINE) else None


def _fine_tuning(value: int, parameter: Sequence[int]) -> list[Any]:
    """Set the tuning, and point data entry again at the parameter it was for."""
    high, low = divmod(min(max(value, 0), 2 * _CENTRE - 1), 128)
    pairs = [
        (_PARAMETER, _FINE_TUNING[0]),
        (_PARAMETER_FINE, _FINE_TUNING[1]),
        (_DATA, high),
        (_DATA_FINE, low),
        (_PARAMETER, parameter[0]),
        (_PARAMETER_FINE, parameter[1]),
    ]
    return [_control(number, value) for number, value in pairs]


def _merged(
    controls: Sequence[Timed], values: Sequence[tuple[float, float]]
) -> list[tuple[float, Any]]:
    """Both in order of time; the whole instrument is set before its parts."""
    return sorted([*values, *controls], key=lambda event: event[0])


def _control(number: int, value: int) -> Any:  # noqa: ANN401 (mido is untyped)
    return mido.Message("control_change", control=number, value=value)
