"""Network from a plan and the notes so far to the next note: tokens, constraints, sampling."""
