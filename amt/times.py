"""Times as people write them: seconds, or minutes and seconds as in ``1:02.5``."""

from __future__ import annotations

import re

from amt.errors import InputError, quoted

_TIME = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,6}):)?(\d{1,9}(?:[.,]\d*)?|[.,]\d+)\s*s?", re.ASCII)


def parse_time(text: str) -> float:
    """Seconds of a time written as ``62.5``, ``1:02.5`` or ``0:01:02.5``.

    Raises:
        InputError: the text is no time, is negative, or counts 60 or more seconds beside minutes.

    >>> parse_time("62.5"), parse_time("1:02.5"), parse_time("1:00:00")
    (62.5, 62.5, 3600.0)
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"{quoted(text)} is no time: expected seconds or minutes, as 62.5 or 1:02.5"
        )
    hours, minutes, seconds = match[1], match[2], float(match[3].replace(",", "."))
    if (minutes is not None and seconds >= 60) or (hours is not None and int(minutes) >= 60):
        raise InputError(f"{quoted(text)} is no time: after a colon numbers stay below 60")
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + seconds
