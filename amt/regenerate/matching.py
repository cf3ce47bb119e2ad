"""The correspondence between tracks of an edited file and tracks of the plan.

A track of the plan may be split over several of the file (hands, single drums), and a track of the
file may hold several of the plan (all on one channel). First the one-to-one assignment with the
greatest sum of similarities is found (Kuhn, "The Hungarian method", 1955); then splits and merges
are found from the notes that remain. If a track of the plan and a track of the file both remain,
the correspondence is not guessed: it is an error, which names the option that decides it.

The thresholds were set by hand on edits that notation programs and sequencers make; the edits are
in ``tests/edited_midi.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from amt.errors import InputError
from amt.regenerate.mapping import Decisions, shown
from amt.regenerate.similarity import (
    Common,
    Part,
    Similarity,
    common_notes,
    name_evidence,
    similarity,
)

THRESHOLD = 0.5
"""Similarity, 0 to 1, from which two tracks are matched."""
_SPLIT = 0.5
"""Least share of the notes of a track of the file that are missing notes of a track of the plan."""
_MERGED = 0.5
"""Least share of the notes of a track of the plan that are found in tracks of others."""
_LEAST_SHARE = 0.2
"""The same two shares for a single track, if other evidence supports it."""
_NAMED = 0.8
"""Similarity, of name and program, from which a track without notes is matched."""
_LAYER = 0.8
"""Share of the notes of a track from which, if another track plays them too, it is a copy."""


@dataclass(frozen=True, slots=True)
class Link:
    """A track of the file that holds notes of a track of the plan."""

    ours: int
    """Index of the track of the plan."""
    theirs: int
    """Index of the track of the file."""
    common: Common
    confidence: float
    """0 to 1; 1 where the user has decided."""
    reasons: tuple[str, ...]
    layer: bool = False
    """Whether another link of the same track of the plan has the same notes."""


@dataclass(frozen=True, slots=True)
class Matching:
    """The correspondence of all tracks."""

    links: tuple[Link, ...]
    added: tuple[int, ...] = ()
    """Tracks of the plan that are to be added to the file."""
    left_out: tuple[int, ...] = ()
    """Tracks of the plan that the file is not to have."""
    kept: tuple[int, ...] = ()
    """Tracks of the file that are the user's own."""
    copies: tuple[tuple[int, int], ...] = ()
    """Those of them that play the notes of a track of the plan, and that track."""

    def of_theirs(self, index: int) -> tuple[Link, ...]:
        """Return the links of a track of the file."""
        return tuple(link for link in self.links if link.theirs == index)

    def of_ours(self, index: int) -> tuple[Link, ...]:
        """Return the links of a track of the plan."""
        return tuple(link for link in self.links if link.ours == index)


@dataclass(slots=True)
class _Search:
    """Links found so far, and the notes of each track that they explain."""

    ours: Sequence[Part]
    theirs: Sequence[Part]
    links: list[Link] = field(default_factory=list)

    def found(self, i: int) -> set[int]:
        """Notes of a track of the plan that are found."""
        return {n for link in self.links if link.ours == i for n in link.common.ours}

    def claimed(self, j: int) -> set[int]:
        """Notes of a track of the file that are explained."""
        return {n for link in self.links if link.theirs == j for n in link.common.theirs}

    def missing(self, i: int, j: int, shift: int = 0) -> Common:
        """Notes in common of which neither is found or explained yet."""
        found, claimed = self.found(i), self.claimed(j)
        left = [n for n in range(len(self.ours[i].onsets)) if n not in found]
        free = [n for n in range(len(self.theirs[j].onsets)) if n not in claimed]
        common = common_notes(
            [self.ours[i].onsets[n] for n in left],
            [self.theirs[j].onsets[n] for n in free],
            shift,
        )
        return Common(
            frozenset(left[n] for n in common.ours),
            frozenset(free[n] for n in common.theirs),
            shift,
        )

    def shares_channel(self, j: int, k: int) -> bool:
        """Whether two tracks of the file play on one channel of one port."""
        one, other = self.theirs[j], self.theirs[k]
        return (one.port, one.channel) == (other.port, other.channel)

    def linked(self, i: int) -> bool:
        return any(link.ours == i for link in self.links)

    def used(self, j: int) -> bool:
        return any(link.theirs == j for link in self.links)


def match_tracks(ours: Sequence[Part], theirs: Sequence[Part], decisions: Decisions) -> Matching:
    """Return the correspondence of a plan's tracks with those of a file.

    Args:
        ours: tracks of the plan, with the notes that the file should have; those without any are
            new in the piece.
        theirs: tracks of the file.
        decisions: the correspondences that the user has given.

    Raises:
        InputError: a track of the plan is not found and one of the file is not explained.
    """
    search = _Search(ours, theirs)
    table = {
        (i, j): similarity(part, other)
        for i, part in enumerate(ours)
        for j, other in enumerate(theirs)
        if j not in decisions.own and i not in decisions.absent
    }
    search.links += [
        Link(i, j, table[i, j].common, 1.0, ("as you said", *table[i, j].reasons))
        for i, j in decisions.same
    ]
    _assign(search, table, decisions)
    _find_splits(search, table)
    _find_merged(search, table)
    unmatched = [i for i in range(len(ours)) if not search.linked(i) and i not in decisions.absent]
    new = [i for i in unmatched if not ours[i].onsets or i in decisions.added]
    lost = [i for i in unmatched if i not in new]
    kept = [j for j in range(len(theirs)) if not search.used(j) and theirs[j].onsets]
    originals = {j: _original(search, table, j) for j in kept if j not in decisions.own}
    copies = tuple((j, i) for j, i in originals.items() if i is not None)
    doubtful = [j for j, i in originals.items() if i is None]
    if lost and doubtful:
        raise InputError(_refusal(ours[lost[0]].name, theirs, doubtful[0]))
    return Matching(
        links=tuple(_with_layers(search.links)),
        added=tuple(new),
        left_out=tuple(sorted({*lost, *decisions.absent})),
        kept=tuple(kept),
        copies=copies,
    )


