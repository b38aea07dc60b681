"""Whoever does the tasks, the results are the same; and nobody is left behind."""
from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import jinja2
import pytest

from dumb_pypi import errors
from dumb_pypi.builder import workers
from dumb_pypi.builder.workers import crew, Here, Workers
from dumb_pypi.errors import BusyError, DumbPypiError, WorkerError
from dumb_pypi.store import lock

A_MINUTE = 60  # by then something is wrong


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


def wait_for_ever(_: object) -> None:
    signal.pause()


def meet(places: tuple[str, str]) -> str:
    """Say that one is there, and wait for another."""
    here, there = map(Path, places)
    here.touch()
    while not there.exists():
        time.sleep(0.001)
    return here.name


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def children() -> set[int]:
    """The processes that this one has started and that are not gone.

    The standard library keeps one of its own that cleans up behind those that are spawned, and
    tells nobody its number but in a name of its own.
    """
    tracker = resource_tracker._resource_tracker._pid  # type: ignore[attr-defined]
    listed = subprocess.run(
        ['ps', '-A', '-o', 'pid=,ppid=,comm='], check=True, capture_output=True, text=True,
    ).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return {
        int(pid) for pid, parent, name in rows
        if int(parent) == os.getpid() and name != 'ps' and int(pid) != tracker
    }


@pytest.fixture(autouse=True)
def nobody_is_left() -> Iterator[None]:
    before = children()
    yield
    assert children() <= before


@pytest.fixture(params=('fork', 'spawn'))
def start_method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, '_START_METHOD', request.param)


@pytest.mark.parametrize('jobs', (None, 1, 2, 3))
@pytest.mark.parametrize('tasks', (0, 1, 4, 5, 6, 50))
def test_results_come_in_the_order_of_their_tasks(jobs: int | None, tasks: int) -> None:
    """However many of either there are, and again for the tasks that come next."""
    with crew(jobs) as doers:
        for first in (0, 100):
            numbers = range(first, first + tasks)
            assert list(doers.map(square, numbers)) == [square(number) for number in numbers]


def test_workers_that_are_started_in_another_way(start_method: None) -> None:
    del start_method
    with Workers(2, eager=True) as doers:
        assert list(doers.map(square, range(20))) == list(map(square, range(20)))
        assert os.getpid() not in doers.map(pid_of, range(20))
        with pytest.raises(WorkerError):
            list(doers.map(die, [signal.SIGKILL]))


def test_workers_hold_the_lock_until_their_task_is_done(
        start_method: None, tmp_path: Path,
) -> None:
    """Whoever started them: it may have been killed."""
    del start_method
    out, begun, go = (str(tmp_path / name) for name in ('out', 'begun', 'go'))
    held = lock.held(out)
    with (
        Workers(2, eager=True, lock=held.__enter__()) as doers, ThreadPoolExecutor(1) as waiting,
    ):
        result = waiting.submit(next, doers.map(meet, [(begun, go)]))
        try:
            while not os.path.exists(begun):
                time.sleep(0.001)
            held.__exit__(None, None, None)
            with pytest.raises(BusyError), lock.held(out):
                pass
        finally:
            Path(go).touch()
        assert result.result() == 'begun'
    with lock.held(out):
        pass


def test_garbage_of_the_caller_s_is_collected_as_before() -> None:
    gc.unfreeze()
    with Workers(2, eager=True) as doers:
        assert list(doers.map(square, range(3))) == [0, 1, 4]
        assert gc.get_freeze_count()
    assert not gc.get_freeze_count()


def test_a_result_waits_for_those_before_it(tmp_path: Path) -> None:
    """Two tasks are done at once: the first ends when the second is at work, and not before."""
    one, other = str(tmp_path / 'one'), str(tmp_path / 'other')
    with Workers(2, eager=True) as doers:
        assert list(doers.map(meet, [(one, other), (other, one)])) == ['one', 'other']


def test_no_process_is_started_for_a_few_tasks() -> None:
    with Workers(2) as doers:
        assert set(doers.map(pid_of, range(4))) == {os.getpid()}
        assert os.getpid() not in doers.map(pid_of, range(5))
        # Those that are there do the next ones, however few.
        assert os.getpid() not in doers.map(pid_of, range(1))


def test_who_does_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    for processors, jobs, number in (
            (1, None, 1), (3, None, 3), (3, 1, 1), (1, 2, 2),
    ):
        monkeypatch.setattr(workers, 'usable_cpus', lambda count=processors: count)
        with crew(jobs) as doers:
            assert doers.number == number
            assert isinstance(doers, Here) == (number == 1)


def test_few_tasks_are_taken_before_their_turn() -> None:
    """Memory does not grow with their number."""
    taken = []

    def tasks() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with Workers(2, eager=True) as doers:
        for index, result in enumerate(doers.map(square, tasks())):
            assert result == index * index
            # The one that comes next is at hand too.
            assert len(taken) <= index + 4 * 2 + 1


NOTICE = errors.Notice('list', 3, 'is odd', skipped=True)
# Errors of every kind.
ERRORS = (
    errors.DumbPypiError('all'),
    errors.LineError('is odd'),
    errors.FieldError('hash', 'x\n', 'is odd'),
    errors.OptionError('--jobs', 'is odd'),
    errors.FileError('write', 'a', OSError(28, 'No space left on device', 'a')),
    errors.FileError('read', '\udc80', ValueError('embedded null byte')),
    errors.TemplateError('a.html:1', jinja2.TemplateSyntaxError('bad', 1, 'a', 'a.html')),
    errors.TemplateError('a.html:1', jinja2.UndefinedError("'x' is undefined")),
    errors.TemplateError('a.html', jinja2.TemplateNotFound('b.html')),
    errors.TemplateError('a.html', jinja2.TemplatesNotFound(['b.html', 'c.html'])),
    errors.TemplateError('a.html', UnicodeDecodeError('utf-8', b'\xff', 0, 1, 'bad')),
    errors.BrokenError('is odd'),
    errors.ListError('is odd', [NOTICE]),
    errors.RefusedError([NOTICE]),
    errors.BusyError('out'),
    errors.WorkerError(-9),
    errors.WorkerError(None),
    errors.ShrinkError(1, 3, [NOTICE]),
)


