"""The music-and-effects track: the soundtrack and the video's own sound without its speech.

Dubbing and translation take it in place of the mix. Where somebody speaks, the video's own sound is
left out whole, effects included: nothing here separates voices from what sounds with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from render.audio import Block, Sound
from render.files.clip_sound import PlacedSamples
from render.film.duck import Duck, Spans, lowered
from render.film.sound import SAMPLE_RATE, mixed, own_sound, soundtrack
from render.film.source import Source

SILENT_DB = 120.0
"""Decibels by which speech is lowered: below the smallest step of 16 bits."""
FADE_S = 0.05
"""Seconds of the fades around speech."""


@dataclass(frozen=True, slots=True)
class MusicAndEffects:
    """A sound that is computed from video and soundtrack whenever it is read.

    Attributes:
        source: the video.
        music: the soundtrack.
        spans: of speech, in seconds of the video.
        own_gain_db: gain of the video's own sound.
    """

    source: Source
    music: Sound
    spans: Spans
    own_gain_db: float = 0.0

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return SAMPLE_RATE

    @property
    def channels(self) -> int:
        """Stereo."""
        return 2

    @property
    def frames(self) -> int:
        """Length up to the end of the last picture."""
        return round(self.source.end * self.source.time_base * SAMPLE_RATE)

    def blocks(self) -> Iterator[Block]:
        """The sound from its beginning, as blocks [2, L], peaks limited to -1 dBFS."""
        own = _without_speech(own_sound(self.source.sounds()), self.spans)
        return mixed(soundtrack(self.music, self.frames), own, self.own_gain_db)


def music_and_effects(
    video: Path, music: Sound, spans: Spans, own_gain_db: float = 0.0
) -> MusicAndEffects:
    """The music-and-effects track of a video.

    Raises:
        MuxError: the video cannot be read.
    """
    return MusicAndEffects(Source(video), music, spans, own_gain_db)


def _without_speech(own: Iterable[PlacedSamples], spans: Spans) -> Iterator[PlacedSamples]:
    gate = Duck(spans, SILENT_DB, FADE_S, FADE_S)
    for first, samples in own:
        yield first, lowered(first, samples, SAMPLE_RATE, gate)
