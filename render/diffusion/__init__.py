"""Notes → source → filter → sound, with two small networks.

The notes say what no network has to invent: pitches, onsets, phases. From them
:mod:`render.diffusion.excitation` computes a *source*, for every note its partials and for every
drum a burst of noise. :mod:`render.diffusion.predictor` predicts the log-mel spectrogram that a
teacher, a large soundfont, would play, and with it the level of every partial of every note over
time (:mod:`render.diffusion.levels`). :mod:`render.diffusion.denoiser`, a rectified flow, may draw
the texture that a prediction lacks. :mod:`render.diffusion.filter` gives the source the spectrogram
and leaves it its phase, and :mod:`render.diffusion.bandwidth` fills in what lies above 12 kHz.

A source that is driven by the score and a filter that is learned are those of neural source-filter
models (Wang et al. 2019) and of DDSP (Engel et al. 2020), here for any number of notes at once. As
in Music Spectrogram Diffusion (Hawthorne et al. 2022) a generative model turns a score into a
spectrogram; :mod:`render.diffusion.tokens` puts the notes on its frames, so that nothing has to be
aligned, and :mod:`render.diffusion.sampler` computes any window of it.

The notes of one family of instruments that share volume and pan form a *bus*
(:mod:`render.diffusion.buses`). A bus is rendered alone and in mono, then volume and pan are
applied. One family at a time is far easier to learn than a whole band, volume and pan are exact,
buses serve as stems, and notes of other instruments can be rendered by another engine into the same
mix. The price is one pass a bus, only where the bus sounds.

Letters in shapes: B examples or windows, T frames, L samples, d channels, P pairs of a note and a
frame in which it is active.
"""
