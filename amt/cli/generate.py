"""``amt generate``: from a clip to notes, sound, film and report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amt.cli.app import app
from amt.cli.files import check_suffix, consent, refuse_idle, staged
from amt.cli.inputs import check_input
from amt.cli.options import FilmOptions, Only, OutputOptions, RunOptions
from amt.cli.progress import reporting
from amt.cli.signature import GivenFields, expanded
from amt.cli.sound import check_player, refuse_idle_sound, render_options
from amt.cli.summary import summarise
from amt.cli.targets import Delivery, Targets
from amt.cli.video import refuse_idle_clip
from amt.errors import InputError, OutputError, shown
from amt.options import Request
from amt.outputs import (
    EXPORT_SUFFIXES,
    FILM_SUFFIXES,
    MIDI_SUFFIXES,
    PAGE_SUFFIXES,
    PLAN_SUFFIXES,
    SOUND_SUFFIXES,
    clip_title,
)
from render.options import NeuralOptions, RenderOptions

if TYPE_CHECKING:
    from amt.pipeline import GenerateOptions


@app.command()
@expanded
def generate(
    *,
    clip: Annotated[
        Path | None, typer.Argument(help="The clip to score.", show_default=False)
    ] = None,
    outputs: OutputOptions,
    request: Request,
    playing: RenderOptions,
    neural: Annotated[NeuralOptions, Only(("steps", "networks", "unsupported"))],
    film: FilmOptions,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one line of JSON on stdout: outputs, failed (output: why), duration_s, "
            "key, tempo_bpm, bars, chords, notes, style, arranger, seed, engine, soundfont. Where "
            "nothing was made there is none, and the exit code is 2.",
        ),
    ] = False,
    run: RunOptions,
    given: GivenFields,
) -> None:
    """Compose a soundtrack for a clip.

    [dim]amt generate clip.mp4 --out song.mid --wav song.wav[/dim]

    [dim]amt generate clip.mp4 --out song.mid --style piano --seed 7 --plan plan.json[/dim]
    """
    video = _one_clip(clip, outputs.video)
    targets = _checked_targets(video, outputs)
    _refuse_idle(targets, request, film)
    refuse_idle_sound(playing, neural, given, silent=targets.are_silent)
    refuse_idle_clip(request.backend)
    inputs = _inputs(video, request, playing, neural)
    replaced = [*targets.paths, *_old_stems(targets)]
    replaceable = consent(replaced, inputs, force=run.force, quiet=run.quiet)
    with reporting(run.quiet) as reporter:
        sound = render_options(playing, neural)
        options = _checked_options(video, request, targets, sound, film)
        from amt.pipeline import generate as compose_for

        with staged(targets.paths, replaceable) as stage:
            delivery = Delivery(targets, sound, film, stage, reporter)
            generated = compose_for(video, options, reporter)
            delivery.write(video, generated)
    summarise(
        generated.plan,
        generated.song,
        [path for path in targets.paths if path not in delivery.failures],
        as_json=as_json,
        reporter=reporter,
        sound=delivery.played,
        failed=delivery.failures,
    )
    if delivery.failures:
        reasons = (f"{shown(path)} was not made: {why}" for path, why in delivery.failures.items())
        raise OutputError("; ".join(reasons))


def _one_clip(clip: Path | None, video: Path | None) -> Path:
    """The clip, named either way.

    Raises:
        InputError: it is named twice or not at all, or is no video.
    """
    if clip is not None and video is not None:
        raise InputError(f"two clips are named, {shown(clip)} and {shown(video)}: name one")
    chosen = clip or video
    if chosen is None:
        raise InputError("no clip is named: amt generate clip.mp4, or --video clip.mp4")
    check_input(chosen, "video")
    return chosen


def _checked_targets(video: Path, outputs: OutputOptions) -> Targets:
    """Where the results go.

    Raises:
        InputError: an output is of another kind than its option writes.
    """
    out = outputs.out or Path(f"{clip_title(video)}.mid")
    for option, path, suffixes in (
        ("--out", out, MIDI_SUFFIXES),
        ("--wav", outputs.wav, SOUND_SUFFIXES),
        ("--mp4", outputs.mp4, FILM_SUFFIXES),
        ("--music-and-effects", outputs.music_and_effects, SOUND_SUFFIXES),
        ("--plan", outputs.plan, PLAN_SUFFIXES),
        ("--report", outputs.report, PAGE_SUFFIXES),
        ("--session", outputs.session, EXPORT_SUFFIXES),
    ):
        check_suffix(option, path, suffixes)
    return Targets(
        out=out,
        wav=outputs.wav,
        mp4=outputs.mp4,
        plan=outputs.plan,
        report=outputs.report,
        session=outputs.session,
        music_and_effects=outputs.music_and_effects,
    )


def _old_stems(targets: Targets) -> list[Path]:
    """Files where the stems of the session may come to lie, which go by the tracks' names."""
    folder = targets.stem_folder
    if folder is None or not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SOUND_SUFFIXES)


def _refuse_idle(targets: Targets, request: Request, film: FilmOptions) -> None:
    """Refuse options that need another output or another option.

    Raises:
        InputError: one was given; the message says what it needs.
    """
    blend, emotion = request.music.mood_blend, request.music.emotion
    no_film = targets.mp4 is None
    unmixed = no_film and targets.music_and_effects is None
    refuse_idle(
        [
            (film.keep_sound is not None and unmixed, "--keep-sound", "needs a film: add --mp4"),
            (film.duck is not None and film.keep_sound is None, "--duck", "needs --keep-sound"),
            (film.film_codec is not None and no_film, "--film-codec", "needs a film: add --mp4"),
            (
                film.embed_clip and targets.report is None,
                "--embed-clip",
                "needs a page: add --report",
            ),
            (blend != 1 and emotion is None, "--mood-blend", "needs --emotion"),
            (blend == 0 and emotion is not None, "--emotion", "--mood-blend 0 overrules"),
        ]
    )


def _inputs(
    video: Path, request: Request, playing: RenderOptions, neural: NeuralOptions
) -> list[Path | str | None]:
    """The files and folders that are read."""
    texts = (request.music.emotion, request.music.style)
    return [
        video,
        playing.soundfont,
        request.models.weights,
        neural.networks,
        request.backend.clip_model,
        request.spotting.spots,
        *(Path(text) for text in texts if text and Path(text).suffix),
    ]


def _checked_options(
    video: Path, request: Request, targets: Targets, sound: RenderOptions, film: FilmOptions
) -> GenerateOptions:
    """What the pipeline is asked for, after checks of what comes later than its work.

    Raises:
        AmtError: there is nothing to play on, the film cannot be had, or an option has no meaning.
    """
    plays = targets.wav is not None or targets.mp4 is not None
    if plays or sound.soundfont is not None or sound.engine != "auto":
        check_player(sound)
    if targets.mp4 is not None:
        from render.mux import check_film

        check_film(video, targets.mp4, film.film_codec, keep_original=film.keep_sound)
    from amt.words import generate_options

    return generate_options(request, clip_title(video))
