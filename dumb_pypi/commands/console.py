"""What both commands share: exit statuses, and words on standard error."""
from __future__ import annotations

import os
import sys

DONE = 0
FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 128 + 2  # as a shell counts a death by SIGINT


def say(line: str) -> None:
    """Print on standard error. That nobody hears it does not undo what was done."""
    if sys.stderr is None:
        return
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        # Else the interpreter tries again at its end, and fails for that.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def count(number: int, thing: str) -> str:
    """
    >>> count(1, 'file'), count(2, 'file')
    ('1 file', '2 files')
    """
    return f'{number} {thing}' if number == 1 else f'{number} {thing}s'
