"""The name of this machine and its running processes, by which a run knows what another left."""

from __future__ import annotations

import hashlib
import os
import socket
import sys


def host_digest() -> str:
    """Eight hexadecimal digits that stand for this machine's name in names of files."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def is_running(process: int) -> bool:
    """Whether a process of this machine runs; on Windows, where asking would end it, always."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it runs, and belongs to somebody else
        return True
    return True
