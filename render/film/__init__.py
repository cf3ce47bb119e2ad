"""Video + soundtrack → film (a video file with the soundtrack); the parts of :mod:`render.mux`.

:mod:`render.film.containers` tests what a container supports, :mod:`render.film.source` finds which
frames a video shows and when, :mod:`render.film.plan` decides between copying
(:mod:`render.film.copying`) and encoding (:mod:`render.film.encoding`) its packets,
:mod:`render.film.sound` mixes and encodes the sound, :mod:`render.film.extras` copies metadata,
chapters and subtitles.
"""
