"""Which command runs."""
from __future__ import annotations

import errno
import importlib
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from dumb_pypi.commands import build as build_command
from dumb_pypi.commands import COMMANDS, console
from dumb_pypi.commands import scan as scan_command
from dumb_pypi.main import main, run, run_scan
from tests.support import trees


class FullDisk(io.StringIO):
    """A stream whose output is lost."""

    def flush(self) -> None:
        raise OSError(28, 'No space left on device')


@pytest.fixture(autouse=True)
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo what `run` does to its process, which it is to end."""
    monkeypatch.setattr(console, 'ends_process', False)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    (tmp_path / 'list').write_text('foo-1.0.zip\n')
    return ['--package-list', f'{tmp_path}/list', '--packages-url', '/pool/', '-v']


def test_build_is_the_default(
        tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str],
) -> None:
    """Options without a command, as in 1.x, are those of `build`."""
    options += ['--no-generate-timestamp']
    assert main([*options, '--output-dir', f'{tmp_path}/plain']) == 0
    assert main(['build', *options, '--output-dir', f'{tmp_path}/named']) == 0
    assert trees.pages_in(tmp_path / 'plain') == trees.pages_in(tmp_path / 'named')
    one, other = capsys.readouterr().err.splitlines()
    assert one == other


def test_scan_is_a_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`dumb-pypi scan` is what `dumb-pypi-scan` is."""
    assert main(['scan', str(tmp_path)]) == 0
    assert capfd.readouterr().out == ''


@pytest.mark.parametrize(('word', 'message'), (
    ('biuld', "'biuld' is not a command. Did you mean 'build'?"),
    ('nonsense', "'nonsense' is not a command. dumb-pypi --help lists the commands and options"),
    ('pool', ("'pool' is not a command. To make an index of the files in a folder, pass "
              '--packages-dir DIR --output-dir DIR')),
    ('list', "'list' is not a command. To make an index of a list, pass --package-list PATH"),
))
def test_unknown_command_is_wrong_usage(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
        word: str, message: str,
) -> None:
    """A word that is not a command is reported with what to do, and exit status 2."""
    (tmp_path / 'pool').mkdir()
    (tmp_path / 'list').touch()
    monkeypatch.chdir(tmp_path)
    assert main([word, '--output-dir', 'index']) == 2
    assert capsys.readouterr() == ('', f'dumb-pypi: {message}\n')


def test_no_arguments_print_how_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments the program says how to begin, and exits with 2 as 1.x does."""
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert 'dumb-pypi --packages-dir index/pool --output-dir index\n' in err
    assert all(f'\n  {name} ' in err for name in COMMANDS)
    assert max(map(len, err.splitlines())) <= 100


@pytest.mark.parametrize('arguments', (['--help'], *([name, '-h'] for name in COMMANDS)))
def test_help_has_examples_and_exit_statuses(
        arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every help groups the options, and ends with the exit statuses and examples that parse."""
    monkeypatch.setenv('COLUMNS', '80')
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert 'options:' not in text
    assert 'help:' in text
    _, exit_statuses, examples = re.split('\nexit status:\n|\nexamples:\n', text)
    statuses = [line.split()[0] for line in exit_statuses.splitlines() if line]
    # Ctrl-C is how to stop the server. A build prints nothing that a pipe may need in part.
    ends = {'serve': [], 'scan': ['130', '141'], 'check': ['130', '141']}
    assert statuses == ['0', '1', '2', *ends.get(arguments[0], ['130'])]
    assert examples.count('dumb-pypi ') >= 2
    assert max(map(len, [*exit_statuses.splitlines(), *examples.splitlines()])) <= 80


def test_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """`dumb-pypi --help` lists the commands with what they do."""
    with pytest.raises(SystemExit):
        main(['--help'])
    out = capsys.readouterr().out
    assert [name for name in COMMANDS if f'\n  {name:8}' not in out] == []


