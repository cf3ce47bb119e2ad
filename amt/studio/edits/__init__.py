"""What is done by hand on the time line, as changes of a plan: the plan holds all of it.

An edit is a JSON object with its name under ``do``:

===============  ============================================================================
``hit.add``      ``time_s``: the best bar line moves there, by a change of tempo around it
``hit.move``     ``time_s``, ``to_s``: the bar line of a hit point moves with it
``hit.remove``   ``time_s``: the moment is asked for no more; the tempo stays
``section.move`` ``bar``, ``to``: the section that begins with a bar begins with another
``mood``         ``start_s``, ``end_s``, ``mood``
``silence``      ``start_s``, ``end_s``
``sound``        ``start_s``, ``end_s``: what was silent there sounds again
``again``        ``first``, ``last``, ``seed`` (optional): these bars anew, but for locked ones
``lock``         ``first``, ``last``: bars that no edit changes
``unlock``       ``first``, ``last``
``mute``         ``tracks``: names of all tracks that are muted
``style``        ``style``
===============  ============================================================================

Bars count from 1. What would change a note of locked bars is refused: all but again, silence,
sound and mute change notes throughout the piece.
"""

from amt.studio.edits.apply import edited
from amt.studio.edits.rows import EDITS, checked_edits

__all__ = ["EDITS", "checked_edits", "edited"]
