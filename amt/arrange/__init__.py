"""Plan → Song: the arrangers and their styles."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from amt.arrange.patterns import arrange_patterns
from amt.arrange.styles import load_style, style_names
from amt.errors import InputError
from amt.plan import AS_PLANNED, Arrangement
from amt.types import Plan, Song

if TYPE_CHECKING:
    from amt.model.arranger import Arranger

__all__ = ["arrange", "arrange_patterns", "load_style", "style_names"]


def arrange(
    plan: Plan,
    arrangement: Arrangement = AS_PLANNED,
    arranger: Arranger | None = None,
    progress: Callable[[float], None] | None = None,
) -> Song:
    """Arrange a plan; equal arguments give equal songs.

    Args:
        plan: what is to be played.
        arrangement: who plays it: by patterns unless it says otherwise.
        arranger: the network, where the arrangement asks for it.
        progress: called with the share that is done, 0 to 1.

    Raises:
        PlanError: the plan or the arrangement breaks a rule of :func:`amt.plan.validate`.
        InputError: its style does not exist, or there is no network where one is asked for.
    """
    if arrangement.arranger == "patterns":
        return arrange_patterns(plan, arrangement)
    if arranger is None:
        raise InputError("the plan asks for the neural arranger, but none is loaded: load one")
    from amt.arrange.neural import arrange_neural  # costs the import of torch

    return arrange_neural(plan, arranger, arrangement, progress)
