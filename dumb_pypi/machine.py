"""What this process may use: processors, and memory for what nobody uses any more."""
from __future__ import annotations

import gc
import os


def processors() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, 'sched_getaffinity', None)  # macOS has none
    return os.cpu_count() or 1 if affinity is None else len(affinity(0))


def collect_garbage_seldom() -> None:
    """Have Python look for garbage less often, in a process that is the program's own.

    What is imported stays. A page is thousands of pieces of text, which each count for the garbage
    collector, and of which none is garbage that only it could find.
    """
    gc.set_threshold(50_000, 20, 50)
