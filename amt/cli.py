"""The command line: ``amt generate``, ``features``, ``arrange``, ``regenerate``, ``render``.

Heavy libraries are imported inside the commands, so that ``amt --help`` answers at once. Errors
that the user can mend are one sentence on stderr and exit code 2; messages and progress go to
stderr, and stdout stays clean but for ``--json``.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from typer.exceptions import TyperException

from amt.chords import Chord, parse_chord, parse_key
from amt.errors import AmtError, InputError
from amt.outputs import Staging, check_outputs, staging

if TYPE_CHECKING:
    from amt.pipeline import Generated
    from amt.plan import Arrangement
    from amt.types import Plan, Song
    from render.audio import Audio
    from render.engine import Rendering
    from render.options import RenderOptions

USAGE, INTERRUPTED, BUG = 2, 130, 1
SOUND_SUFFIXES = (".wav", ".flac")
PAGE_SUFFIXES = (".html", ".htm")
FILM_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class BackendName(StrEnum):
    """What looks at the picture."""

    auto = "auto"
    clip = "clip"
    analytic = "analytic"


class ArrangerChoice(StrEnum):
    """Who writes the notes."""

    neural = "neural"
    patterns = "patterns"


class EngineName(StrEnum):
    """What turns MIDI into sound."""

    auto = "auto"
    fluidsynth = "fluidsynth"
    tinysoundfont = "tinysoundfont"
    midirenderer = "midirenderer"
    diffusion = "diffusion"


class Unlearned(StrEnum):
    """What becomes of the parts that the neural renderer has not learned."""

    soundfont = "soundfont"
    refuse = "refuse"


Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No messages, no progress.")]
AllowDownload = Annotated[
    bool,
    typer.Option(
        "--allow-download", help="Fetch CLIP's weights if needed.", rich_help_panel="Picture"
    ),
]
ArrangerOption = Annotated[
    ArrangerChoice | None,
    typer.Option(
        help="Who writes the notes: a network, or patterns over the chords.",
        rich_help_panel="Notes",
        case_sensitive=False,
    ),
]
Candidates = Annotated[
    int | None,
    typer.Option(
        help="Versions that the network writes, of which the best is kept.",
        rich_help_panel="Notes",
    ),
]
Drums = Annotated[
    bool | None,
    typer.Option(
        "--drums/--no-drums",
        help="Drums, in styles that have them.",
        rich_help_panel="Notes",
        show_default=False,
    ),
]
Melody = Annotated[
    bool | None,
    typer.Option(
        "--melody/--no-melody",
        help="A tune and its answer, from the network.",
        rich_help_panel="Notes",
        show_default=False,
    ),
]
NetworkWeights = Annotated[
    Path | None, typer.Option("--weights", help="Folder with another network.")
]
Engine = Annotated[
    EngineName,
    typer.Option(
        help="Synthesiser of soundfonts, or diffusion: a network (auto takes a soundfont).",
        rich_help_panel="Sound",
        case_sensitive=False,
    ),
]
SoundFont = Annotated[
    Path | None,
    typer.Option(
        help="SF2 or SF3 file; else $AMT_SOUNDFONT, else one of the system, else a small one.",
        rich_help_panel="Sound",
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        help="With diffusion: evaluations of the network, 1-20; more give detail. [default: 1]",
        rich_help_panel="Sound",
    ),
]
Networks = Annotated[
    Path | None,
    typer.Option(
        "--renderer", help="With diffusion: folder with other networks.", rich_help_panel="Sound"
    ),
]
UnlearnedOption = Annotated[
    Unlearned | None,
    typer.Option(
        help="With diffusion: let a soundfont play what the network has not learned, or refuse. "
        "[default: soundfont]",
        rich_help_panel="Sound",
        case_sensitive=False,
    ),
]


@app.callback()
def amt(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback for errors.")] = False,
) -> None:
    """Compose an original, editable soundtrack that follows a video."""
    context.ensure_object(dict)["debug"] = debug


@app.command()
def generate(
    video: Annotated[Path, typer.Option(help="The clip to score.")],
    out: Annotated[Path, typer.Option(help="MIDI file to write.")],
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
            help="piano, strings, orchestral, acoustic, band, synth, lo-fi, ambient, or a TOML.",
            rich_help_panel="Music",
        ),
    ] = "orchestral",
    key: Annotated[
        str | None,
        typer.Option(help="Such as 'A minor'; else chosen by mood.", rich_help_panel="Music"),
    ] = None,
    bpm: Annotated[
        float | None,
        typer.Option(help="Hold this tempo, 60-160; else chosen.", rich_help_panel="Music"),
    ] = None,
    emotion: Annotated[
        str | None,
        typer.Option(
            help="Mood to ask for: 'tense', 'calm:0-12, tense:12-30', or a CSV of start,end,mood.",
            rich_help_panel="Music",
        ),
    ] = None,
    mood_smoothing: Annotated[
        float,
        typer.Option(
            help="How slowly mood may move: standard deviation of its kernel in seconds.",
            rich_help_panel="Music",
        ),
    ] = 3.0,
    mood_blend: Annotated[
        float,
        typer.Option(
            help="How far --emotion replaces what the picture says: 0 not at all, 1 wholly.",
            rich_help_panel="Music",
        ),
    ] = 1.0,
    primer: Annotated[
        str | None,
        typer.Option(help="First chords, such as 'Am F C G'.", rich_help_panel="Music"),
    ] = None,
    arranger: ArrangerOption = None,
    candidates: Candidates = None,
    drums: Drums = None,
    melody: Melody = None,
    fit: Annotated[
        bool, typer.Option(help="Fit tempo and metre to the cuts.", rich_help_panel="Picture")
    ] = True,
    hit: Annotated[
        list[float] | None,
        typer.Option(
            help="Second that must fall on a downbeat; may be repeated.",
            rich_help_panel="Picture",
        ),
    ] = None,
    backend: Annotated[
        BackendName, typer.Option(help="What looks at the picture.", rich_help_panel="Picture")
    ] = BackendName.auto,
    clip_model: Annotated[
        str | None,
        typer.Option(help="Folder or Hub name of a CLIP model.", rich_help_panel="Picture"),
    ] = None,
    allow_download: AllowDownload = False,
    temperature: Annotated[
        float, typer.Option(help="Higher is bolder.", rich_help_panel="Sampling")
    ] = 1.0,
    top_p: Annotated[
        float, typer.Option(help="Share of chances in play.", rich_help_panel="Sampling")
    ] = 0.98,
    guidance: Annotated[
        float, typer.Option(help="Pull of the picture; 0 is none.", rich_help_panel="Sampling")
    ] = 1.5,
    affect_guidance: Annotated[
        float,
        typer.Option(
            help="How strongly the music follows mood, from chords to loudness; 0 is none.",
            rich_help_panel="Sampling",
        ),
    ] = 1.5,
    colour: Annotated[
        float,
        typer.Option(help="How far chord types follow mood; 0 is off.", rich_help_panel="Sampling"),
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
            help="Keep the clip's own sound in --mp4 at this level in dB, such as -12.",
            rich_help_panel="Sound",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Compose a soundtrack for a clip.

    [dim]amt generate --video clip.mp4 --out song.mid --wav song.wav[/dim]

    [dim]amt generate --video clip.mp4 --out song.mid --style piano --seed 7 --plan plan.json[/dim]
    """
    outputs = [path for path in (out, wav, mp4, plan, report) if path is not None]
    inputs = [path for path in (video, soundfont) if path is not None]
    check_outputs(outputs, inputs)
    _check_suffixes([wav], [mp4], [report])
    sound = _sound(engine, soundfont, steps=steps, networks=renderer, unlearned=unlearned)
    from amt.compose import ComposeOptions
    from amt.midi import write_midi
    from amt.model.sampling import SamplingOptions
    from amt.pipeline import GenerateOptions
    from amt.pipeline import generate as run
    from amt.plan import DEFAULT_ARRANGER, Arrangement, write_plan

    arrangement = _chosen(Arrangement(DEFAULT_ARRANGER), arranger, candidates, drums, melody)
    options = GenerateOptions(
        compose=ComposeOptions(
            seed=_seed(seed),
            key=None if key is None else parse_key(key),
            bpm=bpm,
            fit=fit,
            hits_s=tuple(hit or ()),
            style=style,
            mood_sigma_s=mood_smoothing,
            mood_blend=mood_blend,
            primer=_primer(primer),
            colour=colour,
            sampling=SamplingOptions(temperature, top_p, guidance, affect_guidance),
            title=video.stem,
        ),
        mood=emotion,
        backend=backend.value,
        clip_model=clip_model,
        allow_download=allow_download,
        weights=weights,
        arrangement=arrangement,
    )
    with _progress(quiet) as show, staging(outputs) as stage:
        generated = run(video, options, show, None if quiet else _say)
        write_midi(generated.song, stage.path(out))
        if plan is not None:
            write_plan(generated.plan, stage.path(plan), arrangement)
        record = partial(_record, stage.path(out), sound, out.parent, show, quiet)
        silence = _write_sounds(record, generated, video, wav, mp4, keep_sound, report, stage)
        if silence and not quiet:
            _say(f"the report has no player: {silence}")
    _summarise(generated.plan, arrangement, generated.song, outputs, as_json=as_json, quiet=quiet)


