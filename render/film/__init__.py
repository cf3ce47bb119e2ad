"""A clip's picture and a soundtrack → a film.

:mod:`render.film.containers` knows what a container takes, :mod:`render.film.source` which pictures
a clip shows and when, :mod:`render.film.copying` and :mod:`render.film.encoding` make packets of
them, :mod:`render.film.sound` makes packets of the sound, and :mod:`render.mux` lays all of it into
one file.
"""
