"""The run of one command: signals, errors, exit codes."""

from __future__ import annotations

import os
import sys
import traceback

from typer.exceptions import TyperException

from amt.cli import interrupts
from amt.cli.app import app
from amt.cli.console import say
from amt.cli.usage import explanation
from amt.errors import AmtError, shown
from amt.libraries import explained
from amt.reporter import Cancelled

USAGE, BUG = 2, 1
_COMPLETION = "_AMT_COMPLETE"
"""Set by the shell that asks what may follow."""
_TYPER_INTERRUPTED = 130
"""What Typer turns KeyboardInterrupt into."""


def main() -> None:
    """Run the command line and exit with its code."""
    interrupts.install()
    if _COMPLETION in os.environ:
        os.environ["COLUMNS"] = "10000"  # Typer breaks help into lines, and a shell reads lines
    state: dict[str, bool] = {}
    try:
        # The name is fixed, so that completion works however the program was started.
        code = (
            app(sys.argv[1:] or ["--help"], prog_name="amt", obj=state, standalone_mode=False) or 0
        )
    except (KeyboardInterrupt, Cancelled):
        code = _TYPER_INTERRUPTED
    except Exception as error:
        code = _failure(error, debug=state.get("debug", False))
    interrupts.ignore()  # what is left takes no time
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
        say(explanation(error.format_message()))
        return USAGE
    if isinstance(mendable := explained(error) or error, AmtError):
        say(str(mendable))
        return USAGE
    if isinstance(error, OSError) and error.errno is not None:
        subject = f"{shown(error.filename)}: " if error.filename else ""
        say(f"{subject}{error.strerror}")
        return USAGE
    if isinstance(error, MemoryError):
        say("there is not enough memory for this")
        return USAGE
    say(f"internal error ({type(error).__name__}: {error}); run amt --debug … for a traceback")
    return BUG
