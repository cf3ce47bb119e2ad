"""Network from video and the chords so far to the next chord, its loss, and sampling."""
