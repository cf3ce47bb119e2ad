"""Plan → Song: the arrangers and their styles."""

from amt.arrange.patterns import arrange_patterns
from amt.arrange.styles import load_style, style_names
from amt.types import Plan, Song

__all__ = ["arrange", "arrange_patterns", "load_style", "style_names"]


def arrange(plan: Plan) -> Song:
    """Arrange a plan; equal plans give equal songs.

    Raises:
        PlanError: the plan breaks a rule of :func:`amt.plan.validate`.
        InputError: its style does not exist.
    """
    return arrange_patterns(plan)
