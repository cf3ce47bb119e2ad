"""Checks of the files that a command is given, and the staging of those that it writes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from amt.cli import interrupts
from amt.errors import AmtError, InputError, OutputError, quoted, shown
from amt.outputs import (
    EXPORT_SUFFIXES,
    FILM_SUFFIXES,
    MIDI_SUFFIXES,
    PAGE_SUFFIXES,
    PLAN_SUFFIXES,
    SOUND_SUFFIXES,
    Staging,
    check_outputs,
    existing_outputs,
    staging,
)

_RIGHT_OPTION = {
    **dict.fromkeys(MIDI_SUFFIXES, "--out"),
    **dict.fromkeys(SOUND_SUFFIXES, "--wav"),
    **dict.fromkeys(FILM_SUFFIXES, "--mp4"),
    **dict.fromkeys(PAGE_SUFFIXES, "--report"),
    **dict.fromkeys(PLAN_SUFFIXES, "--plan"),
    **dict.fromkeys(EXPORT_SUFFIXES, "--session"),
}
"""Suffix → the option of ``amt generate`` that writes such files."""


_MOST_NAMES = 5
"""Outputs that a message names; more are counted."""


def check_suffix(option: str, path: Path | None, suffixes: Sequence[str]) -> None:
    """Refuse an output of another kind than its option writes.

    Raises:
        InputError: it has none of the suffixes; the message names the option that fits.
    """
    if path is None or path.suffix.lower() in suffixes:
        return
    if path.is_dir():
        raise InputError(
            f"{option} {quoted(str(path))} is a folder: name a file in it, such as "
            f"{quoted(str(path / f'song{suffixes[0]}'))}"
        )
    right = _RIGHT_OPTION.get(path.suffix.lower())
    advice = f"; for such a file there is {right}" if right not in (None, option) else ""
    raise InputError(
        f"{option} {quoted(str(path))} has none of the suffixes {', '.join(suffixes)}{advice}"
    )


def consent(
    outputs: Iterable[Path],
    inputs: Iterable[Path | str | None],
    *,
    force: bool,
    quiet: bool,
    folder: Path | None = None,
) -> Collection[Path] | None:
    """The outputs that may replace a file, or None for all; asks where there is a terminal.

    Args:
        outputs: what the command is going to write.
        inputs: what it reads.
        force: replace without asking.
        quiet: never ask.
        folder: holds some of the outputs and is made where it is missing.

    Raises:
        OutputError: an output cannot be written, or exists and may not be replaced.
    """
    outputs = list(outputs)
    check_outputs(outputs, [Path(path) for path in inputs if path], folder=folder)
    existing = [] if force else existing_outputs(outputs)
    if force or not existing:
        return None if force else ()
    names = ", ".join(map(shown, existing[:_MOST_NAMES]))
    if len(existing) > _MOST_NAMES:
        names += f" and {len(existing) - _MOST_NAMES} more"
    if not quiet and _is_interactive():
        sys.stderr.write(f"amt: replace {names}? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return existing
    raise OutputError(
        f"{names} exist{'s' if len(existing) == 1 else ''} already: add --force to replace, or "
        "name another file"
    )


def _is_interactive() -> bool:
    streams = sys.stdin, sys.stderr
    return all(stream is not None and stream.isatty() for stream in streams)


@contextlib.contextmanager
def staged(
    outputs: Iterable[Path],
    replaceable: Collection[Path] | None,
    folder: Path | None = None,
) -> Iterator[Staging]:
    """:func:`amt.outputs.staging`, during which an interrupt removes what was begun."""
    interrupts.state.cleaning = True
    with staging(outputs, replaceable, folder) as stage:
        try:
            yield stage
            stage.publish()
        except AmtError as error:
            if (text := stage.named(str(error))) == str(error):
                raise
            raise OutputError(text) from error
        finally:
            interrupts.state.published = stage.is_published


def refuse_idle(options: Iterable[tuple[bool, str, str]]) -> None:
    """Refuse options that were given and cannot matter.

    Args:
        options: (whether it was given and is idle, its name, what it needs).

    Raises:
        InputError: one was; the message says what it needs.
    """
    for is_idle, name, need in options:
        if is_idle:
            raise InputError(f"{name} was given, which {need}")


def refuse_idle_weights(arranger: str, weights: Path | None) -> None:
    """Refuse a folder of networks where patterns write the notes.

    Raises:
        InputError: they do, and a folder was given.
    """
    idle = arranger == "patterns" and weights is not None
    refuse_idle([(idle, "--weights", "no network needs: patterns write these notes")])
