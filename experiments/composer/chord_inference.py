"""Chord inference and sustain of data_prep beside note_seq's, on POP909 and EMOPIA.

    python -m experiments.evaluate chord-inference --pop909 POP909 --emopia EMOPIA/midis --seed 0

Chords: the notes of songs of POP909 (all tracks, no beats given) are labelled by
:func:`data_prep.chord_inference.infer_chords` and by ``note_seq.chord_inference`` and compared with
the published labels of the recording (``chord_audio.txt``), by time, as ``mir_eval.chord`` compares
them. note_seq needs beats; a beat every :data:`BEAT_S` seconds is given to it, which serves EMOPIA,
or those of ``beat_midi.txt``, which EMOPIA does not have. Its settings are its defaults and the
best of :data:`SETTINGS` on songs that are not compared.

Sustain: the note ends of clips of EMOPIA by :func:`data_prep.sustain.sounding_notes` and by
``note_seq.apply_sustain_control_changes``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from amt.chords import chord_from_id
from amt.midi import read_midi
from amt.types import FloatArray
from data_prep.chord_inference import FRAME_S, infer_chords
from data_prep.corpus import CorpusError
from data_prep.emopia_notes import chords_on_beats
from data_prep.pop909 import nearest_chord, read_rows
from data_prep.sustain import sounding_notes
from experiments.common.bootstrap import mean_and_interval
from experiments.common.optional import import_mir_eval, import_note_seq
from experiments.common.reports import note, run_evaluation
from experiments.common.tables import markdown, number, with_interval
from experiments.composer.sustain import sustain_report

BEAT_S = 0.5
"""Seconds between the beats that note_seq is given where none are known (120 BPM)."""
SCORES = ("root", "majmin", "sevenths", "tetrads")
"""Comparisons of ``mir_eval.chord``: roots; roots with major or minor; the same with sevenths;
all qualities. Time whose label a comparison does not cover does not count in it."""
_VELOCITY = 80


class Settings(NamedTuple):
    """Of note_seq's inference; these are its defaults."""

    chord_change_prob: float = 0.5
    chord_note_concentration: float = 100.0


SETTINGS = tuple(Settings(*pair) for pair in product((0.5, 0.2, 0.05), (100.0, 30.0, 10.0)))
"""From which the best is chosen."""


class LabelledSong(NamedTuple):
    """A song of POP909."""

    name: str
    notes: FloatArray
    """[n, 3] start and end in seconds and pitch, as the pedal holds them."""
    intervals: FloatArray
    """[m, 2] start and end in seconds of the published labels."""
    labels: list[str]
    """[m] in the vocabulary of :mod:`amt.chords`."""
    beats_s: FloatArray
    """[b] published beats."""
    midi_labels: tuple[FloatArray, list[str]]
    """Intervals and labels of ``chord_midi.txt``, which a rule made from the MIDI."""


Inference = Callable[[LabelledSong], tuple[FloatArray, list[str]]]
"""A song -> start and end of each chord [k, 2] in seconds, and the chords' labels."""


# --- inference --------------------------------------------------------------------------------


def by_frames(song: LabelledSong) -> tuple[FloatArray, list[str]]:
    """Chords by :func:`data_prep.chord_inference.infer_chords`."""
    ids = infer_chords(song.notes)
    starts = np.flatnonzero(np.diff(ids, prepend=-1))
    edges = FRAME_S * np.append(starts, len(ids))
    labels = [chord_from_id(int(index)).label for index in ids[starts]]
    return np.stack([edges[:-1], edges[1:]], axis=1), labels


def by_beats(song: LabelledSong) -> tuple[FloatArray, list[str]]:
    """The same on the clock of the published beats, as EMOPIA is read as notes."""
    end_s = max(float(song.notes[:, 1].max()), float(song.beats_s[-1]) + BEAT_S)
    edges = np.unique([0.0, *song.beats_s, end_s])
    ids = chords_on_beats(song.notes, edges)
    intervals = np.stack([edges[:-1], edges[1:]], axis=1)
    return intervals, [chord_from_id(int(index)).label for index in ids]


