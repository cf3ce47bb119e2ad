"""Libraries of the extra ``evaluate``, imported only where they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from amt.errors import InputError


def import_optional(name: str, *submodules: str) -> Any:  # noqa: ANN401 - modules without types
    """A module of the extra ``evaluate``.

    Args:
        name: of the module.
        submodules: of it, which are imported too.

    Raises:
        InputError: it is not installed.
    """
    try:
        for submodule in submodules:
            importlib.import_module(f"{name}.{submodule}")
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"{name} is not installed: run `pip install 'amt-soundtrack[evaluate]'`"
        ) from error


def import_note_seq() -> Any:  # noqa: ANN401 - a module without types
    """``note_seq`` with its chord inference."""
    return import_optional("note_seq", "chord_inference")


def import_mir_eval() -> Any:  # noqa: ANN401 - a module without types
    """``mir_eval`` with its comparison of chords, notes and onsets."""
    return import_optional("mir_eval", "chord", "onset", "transcription")
