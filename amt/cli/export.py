"""``amt export``: from a MIDI file to a session or a score."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from amt.cli.app import app
from amt.cli.files import check_suffix, consent, refuse_idle, staged
from amt.cli.inputs import check_input
from amt.cli.options import RunOptions
from amt.cli.progress import reporting
from amt.cli.signature import GivenFields, expanded
from amt.cli.sound import check_player, record, refuse_idle_sound, render_options
from amt.cli.targets import TEXT_SESSION, written_stems
from amt.errors import InputError, shown
from amt.outputs import EXPORT_SUFFIXES, is_score
from render.options import NeuralOptions, RenderOptions

if TYPE_CHECKING:
    from amt.sessions import Session

OutFile = Annotated[
    Path,
    typer.Option(
        help="File to write: a session (.dawproject, .rpp) or a score (.musicxml, .mxl; .zip also "
        "holds the parts)."
    ),
]
VideoFile = Annotated[Path | None, typer.Option(help="The clip, for the video track of a session.")]
StemFolder = Annotated[
    Path | None, typer.Option(help="Folder with stems, for the audio tracks of a session.")
]
Rendered = Annotated[bool, typer.Option("--render", help="Render the stems of a session first.")]
PlanFile = Annotated[
    Path | None,
    typer.Option(help="The plan of the piece, which names its sections, key and chords."),
]


@app.command()
@expanded
def export(
    *,
    midi: Annotated[Path, typer.Argument(help="A MIDI file, ours or any other.")],
    out: OutFile,
    video: VideoFile = None,
    stems: StemFolder = None,
    render: Rendered = False,
    plan: PlanFile = None,
    playing: RenderOptions,
    neural: NeuralOptions,
    run: RunOptions,
    given: GivenFields,
) -> None:
    """Write a piece as a session of a DAW or as a score.

    A DAWproject (Bitwig Studio, Studio One, Cubase) holds the clip and the stems; a Reaper project
    names them where they lie, and rendered stems go to a folder beside it. A score (MusicXML) is
    quantised, with chord symbols, rehearsal marks and dynamics.

    [dim]amt export song.mid --out song.dawproject --video clip.mp4 --render[/dim]

    [dim]amt export song.mid --out song.rpp --video clip.mp4 --stems stems/[/dim]

    [dim]amt export song.mid --out score.mxl[/dim]
    """
    check_suffix("--out", out, EXPORT_SUFFIXES)
    _refuse_idle(out, video, stems, render=render)
    refuse_idle_sound(playing, neural, given, silent=not render, needs="--render")
    _check_inputs(midi, video, plan)
    with reporting(run.quiet):
        sound = render_options(playing, neural)
        names = _stem_names(midi, sound) if render else ()
    folder = (
        out.with_name(f"{out.stem} stems") if out.suffix.lower() == TEXT_SESSION and names else None
    )
    outputs = [out, *(folder / name for name in names if folder is not None)]
    inputs = [midi, video, stems, plan, playing.soundfont, neural.networks]
    replaceable = consent(outputs, inputs, force=run.force, quiet=run.quiet, folder=folder)
    with reporting(run.quiet) as reporter:
        from amt.plan import read_plan
        from amt.sessions import read_song, session_of, stems_in, write_session

        song = read_song(midi, reporter)
        chosen = None if plan is None else read_plan(plan, reporter)
        ready = () if stems is None else stems_in(stems)
        session = session_of(song, chosen, video, ready)
        with staged(outputs, replaceable, folder) as stage, ExitStack() as open_files:
            if render:
                rendering = open_files.enter_context(
                    record(midi, sound, out.parent, reporter, stems=True)
                )
                temporary = Path(open_files.enter_context(TemporaryDirectory(dir=out.parent)))
                session = replace(session, stems=written_stems(rendering, folder, stage, temporary))
            write_session(session, stage.path(out), out)
    reporter.message(_summary(session, out))
    if render:
        reporter.message(f"played by {rendering.instrument}")


def _check_inputs(midi: Path, video: Path | None, plan: Path | None) -> None:
    """Refuse inputs that cannot be read, by their names and whether they are there.

    Raises:
        InputError: one is; the message says which.
    """
    for path, kind in ((midi, "MIDI"), (video, "video"), (plan, "plan")):
        if path is not None:
            check_input(path, kind)
    if video is not None and str(video) == "-":
        raise InputError("--video is -, but a session names a file: give its path")


def _refuse_idle(out: Path, video: Path | None, stems: Path | None, *, render: bool) -> None:
    """Refuse options that cannot matter to the kind of output.

    Raises:
        InputError: one was given; the message says why.
    """
    if stems is not None and render:
        raise InputError("--stems and --render are both given: take the stems of one")
    needs = "needs a session: a score holds neither picture nor sound"
    score = is_score(out)
    refuse_idle(
        [
            (score and video is not None, "--video", needs),
            (score and stems is not None, "--stems", needs),
            (score and render, "--render", needs),
        ]
    )


def _stem_names(midi: Path, sound: RenderOptions) -> tuple[str, ...]:
    """Names of the files that are going to be rendered, after a check that they can be."""
    from render.engine import stem_names

    check_player(sound)
    return tuple(stem_names(midi, sound))


def _summary(session: Session, out: Path) -> str:
    song = session.song
    notes = sum(len(track.notes) for track in song.tracks)
    parts = [f"{notes} notes in {len(song.tracks)} tracks"]
    if session.stems:
        parts.append(f"{len(session.stems)} stems")
    if session.video is not None:
        parts.append(f"the clip {shown(session.video.path.name)}")
    return f"{', '.join(parts)} -> {out}"