@app.command()
def features(
    clip: Annotated[Path, typer.Argument(help="The clip to look at.", show_default=False)],
    out: Annotated[Path, typer.Option(help="NPZ file to write.")],
    plot: Annotated[Path | None, typer.Option(help="Also draw the curves as PNG.")] = None,
    backend: Annotated[BackendName, typer.Option(help="What looks at the picture.")] = (
        BackendName.auto
    ),
    clip_model: Annotated[
        str | None, typer.Option(help="Folder or Hub name of a CLIP model.")
    ] = None,
    allow_download: AllowDownload = False,
    quiet: Quiet = False,
) -> None:
    """Extract what the models see of a clip: mood, motion, cuts.

    [dim]amt features clip.mp4 --out features.npz --plot features.png[/dim]
    """
    check_outputs([path for path in (out, plot) if path is not None], [clip])
    from amt.features import extract_features, plot_features, save_features

    with _progress(quiet) as show, staging() as stage:
        found = extract_features(
            clip,
            backend=backend.value,
            clip_model=clip_model,
            allow_download=allow_download,
            progress=lambda share: show("watching", share),
            say=None if quiet else _say,
        )
        save_features(found, stage.path(out))
        if plot is not None:
            plot_features(found, stage.path(plot))


@app.command()
def arrange(
    plan: Annotated[Path, typer.Argument(help="A plan, as generate --plan writes it.")],
    out: Annotated[Path, typer.Option(help="MIDI file to write.")],
    style: Annotated[str | None, typer.Option(help="Another style than the plan's.")] = None,
    arranger: ArrangerOption = None,
    candidates: Candidates = None,
    drums: Drums = None,
    melody: Melody = None,
    weights: NetworkWeights = None,
    quiet: Quiet = False,
) -> None:
    """Write the notes of a plan, edited or not; the same plan gives the same bytes.

    What is not asked for here is as the plan says.

    [dim]amt arrange song.plan.json --out song.mid[/dim]
    """
    check_outputs([out], [plan])
    from dataclasses import replace

    from amt.arrange import arrange as arrange_plan
    from amt.arrange import load_network
    from amt.midi import write_midi
    from amt.plan import read_arrangement, read_plan

    chosen = read_plan(plan)
    arrangement = _chosen(read_arrangement(plan), arranger, candidates, drums, melody)
    if style is not None:
        chosen = replace(chosen, style=style)
    network = load_network(arrangement, weights)
    with _progress(quiet) as show, staging([out]) as stage:
        song = arrange_plan(chosen, arrangement, network, lambda share: show("arranging", share))
        write_midi(song, stage.path(out))
    _summarise(chosen, arrangement, song, [out], as_json=False, quiet=quiet)


