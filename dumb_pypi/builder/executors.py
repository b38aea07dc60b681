"""Tasks in an executor, and a process pool whose workers never outlive their build."""
from __future__ import annotations

import _thread
import contextlib
import gc
import io
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from multiprocessing.reduction import DupFd
from operator import methodcaller
from typing import Any, ParamSpec, TypeVar

from dumb_pypi.errors import CANNOT_START, ResourceError, WorkerError
from dumb_pypi.process import collect_garbage_seldom

P = ParamSpec('P')
T = TypeVar('T')
R = TypeVar('R')

# A forked process has everything imported. On other systems forking is unsafe or missing.
START_METHOD = 'fork' if sys.platform == 'linux' else None
# Seconds for the running tasks and the pool to end. They take a fraction of one.
_PATIENCE = 3
# Seconds between two looks at whether an executor has failed.
_INTERVAL = 0.2
# The name of the standard library's thread that sends tasks to workers.
_FEEDER = 'QueueFeederThread'


class ExecutorWorkers:
    """Runs tasks in an executor. At most `window` are submitted, so that memory is bounded."""

    def __init__(
            self, executor: Executor, window: int,
            exit_status: Callable[[], int | None] = lambda: None,
            failure: Callable[[], BaseException | None] = lambda: None,
            task_size: Callable[[int], int] = lambda size: size,
    ) -> None:
        self._executor = executor
        self.task_size = task_size
        self._window = window
        self._exit_status = exit_status
        self._failure = failure

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        submitted: deque[Future[R]] = deque()
        try:
            for task in tasks:
                submitted.append(self._executor.submit(function, task))
                if len(submitted) == self._window:
                    yield self._result(submitted.popleft())
            while submitted:
                yield self._result(submitted.popleft())
        except BrokenExecutor:
            raise WorkerError(self._exit_status()) from None
        finally:
            for future in submitted:
                future.cancel()

    def _result(self, future: Future[R]) -> R:
        while not future.done():
            # The order matters: an executor may complete the future and end in between.
            failure = self._failure()
            if failure is not None and not future.done():
                raise ResourceError('run worker processes', failure)
            wait([future], _INTERVAL)
        return future.result()


class ProcessPool(ProcessPoolExecutor):
    """A `ProcessPoolExecutor` for a `with` statement; its workers keep the file `lock` open.

    If there is none, they are not forked.

    Ctrl-C interrupts the parent alone, which then ends the workers. If the parent is killed, each
    worker ends by itself. If the system refuses a process, a thread or memory, the standard pool
    would print a traceback and leave processes behind, and the caller would wait forever.

    Raises:
        ResourceError: the system refuses it open files or semaphores.
    """

    def __init__(self, jobs: int, lock: int | None) -> None:
        # The threads of a bucket's library do not survive a fork.
        context = multiprocessing.get_context('spawn' if lock is None else START_METHOD)
        held = None if lock is None else _OpenFile(lock)
        try:
            super().__init__(jobs, context, _start_worker, (held,))
        except OSError as error:
            raise ResourceError('start worker processes', error) from error
        # The standard pool forgets these when it breaks or shuts down.
        self._workers: Mapping[int, BaseProcess] = self._processes
        self._queue: Queue[Any] = vars(self)['_call_queue']
        self._manager: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._next_hook = threading.excepthook
        threading.excepthook = self._thread_died
        # What is frozen before a fork is not copied by the garbage collector of the worker.
        gc.freeze()

    def submit(
            self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs,
    ) -> Future[T]:
        """Submit a task. The first one starts the processes.

        Raises:
            ResourceError: the system refuses a process or a thread.
            BrokenExecutor: a worker died.
        """
        process = os.getpid()
        try:
            with _interrupts_blocked():
                future = super().submit(function, *args, **kwargs)
        except BrokenExecutor:
            raise
        except (OSError, RuntimeError) as error:
            raise ResourceError('start worker processes', error) from error
        finally:
            if os.getpid() != process:
                # A forked process had no memory to begin with. It must not go on as its parent.
                os._exit(CANNOT_START)
        self._manager = self._manager_thread
        return future

    def __exit__(self, *_: object) -> None:
        # If memory is short, the standard pool prints tracebacks.
        with contextlib.redirect_stderr(io.StringIO()):
            self.shutdown(wait=False, cancel_futures=True)
            # A task may never end, for example if a network file system does not answer.
            self._join_manager()
            for worker in [*self._workers.values()]:
                worker.kill()
                worker.join()
            self._join_manager()
        # At exit the interpreter would wait for somebody to read the rest of the queue.
        self._queue.cancel_join_thread()
        threading.excepthook = self._next_hook
        gc.unfreeze()
        # A spawned pool has semaphores with names, which are removed with the last reference. A
        # process that exits by `os._exit` removes none, and then a warning about them is printed.
        del self._queue
        self._manager = None
        self._workers = {}

    def _join_manager(self) -> None:
        if self._manager is not None:
            self._manager.join(_PATIENCE)

    @property
    def _manager_thread(self) -> threading.Thread | None:
        """The thread between this process and the workers, None before the first task."""
        # The stubs of the standard library have another type.
        thread: threading.Thread | None = vars(self)['_executor_manager_thread']
        return thread

    def exit_status(self) -> int | None:
        """Return the exit status of the worker that broke the pool, that of a signal below zero."""
        self.shutdown(wait=True)
        statuses = [worker.exitcode for worker in self._workers.values() if worker.exitcode]
        # The pool itself terminates the others.
        return next((status for status in statuses if status != -signal.SIGTERM), min(
            statuses, default=None,
        ))

    def failure(self) -> BaseException | None:
        """Return why a thread of the pool died, without which no result ever comes, else None."""
        feeder: threading.Thread | None = vars(self._queue)['_thread']
        if any(map(_is_dead, (self._manager, feeder))):
            return self._failure or MemoryError()
        return None

    def _thread_died(self, args: threading.ExceptHookArgs) -> None:
        """Print no traceback if a thread of the pool died. Memory may be too short to call this."""
        thread = args.thread
        if thread is None or (thread.name != _FEEDER and thread not in (
            # The manager may die before `submit` has returned, and after `shutdown`.
            self._manager_thread, self._manager,
        )):
            self._next_hook(args)
        else:
            self._failure = args.exc_value


def _is_dead(thread: threading.Thread | None) -> bool:
    if thread is None:
        return False
    try:
        thread.join(0)
    except RuntimeError:
        # It is about to start.
        return False
    return not thread.is_alive()


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
    try:
        _silence()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        collect_garbage_seldom()
        # `threading` would wait forever for a thread that has no memory to begin with.
        _thread.start_new_thread(_exit_with_parent, ())
    except (MemoryError, OSError, RuntimeError):
        os._exit(CANNOT_START)


def _silence() -> None:
    """Redirect standard error: the parent reports how a worker fails, which prints a traceback."""
    if sys.__stderr__ is not None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.__stderr__.fileno())
        os.close(null)


def _exit_with_parent() -> None:
    # The pool's own queues do not close: sibling workers hold their other ends open.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
