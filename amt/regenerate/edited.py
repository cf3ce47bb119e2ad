"""New bars in an edited MIDI file: match its tracks with the plan's, then replace notes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from amt.regenerate.additions import with_chord_names, with_track
from amt.regenerate.events import to_bytes
from amt.regenerate.mapping import read_decisions
from amt.regenerate.matching import Link, Matching, match_tracks
from amt.regenerate.new_bars import NewBars, Placement
from amt.regenerate.placing import bar_offset
from amt.regenerate.similarity import Part
from amt.regenerate.splicing import with_notes
from amt.regenerate.streams import Stream, streams_of
from amt.regenerate.summary import TrackMatch, change_remarks, placement_remarks, table
from amt.types import Note
from render.files.smf import SmfFile

_MELODIC_CHANNELS = tuple(channel for channel in range(16) if channel != 9)


@dataclass(frozen=True, slots=True)
class EditedFile:
    """The edited file with its new bars."""

    data: bytes
    matches: tuple[TrackMatch, ...]
    remarks: tuple[str, ...]
    """Remarks for the user, one per line."""


def with_new_bars(file: SmfFile, new: NewBars, decisions: Sequence[str] = ()) -> EditedFile:
    """Return a file with new bars.

    Args:
        file: as it was edited.
        new: the bars.
        decisions: the user's mapping of tracks, such as ``Horns=harmony``; see
            :func:`amt.regenerate.mapping.read_decisions`.

    Raises:
        InputError: the file has other bars than the plan, or tracks whose correspondence is not
            certain.
        MidiError: there is no channel for a track that the file is to get.
    """
    streams = streams_of(file)
    ours, parts = _parts(new), [stream.part for stream in streams]
    offset = bar_offset(new.plan.grid, file, new.span, _pooled(ours), _pooled(parts))
    theirs = [_moved(part, -offset) for part in parts]
    said = read_decisions(decisions, _names(new), [part.name for part in parts])
    matching = match_tracks(ours, theirs, said)
    place = Placement(new.span, offset, file.ticks_per_beat)
    shares = _distributed(new, matching, ours, theirs)
    made, is_expressive = _with_shares(file, streams, shares, place)
    for i in matching.added:
        made = with_track(made, new.after.tracks[i], place)
    transposed = any(link.common.shift % 12 for link in matching.links)
    named = made if transposed else with_chord_names(made, new.after.chord_names, place)
    remarks = [f"passed over {', '.join(file.passed_over)}"] if file.passed_over else []
    remarks += placement_remarks(new, file, place)
    remarks += change_remarks(
        _found(matching, ours), is_expressive=is_expressive, is_renamed=named is not made
    )
    return EditedFile(to_bytes(named), table(matching, ours, streams), tuple(remarks))


def _with_shares(
    file: SmfFile,
    streams: Sequence[Stream],
    shares: Sequence[tuple[Link, list[Note]]],
    place: Placement,
) -> tuple[SmfFile, bool]:
    """The file with the notes of each link, and whether bends or aftertouch went with the old."""
    channels: dict[int, dict[int, list[Note]]] = defaultdict(lambda: defaultdict(list))
    for link, notes in shares:  # without new notes, too, so that the old ones go
        stream = streams[link.theirs]
        channels[stream.chunk][stream.channel] += [place.note(note) for note in notes]
    tracks = list(file.tracks)
    is_expressive = False
    for chunk, notes_of_channel in channels.items():
        tracks[chunk], found = with_notes(tracks[chunk], place.span, notes_of_channel)
        is_expressive |= found
    return replace(file, tracks=tuple(tracks)), is_expressive


def _found(matching: Matching, ours: Sequence[Part]) -> float:
    """Share of the notes of the plan that are in the file: pitched ones of tracks that it has."""
    links = [link for link in matching.links if not ours[link.ours].is_drum]
    notes = {(link.ours, n) for link in links for n in link.common.ours}
    total = sum(len(ours[i].onsets) for i in {link.ours for link in links})
    return len(notes) / total if total else 1.0


# What is compared.


def _parts(new: NewBars) -> list[Part]:
    """The tracks of the plan, with the notes from before."""
    melodic = 0
    parts: list[Part] = []
    for i, track in enumerate(new.after.tracks):
        old = new.before.tracks[i].notes if i < len(new.before.tracks) else ()
        channel = 9 if track.is_drum else _MELODIC_CHANNELS[melodic % len(_MELODIC_CHANNELS)]
        melodic += not track.is_drum
        onsets = tuple((note.start, note.pitch) for note in old)
        parts.append(Part(track.name, onsets, track.program, channel, track.is_drum))
    return parts


def _names(new: NewBars) -> dict[str, int]:
    """Names and roles of the tracks of the plan -> index."""
    names = {track.name: i for i, track in enumerate(new.after.tracks)}
    roles = {role: names[name] for role, name in new.roles.items() if name in names}
    return names | {role: i for role, i in roles.items() if role not in names}


def _pooled(parts: Sequence[Part]) -> list[tuple[int, int]]:
    """The notes of all that are not drums, which repeat themselves, or of these if that is all."""
    pitched = [onset for part in parts if not part.is_drum for onset in part.onsets]
    return sorted(pitched or [onset for part in parts for onset in part.onsets])


def _moved(part: Part, ticks: int) -> Part:
    return replace(part, onsets=tuple((start + ticks, pitch) for start, pitch in part.onsets))


# Where the new notes go.


def _distributed(
    new: NewBars, matching: Matching, ours: Sequence[Part], theirs: Sequence[Part]
) -> list[tuple[Link, list[Note]]]:
    """The new notes of each link, at the pitch at which the file plays them."""
    found: list[tuple[Link, list[Note]]] = []
    for i, track in enumerate(new.after.tracks):
        links = matching.of_ours(i)
        heads = [link for link in links if not link.layer]
        notes = [note for note in track.notes if note.start in new.span]
        shares: dict[int, list[Note]] = {link.theirs: [] for link in heads}
        pitches = {link.theirs: _pitches(link, ours[i], theirs[link.theirs]) for link in heads}
        for note in notes if heads else ():
            shares[min(pitches, key=lambda j: _distance(note.pitch, pitches[j]))].append(note)
        for link in links:
            share = notes if link.layer else shares[link.theirs]
            found.append((link, [_transposed(note, link.common.shift) for note in share]))
    return found


def _pitches(link: Link, ours: Part, theirs: Part) -> list[int]:
    """The pitches of a track of the plan that lie in a track of the file."""
    pitches = [ours.onsets[n][1] for n in link.common.ours]
    return pitches or [pitch - link.common.shift for _, pitch in theirs.onsets]


def _distance(pitch: int, pitches: Sequence[int]) -> tuple[int, int]:
    """Semitones to the nearest pitch, and how rare that is."""
    nearest = min((abs(pitch - other) for other in pitches), default=128)
    return nearest, -sum(abs(pitch - other) == nearest for other in pitches)


def _transposed(note: Note, semitones: int) -> Note:
    """A note higher or lower, by octaves less where it would lie outside MIDI's pitches."""
    pitch = note.pitch + semitones
    while not 0 <= pitch <= 127:
        pitch += 12 if pitch < 0 else -12
    return replace(note, pitch=pitch)