@app.command()
def regenerate(
    plan: Annotated[Path, typer.Argument(help="The plan of the piece.", show_default=False)],
    bars: Annotated[str, typer.Option(help="Bars to compose anew, such as 9-16.")],
    out: Annotated[Path, typer.Option(help="MIDI file to write.")],
    seed: Annotated[int, typer.Option(help="Another seed, other bars.")] = 1,
    midi: Annotated[
        Path | None,
        typer.Option(help="The piece as you edited it: all its other bars are kept."),
    ] = None,
    plan_out: Annotated[
        Path | None,
        typer.Option(help="Also write the plan that gives the new piece, to build on."),
    ] = None,
    weights: NetworkWeights = None,
    quiet: Quiet = False,
) -> None:
    """Compose some bars of a piece anew; all other bars stay as they are.

    [dim]amt regenerate song.plan.json --bars 9-16 --seed 7 --out song.mid[/dim]

    [dim]amt regenerate song.plan.json --bars 9-16 --midi edited.mid --out song.mid[/dim]
    """
    outputs = [path for path in (out, plan_out) if path is not None]
    check_outputs(outputs, [path for path in (plan, midi) if path is not None])
    from amt.arrange import load_network
    from amt.midi import read_midi, write_midi
    from amt.plan import Rewrite, read_arrangement, read_plan, write_plan
    from amt.regenerate import parse_bars
    from amt.regenerate import regenerate as rewrite_bars

    chosen, arrangement = read_plan(plan), read_arrangement(plan)
    rewrite = Rewrite(*parse_bars(bars, len(chosen.grid.bars)), _seed(seed))
    edited = None if midi is None else read_midi(midi)
    network = load_network(arrangement, weights)
    with _progress(quiet) as show, staging(outputs) as stage:
        made = rewrite_bars(
            chosen, arrangement, rewrite, network, edited, lambda share: show("arranging", share)
        )
        write_midi(made.song, stage.path(out))
        if plan_out is not None:
            write_plan(chosen, stage.path(plan_out), made.arrangement)
    _summarise(chosen, made.arrangement, made.song, outputs, as_json=False, quiet=quiet)
    if plan_out is None and not quiet:
        _say(f"to keep these bars when you compose others anew, add --midi {out} then")


