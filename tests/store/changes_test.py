"""The changes file of a build: what it says of each page, and where it can go."""
from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi.builder import build
from dumb_pypi.errors import FileError
from dumb_pypi.store import changes
from tests.support import histories
from tests.support.changes_file import Change, read_changes, stage

CONTENT_TYPES = {
    'simple/index.html': 'text/html',
    'simple/index.json': 'application/vnd.pypi.simple.v1+json',
    'simple/foo/index.html': 'text/html',
    'simple/foo/index.json': 'application/vnd.pypi.simple.v1+json',
    'project/foo/index.html': 'text/html',
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


def test_each_page_has_its_type_size_and_hash(tmp_path: Path) -> None:
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


def test_a_project_that_is_gone_is_deleted_last(tmp_path: Path) -> None:
    build_lines(tmp_path, '{"filename": "foo-1.0.zip"}', '{"filename": "bar-1.0.zip"}')
    changes = build_lines(tmp_path, '{"filename": "foo-1.0.zip"}')
    assert [change for change in changes if stage(change) >= 2][1:] == [
        {'action': 'delete', 'path': path} for path in (
            'pypi/bar/1.0/json', 'pypi/bar/json', 'simple/bar/index.html',
            'simple/bar/index.json', 'project/bar/index.html',
        )
    ]


@pytest.mark.parametrize('step', (1, -1))
def test_no_changes_are_an_empty_file(tmp_path: Path, step: int) -> None:
    """Where the list is the very same, and where it is in another order."""
    files = ['{"filename": "foo-1.0.zip"}', '{"filename": "bar-1.0.zip"}']
    assert build_lines(tmp_path, *files)
    assert build_lines(tmp_path, *files[::step]) == []
    assert (tmp_path / 'changes').read_bytes() == b''


@pytest.mark.parametrize(('place', 'is_device'), (
    ('/dev/stdout', True), ('/dev/fd/3', True), ('/dev/pts/0', True), ('/proc/self/fd/1', True),
    ('/dev/shm/changes', False),  # noqa: S108 - a name, of no file that is made
    ('/developer/changes', False), ('changes', False),
))
def test_what_is_no_file_is_written_to_and_not_replaced(place: str, is_device: bool) -> None:
    assert changes._is_device(place) == is_device


def test_changes_go_to_whoever_reads_them(tmp_path: Path) -> None:
    """As from `>(upload)` in a shell."""
    (tmp_path / 'list').write_text('foo-1.0.zip\n')
    end, begin = os.pipe()
    with os.fdopen(end, 'rb') as told, os.fdopen(begin, 'wb') as file:
        build(
            package_list=str(tmp_path / 'list'), packages_url='../../pool/',
            output_dir=str(tmp_path / 'out'), changes_file=f'/dev/fd/{file.fileno()}',
        )
        file.close()
        paths_told = [json.loads(line)['path'] for line in told]
    assert sorted(paths_told) == sorted(histories.read_tree(tmp_path / 'out'))


@pytest.mark.parametrize('place', ('nowhere/changes', '.'))
def test_changes_that_cannot_be_written_are_told_of_before_anything_is(
        tmp_path: Path, place: str,
) -> None:
    with pytest.raises(FileError, match='cannot write '):
        build_lines(tmp_path, '{"filename": "foo-1.0.zip"}', changes_file=str(tmp_path / place))
    assert not (tmp_path / 'out/packages.json').exists()


def test_a_full_build_into_a_fresh_folder_deletes_what_other_options_made(tmp_path: Path) -> None:
    """The previous list does not say whether the site has feeds, or pages of releases."""
    lines = ['{"filename": "foo-1.0.zip"}', '{"filename": "foo-2.0.zip"}']
    build_lines(tmp_path, *lines)
    changes = build_lines(
        tmp_path, *lines, output_dir=str(tmp_path / 'fresh'), full=True, per_release_json=False,
        site_url=None,
        previous_package_list_json=str(tmp_path / 'out/packages.json'),
    )
    assert [change for change in changes if change['action'] == 'delete'] == [
        {'action': 'delete', 'path': path} for path in (
            'rss/packages.xml', 'rss/updates.xml', 'pypi/foo/1.0/json', 'pypi/foo/2.0/json',
        )
    ]
