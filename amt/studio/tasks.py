"""What the processes of jobs do: look at a clip, compose, edit, and make files to take away.

A task holds paths of the server and checked values only. What it writes goes to a folder of its
own, which becomes a version when the task is done, so that half a result is never seen.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amt.errors import AmtError, InputError, VideoError
from amt.reporter import Reporter

if TYPE_CHECKING:
    from amt.pipeline import Generated
    from amt.types import Plan, Song, VideoFeatures
    from render.mux import FilmCodec
    from render.options import RenderOptions

MIDI, PLAN, SOUND, PANELS, TIMELINE = (
    "song.mid", "song.plan.json", "song.mp3", "panels.html", "timeline.json",
)  # fmt: skip
"""Files of every version; of the sound there may be none."""
FEATURES, STRIP = "features.npz", "strip"
"""Files of a project's clip."""


@dataclass(frozen=True)
class Piece:
    """What all tasks know."""

    clip: Path
    cache: Path
    """Folder of what is known of the clip."""
    title: str
    name: str
    """Of the clip, as the client called it."""
    sound: RenderOptions

    def named(self, sentence: str) -> str:
        """A sentence that names no path of the server."""
        for path, name in ((self.clip, self.name), (self.cache.parent, "")):
            sentence = sentence.replace(str(path), name)
        return sentence.replace(self.clip.name, self.name)


@dataclass(frozen=True)
class Probe:
    """Look whether a clip can be scored."""

    piece: Piece
    max_length_s: float

    def named(self, sentence: str) -> str:
        """See :meth:`Piece.named`."""
        return self.piece.named(sentence)

    def run(self, reporter: Reporter) -> dict[str, Any]:
        """What is known of the clip at a glance.

        Raises:
            VideoError: it cannot be decoded.
            InputError: it is too long.
        """
        from amt.features.video import VideoReader, clip_end_s

        with VideoReader(self.piece.clip) as reader:
            frame = next(iter(reader), None)
            if frame is None:
                raise VideoError(f"{self.piece.name} holds no picture that can be decoded")
            info = frame.info
        length_s = clip_end_s(self.piece.clip) or info.declared_s
        if length_s is not None and length_s > self.max_length_s:
            raise InputError(
                f"{self.piece.name} lasts {length_s:.0f} s, and this server takes at most "
                f"{self.max_length_s:.0f} s: cut it, or start the server with a greater "
                "--max-length"
            )
        return {
            "duration_s": length_s,
            "width": info.width,
            "height": info.height,
            "frame_rate": float(info.frame_rate),
        }


@dataclass(frozen=True)
class Generate:
    """Compose a piece for the clip."""

    piece: Piece
    out: Path
    words: dict[str, Any]
    cues: str = ""
    """A cue sheet as JSON, or nothing."""

    def named(self, sentence: str) -> str:
        """See :meth:`Piece.named`."""
        return self.piece.named(sentence)

    def run(self, reporter: Reporter) -> dict[str, Any]:
        """Compose, and write the files of a version.

        Raises:
            AmtError: the clip or an option cannot be used.
        """
        from amt.features.files import save_features
        from amt.pipeline import generate
        from amt.words import generate_options, request_from

        words = dict(self.words)
        if self.cues:
            sheet = self.out / "cues.json"
            sheet.write_text(self.cues, encoding="utf-8")
            words["spots"] = sheet
        options = generate_options(request_from(words), self.piece.title)  # type: ignore[arg-type]
        made = generate(self.piece.clip, options, reporter)
        save_features(made.features, self.piece.cache / FEATURES)
        return deliver(self.piece, made, self.out, reporter)


