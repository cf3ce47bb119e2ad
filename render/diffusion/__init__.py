"""Notes → log-mel spectrogram → sound, by two small networks.

In the line of Music Spectrogram Diffusion (Hawthorne et al. 2022): a score is drawn as a log-mel
spectrogram by a generative model that hears what it drew last, and a neural vocoder turns the
spectrogram into sound. Made small: :mod:`render.diffusion.tokens` lays the notes on the frames of
the spectrogram, so that nothing has to be aligned; :mod:`render.diffusion.denoiser` is a rectified
flow that needs few steps; :mod:`render.diffusion.vocoder` has an inverse-STFT head;
:mod:`render.diffusion.sampler` joins windows over any length.

Mono a bus. The notes of one family of instruments that share volume and pan are a *bus*
(:mod:`render.diffusion.buses`); each is rendered alone in mono, then levelled and panned as the
file asks. One family at a time is far easier to learn than a whole band, volume and pan are exact
because nothing has to learn them, buses are stems, and an instrument that the network does not
know can be played by another engine in the same mix. The price is one pass a bus, paid only where
the bus sounds.

Letters in shapes: B examples or windows, T frames, L samples, P pairs of a note and a frame.
"""
