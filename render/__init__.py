"""Turns MIDI files into sound; knows nothing of how they were composed.

The way of the data: :mod:`render.score` reads a MIDI file into parts,
:mod:`render.soundfont.synthesisers` plays a part on a soundfont that :mod:`render.soundfont.find`
found, :mod:`render.engine` sums the parts into a master or keeps them as stems, :mod:`render.audio`
measures, levels and writes the result, and :mod:`render.mux` lays it under a clip.
:mod:`render.diffusion` is another way from notes to sound.
"""
