"""Turns MIDI files into sound; knows nothing of how they were composed."""
