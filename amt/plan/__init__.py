"""Plan ⇄ JSON: the file that a person edits, diffs and arranges anew.

A plan file is one JSON object in UTF-8, of at most 32 MiB. Every field is required unless it says
optional, and a field that is not listed here is an error, so that a typing mistake cannot pass
unnoticed::

    version    1
    title      text of the piece's title; optional
    style      name of a built-in style, or the path of a style file
    seed       whole number, 0 to 2**63 - 1: the same plan and seed give the same notes
    key        "A minor", "Eb major"
    bars       number of beats of each bar; they sum to the number of beats
    last_beat  share of the last beat before the end of the music, above 0, at most 1 (the clip may
               end inside a beat)
    beats_s    start of every beat in seconds, one bar a line, from 0; then the end of the music
    chords     {"beat": 8, "bar": 3, "chord": "Am7", "bass": "E"}: from this beat on; the first on
               beat 0; bass is the note below the chord, such as a pedal point, and is optional
    sections   {"beat": 0, "bar": 1, "mood": "sad", "feel": "half", "label": "A", "key": "C minor"}:
               from this beat on; may be empty; feel is half, normal or double (time), optional,
               normal if missing; the label (optional) is intro, coda, or the letter of a theme,
               with a prime for each return, which is played varied: A, B, A'; key is the section's
               own, optional, the piece's if missing
    phrases    {"beat": 0, "bar": 1, "label": "a1", "cadence": "half"}: from this beat on, which is
               the first of a bar; phrases of one label (one or two letters, up to two digits)
               share chords and melody; cadence is half, authentic, deceptive or open; optional,
               four bars each without returns if missing
    entries    {"beat": 0, "bar": 1, "resting": ["melody", "bass", "drums"]}: from this beat on,
               until the next entry, these roles rest (melody, counter, harmony, bass, arpeggio,
               drums); the density asked for falls to the others; optional
    cuts       {"time_s": 4.2, "strength": 0.8, "kind": "cut"}: kind is cut, dissolve or fade
    accents    {"time_s": 6.0, "strength": 0.5}: moments inside a shot to stress; optional
    speech     {"start_s": 3.1, "end_s": 7.8}: when somebody speaks in the clip's own sound, so
               that the music makes room; in order; optional
    curve      one row a second: {"second": 0, "loudness": 0.1, "density": 6.5, "exciting": 0.2,
               ...}, with the loudness as RMS of full scale (0-1), the density in notes that begin
               a second (0-100), and the probabilities of the six moods, which sum to 1
    arrangement  {"arranger": "neural", "candidates": 1, "drums": true, "melody": true,
               "humanize": 1}: who writes the notes (neural or patterns), how many versions to
               choose from, whether drums and melody play, and the share of the random differences
               of timing and velocity (0-1); optional, by patterns if missing
    rewrites   {"bars": [9, 16], "seed": 7}: first and last bar, from 1, both included, that were
               composed anew with another seed, in the order in which that happened; optional
    silences   {"start_s": 12.0, "end_s": 15.5}: no music sounds there; in order; optional
    hits_s     [12.5, 62.5]: moments that were asked to fall on a downbeat, in order; beats_s meets
               them already; optional
    locked     [[9, 16]]: first and last bar, from 1, both included, of bars that amt studio is not
               to change; in order; optional
    muted      ["Drums"]: names of tracks that are left out of the song; optional
    timecode   {"rate": "25", "start": "01:00:00:00"}: of the clip's first frame; the rate is
               23.976, 24, 25, 29.97, 29.97df, 30, 50, 59.94, 59.94df or 60; optional

Beats count quarter notes from 0 through the whole piece, as in :class:`amt.types.TimeGrid`. ``bar``
counts from 1 and only helps the reader: it may be left out, and when given it must be the bar of
the beat. Chords are lead-sheet names (``Am7``, ``F#m7b5``) or labels such as ``A:min7``.

Numbers have a fixed number of decimals (:func:`rounded`), so reading and writing give back the
same text, and a plan that was written and read again is arranged to the same bytes.
"""

from amt.plan.rules import ARRANGERS, DEFAULT_ARRANGER, MAX_CANDIDATES, rounded, validate
from amt.plan.text import plan_from_json, plan_to_json, read_plan, write_plan

__all__ = [
    "ARRANGERS",
    "DEFAULT_ARRANGER",
    "MAX_CANDIDATES",
    "plan_from_json",
    "plan_to_json",
    "read_plan",
    "rounded",
    "validate",
    "write_plan",
]
