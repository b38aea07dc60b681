from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import dumb_pypi
from dumb_pypi.commands import build as build_command
from dumb_pypi.commands.build import main
from dumb_pypi.commands.console import DONE


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


def test_it_is_silent_when_all_is_well(
        command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:
    assert main(command) == 0
    assert capsys.readouterr() == ('', '')
    assert 'Generated ' in (tmp_path / 'out/index.html').read_text()


def test_lines_that_are_left_out_are_told_of_and_counted(
        bad_command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:
    assert main(bad_command) == 0
    assert capsys.readouterr() == ('', (
        f"{tmp_path}/list:2: filename 'oops' has an ending that no distribution file has\n"
        'dumb-pypi: 1 line was left out\n'
    ))
    (tmp_path / 'list').write_text('a\nb\n')
    assert main([*bad_command, '--allow-shrink']) == 0
    assert capsys.readouterr().err.endswith('dumb-pypi: 2 lines were left out\n')


def test_quiet(bad_command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*bad_command, '-q']) == 0
    assert capsys.readouterr() == ('', '')


def test_verbose(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for expected in ('18 pages written, 0 deleted', '0 pages written, 0 deleted'):
        assert main([*command, '-v', '--no-generate-timestamp']) == 0
        assert capsys.readouterr() == (
            '', f'dumb-pypi: 1 project, 2 files; {expected}\n',
        )


def test_strict(
        bad_command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:
    assert main([*bad_command, '--strict', '-q']) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"{tmp_path}/list:2: filename 'oops' has an ending that no distribution file has",
        'dumb-pypi: 1 line was left out',
        'dumb-pypi: nothing was written, as --strict asks',
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
def test_what_cannot_be_done_is_one_line(
        command: list[str], capsys: pytest.CaptureFixture[str], options: list[str], message: str,
) -> None:
    assert main([*command, *options]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(message)
    assert err.count('\n') == 1


@pytest.mark.parametrize(
    ('options', 'message'), (
        (['--packages-url', 's3://x'], "--packages-url: 's3://x' is not an http or https URL"),
        (['--output-dir', ''], '--output-dir: is empty'),
        (['--packages-url', ''], "--packages-url: '' is empty"),
        (['--site-url', 'x'], "--site-url: 'x' is not an http or https URL"),
        (['--logo-width', 'wide'], "argument --logo-width: invalid int value: 'wide'"),
        (['--template-dir', '/nowhere'], '--template-dir: /nowhere is not a directory'),
        (['--package-list-json', 'x'], 'not allowed with argument'),
        (['-q', '-v'], 'not allowed with argument'),
        (['--nonsense'], 'unrecognized arguments: --nonsense'),
    ),
)
def test_a_wrong_command_line(
        command: list[str], capsys: pytest.CaptureFixture[str], options: list[str], message: str,
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*command, *options])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_an_interruption_ends_it_quietly(
        command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    def build(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(build_command, 'build', build)
    assert main(command) == 130
    assert capsys.readouterr() == ('', 'dumb-pypi: interrupted\n')


@pytest.mark.parametrize('module', ('dumb_pypi', 'dumb_pypi.main'))
def test_both_modules_run(command: list[str], module: str, tmp_path: Path) -> None:
    """Users of 1.x call the second."""
    subprocess.run([sys.executable, '-m', module, *command], check=True)
    assert (tmp_path / 'out/packages.json').exists()


def test_the_installed_command_reads_a_list_from_standard_input(
        command: list[str], tmp_path: Path,
) -> None:
    program = Path(sys.executable).with_name('dumb-pypi')
    done = subprocess.run(
        [program, *command, '--package-list', '-'], check=True, capture_output=True,
        input=b'bar-1.0.zip\noops\n',
    )
    assert done.stdout == b''
    assert done.stderr.startswith(b"<stdin>:2: filename 'oops'")
    assert (tmp_path / 'out/simple/bar/index.html').exists()


def test_a_closed_standard_input_is_told_of(command: list[str]) -> None:
    done = subprocess.run(
        ['sh', '-c', '"$0" -m dumb_pypi "$@" <&-', sys.executable, *command,
         '--package-list', '-'],
        check=False, capture_output=True,
    )
    assert done.returncode == 1
    assert done.stderr == b'dumb-pypi: cannot read <stdin>: Bad file descriptor\n'


@pytest.mark.parametrize('redirection', ('2>&-', '2>/dev/full'))
def test_that_nobody_hears_a_message_changes_nothing(
        bad_command: list[str], redirection: str, tmp_path: Path,
) -> None:
    done = subprocess.run(
        ['sh', '-c', f'"$0" -m dumb_pypi "$@" {redirection}', sys.executable, *bad_command],
        check=False, stdout=subprocess.PIPE,
    )
    assert (done.returncode, done.stdout) == (0, b'')
    assert (tmp_path / 'out/packages.json').exists()


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(['--version'])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f'dumb-pypi {dumb_pypi.__version__}\n'


@pytest.mark.parametrize(('options', 'hints'), (
    (('--packages-url', 'pool'), ("'pool' is simple/<project>/pool/: ",)),
    (('--packages-url', '../p\N{RIGHT-TO-LEFT OVERRIDE}'), (' is simple/p%E2%80%AE/: ',)),
    (('--packages-url', './'), ()),
    (('--packages-url', '/pool/', '--site-url', 'https://example.com/simple/'), ('--site-url: ',)),
    (('--packages-url', 'pool', '--quiet'), ()),
))
def test_what_is_hardly_ever_meant_is_told_of_and_done(
        tmp_path: Path, capsys: pytest.CaptureFixture[str],
        options: tuple[str, ...], hints: tuple[str, ...],
) -> None:
    (tmp_path / 'list').write_text('foo-1.0.zip\n')
    command = ['--package-list', str(tmp_path / 'list'), '--output-dir', str(tmp_path / 'out')]
    assert main([*command, *options]) == DONE
    said = capsys.readouterr().err.splitlines()
    assert len(said) == len(hints)
    for line, hint in zip(said, hints, strict=True):
        assert hint in line
        assert line.isprintable()
