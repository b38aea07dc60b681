"""What the suites share: programs that a machine may lack."""
from __future__ import annotations

import os
import shutil
import signal
from collections import defaultdict
from typing import Protocol

import pytest

# Where programs for administrators are, which the PATH of others may not have.
SYSTEM_FOLDERS = ('/usr/sbin', '/usr/local/sbin')

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So it is in what a shell starts in the background, and in all that that starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

_NOT_INSTALLED = 'is not installed: apt install'


class NeedProgram(Protocol):
    """Say where `program` is; without it, the test that asks is left out.

    A part of a program that is no program itself is asked for by its whole path.
    `package` is what to install where it is missing. With `CI=true` the test fails instead:
    there nothing is left out.
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests measured; say which were left out, and how to get what they need."""
    # Of the processes that run tests only reports come here.
    for report in terminalreporter.getreports('passed'):
        for name, lines in report.user_properties:
            terminalreporter.section(name)
            terminalreporter.line(str(lines))
    left_out: dict[str, list[str]] = defaultdict(list)
    for report in terminalreporter.getreports('skipped'):
        _, _, reason = report.longrepr
        if _NOT_INSTALLED in reason:
            left_out[reason.removeprefix('Skipped: ')].append(report.nodeid)
    for reason, tests in sorted(left_out.items()):
        terminalreporter.section('tests left out', yellow=True)
        terminalreporter.line(f'{len(tests)} tests were left out. {reason}')
        # One line a test, not one for each of its cases.
        for test in dict.fromkeys(nodeid.partition('[')[0] for nodeid in tests):
            terminalreporter.line(f'    {test}')
