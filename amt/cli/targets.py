"""The files that ``amt generate`` writes; one that fails does not cost those that are done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from amt.cli.console import Show, say
from amt.cli.sound import record
from amt.errors import AmtError

if TYPE_CHECKING:
    from amt.outputs import Staging
    from amt.pipeline import Generated
    from render.audio import Audio
    from render.engine import Rendering
    from render.options import RenderOptions


@dataclass(frozen=True, slots=True)
class Targets:
    """Where the results go; None where one is not wanted."""

    out: Path
    wav: Path | None
    mp4: Path | None
    plan: Path | None
    report: Path | None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Those that are wanted."""
        paths = self.out, self.wav, self.mp4, self.plan, self.report
        return tuple(path for path in paths if path is not None)

    @property
    def are_silent(self) -> bool:
        """Whether none of them holds sound."""
        return self.wav is None and self.mp4 is None and self.report is None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is written for one clip, and how.

    Attributes:
        video: the clip.
        targets: where the results go.
        sound: how they are rendered.
        keep_sound: level in dB of the clip's own sound in the film; None leaves it out.
        stage: where they are written before they are published.
        show: told how far the work is.
        quiet: say nothing.
        failures: filled with the outputs that could not be made, and why.
    """

    video: Path
    targets: Targets
    sound: RenderOptions
    keep_sound: float | None
    stage: Staging
    show: Show
    quiet: bool
    failures: dict[Path, str] = field(default_factory=dict)

    def write(self, generated: Generated) -> None:
        """Write what was asked for; what fails after the notes is left out and named.

        Raises:
            AmtError: the notes or the plan cannot be written.
        """
        from amt.midi import write_midi
        from amt.plan import write_plan

        targets = self.targets
        write_midi(generated.song, self.stage.path(targets.out))
        if targets.plan is not None:
            write_plan(generated.plan, self.stage.path(targets.plan), generated.arrangement)
        if targets.are_silent:
            return
        midi = self.stage.path(targets.out)
        try:
            with record(midi, self.sound, targets.out.parent, self.show, quiet=self.quiet) as sound:
                self._write_sounds(generated, sound)
        except AmtError as error:
            self._write_silent(generated, error)

    def _write_sounds(self, generated: Generated, sound: Rendering) -> None:
        from render.mux import mux

        targets = self.targets
        self._attempt(targets.wav, sound.master.write)
        if targets.mp4 is not None or targets.report is not None:
            audio = sound.master.audio()
            lay = partial(mux, self.video, audio, keep_original=self.keep_sound)
            self.show("filming", 0.0)
            self._attempt(targets.mp4, lay)
            self.show("reporting", 0.0)
            self._attempt(targets.report, partial(self._write_report, generated, audio))

    def _write_silent(self, generated: Generated, reason: AmtError) -> None:
        """What can be written where no sound can be made."""
        for path in (self.targets.wav, self.targets.mp4):
            if path is not None:
                self._give_up(path, reason)
        if self.targets.report is not None and not self.quiet:
            say(f"the report has no player: {reason}")
        self._attempt(self.targets.report, partial(self._write_report, generated, None))

    def _write_report(self, generated: Generated, audio: Audio | None, path: Path) -> None:
        from amt.report import Sound, write_report

        sound = None if audio is None else Sound(audio.samples, audio.sample_rate)
        write_report(path, self.video, generated.features, generated.plan, generated.song, sound)

    def _attempt(self, path: Path | None, write: Callable[[Path], None]) -> None:
        if path is not None:
            try:
                write(self.stage.path(path))
            except (AmtError, OSError) as error:
                self._give_up(path, error)

    def _give_up(self, path: Path, reason: Exception) -> None:
        self.stage.drop(path)
        self.failures[path] = str(reason)
