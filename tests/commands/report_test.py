"""The report file: what it says of builds that succeed, fail or are refused, and how it is written.
"""
from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from datetime import datetime, UTC
from pathlib import Path
from typing import Any

import pytest

import dumb_pypi
from dumb_pypi import build, builder, store
from dumb_pypi.builder.report import encode_report, Report
from dumb_pypi.commands.build import main
from dumb_pypi.errors import FileError, Notice

KEYS = [
    'version', 'exit_status', 'error', 'finished', 'duration', 'changed',
    'projects', 'files', 'written', 'unchanged', 'deleted', 'skipped', 'warnings',
]
UNKNOWN = dict.fromkeys(('projects', 'files', 'written', 'unchanged', 'deleted'))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / 'list').write_text('foo-1.0.zip\nfoo-2.0.zip\n')
    return tmp_path


def run(place: Path, *options: str) -> int:
    """Run a build that writes a report, and return its exit status."""
    try:
        return main([
            '--package-list', f'{place}/list', '--output-dir', f'{place}/out',
            '--packages-url', '../../pool/', '--report', f'{place}/report',
            '--no-generate-timestamp', *options,
        ])
    except SystemExit as ended:
        assert isinstance(ended.code, int)
        return ended.code


def report(place: Path) -> dict[str, Any]:
    """Read and check the report, without what depends on the time."""
    found: dict[str, Any] = json.loads((place / 'report').read_bytes())
    assert list(found) == KEYS
    assert found.pop('version') == dumb_pypi.__version__
    assert datetime.fromisoformat(found.pop('finished')).tzinfo == UTC
    assert found.pop('duration') >= 0
    return found


def test_success_is_reported(place: Path) -> None:
    """The report has what a build did; one that changed nothing says so."""
    expected: dict[str, Any] = {
        'exit_status': 0, 'error': None, 'changed': True, 'projects': 1, 'files': 2,
        'written': 23, 'unchanged': 0, 'deleted': 0, 'skipped': [], 'warnings': [],
    }
    assert run(place) == 0
    assert report(place) == expected
    assert run(place) == 0
    assert report(place) == {**expected, 'changed': False, 'written': 0}


def test_notices_are_reported(place: Path) -> None:
    """The report has all skipped lines, warnings and hints, also with `-q`."""
    (place / 'list').write_text('foo-1.0.zip\noops\n')
    (place / 'facts').write_text('{"name": "bar"}')
    assert run(
        place, '-q', '--project-list-json', f'{place}/facts', '--packages-url', 'pool',
    ) == 0
    found = report(place)
    [skipped] = found['skipped']
    assert (skipped['path'], skipped['line']) == (f'{place}/list', 2)
    assert "'oops'" in skipped['message']
    facts, hint = found['warnings']
    assert (facts['path'], facts['line']) == (f'{place}/facts', 1)
    assert (hint['path'], hint['line']) == (None, None)
    assert hint['message'].startswith("--packages-url 'pool' resolves to ")


