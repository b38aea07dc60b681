"""Builds as processes of their own, each of which can be ended at any of its file operations.

Starting an interpreter takes longer than a small build. `python -m tests.processes` starts one
that has all modules loaded; for each build it forks.
"""
from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, IO, NamedTuple, NoReturn, Self
from unittest import mock

from dumb_pypi import main
from dumb_pypi.pages.templates import Templates
from tests.support import system_calls
from tests.support.small_pages import make_pages_small
from tests.support.system_calls import Call, Unflushed

ROOT = Path(__file__).parents[2]
# The exit status of a build that ended with a traceback.
BROKEN = 70
# Seconds after which a build with limits hangs.
PATIENCE = 120
# Seconds in which workers end whose build has ended; they take a fraction of one.
WORKERS_PATIENCE = 30
# A user without processes, as long as no two tests need it at the same time.
USER = 54321
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN, CAP_SYS_RESOURCE = 1, 2, 21, 24
_PR_SET_CHILD_SUBREAPER = 36

Ends = tuple[socket.socket, socket.socket]


class Fate(NamedTuple):
    """How a build is interrupted.

    It is killed or stopped at a moment counted from 1, or killed after so many seconds; if
    `coarse`, no moments count at which only the build's own files are not as at the next one. It
    can write no file larger than `largest_file` bytes. If `bound_by_modes` the permission bits
    of files hold for it, even if it is root's. `limits` are resource limits, by names such as
    `NOFILE`; that of memory (`AS`) is in bytes above what the process has when it begins.

    If there is a `folder`, the system calls on files below it are seen and counted from 1, those of
    workers too. At the call with the number `call`, the call fails with the error number `error`,
    or the process that makes it gets the signal `signal`, or the power is cut: all processes are
    killed, and files that were not written to disk lose their content; without a `call` the power
    is cut after the end. It needs `system_calls.unsupported()` to be empty.
    """
    kill_at: int | None = None
    stop_at: int | None = None
    coarse: bool = False
    kill_after: float | None = None
    largest_file: int | None = None
    bound_by_modes: bool = False
    limits: Mapping[str, int] = {}
    folder: str | None = None
    call: int | None = None
    error: int | None = None
    signal: int | None = None
    power_cut: bool = False


UNHARMED = Fate()


class Ended(NamedTuple):
    """A build process that has ended, or stopped at the moment it was to stop at.

    `status` is its exit status, less than 0 where a signal ended it, None where it only stopped;
    `messages` are what it printed.
    """
    pid: int
    status: int | None
    messages: str

    @property
    def killed(self) -> bool:
        return self.status == -signal.SIGKILL


class Builds:
    """Starts builds, one after the other; as a context manager it ends what it began."""

    def __init__(self) -> None:
        # What is killed can tell nobody what it covered.
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith('COVERAGE_')
        }
        # The system calls of the last build, if its fate had a folder.
        self.calls: Sequence[Call] = ()
        self._server = subprocess.Popen(
            [sys.executable, '-m', 'tests.support.processes'], cwd=ROOT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
            self, kind: type[BaseException] | None, value: BaseException | None,
            trace: TracebackType | None,
    ) -> None:
        del kind, value, trace
        self._server.communicate()

    def build(self, argv: Sequence[str], fate: Fate) -> Ended:
        """Run `dumb-pypi` and wait for its end."""
        return self._ask(argv=argv, fate=fate._asdict())

    def resume(self, stopped: Ended) -> Ended:
        """Let a build that stopped go on, to its end."""
        return self._ask(resume=stopped.pid)

    def _ask(self, **request: object) -> Ended:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(json.dumps(request), file=self._server.stdin, flush=True)
        ended, calls = json.loads(self._server.stdout.readline())
        self.calls = [Call(*call) for call in calls]
        return Ended(*ended)


class End:
    """An audit hook that ends its process at one of the moments when it changes the disk.

    Python calls the audit hook before each file operation, whatever code requested it. Each is
    one moment, which leaves the disk as it is. Opening a file to write has a second one, just
    after, and renaming one has one before, when only a half of the file is written.
    """

    def __init__(self, moment: int, signal_number: int, *, coarse: bool) -> None:
        self._left = moment
        self._signal = signal_number
        self._coarse = coarse

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        for effect in _moments(event, args):
            if self._coarse and (effect is not _nothing or event == 'open'):
                continue
            self._left -= 1
            if self._left == 0:
                # Where a folder is not there, say, the operation has no effect.
                with contextlib.suppress(OSError):
                    effect()
                os.kill(os.getpid(), self._signal)


