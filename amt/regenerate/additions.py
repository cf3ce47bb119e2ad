"""Tracks and chord names that a file gets besides new notes in its tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import mido

from amt.chord_events import chord_events, is_xf_chord, named_chord
from amt.errors import MidiError
from amt.regenerate.events import (
    EventTrack,
    empty_track,
    free_channel,
    joined,
    with_track_changed,
    without,
)
from amt.regenerate.mapping import shown
from amt.regenerate.new_bars import Placement
from amt.regenerate.splicing import with_notes
from amt.types import TextEvent, Track
from render.files.smf import SmfFile, encode_text


def with_track(file: SmfFile, track: Track, place: Placement) -> SmfFile:
    """The file with a track behind the others that plays in the new bars alone.

    Raises:
        MidiError: the file has no free channel.
    """
    free = free_channel(file, is_drum=track.is_drum)
    if free is None:
        raise MidiError(
            f'the MIDI file has no free channel for "{shown(track.name)}": save it as type 1, with '
            "a track for each instrument"
        )
    port, channel = free
    notes = [place.note(note) for note in track.notes if note.start in place.bars]
    setup = [(0, 0, mido.Message("program_change", channel=channel, program=track.program))]
    setup += [
        (
            place.tick(control.tick),
            0,
            mido.Message(
                "control_change", channel=channel, control=control.number, value=control.value
            ),
        )
        for control in track.controls
    ]
    if file.format == 0:
        made, _ = with_notes(joined(file.tracks[0], setup), place.span, {channel: notes})
        return with_track_changed(file, 0, made)
    head = [(0, 0, mido.MetaMessage("track_name", name=encode_text(track.name)))]
    head += [(0, 0, mido.MetaMessage("midi_port", port=port))] if port else []
    keys = [[(t, 0, m) for t, m in events if m.type == "key_signature"] for events in file.tracks]
    head += next(filter(None, keys), [])
    silent = joined(empty_track(file.end), [*head, *setup])
    made, _ = with_notes(silent, place.span, {channel: notes})
    return replace(file, tracks=(*file.tracks, made))


def with_chord_names(file: SmfFile, names: Sequence[TextEvent], place: Placement) -> SmfFile:
    """The file with the plan's chord names in the new bars; itself if it has these, or none."""
    wanted = [(place.tick(name.tick), name.text) for name in names if name.tick in place.bars]
    for chunk, track in enumerate(file.tracks):
        old = _chord_events(track, place.span)
        if not old:
            continue
        named = [(track[i][0], named_chord(track[i][1])) for i in old]
        if [event for event in named if event[1] is not None] == wanted:
            return file
        # Programs drop what they do not know, so only kinds that are there are written.
        kinds = {track[i][1].type for i in old}
        added = [
            (tick, 0, message)
            for tick, text in wanted
            for message in (*chord_events(text), mido.MetaMessage("text", text=encode_text(text)))
            if message.type in kinds
        ]
        return with_track_changed(file, chunk, joined(without(track, old), added))
    return file


def _chord_events(track: EventTrack, span: range) -> list[int]:
    """Indices of the markers, texts and other events in a span that name chords."""
    return [
        i
        for i, (tick, message) in enumerate(track)
        if tick in span and (named_chord(message) is not None or is_xf_chord(message))
    ]
