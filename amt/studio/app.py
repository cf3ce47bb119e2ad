"""The HTTP interface: requests → jobs and files; :mod:`amt.studio.openapi` documents it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from amt.errors import AmtError
from amt.studio.engine import Engine, Full, Missing, Stale
from amt.studio.guard import BodyTooLargeError, Guard, HostNames, refused, too_large
from amt.studio.limits import Limits
from amt.studio.openapi import document
from amt.studio.timeline import page

if TYPE_CHECKING:
    from render.options import RenderOptions

Handler = Callable[[Request], Awaitable[Response]]

TYPES = {
    ".mid": "audio/midi", ".json": "application/json", ".mp3": "audio/mpeg", ".wav": "audio/wav",
    ".mp4": "video/mp4", ".zip": "application/zip", ".html": "text/html", ".js": "text/javascript",
    ".css": "text/css", ".svg": "image/svg+xml", ".mxl": "application/vnd.recordare.musicxml",
    ".dawproject": "application/zip", ".webm": "video/webm", ".mov": "video/quicktime",
    ".m4v": "video/mp4", ".mkv": "video/x-matroska", ".ogv": "video/ogg", ".gif": "image/gif",
}  # fmt: skip
"""Of files by suffix; another is bytes."""
_LONGEST_WAIT_S = 60.0
_OPENED_IN_PAGE = ("panels.html", "timeline.json")


@dataclass(frozen=True)
class Settings:
    """How a server is set up."""

    limits: Limits
    sound: RenderOptions
    """How notes become sound."""
    names: HostNames
    has_page: bool = True
    """Whether ``/`` is the studio; else it is the page about the interface."""


class StudioApp(Guard):
    """The application, guarded; its folder of files is removed when it shuts down."""

    def __init__(self, app: ASGIApp, settings: Settings, engine: Engine) -> None:
        super().__init__(app, settings.names, settings.limits.upload_bytes)
        self.engine = engine


def create_app(settings: Settings) -> StudioApp:
    """The application of a server."""
    engine = Engine(settings.limits, settings.sound)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            engine.close()

    api = "/api/projects/{project}"
    take = api + "/takes/{take}"

    def route(path: str, handler: Any, *methods: str) -> Route:  # noqa: ANN401 (partial)
        return Route(path, _answering(partial(handler, engine)), methods=list(methods))

    app = Starlette(
        lifespan=lifespan,
        routes=[
            Route("/", partial(_front, settings)),
            Route("/api", partial(_about, settings)),
            Route("/api/openapi.json", partial(_openapi, settings)),
            Route("/page/{name}", _page_file),
            route("/api/projects", _new_project, "POST"),
            route(api, _project, "GET"),
            route(api, _remove_project, "DELETE"),
            route(api + "/clip", _clip, "GET"),
            route(api + "/jobs", _new_job, "POST"),
            route(api + "/jobs/{job}", _job, "GET"),
            route(api + "/jobs/{job}", _cancel_job, "DELETE"),
            route(api + "/plans", _new_plan, "POST"),
            route(take, _remove_take, "DELETE"),
            route(take + "/undo", partial(_step, by=-1), "POST"),
            route(take + "/redo", partial(_step, by=1), "POST"),
            route(take + "/{artefact}", _artefact, "GET"),
            route(take + "/versions/{version}/{artefact}", _artefact, "GET"),
        ],
        exception_handlers={HTTPException: _http_error},
    )
    return StudioApp(app, settings, engine)


def _answering(handler: Callable[[Request], Awaitable[Response]]) -> Handler:
    """A handler whose errors are answers of one sentence."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except Missing as error:
            return refused(404, str(error))
        except Stale as error:
            return refused(409, str(error))
        except Full as error:
            return refused(429, str(error))
        except BodyTooLargeError as error:
            return too_large(error.most_bytes)
        except AmtError as error:
            return refused(422, str(error))

    return answered


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentences = {404: "there is nothing at this address", 405: "this address takes other methods"}
    return refused(error.status_code, sentences.get(error.status_code, error.detail))


async def _front(settings: Settings, request: Request) -> Response:
    if not settings.has_page:
        return await _about(settings, request)
    from amt.arrange import style_names
    from amt.types import EMOTIONS

    limits = settings.limits
    return HTMLResponse(
        page(
            "studio.html",
            styles=style_names(),
            moods=EMOTIONS,
            max_bytes=limits.upload_bytes,
            max_minutes=_minutes(limits.max_length),
            max_takes=limits.max_takes,
        )
    )


def _minutes(seconds: float) -> str:
    """A length in words.

    >>> _minutes(900), _minutes(90)
    ('15 minutes', '90 seconds')
    """
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


async def _about(settings: Settings, request: Request) -> Response:
    base = str(request.base_url).rstrip("/")
    return HTMLResponse(page("about.html", base=base, has_page=settings.has_page))


async def _openapi(settings: Settings, request: Request) -> Response:
    return JSONResponse(document(settings.limits))


