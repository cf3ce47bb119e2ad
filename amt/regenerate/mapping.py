"""The user's mapping of tracks (option ``--map``), such as ``Horns=harmony``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from amt.errors import InputError
from amt.regenerate.similarity import plain

_NOTHING, _NEW = "-", "+"
"""Signs of the option for no track and for a new track."""
_LONGEST = 40
"""Characters of a name that a message quotes at most."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """The correspondences that the user has given, as indices of tracks."""

    same: tuple[tuple[int, int], ...] = ()
    """Pairs of a track of the plan and a track of the file."""
    own: frozenset[int] = frozenset()
    """Tracks of the file that are the user's own."""
    absent: frozenset[int] = frozenset()
    """Tracks of the plan that the file is not to have."""
    added: frozenset[int] = frozenset()
    """Tracks of the plan that are to be added to the file."""


def shown(name: str) -> str:
    """Return a name as a message quotes it, shortened to 40 characters."""
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def read_decisions(
    texts: Sequence[str], ours: Mapping[str, int], theirs: Sequence[str]
) -> Decisions:
    """Parse the user's mapping of tracks.

    Args:
        texts: each ``THEIRS=OURS``: a name or number of a track of the file, or ``-`` for none and
            ``+`` for a new one; and a name or role of a track of the plan, or ``-`` for none.
        ours: names and roles of the tracks of the plan -> index.
        theirs: names of the tracks of the file; their numbers count from 1.

    Raises:
        InputError: a text has another form, names no track, or contradicts another.
    """
    same: list[tuple[int, int]] = []
    own: set[int] = set()
    absent: set[int] = set()
    added: set[int] = set()
    for text in texts:
        left, equals, right = (part.strip() for part in text.rpartition("="))
        if not (equals and left and right) or {left, right} <= {_NOTHING, _NEW}:
            raise InputError(
                f'`map` is "{shown(text)}"; expected a track of the MIDI file, = and a track of '
                'the plan, as in "Horns=harmony", or "Horns=-" for a track of your own'
            )
        if right == _NOTHING:
            own.add(_their_track(left, theirs))
        elif left in {_NOTHING, _NEW}:
            (absent if left == _NOTHING else added).add(_our_track(right, ours))
        else:
            same.append((_our_track(right, ours), _their_track(left, theirs)))
    decided = Decisions(
        tuple(dict.fromkeys(same)), frozenset(own), frozenset(absent), frozenset(added)
    )
    _check(decided, theirs)
    return decided


def _check(decided: Decisions, theirs: Sequence[str]) -> None:
    twice = [j for _, j in decided.same if j in decided.own]
    if twice:
        raise InputError(
            f'`map` says of "{shown(theirs[twice[0]])}" that it is your own and that it is not: '
            "say one of them"
        )
    ours = {i for i, _ in decided.same}
    if ours & decided.absent or ours & decided.added or decided.absent & decided.added:
        raise InputError("`map` says two things of one track of the plan: say one of them")


def _our_track(name: str, ours: Mapping[str, int]) -> int:
    known = {plain(key): index for key, index in ours.items()}
    if plain(name) in known:
        return known[plain(name)]
    raise InputError(
        f'`map` names "{shown(name)}", but the tracks of the plan are: {", ".join(ours)}'
    )


def _their_track(name: str, theirs: Sequence[str]) -> int:
    found = [j for j, other in enumerate(theirs) if other.casefold() == name.casefold()]
    if not found:
        found = [j for j, other in enumerate(theirs) if plain(name) and plain(other) == plain(name)]
    if not found and name.isascii() and name.isdigit() and 1 <= int(name) <= len(theirs):
        return int(name) - 1
    if len(found) == 1:
        return found[0]
    numbered = ", ".join(f"{j} {shown(other)}".strip() for j, other in enumerate(theirs, 1))
    if found:
        raise InputError(
            f'`map` names "{shown(name)}", which {len(found)} tracks are called: name its number '
            f"instead, of {numbered}"
        )
    raise InputError(
        f'`map` names "{shown(name)}", but the tracks of the MIDI file are: {numbered}'
    )
