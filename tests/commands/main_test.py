"""Which command runs."""
from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import NoReturn

import pytest

import dumb_pypi
from dumb_pypi.builder import build
from dumb_pypi.main import main, run
from dumb_pypi.scanner import scan
from tests.support import trees


class FullDisk(io.StringIO):
    """A stream whose output is lost."""

    def flush(self) -> None:
        raise OSError(28, 'No space left on device')


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


def test_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """A word that is no command is reported, with exit status 2."""
    with pytest.raises(SystemExit) as caught:
        main(['nonsense'])
    assert caught.value.code == 2
    assert 'usage: dumb-pypi' in capsys.readouterr().err


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


def test_package_offers_build_and_scan() -> None:
    """The package itself has the two functions, and nothing that it does not say."""
    assert dumb_pypi.build is build
    assert dumb_pypi.scan is scan
    with pytest.raises(AttributeError, match=r"^module 'dumb_pypi' has no attribute 'nonsense'$"):
        getattr(dumb_pypi, 'non' + 'sense')
