"""Plan → Song: the arrangers and their styles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from amt.arrange.finish import finished
from amt.arrange.patterns import arrange_patterns, iter_pattern_songs
from amt.arrange.styles import load_style, style_names
from amt.errors import InputError, WeightsError, shown
from amt.reporter import DEFAULT_REPORTER, Reporter
from amt.types import ArrangerName, Plan, Song

if TYPE_CHECKING:
    from amt.models.notes.network import Arranger

__all__ = ["arrange", "arrange_patterns", "iter_songs", "load_network", "load_style", "style_names"]


def arrange(
    plan: Plan,
    arranger: Arranger | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
) -> Song:
    """Arrange a plan; equal arguments give equal songs.

    Args:
        plan: what is to be played, and by which arranger.
        arranger: the network, where the plan asks for it.
        reporter: gets the progress.

    Raises:
        PlanError: the plan breaks a rule of :func:`amt.plan.validate`.
        InputError: its style does not exist, or there is no network where one is asked for.
    """
    *_, song = iter_songs(plan, arranger, reporter)
    return song


def iter_songs(
    plan: Plan,
    arranger: Arranger | None = None,
    reporter: Reporter = DEFAULT_REPORTER,
) -> Iterator[Song]:
    """The song without rewrites, then after each of them: the last is :func:`arrange`'s."""
    if plan.arrangement.arranger == "patterns":
        songs = iter_pattern_songs(plan)
    elif arranger is None:
        raise InputError("the plan asks for the neural arranger, but none is loaded")
    else:
        from amt.arrange.neural import iter_neural_songs

        songs = iter_neural_songs(plan, arranger, reporter)
    return (finished(song, plan) for song in songs)


def load_network(arranger: ArrangerName, weights: Path | None = None) -> Arranger | None:
    """The network of the neural arranger, or None where patterns write the notes.

    Args:
        arranger: who writes the notes.
        weights: folder with a folder ``arranger``; None takes the installed weights.

    Raises:
        WeightsError: they are missing, damaged, or of another model or version.
    """
    if arranger != "neural":
        return None
    from amt.models.weights import PACKAGED, load_arranger  # costs the import of torch

    folder = (weights or PACKAGED) / "arranger"
    if not folder.is_dir():
        raise WeightsError(
            f"there are no weights of the neural arranger in {shown(folder)}: choose "
            "`arranger='patterns'`, or name the folder that holds them with `weights`"
        )
    return load_arranger(folder)
