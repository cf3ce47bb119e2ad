"""MIDI file → song, and a sentence on what of the file a song does not hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from amt.errors import MidiError, shown
from amt.midi import read_midi
from amt.reporter import DEFAULT_REPORTER, SILENT, Reporter
from amt.types import Song
from render.files.smf import SmfError, SmfFile, read_smf

_KINDS = {
    "aftertouch": "channel pressure",
    "polytouch": "key pressure",
    "sysex": "system exclusive message",
    "lyrics": "lyric",
}
"""Messages that a song does not hold, and what they are called."""


def read_song(path: Path, reporter: Reporter = DEFAULT_REPORTER) -> Song:
    """Read a MIDI file from any source.

    Args:
        path: of the file.
        reporter: gets one sentence on what of the file is left out.

    Raises:
        MidiError: the file cannot be read, is no MIDI file, or holds no notes.
    """
    song = read_midi(path, reporter)
    if not any(track.notes for track in song.tracks):
        raise MidiError(f"{shown(path)} holds no notes: choose a MIDI file with music in it")
    try:
        left_out = _left_out(read_smf(path, SILENT))
    except SmfError as error:
        raise MidiError(str(error)) from error
    if left_out:
        reporter.message(f"{path.name}: left out {', '.join(left_out)}")
    return song


def _left_out(smf: SmfFile) -> list[str]:
    """Counts of what a song does not hold, such as ``3 pitch bends``."""
    counts: Counter[str] = Counter()
    for track in smf.tracks:
        counts.update(_KINDS[m.type] for _, m in track if m.type in _KINDS)
        counts["later program change"] += _later_programs(m for _, m in track)
    return [f"{n} {what}{'' if n == 1 else 's'}" for what, n in sorted(counts.items()) if n]


def _later_programs(messages: Iterable[Any]) -> int:
    """Program changes behind the first of their channel that select another program."""
    programs: dict[int, list[int]] = defaultdict(list)
    for message in messages:
        if message.type == "program_change":
            programs[message.channel].append(message.program)
    return sum(
        sum(program != before for before, program in pairwise(all_)) for all_ in programs.values()
    )
