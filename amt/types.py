"""The data that passes between the stages of the pipeline, and the conventions of all modules.

Time
    A time in seconds ends in ``_s`` and counts from the clip's 0: its first frame, or the start of
    its sound where the picture starts later (see :mod:`render.files.clip`). ``S`` is the number of
    whole or begun seconds of a clip, ``ceil(duration_s)``; row ``s`` of a per-second array
    describes the second ``[s, s + 1)``.
Beats, bars and ticks
    A beat is a quarter note in every metre; a tick is ``1 / TICKS_PER_BEAT`` of a beat. Beats count
    from 0 through the whole piece. Bars count from 0 in code and from 1 where a person reads or
    writes them: plan files, ``--bars``, :class:`Rewrite`, the report.
Pitch, velocity and controllers
    MIDI numbers, 0-127. Middle C is note 60 and is written C4.
Chords and keys
    A chord is a root and a quality of :mod:`amt.chords`, without inversion or bass. Its label is
    MuVi-Sync's, after Harte et al. (2005): ``N`` for none, ``F`` for a major triad, ``A:min7``. A
    key is major or natural minor; a section may have one of its own.
Emotion
    Probabilities of six moods (:data:`EMOTIONS`), ``[S, 6]``; valence and arousal lie in [-1, 1]
    (Russell's circumplex, 1980).

Arrays inside these classes are treated as read-only. A class with many values has a ``repr`` of one
line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from amt.chords import Chord, Key
from amt.options.notes import ArrangerName as ArrangerName
from amt.timecode import SmpteOffset, Timecode

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Float32Array = NDArray[np.float32]
ImageArray = NDArray[np.uint8]
"""[height, width, 3]."""

TICKS_PER_BEAT = 480
"""Resolution of every :class:`Song` and of the MIDI files written from it."""

EMOTION_VALENCE_AROUSAL = {
    "exciting": (0.6, 0.8),
    "fearful": (-0.6, 0.6),
    "tense": (-0.3, 0.8),
    "sad": (-0.7, -0.5),
    "relaxing": (0.7, -0.7),
    "neutral": (0.0, 0.0),
}
"""The six moods of Video2Music at their places on the circumplex: (valence, arousal)."""

EMOTIONS = tuple(EMOTION_VALENCE_AROUSAL)
"""The column order of every ``[S, 6]`` emotion array."""

_MOST_SHOWN = 40

CutKind = Literal["cut", "dissolve", "fade"]


@dataclass(frozen=True, slots=True)
class Cut:
    """A change of shot."""

    time_s: float
    """Presentation time of the first frame of the new shot."""
    strength: float = 1.0
    """Size of the visual change, 0 (hardly visible) to 1 (a wholly different picture)."""
    kind: CutKind = "cut"


@dataclass(frozen=True, slots=True, order=True)
class TimeSpan:
    """A stretch of a clip."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Accent:
    """A peak of movement inside a shot, which the music accents."""

    time_s: float
    """It is played on the nearest beat."""
    strength: float = 1.0
    """How far the peak stands out, 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class VideoFeatures:
    """What is measured of a clip; see :mod:`amt.features` for the definitions."""

    duration_s: float
    """From the clip's 0 to the end of the last frame's presentation."""
    emotion: FloatArray
    """[S, 6] probabilities in the order of :data:`EMOTIONS`; rows sum to 1."""
    motion: FloatArray
    """[S] mean absolute RGB difference (0-255) of one pair of adjacent frames a second."""
    scene_offset: FloatArray
    """[S] whole seconds since the last cut."""
    cuts: tuple[Cut, ...]
    """In order of time, each strictly inside the clip."""
    semantic: FloatArray | None
    """[S, 768] CLIP ViT-L/14@336 image embeddings, or None where no such model was used."""
    backend: str
    """The vision backend that made ``emotion`` and ``semantic``: ``clip`` or ``analytic``."""
    appearance: FloatArray | None = None
    """[S, 96] what the picture looks like (:mod:`amt.features.appearance`), by which scenes that
    return are found; None in feature files that were written without it."""

    def __repr__(self) -> str:
        return f"<VideoFeatures: {self.duration_s:.1f} s, {len(self.cuts)} cuts, by {self.backend}>"

    @property
    def seconds(self) -> int:
        """S, the number of rows of every per-second array."""
        return len(self.motion)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TimeGrid:
    """The time of every beat of the music, and the beats of every bar.

    The music starts at 0 s with the first beat of bar 0. Beat ``b`` lasts from ``beats_s[b]`` to
    ``beats_s[b + 1]``; the last entry of ``beats_s`` is the end of the music. The last bar may be
    cut short by the end of the clip, and its last beat too.
    """

    beats_s: FloatArray
    """[B + 1] strictly increasing; ``beats_s[0] == 0``, ``beats_s[-1]`` is the clip's duration."""
    bars: tuple[int, ...]
    """Number of beats of each bar; they sum to B."""
    last_beat: float = 1.0
    """Share of the last beat before the music ends, in (0, 1]; its tempo is a whole beat's."""

    def __repr__(self) -> str:
        tempos = self.tempo_bpm
        return (
            f"<TimeGrid: {self.duration_s:.1f} s, {len(self.bars)} bars, {self.n_beats} beats, "
            f"{tempos.min():.0f} to {tempos.max():.0f} BPM>"
        )

    @property
    def n_beats(self) -> int:
        """B."""
        return len(self.beats_s) - 1

    @property
    def duration_s(self) -> float:
        """End of the music in seconds."""
        return float(self.beats_s[-1])

    @property
    def downbeats(self) -> IntArray:
        """[bars] index of the first beat of every bar."""
        return np.concatenate([[0], np.cumsum(self.bars)[:-1]]).astype(np.int64)

    @property
    def beat_length_s(self) -> FloatArray:
        """[B] length that each beat has, or would have if the clip did not end inside it."""
        lengths = np.diff(self.beats_s)
        lengths[-1] /= self.last_beat
        return lengths

    @property
    def tempo_bpm(self) -> FloatArray:
        """[B] tempo of each beat in quarter notes a minute."""
        return 60.0 / self.beat_length_s

    def seconds_at(self, beats: FloatArray | float) -> FloatArray:
        """Time in seconds of positions counted in beats (any shape), clipped to the music."""
        return np.asarray(np.interp(beats, self._positions(), self.beats_s))

    def beats_at(self, seconds: FloatArray | float) -> FloatArray:
        """Position in beats of times in seconds (any shape), clipped to the music."""
        return np.asarray(np.interp(seconds, self.beats_s, self._positions()))

    @property
    def end_beat(self) -> float:
        """Position of the end of the music in beats: B, or less when the last beat is cut short."""
        return self.n_beats - 1 + self.last_beat

    def _positions(self) -> FloatArray:
        positions = np.arange(self.n_beats + 1, dtype=np.float64)
        positions[-1] = self.end_beat
        return positions


