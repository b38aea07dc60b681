"""What this process may use: processors, and memory for what nobody uses any more."""
from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator


def processors() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, 'sched_getaffinity', None)  # macOS has none
    return os.cpu_count() or 1 if affinity is None else len(affinity(0))


@contextlib.contextmanager
def collecting_garbage_seldom() -> Iterator[None]:
    """Have Python look for garbage less often, in a process of the program's own that then ends.

    What is imported stays. A page is thousands of pieces of text, which each count for the garbage
    collector, and of which hardly any is garbage that only it could find. At its end Python would
    look through all that there is, twice, just before the system takes it back.
    """
    gc.set_threshold(50_000, 20, 50)
    try:
        yield
    finally:
        gc.freeze()
