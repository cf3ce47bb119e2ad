"""The files that ``amt generate`` writes; one that fails does not cost those that are done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from amt.cli.flags import with_flags
from amt.cli.sound import record
from amt.errors import AmtError
from amt.outputs import is_score
from amt.reporter import Reporter

if TYPE_CHECKING:
    from amt.cli.options import FilmOptions
    from amt.outputs import Staging
    from amt.pipeline import Generated
    from amt.sessions import Media
    from amt.types import Plan
    from render.engine import Rendering
    from render.options import RenderOptions
    from render.stems import Instrument


TEXT_SESSION = ".rpp"
"""Suffix of a session that names its media, which lie beside it; the other holds them."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Where the results go; None where one is not wanted."""

    out: Path
    wav: Path | None
    mp4: Path | None
    plan: Path | None
    report: Path | None
    session: Path | None = None
    music_and_effects: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Those that are wanted."""
        paths = (
            self.out, self.wav, self.mp4, self.music_and_effects, self.plan, self.report,
            self.session,
        )  # fmt: skip
        return tuple(path for path in paths if path is not None)

    @property
    def are_silent(self) -> bool:
        """Whether none of them holds sound."""
        sounds = self.wav, self.mp4, self.music_and_effects, self.report
        return all(path is None for path in sounds)

    @property
    def has_stems(self) -> bool:
        """Whether rendered stems go into the session: where there is sound anyway."""
        return self.session is not None and not is_score(self.session) and not self.are_silent

    @property
    def stem_folder(self) -> Path | None:
        """Where stems lie beside a session that only names them."""
        if (
            self.session is None
            or not self.has_stems
            or self.session.suffix.lower() != TEXT_SESSION
        ):
            return None
        return self.session.with_name(f"{self.session.stem} stems")


@dataclass(slots=True)
class Delivery:
    """What is written for one clip, and how.

    Attributes:
        targets: where the results go.
        sound: how they are rendered.
        film: how film and report are made.
        stage: where they are written before they are published.
        reporter: gets the progress and the messages.
        played: filled with the engine and the soundfont that played.
        failures: filled with the outputs that could not be made, and why.
    """

    targets: Targets
    sound: RenderOptions
    film: FilmOptions
    stage: Staging
    reporter: Reporter
    played: Instrument | None = None
    failures: dict[Path, str] = field(default_factory=dict)

    def write(self, video: Path, generated: Generated) -> None:
        """Write what was asked for; what fails after the notes is left out and named.

        Args:
            video: the clip.
            generated: what was made for it.

        Raises:
            AmtError: the notes or the plan cannot be written.
        """
        from amt.midi import write_midi
        from amt.plan import write_plan

        targets = self.targets
        midi = self.stage.path(targets.out)
        write_midi(generated.song, midi)
        if targets.plan is not None:
            write_plan(generated.plan, self.stage.path(targets.plan))
        if not targets.has_stems:
            self._attempt(targets.session, partial(self._write_session, video, generated, None))
        if targets.are_silent:
            return
        try:
            with record(
                midi, self.sound, targets.out.parent, self.reporter, stems=targets.has_stems
            ) as sound:
                self.played = sound.instrument
                if targets.has_stems:
                    self._attempt(
                        targets.session, partial(self._write_session, video, generated, sound)
                    )
                self._attempt(targets.wav, sound.master.write)
                self._attempt(targets.mp4, partial(self._write_film, video, generated.plan, sound))
                self._attempt(
                    targets.music_and_effects,
                    partial(self._write_music_and_effects, video, generated.plan, sound),
                )
                self._attempt(targets.report, partial(self._write_page, video, generated, sound))
        except AmtError as error:
            self._write_silent(video, generated, error)

    def _write_silent(self, video: Path, generated: Generated, reason: AmtError) -> None:
        """What can be written where no sound can be made."""
        if self.targets.has_stems:
            self.reporter.message(f"the session has no stems: {reason}")
            self._attempt(
                self.targets.session, partial(self._write_session, video, generated, None)
            )
        for path in (self.targets.wav, self.targets.mp4, self.targets.music_and_effects):
            if path is not None:
                self._give_up(path, reason)
        if self.targets.report is not None:
            self.reporter.message(f"the report has no player: {reason}")
        self._attempt(self.targets.report, partial(self._write_page, video, generated, None))

    def _write_session(
        self, video: Path, generated: Generated, sound: Rendering | None, path: Path
    ) -> None:
        from amt.sessions import session_of, write_session

        clip = None if is_score(path) else video
        with TemporaryDirectory(dir=path.parent) as temporary:
            stems: tuple[Media, ...] = ()
            if sound is not None:
                folder = self.targets.stem_folder
                if folder is not None:
                    self.stage.make_folder(folder)
                stems = written_stems(sound, folder, self.stage, Path(temporary))
            session = session_of(generated.song, generated.plan, clip, stems, generated.sheet)
            write_session(session, path, self.targets.session)

    def _write_film(self, video: Path, plan: Plan, sound: Rendering, path: Path) -> None:
        from render.film.duck import Duck
        from render.mux import mux

        reporter = self.reporter.stage("filming")
        reporter.progress(0.0)
        film = self.film
        mux(
            video,
            sound.master,
            path,
            keep_original=film.keep_sound,
            codec=film.film_codec,
            duck=Duck(
                spoken(plan),
                film.duck,
                film.duck_attack / 1000,
                film.duck_release / 1000,
            ),
            loudness_lufs=self.sound.loudness_lufs if self.sound.normalise else None,
            name=self.targets.mp4,
            reporter=reporter,
        )

    def _write_music_and_effects(
        self, video: Path, plan: Plan, sound: Rendering, path: Path
    ) -> None:
        from render.audio import write_audio
        from render.film.effects import music_and_effects

        if not plan.speech:
            self.reporter.message(
                "no speech was found, so the music-and-effects track has all of the clip's sound"
            )
        own_gain_db = self.film.keep_sound or 0.0
        write_audio(music_and_effects(video, sound.master, spoken(plan), own_gain_db), path)

    def _write_page(
        self, video: Path, generated: Generated, sound: Rendering | None, path: Path
    ) -> None:
        from amt.report import ReportOptions, write_report

        self.reporter.stage("reporting").progress(0.0)
        options = ReportOptions(self.film.embed_clip)
        if sound is not None:
            instrument = sound.instrument
            options = ReportOptions(
                self.film.embed_clip, str(instrument), with_flags(instrument.hint)
            )
        master = None if sound is None else sound.master
        write_report(
            path, video, generated.features, generated.plan, generated.song, master, options
        )

    def _attempt(self, path: Path | None, write: Callable[[Path], None]) -> None:
        if path is not None:
            try:
                write(self.stage.path(path))
            except (AmtError, OSError) as error:
                self._give_up(path, error)

    def _give_up(self, path: Path, reason: Exception) -> None:
        self.failures[path] = with_flags(self.stage.named(str(reason)))
        self.stage.drop(path)


def written_stems(
    rendering: Rendering, folder: Path | None, stage: Staging, temporary: Path
) -> tuple[Media, ...]:
    """Write rendered stems.

    Args:
        rendering: what was rendered.
        folder: where they will lie; None where the session holds them.
        stage: gives the paths to write to.
        temporary: folder for stems that the session holds.
    """
    from amt.sessions import stem_media

    media = []
    for name, stem in rendering.stems.items():
        path = temporary / name if folder is None else folder / name
        written = path if folder is None else stage.path(path)
        stem.write(written)
        media.append(replace(stem_media(written, path.stem), path=path))
    return tuple(media)


def spoken(plan: Plan) -> tuple[tuple[float, float], ...]:
    """Start and end in seconds of the stretches in which somebody speaks."""
    return tuple((span.start_s, span.end_s) for span in plan.speech)
