"""The OpenAPI document of the HTTP interface."""

from __future__ import annotations

from typing import Any

import msgspec

from amt.studio import tasks
from amt.studio.edits import EDITS
from amt.studio.limits import Limits
from amt.studio.wishes import option_schemas

_REF = "#/components/schemas/"
_FILES = (
    tasks.MIDI, tasks.PLAN, tasks.SOUND, tasks.PANELS, tasks.TIMELINE, *tasks.EXPORTS
)  # fmt: skip
_TEXT = {"type": "string"}


def document(limits: Limits) -> dict[str, Any]:
    """The document, as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "amt-soundtrack",
            "version": _version(),
            "description": (
                "Scores clips: upload one, ask for jobs, take the files. At most "
                f"{limits.max_upload:g} MB and {limits.max_length:g} s a clip. Errors are "
                "{'error': sentence}. Times are seconds of the clip, bars count from 1."
            ),
        },
        "paths": _project_paths() | _job_paths() | _take_paths(),
        "components": {"schemas": _schemas()},
    }


def _version() -> str:
    import amt

    return amt.__version__


def _project_paths() -> dict[str, Any]:
    form = {
        "type": "object",
        "required": ["clip"],
        "properties": {
            "clip": {"type": "string", "format": "binary"},
            "options": {
                "description": "JSON of Options; with it, a first take is composed at once.",
                **_TEXT,
            },
        },
    }
    one = _parameters("project")
    upload = {
        "summary": "Upload a clip",
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}},
        "responses": _answers("201", "Project", "413", "415", "422", "429"),
    }
    return {
        "/api/projects": {"post": upload},
        "/api/projects/{project}": {
            "parameters": one,
            "get": _operation("The clip, its takes and its jobs", "200", "Project"),
            "delete": _operation("Remove the clip and all that was made for it", "204"),
        },
        "/api/projects/{project}/clip": {
            "parameters": one,
            "get": _operation("The clip as it was uploaded; ranges are served", "200"),
        },
        "/api/projects/{project}/plans": {
            "parameters": one,
            "post": _operation("A plan becomes a take", "202", "Job", body={"type": "object"}),
        },
    }


def _job_paths() -> dict[str, Any]:
    body = {"oneOf": [{"$ref": _REF + name} for name in ("Generate", "Edit", "Export")]}
    wait = {
        "name": "wait",
        "in": "query",
        "description": "Seconds to wait for the end, at most 60.",
        "schema": {"type": "number"},
    }
    look = _operation("How far a job is", "200", "Job") | {"parameters": [wait]}
    return {
        "/api/projects/{project}/jobs": {
            "parameters": _parameters("project"),
            "post": _operation("Ask for work", "202", "Job", body=body),
        },
        "/api/projects/{project}/jobs/{job}": {
            "parameters": _parameters("project", "job"),
            "get": look,
            "delete": _operation("Cancel a job", "200", "Job"),
        },
    }


def _take_paths() -> dict[str, Any]:
    take = "/api/projects/{project}/takes/{take}"
    both = _parameters("project", "take")
    file = {"name": "file", "in": "path", "required": True, "schema": {"enum": list(_FILES)}}
    version = _parameters("version")
    return {
        take: {"parameters": both, "delete": _operation("Remove a take", "204")},
        f"{take}/undo": {"parameters": both, "post": _operation("Undo", "200", "Project")},
        f"{take}/redo": {"parameters": both, "post": _operation("Do again", "200", "Project")},
        f"{take}/{{file}}": {
            "parameters": [*both, file],
            "get": _operation("A file of the take; some are made by jobs of kind export", "200"),
        },
        f"{take}/versions/{{version}}/{{file}}": {
            "parameters": [*both, *version, file],
            "get": _operation("A file of one state of the take", "200"),
        },
    }


def _parameters(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names]


def _operation(
    summary: str, status: str, schema: str = "", body: dict[str, Any] | None = None
) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": summary}
    if body is not None:
        content = {"application/json": {"schema": body}}
        operation["requestBody"] = {"required": True, "content": content}
    operation["responses"] = _answers(status, schema, "404", "409", "422", "429")
    return operation


def _answers(status: str, schema: str, *errors: str) -> dict[str, Any]:
    def content(name: str) -> dict[str, Any]:
        return {"content": {"application/json": {"schema": {"$ref": _REF + name}}}} if name else {}

    answers = {status: {"description": "Done"} | content(schema)}
    return answers | {error: {"description": "Refused"} | content("Error") for error in errors}


def _schemas() -> dict[str, Any]:
    edits, definitions = msgspec.json.schema_components(EDITS, ref_template=_REF + "{name}")
    letter = {"type": "string", "description": "Letter of a take."}
    return {
        **definitions,
        "Error": _object({"error": {"description": "One sentence.", **_TEXT}}),
        "Options": _object(dict(option_schemas())),
        "Generate": _request(
            "generate",
            {
                "options": {"$ref": _REF + "Options"},
                "like": letter | {"description": "Take whose hits, moods and silences to keep."},
            },
        ),
        "Edit": _request(
            "edit",
            {
                "take": letter,
                "version": {"type": "integer", "description": "State that it begins from."},
                "edits": {"type": "array", "items": {"oneOf": list(edits)}},
                "as_new": {"type": "boolean", "description": "Make a new take of it."},
            },
        ),
        "Export": _request(
            "export",
            {
                "take": letter,
                "artefact": {"enum": list(tasks.EXPORTS)},
                "keep_sound": {"type": "number", "description": "dB of the clip's own sound."},
            },
        ),
        "Job": _object(
            {
                "id": _TEXT,
                "kind": _TEXT,
                "state": {"enum": ["waiting", "running", "done", "failed", "cancelled"]},
                "ahead": {"type": "integer", "description": "Jobs that come before it."},
                "stage": _TEXT,
                "share": {"type": "number", "minimum": 0, "maximum": 1},
                "messages": {"type": "array", "items": _TEXT},
                "error": _TEXT,
                "result": {"type": "object"},
            }
        ),
        "Project": _object(
            {
                "id": _TEXT,
                "clip": {"type": "object"},
                "takes": {"type": "array", "items": {"type": "object"}},
                "jobs": {"type": "array", "items": {"$ref": _REF + "Job"}},
            }
        ),
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _request(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return _object({"kind": {"const": kind}, **properties}) | {"required": ["kind"]}