def test_examples_of_help_parse(capsys: pytest.CaptureFixture[str]) -> None:
    """The command lines in the help texts are right: their options exist."""
    for name in COMMANDS:
        parser = importlib.import_module(f'dumb_pypi.commands.{name}')._parser()
        text = parser.format_help().partition('\nexamples:\n')[2].replace('\\\n', ' ')
        examples = re.findall(r'^    dumb-pypi (.*?)(?: (?:2>>|>|\|).*)?$', text, re.MULTILINE)
        assert examples, name
        for example in examples:
            words = example.split()
            command = words.pop(0) if words[0] in COMMANDS else 'build'
            if command == name:
                parser.parse_args(words)
    assert capsys.readouterr() == ('', '')


@pytest.mark.parametrize(('stdout', 'stderr', 'exits_at_once'), (
    (None, None, True), (FullDisk(), None, False), (None, FullDisk(), False),
))
def test_command_exits_at_once(
        tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch,
        stdout: FullDisk | None, stderr: FullDisk | None, exits_at_once: bool,
) -> None:
    """Python does not clean up first, unless it has to report that output is lost."""
    def leave(status: int) -> NoReturn:
        assert status == 0
        raise SystemExit('at once')

    command = ['dumb-pypi', *options, '-q', '--output-dir', f'{tmp_path}/out']
    monkeypatch.setattr(sys, 'argv', [word for word in command if word != '-v'])
    monkeypatch.setattr(sys, 'stdout', stdout)
    monkeypatch.setattr(sys, 'stderr', stderr)
    monkeypatch.setattr(os, '_exit', leave)
    with pytest.raises(SystemExit) as caught:
        run()
    assert caught.value.code == ('at once' if exits_at_once else 0)
    assert (tmp_path / 'out/packages.json').exists()


@pytest.mark.parametrize(
    ('error', 'message'), (
        (MemoryError(), 'Cannot allocate memory: '),
        (SystemError('error return without exception set'), 'error return without exception set: '),
        (OSError(errno.EMFILE, 'Too many open files', 'a\n'), "'a\\n': Too many open files: "),
        (RuntimeError("can't start new thread"), "can't start new thread: "),
        (RuntimeError("can't allocate read lock"), "can't allocate read lock: "),
        (ImportError('libx.so: cannot open'), 'libx.so: cannot open: '),
    ),
)
@pytest.mark.parametrize('command', (build_command, scan_command))
def test_refusal_of_the_system_is_reported(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: object,
        error: Exception, message: str,
) -> None:
    """Whatever the system refuses, wherever it is: one line says so, and what to do."""
    def refuse(_: object) -> None:
        raise error

    monkeypatch.setattr(command, 'main', refuse)
    assert main(['scan' if command is scan_command else 'build']) == 1
    line = capsys.readouterr().err
    assert line.startswith(f'dumb-pypi: {message}')
    assert line.count('\n') == 1
    assert 'ulimit' in line


