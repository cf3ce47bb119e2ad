"""The program ``amt``: takes over the signals before anything that takes time is imported."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run the command line; a signal that comes while it is being imported ends it silently."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no HUP
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, frame: os._exit(128 + number))
    from amt.cli import main as run

    run()


if __name__ == "__main__":
    main()
