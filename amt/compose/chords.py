"""Chords sampled from the composer, with the log-odds that suit the piece at hand.

The composer writes in C major or A minor. A piece is therefore sampled in *stretches* of one key
each, every one in its home key, after the last chords of the stretch before in that transposition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch

from amt.chords import Chord, Key, chord_from_id
from amt.compose.grid import Slot
from amt.compose.harmony import HarmonyBias, HarmonyContext, harmony_bias
from amt.compose.options import ComposeOptions
from amt.compose.planned import PlannedChord
from amt.models.chords.decode import sample_chords
from amt.models.chords.network import Composer
from amt.models.video import VideoInput
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.types import ChordSpan

LEAD_SLOTS = 8
"""Slots of the stretch before that the composer is given: four bars, a phrase."""


def piece_chords(
    composer: Composer,
    video: VideoInput,
    context: HarmonyContext,
    keys: Sequence[Key],
    returns: Mapping[int, int],
    options: ComposeOptions,
    reporter: Reporter = DEFAULT_REPORTER,
) -> tuple[ChordSpan, ...]:
    """Sample the chords of a piece.

    Args:
        composer: the network.
        video: the clip at the middle of each of the N slots, as a batch of one.
        context: what the harmony has to suit.
        keys: N keys, of every slot.
        returns: slots that take over the chord of an earlier one, and that slot, as phrases that
            return have the same chords (:func:`amt.compose.degrees.returning_slots`).
        options: seed, primer and sampling.
        reporter: gets the progress.
    """
    generator = torch.Generator().manual_seed(options.seed)
    chords: list[Chord] = []
    starts = [i for i, key in enumerate(keys) if i == 0 or key != keys[i - 1]]
    for start, stop in pairwise([*starts, len(keys)]):
        first = max(0, start - LEAD_SLOTS)
        stretch = context.stretch(start, stop, keys[start].mode)
        to_home = stretch.home.tonic - keys[start].tonic
        given = [*chords[first:], *options.primer[start:stop]]
        ids = sample_chords(
            composer,
            _part(video, first, stop),
            minor=keys[start].mode == "minor",
            options=options.sampling,
            generator=generator,
            **_after(harmony_bias(stretch), start - first),
            primer=[chord.transpose(to_home).id for chord in given],
            reporter=reporter.part(start / len(keys), stop / len(keys)),
        )
        chords += [chord_from_id(i).transpose(-to_home) for i in ids[start - first :]]
    for slot, source in returns.items():
        chords[slot] = chords[source].transpose(keys[slot].tonic - keys[source].tonic)
    return _spans(context.slots, chords, _basses(context.planned, keys))


def _part(video: VideoInput, first: int, stop: int) -> VideoInput:
    """Some slots of a clip."""
    return VideoInput(*[*(tensor[:, first:stop] for tensor in video[:-1]), video.known])


def _after(bias: HarmonyBias, n_lead: int) -> dict[str, torch.Tensor]:
    """Log-odds behind slots whose chords are given."""
    chords = torch.nn.functional.pad(bias.chords, (0, 0, n_lead, 0))
    return {"bias": chords, "change_bias": torch.nn.functional.pad(bias.changes, (n_lead, 0))}


def _basses(planned: Sequence[PlannedChord], keys: Sequence[Key]) -> list[int | None]:
    """[N] pitch class of the pedal point of each slot, or None."""
    return [
        None if chord.pedal is None else (key.tonic + chord.pedal) % 12
        for chord, key in zip(planned, keys, strict=True)
    ]


def _spans(
    slots: Sequence[Slot], chords: Sequence[Chord], basses: Sequence[int | None]
) -> tuple[ChordSpan, ...]:
    """Chords with their first beats; equal neighbours are one."""
    spans: list[ChordSpan] = []
    for slot, chord, bass in zip(slots, chords, basses, strict=True):
        if not spans or (spans[-1].chord, spans[-1].bass) != (chord, bass):
            spans.append(ChordSpan(slot.beat, chord, bass))
    return tuple(spans)
