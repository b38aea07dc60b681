"""Pools of processes where the system refuses files, threads or memory, or a thread dies."""
from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.queues import Queue
from typing import NoReturn
from unittest.mock import Mock

import pytest

from dumb_pypi.builder import executors
from dumb_pypi.builder.executors import ProcessPool
from dumb_pypi.builder.workers import open_workers
from dumb_pypi.errors import CANNOT_START, ResourceError, WorkerError

A_MINUTE = 60  # seconds, after which a test has failed
pytestmark = pytest.mark.usefixtures('no_process_left')


def square(number: int) -> int:
    return number * number


def fail(error: Exception) -> None:
    raise error


@contextlib.contextmanager
def process_state_kept() -> Iterator[None]:
    """Restore what the initializer of workers changes in its process."""
    thresholds = gc.get_threshold()
    before = signal.getsignal(signal.SIGINT)
    stderr = os.dup(2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        signal.signal(signal.SIGINT, before)
        gc.set_threshold(*thresholds)


@contextlib.contextmanager
def no_new_threads() -> Iterator[None]:
    """Make the system refuse new threads: no address space has room for their stacks."""
    size = threading.stack_size(1 << 47)
    try:
        yield
    finally:
        threading.stack_size(size)


def test_dead_threads() -> None:
    """A thread that ended is dead; one that is about to start, or is alive, is not."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    assert not executors._is_dead(None)
    assert not executors._is_dead(thread)
    thread.start()
    assert not executors._is_dead(thread)
    end.set()
    thread.join()
    assert executors._is_dead(thread)


def test_dead_thread_is_why_tasks_fail(lock: int) -> None:
    """The error of a dead thread of the pool is reported; it prints no traceback."""
    with ProcessPool(1, lock) as pool:
        assert pool.submit(square, 2).result() == 4
        assert pool.failure() is None
        died = threading.Thread(target=fail, args=[RuntimeError('x')], name='QueueFeederThread')
        died.start()
        died.join()
        pool._manager, manager = died, pool._manager
        assert str(pool.failure()) == 'x'
        pool._manager = manager


@pytest.mark.parametrize('stderr', (None, sys.__stderr__))
def test_worker_without_thread_ends(monkeypatch: pytest.MonkeyPatch, stderr: object) -> None:
    """A worker that could not notice the end of its parent ends, and prints no traceback."""
    monkeypatch.setattr(sys, '__stderr__', stderr)
    monkeypatch.setattr(os, '_exit', sys.exit)
    with process_state_kept(), no_new_threads(), pytest.raises(SystemExit) as caught:
        executors._start_worker(None)
    assert caught.value.code == CANNOT_START


def test_refused_files_are_reported(lock: int) -> None:
    """If the system refuses open files, the build reports that and leaves no process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(lock)
    os.close(free)
    reasons = set()
    try:
        for more in range(40):
            resource.setrlimit(resource.RLIMIT_NOFILE, (free + more, hard))
            with (
                pytest.raises(ResourceError, match='Too many open files: ') as caught,
                open_workers(20, None, lock) as found,
            ):
                list(found.map(square, range(20)))
            reasons.add(type(caught.value.error))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert reasons == {OSError}


def test_refused_thread_is_reported(lock: int) -> None:
    """If the system refuses a thread, the build reports that and leaves no process."""
    with (
        no_new_threads(), pytest.raises(ResourceError, match="can't start new thread: "),
        open_workers(2, None, lock) as found,
    ):
        list(found.map(square, range(20)))


def test_refused_feeder_is_reported(monkeypatch: pytest.MonkeyPatch, lock: int) -> None:
    """If a thread of the pool dies, all tasks fail, also those that are submitted later."""
    def refuse(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Queue, '_start_thread', refuse)
    with open_workers(2, None, lock) as found:
        for _ in range(2):
            # From Python 3.12 on, the standard pool ends its workers itself.
            with pytest.raises((ResourceError, WorkerError), match='memory'):
                list(found.map(square, range(20)))


def test_forked_process_without_memory_ends(monkeypatch: pytest.MonkeyPatch, lock: int) -> None:
    """A forked process that fails before it runs a task does not go on as its parent would."""
    parent = os.getpid()

    def fork() -> int:
        pid = forks()
        if os.getpid() != parent:
            raise MemoryError
        return pid

    forks = os.fork
    monkeypatch.setattr(executors, 'START_METHOD', 'fork')
    monkeypatch.setattr(os, 'fork', fork)
    with open_workers(2, None, lock) as found:
        with pytest.raises(WorkerError, match='a worker process cannot start: '):
            list(found.map(square, range(20)))
        assert os.getpid() == parent


def test_other_threads_may_die(monkeypatch: pytest.MonkeyPatch, lock: int) -> None:
    """An error in a thread of the caller's is left to the hook of the caller's."""
    died: list[object] = []
    monkeypatch.setattr(threading, 'excepthook', lambda args: died.append(args.exc_type))
    with open_workers(2, None, lock) as found:
        assert list(found.map(square, range(20))) == list(map(square, range(20)))
        thread = threading.Thread(target=fail, args=[ValueError()])
        thread.start()
        thread.join()
        assert died == [ValueError]


def test_forked_process_never_goes_on(lock: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has no memory to begin with ends, and does not go on as its parent would."""
    def begin_without_memory(*_: object) -> NoReturn:
        # What the forked process sees.
        patch.setattr(os, 'getpid', lambda: -1)
        raise MemoryError

    with ProcessPool(1, lock) as pool, monkeypatch.context() as patch:
        patch.setattr(ProcessPoolExecutor, 'submit', begin_without_memory)
        patch.setattr(os, '_exit', sys.exit)
        with pytest.raises(SystemExit) as caught:
            pool.submit(square, 3)
    assert caught.value.code == CANNOT_START


def test_worker_initializer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The initializer ignores Ctrl-C and ends the process when its parent has ended."""
    ended = threading.Event()

    def leave_thread(status: int) -> None:
        assert status == 1
        ended.set()

    monkeypatch.setattr(multiprocessing, 'parent_process', lambda: Mock(join=lambda: None))
    monkeypatch.setattr(os, '_exit', leave_thread)
    with process_state_kept():
        executors._start_worker(None)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert ended.wait(A_MINUTE)
    # Coverage does not see that thread.
    executors._exit_with_parent()
