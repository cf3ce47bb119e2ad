"""Composer (video and chords so far -> next chord) and expression (video -> loudness, density)."""
