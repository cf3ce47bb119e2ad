"""The base of all errors that a user can cause and mend, in :mod:`amt` and :mod:`render` alike.

It lies here because both packages stand on :mod:`render.files` and on nothing else together.
"""

from collections.abc import Iterable
from difflib import get_close_matches

MAX_QUOTED = 80
"""Characters of input that a message quotes at most."""


def quoted(value: object) -> str:
    """``repr(value)``, shortened in the middle to :data:`MAX_QUOTED` characters.

    >>> quoted("A minor")
    "'A minor'"
    >>> len(quoted("x" * 1000))
    80
    """
    # Only the ends are needed, so that a million characters are not escaped first.
    if isinstance(value, str) and len(value) > 2 * MAX_QUOTED:
        value = value[:MAX_QUOTED] + value[-MAX_QUOTED:]
    text = repr(value)
    if len(text) <= MAX_QUOTED:
        return text
    head = (MAX_QUOTED - 1) // 2
    return f"{text[:head]}…{text[-(MAX_QUOTED - 1 - head) :]}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """A question that ends a message about an unknown word, or nothing where none is alike.

    >>> suggestion("orchstral", ["orchestral", "piano"])
    "; did you mean 'orchestral'?"
    """
    close = get_close_matches(word.strip().lower()[:MAX_QUOTED], list(known), n=1, cutoff=0.7)
    return f"; did you mean {close[0]!r}?" if close else ""


class AmtError(Exception):
    """Base of every error that input or environment can cause.

    Its message is one sentence that says what came, what was expected, and what to do; an error of
    another class is a bug.
    """


class WeightsError(AmtError):
    """A weight file is missing, damaged, or of another network or version."""