@dataclass(frozen=True)
class Arrange:
    """Arrange a plan, with or without edits."""

    piece: Piece
    out: Path
    plan: Path
    edits: tuple[dict[str, Any], ...] = field(default=())

    def named(self, sentence: str) -> str:
        """See :meth:`Piece.named`."""
        return self.piece.named(sentence).replace(str(self.plan), "the plan")

    def run(self, reporter: Reporter) -> dict[str, Any]:
        """Edit, arrange, and write the files of a version.

        Raises:
            AmtError: the plan cannot be read, belongs to another clip, or an edit cannot be done.
        """
        from amt.arrange import arrange, load_network
        from amt.pipeline import Generated
        from amt.plan import plan_from_json, plan_to_json, read_plan
        from amt.studio.edits import checked_edits, edited

        plan = read_plan(self.plan, reporter)
        features = known_features(self.piece, plan, reporter)
        plan = edited(plan, checked_edits(self.edits) if self.edits else ())
        plan = plan_from_json(plan_to_json(plan))  # as its file would hold it
        network = load_network(plan.arrangement.arranger)
        song = arrange(plan, network, reporter.stage("arranging"))
        return deliver(self.piece, Generated(features, plan, song), self.out, reporter)


def known_features(piece: Piece, plan: Plan, reporter: Reporter) -> VideoFeatures:
    """The features of the clip, watched if that has not been done.

    Raises:
        InputError: the plan is of a clip of another length.
    """
    from amt.features import extract_features
    from amt.features.files import load_features, save_features

    path = piece.cache / FEATURES
    if path.exists():
        features = load_features(path)
    else:
        features = extract_features(piece.clip, reporter=reporter.stage("watching"))
        save_features(features, path)
    if abs(features.duration_s - plan.grid.duration_s) > 0.5:
        raise InputError(
            f"the plan is of a piece of {plan.grid.duration_s:.1f} s, and the clip lasts "
            f"{features.duration_s:.1f} s: give the plan that was made for this clip"
        )
    return features


def deliver(piece: Piece, made: Generated, out: Path, reporter: Reporter) -> dict[str, Any]:
    """Write the files of a version, and return what is stated of it.

    Where no sound can be made the rest is written, and the facts say why.
    """
    from amt.midi import write_midi
    from amt.plan import write_plan
    from amt.report import encode_mp3
    from amt.studio.timeline import facts_of, panels_of, timeline_of
    from render.engine import render_to_disk

    write_midi(made.song, out / MIDI)
    write_plan(made.plan, out / PLAN)
    played_by, silent = "", ""
    try:
        rendering = reporter.stage("rendering")
        with render_to_disk(out / MIDI, piece.sound, folder=out, reporter=rendering) as sound:
            played_by = str(sound.instrument)
            with (out / SOUND).open("w+b") as file:
                encode_mp3(sound.master, file)
    except AmtError as error:
        silent = f"no sound could be made: {piece.named(str(error))}"
        (out / SOUND).unlink(missing_ok=True)
        reporter.message(silent)
    reporter.stage("drawing").progress(0.0)
    strip = film_strip(piece, made.features.duration_s)
    (out / PANELS).write_text(panels_of(made, strip), encoding="utf-8")
    timeline = timeline_of(made)
    (out / TIMELINE).write_text(json.dumps(timeline, separators=(",", ":")), encoding="utf-8")
    return facts_of(made) | {"played_by": played_by, "silent": silent}


def film_strip(piece: Piece, duration_s: float) -> tuple[bytes, ...]:
    """Small pictures of the clip, decoded once."""
    from amt.report.thumbnails import film_strip as pictures

    folder = piece.cache / STRIP
    if not folder.is_dir():
        made = pictures(piece.clip, duration_s)
        part = piece.cache / f"{STRIP}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for index, jpeg in enumerate(made):
            (part / f"{index:03}.jpg").write_bytes(jpeg)
        part.rename(folder)
    return tuple(path.read_bytes() for path in sorted(folder.iterdir()))


