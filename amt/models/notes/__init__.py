"""A plan and the notes so far to the next note: tokens, network, constraints, decoding."""
