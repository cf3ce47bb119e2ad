"""The networks: chords from video, notes from a plan, loudness and density from video."""