def by_note_seq(settings: Settings, *, beats_known: bool = False) -> Inference:
    """Chords by ``note_seq.chord_inference``, one on each beat.

    Args:
        settings: of the inference.
        beats_known: whether it is given the published beats instead of a beat every
            :data:`BEAT_S` seconds.
    """

    def infer(song: LabelledSong) -> tuple[FloatArray, list[str]]:
        note_seq = import_note_seq()
        sequence = sequence_of(song.notes)
        beats_s = song.beats_s if beats_known else np.arange(BEAT_S, sequence.total_time, BEAT_S)
        for time_s in beats_s:
            annotation = sequence.text_annotations.add()
            annotation.time = time_s
            annotation.annotation_type = note_seq.NoteSequence.TextAnnotation.BEAT
        note_seq.chord_inference.infer_chords_for_sequence(sequence, **settings._asdict())
        kind = note_seq.NoteSequence.TextAnnotation.CHORD_SYMBOL
        chords = [a for a in sequence.text_annotations if a.annotation_type == kind]
        edges = np.array([*(a.time for a in chords), sequence.total_time])
        labels = ["N" if a.text == "N.C." else harte(a.text) for a in chords]
        return np.stack([edges[:-1], edges[1:]], axis=1), labels

    return infer


def harte(figure: str) -> str:
    """A chord symbol of note_seq in Harte's syntax.

    >>> harte("C#m7b5"), harte("F+"), harte("Bb")
    ('C#:hdim7', 'F:aug', 'Bb')
    """
    root = figure[: 2 if figure[1:2] in ("#", "b") else 1]
    kinds = {
        "m": "min", "+": "aug", "dim": "dim", "7": "7", "maj7": "maj7", "m7": "min7",
        "m7b5": "hdim7",
    }  # fmt: skip
    kind = figure[len(root) :]
    return f"{root}:{kinds[kind]}" if kind else root


def sequence_of(notes: FloatArray) -> Any:  # noqa: ANN401 - a library without types
    """A NoteSequence of notes [n, 3]: start and end in seconds, and pitch."""
    sequence = import_note_seq().NoteSequence()
    for start_s, end_s, pitch in notes.tolist():
        sequence.notes.add(start_time=start_s, end_time=end_s, pitch=int(pitch), velocity=_VELOCITY)
    sequence.total_time = float(notes[:, 1].max())
    return sequence


# --- chords of POP909 -------------------------------------------------------------------------


def read_labelled(folder: Path) -> LabelledSong:
    """Read a song of POP909 with its chord labels and beats.

    Raises:
        CorpusError: a file is missing or broken.
        MidiError: the MIDI file is none.
    """
    intervals, labels = _read_labels(folder / "chord_audio.txt")
    try:
        beats_s = np.loadtxt(folder / "beat_midi.txt", ndmin=2)[:, 0]
    except (OSError, ValueError) as error:
        raise CorpusError(f"{folder / 'beat_midi.txt'} is missing or no table of beats") from error
    return LabelledSong(
        folder.name,
        sounding_notes(read_midi(folder / f"{folder.name}.mid")),
        intervals,
        labels,
        beats_s,
        _read_labels(folder / "chord_midi.txt"),
    )


def _read_labels(path: Path) -> tuple[FloatArray, list[str]]:
    """Start and end in seconds [m, 2] of the labels of a file, and the labels."""
    rows = read_rows(path)
    labels = [nearest_chord(label).label for _, _, label in rows]
    return np.array([(start, end) for start, end, _ in rows]), labels


def agreement(song: LabelledSong, infer: Inference) -> dict[str, float]:
    """Share of the labelled time in which the inferred chord agrees, for each of :data:`SCORES`.

    NaN where a comparison covers none of the labels.
    """
    chord = import_mir_eval().chord
    found, labels = infer(song)
    scores = chord.evaluate(song.intervals, song.labels, found, labels)
    return {name: float(scores[name]) for name in SCORES}


def best_settings(songs: Sequence[LabelledSong]) -> Settings:
    """The settings of note_seq whose roots agree best on average, a beat every half second."""

    def root(settings: Settings) -> float:
        infer = by_note_seq(settings)
        return float(np.mean([agreement(song, infer)["root"] for song in songs]))

    return max(SETTINGS, key=root)


