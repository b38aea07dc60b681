"""Hypothesis profiles, the marker of randomised tests, and programs that may not be installed."""
from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import is_hypothesis_test, settings

from tests.support import system_calls
from tests.support.processes import Builds
from tests.support.workshop import Workshop

# Administrators' programs, in folders that are often missing from the PATH of other users.
SYSTEM_FOLDERS = ('/usr/sbin', '/usr/local/sbin')

# What all tests together write at once, and as much again.
ROOM = 2 << 30  # bytes

_NOT_INSTALLED = 'is not installed: apt install'

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell makes its background jobs ignore SIGINT, and they pass that on to their children.
    signal.signal(signal.SIGINT, signal.default_int_handler)



def memory_folder() -> str | None:
    """Return a RAM disk with room for the tests, on which programs can be run, if there is one."""
    folder = '/dev/shm'  # noqa: S108 - pytest and tempfile create private folders in it
    if not os.access(folder, os.W_OK) or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return None
    return folder if shutil.disk_usage(folder).free > ROOM else None


# Half of the time that tests of killed builds take is the disk's. Child processes inherit this.
if 'TMPDIR' not in os.environ and (memory := memory_folder()) is not None:
    os.environ['TMPDIR'] = tempfile.tempdir = memory

# The same examples in every run. `make fuzz` uses the other profile to look for new ones.
settings.register_profile('fixed', derandomize=True, database=None, deadline=None)
settings.register_profile('fuzz', database=None, deadline=None, print_blob=True)
settings.load_profile('fixed')


class NeedProgram(Protocol):
    """Return the path of `program`, or skip the test that asks for it.

    If `program` is only a part of a program, it is given by its absolute path. `package` is what
    to install to get it. With `CI=true` the test fails instead: CI skips no test.
    """
    def __call__(self, program: str, *, package: str) -> str: ...


@pytest.fixture(scope='session')
def need_program() -> NeedProgram:
    def need(program: str, *, package: str) -> str:
        folders = (os.environ.get('PATH', os.defpath), *SYSTEM_FOLDERS)
        path = shutil.which(program, path=os.pathsep.join(folders))
        if path is None and os.path.isabs(program) and os.path.exists(program):
            path = program
        if path is not None:
            return path
        reason = f'{program} {_NOT_INSTALLED} {package}, or brew install {package}'
        if os.environ.get('CI') == 'true':
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)

    return need


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name binary parameters by their argument.

    The processes that share the tests must give each the same name, and many archives contain the
    time.
    """
    is_binary = isinstance(val, bytes) and not val.decode('latin-1').isprintable()
    return argname if is_binary else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark hypothesis tests; a test that calls hypothesis itself has the marker in its source."""
    if is_hypothesis_test(getattr(item, 'obj', None)):
        item.add_marker(pytest.mark.randomised)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests measured, which tests were skipped, and how to install what they need."""
    # With xdist only reports reach this process.
    for report in terminalreporter.getreports('passed'):
        for name, lines in report.user_properties:
            terminalreporter.section(name)
            terminalreporter.line(str(lines))
    skipped: dict[str, list[str]] = defaultdict(list)
    for report in terminalreporter.getreports('skipped'):
        _, _, reason = report.longrepr
        if _NOT_INSTALLED in reason:
            skipped[reason.removeprefix('Skipped: ')].append(report.nodeid)
    for reason, tests in sorted(skipped.items()):
        terminalreporter.section('skipped tests', yellow=True)
        terminalreporter.line(f'{len(tests)} tests were skipped. {reason}')
        # One line per test function, not one per case.
        for test in dict.fromkeys(nodeid.partition('[')[0] for nodeid in tests):
            terminalreporter.line(f'    {test}')


@pytest.fixture(scope='module')
def builds() -> Iterator[Builds]:
    """Start builds in forked processes, all from one that has loaded what they need."""
    with Builds() as builds:
        yield builds


@pytest.fixture(scope='session')
def supervision() -> None:
    """Skip tests that watch the system calls of builds where the system does not permit it."""
    if reason := system_calls.unsupported():
        pytest.skip(reason)


@pytest.fixture
def workshop(tmp_path: Path, builds: Builds) -> Workshop:
    return Workshop(tmp_path, builds)
