"""The changes file of a build: its records, their order, and where it can be written."""
from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi import build
from dumb_pypi.errors import FileError
from tests.support import histories
from tests.support.changes_file import Change, read_changes, stage

CONTENT_TYPES = {
    'simple/index.html': 'text/html',
    'simple/index.json': 'application/vnd.pypi.simple.v1+json',
    'simple/foo/index.html': 'text/html',
    'simple/foo/index.json': 'application/vnd.pypi.simple.v1+json',
    'project/foo/index.html': 'text/html',
    'project/foo/dependents/index.html': 'text/html',
    'projects/index.html': 'text/html',
    '404.html': 'text/html',
    'pypi/foo/json': 'application/json',
    'pypi/foo/1.0/json': 'application/json',
    'changelog/index.html': 'text/html',
    'changelog/undated.html': 'text/html',
    'rss/updates.xml': 'text/xml',
    'rss/packages.xml': 'text/xml',
    'index.html': 'text/html',
    'packages.json': 'application/json',
}
STATIC_TYPES = {
    '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml',
    '.txt': 'text/plain',
}


def build_lines(folder: Path, *lines: str, **options: Any) -> list[Change]:
    build(**{
        'package_list_json': histories.write_lines(folder / 'list', list(lines)),
        'packages_url': '../../pool/', 'site_url': 'https://index.example.com/base/',
        'output_dir': str(folder / 'out'),
        'changes_file': str(folder / 'changes'), **options,
    })
    return read_changes(folder / 'changes')


def test_changes_describe_pages(tmp_path: Path) -> None:
    """Each written page has its content type, size and SHA-256."""
    changes = build_lines(tmp_path, '{"filename": "foo-1.0.zip"}')
    types = {change['path']: change['content_type'] for change in changes}
    static = {
        f'static/{file.name}': STATIC_TYPES[file.suffix]
        for file in (tmp_path / 'out/static').iterdir()
    }
    assert types == {**CONTENT_TYPES, **static}
    for change in changes:
        content = (tmp_path / 'out' / change['path']).read_bytes()
        assert change['action'] == 'write'
        assert change['size'] == len(content)
        assert change['sha256'] == hashlib.sha256(content).hexdigest()


def test_removed_project_is_deleted_last(tmp_path: Path) -> None:
    """The pages of a removed project are deleted after everything is written."""
    build_lines(tmp_path, '{"filename": "foo-1.0.zip"}', '{"filename": "bar-1.0.zip"}')
    changes = build_lines(tmp_path, '{"filename": "foo-1.0.zip"}')
    assert [change for change in changes if stage(change) >= 2][1:] == [
        {'action': 'delete', 'path': path} for path in (
            'project/bar/dependents/index.html', 'pypi/bar/1.0/json', 'pypi/bar/json',
            'project/bar/index.html', 'simple/bar/index.html', 'simple/bar/index.json',
        )
    ]


@pytest.mark.parametrize('step', (1, -1))
def test_no_changes_are_an_empty_file(tmp_path: Path, step: int) -> None:
    """If no page changed, the changes file is empty, even if the lines have another order."""
    files = ['{"filename": "foo-1.0.zip"}', '{"filename": "bar-1.0.zip"}']
    assert build_lines(tmp_path, *files)
    assert build_lines(tmp_path, *files[::step]) == []
    assert (tmp_path / 'changes').read_bytes() == b''


def test_changes_go_to_a_pipe(tmp_path: Path) -> None:
    """Changes are written to a pipe, as made by `>(upload)` in a shell."""
    (tmp_path / 'list').write_text('foo-1.0.zip\n')
    end, begin = os.pipe()
    with os.fdopen(end, 'rb') as received, os.fdopen(begin, 'wb') as file:
        build(
            package_list=str(tmp_path / 'list'), packages_url='../../pool/',
            output_dir=str(tmp_path / 'out'), changes_file=f'/dev/fd/{file.fileno()}',
        )
        file.close()
        changed = [json.loads(line)['path'] for line in received]
    assert sorted(changed) == sorted(histories.read_tree(tmp_path / 'out'))


@pytest.mark.parametrize('place', ('nowhere/changes', '.'))
def test_unwritable_place_writes_no_page(tmp_path: Path, place: str) -> None:
    """If changes cannot be written, the build fails before it writes a page."""
    with pytest.raises(FileError, match='cannot write '):
        build_lines(tmp_path, '{"filename": "foo-1.0.zip"}', changes_file=str(tmp_path / place))
    assert not (tmp_path / 'out/packages.json').exists()


def test_changes_file_follows_no_link(tmp_path: Path) -> None:
    """A symbolic link in its place is replaced, and so is one with the name of a temporary file."""
    (tmp_path / 'mine').write_text('mine')
    (tmp_path / 'changes').symlink_to('mine')
    (tmp_path / '.changes.unfinished').symlink_to('mine')
    assert build_lines(tmp_path, '{"filename": "foo-1.0.zip"}')
    assert not (tmp_path / 'changes').is_symlink()
    assert (tmp_path / 'mine').read_text() == 'mine'


def test_temporary_changes_are_removed(tmp_path: Path) -> None:
    """A build removes what killed ones left next to its changes file, and nothing else."""
    names = {
        '.changes.0123456789abcdef.unfinished': False, '.changes.0123.unfinished': True,
        '.others.0123456789abcdef.unfinished': True, '.changes.unfinished': True,
    }
    for _ in range(2):
        for name in names:
            (tmp_path / name).touch()
        build_lines(tmp_path, '{"filename": "foo-1.0.zip"}')
        assert {name: (tmp_path / name).exists() for name in names} == names


def test_full_build_deletes_optional_pages(tmp_path: Path) -> None:
    """A full build into a new folder deletes feeds and release pages it does not make."""
    lines = ['{"filename": "foo-1.0.zip"}', '{"filename": "foo-2.0.zip"}']
    build_lines(tmp_path, *lines)
    changes = build_lines(
        tmp_path, *lines, output_dir=str(tmp_path / 'new'), full=True, per_release_json=False,
        site_url=None,
        previous_package_list_json=str(tmp_path / 'out/packages.json'),
    )
    assert [change for change in changes if change['action'] == 'delete'] == [
        {'action': 'delete', 'path': path} for path in (
            'rss/packages.xml', 'rss/updates.xml', 'pypi/foo/1.0/json', 'pypi/foo/2.0/json',
        )
    ]