@dataclass(frozen=True, slots=True)
class ChordSpan:
    """A chord and the beat on which it starts; it sounds until the next span or the end."""

    beat: int
    chord: Chord
    bass: int | None = None
    """Pitch class of the bass note, such as that of a pedal point; None leaves it to the
    arranger."""


Feel = Literal["half", "normal", "double"]
"""Half-time, normal or double-time feel: backbeat, bass and chords as in half, the same or double
the tempo, while the beats stay where they are."""
FEEL_FACTOR: Mapping[Feel, float] = {"half": 0.5, "normal": 1.0, "double": 2.0}
"""By what the tempo of the beats is multiplied to give the tempo that is felt."""


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of music between strong cuts, for markers and phrasing."""

    beat: int
    """The beat on which it starts; it lasts to the next section or the end."""
    mood: str
    """One of :data:`EMOTIONS`."""
    feel: Feel = "normal"
    label: str = ""
    """``intro``, ``coda``, or the letter of its theme with a prime for each time that the theme has
    come before: A, B, A', A''. Empty where no form was planned."""
    key: Key | None = None
    """Its own key where that differs from the piece's, else None."""


@dataclass(frozen=True, slots=True, order=True)
class BarSpan:
    """Some bars."""

    first: int
    """Number of the first, from 1."""
    last: int
    """Number of the last, included."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Bars that were composed anew."""

    first: int
    """Number of the first such bar, from 1."""
    last: int
    """Number of the last, included."""
    seed: int
    """0 to 2**63 - 1."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How the notes of a plan are written: by which arranger, with which roles, what was redone.

    The defaults are what a plan file without these fields means: plans were arranged by patterns
    before there was a choice.
    """

    arranger: ArrangerName = "patterns"
    candidates: int = 1
    """Number of versions that the neural arranger writes, of which the best is kept; 1 to 64."""
    drums: bool = True
    """Whether the drums of a style that has them play."""
    melody: bool = True
    """Whether the neural arranger writes a melody."""
    rewrites: tuple[Rewrite, ...] = ()
    """In the order in which they were made: each begins from what the one before left."""
    humanize: float = 1.0
    """Share of the random differences of timing and velocity, 0 (exactly on the grid) to 1."""