def chord_report(
    folders: Sequence[Path], n_songs: int, n_tuning: int, n_resamples: int, seed: int
) -> dict[str, Any]:
    """Mean agreement over songs by method and score.

    Args:
        folders: of POP909's songs.
        n_songs: that are compared.
        n_tuning: other songs, on which note_seq's settings are chosen.
        n_resamples: of the bootstrap over songs.
        seed: of the choice of songs and of the bootstrap.
    """
    order = np.random.default_rng(seed).permutation(len(folders))
    chosen = [read_labelled(folders[i]) for i in order[: n_songs + n_tuning]]
    songs, tuning = chosen[:n_songs], chosen[n_songs:]
    best = best_settings(tuning) if tuning else Settings()
    note(f"note_seq is set to {best}")
    methods: dict[str, Inference] = {
        "POP909's labels of the MIDI": lambda song: song.midi_labels,
        "data_prep, frames of 0.25 s": by_frames,
        "data_prep, published beats": by_beats,
        "note_seq, defaults, beats of 0.5 s": by_note_seq(Settings()),
        "note_seq, best settings, beats of 0.5 s": by_note_seq(best),
        "note_seq, best settings, published beats": by_note_seq(best, beats_known=True),
    }
    report: dict[str, Any] = {
        "songs": [song.name for song in songs],
        "tuning": [song.name for song in tuning],
        "settings": best._asdict(),
        "agreement": {},
    }
    for name, infer in methods.items():
        scores = [agreement(song, infer) for song in songs]
        report["agreement"][name] = {
            score: mean_and_interval([row[score] for row in scores], n_resamples, seed)
            for score in SCORES
        }
        note(f"{name}: {len(songs)} songs")
    return report


# --- report -----------------------------------------------------------------------------------


def evaluate_chord_inference(args: argparse.Namespace) -> dict[str, Any]:
    """Chords of POP909 and sustain of EMOPIA, where the corpora are given."""
    import_note_seq()
    import_mir_eval()
    report: dict[str, Any] = {"seed": args.seed}
    if args.pop909:
        folders = sorted(path for path in args.pop909.glob("[0-9][0-9][0-9]") if path.is_dir())
        if not folders:
            raise CorpusError(f"no song of POP909 under {args.pop909}: expected folders 001, 002 …")
        report["chords"] = chord_report(
            folders, args.songs, args.tuning_songs, args.bootstrap, args.seed
        )
    if args.emopia:
        paths = sorted(args.emopia.glob("Q*.mid"))
        if not paths:
            raise CorpusError(f"no clip of EMOPIA under {args.emopia}: expected Q1_SONG_0.mid, …")
        report["sustain"] = sustain_report(paths, args.clips, args.seed)
    return report


def text_of(report: Mapping[str, Any]) -> str:
    """The report as Markdown tables."""
    parts = []
    if "chords" in report:
        chords = report["chords"]
        rows = [
            [name, *(with_interval(row[s]["figure"], row[s]["interval"]) for s in SCORES)]
            for name, row in chords["agreement"].items()
        ]
        settings = ", ".join(f"{name} {value:g}" for name, value in chords["settings"].items())
        parts += [
            f"Agreement with the labels of {len(chords['songs'])} songs of POP909, seed "
            f"{report['seed']}; note_seq's best settings on {len(chords['tuning'])} others: "
            f"{settings}.",
            markdown(["", *SCORES], rows),
        ]
    if "sustain" in report:
        found = report["sustain"]
        header = ["notes", "differing ends", "held at the end", "dropped", "sounding s, written",
                  "data_prep", "note_seq", "same chord"]  # fmt: skip
        row = [
            *(str(found[name]) for name in ("notes", "differing", "at_end", "only_ours")),
            *(number(found["seconds"][name], 0) for name in ("written", "ours", "theirs")),
            number(found["chord_frames"]),
        ]
        parts += [f"Sustain of {found['clips']} clips of EMOPIA.", markdown(header, [row])]
    return "\n\n".join(parts)


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="evaluate chord-inference", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--pop909", type=Path, help="folder of 001, 002, …; no chords without")
    parser.add_argument(
        "--emopia", type=Path, help="folder of Q1_SONG_0.mid, …; no sustain without"
    )
    parser.add_argument("--songs", type=int, default=40, help="of POP909 that are compared (40)")
    parser.add_argument(
        "--tuning-songs", type=int, default=8,
        help="others, on which note_seq's settings are chosen; 0: the defaults (8)",
    )  # fmt: skip
    parser.add_argument("--clips", type=int, default=200, help="of EMOPIA (200)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of songs and clips")
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples (1000)")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    args = parser.parse_args(argv)
    if args.pop909 is None and args.emopia is None:
        parser.error("give --pop909, --emopia or both")
    run_evaluation(parser, args, evaluate_chord_inference, text_of)


if __name__ == "__main__":
    main()
