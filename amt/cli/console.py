"""What a run prints: messages on stderr, lists and JSON on stdout."""

from __future__ import annotations

import contextlib
import os
import sys

from amt.cli.flags import with_flags
from amt.errors import OutputError


def say(text: str) -> None:
    """Print one sentence on stderr.

    Fields that it names in backticks are called as on the command line; control characters are
    shown, not obeyed.
    """
    line = " ".join(with_flags(text).split())
    line = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in line
    )
    with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr may be closed
        sys.stderr.write(f"amt: {line}\n")
        sys.stderr.flush()


def print_out(text: str) -> None:
    """Print lines on stdout.

    Raises:
        OutputError: stdout is closed, or whoever read it has gone.
    """
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError) as error:
        # What nobody reads must not be flushed again when the interpreter ends.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        raise OutputError("standard output is closed: what was to be printed is lost") from error
