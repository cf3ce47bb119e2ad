"""Renders MIDI files to sound, and muxes the sound with a video.

MIDI file → parts (:mod:`render.score`) → stereo sound by a synthesiser with a soundfont
(:mod:`render.soundfont`) or by a neural renderer (:mod:`render.diffusion`) → master and stems
(:mod:`render.engine`) → loudness, limiter, file (:mod:`render.audio`) → video with soundtrack
(:mod:`render.mux`, :mod:`render.film`). :mod:`render.files` has the readers of MIDI files, videos
and weights.
"""