Cadence = Literal["half", "authentic", "deceptive", "open"]
"""What a phrase aims at: the dominant, the tonic or the sixth degree after it, or nothing."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A stretch of music, of about four bars, with one melodic idea."""

    beat: int
    """The downbeat on which it starts; it lasts to the next phrase or the end."""
    label: str
    """Phrases of one label share chords and melody. The letter of the section in lower case and a
    number: a1, a2; in plans of earlier versions a capital letter."""
    cadence: Cadence


@dataclass(frozen=True, slots=True)
class Entry:
    """A moment from which on some roles rest, until the next one."""

    beat: int
    resting: tuple[str, ...]
    """Of ``melody``, ``counter``, ``harmony``, ``bass``, ``arpeggio`` and ``drums``."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Plan:
    """Everything that decides the notes of a piece: what a person edits."""

    grid: TimeGrid
    key: Key
    chords: tuple[ChordSpan, ...]
    """Sorted by beat, the first at beat 0."""
    loudness: FloatArray
    """[S] 0-1; RMS of full scale, as in MuVi-Sync."""
    density: FloatArray
    """[S] notes that begin in each second over all pitched tracks, as in MuVi-Sync (0-40)."""
    emotion: FloatArray
    """[S, 6] probabilities in the order of :data:`EMOTIONS`."""
    style: str
    """Name of a style of :mod:`amt.arrange.styles`."""
    seed: int
    cuts: tuple[Cut, ...] = ()
    sections: tuple[Section, ...] = ()
    title: str = ""
    accents: tuple[Accent, ...] = ()
    """In order of time, inside the music."""
    phrases: tuple[Phrase, ...] = ()
    """In order; empty where none were planned: then they are four bars each, without return."""
    arrangement: Arrangement = Arrangement()
    speech: tuple[TimeSpan, ...] = ()
    """When somebody speaks in the clip's own sound: the music makes room. In order, apart."""
    silences: tuple[TimeSpan, ...] = ()
    """Where no music sounds: in order, apart."""
    entries: tuple[Entry, ...] = ()
    """In order; before the first, and if there are none, no role rests."""
    timecode: Timecode | None = None
    """Of the clip's 0; None where nobody has named one."""
    hits_s: tuple[float, ...] = ()
    """Moments that were asked to fall on a downbeat, rising; the grid already meets them."""
    locked: tuple[BarSpan, ...] = ()
    """Bars that are not to be changed: in order, apart."""
    muted: tuple[str, ...] = ()
    """Names of the tracks that are left out of the song."""

    def resting_at(self, beat: int) -> tuple[str, ...]:
        """The roles that rest on a beat."""
        number = bisect_right(self.entries, beat, key=lambda entry: entry.beat)
        return self.entries[number - 1].resting if number else ()

    def feel_at(self, beat: int) -> Feel:
        """Feel of the section in which a beat lies; normal before the first section."""
        number = bisect_right(self.sections, beat, key=lambda section: section.beat)
        return self.sections[number - 1].feel if number else "normal"

    def key_at(self, beat: float) -> Key:
        """The key on a beat: that of its section, if it has one of its own, else the piece's."""
        index = bisect_right(self.sections, beat, key=lambda section: section.beat) - 1
        return (self.sections[index].key if index >= 0 else None) or self.key

    def key_changes(self) -> tuple[tuple[int, Key], ...]:
        """Beat and key wherever a section begins in another key than the music before it."""
        keys = [self.key_at(0), *(section.key or self.key for section in self.sections)]
        return tuple(
            (section.beat, key)
            for section, before, key in zip(self.sections, keys, keys[1:], strict=False)
            if section.beat > 0 and key != before
        )

    def __repr__(self) -> str:
        return (
            f"<Plan {_shown(self.title)}: {self.grid.duration_s:.1f} s, {self.key.label}, "
            f"{len(self.grid.bars)} bars, {len(self.chords)} chords, style {_shown(self.style)}, "
            f"seed {self.seed}>"
        )


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """A note of a :class:`Track`; times in ticks."""

    start: int
    pitch: int
    end: int
    velocity: int


