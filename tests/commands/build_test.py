"""The command `dumb-pypi`: messages, exit status and wrong options."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import dumb_pypi
from dumb_pypi.commands import build as build_command
from dumb_pypi.commands.build import main
from dumb_pypi.commands.console import DONE
from dumb_pypi.errors import RefusedError

OOPS = (
    "filename 'oops' is not a distribution file: its name ends with none of .whl, .tar.gz, .zip, …"
)


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tmp_path / 'list').write_text('foo-1.0.zip\nfoo-2.0.zip\n')
    return [
        '--package-list', str(tmp_path / 'list'), '--output-dir', str(tmp_path / 'out'),
        '--packages-url', '../../pool/',
    ]


@pytest.fixture
def bad_command(command: list[str], tmp_path: Path) -> list[str]:
    (tmp_path / 'list').write_text('foo-1.0.zip\noops\n')
    return command


def test_success_is_silent(
        command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:
    """A successful build prints nothing."""
    assert main(command) == 0
    assert capsys.readouterr() == ('', '')
    assert 'Made with dumb-pypi on ' in (tmp_path / 'out/index.html').read_text()


def test_skipped_lines_are_reported(
        bad_command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:
    """Each skipped line is reported with its place, and their number at the end."""
    assert main(bad_command) == 0
    assert capsys.readouterr() == ('', (
        f"{tmp_path}/list:2: {OOPS}\n"
        'dumb-pypi: 1 line was skipped\n'
    ))
    (tmp_path / 'list').write_text('a\nb\n')
    assert main([*bad_command, '--allow-shrink']) == 0
    assert capsys.readouterr().err.endswith('dumb-pypi: 2 lines were skipped\n')


def test_quiet_hides_warnings(bad_command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With `-q` a build prints no warnings."""
    assert main([*bad_command, '-q']) == 0
    assert capsys.readouterr() == ('', '')


