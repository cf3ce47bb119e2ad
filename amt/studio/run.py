"""The server: a socket, uvicorn, and what is printed."""

from __future__ import annotations

import errno
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

from amt.errors import AmtError, DependencyError, InputError, shown
from amt.studio.guard import EVERYWHERE


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Address for a browser on this machine."""
        host = "127.0.0.1" if self.host in EVERYWHERE else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"


def bind(address: Address) -> socket.socket:
    """A socket on an address.

    Raises:
        InputError: the port is in use, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    if hasattr(socket, "SO_REUSEADDR"):
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address.host, address.port))
    except (OSError, OverflowError) as error:
        listening.close()
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise InputError(
                f"port {address.port} is in use, perhaps by another studio: open "
                f"{address.url}, or choose another port with --port {address.port + 1}"
            ) from error
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot listen on {shown(address.host)} port {address.port}: {reason}"
        ) from error
    return listening


def serve(address: Address, make_app: Callable[[], object], ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C.

    Args:
        address: where to listen; port 0 takes any that is free.
        make_app: makes the application, once the port is ours.
        ready: called with the address for a browser when requests are answered.

    Raises:
        InputError: the port is in use.
    """
    import uvicorn

    listening = bind(address)
    bound = Address(address.host, listening.getsockname()[1])
    config = uvicorn.Config(
        make_app(),  # type: ignore[arg-type]
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    server = uvicorn.Server(config)
    watcher = threading.Thread(target=_announce, args=(server, bound, ready), daemon=True)
    watcher.start()
    hangs_up = hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN
    if hangs_up:  # a closed terminal ends it as Ctrl-C does
        signal.signal(signal.SIGHUP, server.handle_exit)
    with listening:
        server.run(sockets=[listening])


def _announce(server: object, address: Address, ready: Callable[[str], None]) -> None:
    import time

    while not getattr(server, "started", False):
        time.sleep(0.05)
        if getattr(server, "should_exit", False):
            return
    ready(address.url)


def check_installed() -> None:
    """Refuse to begin without the extra ``studio``.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        import python_multipart
        import starlette
        import uvicorn
    except ImportError as error:
        raise missing() from error
    assert python_multipart and starlette and uvicorn


def missing() -> AmtError:
    """What to do where the extra is not installed."""
    return DependencyError(
        "the studio needs the extra `studio`: pip install 'amt-soundtrack[studio]'"
    )
