"""Tasks in processes and executors: results in order, errors, and no process left behind."""
from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import resource_tracker
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import Mock

import pytest

from dumb_pypi.builder import executors, workers
from dumb_pypi.builder.executors import ProcessPool
from dumb_pypi.builder.workers import batched, InProcess, open_workers, Workers
from dumb_pypi.errors import BusyError, CANNOT_START, ResourceError, WorkerError
from dumb_pypi.store.lock import locked

A_MINUTE = 60  # seconds, after which a test has failed


def square(number: int) -> int:
    return number * number


def pid_of(_: object) -> int:
    return os.getpid()


def fail(error: Exception) -> None:
    raise error


def die(how: int) -> None:
    os.kill(os.getpid(), how)


def leave(status: int) -> None:
    os._exit(status)


def wait_forever(_: object) -> None:
    signal.pause()


def meet(places: tuple[str, str]) -> str:
    """Touch one file, and wait for another."""
    here, there = map(Path, places)
    here.touch()
    while not there.exists():
        time.sleep(0.001)
    return here.name


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def children(parent: int) -> set[int]:
    """Return the process IDs of a process's children.

    In this process that is without the resource tracker, which the standard library starts to
    clean up after spawned processes. Only a private attribute has its ID.
    """
    tracker = resource_tracker._resource_tracker._pid  # type: ignore[attr-defined]
    listed = subprocess.run(
        ['ps', '-A', '-o', 'pid=,ppid=,comm='], check=True, capture_output=True, text=True,
    ).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return {
        int(pid) for pid, its_parent, name in rows
        if int(its_parent) == parent and name != 'ps' and int(pid) != tracker
    }


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    before = children(os.getpid())
    yield
    assert children(os.getpid()) <= before


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[int]:
    with locked(str(tmp_path / 'locked')) as file:
        yield file


@pytest.fixture(params=('fork', 'spawn'))
def start_method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(executors, 'START_METHOD', request.param)
    return str(request.param)


@pytest.mark.parametrize('jobs', (None, 1, 2, 3))
@pytest.mark.parametrize('tasks', (0, 1, 4, 5, 6, 50))
def test_results_come_in_order(jobs: int | None, tasks: int, lock: int) -> None:
    """Results are in the order of the tasks, however many tasks and processes there are."""
    with open_workers(jobs, None, lock) as found:
        for first in (0, 100):
            numbers = range(first, first + tasks)
            assert list(found.map(square, numbers)) == [square(number) for number in numbers]


@pytest.mark.usefixtures('start_method')
def test_start_methods(lock: int) -> None:
    """Forked and spawned processes give the same results."""
    with open_workers(2, None, lock) as found:
        assert list(found.map(square, range(20))) == list(map(square, range(20)))
        assert os.getpid() not in found.map(pid_of, range(20))
        with pytest.raises(WorkerError):
            list(found.map(die, [signal.SIGKILL]))


@pytest.mark.usefixtures('start_method')
def test_running_workers_keep_the_lock(tmp_path: Path) -> None:
    """A worker holds the lock of its build until its task is done, even if the build ended."""
    out, begun, go = (str(tmp_path / name) for name in ('out', 'begun', 'go'))
    held = locked(out)
    with open_workers(2, None, held.__enter__()) as found, ThreadPoolExecutor(1) as waiting:
        result = waiting.submit(next, found.map(meet, [(begun, go)]))
        try:
            while not os.path.exists(begun):
                time.sleep(0.001)
            held.__exit__(None, None, None)
            with pytest.raises(BusyError), locked(out):
                pass
        finally:
            Path(go).touch()
        assert result.result() == 'begun'
    with locked(out):
        pass


def test_garbage_is_collected_afterwards(lock: int) -> None:
    """Objects that are frozen for the workers are collected again when the workers end."""
    gc.unfreeze()
    with open_workers(2, None, lock) as found:
        assert list(found.map(square, range(3))) == [0, 1, 4]
        assert gc.get_freeze_count()
    assert not gc.get_freeze_count()