def _moments(event: str, args: tuple[Any, ...]) -> tuple[Callable[[], object], ...]:
    if event == 'open' and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        return _nothing, lambda: os.open(args[0], args[2], 0o666)
    if event == 'os.rename':
        return lambda: os.truncate(args[0], os.stat(args[0]).st_size // 2), _nothing
    if event in {'os.remove', 'os.rmdir', 'os.mkdir', 'os.link', 'os.symlink', 'os.truncate'}:
        return (_nothing,)
    return ()


def _nothing() -> None:
    pass


def _serve() -> None:
    """Answer requests until there are no more."""
    if sys.platform == 'linux':
        # Workers whose build was killed become children of this process.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    messages: dict[int, IO[bytes]] = {}  # ends of pipes, which no limit on files holds for
    for line in sys.stdin:
        request = json.loads(line)
        calls: Sequence[Call] = ()
        if 'resume' in request:
            pid = request['resume']
            os.kill(pid, signal.SIGCONT)
        else:
            fate = Fate(**request['fate'])
            read_end, write_end = os.pipe()
            ends = None if fate.folder is None else socket.socketpair()
            pid = os.fork()
            if pid == 0:
                _build(request['argv'], fate, write_end, ends)
            os.close(write_end)
            messages[pid] = os.fdopen(read_end, 'rb')
            if ends is not None:
                calls = _supervise(pid, ends, fate)
            if fate.kill_after is not None:
                time.sleep(fate.kill_after)
                os.kill(pid, signal.SIGKILL)
        print(json.dumps([_wait(pid, messages), calls]), flush=True)


def _supervise(pid: int, ends: Ends, fate: Fate) -> Sequence[Call]:
    """Let its fate happen to a build; return its system calls."""
    own_end, end_of_build = ends
    end_of_build.close()
    supervisor = _Supervisor(pid, fate)
    assert fate.folder is not None
    if not system_calls.supervise(own_end, fate.folder, supervisor):
        # It makes no more calls, and has not ended: the test fails because of the signal.
        os.killpg(pid, signal.SIGABRT)
    if fate.power_cut and (fate.call is None or supervisor.power_is_cut):
        supervisor.unflushed.lose(fate.folder, random.Random(fate.call or 0))  # noqa: S311 - nothing secret depends on it
    return supervisor.calls


class _Supervisor:
    """Decides about the system calls of a build."""

    def __init__(self, pid: int, fate: Fate) -> None:
        self._pid = pid
        self._fate = fate
        self.calls: list[Call] = []
        self.unflushed = Unflushed()
        self.power_is_cut = False

    def __call__(self, call: Call) -> int | None:
        if self.power_is_cut:
            return system_calls.NO_ANSWER
        self.calls.append(call)
        if len(self.calls) != self._fate.call:
            self.unflushed.add(call)
            return None
        if self._fate.power_cut:
            self.power_is_cut = True
            os.killpg(self._pid, signal.SIGKILL)
            return system_calls.NO_ANSWER
        if self._fate.signal is not None:
            os.kill(system_calls.process_of(call.thread), self._fate.signal)
            return system_calls.NO_ANSWER if self._fate.signal == signal.SIGKILL else None
        return self._fate.error


def _wait(pid: int, messages: dict[int, IO[bytes]]) -> Ended:
    _, status = os.waitpid(pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return Ended(pid, None, '')
    left_over = end_group(pid)
    with messages.pop(pid) as file:
        return Ended(pid, os.waitstatus_to_exitcode(status), file.read().decode() + left_over)


def end_group(group: int) -> str:
    """Wait for the workers of a build that has ended; return a message if they do not end."""
    end = time.monotonic() + WORKERS_PATIENCE
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < end:
            # If they are this process's now: they would exist until process 1 waits for them.
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-group, os.WNOHANG)[0]:
                    pass
            os.killpg(group, 0)
            time.sleep(0.001)
        os.killpg(group, signal.SIGKILL)
        return 'a process is left over\n'
    return ''


def _build(
        argv: Sequence[str], fate: Fate, messages: int, ends: Ends | None,
) -> NoReturn:
    os.setpgid(0, 0)
    os.dup2(messages, sys.stdout.fileno())
    os.dup2(messages, sys.stderr.fileno())
    if fate.bound_by_modes and os.geteuid() == 0:
        bind_root()
    _limit(fate.limits)
    if fate.largest_file is not None:
        hard_limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (fate.largest_file, hard_limit))
    if fate.kill_at is not None:
        sys.addaudithook(End(fate.kill_at, signal.SIGKILL, coarse=fate.coarse))
    if fate.stop_at is not None:
        sys.addaudithook(End(fate.stop_at, signal.SIGSTOP, coarse=True))
    if ends is not None:
        ends[0].close()
        system_calls.submit(ends[1])
    sys.argv[1:] = argv
    status = BROKEN
    try:
        # It holds signals at its end, and exits at once.
        main.run()
    except SystemExit as error:
        status = int(error.code or 0)
        raise
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        # To leave in the usual way takes longer than to build.
        os._exit(status)


def _limit(limits: Mapping[str, int]) -> None:
    if limits:
        signal.alarm(PATIENCE)
    if 'NPROC' in limits and os.geteuid() == 0:
        # The kernel does not limit the processes of root. Files are opened by the effective user.
        os.setresuid(USER, 0, 0)
        _give_up(CAP_SYS_ADMIN, CAP_SYS_RESOURCE)
    for name, limit in limits.items():
        number = getattr(resource, f'RLIMIT_{name}')
        most = limit + _memory() if name == 'AS' else limit
        resource.setrlimit(number, (most, most))


def _memory() -> int:
    """Return the size of this process, in bytes."""
    return int(Path('/proc/self/statm').read_text().split()[0]) * os.sysconf('SC_PAGE_SIZE')


def bind_root() -> None:
    """Give up root's right to read and write in spite of permission bits."""
    _give_up(CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)


def _give_up(*capabilities: int) -> None:
    """Give up rights of root (capset(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    sets = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    for capability in capabilities:
        sets[0] &= ~(1 << capability)  # the effective ones
    assert libc.capset(header, sets) == 0


def _warm_up() -> None:
    """Load what a build needs, and compile the templates, which takes half of a small build."""
    make_pages_small()
    mock.patch('dumb_pypi.pages.templates.Templates', functools.cache(Templates)).start()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, 'list').write_text('{"filename": "foo-1.0.zip", "upload_timestamp": 1}\n')
        assert main.main([
            '--package-list-json', f'{folder}/list', '--packages-url', 'https://example.com/',
            '--site-url', 'https://example.com/', '--output-dir', folder, '--jobs', '2',
        ]) == 0
    # So that a forked process need not copy what it does not change.
    gc.collect()
    gc.freeze()


if __name__ == '__main__':
    _warm_up()
    _serve()
