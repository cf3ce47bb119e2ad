"""What requests do: projects, jobs and files behind the HTTP interface, without HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from amt.errors import AmtError, InputError, quoted
from amt.studio import tasks
from amt.studio.edits import checked_edits
from amt.studio.jobs import Job, Queue
from amt.studio.limits import Limits
from amt.studio.projects import Project, Store, Take, Version
from amt.studio.requests import asked_cues, checked_request
from amt.studio.wishes import checked_words

if TYPE_CHECKING:
    from render.options import RenderOptions

ALWAYS = (tasks.MIDI, tasks.PLAN, tasks.SOUND, tasks.PANELS, tasks.TIMELINE)
CHANGED = (
    "take {} was changed meanwhile, perhaps in another tab: look at it as it is now, then try again"
)
_MOST_JOBS_KEPT = 50
"""Jobs of a project whose state can still be asked for."""
_COPY_BYTES = 1 << 20


class Missing(AmtError):
    """There is no such project, job, take or file for whoever asks."""


class Stale(AmtError):
    """A take is no longer in the state that a request began from."""


class Full(AmtError):
    """The queue has no room."""


class Engine:
    """Projects and jobs.

    Args:
        limits: what is accepted at most.
        sound: how notes become sound.
    """

    def __init__(self, limits: Limits, sound: RenderOptions) -> None:
        self._limits, self._sound = limits, sound
        self.store = Store(limits)
        self.queue = Queue(limits.workers)

    def close(self) -> None:
        """End all jobs and remove all files."""
        self.queue.close()
        self.store.close()

    def open(self, name: str, file: BinaryIO) -> Project:
        """A project for a clip that was uploaded.

        Args:
            name: of the clip, as the client calls it.
            file: the clip.

        Raises:
            AmtError: the clip cannot be used; then nothing of it is kept.
            Full: the queue has no room.
        """
        project, idle = self.store.add(name)
        for one in idle:
            self.remove(one)
        try:
            with project.clip.open("wb") as target:
                shutil.copyfileobj(file, target, _COPY_BYTES)
            if not project.clip.stat().st_size:
                raise InputError(f"{quoted(project.name)} is empty: choose a video")
            task = tasks.Probe(self._piece(project), self._limits.max_length)
            job = self._add(project, Job("open", task, is_prompt=True))
            job.is_over.wait()
            if job.state != "done":
                raise InputError(job.error or "the clip was not looked at: the server ends")
        except BaseException:
            self.remove(project)
            raise
        project.facts = job.result
        project.jobs.clear()
        return project

    def project(self, number: str) -> Project:
        """The project of an id.

        Raises:
            Missing: there is none.
        """
        project = self.store.find(number)
        if project is None:
            raise Missing("there is no such project: it was removed, or the server began anew")
        return project

    def job(self, project: str, number: str) -> Job:
        """A job of a project.

        Raises:
            Missing: the project has none of that id.
        """
        job = self.project(project).jobs.get(number)
        if job is None:
            raise Missing("this project has no such job")
        return job

    def take(self, project: Project, letter: object) -> Take:
        """A take of a project.

        Raises:
            Missing: the project has none of that letter.
        """
        take = project.takes.get(letter) if isinstance(letter, str) else None
        if take is None:
            raise Missing("this project has no such take")
        return take

    def start(self, project: Project, body: Mapping[str, Any]) -> Job:
        """The job that a request asks for.

        Raises:
            AmtError: the request has no meaning, or cannot be served now.
        """
        kind = checked_request(body)
        with self.store.lock:
            return {"generate": self.generate, "edit": self.edit, "export": self.export}[kind](
                project, body
            )

    def generate(self, project: Project, body: Mapping[str, Any]) -> Job:
        """Compose a new take; with ``like``, from the hit points and moods of another one."""
        words = checked_words(body.get("options") or {})
        self.store.check_room(project)
        cues = ""
        if body.get("like") is not None:
            cues = asked_cues(self.take(project, body["like"]).present.folder / tasks.PLAN)
        folder = self.store.new_folder(project)
        task = tasks.Generate(self._piece(project), folder, words, cues)
        return self._make(project, "generate", task, "composed")

    def edit(self, project: Project, body: Mapping[str, Any]) -> Job:
        """Edit a take, or make a new one of it."""
        take = self.take(project, body.get("take"))
        as_new = body.get("as_new") is True
        edits = body.get("edits")
        if edits or not as_new:
            checked_edits(edits)
        rows = edits if isinstance(edits, list) else []
        version = body.get("version")
        if version is not None and version != take.present.number:
            raise Stale(CHANGED.format(take.letter))
        if as_new:
            self.store.check_room(project)
        folder = self.store.new_folder(project)
        plan = folder / "before.json"
        shutil.copyfile(take.present.folder / tasks.PLAN, plan)
        task = tasks.Arrange(self._piece(project), folder, plan, tuple(rows))
        action = ", ".join(dict.fromkeys(str(edit["do"]) for edit in rows)) or "copied"
        return self._make(project, "edit", task, action, None if as_new else take)

    def take_plan(self, project: Project, data: bytes) -> Job:
        """A take of a plan that was made elsewhere.

        Raises:
            AmtError: it is no plan, or names a file.
        """
        from amt.plan import plan_from_json
        from amt.studio.wishes import MOST_CANDIDATES, check_style

        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError("the file is no plan: expected JSON text in UTF-8") from error
        given = plan_from_json(text)
        check_style(given.style)
        if given.arrangement.candidates > MOST_CANDIDATES:
            raise InputError(
                f"the plan asks for {given.arrangement.candidates} candidates, and this server "
                f"writes at most {MOST_CANDIDATES}: change arrangement.candidates in it"
            )
        with self.store.lock:
            self.store.check_room(project)
            folder = self.store.new_folder(project)
        plan = folder / "before.json"
        plan.write_text(text, encoding="utf-8")
        task = tasks.Arrange(self._piece(project), folder, plan)
        return self._make(project, "plan", task, "a plan that was given")

    def export(self, project: Project, body: Mapping[str, Any]) -> Job:
        """Make a file of a take to take away."""
        version = self.take(project, body.get("take")).present
        name = body.get("artefact")
        if name not in tasks.EXPORTS:
            names = ", ".join(tasks.EXPORTS)
            raise InputError(f"artefact is {quoted(name)}, expected one of {names}")
        keep = body.get("keep_sound")
        if keep is not None and (isinstance(keep, bool) or not isinstance(keep, int | float)):
            raise InputError(f"keep_sound is {quoted(keep)}, expected a level in dB such as -12")
        folder = self.store.new_folder(project)
        level = None if keep is None else float(keep)
        task = tasks.Export(self._piece(project), version.folder, folder, str(name), level)

        def finish(result: dict[str, Any]) -> dict[str, Any]:
            task.path.replace(version.folder / task.artefact)
            shutil.rmtree(folder, ignore_errors=True)
            return {"artefact": task.artefact, "version": version.number}

        return self._add(project, Job("export", task, finish, partial(_remove, folder)))

    def step(self, project: Project, letter: str, by: int) -> None:
        """Undo, or do again.

        Raises:
            Stale: there is nothing to undo or to do again.
        """
        take = self.take(project, letter)
        with self.store.lock:
            if not 0 <= take.at + by < len(take.versions):
                raise Stale("there is nothing to undo" if by < 0 else "there is nothing to redo")
            take.at += by

    def remove_take(self, project: Project, letter: str) -> None:
        """Remove a take with its files."""
        take = self.take(project, letter)
        with self.store.lock:
            del project.takes[letter]
        for version in take.versions:
            shutil.rmtree(version.folder, ignore_errors=True)

    def remove(self, project: Project) -> None:
        """End the jobs of a project and remove its files."""
        for job in tuple(project.jobs.values()):
            self.queue.cancel(job)
        self.store.remove(project)

    def artefact(self, project: Project, letter: str, number: str | None, name: str) -> Path:
        """The path of a file of a take.

        Raises:
            Missing: it is none of the known ones, or has not been made.
        """
        take = self.take(project, letter)
        versions = {str(version.number): version for version in take.versions}
        version = take.present if number is None else versions.get(number)
        if version is None or name not in (*ALWAYS, *tasks.EXPORTS):
            raise Missing(f"take {letter} has no such file")
        path = version.folder / name
        if not path.is_file():
            raise Missing(f"{name} of take {letter} is not made yet: ask for a job of kind export")
        return path

    def state(self, project: Project) -> dict[str, Any]:
        """What is stated of a project."""
        with self.store.lock:
            takes = [self._take_state(take) for take in project.takes.values()]
            jobs = [self.job_state(job) for job in project.jobs.values()]
        return {
            "id": project.id,
            "clip": {"name": project.name, **project.facts},
            "takes": takes,
            "jobs": jobs,
        }

    def job_state(self, job: Job) -> dict[str, Any]:
        """What is stated of a job."""
        return {
            "id": job.id,
            "kind": job.kind,
            "state": job.state,
            "ahead": self.queue.ahead(job) if job.state == "waiting" else 0,
            "stage": job.stage,
            "share": round(job.share, 3),
            "messages": list(job.messages),
            "error": job.error,
            "result": job.result,
        }

    def _take_state(self, take: Take) -> dict[str, Any]:
        made = [
            name for name in (*ALWAYS, *tasks.EXPORTS) if (take.present.folder / name).is_file()
        ]
        return {
            "letter": take.letter,
            "version": take.present.number,
            "action": take.present.action,
            "undo": take.versions[take.at].action if take.at else "",
            "redo": take.versions[take.at + 1].action if take.at + 1 < len(take.versions) else "",
            "artefacts": made,
            **take.present.facts,
        }

    def _piece(self, project: Project) -> tasks.Piece:
        return tasks.Piece(project.clip, project.cache, project.title, project.name, self._sound)

    def _make(
        self,
        project: Project,
        kind: str,
        task: tasks.Generate | tasks.Arrange,
        action: str,
        take: Take | None = None,
    ) -> Job:
        """A job whose folder becomes a version of a take, or a new take."""
        folder, number = task.out, int(task.out.name)
        base = None if take is None else take.present

        def finish(result: dict[str, Any]) -> dict[str, Any]:
            version = Version(number, folder, action, result)
            with self.store.lock:
                if take is None:
                    return {"take": self.store.new_take(project, version).letter, "version": number}
                if take.present is not base:
                    raise Stale(CHANGED.format(take.letter))
                self.store.extend(take, version)
            return {"take": take.letter, "version": number}

        return self._add(project, Job(kind, task, finish, partial(_remove, folder)))

    def _add(self, project: Project, job: Job) -> Job:
        """Put a job into the queue.

        Raises:
            Full: it has no room.
        """
        job.owner = project.id
        try:
            self._check_room(project)
        except Full:
            job.abandon()
            raise
        with self.store.lock:
            over = [one for one in project.jobs.values() if not one.is_open]
            for old in over[: max(0, len(project.jobs) - _MOST_JOBS_KEPT)]:
                del project.jobs[old.id]
            project.jobs[job.id] = job
        return self.queue.add(job)

    def _check_room(self, project: Project) -> None:
        limits = self._limits
        if self.queue.waiting(project.id) >= limits.max_waiting_each:
            raise Full(
                "this clip has several jobs in the queue already: wait for one, or cancel it"
            )
        if self.queue.waiting() >= limits.max_waiting:
            raise Full("the server has too many jobs in its queue: try again in a minute")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
