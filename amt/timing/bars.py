"""Bars between downbeats."""

from __future__ import annotations

from collections.abc import Iterable


def draw_bars(
    downbeats: Iterable[int], n_beats: int, beats_per_bar: int, pickup: int = 0
) -> tuple[int, ...]:
    """Fill the beats between downbeats with bars.

    A span that is no multiple of a bar ends with a shorter bar, or with one of a beat more where
    only a single beat is left over. A bar of one beat occurs only between downbeats a beat apart,
    at the start and at the end.

    Args:
        downbeats: Beats that must begin a bar, sorted; with ``n_beats`` a bar must end there.
        n_beats: Number of beats to fill.
        beats_per_bar: Beats of a regular bar.
        pickup: Beats before the first downbeat.

    Returns:
        Beats of every bar; they sum to ``n_beats``.
    """
    bars: list[int] = [pickup] if 0 < pickup < n_beats else []
    filled = sum(bars)
    for downbeat in downbeats:
        whole, rest = divmod(downbeat - filled, beats_per_bar)
        if not filled < downbeat <= n_beats:
            continue
        bars += [beats_per_bar] * whole
        if rest == 1 and whole:
            bars[-1] += 1
        elif rest:
            bars.append(rest)
        filled = downbeat
    whole, rest = divmod(n_beats - filled, beats_per_bar)
    return (*bars, *(beats_per_bar,) * whole, *((rest,) if rest else ()))
