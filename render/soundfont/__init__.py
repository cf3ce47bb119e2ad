"""Parts → sound by synthesisers that play soundfonts, each in a child process.

:mod:`.find` chooses the file, :mod:`.bank` reads and checks it, :mod:`.presets` chooses a preset
for every part, :mod:`.player` streams the sound of parts from one of the :mod:`.synthesisers`
(:mod:`.fluidsynth`, :mod:`.midirenderer`).
"""
