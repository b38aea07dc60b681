"""What all commands share: exit statuses, messages, plurals and the progress bar."""
from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any, TYPE_CHECKING

from dumb_pypi.errors import DumbPypiError, FileError, Notice

if TYPE_CHECKING:
    from tqdm import tqdm

DONE = 0
FAILED = 1
WRONG_USAGE = 2
LIMIT = 20  # messages of a kind
INTERRUPTED = 128 + 2  # as a shell reports a death by SIGINT
PIPE_CLOSED = 128 + 13  # by SIGPIPE, which Python ignores


# Whether the process ends with the command. Python programs may call commands, too.
ends_process = False


def hold_signals() -> None:
    """Exit with 0 from here on, whatever signals come, if the process ends with the command."""
    if ends_process:
        signal.pthread_sigmask(
            signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP),
        )


def say(line: str) -> None:
    """Print a line on standard error. Ignore failures: they don't undo what the command did."""
    if sys.stderr is None:
        return
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        # Otherwise the interpreter flushes the line again when it exits, and fails.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stderr.fileno())
        os.close(null)


def say_failure(error: DumbPypiError) -> int:
    """Print why a command failed, and return its exit status.

    If the reader of its output exited, as `head` does, print nothing.
    """
    if isinstance(error, FileError) and isinstance(error.error, BrokenPipeError):
        return PIPE_CLOSED
    say(f'dumb-pypi: {error}')
    return FAILED


def count(number: int, thing: str) -> str:
    """Return the number of things in words.

    >>> count(1, 'file'), count(2, 'file')
    ('1 file', '2 files')
    """
    return f'{number} {thing}' if number == 1 else f'{number:,} {thing}s'


def count_skipped(number: int, thing: str) -> str:
    """Return the sentence that reports skipped lines or files.

    >>> count_skipped(1, 'file'), count_skipped(2000, 'line')
    ('1 file was skipped', '2,000 lines were skipped')
    """
    return f'{count(number, thing)} {"was" if number == 1 else "were"} skipped'


def say_notices(notices: Sequence[Notice], *, verbose: bool) -> None:
    """Print notices about skipped lines or files, and warnings, in their order.

    Of each of these kinds at most `LIMIT` are printed, and the number of the others, unless the
    command is `verbose`.
    """
    counts = {True: 0, False: 0}
    for notice in notices:
        counts[notice.skipped] += 1
        if verbose or counts[notice.skipped] <= LIMIT:
            say(str(notice))
    for skipped, kind in ((True, ''), (False, ' warnings')):
        if not verbose and counts[skipped] > LIMIT:
            say(f'and {counts[skipped] - LIMIT:,} more{kind} (-v shows all)')


def are_few(notices: Sequence[Notice]) -> bool:
    """Return whether `say_notices` prints all of these."""
    skipped = sum(notice.skipped for notice in notices)
    return max(skipped, len(notices) - skipped) <= LIMIT


class ProgressBar:
    """A progress bar on standard error, if that is a terminal.

    Call it with what is done and the total, or with a fraction from 0 to 1 alone. It appears at
    the first call that is at least `patience` seconds after its creation; `close` erases it.
    With a `unit`, such as `'B'` for bytes, it shows amounts and the speed, otherwise the
    percentage and the elapsed time.
    """

    def __init__(
            self, *, unit: str | None = None, patience: float = 0, hidden: bool = False,
    ) -> None:
        self._unit = unit
        self._appears = time.monotonic() + patience
        self._hidden = hidden or sys.stderr is None or not sys.stderr.isatty()
        self._bar: tqdm[Any] | None = None

    def __call__(self, done: float, total: float = 1) -> None:
        if self._bar is not None:
            self._bar.update(min(done, total) - self._bar.n)
        elif not self._hidden and time.monotonic() >= self._appears:
            self._bar = _new_bar(self._unit, total)
            self._bar.update(min(done, total))

    def close(self) -> None:
        """Erase the bar. Close it before printing messages."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _new_bar(unit: str | None, total: float) -> tqdm[Any]:
    # Commands that show no bar start faster without it.
    from tqdm import tqdm
    # Otherwise tqdm starts a thread, which is not safe in a process that forks.
    tqdm.monitor_interval = 0
    if unit is None:
        return tqdm(total=total, leave=False, bar_format='{percentage:3.0f}% |{bar}| {elapsed}')
    return tqdm(total=total, leave=False, unit=unit, unit_scale=True)