@dataclass(frozen=True)
class Export:
    """Make one file of a version to take away."""

    piece: Piece
    version: Path
    """Folder of the version."""
    out: Path
    """Folder for the file."""
    artefact: str
    keep_sound: float | None = None
    """Level in dB of the clip's own sound in a film; None leaves it out."""

    def named(self, sentence: str) -> str:
        """See :meth:`Piece.named`."""
        return self.piece.named(sentence)

    def run(self, reporter: Reporter) -> dict[str, Any]:
        """Write the file.

        Raises:
            AmtError: it cannot be made.
        """
        from amt.midi import read_midi
        from amt.plan import read_plan

        plan = read_plan(self.version / PLAN, reporter)
        song = read_midi(self.version / MIDI)
        EXPORTS[self.artefact](self, plan, song, reporter)
        return {}

    @property
    def path(self) -> Path:
        """Of the file."""
        return self.out / self.artefact


def _wav(task: Export, plan: Plan, song: Song, reporter: Reporter) -> None:
    from render.engine import render_to_disk

    rendering = reporter.stage("rendering")
    midi = task.version / MIDI
    with render_to_disk(midi, task.piece.sound, folder=task.out, reporter=rendering) as sound:
        sound.master.write(task.path)


def _stems(task: Export, plan: Plan, song: Song, reporter: Reporter) -> None:
    """A ZIP with a WAV file for every track."""
    import zipfile

    from render.engine import render_to_disk

    midi, rendering = task.version / MIDI, reporter.stage("rendering")
    options = task.piece.sound
    with (
        render_to_disk(midi, options, stems=True, folder=task.out, reporter=rendering) as sound,
        zipfile.ZipFile(task.path, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, stem in sound.stems.items():
            part = task.out / name
            stem.write(part)
            archive.write(part, zipfile.ZipInfo(name).filename)
            part.unlink()


def _film(task: Export, plan: Plan, song: Song, reporter: Reporter) -> None:
    """The clip with the music, its pictures copied where an MP4 file can hold them."""
    from render.engine import render_to_disk
    from render.film.duck import Duck
    from render.mux import check_film, mux

    codec: FilmCodec | None = None
    try:
        check_film(task.piece.clip, task.path, None, keep_original=task.keep_sound)
    except AmtError:
        codec = "h264"
        check_film(task.piece.clip, task.path, "h264", keep_original=task.keep_sound)
    spans = tuple((span.start_s, span.end_s) for span in plan.speech)
    midi, rendering = task.version / MIDI, reporter.stage("rendering")
    with render_to_disk(midi, task.piece.sound, folder=task.out, reporter=rendering) as sound:
        mux(
            task.piece.clip, sound.master, task.path,
            keep_original=task.keep_sound, codec=codec, duck=Duck(spans, None, 0.15, 0.6),
            loudness_lufs=task.piece.sound.loudness_lufs, name=Path(task.artefact),
            reporter=reporter.stage("filming"),
        )  # fmt: skip


def _session(task: Export, plan: Plan, song: Song, reporter: Reporter) -> None:
    from amt.sessions import session_of, write_session

    session = session_of(song, plan, task.piece.clip)
    if session.video is not None:
        session = replace(session, video=replace(session.video, name=task.piece.title))
    write_session(session, task.path, task.path)


def _score(task: Export, plan: Plan, song: Song, reporter: Reporter) -> None:
    from amt.sessions import session_of, write_session

    write_session(session_of(song, plan), task.path, task.path)


def _report(task: Export, plan: Plan, song: Song, reporter: Reporter) -> None:
    """The page of ``--report`` with the clip in it, if that is not too large."""
    from amt.report import ReportOptions, check_embeddable, write_report
    from render.engine import render_to_disk

    check_embeddable(task.piece.clip)
    features = known_features(task.piece, plan, reporter)
    midi, rendering = task.version / MIDI, reporter.stage("rendering")
    with render_to_disk(midi, task.piece.sound, folder=task.out, reporter=rendering) as sound:
        options = ReportOptions(True, str(sound.instrument), "")
        write_report(task.path, task.piece.clip, features, plan, song, sound.master, options)


EXPORTS: Mapping[str, Callable[[Export, Plan, Song, Reporter], None]] = {
    "song.wav": _wav,
    "stems.zip": _stems,
    "song.mp4": _film,
    "song.dawproject": _session,
    "song.mxl": _score,
    "report.html": _report,
}
"""Files that are made on request, and how."""
