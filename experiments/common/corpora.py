"""POP909 and EMOPIA as notes, split by song."""

from __future__ import annotations

from pathlib import Path

from data_prep.corpus import split_by_song
from data_prep.emopia import song_names
from data_prep.emopia_notes import load_clips_as_notes
from data_prep.note_song import NoteSong
from data_prep.pop909_notes import load_songs
from experiments.common.training import report

POP909, EMOPIA = "pop909", "emopia"
"""Names of the corpora."""


def note_corpora(
    pop909: Path, emopia: Path | None, cache: Path | None
) -> tuple[dict[str, list[NoteSong]], dict[str, list[NoteSong]]]:
    """Songs by corpus, for training and held out; no song stands on both sides.

    Args:
        pop909: folder of songs.
        emopia: folder of MIDI files; None leaves the corpus out.
        cache: folder for compact copies.
    """
    training, held = {}, {}
    songs = load_songs(pop909, report=report, cache=cache)
    training[POP909], held[POP909] = split_by_song(songs)
    if emopia is not None:
        clips = load_clips_as_notes(emopia, report=report, cache=cache)
        training[EMOPIA], held[EMOPIA] = split_by_song(clips, songs=song_names(emopia))
    return training, held
