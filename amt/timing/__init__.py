"""Beats and bars of the music, in the time of the video.

:func:`fit_grid` fits tempo, metre and bar lines to the cuts of a clip; :func:`steady_grid` keeps
one tempo. :mod:`amt.timing.hits` defines when a beat hits a cut and which cuts are strong.
:func:`tempo_changes`, :func:`time_signatures` and :func:`grid_end_tick` turn a grid into the events
of a MIDI file.
"""

from amt.timing.fit import fit_grid
from amt.timing.options import GridOptions
from amt.timing.steady import steady_grid
from amt.timing.tempo_map import grid_end_tick, tempo_changes, time_signatures

__all__ = [
    "GridOptions",
    "fit_grid",
    "grid_end_tick",
    "steady_grid",
    "tempo_changes",
    "time_signatures",
]
