"""The program ``amt``: takes over the signals before anything that takes time is imported."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run the command line; a signal that comes while it is being imported ends it silently."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: os._exit(128 + number))
    from amt.cli import main as run

    run()


if __name__ == "__main__":
    main()
