"""Chords sampled from the composer, with the log-odds that suit the piece at hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from amt.chords import Chord, Key, chord_from_id
from amt.compose.grid import Slot
from amt.compose.harmony import HarmonyContext, harmony_bias
from amt.compose.options import ComposeOptions
from amt.models.chords.decode import sample_chords
from amt.models.chords.network import Composer
from amt.models.video import VideoInput
from amt.reporter import Reporter
from amt.types import ChordSpan


def piece_chords(
    composer: Composer,
    video: VideoInput,
    context: HarmonyContext,
    key: Key,
    options: ComposeOptions,
    reporter: Reporter,
) -> tuple[ChordSpan, ...]:
    """Sample the chords of a piece.

    Args:
        composer: the network.
        video: the clip at the middle of each of the N slots, as a batch of one.
        context: what the harmony has to suit.
        key: of the piece. The composer samples in C major or A minor; its chords are transposed.
        options: seed, primer and sampling.
        reporter: gets the progress.
    """
    to_home = context.home.tonic - key.tonic
    bias = harmony_bias(context)
    ids = sample_chords(
        composer,
        video,
        minor=key.mode == "minor",
        options=options.sampling,
        generator=torch.Generator().manual_seed(options.seed),
        bias=bias.chords,
        change_bias=bias.changes,
        primer=[chord.transpose(to_home).id for chord in options.primer],
        reporter=reporter,
    )
    return _spans(context.slots, [chord_from_id(i).transpose(-to_home) for i in ids])


def _spans(slots: Sequence[Slot], chords: Sequence[Chord]) -> tuple[ChordSpan, ...]:
    """Chords with their first beats; equal neighbours are one."""
    spans: list[ChordSpan] = []
    for slot, chord in zip(slots, chords, strict=True):
        if not spans or spans[-1].chord != chord:
            spans.append(ChordSpan(slot.beat, chord))
    return tuple(spans)