@dataclass(frozen=True, slots=True, order=True)
class ControlChange:
    """A controller event of a :class:`Track`."""

    tick: int
    number: int
    """MIDI controller: 7 channel volume, 10 pan, 11 expression, 64 sustain pedal."""
    value: int


@dataclass(frozen=True, slots=True, order=True)
class PitchBend:
    """A pitch bend of a :class:`Track`."""

    tick: int
    value: int
    """-8192 to 8191; 0 is none, and the ends are those of the bend range, which is two semitones
    unless a file sets another."""


@dataclass(frozen=True, slots=True, repr=False)
class Track:
    """One instrument."""

    name: str
    program: int
    """General MIDI program, 0-127 (ignored for drums)."""
    notes: tuple[Note, ...]
    """Sorted; no two notes of one pitch overlap."""
    controls: tuple[ControlChange, ...] = ()
    """Sorted by tick."""
    is_drum: bool = False
    bends: tuple[PitchBend, ...] = ()
    """Sorted by tick."""

    def __repr__(self) -> str:
        plays = "drums" if self.is_drum else f"program {self.program}"
        return f"<Track {_shown(self.name)}: {plays}, {len(self.notes)} notes>"


@dataclass(frozen=True, slots=True)
class TextEvent:
    """A marker or a chord name."""

    tick: int
    text: str


@dataclass(frozen=True, slots=True)
class TempoChange:
    """Tempo from a tick on."""

    tick: int
    us_per_beat: int
    """Microseconds a quarter note, the unit of the MIDI file, so that a round trip is exact."""


@dataclass(frozen=True, slots=True)
class TimeSignature:
    """Metre from a tick on."""

    tick: int
    numerator: int
    denominator: int = 4


@dataclass(frozen=True, slots=True)
class KeyChange:
    """Key from a tick on."""

    tick: int
    key: Key


@dataclass(frozen=True, slots=True, repr=False)
class Song:
    """A piece as a MIDI file holds it; times in ticks of ``1 / TICKS_PER_BEAT`` beat."""

    tracks: tuple[Track, ...]
    tempos: tuple[TempoChange, ...]
    """Sorted, the first at tick 0."""
    time_signatures: tuple[TimeSignature, ...]
    key: Key
    """On tick 0."""
    end: int
    """Tick on which the music ends; no event lies after it."""
    markers: tuple[TextEvent, ...] = ()
    chord_names: tuple[TextEvent, ...] = ()
    title: str = field(default="")
    smpte_offset: SmpteOffset | None = None
    """Time of tick 0."""
    key_changes: tuple[KeyChange, ...] = ()
    """Sorted, after tick 0."""

    def __repr__(self) -> str:
        notes = sum(len(track.notes) for track in self.tracks)
        return (
            f"<Song {_shown(self.title)}: {self.key.label}, {self.end // TICKS_PER_BEAT} beats, "
            f"{notes} notes in {len(self.tracks)} tracks>"
        )


def _shown(text: str) -> str:
    """A name as it is shown among other things: on one line, not too long."""
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…")
