"""From the features of a clip to a plan: mood, beats, key, sections, chords, loudness and density.

One module a stage, imported one way:

* :mod:`.options`: what the user may decide;
* :mod:`.mood_target`: the mood that the music is to express, second by second;
* :mod:`.grid`: beats and bars that fit the cuts, and the slots that hold one chord each;
* :mod:`.key` and :mod:`.sections`: major or minor on which tonic; where sections begin;
* :mod:`.phrases` and :mod:`.degrees`: phrases that return, and where their harmony goes;
* :mod:`.harmony`: what suits key, mood, sections and ending, as log-odds of chords;
* :mod:`.chords`: chords sampled from the composer with those log-odds;
* :mod:`.curves`: loudness and notes a second;
* :mod:`.pipeline`: all of it in order.
"""

from amt.compose.options import ComposeOptions
from amt.compose.pipeline import compose, held_proposals

__all__ = ["ComposeOptions", "compose", "held_proposals"]
