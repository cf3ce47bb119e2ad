"""The run of one command: signals, errors, exit codes."""

from __future__ import annotations

import sys
import traceback

from typer.exceptions import TyperException

from amt.cli import interrupts
from amt.cli.app import app
from amt.cli.console import say
from amt.errors import AmtError
from amt.libraries import explained

USAGE, BUG = 2, 1
_TYPER_INTERRUPTED = 130
"""What Typer turns KeyboardInterrupt into."""


def main() -> None:
    """Run the command line and exit with its code."""
    interrupts.install()
    state: dict[str, bool] = {}
    try:
        code = app(sys.argv[1:] or ["--help"], obj=state, standalone_mode=False) or 0
    except Exception as error:
        code = _failure(error, debug=state.get("debug", False))
    if code == _TYPER_INTERRUPTED:
        written = "the outputs are written" if interrupts.state.published else "nothing was written"
        say(f"interrupted; {written}")
        code = interrupts.exit_code()
    sys.exit(code)


def _failure(error: Exception, *, debug: bool) -> int:
    """Say what went wrong and choose the exit code."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, TyperException):  # the command line itself was wrong
        say(error.format_message())
        return USAGE
    if isinstance(mendable := explained(error) or error, AmtError):
        say(str(mendable))
        return USAGE
    if isinstance(error, OSError) and error.errno is not None:
        subject = f"{error.filename}: " if error.filename else ""
        say(f"{subject}{error.strerror}")
        return USAGE
    if isinstance(error, MemoryError):
        say("there is not enough memory for this")
        return USAGE
    say(f"internal error ({type(error).__name__}: {error}); run amt --debug … for a traceback")
    return BUG
