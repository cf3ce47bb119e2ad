"""Whole pieces that the renderers are compared on: songs held out of training, and our own scores.

Songs are read from the corpora's MIDI files, with their own times, velocities and pedal, and end
after :data:`LONGEST_S`. Songs of POP909 have three voices, which play the piano together, or one
instrument each. Our own scores are made for drawn films by the arranger, in several styles.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import mido
import numpy as np

import amt
from data_prep.note_song import NoteSong
from experiments.common.corpora import EMOPIA, POP909
from experiments.common.reports import note as say
from experiments.music.films import scene_film
from experiments.shots.films import write
from render.diffusion.instruments import DRUM_PROGRAM, DRUMS, FAMILY_OF
from render.files.reporter import SILENT
from render.score import Note, Part, read_parts

LONGEST_S = 40.0
"""Seconds of a piece that are played from its first note on."""
RELEASE_S = 1.0
"""Seconds before the end at which all notes end, so that they can decay."""
DENSE = 7.0
"""Least notes a second of dense piano, counted over all held-out clips of EMOPIA (upper third)."""
UNSUPPORTED = "other"
"""Group of the instruments that are in no family of the neural renderer."""
STYLES = ("orchestral", "band", "lo-fi", "strings")
"""Of our own scores; two of them have drums."""
FIRST_FILM = 5000
"""Seed of the first drawn film."""

_VOICES = ("MELODY", "BRIDGE", "PIANO")
"""Tracks of a file of POP909."""
_TWO = {"MELODY": ((73, 71, 40, 56), 60), "PIANO": ((0, 24, 46), 70)}
_THREE = {
    "MELODY": ((73, 60, 40, 71), 48), "BRIDGE": ((48, 45, 11, 80), 80), "PIANO": ((0, 4, 25), 64),
}  # fmt: skip
"""Track -> General MIDI programs, of which one is drawn, and pan (CC 10); set by hand."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece as every engine gets it.

    Attributes:
        name: of the song and its instruments.
        group: what kind of piece it is, for tables.
        parts: one instrument each.
        duration_s: seconds that are measured.
    """

    name: str
    group: str
    parts: tuple[Part, ...]
    duration_s: float

    @property
    def families(self) -> tuple[str, ...]:
        """Family of each part; :data:`UNSUPPORTED` where it is in none."""
        return tuple(family_of(part) for part in self.parts)

    @property
    def pitched(self) -> tuple[Note, ...]:
        """What can be found in the sound: notes of all pitched parts, those in unison once."""
        return without_unisons(n for part in self.parts if not part.is_drum for n in part.notes)


def family_of(part: Part) -> str:
    """Family of instruments of a part, by its first program."""
    if part.is_drum:
        return DRUMS
    program = next((m.program for _, m in part.controls if m.type == "program_change"), 0)
    return FAMILY_OF[program].name if program in FAMILY_OF else UNSUPPORTED


def without_unisons(notes: Iterator[Note], within_s: float = 0.03) -> tuple[Note, ...]:
    """Notes in order; of those of one pitch that begin within ``within_s`` seconds, the first."""
    kept: list[Note] = []
    latest: dict[int, float] = {}
    for note in sorted(notes):
        if note.start_s - latest.get(note.pitch, -np.inf) > within_s:
            latest[note.pitch] = note.start_s
            kept.append(note)
    return tuple(kept)


def draw_pieces(
    held: Mapping[str, Sequence[NoteSong]], roots: Mapping[str, Path], each: int, seed: int,
    cache: Path | None,
) -> list[Piece]:  # fmt: skip
    """``each`` pieces of dense piano, piano, two and three instruments, and our own scores.

    Args:
        held: corpus -> songs held out of training.
        roots: corpus -> its folder.
        each: pieces of a kind; of our own scores there is one in each of :data:`STYLES`.
        seed: of the draw.
        cache: folder in which our own scores are kept; None makes them anew.
    """
    rng = np.random.default_rng([seed, 15])
    songs = [s.name.split("/")[-1] for s in held[POP909]]
    chosen = iter(rng.permutation(songs).tolist())
    pieces: list[Piece] = []
    if EMOPIA in roots:
        pieces += _dense_piano(rng, held[EMOPIA], roots[EMOPIA], each)
    for group, programs in (("piano", None), ("two", _TWO), ("three", _THREE)):
        for _ in range(each):
            name = next(chosen)
            path = roots[POP909] / name / f"{name}.mid"
            pieces.append(_pop_song(rng, path, group, programs))
    return [*pieces, *_scores(STYLES, cache)]


def cut(parts: Sequence[Part], duration_s: float) -> tuple[Part, ...]:
    """Parts from their first note on for some seconds, their last notes ended."""
    first = min(part.notes[0].start_s for part in parts) - 0.2
    found = []
    for part in parts:
        moved = part.shifted(-first)
        last_s = duration_s - RELEASE_S
        notes = tuple(
            replace(n, end_s=min(n.end_s, last_s)) for n in moved.notes if n.start_s < last_s - 0.3
        )
        controls = [e for e in moved.controls if e[0] < last_s]
        if any(message.is_cc(64) for _, message in controls):
            controls.append((last_s, mido.Message("control_change", control=64, value=0)))
        if notes:
            found.append(replace(moved, notes=notes, controls=tuple(controls)))
    return tuple(found)


def _dense_piano(
    rng: np.random.Generator, clips: Sequence[NoteSong], root: Path, count: int
) -> Iterator[Piece]:
    """Clips of EMOPIA with at least :data:`DENSE` notes a second."""
    for index in rng.permutation(len(clips)).tolist():
        name = clips[index].name.split("/")[-1]
        parts = cut(read_parts(root / f"{name}.mid", SILENT), LONGEST_S)
        seconds = min(max(part.end_s for part in parts) + RELEASE_S, LONGEST_S)
        if count and sum(len(part.notes) for part in parts) / seconds >= DENSE:
            count -= 1
            yield Piece(f"emopia/{name}", "dense piano", parts, seconds)


def _pop_song(
    rng: np.random.Generator, path: Path, group: str,
    programs: Mapping[str, tuple[tuple[int, ...], int]] | None,
) -> Piece:  # fmt: skip
    """A song of POP909 on the piano, or its voices on an instrument each."""
    tracks = {part.name: part for part in read_parts(path, SILENT)}
    tracks = {name: tracks[name] for name in _VOICES if name in tracks}
    if programs is None:
        played = [merged(list(tracks.values()), "piano")]
    elif "BRIDGE" not in programs:
        lower = merged([tracks[name] for name in tracks if name != "MELODY"], "PIANO")
        played = [tracks["MELODY"], lower]
    else:
        played = list(tracks.values())
    names = []
    for index, part in enumerate(played):
        drawn, pan = ((0,), 64) if programs is None else programs[part.name]
        program = int(rng.choice(drawn))
        names.append(str(program))
        played[index] = on_program(part, program, pan)
    parts = cut(played, LONGEST_S)
    return Piece(f"pop909/{path.stem}, programs {', '.join(names)}", group, parts, LONGEST_S)


def merged(parts: Sequence[Part], name: str) -> Part:
    """Parts on one instrument: a note ends where its pitch is struck again."""
    notes: list[Note] = []
    last: dict[int, int] = {}
    for note in without_unisons(note for part in parts for note in part.notes):
        if note.pitch in last:
            before = notes[last[note.pitch]]
            notes[last[note.pitch]] = replace(before, end_s=min(before.end_s, note.start_s))
        last[note.pitch] = len(notes)
        notes.append(note)
    controls = tuple(e for part in parts for e in part.controls if e[1].type == "program_change")
    return Part(name, False, tuple(sorted(notes)), controls[:1])


def on_program(part: Part, program: int, pan: int = 64) -> Part:
    """The part on another instrument at another place, its pitches by octaves in range."""
    family = FAMILY_OF[program]
    controls = (
        (0.0, mido.Message("program_change", program=0 if program == DRUM_PROGRAM else program)),
        (0.0, mido.Message("control_change", control=10, value=pan)),
    )
    up = -(-max(family.lowest - min(n.pitch for n in part.notes), 0) // 12)
    down = -(-max(max(n.pitch for n in part.notes) - family.highest, 0) // 12)
    notes = [replace(n, pitch=n.pitch + 12 * (up or -down)) for n in part.notes]
    inside = tuple(n for n in notes if family.lowest <= n.pitch <= family.highest)
    return replace(part, notes=inside, controls=controls)


def _scores(styles: Sequence[str], cache: Path | None) -> Iterator[Piece]:
    """Our own scores of drawn films, one in each style."""
    for number, style in enumerate(styles, FIRST_FILM):
        with tempfile.TemporaryDirectory() as folder:
            midi = Path(folder) / f"score-{style}-{number}.mid"
            kept = cache / midi.name if cache else midi
            if not kept.is_file():
                say(f"scoring a drawn film, {style}")
                clip = Path(folder) / "film.mp4"
                write(scene_film(number)[0], clip)
                made = amt.generate(clip, seed=number, style=style, backend="analytic")
                made.write_midi(midi)
                if cache:
                    cache.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(midi, kept)
            parts = cut(read_parts(kept, SILENT), LONGEST_S)
        seconds = min(max(part.end_s for part in parts) + RELEASE_S, LONGEST_S)
        yield Piece(f"our score, {style}", f"ours, {style}", parts, seconds)
