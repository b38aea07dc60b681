"""Worker processes: tasks in, results out, in the order of the tasks."""
from __future__ import annotations

import contextlib
import gc
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from operator import methodcaller
from typing import Any, cast, NamedTuple, Protocol, Self, TYPE_CHECKING, TypeVar

from dumb_pypi.errors import WorkerError
from dumb_pypi.process import garbage_collected_seldom, usable_cpus

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import DefaultContext
    from multiprocessing.process import BaseProcess

# A fork has all that is imported. Elsewhere it is not safe, or not there.
_START_METHOD = 'fork' if sys.platform == 'linux' else None
# Where there are no more tasks than these, workers cost more than they give.
_FEW = 4
# Tasks in all for each worker, done ones whose turn has not come among them.
_AHEAD = 4
# Seconds for a process that has closed its end to be gone.
_PATIENCE = 5

T = TypeVar('T')
R = TypeVar('R')


class _Worker(NamedTuple):
    process: BaseProcess
    connection: Connection


class _OpenFile:
    """An open file that goes along to a process that is not forked, where it is its number."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Callable[[Any], int], tuple[Any]]:
        from multiprocessing.reduction import DupFd
        return methodcaller('detach'), (DupFd(self._number),)


class Crew(Protocol):
    """Who does the tasks."""
    number: int

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]: ...


class Workers:
    """Some processes that wait for tasks, if there are more than a few.

    To be used in a `with` statement: at its end, however it comes, they end too. A worker whose
    parent died ends when its task is done. Until then it has the file `lock` open, however it was
    started.
    """

    def __init__(self, number: int, *, eager: bool = False, lock: int | None = None) -> None:
        self.number = number
        self._lock = None if lock is None else _OpenFile(lock)
        self._workers: list[_Worker] = []
        self._few = 0 if eager else _FEW

    def _start(self) -> None:
        import multiprocessing
        # Every context has what the default one has; the types say less.
        context = cast('DefaultContext', multiprocessing.get_context(_START_METHOD))
        gc.freeze()
        for _ in range(self.number):
            here, there = context.Pipe()
            inherited = [here, *(worker.connection for worker in self._workers)]
            forked = context.get_start_method() == 'fork'
            process = context.Process(
                target=_work, args=(there, inherited if forked else [], self._lock), daemon=True,
            )
            with _uninterrupted():
                process.start()
                there.close()
                self._workers.append(_Worker(process, here))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.connection.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
        if self._workers:
            # The caller's process may have garbage of its own.
            gc.unfreeze()

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """The function's results, in the order of the tasks.

        No more than a few tasks are taken ahead of the results, so that memory does not grow
        with their number.

        Raises:
            WorkerError: a worker died.
            Exception: whatever the function raised.
        """
        waiting: Iterator[tuple[int, T]] = enumerate(tasks)
        if not self._workers:
            first = list(islice(waiting, self._few + 1))
            if len(first) <= self._few:
                yield from (function(task) for _, task in first)
                return
            self._start()
            waiting = chain(first, waiting)
        from multiprocessing.connection import wait
        idle = list(self._workers)
        busy: dict[Connection, tuple[_Worker, int]] = {}
        done: dict[int, R] = {}
        result = 0
        upcoming = next(waiting, None)
        while busy or done or upcoming is not None:
            # The next task is on its way before anybody looks at results.
            while idle and upcoming is not None and upcoming[0] < result + _AHEAD * self.number:
                worker = idle.pop()
                _send(worker, (function, upcoming[1]))
                busy[worker.connection] = worker, upcoming[0]
                upcoming = next(waiting, None)
            if result in done:
                yield done.pop(result)
                result += 1
                continue
            for connection in cast('Sequence[Connection]', wait(list(busy))):
                worker, index = busy.pop(connection)
                done[index] = _receive(worker)
                idle.append(worker)


class Here:
    """The same with no worker: every task is done when its result is asked for."""

    number = 1

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        return map(function, tasks)


@contextlib.contextmanager
def crew(jobs: int | None, lock: int | None = None) -> Iterator[Crew]:
    """Who is to do the tasks: `jobs` processes, or as many as are of use; they hold the lock."""
    if jobs == 1 or (jobs is None and usable_cpus() == 1):
        yield Here()
    else:
        with Workers(jobs or usable_cpus(), eager=jobs is not None, lock=lock) as workers:
            yield workers


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Have Ctrl-C wait: a process inherits that, until it is ready to pass it over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _send(worker: _Worker, task: object) -> None:
    try:
        worker.connection.send(task)
    except OSError:
        raise _death(worker) from None


def _receive(worker: _Worker) -> Any:
    try:
        result, error = worker.connection.recv()
    except (EOFError, OSError):
        raise _death(worker) from None
    if error is not None:
        raise error
    return result


def _death(worker: _Worker) -> WorkerError:
    worker.process.join(_PATIENCE)
    return WorkerError(worker.process.exitcode)


@garbage_collected_seldom()
def _work(tasks: Connection, inherited: Sequence[Connection], _: object) -> None:
    # Who pressed Ctrl-C wants the parent to end, which then ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for connection in inherited:
        # Else no end of the parent would be seen here.
        connection.close()
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, task = tasks.recv()
            try:
                result, failure = function(task), None
            except Exception as error:
                result, failure = None, error
            tasks.send((result, failure))
