"""The sustain pedal of data_prep beside note_seq's, on EMOPIA."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from amt.measure import tick_seconds
from amt.midi import read_midi
from amt.types import FloatArray, Song
from data_prep.chord_inference import infer_chords
from data_prep.sustain import sounding_notes
from experiments.common.optional import import_note_seq

END_TOLERANCE_S = 1e-3
"""Ends of notes that are further apart than this differ."""


def note_seq_sustained(song: Song) -> FloatArray:
    """Notes [n, 3] as :func:`data_prep.sustain.sounding_notes` has them, by note_seq's pedal."""
    note_seq = import_note_seq()
    sequence = note_seq.NoteSequence()
    for number, track in enumerate(song.tracks):
        if track.is_drum:
            continue
        for written in track.notes:
            start_s, end_s = tick_seconds(song, [written.start, written.end]).tolist()
            sequence.notes.add(
                start_time=start_s, end_time=end_s, pitch=written.pitch,
                velocity=written.velocity, instrument=number,
            )  # fmt: skip
        for control in track.controls:
            sequence.control_changes.add(
                time=float(tick_seconds(song, control.tick)), control_number=control.number,
                control_value=control.value, instrument=number,
            )  # fmt: skip
    held = note_seq.apply_sustain_control_changes(sequence)
    return np.array([(n.start_time, n.end_time, n.pitch) for n in held.notes]).reshape(-1, 3)


def sustain_report(paths: Sequence[Path], n_clips: int, seed: int) -> dict[str, Any]:
    """How far the two pedals differ over some clips.

    ``differing``: notes whose ends are more than :data:`END_TOLERANCE_S` apart; ``at_end``: those
    of them that the pedal still holds when the clip ends; ``only_ours``: notes that note_seq drops;
    ``chord_frames``: share of frames in which both pedals give the same chord.
    """
    chosen = np.random.default_rng(seed).permutation(len(paths))[:n_clips]
    counts = dict.fromkeys(("notes", "differing", "at_end", "only_ours"), 0)
    seconds = dict.fromkeys(("written", "ours", "theirs"), 0.0)
    same = frames = 0
    for index in sorted(chosen.tolist()):
        song = read_midi(paths[index])
        ours, theirs = sounding_notes(song), note_seq_sustained(song)
        if not len(ours):
            continue
        keys = {(round(start, 6), pitch): end for start, end, pitch in theirs.tolist()}
        ends = np.array([keys.get((round(s, 6), p), np.nan) for s, _, p in ours.tolist()])
        differs = np.abs(ends - ours[:, 1]) > END_TOLERANCE_S
        counts["notes"] += len(ours)
        counts["differing"] += int(differs.sum())
        counts["at_end"] += int((differs & (ends >= theirs[:, 1].max() - END_TOLERANCE_S)).sum())
        counts["only_ours"] += int(np.isnan(ends).sum())
        seconds["ours"] += float((ours[:, 1] - ours[:, 0]).sum())
        seconds["theirs"] += float((theirs[:, 1] - theirs[:, 0]).sum())
        seconds["written"] += _written_s(song)
        pair = [infer_chords(notes) for notes in (ours, theirs)]
        length = min(map(len, pair))
        same += int((pair[0][:length] == pair[1][:length]).sum())
        frames += length
    return {"clips": len(chosen), **counts, "seconds": seconds, "chord_frames": same / frames}


def _written_s(song: Song) -> float:
    """Sum of the lengths of all pitched notes without the pedal, in seconds."""
    return float(
        sum(
            np.diff(tick_seconds(song, [written.start, written.end]))[0]
            for track in song.tracks
            if not track.is_drum
            for written in track.notes
        )
    )