def test_refused_build_is_reported(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report of a refused build has its skipped lines, and that nothing changed."""
    (place / 'list').write_text('foo-1.0.zip\noops\n')
    assert run(place, '--strict') == 1
    found = report(place)
    assert [skipped['line'] for skipped in found.pop('skipped')] == [2]
    *_, error = capsys.readouterr().err.splitlines()
    assert found == {
        **UNKNOWN, 'exit_status': 1, 'error': error.removeprefix('dumb-pypi: '), 'changed': False,
        'warnings': [],
    }


def test_wrong_option_is_reported(place: Path) -> None:
    """An option that makes no sense is reported, with exit status 2."""
    assert run(place, '--site-url', 'x') == 2
    assert report(place) == {
        **UNKNOWN, 'exit_status': 2, 'error': "--site-url 'x' is not an http or https URL",
        'changed': False, 'skipped': [], 'warnings': [],
    }


@pytest.mark.parametrize(('output_dir', 'reason'), [
    ('', '--output-dir is empty'), ('s3://a?b', "--output-dir 's3://a?b' is not"),
])
def test_wrong_output_directory_is_reported(place: Path, output_dir: str, reason: str) -> None:
    """If the output directory makes no sense, no report can overwrite anything in it."""
    assert run(place, '--output-dir', output_dir) == 2
    assert report(place)['error'].startswith(reason)


def test_busy_directory_is_reported(place: Path) -> None:
    """A build that another one keeps out is reported."""
    assert run(place) == 0
    with open(place / 'out' / store.LOCK, 'rb') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(place) == 1
    found = report(place)
    assert (found['exit_status'], found['changed']) == (1, False)
    assert 'another build' in found['error']


def test_failed_build_is_reported(place: Path) -> None:
    """A build that fails half-way is reported: what it changed is not known."""
    (place / 'templates').mkdir()
    (place / 'templates/base.html').write_text('{{ 1 / 0 }}')
    assert run(place, '--template-dir', f'{place}/templates') == 1
    found = report(place)
    assert found.pop('error').startswith('cannot render template ')
    assert found == {
        **UNKNOWN, 'exit_status': 1, 'changed': None, 'skipped': [], 'warnings': [],
    }


def test_interrupted_build_is_reported(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is reported, with the exit status of the command."""
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(builder, '_build', interrupted)
    assert run(place) == 130
    found = report(place)
    assert (found['exit_status'], found['error']) == (130, 'interrupted')


def test_failure_after_success_is_reported(
        place: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If a build fails after it wrote its report, the report says that too, and what it did."""
    def unlink(path: str, *_: object, **__: object) -> None:
        if path.endswith('pending.json'):
            raise PermissionError(1, 'Operation not permitted')

    monkeypatch.setattr(os, 'unlink', unlink)
    assert run(place) == 1
    found = report(place)
    assert found['error'].startswith('cannot delete ')
    assert (found['changed'], found['written']) == (True, 23)


def test_report_follows_no_link(place: Path) -> None:
    """A symbolic link in the report's place is replaced, and nothing temporary is left."""
    (place / 'mine').write_text('mine')
    (place / 'report').symlink_to('mine')
    (place / '.report.0123456789abcdef.unfinished').touch()
    assert run(place) == 0
    assert report(place)['exit_status'] == 0
    assert (place / 'mine').read_text() == 'mine'
    assert {path.name for path in place.iterdir()} == {'list', 'mine', 'out', 'report'}


@pytest.mark.parametrize('path', ('nowhere/report', '.', 'a\0b', 'a\0b/report'))
def test_unwritable_report_writes_no_page(place: Path, path: str) -> None:
    """If the report cannot be written, the build fails before it writes anything."""
    with pytest.raises(FileError, match=r'^cannot write '):
        build(
            package_list=place / 'list', packages_url='/', output_dir=place / 'out',
            report=f'{place}/{path}',
        )
    assert not (place / 'out').exists()


def test_lost_report_repeats_changes(place: Path) -> None:
    """A build whose report cannot be written fails, and the next one has its changes again."""
    reports = place / 'reports'
    options: dict[str, Any] = {
        'package_list': place / 'list', 'output_dir': place / 'out', 'packages_url': '/pool/',
        'changes_file': place / 'changes', 'report': reports / 'report',
    }

    def remove_reports(_: float) -> None:
        if reports.exists():
            reports.rmdir()

    reports.mkdir()
    with pytest.raises(FileError, match=r'^cannot write .*/reports/report: No such file'):
        build(**options, progress=remove_reports)
    for is_repeated in (True, False):
        reports.mkdir(exist_ok=True)
        build(**options)
        assert bool((place / 'changes').read_bytes()) == is_repeated


def test_report_goes_to_a_pipe(place: Path) -> None:
    """`--report /dev/stdout` prints the report."""
    done = subprocess.run(
        [sys.executable, '-m', 'dumb_pypi', '--package-list', place / 'list', '--output-dir',
         place / 'out', '--packages-url', '/pool/', '--report', '/dev/stdout'],
        check=True, capture_output=True,
    )
    assert json.loads(done.stdout)['files'] == 2


@pytest.mark.parametrize('option', ('--report', '--changes-file'))
def test_dash_is_standard_output(
        place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
        option: str,
) -> None:
    """The report or the changes go to standard output, and to no file named `-`."""
    monkeypatch.chdir(place)
    (place / 'list-of-file').write_text('foo-1.0.zip\n')
    assert main([
        '--package-list', 'list-of-file', '--output-dir', 'out', '--packages-url', '/', option, '-',
    ]) == 0
    printed, messages = capfd.readouterr()
    assert messages == ''
    assert ('"exit_status": 0' if option == '--report' else '"action":"write"') in printed
    assert not (place / '-').exists()


def test_only_one_file_is_standard_output(
        place: Path, capfd: pytest.CaptureFixture[str],
) -> None:
    """The report and the changes must not be mixed; devices such as /dev/null may be both."""
    assert run(place, '--report', '-', '--changes-file', '-') == 2
    printed, messages = capfd.readouterr()
    assert printed == ''
    assert '--report - is also the path of --changes-file; pass another path\n' in messages
    assert run(place, '--report', '/dev/null', '--changes-file', '/dev/null') == 0


def test_names_outside_utf8_are_reported() -> None:
    """The report is UTF-8 even if a file's name is not."""
    notice = Notice('pool/\udcff', None, 'has a name that is not UTF-8 — é')
    outcome = Report(1, 1, 0, 0, 0, [notice])
    content = encode_report(outcome, (), None, duration=1)
    assert json.loads(content.decode())['skipped'] == [
        {'path': 'pool/\udcff', 'line': None, 'message': 'has a name that is not UTF-8 — é'},
    ]
    assert '— é'.encode() in content
