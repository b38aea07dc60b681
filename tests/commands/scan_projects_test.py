"""The option `--projects` of `dumb-pypi scan`."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dumb_pypi import build
from dumb_pypi.commands.scan import main
from dumb_pypi.scanner import scan

Captured = pytest.CaptureFixture[bytes]


def test_list_of_projects_is_written(
        folder: Path, tmp_path: Path, capfdbinary: Captured,
) -> None:
    """The file has what `scan` returns, and a build accepts it without a message."""
    place, package_list = tmp_path / 'projects', tmp_path / 'list'
    assert main(['--projects', str(place), str(folder)]) == 0
    out, err = capfdbinary.readouterr()
    assert err == b''
    expected = scan(folder, projects=True)
    assert place.read_bytes().splitlines() == expected.projects
    assert out.splitlines() == expected.lines
    package_list.write_bytes(out)
    report = build(
        package_list_json=package_list, project_list_json=place, packages_url='/pool/',
        output_dir=tmp_path / 'index',
    )
    assert report.notices == []


def test_previous_lists_are_used(folder: Path, tmp_path: Path) -> None:
    """With `--previous` the metadata of an unchanged file is not read again."""
    place, package_list = tmp_path / 'projects', tmp_path / 'list'
    options = ['--projects', str(place), '--output', str(package_list), str(folder)]
    again = ['--previous', str(package_list), *options]
    assert main(options) == 0
    expected = place.read_bytes()
    edited = expected.replace(b'}', b',"author":"A"}')
    place.write_bytes(edited)
    assert main(again) == 0
    assert place.read_bytes() == edited
    # Without it, everything is read.
    assert main(options) == 0
    assert place.read_bytes() == expected
    place.unlink()
    assert main(again) == 0
    assert place.read_bytes() == expected


@pytest.mark.parametrize('options', [[], ['--previous', 'list']])
def test_own_facts_are_not_lost(
        folder: Path, tmp_path: Path, options: list[str], capfdbinary: Captured,
        monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A list with lines of a person is not overwritten, nor is the package list."""
    monkeypatch.chdir(tmp_path)
    own = '{"name": "foo", "status": "quarantined"}\n'
    (tmp_path / 'projects').write_text(own)
    (tmp_path / 'list').write_text('')
    assert main(['--projects', 'projects', '-o', 'list', *options, str(folder)]) == 1
    assert capfdbinary.readouterr().err == (
        b'dumb-pypi: cannot write projects: a scan did not write line 1 of this file, and '
        b'would remove it: keep your own facts in another file\n'
    )
    assert (tmp_path / 'projects').read_text() == own
    assert (tmp_path / 'list').read_text() == ''


def test_strict_writes_neither_list(bad_folder: Path, tmp_path: Path) -> None:
    """With `--strict` and a broken file no list of projects is written."""
    place = tmp_path / 'projects'
    assert main(['--strict', '--projects', str(place), str(bad_folder)]) == 1
    assert not place.exists()
    assert main(['--projects', str(place), str(bad_folder)]) == 1
    assert place.exists()


def test_standard_output_is_refused(folder: Path, tmp_path: Path) -> None:
    """The list of projects cannot be the file that the package list is printed to."""
    place = tmp_path / 'projects'
    with place.open('wb') as output:
        done = subprocess.run(
            [sys.executable, '-m', 'dumb_pypi', 'scan', '--projects', place, folder],
            check=False, stdout=output, stderr=subprocess.PIPE, text=True,
        )
    assert done.returncode == 2
    assert '--projects ' in done.stderr
    assert 'is also the standard output' in done.stderr
