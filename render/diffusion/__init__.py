"""Notes → log-mel spectrogram → sound, by two small networks.

After Music Spectrogram Diffusion (Hawthorne et al. 2022): a generative model turns a score into a
log-mel spectrogram, and a neural vocoder turns the spectrogram into sound. The differences make it
small: :mod:`render.diffusion.tokens` puts the notes on the frames of the spectrogram, so that
nothing has to be aligned; :mod:`render.diffusion.denoiser` is a rectified flow that needs few
steps; :mod:`render.diffusion.vocoder` has an inverse-STFT head; :mod:`render.diffusion.sampler`
joins windows over any length.

The notes of one family of instruments that share volume and pan form a *bus*
(:mod:`render.diffusion.buses`). A bus is rendered alone and in mono, then volume and pan are
applied. One family at a time is far easier to learn than a whole band, volume and pan are exact,
buses serve as stems, and notes of other instruments can be rendered by another engine into the same
mix. The price is one pass a bus, only where the bus sounds.

Letters in shapes: B examples or windows, T frames, L samples, d channels, P pairs of a note and a
frame in which it is active.
"""
