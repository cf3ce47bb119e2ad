"""Dynamic programming: the most likely states of frames, and the most likely lengths of segments.

Both maximise a total of log-likelihoods less the cost of changes and follow back-pointers from the
best end (Viterbi 1967; for segments the semi-Markov form). Shapes: ``T`` frames, ``K`` states,
``L`` lengths.
"""

from __future__ import annotations

import numpy as np

from amt.types import FloatArray, IntArray


def best_states(score: FloatArray, change_cost: float) -> IntArray:
    """The states [T] of greatest total score, less ``change_cost`` for every change of state.

    As every change costs the same, the best state before a change is the best of all, so a frame
    takes time in proportion to the states, not to their square.

    Args:
        score: [T, K] log-likelihood of each state in each frame.
        change_cost: nats.
    """
    n_frames, n_states = score.shape
    origin = np.zeros((n_frames, n_states), dtype=np.int64)
    total = score[0].copy()
    for frame in range(1, n_frames):
        best = int(total.argmax())
        stays = total >= total[best] - change_cost
        origin[frame] = np.where(stays, np.arange(n_states), best)
        total = np.where(stays, total, total[best] - change_cost) + score[frame]
    path = np.zeros(n_frames, dtype=np.int64)
    path[-1] = total.argmax()
    for frame in range(n_frames - 1, 0, -1):
        path[frame - 1] = origin[frame, path[frame]]
    return path


def best_segments(
    gain: FloatArray, lengths: IntArray, change_cost: FloatArray, n_frames: int, last: int
) -> IntArray:
    """Frames of the segment borders of greatest total gain, less the cost of changes of length.

    The first border lies in the first ``max(lengths) + 1`` frames, at no cost, and the last one
    after ``last``.

    Args:
        gain: [G, L] log-likelihood of a segment by its first frame and its length; a segment that
            begins later than frame ``G - 1`` has the gain of that frame.
        lengths: [L] in frames, increasing.
        change_cost: [L, L] nats for a segment of the row's length after one of the column's.
        n_frames: T, of which each may be a border.
        last: frame after which the last border lies.
    """
    longest = int(lengths[-1])
    total = np.full((n_frames, len(lengths)), -np.inf)
    total[: longest + 1] = 0.0
    origin = np.zeros((n_frames, len(lengths)), dtype=np.int64)
    rows = np.arange(len(lengths))
    for frame in range(longest + 1, n_frames):
        begin = frame - lengths
        reached = total[begin] - change_cost
        best = reached.argmax(axis=1)
        origin[frame] = best
        total[frame] = reached[rows, best] + gain[np.minimum(begin, len(gain) - 1), rows]
    ends = total[last + 1 :]
    frame, length = divmod(int(ends.argmax()), ends.shape[1])
    frame += last + 1
    borders = [frame]
    while frame > longest:
        frame, length = frame - int(lengths[length]), int(origin[frame, length])
        borders.append(frame)
    return np.array(borders[::-1], dtype=np.int64)
