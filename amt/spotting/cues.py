"""Cues and cue sheets, and the words by which a marker names a cue.

Two groups of kinds. What is *found* in a clip:

=========  =========================================================================
cut        another shot, from one frame to the next
dissolve   a gradual change to another shot, at its middle
fade       another shot after black or white, at its first frame
fadeout    a picture begins to go to black or white, for a duration
flash      a picture that is suddenly bright for a moment
movement   a peak of movement inside a shot
quiet      the clip's own sound is silent from here, for a duration
speech     somebody speaks from here, for a duration (where a detector is installed)
=========  =========================================================================

What is *asked* of the music:

=========  =========================================================================
hit        a downbeat falls here
mood       the mood from here, for a duration or to the next mood
silence    the music rests from here, for a duration or to the next asked cue
start      the music starts here
theme      a section of this label starts here
=========  =========================================================================

A ``note`` is a text that asks for nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

from amt.errors import InputError, quoted
from amt.mood import mood_name
from amt.timecode import Timecode

CueKind = Literal[
    "cut", "dissolve", "fade", "fadeout", "flash", "movement", "quiet", "speech",
    "hit", "mood", "silence", "start", "theme", "note",
]  # fmt: skip
KINDS: tuple[CueKind, ...] = get_args(CueKind)
CUTS = ("cut", "dissolve", "fade")
"""Kinds that are changes of shot."""
ASKED = ("hit", "mood", "silence", "start", "theme")
"""Kinds that ask something of the music."""
SPANS = ("fadeout", "quiet", "speech", "mood", "silence", "theme")
"""Kinds that may have a duration."""
STRENGTH_DECIMALS, TIME_DECIMALS = 4, 6
"""As in a file; see :func:`rounded`."""

_LABEL = re.compile(r"\s*@?\s*\b\d{1,2}[:;]\d{2}[:;]\d{2}[:;]\d{2}$")
_HEAD = re.compile(
    r"(?P<kind>[a-z]+)\b(?P<words>.*?)(?:\s+(?:for\s+)?(?P<duration>\d+(?:[.,]\d+)?)\s*s)?"
    r"(?:\s+(?P<strength>\d+(?:\.\d+)?)\s*%)?(?:\s+here)?",
    re.IGNORECASE,
)
_SHAPE = re.compile(r"\d*\s*(?:\((?P<kind>\w+)\))?")


@dataclass(frozen=True, slots=True)
class Cue:
    """A moment of a clip.

    Raises:
        InputError: a value has no meaning.
    """

    time_s: float
    """Seconds from the clip's 0."""
    kind: CueKind
    duration_s: float = 0.0
    """0 where it has none."""
    strength: float | None = None
    """0 to 1: for cuts :attr:`amt.types.Cut.strength`, for movement and flashes how far they stand
    out; None where it is not known."""
    mood: str = ""
    """One of :data:`amt.types.EMOTIONS`, for ``mood``."""
    theme: str = ""
    """A capital letter, for ``theme``."""
    text: str = ""
    """What a person wrote beside it."""
    music: str = ""
    """What the music does here, where a plan says so."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"the kind {quoted(self.kind)} is none of {', '.join(KINDS)}")
        if not 0 <= self.time_s < 1e6:
            raise InputError(f"the time {self.time_s:g} s does not lie in a clip")
        if not 0 <= self.duration_s < 1e6:
            raise InputError(f"the duration {self.duration_s:g} s is no length of time")
        if self.strength is not None and not 0 <= self.strength <= 1:
            raise InputError(f"the strength {self.strength:g} does not lie in 0 to 1")
        if (self.kind == "mood") != bool(self.mood):
            raise InputError("a cue of the kind mood names a mood, and no other does")
        if (self.kind == "theme") != bool(self.theme):
            raise InputError("a cue of the kind theme names a letter, and no other does")
        if self.theme and not re.fullmatch("[A-Z]", self.theme):
            raise InputError(f"the theme {quoted(self.theme)} is no capital letter")

    @property
    def end_s(self) -> float:
        """When it ends."""
        return self.time_s + self.duration_s


@dataclass(frozen=True)
class CueSheet:
    """The cues of a clip, in order of time."""

    clock: Timecode
    cues: tuple[Cue, ...]
    duration_s: float | None = None
    """Length of the clip, where it is known."""
    title: str = ""

    def label(self, cue: Cue) -> str:
        """The timecode of a cue."""
        return self.clock.label(cue.time_s)


def ordered(cues: list[Cue]) -> tuple[Cue, ...]:
    """Cues in order of time; of equal times in the order of their kinds."""
    return tuple(sorted(cues, key=lambda cue: (cue.time_s, KINDS.index(cue.kind))))


def rounded(cue: Cue) -> Cue:
    """A cue as its file would hold it; applying it again changes nothing."""
    return replace(
        cue,
        time_s=round(cue.time_s, TIME_DECIMALS),
        duration_s=round(cue.duration_s, TIME_DECIMALS),
        strength=None if cue.strength is None else round(cue.strength, STRENGTH_DECIMALS),
    )


def marker_text(cue: Cue) -> str:
    """The words of a cue for a marker; :func:`marker_cue` reads them.

    >>> marker_text(Cue(4.0, "mood", 2.5, mood="tense")), marker_text(Cue(1.0, "cut", strength=0.8))
    ('mood tense 2.5 s', 'cut 80 %')
    """
    words: list[str] = [cue.kind, *filter(None, (cue.mood, cue.theme))]
    if cue.duration_s:
        words += [_number(cue.duration_s, TIME_DECIMALS), "s"]
    if cue.strength is not None:
        words += [_number(100 * cue.strength, STRENGTH_DECIMALS - 2), "%"]
    head = " ".join(words)
    text = " ".join(cue.text.split())
    return f"{head}: {text}" if text else head


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}".rstrip("0").rstrip(".")


def marker_cue(time_s: float, text: str) -> Cue:
    """The cue that a marker names; a ``note`` where it names none.

    Markers say ``hit``, ``hit: the door``, ``mood tense``, ``silence 2.5 s``, ``silence here``,
    ``start here``, ``theme A``, or what :func:`marker_text` writes; a timecode at their end is
    passed over, and so are the numbers of the cuts in MIDI files of this program.

    >>> marker_cue(1.0, "Theme B here").theme, marker_cue(1.0, "Cut 3 (fade) 00:00:01:00").kind
    ('B', 'fade')
    """
    bare = _LABEL.sub("", " ".join(text.split()))
    head, _, rest = (part.strip() for part in bare.partition(":"))
    match = _HEAD.fullmatch(head)
    kind = match["kind"].lower() if match else ""
    if match is None or kind not in KINDS:
        return Cue(time_s, "note", text=bare)
    words = match["words"].split()
    if kind in ("mood", "theme") and not words:
        words, rest = rest.split()[:1], " ".join(rest.split()[1:])
    duration_s = float((match["duration"] or "0").replace(",", "."))
    percent = match["strength"]
    strength = None if percent is None else round(min(1.0, float(percent) / 100), STRENGTH_DECIMALS)
    try:
        return _named_cue(Cue(time_s, "note", duration_s, strength, text=rest), kind, words)
    except InputError:
        return Cue(time_s, "note", text=bare)


def _named_cue(cue: Cue, kind: str, words: list[str]) -> Cue:
    """A cue of a kind, from the words behind it in its marker.

    Raises:
        InputError: the words mean nothing for such a cue.
    """
    if kind == "mood" and len(words) == 1:
        return replace(cue, kind="mood", mood=mood_name(words[0]))
    if kind == "theme" and len(words) == 1:
        return replace(cue, kind="theme", theme=words[0].upper())
    shape = _SHAPE.fullmatch(" ".join(words))
    if kind == "cut" and shape is not None:  # as this program names cuts in MIDI files
        kind = shape["kind"] or kind
        words = []
    if words or kind not in KINDS:
        raise InputError(f"{quoted(' '.join(words))} means nothing for the kind {kind}")
    return replace(cue, kind=kind)
