"""The base class of all errors that a user can cause and mend, and how messages quote input.

It is in :mod:`render.files` because that is all that :mod:`amt` and :mod:`render` have in common.
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


def shown(text: object) -> str:
    r"""A name or a path for a message: one printable line of at most :data:`MAX_QUOTED` characters.

    >>> shown("a\nb.mp4")
    'a\\nb.mp4'
    >>> len(shown("folder/" * 40 + "clip.mp4"))
    80
    """
    line = str(text)
    if len(line) > 2 * MAX_QUOTED:  # as in quoted
        line = line[:MAX_QUOTED] + line[-MAX_QUOTED:]
    line = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in line
    )
    if len(line) <= MAX_QUOTED:
        return line
    head = (MAX_QUOTED - 1) // 2
    return f"{line[:head]}…{line[-(MAX_QUOTED - 1 - head) :]}"


def shortened(message: str) -> str:
    """Another library's message, each word of which is at most :data:`MAX_QUOTED` characters long.

    >>> len(shortened("No such option: --" + "x" * 1000))
    96
    """
    return " ".join(shown(word) for word in message.split())


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a message on an unknown word: the most similar known word, or nothing.

    >>> suggestion("orchstral", ["orchestral", "piano"])
    "; did you mean 'orchestral'?"
    """
    close = get_close_matches(word.strip().lower()[:MAX_QUOTED], list(known), n=1, cutoff=0.7)
    return f"; did you mean {close[0]!r}?" if close else ""


class AmtError(Exception):
    """Base of every error that input or environment can cause.

    Its message is one sentence with the value found, what was expected, and what to do. An error
    of another class is a bug.
    """


class WeightsError(AmtError):
    """A weight file is missing, damaged, or of another network or version."""