@app.command()
def render(
    midi: Annotated[Path, typer.Argument(help="A MIDI file, ours or any other.")],
    out: Annotated[Path, typer.Option(help="WAV or FLAC file to write.")],
    engine: Engine = EngineName.auto,
    soundfont: SoundFont = None,
    stems: Annotated[
        Path | None,
        typer.Option(
            help="Folder for one file a track (diffusion: a family).", rich_help_panel="Sound"
        ),
    ] = None,
    steps: Steps = None,
    guidance: Annotated[
        float | None,
        typer.Option(
            help="With diffusion: how far what the notes ask for is overstated, 1-10. [default: 1]",
            rich_help_panel="Sound",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="With diffusion of 2 steps or more: another seed, another take. [default: 0]",
            rich_help_panel="Sound",
        ),
    ] = None,
    renderer: Networks = None,
    unlearned: UnlearnedOption = None,
    quiet: Quiet = False,
) -> None:
    """Turn a MIDI file into sound at -14 LUFS.

    [dim]amt render song.mid --out song.wav --stems stems/[/dim]

    [dim]amt render song.mid --out song.wav --engine diffusion[/dim]
    """
    check_outputs([out], [midi])
    _check_suffixes([out])
    sound = _sound(
        engine, soundfont,
        steps=steps, guidance=guidance, seed=seed, networks=renderer, unlearned=unlearned,
    )  # fmt: skip
    with (
        _progress(quiet) as show,
        staging([out]) as stage,
        _record(midi, sound, out.parent, show, quiet, stems=stems is not None) as rendering,
    ):
        rendering.master.write(stage.path(out))
        if stems is not None:
            stems.mkdir(parents=True, exist_ok=True)
            for name, stem in rendering.stems.items():
                stem.write(stage.path((stems / name).with_suffix(out.suffix)))


