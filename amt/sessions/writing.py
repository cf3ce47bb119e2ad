"""Session → file, by the suffix of its name: a session of a workstation, or a score."""

from __future__ import annotations

from pathlib import Path

from amt.notation import write_score
from amt.outputs import is_score
from amt.sessions.dawproject import write_dawproject
from amt.sessions.reaper import reaper_project
from amt.sessions.session import Session


def write_session(session: Session, target: Path, final: Path | None = None) -> None:
    """Write a session in the format that the suffix names.

    Args:
        session: what is written.
        target: where.
        final: where the file will lie in the end, if that is another place; paths in it are
            relative to this.

    Raises:
        InputError: the song has more bars than a score can hold.
        OSError: it cannot be written.
    """
    suffix = target.suffix.lower()
    if is_score(target):
        write_score(session.song, target, session.sections)
    elif suffix == ".dawproject":
        write_dawproject(session, target)
    else:
        text = reaper_project(session, (final or target).parent)
        target.write_bytes(text.encode("utf-8", "replace"))
