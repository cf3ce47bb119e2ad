"""When the beats of the music fall on the picture.

:func:`steady_grid` keeps one tempo. :func:`tempo_changes`, :func:`time_signatures` and
:func:`grid_end_tick` turn a grid into the events of a MIDI file.
"""

from amt.timing.steady import steady_grid
from amt.timing.tempo_map import grid_end_tick, tempo_changes, time_signatures

__all__ = ["grid_end_tick", "steady_grid", "tempo_changes", "time_signatures"]
