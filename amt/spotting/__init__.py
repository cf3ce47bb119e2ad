"""Spotting: what happens in a clip and when, what the music is to do there, and what it does.

A *cue* is a moment of a clip, and a *cue sheet* is a list of them with timecode. ``amt spot`` finds
the cues of a clip; ``amt generate --spots`` reads a sheet that a composer or an editor has written.
Both use the same formats (:mod:`amt.spotting.files`): CSV, JSON, EDL (CMX 3600) and
OpenTimelineIO; markers of a MIDI file are read as well.
"""

from amt.spotting.clip import clip_clock
from amt.spotting.cues import Cue, CueSheet
from amt.spotting.detect import spot_clip
from amt.spotting.files import CUE_SUFFIXES, SPOTS_SUFFIXES, read_cues, write_cues
from amt.spotting.missed import held_sentences
from amt.spotting.music import with_music
from amt.spotting.requests import SpotRequests, Spots, read_spots, requests_of
from amt.spotting.table import cue_table

__all__ = [
    "CUE_SUFFIXES",
    "SPOTS_SUFFIXES",
    "Cue",
    "CueSheet",
    "SpotRequests",
    "Spots",
    "clip_clock",
    "cue_table",
    "held_sentences",
    "read_cues",
    "read_spots",
    "requests_of",
    "spot_clip",
    "with_music",
    "write_cues",
]
