"""Some bars of a piece composed anew, all others left as they are."""

from amt.regenerate.edited import EditedFile
from amt.regenerate.piece import Edited, Regenerated, parse_bars, regenerate
from amt.regenerate.summary import TrackMatch

__all__ = ["Edited", "EditedFile", "Regenerated", "TrackMatch", "parse_bars", "regenerate"]
