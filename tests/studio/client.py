"""A client as a script would write one, and a server for it in this process."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from amt.studio.app import Settings, create_app
from amt.studio.guard import HostNames
from amt.studio.limits import Limits
from amt.studio.run import Address, bind
from render.options import RenderOptions

DEFAULT = Limits()
QUICK = {"arranger": "patterns", "backend": "analytic", "style": "piano", "speech": "off"}


class Client:
    """Calls the server; answers are JSON."""

    def __init__(self, http: httpx.Client, engine: Any) -> None:
        self.http, self.engine = http, engine

    @property
    def url(self) -> str:
        return str(self.http.base_url)

    def upload(self, clip: Path, options: dict[str, Any] | None = None, name: str = "") -> Any:
        """A project for a clip; with options, its first take is made, too."""
        data = {} if options is None else {"options": json.dumps(options)}
        with clip.open("rb") as file:
            files = {"clip": (name or clip.name, file)}
            made = self.http.post("/api/projects", files=files, data=data)
        assert made.status_code == 201, made.text
        project = made.json()
        for job in project["jobs"]:
            assert self.wait(project, job)["state"] == "done"
        return self.state(project)

    def state(self, project: Any) -> Any:
        return self.http.get(f"/api/projects/{project['id']}").json()

    def ask(self, project: Any, **body: Any) -> Any:
        """The state of a job at its end."""
        answer = self.post(project, **body)
        assert answer.status_code == 202, answer.text
        return self.wait(project, answer.json())

    def post(self, project: Any, **body: Any) -> Any:
        return self.http.post(f"/api/projects/{project['id']}/jobs", json=body)

    def wait(self, project: Any, job: Any) -> Any:
        while job["state"] in ("waiting", "running"):
            job = self.http.get(f"/api/projects/{project['id']}/jobs/{job['id']}?wait=60").json()
        return job

    def edit(self, project: Any, *edits: dict[str, Any], take: str = "A", **more: Any) -> Any:
        return self.ask(project, kind="edit", take=take, edits=list(edits), **more)

    def file(self, project: Any, name: str, take: str = "A") -> bytes:
        answer = self.http.get(f"/api/projects/{project['id']}/takes/{take}/{name}")
        assert answer.status_code == 200, answer.text
        return answer.content

    def timeline(self, project: Any, take: str = "A") -> Any:
        return json.loads(self.file(project, "timeline.json", take))


@contextmanager
def server(limits: Limits = DEFAULT, *, has_page: bool = True) -> Iterator[Client]:
    """A client of a server that ends with the context."""
    app = create_app(Settings(limits, RenderOptions(), HostNames("127.0.0.1"), has_page))
    listening = bind(Address("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as http:
            yield Client(http, app.engine)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
