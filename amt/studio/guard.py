"""What a request must be to be answered: to this server's name, from its own pages, and not huge.

A page of another site can make a browser send requests to 127.0.0.1. Two checks refuse them: the
``Host`` must be a name of this server, which defeats DNS rebinding (a foreign name that resolves to
127.0.0.1), and an ``Origin``, which browsers add to whatever may change something, must be this
server. Programs such as curl send none.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Names of a machine for itself."""
EVERYWHERE = ("0.0.0.0", "::", "")
"""What a server is bound to that listens on all of its addresses."""
UPLOADS = "/api/projects"
"""Address to which clips are uploaded."""
_FORM_BYTES = 64 << 10
"""Of a form beside the clip in it."""
SMALL_BODY = 40 << 20
"""Bytes of a request that uploads no clip: a plan has at most 32 MiB."""

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
"""Of every answer. Ids are in addresses, which therefore must not leave as a referrer."""


class HostNames:
    """The names under which a server answers.

    Args:
        host: what it is bound to.
        others: further names, such as that of a reverse proxy.
    """

    def __init__(self, host: str, others: Iterable[str] = ()) -> None:
        self._names = {name.lower() for name in (*LOOPBACK, host, *others) if name}
        self._any_address = host in EVERYWHERE

    def __contains__(self, name: str | None) -> bool:
        if not name:
            return False
        name = name.lower()
        return name in self._names or (self._any_address and _is_address(name))


def _is_address(name: str) -> bool:
    """Whether a name is an IP address: rebinding needs a name that is resolved."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """Refuses requests that are not for this server, from other sites, or too large.

    Args:
        app: answers all other requests.
        names: under which the server answers.
        upload_bytes: size of the largest clip.
    """

    def __init__(self, app: ASGIApp, names: HostNames, upload_bytes: int) -> None:
        self._app, self._names, self._upload_bytes = app, names, upload_bytes

    def _most_bytes(self, scope: Scope) -> int:
        """Size of the largest body of a request to an address."""
        return self._upload_bytes if scope["path"] == UPLOADS else SMALL_BODY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(Headers(scope=scope), self._most_bytes(scope))
        if refusal is not None:
            await refusal(scope, receive, send_safe)
            return
        await self._app(scope, self._counted(scope, receive), send_safe)

    def _refusal(self, headers: Headers, most: int) -> JSONResponse | None:
        host = headers.get("host", "")
        if urlsplit(f"//{host}").hostname not in self._names:
            return refused(
                421,
                f"this server does not answer under the name {host[:100]!r}: open it at the "
                "address that it printed, or start it with --allow-host NAME",
            )
        origin = headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc != host
        if foreign or headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return refused(403, "requests from pages of other sites are not answered")
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > most + _FORM_BYTES:
            return too_large(most)
        return None

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        """The body of a request, as far as it may be long."""
        most = self._most_bytes(scope)
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most + _FORM_BYTES:
                raise BodyTooLargeError(most)
            return message

        return counted


class BodyTooLargeError(Exception):
    """A request goes on beyond its limit."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(size_sentence(most_bytes))
        self.most_bytes = most_bytes


def too_large(most_bytes: int) -> JSONResponse:
    """The answer to a request that is too large."""
    return refused(413, size_sentence(most_bytes))


def size_sentence(most_bytes: int) -> str:
    """What is too large, in words."""
    return (
        f"the file is too large: this server takes at most {most_bytes / 1e6:,.0f} MB; send a "
        "shorter or smaller copy, or start it with a greater --max-upload"
    )


def refused(status: int, sentence: str) -> JSONResponse:
    """An answer that is one sentence."""
    return JSONResponse({"error": sentence}, status)
