"""Song → session of an audio workstation (DAWproject, Reaper) or score, by the file's suffix."""

from amt.sessions.dawproject import write_dawproject
from amt.sessions.reading import read_song
from amt.sessions.reaper import reaper_project
from amt.sessions.session import (
    Media,
    Session,
    TempoMap,
    session_of,
    stem_media,
    stems_in,
)
from amt.sessions.writing import write_session

__all__ = [
    "Media",
    "Session",
    "TempoMap",
    "read_song",
    "reaper_project",
    "session_of",
    "stem_media",
    "stems_in",
    "write_dawproject",
    "write_session",
]