Show = Callable[[str, float], None]


@contextlib.contextmanager
def _progress(quiet: bool) -> Iterator[Show]:
    """A bar a stage on stderr."""
    bars = Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=quiet,
    )
    tasks: dict[str, Any] = {}

    def show(name: str, share: float) -> None:
        if _interrupted.is_set():  # and whoever was at work when it came has swallowed it
            raise KeyboardInterrupt
        if name not in tasks:
            tasks[name] = bars.add_task(name, total=1.0)
        bars.update(tasks[name], completed=share)

    with bars:
        yield show


def _sound(engine: EngineName, soundfont: Path | None, **neural: object) -> RenderOptions:
    """What is asked of the renderer.

    Args:
        engine: what plays.
        soundfont: what it plays on.
        neural: fields of :class:`render.options.NeuralOptions`; None where they were not given.

    Raises:
        InputError: they were given and no network plays.
        RenderError: the network that plays cannot do so, which is better known before any work.
    """
    from render.options import NeuralOptions, RenderOptions

    given: dict[str, Any] = {name: value for name, value in neural.items() if value is not None}
    if given and engine is not EngineName.diffusion:
        option = {"networks": "renderer"}.get(name := next(iter(given)), name)
        raise InputError(
            f"--{option} was given, which only the engine diffusion knows: add --engine diffusion"
        )
    options = NeuralOptions(**given)
    if engine is EngineName.diffusion:
        from render.neural import check

        check(options)
    return RenderOptions(engine.value, soundfont, neural=options)


def _record(
    midi: Path, sound: RenderOptions, folder: Path, show: Show, quiet: bool, stems: bool = False
) -> AbstractContextManager[Rendering]:
    """Render to temporary files in a folder."""
    from render.engine import record

    return record(
        midi,
        sound,
        stems=stems,
        folder=folder,
        progress=lambda share: show("rendering", share),
        say=None if quiet else _say,
    )


def _write_sounds(
    record: Callable[[], AbstractContextManager[Rendering]],
    generated: Generated,
    video: Path,
    wav: Path | None,
    mp4: Path | None,
    keep_sound: float | None,
    report: Path | None,
    stage: Staging,
) -> str:
    """Render once for all outputs that hold sound.

    Where no sound can be made, the report alone is written without a player, and the reason is
    returned.
    """
    if wav is None and mp4 is None and report is None:
        return ""
    from render.errors import RenderError

    audio: Audio | None = None
    silence = ""
    try:
        with record() as rendering:
            if wav is not None:
                rendering.master.write(stage.path(wav))
            if mp4 is not None or report is not None:
                audio = rendering.master.audio()
    except RenderError as error:
        if wav is not None or mp4 is not None:
            raise
        silence = str(error)
    if mp4 is not None and audio is not None:
        from render.mux import mux

        mux(video, audio, stage.path(mp4), keep_original=keep_sound)
    if report is not None:
        _write_report(video, generated, audio, stage.path(report))
    return silence


def _write_report(video: Path, generated: Generated, audio: Audio | None, path: Path) -> None:
    from amt.report import Sound, write_report

    sound = None if audio is None else Sound(audio.samples, audio.sample_rate)
    write_report(path, video, generated.features, generated.plan, generated.song, sound)


