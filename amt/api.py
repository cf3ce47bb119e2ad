"""The Python interface: from a clip to a soundtrack that is played, edited, written and shown.

>>> import amt
>>> soundtrack = amt.generate("clip.mp4", style="piano", seed=7)  # doctest: +SKIP
>>> soundtrack.plan.key.label, len(soundtrack.song.tracks)  # doctest: +SKIP
('A minor', 3)
>>> soundtrack.write_midi("song.mid")  # doctest: +SKIP
>>> soundtrack.render("song.wav")  # doctest: +SKIP
>>> soundtrack.mux("scored.mp4", keep_sound=-12)  # doctest: +SKIP

Paths are ``str`` or ``Path``; what is written to a path appears whole or not at all, and replaces
a file that was there. Nothing is printed: what the command line says on stderr goes to the logger
``amt`` at level INFO, or to a function that is handed in. What a user can mend is raised as an
:class:`amt.AmtError`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypedDict, Unpack

from amt.errors import AmtError, InputError, quoted, suggestion
from amt.features.kept_clip import KeptClip
from amt.midi import write_midi
from amt.outputs import (
    EXPORT_SUFFIXES,
    FILM_SUFFIXES,
    MIDI_SUFFIXES,
    PAGE_SUFFIXES,
    PLAN_SUFFIXES,
    SOUND_SUFFIXES,
    check_outputs,
    clip_title,
    is_score,
    staging,
)
from amt.pipeline import Models, load_models
from amt.pipeline import generate as run
from amt.plan import plan_to_json
from amt.reporter import Reporter, callback_reporter
from amt.types import ArrangerName, Plan, Song, VideoFeatures
from amt.words import PathLike, Words, generate_options, request_from

if TYPE_CHECKING:
    from render.engine import Rendering
    from render.mux import FilmCodec
    from render.options import RenderOptions

Target = PathLike | BinaryIO
Progress = Callable[[str, float], object]
"""Called with the name of a stage and the share (0 to 1) of it that is done."""
Say = Callable[[str], object]
"""Called with one sentence that the user should know."""

_MODELS_KEPT = 4
_CLIP = KeptClip()


class SoundWords(TypedDict, total=False):
    """How notes become sound, named as on the command line."""

    engine: str
    """``auto``, ``fluidsynth``, ``midirenderer`` or ``diffusion``."""
    soundfont: PathLike | None
    """SF2 or SF3 file to play on; None takes the one that the command line takes."""
    loudness_lufs: float
    """Integrated loudness, -14 if not given; true peaks stay below -1 dBTP."""


def generate(
    video: PathLike,
    *,
    progress: Progress | None = None,
    say: Say | None = None,
    reporter: Reporter | None = None,
    **words: Unpack[Words],
) -> Soundtrack:
    """Compose a soundtrack for a clip.

    Equal arguments give equal notes, and the notes of ``amt generate`` with the same options. The
    networks are loaded once and kept for the next call.

    Args:
        video: any file that PyAV decodes.
        progress: called with the name of a stage and the share (0 to 1) of it that is done.
        say: called with a sentence on what was decided for the user; None logs it.
        reporter: takes both in place of the two functions, and may hold a token that cancels the
            run; see :class:`amt.reporter.Reporter`.
        words: what is asked for, all of it optional:

            * ``seed`` (0), ``style`` ("orchestral"), ``key`` ("A minor"), ``bpm``, ``emotion``
              ("tense", "calm:0-12, tense:12-30", or a CSV file), ``mood_smoothing`` (2.0 s),
              ``mood_blend`` (1.0), ``primer`` ("Am F C G");
            * ``arranger`` ("neural" or "patterns"), ``candidates``, ``drums``, ``melody``,
              ``humanize`` (1.0);
            * ``fit`` (True), ``hits`` (seconds or "1:02.5"), ``backend`` ("auto", "clip" or
              "analytic"), ``clip_model``, ``allow_download``, ``speech`` ("auto", "on" or "off");
            * ``temperature``, ``top_p``, ``guidance``, ``affect_guidance``, ``chord_mood``,
              ``weights``;
            * ``spots`` (a cue sheet), ``start_tc``, ``rate``.

    Raises:
        AmtError: the clip, an option, or the weights cannot be used.
        TypeError: an option does not exist.
    """
    _check_names(words, Words, "generate")
    clip = Path(video)
    options = generate_options(request_from(words), clip_title(clip))
    models = _kept_models(options.arrangement.arranger, options.weights, _state(options.weights))
    made = run(clip, options, reporter or callback_reporter(progress, say), models)
    return Soundtrack(clip, made.features, made.plan, made.song)


def export(
    midi: PathLike,
    out: PathLike,
    *,
    video: PathLike | None = None,
    stems: PathLike | None = None,
    plan: PathLike | None = None,
    say: Say | None = None,
) -> None:
    """Write a MIDI file, from any source, as a session of a DAW or as a score.

    Args:
        midi: the MIDI file.
        out: path of a session (``.dawproject``, ``.rpp``) or a score (``.musicxml``, ``.mxl``, or
            ``.zip`` with its parts).
        video: the clip, for the video track of a session.
        stems: folder with stems, for the audio tracks of a session.
        plan: the plan of the piece, which names its sections, key and chords.
        say: called with a sentence on what is left out; None logs it.

    Raises:
        AmtError: an input cannot be read or does not belong to the piece, or the path cannot be
            written.
    """
    from amt.plan import read_plan
    from amt.sessions import read_song, session_of, stems_in, write_session

    path, source = Path(out), Path(midi)
    given = [Path(one) for one in (midi, video, stems, plan) if one is not None]
    _check_path(path, EXPORT_SUFFIXES, given)
    if is_score(path) and (video is not None or stems is not None):
        raise InputError("a score holds neither picture nor sound: leave out `video` and `stems`")
    reporter = callback_reporter(None, say)
    session = session_of(
        read_song(source, reporter),
        None if plan is None else read_plan(Path(plan), reporter),
        None if video is None else Path(video),
        () if stems is None else stems_in(Path(stems)),
    )
    _deliver(path, "", lambda part: write_session(session, part, path))


@dataclass(frozen=True, eq=False, repr=False)
class Soundtrack:
    """A composed piece and the clip that it was composed for.

    A notebook shows it with a player and its notes.
    """

    clip: Path
    features: VideoFeatures
    plan: Plan
    song: Song

    def __repr__(self) -> str:
        return f"<Soundtrack of {self.clip.name!r}: {self._summary}>"

    def write_midi(self, target: Target) -> None:
        """Write the notes as a MIDI file, to a path or into a binary stream.

        Raises:
            AmtError: the path cannot be written.
        """
        self._check(target, MIDI_SUFFIXES)
        _deliver(target, ".mid", lambda path: write_midi(self.song, path))

    def write_plan(self, target: Target) -> None:
        """Write the plan, to edit it and to arrange it anew; likewise."""
        self._check(target, PLAN_SUFFIXES)
        text = plan_to_json(self.plan)
        _deliver(target, ".json", lambda path: path.write_bytes(text.encode("utf-8")))

    def write_session(self, path: PathLike) -> None:
        """Write a session of a DAW with the clip in place, or a score; see :func:`export`.

        Raises:
            AmtError: the path cannot be written, or the clip cannot be read.
        """
        from amt.sessions import session_of, write_session

        final = Path(path)
        self._check(final, EXPORT_SUFFIXES)
        session = session_of(self.song, self.plan, None if is_score(final) else self.clip)
        _deliver(final, "", lambda part: write_session(session, part, final))

    def render(
        self,
        target: Target,
        *,
        format: str = "wav",
        progress: Progress | None = None,
        say: Say | None = None,
        reporter: Reporter | None = None,
        **words: Unpack[SoundWords],
    ) -> None:
        """Turn the notes into sound at -14 LUFS.

        Args:
            target: path that ends in ``.wav`` or ``.flac``, or a binary stream.
            format: ``wav`` or ``flac``, for a stream.
            progress: as for :func:`generate`.
            say: likewise.
            reporter: likewise.
            words: ``engine`` ("auto") and ``soundfont``.

        Raises:
            AmtError: the engine or the soundfont cannot be used, or the path cannot be written.
        """
        if format not in ("wav", "flac"):
            raise InputError(f"format is {quoted(format)}; expected wav or flac")
        self._check(target, SOUND_SUFFIXES)
        with self._recorded(words, reporter or callback_reporter(progress, say)) as rendering:
            _deliver(target, f".{format}", rendering.master.write)

    def mux(
        self,
        path: PathLike,
        *,
        keep_sound: float | None = None,
        film_codec: FilmCodec | None = None,
        duck: float | None = None,
        duck_attack: float = 150.0,
        duck_release: float = 600.0,
        progress: Progress | None = None,
        say: Say | None = None,
        reporter: Reporter | None = None,
        **words: Unpack[SoundWords],
    ) -> None:
        """Write the clip with its new soundtrack.

        Args:
            path: MP4, MOV, MKV or WebM file.
            keep_sound: level in dB at which the clip's own sound is kept, such as -12.
            film_codec: ``copy`` never encodes pictures, ``h264`` and ``vp9`` always do; None copies
                them wherever the file can hold them.
            duck: decibels by which music is softer under speech that is kept; None chooses them so
                that speech stands 10 LU above it.
            duck_attack: milliseconds in which music gets softer before speech.
            duck_release: milliseconds in which it comes back.
            progress: as for :func:`generate`.
            say: likewise.
            reporter: likewise.
            words: as for :meth:`render`.

        Raises:
            AmtError: as for :meth:`render`, or the clip's picture fits no such file.
        """
        from render.film.duck import Duck
        from render.mux import check_film, mux

        self._check(path, FILM_SUFFIXES)
        film = Path(path)
        reporter = reporter or callback_reporter(progress, say)
        check_film(self.clip, film, film_codec, keep_original=keep_sound)
        spans = tuple((span.start_s, span.end_s) for span in self.plan.speech)
        ducking = Duck(spans, duck, duck_attack / 1000, duck_release / 1000)
        sound = _render_options(words)
        lufs = sound.loudness_lufs if sound.normalise else None
        with self._recorded(words, reporter) as rendering:

            def write(part: Path) -> None:
                mux(
                    self.clip, rendering.master, part,
                    keep_original=keep_sound, codec=film_codec, duck=ducking, loudness_lufs=lufs,
                    name=film, reporter=reporter.stage("filming"),
                )  # fmt: skip

            _deliver(film, "", write)

    def write_music_and_effects(
        self,
        path: PathLike,
        *,
        keep_sound: float = 0.0,
        progress: Progress | None = None,
        say: Say | None = None,
        reporter: Reporter | None = None,
        **words: Unpack[SoundWords],
    ) -> None:
        """Write the music with the clip's own sound but without its speech, for dubbing.

        Args:
            path: WAV or FLAC file.
            keep_sound: level in dB of the clip's own sound.
            progress: as for :func:`generate`.
            say: likewise.
            reporter: likewise.
            words: as for :meth:`render`.

        Raises:
            AmtError: as for :meth:`render`.
        """
        from render.audio import write_audio
        from render.film.effects import music_and_effects

        self._check(path, SOUND_SUFFIXES)
        spans = tuple((span.start_s, span.end_s) for span in self.plan.speech)
        with self._recorded(words, reporter or callback_reporter(progress, say)) as rendering:
            sound = music_and_effects(self.clip, rendering.master, spans, keep_sound)
            _deliver(path, Path(path).suffix, lambda part: write_audio(sound, part))

    def write_report(
        self,
        path: PathLike,
        *,
        embed_clip: bool = False,
        progress: Progress | None = None,
        say: Say | None = None,
        reporter: Reporter | None = None,
        **words: Unpack[SoundWords],
    ) -> None:
        """Write a page that shows and plays how the music follows the picture.

        Args:
            path: HTML file.
            embed_clip: put the clip into the page, instead of playing the file beside it.
            progress: as for :func:`generate`.
            say: likewise.
            reporter: likewise.
            words: as for :meth:`render`.

        Raises:
            AmtError: as for :meth:`render`, or the clip is too large to embed.
        """
        from amt.report import ReportOptions, check_embeddable, write_report

        self._check(path, PAGE_SUFFIXES)
        if embed_clip:
            check_embeddable(self.clip)

        def page(path: Path) -> None:
            played_by = rendering.instrument
            options = ReportOptions(embed_clip, str(played_by), played_by.hint)
            write_report(
                path, self.clip, self.features, self.plan, self.song, rendering.master, options
            )

        with self._recorded(words, reporter or callback_reporter(progress, say)) as rendering:
            _deliver(path, "", page)

    def _repr_html_(self) -> str:
        """A player and a piano roll, for notebooks."""
        return self._html

    @cached_property
    def _html(self) -> str:
        from amt.report.notebook import notebook_frame

        duration_s = self.plan.grid.duration_s
        try:
            with self._recorded({}, callback_reporter()) as rendering:
                note = f"{self._summary}. Played by {rendering.instrument}."
                return notebook_frame(self.song, duration_s, note, rendering.master)
        except AmtError as error:
            return notebook_frame(self.song, duration_s, f"{self._summary}. No sound: {error}")

    @property
    def _summary(self) -> str:
        tempos = self.plan.grid.tempo_bpm
        notes = sum(len(track.notes) for track in self.song.tracks)
        return (
            f"{self.plan.grid.duration_s:.1f} s, {self.plan.key.label}, {tempos.min():.0f} to "
            f"{tempos.max():.0f} BPM, {len(self.plan.grid.bars)} bars, {notes} notes in "
            f"{len(self.song.tracks)} tracks"
        )

    def _check(self, target: Target, suffixes: Sequence[str]) -> None:
        """Refuse, before any work, a path that cannot be written or is of another kind."""
        if isinstance(target, str | os.PathLike):
            _check_path(Path(target), suffixes, [self.clip])

    @contextmanager
    def _recorded(self, words: SoundWords, reporter: Reporter) -> Iterator[Rendering]:
        from render.engine import render_to_disk

        _check_names(words, SoundWords, "render")
        options = _render_options(words)
        with tempfile.TemporaryDirectory() as folder:
            midi = Path(folder) / "song.mid"
            write_midi(self.song, midi)
            with render_to_disk(midi, options, reporter=reporter.stage("rendering")) as rendering:
                yield rendering


def _check_path(path: Path, suffixes: Sequence[str], inputs: Sequence[Path]) -> None:
    """Refuse, before any work, a path that cannot be written or is of another kind."""
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{quoted(str(path))} has none of the suffixes {', '.join(suffixes)}")
    check_outputs([path], inputs)


def _deliver(target: Target, suffix: str, write: Callable[[Path], object]) -> None:
    """Write to a path whole or not at all, or through a temporary file into a stream."""
    if isinstance(target, str | os.PathLike):
        path = Path(target)
        with staging([path]) as stage:
            write(stage.path(path))
        return
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / f"output{suffix}"
        write(part)
        with part.open("rb") as file:
            shutil.copyfileobj(file, target)


def _render_options(words: SoundWords) -> RenderOptions:
    from render.options import RenderOptions

    soundfont = words.get("soundfont")
    return RenderOptions(
        words.get("engine", "auto"),
        None if soundfont is None else Path(soundfont),
        loudness_lufs=words.get("loudness_lufs", RenderOptions().loudness_lufs),
    )


def _check_names(words: Any, known: type, function: str) -> None:  # noqa: ANN401
    """Refuse names that are not in a typed dictionary, as Python does for parameters."""
    names = known.__annotations__.keys()
    for name in words.keys() - names:
        raise TypeError(
            f"{function}() got an unexpected keyword argument {name!r}{suggestion(name, names)}"
        )


@lru_cache(maxsize=_MODELS_KEPT)
def _kept_models(arranger: ArrangerName, weights: Path | None, state: tuple[object, ...]) -> Models:
    """Models that stay loaded until their files change.

    Args:
        arranger: who writes the notes.
        weights: folder, or None.
        state: of its files, see :func:`_state`.
    """
    return replace(load_models(arranger, weights), open_clip=_CLIP)


def _state(weights: Path | None) -> tuple[object, ...]:
    """What changes when a file of the models does: names, sizes and times of change."""
    if weights is None:  # what is installed stays
        return ()
    files = sorted(weights.glob("*/*"))
    return str(weights.resolve()), *(
        (str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files
    )
