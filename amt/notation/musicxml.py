"""Score → MusicXML 3.1 (W3C Music Notation Community Group), as notation programs read it.

A quarter note has 480 divisions, so durations are ticks. Voices are numbered 1 to 4 on the first
staff, 5 to 8 on the second; what a voice but the first rests is skipped with ``forward``, so that
no rests are heaped on one staff. Chord symbols, tempo and rehearsal marks are in the first part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from amt.chords import parse_chord
from amt.errors import ChordError
from amt.notation.bars import Bar, BarLines
from amt.notation.parts import Score, ScorePart, Staff
from amt.notation.percussion import drum_of
from amt.notation.spelling import Speller
from amt.notation.values import Value, spans_of, values_of
from amt.notation.voices import MOST_VOICES, Chord
from amt.types import TICKS_PER_BEAT, TextEvent, TimeSignature

_KINDS = {
    "maj": "major", "min": "minor", "dim": "diminished", "aug": "augmented",
    "sus2": "suspended-second", "sus4": "suspended-fourth", "7": "dominant",
    "maj7": "major-seventh", "min7": "minor-seventh", "min6": "minor-sixth",
    "maj6": "major-sixth", "hdim7": "half-diminished", "dim7": "diminished-seventh",
}  # fmt: skip
_NEW_TEMPO = 0.06
"""Change of tempo, as a share, from which it is printed; smaller ones are only played."""
_STAFF_MM = ((3, 6.5), (8, 5.5), (1 << 30, 4.0))
"""Most staves, and the height in mm of one: pianists read 6 to 7 mm, conductors 4 (Gould, *Behind
Bars*, 2011)."""
_STAFF_TENTHS = 110
"""Height of a staff with the room below it, in tenths: a staff alone has 40."""
_A4_MM, _A3_MM, _MARGIN_MM = (210, 297), (297, 420), 12
"""Width and height of pages, and their margin."""
_ABBREVIATIONS = {
    "flute": "Fl.", "flutes": "Fl.", "piccolo": "Picc.", "oboe": "Ob.", "oboes": "Ob.",
    "clarinet": "Cl.", "clarinets": "Cl.", "bassoon": "Bsn.", "bassoons": "Bsn.", "horn": "Hn.",
    "horns": "Hn.", "trumpet": "Tpt.", "trumpets": "Tpt.", "trombone": "Tbn.",
    "trombones": "Tbn.", "tuba": "Tba.", "timpani": "Timp.", "harp": "Hp.", "percussion": "Perc.",
    "violins": "Vln.", "violins i": "Vln. I", "violins ii": "Vln. II", "violas": "Vla.",
    "cellos": "Vc.", "basses": "Db.", "piano": "Pno.",
}  # fmt: skip
"""What scores call instruments from the second system on."""
_DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 3.1 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">'
)
_Placed = tuple[int, ET.Element]
"""Position in a bar and what stands there."""


def musicxml(score: Score, sections: Sequence[TextEvent] = ()) -> bytes:
    """Return the file of a score.

    Args:
        score: what is written.
        sections: their moods, for rehearsal marks.
    """
    root = score_element(score, sections)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f"<?xml version='1.0' encoding='UTF-8'?>\n{_DOCTYPE}\n{text}\n".encode()


def score_element(score: Score, sections: Sequence[TextEvent] = ()) -> ET.Element:
    """Return the root of the file; likewise."""
    root = ET.Element("score-partwise", version="3.1")
    if score.song.title:
        _text(ET.SubElement(root, "work"), "work-title", score.song.title)
    encoding = ET.SubElement(ET.SubElement(root, "identification"), "encoding")
    _text(encoding, "software", "amt-soundtrack")
    _layout(root, sum(len(part.staves) for part in score.parts))
    parts = ET.SubElement(root, "part-list")
    for number, part in enumerate(score.parts, 1):
        _listed(parts, part, number)
    for number, part in enumerate(score.parts, 1):
        root.append(_PartWriter(score, part, number, sections if number == 1 else ()).element)
    return root


def _layout(root: ET.Element, n_staves: int) -> None:
    """Height of staves and size of pages, so that lines hold several bars (:data:`_STAFF_MM`)."""
    staff_mm = next(size for most, size in _STAFF_MM if n_staves <= most)
    tenth_mm = staff_mm / 40
    page_mm = _A4_MM
    if n_staves * _STAFF_TENTHS * tenth_mm > page_mm[1] - 2 * _MARGIN_MM:
        page_mm = _A3_MM
    defaults = ET.SubElement(root, "defaults")
    scaling = ET.SubElement(defaults, "scaling")
    _text(scaling, "millimeters", f"{staff_mm:g}")
    _text(scaling, "tenths", 40)
    layout = ET.SubElement(defaults, "page-layout")
    _text(layout, "page-height", round(page_mm[1] / tenth_mm))
    _text(layout, "page-width", round(page_mm[0] / tenth_mm))
    margins = ET.SubElement(layout, "page-margins", type="both")
    for side in ("left", "right", "top", "bottom"):
        _text(margins, f"{side}-margin", round(_MARGIN_MM / tenth_mm))


def _text(parent: ET.Element, tag: str, text: object, **values: str) -> ET.Element:
    element = ET.SubElement(parent, tag, values)
    element.text = "".join(c for c in str(text) if c.isprintable())
    return element


def _listed(parts: ET.Element, part: ScorePart, number: int) -> None:
    entry = ET.SubElement(parts, "score-part", id=f"P{number}")
    _text(entry, "part-name", part.name)
    _text(entry, "part-abbreviation", abbreviated(part.name))
    names = {p: drum_of(p).name for p in part.pitches} if part.is_drum else {0: part.name}
    for pitch, name in names.items():
        instrument = ET.SubElement(entry, "score-instrument", id=_instrument(number, pitch))
        _text(instrument, "instrument-name", name)
    for pitch in names:
        midi = ET.SubElement(entry, "midi-instrument", id=_instrument(number, pitch))
        channels = [c for c in range(1, 17) if c != 10]
        _text(midi, "midi-channel", 10 if part.is_drum else channels[(number - 1) % 15])
        _text(midi, "midi-program", part.program + 1)
        if part.is_drum:
            _text(midi, "midi-unpitched", pitch + 1)


def _instrument(number: int, pitch: int) -> str:
    return f"P{number}-I{pitch + 1}"


def abbreviated(name: str) -> str:
    """Return a short name for the second system on.

    >>> abbreviated("French horns"), abbreviated("Trombones"), abbreviated("Pad")
    ('Fr. hor.', 'Tbn.', 'Pad')
    """
    if name.lower() in _ABBREVIATIONS:
        return _ABBREVIATIONS[name.lower()]
    words = name.split()
    if len(name) <= 6 or not words:
        return name
    sizes = [2, 3] if len(words) > 1 else [3]
    return " ".join(
        word if len(word) <= size + 1 else f"{word[:size]}."
        for word, size in zip(words[:2], sizes, strict=False)
    )


class _PartWriter:
    """Writes one part; ``element`` is the result."""

    def __init__(
        self, score: Score, part: ScorePart, number: int, sections: Sequence[TextEvent]
    ) -> None:
        self._score, self._part, self._number = score, part, number
        song = score.song
        self._speller = Speller(song.key, song.chord_names, song.key_changes)
        self._keys = {score.bars[0].start: song.key} if score.bars else {}
        lines = BarLines(score.bars)
        for change in song.key_changes:  # a key is written at the bar line before it
            self._keys[score.bars[lines.index(change.tick)].start] = change.key
        self._next = [[0] * len(staff.voices) for staff in part.staves]
        self.element = ET.Element("part", id=f"P{number}")
        general = list(_general(score, sections)) if number == 1 else []
        before: Bar | None = None
        for index, bar in enumerate(score.bars):
            while general and general[0][0] < bar.start:
                general.pop(0)
            placed = [(t - bar.start, e) for t, e in general if t < bar.end]
            general = general[len(placed) :]
            self._measure(index, bar, before, placed)
            before = bar
        barline = ET.SubElement(self.element[-1], "barline", location="right")
        _text(barline, "bar-style", "light-heavy")

    def _measure(self, index: int, bar: Bar, before: Bar | None, placed: list[_Placed]) -> None:
        measure = ET.SubElement(self.element, "measure", number=str(index + 1))
        if not bar.is_whole:
            measure.set("implicit", "yes")
        signature = bar.signature if before is None or _is_new(bar, before) else None
        if signature is not None or bar.start in self._keys:
            measure.append(self._attributes(bar, signature, is_first=before is None))
        if (mark := self._part.marks.get(index)) is not None:
            placed = [*placed, (self._first_onset(bar), _dynamic(mark))]
        now = _place(measure, sorted(placed, key=lambda item: item[0]))
        written = 0
        for number, staff in enumerate(self._part.staves):
            for voice in range(max(len(staff.voices), 1)):
                spans = spans_of(self._sounding(number, voice, bar), bar)
                if voice and all(span.chord is None for span in spans):
                    continue
                _move(measure, now, 0)
                now = bar.length
                written += 1
                for value in values_of(spans, bar, self._part.grid):
                    self._value(measure, value, number, voice)

    def _sounding(self, staff: int, voice: int, bar: Bar) -> list[Chord]:
        """Chords of a voice that sound in a bar; bars are asked for in order."""
        voices = self._part.staves[staff].voices
        if voice >= len(voices):
            return []
        chords, first = voices[voice], self._next[staff][voice]
        while first < len(chords) and chords[first].end <= bar.start:
            first += 1
        self._next[staff][voice] = first
        last = first
        while last < len(chords) and chords[last].start < bar.end:
            last += 1
        return list(chords[first:last])

    def _first_onset(self, bar: Bar) -> int:
        """Position of the first chord that begins in a bar."""
        onsets = (
            chord.start
            for number, staff in enumerate(self._part.staves)
            for voice in range(len(staff.voices))
            for chord in self._sounding(number, voice, bar)
            if chord.start >= bar.start
        )
        return min(onsets, default=bar.start) - bar.start

    def _attributes(
        self, bar: Bar, signature: TimeSignature | None, *, is_first: bool
    ) -> ET.Element:
        attributes = ET.Element("attributes")
        part, key = self._part, self._keys.get(bar.start)
        if is_first:
            _text(attributes, "divisions", TICKS_PER_BEAT)
        if key is not None:
            element = ET.SubElement(attributes, "key")
            _text(element, "fifths", 0 if part.is_drum else key.sharps)
            _text(element, "mode", key.mode)
        if signature is not None:
            time = ET.SubElement(attributes, "time")
            _text(time, "beats", signature.numerator)
            _text(time, "beat-type", signature.denominator)
        if is_first:
            if len(part.staves) > 1:
                _text(attributes, "staves", len(part.staves))
            for number, staff in enumerate(part.staves, 1):
                attributes.append(_clef(staff, number))
        return attributes

    def _value(self, measure: ET.Element, value: Value, staff: int, voice: int) -> None:
        if value.chord is None:
            if voice and not value.tuplet:
                forward = ET.SubElement(measure, "forward")
                _text(forward, "duration", value.length)
                return
            note = ET.SubElement(measure, "note")
            rest = ET.SubElement(note, "rest")
            if value.is_whole_bar:
                rest.set("measure", "yes")
            self._timed(note, value, staff, voice)
            return
        for index, pitch in enumerate(value.chord.pitches):
            note = ET.SubElement(measure, "note")
            if index:
                ET.SubElement(note, "chord")
            self._pitch(note, pitch, value.chord.start, self._part.staves[staff])
            self._timed(note, value, staff, voice, pitch=pitch, is_first=not index)

    def _pitch(self, note: ET.Element, pitch: int, tick: int, staff: Staff) -> None:
        if self._part.is_drum:
            drum = drum_of(pitch)
            unpitched = ET.SubElement(note, "unpitched")
            _text(unpitched, "display-step", drum.step)
            _text(unpitched, "display-octave", drum.octave)
            return
        name = self._speller.name(pitch, tick)
        element = ET.SubElement(note, "pitch")
        _text(element, "step", name.step)
        if name.alter:
            _text(element, "alter", name.alter)
        _text(element, "octave", name.octave)

    def _timed(
        self,
        note: ET.Element,
        value: Value,
        staff: int,
        voice: int,
        pitch: int | None = None,
        is_first: bool = True,
    ) -> None:
        """What every note and rest has, in the order of the format."""
        _text(note, "duration", value.length)
        ties = ["stop"] * value.tied_from + ["start"] * value.tied_to
        for kind in ties:
            ET.SubElement(note, "tie", type=kind)
        if self._part.is_drum and pitch is not None:
            ET.SubElement(note, "instrument", id=_instrument(self._number, pitch))
        _text(note, "voice", staff * MOST_VOICES + voice + 1)
        if not value.is_whole_bar:
            _text(note, "type", value.kind)
        for _ in range(value.dots):
            ET.SubElement(note, "dot")
        if value.tuplet:
            ratio = ET.SubElement(note, "time-modification")
            _text(ratio, "actual-notes", 3)
            _text(ratio, "normal-notes", 2)
            _text(ratio, "normal-type", "eighth")
        if self._part.is_drum and pitch is not None:
            _text(note, "stem", "down" if voice else "up")
            if (head := drum_of(pitch).head) != "normal":
                _text(note, "notehead", head)
        if len(self._part.staves) > 1:
            _text(note, "staff", staff + 1)
        _notations(note, ties, value.tuplet if is_first else "")


def _notations(note: ET.Element, ties: Sequence[str], tuplet: str) -> None:
    if not ties and tuplet not in ("start", "stop"):
        return
    notations = ET.SubElement(note, "notations")
    for kind in ties:
        ET.SubElement(notations, "tied", type=kind)
    if tuplet in ("start", "stop"):
        ET.SubElement(notations, "tuplet", type=tuplet, bracket="yes")


def _is_new(bar: Bar, before: Bar) -> bool:
    """Whether the metre changes."""
    ours, theirs = bar.signature, before.signature
    return (ours.numerator, ours.denominator) != (theirs.numerator, theirs.denominator)


def _clef(staff: Staff, number: int) -> ET.Element:
    element = ET.Element("clef", number=str(number))
    _text(element, "sign", staff.clef.sign)
    _text(element, "line", staff.clef.line)
    if staff.clef.octaves:
        _text(element, "clef-octave-change", staff.clef.octaves)
    return element


def _move(measure: ET.Element, now: int, to: int) -> None:
    """Move the position of what is written next."""
    if now != to:
        element = ET.SubElement(measure, "forward" if to > now else "backup")
        _text(element, "duration", abs(to - now))


def _place(measure: ET.Element, placed: Sequence[_Placed]) -> int:
    """Write what stands at positions in order; returns the last position."""
    now = 0
    for position, element in placed:
        _move(measure, now, position)
        now = position
        measure.append(element)
    return now


# What stands above the staff.


def _general(score: Score, sections: Sequence[TextEvent]) -> Iterator[_Placed]:
    """Ticks and elements of tempo, sections and chords, in order."""
    placed = [
        *_tempos(score),
        *((s.tick, e) for i, s in enumerate(sections) for e in _rehearsal(i, s.text)),
        *((c.tick, e) for c in score.song.chord_names if (e := _harmony(c.text)) is not None),
    ]
    last = score.bars[-1].end if score.bars else 0
    return iter(sorted((p for p in placed if p[0] < last), key=lambda item: item[0]))


def _tempos(score: Score) -> Iterator[_Placed]:
    shown_bpm = 0.0
    for change in score.song.tempos:
        bpm = 60e6 / change.us_per_beat
        is_shown = abs(bpm - shown_bpm) > _NEW_TEMPO * shown_bpm
        sound = ET.Element("sound", tempo=f"{bpm:.6f}".rstrip("0").rstrip("."))
        direction = ET.Element("direction", placement="above")
        if not is_shown:  # a blank, since MuseScore prints the number of a sound that stands alone
            words = ET.SubElement(ET.SubElement(direction, "direction-type"), "words")
            words.text = "\u00a0"
            direction.append(sound)
            yield change.tick, direction
            continue
        if not shown_bpm and score.swing != 240:
            kind = ET.SubElement(direction, "direction-type")
            _text(kind, "words", "Swing  ")
        mark = ET.SubElement(ET.SubElement(direction, "direction-type"), "metronome")
        _text(mark, "beat-unit", "quarter")
        _text(mark, "per-minute", round(bpm))
        direction.append(sound)
        shown_bpm = bpm
        yield change.tick, direction


def _rehearsal(index: int, mood: str) -> Iterator[ET.Element]:
    """A letter and the mood; MuseScore shows only one of them where they are in one direction."""
    letter = chr(ord("A") + index % 26) + (str(index // 26 + 1) if index >= 26 else "")
    marks: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("rehearsal", letter, {}),
        ("words", mood, {"font-style": "italic"}),
    )
    for tag, text, values in marks:
        direction = ET.Element("direction", placement="above")
        _text(ET.SubElement(direction, "direction-type"), tag, text, **values)
        yield direction


def _dynamic(mark: str) -> ET.Element:
    direction = ET.Element("direction", placement="below")
    dynamics = ET.SubElement(ET.SubElement(direction, "direction-type"), "dynamics")
    ET.SubElement(dynamics, mark)
    return direction


def _harmony(name: str) -> ET.Element | None:
    """The symbol of a chord; None where the vocabulary lacks it or no chord sounds."""
    try:
        chord = parse_chord(name)
    except ChordError:
        return None
    if chord.root is None or name[:1] not in "ABCDEFG":
        return None
    accidental = name[1:2] if name[1:2] in ("#", "b") else ""
    element = ET.Element("harmony")
    root = ET.SubElement(element, "root")
    _text(root, "root-step", name[0])
    if accidental:
        _text(root, "root-alter", 1 if accidental == "#" else -1)
    suffix = name[1 + len(accidental) :]
    kind = _text(element, "kind", _KINDS[chord.quality])
    if suffix and ":" not in suffix:
        kind.set("text", suffix)
    return element