def test_tasks_run_in_parallel(tmp_path: Path, lock: int) -> None:
    """Two tasks that wait for each other both end."""
    one, other = str(tmp_path / 'one'), str(tmp_path / 'other')
    with open_workers(2, None, lock) as found:
        assert list(found.map(meet, [(one, other), (other, one)])) == ['one', 'other']


def test_few_tasks_need_no_process(monkeypatch: pytest.MonkeyPatch, lock: int) -> None:
    """A few tasks run in this process, unless a number of processes is given."""
    monkeypatch.setattr(workers, 'usable_cpus', lambda: 2)
    with open_workers(None, None, lock) as found:
        assert set(found.map(pid_of, range(4))) == {os.getpid()}
        assert os.getpid() not in found.map(pid_of, range(5))
        # Once there are processes, they run all tasks, however few.
        assert os.getpid() not in found.map(pid_of, range(1))


@pytest.mark.parametrize(
    ('cpus', 'jobs', 'in_process'), (
        (1, None, True), (3, None, False), (3, 1, True), (1, 2, False),
    ),
)
def test_number_of_processes(
        monkeypatch: pytest.MonkeyPatch, lock: int, cpus: int, jobs: int | None, in_process: bool,
) -> None:
    """There are as many processes as given, or as CPUs; with one, tasks run in this process."""
    monkeypatch.setattr(workers, 'usable_cpus', lambda: cpus)
    with open_workers(jobs, None, lock) as found:
        assert isinstance(found, InProcess) == in_process
        assert len({*found.map(pid_of, range(50))}) <= (jobs or cpus)
        assert in_process == (os.getpid() in found.map(pid_of, range(50)))


def assert_few_are_taken(found: Workers, most: int) -> None:
    taken = []

    def tasks() -> Iterator[int]:
        for number in range(100 + most):
            taken.append(number)
            yield number

    for index, result in enumerate(found.map(square, tasks())):
        assert result == index * index
        assert len(taken) <= index + most


def test_few_tasks_are_taken_ahead(lock: int) -> None:
    """Memory does not grow with the number of tasks."""
    with open_workers(2, None, lock) as found:
        assert_few_are_taken(found, 4 * 2)
    with ThreadPoolExecutor(2) as executor, open_workers(None, executor, lock) as found:
        assert_few_are_taken(found, 64)


@pytest.mark.parametrize(
    ('task', 'argument', 'message'), (
        (die, signal.SIGKILL, 'a worker process died of signal 9: '),
        (die, signal.SIGTERM, 'a worker process died of signal 15: '),
        (leave, 3, 'a worker process died with exit status 3: '),
        (leave, CANNOT_START, 'a worker process cannot start: '),
    ),
)
@pytest.mark.parametrize('tasks', (1, 20))
def test_dead_worker_is_reported(
        task: Any, argument: int, message: str, tasks: int, lock: int,
) -> None:
    """A worker that dies ends the build, with one message that says how it died."""
    with open_workers(2, None, lock) as found, pytest.raises(WorkerError) as caught:
        list(found.map(task, [argument] * tasks))
    assert str(caught.value) == f'{message}if memory is short, use fewer processes (--jobs)'


def test_dead_idle_worker_is_reported(lock: int) -> None:
    """A worker that dies while it has no task ends the build with the same message."""
    with open_workers(2, None, lock) as found:
        [pid] = found.map(pid_of, ['x'])
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match='of signal 9'):
            list(found.map(pid_of, ['x' * 10_000_000] * 2))


@pytest.mark.usefixtures('start_method')
@pytest.mark.parametrize('interruption', (KeyboardInterrupt, SystemExit, ValueError))
def test_waiting_workers_are_killed(
        monkeypatch: pytest.MonkeyPatch, lock: int, interruption: type[BaseException],
) -> None:
    """If the build is interrupted, workers whose tasks never end are killed."""
    monkeypatch.setattr(executors, '_PATIENCE', 0.1)

    def tasks() -> Iterator[None]:
        yield from (None, None)
        raise interruption

    with pytest.raises(interruption), open_workers(2, None, lock) as found:
        pids = set(found.map(pid_of, range(20)))
        list(found.map(wait_forever, tasks()))
    assert pids
    assert not any(map(is_alive, pids))


