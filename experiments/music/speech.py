"""Is speech in a clip's own sound found, and does the music make room for it?

    python -m experiments.evaluate speech CLIPS --films 4 --soundfont TimGM6mb.sf2

Drawn films get a drawn voice (:mod:`experiments.music.voice`) at known times: of its seconds the
share that is found, and of what is found the share that is right. Then every clip in which
somebody speaks is scored twice, with and without room for speech, and the two are compared inside
and outside the speech: notes a second, notes of the melody a second, and level. Last, the loudness
of the speech over the music in a film that keeps the clip's sound, without and with the duck.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

import amt
from amt.arrange.dynamics import decibels
from amt.compose.speech import spoken_share
from amt.features.speech import speech_spans
from amt.measure import measured_loudness
from amt.regenerate.new_bars import roles_of
from amt.types import TICKS_PER_BEAT, FloatArray, Plan, Song, TimeSpan
from experiments.common.reports import note, write_json
from experiments.common.tables import markdown, number
from experiments.music.evaluate import clips_of
from experiments.music.voice import narration
from experiments.shots.films import cut_film, write
from render.audio.loudness import measure_loudness
from render.audio.true_peak import true_peak
from render.engine import render_to_disk
from render.film.duck import Duck, ducked, lufs_inside, needed_depth_db, placed
from render.film.sound import SAMPLE_RATE, own_sound, soundtrack
from render.film.source import Source
from render.options import RenderOptions

FILM_LUFS = (-14.0, -16.0, -23.0, -24.0)
"""Loudnesses at which films are delivered."""
FIRST_FILM = 4000
"""Seed of the first drawn film; no constant was set on these."""
VOICE_RATE = 48_000
SPOKEN_S = ((1.0, 4.0), (7.0, 10.5))
"""When the drawn voice speaks."""
STEP_S = 0.05
"""Seconds of the raster on which drawn and found speech are compared."""


@dataclass(frozen=True, slots=True)
class Found:
    """A clip and when somebody speaks in it."""

    clip: Path
    spans: tuple[TimeSpan, ...]


def narrated_film(seed: int, path: Path) -> None:
    """A drawn film with a drawn voice, as MP4."""
    silent = path.with_suffix(".silent.mp4")
    film = cut_film(seed)
    write(film, silent)
    sound = narration(film.end_s, SPOKEN_S, VOICE_RATE, seed)
    with av.open(str(silent)) as video, av.open(str(path), "w") as out:
        copy = out.add_stream_from_template(video.streams.video[0])
        voice = out.add_stream("aac", rate=VOICE_RATE, layout="mono")
        for packet in video.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                out.mux(packet)
        samples = sound.astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = VOICE_RATE, Fraction(1, VOICE_RATE), 0
        out.mux(voice.encode(frame))
        out.mux(voice.encode(None))


def recall_and_precision(
    found: Sequence[TimeSpan], drawn: Sequence[TimeSpan], end_s: float
) -> tuple[float, float]:
    """Share of drawn speech that is found, and of found speech that was drawn, by time."""
    edges = np.arange(0, end_s, STEP_S)
    here, there = (spoken_share(spans, edges) for spans in (found, drawn))
    both = np.minimum(here, there).sum()
    return float(both / max(there.sum(), 1e-9)), float(both / max(here.sum(), 1e-9))


def room(spans: Sequence[TimeSpan], plan: Plan, song: Song) -> dict[str, float]:
    """Notes and melody notes a second, and level in dB, inside speech and outside it."""
    seconds = len(plan.loudness)
    share = spoken_share(spans, np.arange(seconds + 1, dtype=np.float64))
    inside, outside = share >= 0.5, share == 0
    outside &= np.arange(seconds) < plan.grid.duration_s - 2  # the final chord is like none other
    level = decibels(measured_loudness(song))[:seconds]
    name = roles_of(plan, song).get("melody")
    melody = [track for track in song.tracks if track.name == name]
    every = notes_a_second([n.start for t in song.tracks for n in t.notes], plan, seconds)
    lead = notes_a_second([n.start for t in melody for n in t.notes], plan, seconds)
    return {
        f"{name} {place}": float(curve[where].mean()) if where.any() else math.nan
        for name, curve in (("notes/s", every), ("melody/s", lead), ("level dB", level))
        for place, where in (("in", inside), ("out", outside))
    }


def notes_a_second(ticks: Sequence[int], plan: Plan, seconds: int) -> FloatArray:
    """[S] how many of some onsets lie in each second."""
    times_s = plan.grid.seconds_at(np.array(ticks) / TICKS_PER_BEAT)
    return np.histogram(times_s, np.arange(seconds + 1))[0].astype(np.float64)


def clearance(clip: Path, made: amt.Soundtrack, soundfont: Path | None) -> dict[str, float]:
    """LU of speech over music in a film that keeps the clip's sound at 0 dB, and the duck's dB."""
    spans = tuple((span.start_s, span.end_s) for span in made.plan.speech)
    source = Source(clip)
    frames = round(source.end * source.time_base * SAMPLE_RATE)
    with tempfile.TemporaryDirectory() as folder:
        midi = Path(folder) / "song.mid"
        made.write_midi(midi)
        with render_to_disk(midi, RenderOptions(soundfont=soundfont)) as rendering:
            sound = rendering.master
            depth_db = needed_depth_db(
                soundtrack(sound, frames), own_sound(source.sounds()), SAMPLE_RATE, spans, 0.0
            )
            speech = lufs_inside(own_sound(source.sounds()), SAMPLE_RATE, spans)

            def over(duck: Duck) -> float:
                music = ducked(soundtrack(sound, frames), SAMPLE_RATE, duck)
                return speech - lufs_inside(placed(music), SAMPLE_RATE, spans)

            return {
                "LU before": over(Duck(spans, 0.0)),
                "LU after": over(Duck(spans, depth_db)),
                "duck dB": depth_db,
            } | delivered(clip, made, soundfont, Path(folder))


def delivered(
    clip: Path, made: amt.Soundtrack, soundfont: Path | None, folder: Path
) -> dict[str, float]:
    """Loudness and true peak of films that keep the clip's sound, as a player decodes them."""
    found: dict[str, float] = {}
    for lufs in FILM_LUFS:
        film = folder / f"film{lufs:g}.mp4"
        made.mux(film, keep_sound=0.0, loudness_lufs=lufs, soundfont=soundfont)
        blocks = [piece for _, piece in own_sound(Source(film).sounds())]
        found[f"LUFS of {lufs:g}"] = measure_loudness(blocks, SAMPLE_RATE).integrated_lufs
        found[f"dBTP at {lufs:g}"] = 20 * math.log10(max(true_peak(blocks), 1e-9))
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    args = _parser().parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        drawn = [Path(folder) / f"narrated-{i}.mp4" for i in range(args.films)]
        for seed, path in enumerate(drawn, FIRST_FILM):
            narrated_film(seed, path)
        spoken = tuple(TimeSpan(*span) for span in SPOKEN_S)
        shares = [recall_and_precision(speech_spans(path), spoken, 60.0) for path in drawn]
        recall, precision = (float(np.mean(column)) for column in zip(*shares, strict=True))
        print(f"drawn speech: recall {recall:.3f}, precision {precision:.3f}\n")
        clips = [*(clips_of(args.clips) if args.clips else []), *drawn]
        found = [Found(clip, speech_spans(clip)) for clip in clips]
        silent = [item.clip.name for item in found if not item.spans]
        print(f"no speech in: {', '.join(silent) or '-'}\n")
        rows = [_row(item, args) for item in found if item.spans]
    header = ["clip", *rows[0]]
    cells = [[item.clip.stem, *(number(value, 2) for value in row.values())]
             for item, row in zip([f for f in found if f.spans], rows, strict=True)]  # fmt: skip
    print(markdown(header, cells))
    if args.json is not None:
        write_json({"recall": recall, "precision": precision, "rows": rows}, args.json)


def _row(item: Found, args: argparse.Namespace) -> dict[str, float]:
    """One clip: with room, the same without, and the film."""
    with_room, without = (
        amt.generate(item.clip, seed=args.seed, style=args.style, backend="analytic", speech=mode)
        for mode in ("on", "off")
    )
    before = room(item.spans, without.plan, without.song)
    after = room(item.spans, with_room.plan, with_room.song)
    note(f"{item.clip.name}: scored")
    both = {
        f"{name} {when}": values[name]
        for name in after
        for when, values in (("before", before), ("after", after))
    }
    return both | clearance(item.clip, with_room, args.soundfont)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evaluate speech", description="Music under speech.")
    parser.add_argument("clips", type=Path, nargs="?", help="folder; drawn films alone if left out")
    parser.add_argument("--films", type=int, default=4, help="drawn films with a voice (4)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--style", default="orchestral")
    parser.add_argument("--soundfont", type=Path, help="for the film's loudness")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser
