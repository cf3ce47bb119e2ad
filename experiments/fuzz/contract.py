"""What every case must keep: a result, or one sentence of bounded length."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from amt.errors import AmtError

MAX_MESSAGE = 400
"""Characters of a message."""
MAX_QUOTED = 80
"""Characters of input that a message may quote in a row."""
TEMPORARY = ("/tmp/", ".amt-")
"""Cases lie in the current folder, so these elsewhere show a file that is not the user's."""


class BrokenContract(Exception):
    """A result or a message is not as promised."""


@dataclass(frozen=True, slots=True)
class Case:
    """One input, and what is done with it.

    Attributes:
        run: reads it; what comes out of that counts.
        text: of the input, to see how much of it a message quotes.
        files: that hold it, to be kept if the case breaks the contract.
    """

    run: Callable[[], object]
    text: str = ""
    files: tuple[Path, ...] = ()


def outcome(case: Case) -> str:
    """``read``, ``refused: CLASS`` or ``broke: WHY``."""
    try:
        case.run()
    except AmtError as error:
        reason = fault(str(error), case.text)
        return f"broke: {reason}: {error}"[:600] if reason else f"refused: {type(error).__name__}"
    except BrokenContract as error:
        return f"broke: {error}"[:600]
    except (Exception, SystemExit) as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        return (
            f"broke: {type(error).__name__}: {error!s:.200} ({Path(at.filename).name}:{at.lineno})"
        )
    return "read"


def fault(message: str, text: str) -> str:
    """What is wrong with a message; empty where nothing is.

    Args:
        message: of an error.
        text: of the input.
    """
    if not message.strip() or "\n" in message:
        return "a message of no or of several lines"
    if len(message) > MAX_MESSAGE:
        return f"a message of {len(message)} characters"
    if any(part in message.replace(str(Path.cwd()), "") for part in TEMPORARY):
        return "a message that names a temporary file"
    window = MAX_QUOTED + 3  # blanks and quotation marks around it may be the same
    if any(message[i : i + window] in text for i in range(len(message) - window + 1)):
        return f"a message that quotes more than {MAX_QUOTED} characters"
    return ""
