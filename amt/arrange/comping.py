"""The network's accompaniment in the rhythm of a style.

The network learned its accompaniment from piano arrangements of pop songs, whatever the style. In
styles that comp (:attr:`amt.arrange.styles.Style.comps`), its notes of a cell are replaced by the
voicings of the harmony in the figure of the style that has as many notes, so that the density is
still the network's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amt.arrange.figures import FIGURE_RHYTHMS
from amt.arrange.patterns import note_length, strummed
from amt.arrange.placing import Placed
from amt.arrange.score import STRUMS, ChordOnset, Score
from amt.arrange.styles import Instrument
from amt.arrange.textures import Rhythm
from amt.arrange.tracks import Draft

STAYS = 0.3
"""Relative error of its number of notes up to which a rhythm goes on, rather than a nearer one."""
_STREAM = 7
"""Second word of the seed of the numbers that choose the phrases."""


def comped(drafts: Sequence[Draft], score: Score, player: Instrument, seed: int) -> list[Draft]:
    """Return the accompaniment, in the phrases that comp by the figures of the style.

    Args:
        drafts: of the accompaniment, as the network wrote it.
        score: of the piece.
        player: its instrument.
        seed: decides which phrases comp.
    """
    form = score.form
    draws = np.random.default_rng([seed, _STREAM]).random(form.cells[-1].phrase + 1)
    kept: list[Draft] = []
    by_cell: dict[int, int] = {}
    for draft in drafts:
        index = form.cell_index(draft.start)
        if draft.start >= form.ending or draws[form.cells[index].phrase] >= score.style.comps:
            kept.append(draft)
        else:
            by_cell[index] = by_cell.get(index, 0) + 1
    rhythm: Rhythm | None = None
    for index, count in sorted(by_cell.items()):
        rhythm = _rhythm(score, index, count, rhythm)
        kept += _cell(score, player, index, rhythm)
    return sorted(kept)


def _rhythm(score: Score, index: int, count: int, last: Rhythm | None) -> Rhythm:
    """The rhythm whose figure has about so many notes: the last one if it is near enough."""
    errors: dict[Rhythm, float] = {
        rhythm: abs(_notes(score, index, rhythm) - count) / count
        for rhythm in FIGURE_RHYTHMS
        if rhythm != "hold"
    }
    if last is not None and errors[last] <= STAYS:
        return last
    return min(errors, key=errors.__getitem__)


def _notes(score: Score, index: int, rhythm: Rhythm) -> int:
    texture = score.textures[index]
    return sum(len(score.voices_at(hit, texture)) for hit in score.comping(index, rhythm))


def _cell(score: Score, player: Instrument, index: int, rhythm: Rhythm) -> list[Draft]:
    form, cell = score.form, score.form.cells[index]
    drafts: list[Draft] = []
    for hit in score.comping(index, rhythm):
        pitches = _in_range(score, player, hit, index)
        if pitches:
            end = min(hit.end, form.regions[form.region_at(hit.start)].end, form.ending)
            length = note_length(end - hit.start, player.gate, cell.arousal)
            onset = ChordOnset(hit.start, end, pitches, STRUMS.get(hit.symbol, 0))
            drafts += strummed(score, onset, hit.start + length)
    return drafts


def _in_range(score: Score, player: Instrument, hit: Placed, index: int) -> tuple[int, ...]:
    """The pitches of a hit that its player has."""
    pitches = score.voices_at(hit, score.textures[index])
    return tuple(pitch for pitch in pitches if player.low <= pitch <= player.high)
