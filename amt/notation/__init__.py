"""Song → score: parts, staves, voices and values, as MusicXML."""

from amt.notation.files import write_score
from amt.notation.musicxml import musicxml
from amt.notation.parts import Score, score_of

__all__ = ["Score", "musicxml", "score_of", "write_score"]