PARENT = """
import os, signal, sys, tempfile
from dumb_pypi.builder import executors
from dumb_pypi.builder.workers import open_workers
from dumb_pypi.store.lock import locked
from tests.builder import workers_test
if __name__ == '__main__':
    executors.START_METHOD = sys.argv[1]
    def tasks():
        yield from range(2)
        os.kill(os.getpid(), getattr(signal, sys.argv[2]))
    with locked(sys.argv[3]) as lock, open_workers(2, None, lock) as found:
        print(*{*found.map(workers_test.pid_of, range(20))}, flush=True)
        list(found.map(workers_test.wait_forever, tasks()))
"""


@pytest.mark.usefixtures('lock')
@pytest.mark.parametrize('how', ('SIGKILL', 'SIGTERM'))
def test_workers_end_with_their_parent(tmp_path: Path, start_method: str, how: str) -> None:
    """Five seconds after the parent is killed no worker is alive, and the lock is free."""
    script = tmp_path / 'parent.py'
    script.write_text(PARENT)
    out = str(tmp_path / 'out')
    with subprocess.Popen(
        [sys.executable, script, start_method, how, out], cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={
            **{key: text for key, text in os.environ.items() if not key.startswith('COVERAGE_')},
            'PYTHONPATH': str(Path(__file__).parents[2]),
        },
    ) as process:
        assert process.stdout is not None
        pids = list(map(int, process.stdout.readline().split()))
        process.wait(timeout=A_MINUTE)
        end = time.monotonic() + 5
        while any(map(is_alive, pids)) and time.monotonic() < end:
            time.sleep(0.01)
        assert not any(map(is_alive, pids))
        assert pids
        assert process.returncode == -getattr(signal, how)
        with locked(out):
            pass
        # The resource tracker may print warnings.
        assert 'Traceback' not in process.stdout.read()


def interrupt(_: object) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_workers_ignore_ctrl_c(monkeypatch: pytest.MonkeyPatch, lock: int) -> None:
    """Workers ignore Ctrl-C, even at the moment in which they start."""
    start = executors._start_worker

    def start_after_a_signal(lock: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        start(lock)

    monkeypatch.setattr(executors, 'START_METHOD', 'fork')
    monkeypatch.setattr(executors, '_start_worker', start_after_a_signal)
    with open_workers(2, None, lock) as found:
        assert list(found.map(square, range(20))) == list(map(square, range(20)))
        list(found.map(interrupt, range(20)))


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


def test_thread_that_dies_is_why_tasks_fail(lock: int) -> None:
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


def test_main_process_does_not_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The main process, which has no parent to wait for, does not exit."""
    monkeypatch.setattr(multiprocessing, 'parent_process', lambda: None)
    monkeypatch.setattr(os, '_exit', fail)
    executors._exit_with_parent()


def test_open_file_is_passed_on(tmp_path: Path) -> None:
    """A spawned process receives an open file as the number of an open file."""
    (tmp_path / 'file').write_text('text')
    with (tmp_path / 'file').open() as file, ProcessPool(1, file.fileno()) as pool:
        function, [duplicate] = executors._OpenFile(file.fileno()).__reduce__()
        number = function(duplicate)
        assert os.pread(number, 4, 0) == b'text'
        os.close(number)
        assert pool.submit(square, 3).result() == 9
        assert pool.exit_status() is None


def test_batches_have_a_size() -> None:
    """A batch ends when it exceeds the limit, and the last one when there are no more items."""
    assert list(batched([3, 3, 3, 9, 1], lambda size: size, 5)) == [[3, 3], [3, 9], [1]]
    assert list(batched([], len, 5)) == []
