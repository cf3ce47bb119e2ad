"""``amt generate``: from a clip to notes, sound, film and report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amt.cli.app import app
from amt.cli.features import refuse_clip_options
from amt.cli.files import check_suffix, consent, refuse_idle, staged
from amt.cli.inputs import check_input
from amt.cli.options import (
    AllowDownload,
    ArrangerOption,
    AsJson,
    Backend,
    BackendName,
    Candidates,
    ClipModel,
    Drums,
    Engine,
    EngineName,
    FilmCodec,
    Force,
    Hits,
    Melody,
    Networks,
    Quiet,
    SoundFont,
    Steps,
    UnlearnedOption,
    key_completions,
    mood_completions,
    number,
    style_completions,
)
from amt.cli.progress import reporting
from amt.cli.sound import NO_SOUNDFONT_PLAYS, check_player, render_options
from amt.cli.summary import summarise
from amt.cli.targets import Delivery, Targets
from amt.errors import InputError, OutputError, shown
from amt.outputs import (
    FILM_SUFFIXES,
    MIDI_SUFFIXES,
    PAGE_SUFFIXES,
    PLAN_SUFFIXES,
    SOUND_SUFFIXES,
    clip_title,
)


@app.command()
def generate(
    clip: Annotated[
        Path | None, typer.Argument(help="The clip to score.", show_default=False)
    ] = None,
    video: Annotated[Path | None, typer.Option(help="The same, as an option.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="MIDI file to write; else the clip's name with .mid, here."),
    ] = None,
    wav: Annotated[Path | None, typer.Option(help="Also render to this WAV or FLAC file.")] = None,
    mp4: Annotated[
        Path | None,
        typer.Option(help="Also write the clip with its new soundtrack (MP4, MOV, MKV or WebM)."),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="Also write the plan, to edit and arrange again.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Also write a page that shows and plays how the music follows (HTML)."),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Another seed, another piece.", rich_help_panel="Music")
    ] = 0,
    style: Annotated[
        str,
        typer.Option(
            autocompletion=style_completions,
            help="A style that amt styles lists, or a TOML.",
            rich_help_panel="Music",
        ),
    ] = "orchestral",
    key: Annotated[
        str | None,
        typer.Option(
            autocompletion=key_completions,
            help="Such as 'A minor'; else the primer's, else chosen by mood.",
            rich_help_panel="Music",
        ),
    ] = None,
    bpm: Annotated[
        float | None,
        typer.Option(
            parser=number("BPM"),
            metavar="NUMBER",
            help="Hold this tempo, 60-160; else chosen.",
            rich_help_panel="Music",
        ),
    ] = None,
    emotion: Annotated[
        str | None,
        typer.Option(
            autocompletion=mood_completions,
            help="Mood to ask for: 'tense', 'calm:0-12, tense:12-1:02.5', or a CSV of "
            "start,end,mood; amt moods lists them.",
            rich_help_panel="Music",
        ),
    ] = None,
    mood_smoothing: Annotated[
        float,
        typer.Option(
            parser=number("s"),
            metavar="NUMBER",
            help="How slowly mood may move: standard deviation of its kernel in seconds.",
            rich_help_panel="Music",
        ),
    ] = 3.0,
    mood_blend: Annotated[
        float,
        typer.Option(
            parser=number(),
            metavar="NUMBER",
            help="How far --emotion replaces what the picture says: 0 not at all, 1 wholly.",
            rich_help_panel="Music",
        ),
    ] = 1.0,
    primer: Annotated[
        str | None,
        typer.Option(
            help="First chords, such as 'Am F C G'; they imply the key.", rich_help_panel="Music"
        ),
    ] = None,
    arranger: ArrangerOption = None,
    candidates: Candidates = None,
    drums: Drums = None,
    melody: Melody = None,
    fit: Annotated[
        bool, typer.Option(help="Fit tempo and metre to the cuts.", rich_help_panel="Picture")
    ] = True,
    hit: Hits = None,
    backend: Backend = BackendName.auto,
    clip_model: ClipModel = None,
    allow_download: AllowDownload = False,
    temperature: Annotated[
        float,
        typer.Option(
            parser=number(), metavar="NUMBER", help="Higher is bolder.", rich_help_panel="Sampling"
        ),
    ] = 1.0,
    top_p: Annotated[
        float,
        typer.Option(
            parser=number(),
            metavar="NUMBER",
            help="Share of chances in play.",
            rich_help_panel="Sampling",
        ),
    ] = 0.98,
    guidance: Annotated[
        float,
        typer.Option(
            parser=number(),
            metavar="NUMBER",
            help="Pull of the picture; 0 is none.",
            rich_help_panel="Sampling",
        ),
    ] = 1.5,
    affect_guidance: Annotated[
        float,
        typer.Option(
            parser=number(),
            metavar="NUMBER",
            help="How strongly the music follows mood, from chords to loudness; 0 is none.",
            rich_help_panel="Sampling",
        ),
    ] = 1.5,
    colour: Annotated[
        float,
        typer.Option(
            parser=number(),
            metavar="NUMBER",
            help="How far chord types follow mood; 0 is off.",
            rich_help_panel="Sampling",
        ),
    ] = 0.8,
    weights: Annotated[
        Path | None,
        typer.Option(help="Folder with other models.", rich_help_panel="Sampling"),
    ] = None,
    engine: Engine = EngineName.auto,
    soundfont: SoundFont = None,
    steps: Steps = None,
    renderer: Networks = None,
    unlearned: UnlearnedOption = None,
    keep_sound: Annotated[
        float | None,
        typer.Option(
            parser=number("dB"),
            metavar="NUMBER",
            help="Keep the clip's own sound in --mp4 at this level in dB, such as -12.",
            rich_help_panel="Sound",
        ),
    ] = None,
    film_codec: FilmCodec = None,
    embed_clip: Annotated[
        bool,
        typer.Option(
            "--embed-clip",
            help="Put the clip into --report, which else plays it from where it is.",
            rich_help_panel="Sound",
        ),
    ] = False,
    as_json: AsJson = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Compose a soundtrack for a clip.

    [dim]amt generate clip.mp4 --out song.mid --wav song.wav[/dim]

    [dim]amt generate clip.mp4 --out song.mid --style piano --seed 7 --plan plan.json[/dim]
    """
    video = _one_clip(clip, video)
    check_input(video, "video")
    out = out or Path(f"{clip_title(video)}.mid")
    for option, path, suffixes in (
        ("--out", out, MIDI_SUFFIXES),
        ("--wav", wav, SOUND_SUFFIXES),
        ("--mp4", mp4, FILM_SUFFIXES),
        ("--plan", plan, PLAN_SUFFIXES),
        ("--report", report, PAGE_SUFFIXES),
    ):
        check_suffix(option, path, suffixes)
    targets = Targets(out, wav, mp4, plan, report)
    silent = targets.are_silent
    refuse_idle(
        [
            (keep_sound is not None and mp4 is None, "--keep-sound", "needs a film: add --mp4"),
            (film_codec is not None and mp4 is None, "--film-codec", "needs a film: add --mp4"),
            (embed_clip and report is None, "--embed-clip", "needs a page: add --report"),
            (mood_blend != 1 and emotion is None, "--mood-blend", "needs --emotion"),
            (mood_blend == 0 and emotion is not None, "--emotion", "--mood-blend 0 overrules"),
            (silent and soundfont is not None, "--soundfont", "needs --wav, --mp4 or --report"),
            (silent and engine != "auto", "--engine", "needs --wav, --mp4 or --report"),
            (
                unlearned == "refuse" and soundfont is not None,
                "--soundfont",
                NO_SOUNDFONT_PLAYS,
            ),
        ]
    )
    refuse_clip_options(backend, clip_model, allow_download)
    files = [Path(text) for text in (emotion, style) if text and Path(text).suffix]
    inputs = [video, soundfont, weights, renderer, clip_model, *files]
    replaceable = consent(targets.paths, inputs, force=force, quiet=quiet)
    with reporting(quiet) as reporter:
        sound = render_options(
            engine, soundfont, steps=steps, networks=renderer, unsupported=unlearned
        )
        if wav is not None or mp4 is not None or soundfont is not None or engine != "auto":
            check_player(sound)
        if mp4 is not None:
            from render.mux import check_film

            check_film(video, mp4, film_codec, keep_original=keep_sound)
        from amt.options import generate_options
        from amt.pipeline import generate as run

        options = generate_options(
            {
                "seed": seed, "style": style, "key": key, "bpm": bpm, "emotion": emotion,
                "mood_smoothing": mood_smoothing, "mood_blend": mood_blend, "primer": primer,
                "arranger": arranger, "candidates": candidates, "drums": drums,
                "melody": melody, "fit": fit, "hits": hit or (), "backend": backend.value,
                "clip_model": clip_model, "allow_download": allow_download,
                "temperature": temperature, "top_p": top_p, "guidance": guidance,
                "affect_guidance": affect_guidance, "colour": colour, "weights": weights,
            },
            clip_title(video),
        )  # fmt: skip
        with staged(targets.paths, replaceable) as stage:
            delivery = Delivery(
                targets, sound, (film_codec, keep_sound), embed_clip, stage, reporter
            )
            generated = run(video, options, reporter)
            delivery.write(video, generated)
    made = [path for path in targets.paths if path not in delivery.failures]
    summarise(
        generated.plan,
        generated.song,
        made,
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
        InputError: it is named twice or not at all.
    """
    if clip is not None and video is not None:
        raise InputError(f"two clips are named, {shown(clip)} and {shown(video)}: name one")
    chosen = clip or video
    if chosen is None:
        raise InputError("no clip is named: amt generate clip.mp4, or --video clip.mp4")
    return chosen