def test_verbose_prints_counts(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With `-v` a build prints the numbers of projects, files and pages."""
    for expected in ('23 pages written, 0 deleted', '0 pages written, 0 deleted'):
        assert main([*command, '-v', '--no-generate-timestamp']) == 0
        assert capsys.readouterr() == (
            '', f'dumb-pypi: 1 project, 2 files; {expected}\n',
        )


def test_strict_fails_with_reasons(
        bad_command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:
    """With `--strict` the skipped lines are reported even with `-q`, and nothing is written."""
    assert main([*bad_command, '--strict', '-q']) == 1
    assert capsys.readouterr().err.splitlines() == [
        f'{tmp_path}/list:2: {OOPS}',
        'dumb-pypi: 1 line was skipped',
        f'dumb-pypi: {RefusedError([])}',
    ]
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('options', 'message'), (
        (['--package-list', '/nowhere/list'],
         'dumb-pypi: cannot read /nowhere/list: No such file or directory\n'),
        (['--output-dir', '/dev/null/out'],
         'dumb-pypi: cannot write /dev/null/out/.dumb-pypi/lock: Not a directory'),
    ),
)
def test_failure_is_one_line(
        command: list[str], capsys: pytest.CaptureFixture[str], options: list[str], message: str,
) -> None:
    """A file that cannot be read or written is reported in one line, with status 1."""
    assert main([*command, *options]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(message)
    assert err.count('\n') == 1


@pytest.mark.parametrize(
    ('options', 'message'), (
        (['--packages-url', 's3://x'], "--packages-url 's3://x' is the URL of a bucket"),
        (['--output-dir', ''], '--output-dir is empty'),
        (['--report', ''], '--report is empty'),
        (['--changes-file', ''], '--changes-file is empty'),
        (['--write-metadata'], '--write-metadata requires --packages-dir'),
        (['--packages-dir', 'pool'], 'not allowed with argument'),
        (['--packages-url', ''], '--packages-url is empty'),
        (['--site-url', 'x'], "--site-url 'x' is not an http or https URL"),
        (['--logo-width', 'wide'], "argument --logo-width: invalid int value: 'wide'"),
        (['--template-dir', '/nowhere'], '--template-dir /nowhere is not a directory'),
        (['--package-list-json', 'x'], 'not allowed with argument'),
        (['-q', '-v'], 'not allowed with argument'),
        (['--nonsense'], 'unrecognized arguments: --nonsense'),
    ),
)
def test_wrong_command_line(
        command: list[str], capsys: pytest.CaptureFixture[str], options: list[str], message: str,
) -> None:
    """A wrong command line exits with 2 and a message that names the option."""
    with pytest.raises(SystemExit) as caught:
        main([*command, *options])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_ctrl_c_prints_one_line(
        command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C ends the build with one line and status 130."""
    def build_session(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(build_command, 'build_session', build_session)
    assert main(command) == 130
    assert capsys.readouterr() == ('', 'dumb-pypi: interrupted\n')


@pytest.mark.parametrize('module', ('dumb_pypi', 'dumb_pypi.main'))
def test_both_modules_run(command: list[str], module: str, tmp_path: Path) -> None:
    """`python -m` runs both modules; users of 1.x run the second."""
    subprocess.run([sys.executable, '-m', module, *command], check=True)
    assert (tmp_path / 'out/packages.json').exists()


def test_installed_command_reads_standard_input(command: list[str], tmp_path: Path) -> None:
    """The installed command reads a list from standard input."""
    program = Path(sys.executable).with_name('dumb-pypi')
    done = subprocess.run(
        [program, *command, '--package-list', '-'], check=True, capture_output=True,
        input=b'bar-1.0.zip\noops\n',
    )
    assert done.stdout == b''
    assert done.stderr.startswith(b"<stdin>:2: filename 'oops'")
    assert (tmp_path / 'out/simple/bar/index.html').exists()


def test_closed_standard_input_is_reported(command: list[str]) -> None:
    """A closed standard input is reported in one line."""
    done = subprocess.run(
        ['sh', '-c', '"$0" -m dumb_pypi "$@" <&-', sys.executable, *command,
         '--package-list', '-'],
        check=False, capture_output=True,
    )
    assert done.returncode == 1
    assert done.stderr == b'dumb-pypi: cannot read <stdin>: Bad file descriptor\n'


@pytest.mark.parametrize('redirection', ('2>&-', '2>/dev/full'))
def test_unwritable_stderr_changes_nothing(
        bad_command: list[str], redirection: str, tmp_path: Path,
) -> None:
    """A build succeeds even if its messages cannot be written."""
    done = subprocess.run(
        ['sh', '-c', f'"$0" -m dumb_pypi "$@" {redirection}', sys.executable, *bad_command],
        check=False, stdout=subprocess.PIPE,
    )
    assert (done.returncode, done.stdout) == (0, b'')
    assert (tmp_path / 'out/packages.json').exists()


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the program and its version."""
    with pytest.raises(SystemExit) as caught:
        main(['--version'])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f'dumb-pypi {dumb_pypi.__version__}\n'


@pytest.mark.parametrize(('options', 'hints'), (
    (('--packages-url', 'pool'), ("--packages-url 'pool' resolves to ",)),
    (('--packages-url', '../p\N{RIGHT-TO-LEFT OVERRIDE}'), (' resolves to simple/p%E2%80%AE/. ',)),
    (('--packages-url', './'), ()),
    (('--packages-url', '/pool/', '--site-url', 'https://example.com/simple/'), ('--site-url ',)),
    (('--packages-url', 'pool', '--quiet'), ()),
))
def test_suspicious_options_are_warned_about(
        tmp_path: Path, capsys: pytest.CaptureFixture[str],
        options: tuple[str, ...], hints: tuple[str, ...],
) -> None:
    """A suspicious `--packages-url` or `--site-url` is used, with a printable warning."""
    (tmp_path / 'list').write_text('foo-1.0.zip\n')
    command = ['--package-list', str(tmp_path / 'list'), '--output-dir', str(tmp_path / 'out')]
    assert main([*command, *options]) == DONE
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == len(hints)
    for line, hint in zip(warnings, hints, strict=True):
        assert line.startswith('dumb-pypi: warning: --')
        assert hint in line
        assert line.isprintable()
