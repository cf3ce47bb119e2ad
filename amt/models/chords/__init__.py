"""Video and the chords so far to the next chord: network, training losses, decoding."""
