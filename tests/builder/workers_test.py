"""Tasks in processes and executors: results in order, errors, and no process left behind."""
from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi.builder import executors, workers
from dumb_pypi.builder.executors import ProcessPool
from dumb_pypi.builder.workers import batched, InProcess, open_workers, Workers
from dumb_pypi.errors import BusyError, CANNOT_START, WorkerError
from dumb_pypi.store.lock import locked

A_MINUTE = 60  # seconds, after which a test has failed
pytestmark = pytest.mark.usefixtures('no_process_left')


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


def test_pool_without_workers_refuses_tasks(lock: int) -> None:
    """After a worker has died, submitting another task fails."""
    with ProcessPool(1, lock) as pool:
        with pytest.raises(BrokenProcessPool):
            pool.submit(leave, 1).result()
        with pytest.raises(BrokenProcessPool):
            pool.submit(square, 2)


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
