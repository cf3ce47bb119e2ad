"""The base of all errors that a user can cause and mend, in :mod:`amt` and :mod:`render` alike.

It lies here because both packages stand on :mod:`render.files` and on nothing else together.
"""


class AmtError(Exception):
    """Base of every error that input or environment can cause.

    Its message is one sentence that says what came, what was expected, and what to do; an error of
    another class is a bug.
    """