def _check_suffixes(
    sounds: Iterable[Path | None],
    films: Iterable[Path | None] = (),
    pages: Iterable[Path | None] = (),
) -> None:
    """Refuse files of unknown kinds before any work is done."""
    for paths, known in (
        (sounds, SOUND_SUFFIXES),
        (films, FILM_SUFFIXES),
        (pages, PAGE_SUFFIXES),
    ):
        for path in paths:
            if path is not None and path.suffix.lower() not in known:
                raise InputError(f"output {path} has none of the suffixes {', '.join(known)}")


def _chosen(
    arrangement: Arrangement,
    arranger: ArrangerChoice | None,
    candidates: int | None,
    drums: bool | None,
    melody: bool | None,
) -> Arrangement:
    """An arrangement with what was asked for on the command line."""
    from dataclasses import replace

    from amt.plan import MAX_CANDIDATES

    if candidates is not None and not 1 <= candidates <= MAX_CANDIDATES:
        raise InputError(
            f"--candidates is {candidates}; expected a whole number from 1 to {MAX_CANDIDATES}"
        )
    asked = {
        "arranger": None if arranger is None else arranger.value,
        "candidates": candidates,
        "drums": drums,
        "melody": melody,
    }
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    return replace(arrangement, **given)


def _seed(seed: int) -> int:
    if not 0 <= seed < 2**63:
        raise InputError(f"--seed is {seed}; expected a whole number from 0 to 2^63 - 1")
    return seed


def _primer(text: str | None) -> tuple[Chord, ...]:
    return tuple(parse_chord(name) for name in (text or "").replace(",", " ").split())


def _summarise(
    plan: Plan,
    arrangement: Arrangement,
    song: Song,
    outputs: list[Path],
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    tempos = plan.grid.tempo_bpm
    summary = {
        "outputs": [str(path) for path in outputs],
        "duration_s": round(plan.grid.duration_s, 3),
        "key": plan.key.label,
        "tempo_bpm": [round(float(tempos.min()), 2), round(float(tempos.max()), 2)],
        "bars": len(plan.grid.bars),
        "chords": len(plan.chords),
        "notes": {track.name: len(track.notes) for track in song.tracks},
        "style": plan.style,
        "arranger": arrangement.arranger,
        "seed": plan.seed,
    }
    if as_json:
        sys.stdout.write(json.dumps(summary) + "\n")
    if not quiet:
        Console(stderr=True, highlight=False).print(
            f"{plan.key.label}, {tempos.min():.1f}-{tempos.max():.1f} BPM, {len(plan.grid.bars)} "
            f"bars, {sum(len(track.notes) for track in song.tracks)} notes in {len(song.tracks)} "
            f"tracks, {plan.grid.duration_s:.2f} s -> {', '.join(map(str, outputs))}",
            soft_wrap=True,
        )


def _say(text: str) -> None:
    sys.stderr.write(f"amt: {' '.join(text.split())}\n")


_interrupted = threading.Event()


def _on_interrupt(*_: object) -> None:
    _interrupted.set()
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line and exit with its code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _on_interrupt)
    state: dict[str, bool] = {}
    try:
        code = app(sys.argv[1:] or ["--help"], obj=state, standalone_mode=False) or 0
    except Exception as error:
        code = _failure(error, debug=state.get("debug", False))
    if code == INTERRUPTED:  # Typer turns KeyboardInterrupt into this code
        _say("interrupted; nothing was written")
    sys.exit(code)


def _failure(error: Exception, *, debug: bool) -> int:
    """Say what went wrong and choose the exit code."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, TyperException):  # the command line itself was wrong
        _say(error.format_message())
        return USAGE
    if isinstance(error, AmtError) or _is_render_error(error):
        _say(str(error))
        return USAGE
    _say(f"internal error ({type(error).__name__}: {error}); run amt --debug … for a traceback")
    return BUG


def _is_render_error(error: Exception) -> bool:
    if "render.errors" not in sys.modules:  # nothing of render ran, so nothing of it failed
        return False
    from render.errors import RenderError

    return isinstance(error, RenderError)