def test_missing_module_is_reported(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    """If a library is missing, no limit of the system is blamed."""
    def refuse(_: object) -> None:
        importlib.import_module('no_such_module')

    monkeypatch.setattr(build_command, 'main', refuse)
    assert main(['build']) == 1
    assert capsys.readouterr().err == (
        "dumb-pypi: the installation is incomplete (No module named 'no_such_module'): reinstall "
        'dumb-pypi\n'
    )


def test_windows_is_refused(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    """On Windows the program says that it does not run there."""
    monkeypatch.setattr(sys, 'platform', 'win32')
    assert main(['build']) == 1
    assert capsys.readouterr().err == 'dumb-pypi: this program runs on Linux and macOS only\n'


def test_deleted_working_directory_is_reported(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    """A working directory that was deleted is named as the cause."""
    gone = tmp_path / 'gone'
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(['--packages-dir', '.', '--output-dir', f'{tmp_path}/out']) == 1
    assert capsys.readouterr().err == (
        'dumb-pypi: the working directory was deleted: change to another one (cd)\n'
    )


def test_file_without_a_path_is_reported(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    """If the system does not say which file is missing, the message has no path."""
    def refuse(_: object) -> None:
        raise FileNotFoundError(errno.ENOENT, 'No such file or directory')

    monkeypatch.setattr(build_command, 'main', refuse)
    assert main(['build']) == 1
    assert capsys.readouterr().err == 'dumb-pypi: No such file or directory\n'


def test_program_fault_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the program itself keeps its traceback."""
    def fail(_: object) -> None:
        raise RuntimeError('dictionary changed size during iteration')

    monkeypatch.setattr(build_command, 'main', fail)
    with pytest.raises(RuntimeError):
        main(['build'])


@pytest.mark.parametrize('encoding', ('utf-8', 'iso8859-1'))
def test_program_starts_again_in_utf8_mode(
        monkeypatch: pytest.MonkeyPatch, options: list[str], tmp_path: Path, encoding: str,
) -> None:
    """In a locale that is not UTF-8 the program starts again; if it can't, it goes on."""
    def execute(*command: object) -> None:
        commands.append(command)
        raise OSError

    commands: list[object] = []
    monkeypatch.setattr(sys, 'argv', ['dumb-pypi', *options, '--output-dir', f'{tmp_path}/out'])
    monkeypatch.setattr(sys, 'orig_argv', ['python', '-P', 'dumb-pypi', 'x'])
    monkeypatch.setattr(sys, 'getfilesystemencoding', lambda: encoding)
    monkeypatch.setattr(os, 'execv', execute)
    monkeypatch.setattr(os, '_exit', sys.exit)
    with pytest.raises(SystemExit, match=r'^0$'):
        run()
    assert commands == ([] if encoding == 'utf-8' else [
        (sys.executable, [sys.executable, '-X', 'utf8', '-P', 'dumb-pypi', 'x']),
    ])


def test_scan_has_its_own_name(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str],
) -> None:
    """The command `dumb-pypi-scan` is `dumb-pypi scan`."""
    monkeypatch.setattr(sys, 'argv', ['dumb-pypi-scan', str(tmp_path)])
    monkeypatch.setattr(os, '_exit', sys.exit)
    with pytest.raises(SystemExit, match=r'^0$'):
        run_scan()
    assert 'dumb-pypi: no distribution' in capfd.readouterr().err


@pytest.mark.parametrize('closed', ('<&-', '>&-', '2>&-', '<&- >&- 2>&-'))
@pytest.mark.parametrize('jobs', ('1', '4'))
def test_closed_streams(options: list[str], tmp_path: Path, closed: str, jobs: str) -> None:
    """No file of the build takes the number of a closed standard stream."""
    command = [sys.executable, '-m', 'dumb_pypi', *options, '--output-dir', f'{tmp_path}/out']
    subprocess.run(
        ['sh', '-c', f'"$@" {closed}', 'sh', *command, '--jobs', jobs], check=True,
    )
    tree = trees.pages_in(tmp_path / 'out')
    assert main([*options, '--output-dir', f'{tmp_path}/same']) == 0
    assert tree.keys() == trees.pages_in(tmp_path / 'same').keys()


@pytest.mark.parametrize(('error', 'status', 'message'), (
    (KeyboardInterrupt(), 130, 'interrupted'),
    (UnicodeEncodeError('ascii', 'é', 0, 1, 'no'), 1, 'the locale has no UTF-8: set LC_ALL='),
))
def test_import_may_be_interrupted(
        options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
        error: BaseException, status: int, message: str,
) -> None:
    """Ctrl-C while a command is imported, or a name that cannot be encoded, is one line."""
    def import_module(_: str) -> NoReturn:
        raise error

    monkeypatch.setattr(importlib, 'import_module', import_module)
    assert main(options) == status
    output, messages = capsys.readouterr()
    assert output == ''
    assert messages.startswith(f'dumb-pypi: {message}')
    assert messages.count('\n') == 1


@pytest.mark.parametrize('ends', (False, True))
def test_signals_wait_for_the_end(monkeypatch: pytest.MonkeyPatch, ends: bool) -> None:
    """A build that reported its changes exits with 0; a program that called it goes on."""
    monkeypatch.setattr(console, 'ends_process', ends)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    console.hold_signals()
    held = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert (held - before == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}) == ends