def _refusal(ours: str, theirs: Sequence[Part], j: int) -> str:
    name, number = theirs[j].name, str(j + 1)
    unique = sum(part.name == name for part in theirs) == 1 and name == shown(name)
    key = name if name and unique else number
    label = f"track {number}" + (f' "{shown(name)}"' if name else "")
    return (
        f'no track of the MIDI file is like "{shown(ours)}" of the plan, and its {label} is like '
        f'none of the plan: say `map="{key}={shown(ours)}"` if they are the same, `map="{key}=-"` '
        f'if it is your own, or `map="-={shown(ours)}"` if the piece goes without'
    )


def _assign(
    search: _Search, table: dict[tuple[int, int], Similarity], decisions: Decisions
) -> None:
    """Link one track to one where that is likely, with the greatest sum of similarities."""
    decided = {i for i, _ in decisions.same}
    scores = np.zeros((len(search.ours), len(search.theirs)))
    for (i, j), found in table.items():
        enough = found.content >= _SPLIT if i in decided else found.score >= THRESHOLD
        enough &= bool(search.ours[i].onsets) or found.score >= _NAMED
        if enough and not search.used(j) and i not in decisions.added:
            scores[i, j] = found.score
    for i, j in zip(*map(np.ndarray.tolist, linear_sum_assignment(-scores)), strict=True):
        if scores[i, j]:
            found = table[i, j]
            search.links.append(Link(i, j, found.common, found.score, found.reasons))


def _find_splits(search: _Search, table: dict[tuple[int, int], Similarity]) -> None:
    """Link tracks of the file that hold what is missing of a track of the plan.

    On the channel of one part alone, less is enough: a name like that of the part, or few notes.
    """
    for j, other in enumerate(search.theirs):
        if search.used(j) or not other.onsets:
            continue
        candidates = [i for i, k in table if k == j]
        found = {i: search.missing(i, j, table[i, j].common.shift) for i in candidates}
        best = max(found, key=lambda i: len(found[i].ours), default=None)
        if best is not None and len(found[best].ours) >= _SPLIT * len(other.onsets):
            _link_notes(search, best, j, found[best])
            continue
        same = {link.ours for link in search.links if search.shares_channel(link.theirs, j)}
        if len(same) == 1 and (only := same.pop()) in found:
            few = len(found[only].ours) >= _LEAST_SHARE * len(other.onsets)
            if few or name_evidence(search.ours[only].name, other.name):
                _link_notes(search, only, j, found[only], "channel")


def _find_merged(search: _Search, table: dict[tuple[int, int], Similarity]) -> None:
    """Link tracks of the plan whose notes lie in tracks of the file that hold others, too."""
    for i, part in enumerate(search.ours):
        if search.linked(i) or not part.onsets:
            continue
        before = len(search.links)
        for j in sorted(
            (j for k, j in table if k == i), key=lambda j: -len(search.missing(i, j).ours)
        ):
            common = search.missing(i, j)
            if len(common.ours) >= _LEAST_SHARE * len(part.onsets):
                _link_notes(search, i, j, common)
        if len(search.found(i)) < _MERGED * len(part.onsets):
            del search.links[before:]


def _link_notes(search: _Search, i: int, j: int, common: Common, *reasons: str) -> None:
    count, total = len(common.ours), len(search.ours[i].onsets)
    smaller = min(total, len(search.theirs[j].onsets))
    search.links.append(
        Link(i, j, common, count / (smaller + 1), (f"{count} of {total} notes", *reasons))
    )


def _original(search: _Search, table: dict[tuple[int, int], Similarity], j: int) -> int | None:
    """The track of the plan, found elsewhere, whose notes a track of the file plays; or None."""
    least = _LAYER * len(search.theirs[j].onsets)
    found = ((i, len(s.common.theirs)) for (i, k), s in table.items() if k == j)
    return next((i for i, n in found if n >= least and search.linked(i)), None)


def _with_layers(links: Sequence[Link]) -> list[Link]:
    """The links, those marked that play what the links of the same part before them play."""
    marked: list[Link] = []
    for link in links:
        known = {n for other in marked if other.ours == link.ours for n in other.common.ours}
        mine = link.common.ours
        copy = bool(mine) and len(mine & known) >= _LAYER * len(mine)
        marked.append(replace(link, layer=copy))
    return marked