def kinds(kind: type[DumbPypiError]) -> set[type[DumbPypiError]]:
    return {kind}.union(*map(kinds, kind.__subclasses__()))


def fields(error: DumbPypiError) -> dict[str, Any]:
    """What an error carries: two exceptions are never equal, and not all can be copied."""
    return {
        key: type(value) if isinstance(value, Exception) else value
        for key, value in vars(error).items()
    }


def test_all_kinds_of_errors_are_tried() -> None:
    assert {type(error) for error in ERRORS} == kinds(DumbPypiError)


@pytest.mark.parametrize('error', ERRORS, ids=repr)
@pytest.mark.parametrize('jobs', (1, 2))
def test_an_error_arrives_as_itself(error: DumbPypiError, jobs: int) -> None:
    with crew(jobs) as doers, pytest.raises(DumbPypiError) as caught:
        list(doers.map(fail, [error]))
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)
    assert caught.value.args == error.args
    assert fields(caught.value) == fields(error)


@pytest.mark.parametrize(
    ('task', 'argument', 'message'), (
        (die, signal.SIGKILL, 'a worker process died of signal 9'),
        (die, signal.SIGTERM, 'a worker process died of signal 15'),
        (leave, 3, 'a worker process died with exit status 3'),
    ),
)
@pytest.mark.parametrize('tasks', (1, 20))
def test_a_worker_that_dies_is_told_of(task: Any, argument: int, message: str, tasks: int) -> None:
    with Workers(2, eager=True) as doers, pytest.raises(WorkerError) as caught:
        list(doers.map(task, [argument] * tasks))
    assert str(caught.value) == message


def test_a_worker_that_dies_while_it_has_nothing_to_do_is_told_of() -> None:
    with Workers(2, eager=True) as doers:
        # More than a pipe holds: it cannot be sent to nobody.
        [pid] = doers.map(pid_of, ['x'])
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match='of signal 9'):
            list(doers.map(pid_of, ['x' * 10_000_000] * 2))


@pytest.mark.parametrize('interruption', (KeyboardInterrupt, SystemExit, ValueError))
def test_what_ends_the_parent_ends_the_workers_in_their_midst(
        start_method: None, interruption: type[BaseException],
) -> None:
    """None of them would ever be done."""
    del start_method

    def tasks() -> Iterator[None]:
        yield from (None, None)
        raise interruption

    with pytest.raises(interruption), Workers(2, eager=True) as doers:
        pids = set(doers.map(pid_of, range(20)))
        list(doers.map(wait_for_ever, tasks()))
    assert pids
    assert not any(map(is_there, pids))


PARENT = '''
import os, signal, sys
from dumb_pypi.builder import workers
from tests.builder import workers_test
workers._START_METHOD = sys.argv[1]
def tasks():
    yield from range(20)
    os.kill(os.getpid(), getattr(signal, sys.argv[2]))
with workers.Workers(2, eager=True) as doers:
    list(doers.map(workers_test.pid_of, tasks()))
'''


@pytest.mark.parametrize('method', ('fork', 'spawn'))
@pytest.mark.parametrize('how', ('SIGKILL', 'SIGTERM'))
def test_workers_end_by_themselves_when_their_parent_is_killed(method: str, how: str) -> None:
    """The end of their output is that of all who could write there."""
    with subprocess.Popen(
        [sys.executable, '-c', PARENT, method, how], cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={key: text for key, text in os.environ.items() if not key.startswith('COVERAGE_')},
    ) as process:
        out, _ = process.communicate(timeout=A_MINUTE)
    assert process.returncode == -getattr(signal, how)
    # The process that cleans up behind those that are spawned may tell of it.
    assert 'Traceback' not in out


def test_ctrl_c_while_workers_start_is_the_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes to the whole group, in the very moment in which a process begins."""
    begin = workers._work

    def begin_and_meet_a_signal(*args: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        begin(*args)

    monkeypatch.setattr(workers, '_START_METHOD', 'fork')
    monkeypatch.setattr(workers, '_work', begin_and_meet_a_signal)
    with Workers(2, eager=True) as doers:
        assert list(doers.map(square, range(20))) == list(map(square, range(20)))
        with contextlib.suppress(KeyboardInterrupt):
            list(doers.map(interrupt, range(20)))


def interrupt(_: object) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_a_worker_does_one_task_after_the_other_until_its_parent_has_gone() -> None:
    """What a worker runs, run here: nothing counts the lines of a process that is ended."""
    here, there = multiprocessing.Pipe()
    of_another, its_end = multiprocessing.Pipe()
    found: list[object] = []

    def give() -> None:
        for task in ((square, 3), (fail, ValueError('no')), (square, 4)):
            here.send(task)
            found.append(here.recv())
        here.close()

    before = signal.getsignal(signal.SIGINT)
    parent = threading.Thread(target=give)
    parent.start()
    try:
        workers._work(there, [of_another], None)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
        parent.join(A_MINUTE)
    result, failure, other = found
    assert (result, other) == ((9, None), (16, None))
    assert repr(failure) == "(None, ValueError('no'))"
    assert of_another.closed
    its_end.close()
    there.close()