async def _page_file(request: Request) -> Response:
    """A script or a style sheet of the page."""
    name = request.path_params["name"]
    folder = files("amt.studio") / "page"
    known = {entry.name for entry in folder.iterdir() if entry.name.endswith((".js", ".css"))}
    if name == "panels.css":
        text = files("amt.report").joinpath("page.css").read_text(encoding="utf-8")
    elif name in known:
        text = (folder / name).read_text(encoding="utf-8")
    else:
        return refused(404, "there is nothing at this address")
    return Response(text, media_type=TYPES[Path(name).suffix])


async def _new_project(engine: Engine, request: Request) -> Response:
    """Take a clip, look at it, and compose at once if options came with it."""
    form = await _form(request)
    try:
        clip, options = form.get("clip"), form.get("options")
        if clip is None or isinstance(clip, str):
            return refused(422, "the form has no file named clip: send one, as curl -F clip=@FILE")
        project = await run_in_threadpool(engine.open, clip.filename or "clip", clip.file)
    finally:
        await form.close()
    if options is not None:
        try:
            await run_in_threadpool(engine.generate, project, {"options": _parsed(str(options))})
        except AmtError:
            await run_in_threadpool(engine.remove, project)
            raise
    return JSONResponse(engine.state(project), 201)


async def _form(request: Request) -> Any:  # noqa: ANN401 (Starlette's form)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(415, "send the clip as multipart/form-data, as curl -F clip=@FILE does")
    return await request.form(max_files=1, max_fields=4)


def _parsed(text: str) -> Any:  # noqa: ANN401 (JSON)
    import json

    from amt.errors import InputError

    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the options are no JSON: {error}") from error


async def _body(request: Request) -> dict[str, Any]:
    from amt.errors import InputError

    value = _parsed((await request.body()).decode("utf-8", "replace") or "{}")
    if not isinstance(value, dict):
        raise InputError("the request must be a JSON object")
    return value


async def _project(engine: Engine, request: Request) -> Response:
    return JSONResponse(engine.state(engine.project(request.path_params["project"])))


async def _remove_project(engine: Engine, request: Request) -> Response:
    project = engine.project(request.path_params["project"])
    await run_in_threadpool(engine.remove, project)
    return Response(status_code=204)


async def _clip(engine: Engine, request: Request) -> Response:
    project = engine.project(request.path_params["project"])
    return _file(project.clip, project.name, inline=True)


async def _new_job(engine: Engine, request: Request) -> Response:
    project = engine.project(request.path_params["project"])
    job = await run_in_threadpool(engine.start, project, await _body(request))
    return JSONResponse(engine.job_state(job), 202)


async def _new_plan(engine: Engine, request: Request) -> Response:
    """A plan that was edited elsewhere becomes a take."""
    project = engine.project(request.path_params["project"])
    job = await run_in_threadpool(engine.take_plan, project, await request.body())
    return JSONResponse(engine.job_state(job), 202)


async def _job(engine: Engine, request: Request) -> Response:
    """The state of a job; with ``wait`` it is answered when the job is over, or after so long."""
    import anyio

    job = engine.job(*_ids(request, "project", "job"))
    try:
        left_s = min(float(request.query_params.get("wait", "0")), _LONGEST_WAIT_S)
    except ValueError:
        left_s = 0.0
    while left_s > 0 and not job.is_over.is_set() and not await request.is_disconnected():
        await anyio.sleep(0.05)
        left_s -= 0.05
    return JSONResponse(engine.job_state(job))


async def _cancel_job(engine: Engine, request: Request) -> Response:
    job = engine.job(*_ids(request, "project", "job"))
    await run_in_threadpool(engine.queue.cancel, job)
    return JSONResponse(engine.job_state(job))


async def _remove_take(engine: Engine, request: Request) -> Response:
    project, letter = _ids(request, "project", "take")
    await run_in_threadpool(engine.remove_take, engine.project(project), letter)
    return Response(status_code=204)


async def _step(engine: Engine, request: Request, by: int) -> Response:
    project = engine.project(request.path_params["project"])
    engine.step(project, request.path_params["take"], by)
    return JSONResponse(engine.state(project))


async def _artefact(engine: Engine, request: Request) -> Response:
    """A file of a take, or of one version of it."""
    project = engine.project(request.path_params["project"])
    params = request.path_params
    path = engine.artefact(project, params["take"], params.get("version"), params["artefact"])
    inline = params["artefact"] in _OPENED_IN_PAGE or path.suffix == ".mp3"
    name = f"{project.title} {params['take']}{''.join(_suffixes(params['artefact']))}"
    answer = _file(path, name, inline=inline)
    if "version" in params:  # it never changes
        answer.headers["cache-control"] = "private, max-age=86400, immutable"
    return answer


def _suffixes(artefact: str) -> str:
    """What follows the title in a file's name: ``.mid``, `` stems.zip``."""
    stem, _, suffix = artefact.partition(".")
    return f".{suffix}" if stem == "song" else f" {stem}.{suffix}"


def _file(path: Path, name: str, *, inline: bool) -> Response:
    kind = TYPES.get(path.suffix.lower(), "application/octet-stream")
    how = "inline" if inline else "attachment"
    return FileResponse(path, media_type=kind, filename=name, content_disposition_type=how)


def _ids(request: Request, *names: str) -> tuple[str, ...]:
    return tuple(request.path_params[name] for name in names)
