"""Tasks in this process, in worker processes, or in an executor of the caller's.

`executors` is imported only where it is needed: `multiprocessing` and `logging` take as long to
import as the pages of a small build to render.
"""
from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from types import TracebackType
from typing import Protocol, Self, TYPE_CHECKING, TypeVar

from dumb_pypi.process import usable_cpus

if TYPE_CHECKING:
    from concurrent.futures import Executor

T = TypeVar('T')
R = TypeVar('R')

# No more tasks than these: processes would cost more than they save.
_FEW = 4
# Tasks submitted per process, among them those whose results wait for their turn.
_AHEAD = 4
# Tasks submitted to an executor of unknown size.
_WINDOW = 64
# Its tasks are larger than those of own processes, since a scheduler takes milliseconds for each:
# so many times as large, and not more than so many bytes, or one project each.
_FACTOR = 8
_LARGEST_TASK = 1 << 20


class Workers(Protocol):
    """Runs tasks: this process, other processes, or an executor."""

    def task_size(self, size: int) -> int:
        """Return the size of a task, in bytes, given that for a process of this machine."""

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """Return the results in the order of the tasks, which are pure or can be repeated.

        Raises:
            WorkerError: a worker died.
            Exception: whatever the function raised.
        """


@contextlib.contextmanager
def open_workers(
        jobs: int | None, executor: Executor | None, lock: int | None,
) -> Iterator[Workers]:
    """Yield workers: the executor, `jobs` processes, or as many as there are CPUs.

    The processes keep the file `lock` open. If there is none, they are not forked.
    """
    number = jobs or usable_cpus()
    if executor is not None:
        from dumb_pypi.builder.executors import ExecutorWorkers
        yield ExecutorWorkers(
            executor, _WINDOW, task_size=lambda size: min(_FACTOR * size, _LARGEST_TASK),
        )
    elif number == 1:
        yield InProcess()
    else:
        with _ProcessWorkers(number, lock, few=_FEW if jobs is None else 0) as workers:
            yield workers


class InProcess:
    """Runs each task when its result is needed."""

    def task_size(self, size: int) -> int:
        return size

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        return map(function, tasks)


class _ProcessWorkers:
    """Runs a few tasks in this process; starts processes when there are more."""

    def __init__(self, number: int, lock: int | None, *, few: int) -> None:
        self._number = number
        self._lock = lock
        self._few = few
        self._started: Workers | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def task_size(self, size: int) -> int:
        return size

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        if self._started is None:
            waiting = iter(tasks)
            first = list(islice(waiting, self._few + 1))
            if len(first) <= self._few:
                return map(function, first)
            tasks = chain(first, waiting)
            self._started = self._start()
        return self._started.map(function, tasks)

    def _start(self) -> Workers:
        # Forked processes have what their parent has imported. Each would take 35 ms for this.
        importlib.import_module('dumb_pypi.pages.site')
        from dumb_pypi.builder.executors import ExecutorWorkers, ProcessPool
        pool = self._stack.enter_context(ProcessPool(self._number, self._lock))
        return ExecutorWorkers(pool, _AHEAD * self._number, pool.exit_status, pool.failure)


def batched(items: Iterable[T], size_of: Callable[[T], int], limit: int) -> Iterator[list[T]]:
    """Group items into batches of at least `limit` bytes, but for the last one."""
    batch: list[T] = []
    size = 0
    for item in items:
        batch.append(item)
        size += size_of(item)
        if size > limit:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
