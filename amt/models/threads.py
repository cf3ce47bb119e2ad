"""Single-threaded tensor operations for decoding.

Decoding one position at a time consists of many small products. Splitting them over threads costs
more than it saves, and on a busy machine each waits for the slowest thread: many times as long.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def single_threaded() -> Iterator[None]:
    """Limit torch to one thread in the calling thread; other threads keep what they have.

    ``torch.set_num_threads`` sets the number for the calling thread, and that for threads which use
    torch for the first time later. The second is put back at once, from a thread of its own.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        putting_back = threading.Thread(target=torch.set_num_threads, args=(before,))
        putting_back.start()
        putting_back.join()
        yield
    finally:
        torch.set_num_threads(before)
