"""``amt studio`` and ``amt serve``: clips scored in a browser, or over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from amt.cli.app import app
from amt.cli.console import say
from amt.cli.signature import expanded
from amt.studio.limits import Limits
from render.options import RenderOptions

_LOCAL = "127.0.0.1"
_STUDIO_PORT, _SERVE_PORT = 8017, 8018

Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)]
Host = Annotated[
    str,
    typer.Option(
        help="Address to listen on. Whoever reaches another one than 127.0.0.1 can use this "
        "machine's computing time; there is no password."
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        help="Further name under which the server answers, as behind a proxy.",
        show_default=False,
    ),
]


@app.command()
@expanded
def studio(
    *,
    port: Port = _STUDIO_PORT,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
    host: Host = _LOCAL,
    allow_host: AllowHost = None,
    playing: RenderOptions,
    limits: Limits,
) -> None:
    """Score clips in a browser: drop one, play it with its music, and work on the time line.

    [dim]amt studio[/dim]
    """

    def ready(url: str) -> None:
        say(f"the studio is at {url} (Ctrl-C ends it, and removes its files)")
        if browser:
            import webbrowser

            webbrowser.open(url)

    _run(host, port, allow_host, playing, limits, ready, has_page=True)


@app.command()
@expanded
def serve(
    *,
    port: Port = _SERVE_PORT,
    host: Host = _LOCAL,
    allow_host: AllowHost = None,
    playing: RenderOptions,
    limits: Limits,
) -> None:
    """Score clips over HTTP, for video editors and scripts.

    [dim]amt serve --port 8018[/dim]
    """

    def ready(url: str) -> None:
        say(f"serving at {url}api, documented at {url}api/openapi.json (Ctrl-C ends it)")

    _run(host, port, allow_host, playing, limits, ready, has_page=False)


def _run(
    host: str,
    port: int,
    allow_host: list[str] | None,
    playing: RenderOptions,
    limits: Limits,
    ready: Callable[[str], None],
    *,
    has_page: bool,
) -> None:
    from amt.studio.run import Address, check_installed
    from amt.studio.run import serve as run

    check_installed()

    def make_app() -> object:
        from amt.studio.app import Settings, create_app
        from amt.studio.guard import HostNames

        names = HostNames(host, allow_host or ())
        return create_app(Settings(limits, playing, names, has_page))

    run(Address(host, port), make_app, ready)
