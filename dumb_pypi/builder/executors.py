"""Tasks in an executor, and a process pool whose workers never outlive their build."""
from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import DupFd
from operator import methodcaller
from typing import Any, ParamSpec, TypeVar

from dumb_pypi.errors import WorkerError
from dumb_pypi.process import collect_garbage_seldom

P = ParamSpec('P')
T = TypeVar('T')
R = TypeVar('R')

# A forked process has everything imported. On other systems forking is unsafe or missing.
START_METHOD = 'fork' if sys.platform == 'linux' else None
# Seconds for the running tasks to end after a failure. They take a fraction of one.
_PATIENCE = 3


class ExecutorWorkers:
    """Runs tasks in an executor. At most `window` are submitted, so that memory is bounded."""

    def __init__(
            self, executor: Executor, window: int,
            exit_status: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._executor = executor
        self._window = window
        self._exit_status = exit_status

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        submitted: deque[Future[R]] = deque()
        try:
            for task in tasks:
                submitted.append(self._executor.submit(function, task))
                if len(submitted) == self._window:
                    yield submitted.popleft().result()
            while submitted:
                yield submitted.popleft().result()
        except BrokenExecutor:
            raise WorkerError(self._exit_status()) from None
        finally:
            for future in submitted:
                future.cancel()


class ProcessPool(ProcessPoolExecutor):
    """A `ProcessPoolExecutor` for a `with` statement; its workers keep the file `lock` open.

    Ctrl-C interrupts the parent alone, which then ends the workers. If the parent is killed, each
    worker ends by itself.
    """

    def __init__(self, jobs: int, lock: int) -> None:
        context = multiprocessing.get_context(START_METHOD)
        super().__init__(jobs, context, _start_worker, (_OpenFile(lock),))
        # The pool forgets its processes when it breaks.
        self._workers: Mapping[int, BaseProcess] = self._processes
        # What is frozen before a fork is not copied by the garbage collector of the worker.
        gc.freeze()

    def submit(
            self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs,
    ) -> Future[T]:
        with _interrupts_blocked():
            return super().submit(function, *args, **kwargs)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # A task may never end, for example if a network file system does not answer.
        timer = threading.Timer(_PATIENCE, self._kill_workers)
        if kind is not None:
            timer.start()
        self.shutdown(wait=True, cancel_futures=True)
        timer.cancel()
        gc.unfreeze()

    def exit_status(self) -> int | None:
        """Return the exit status of the worker that broke the pool, that of a signal below zero."""
        self.shutdown(wait=True)
        statuses = [worker.exitcode for worker in self._workers.values() if worker.exitcode]
        # The pool itself terminates the others.
        return next((status for status in statuses if status != -signal.SIGTERM), min(
            statuses, default=None,
        ))

    def _kill_workers(self) -> None:
        for worker in self._workers.values():
            worker.kill()


class _OpenFile:
    """An open file that is passed on to a process that is not forked; it arrives as its number."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Callable[[Any], int], tuple[Any]]:
        return methodcaller('detach'), (DupFd(self._number),)


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Defer Ctrl-C: a process that is being started inherits that, until it ignores Ctrl-C."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(_: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_garbage_seldom()
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    # The pool's own queues do not close: sibling workers hold their other ends open.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
