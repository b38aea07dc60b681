"""Lists that cannot be read, and places that cannot be written: one line says so."""
from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.support.sound import problems, tree_of
from tests.support.workshop import Hindered, USERS, Workshop

# What a server that has no such page gives.
NOT_FOUND = '<!DOCTYPE html>\n<title>Not found</title>\n'


@pytest.mark.parametrize(
    'option', (
        '--package-list-json', '--project-list-json', '--previous-package-list-json',
        '--previous-package-list',
    ),
)
@pytest.mark.parametrize('what', ('nothing', 'a folder'))
def test_missing_list(workshop: Workshop, tmp_path: Path, option: str, what: str) -> None:
    """A list that is missing or a folder is reported in one line; nothing is written."""
    place = tmp_path / 'list'
    if what == 'a folder':
        place.mkdir()
    assert_refused(workshop, tmp_path, option)


@pytest.mark.parametrize(
    ('option', 'content'), (
        pytest.param('--previous-package-list-json', NOT_FOUND.encode(), id='a web page'),
        pytest.param('--previous-package-list', NOT_FOUND.encode(), id='a web page, plain'),
        pytest.param('--previous-package-list-json', b'{"message": "Not found"}\n', id='an error'),
        # What some editors save.
        pytest.param(
            '--previous-package-list-json', '{"filename": "stays-1.0.zip"}\n'.encode('utf-16'),
            id='UTF-16',
        ),
        pytest.param(
            '--previous-package-list', 'stays-1.0.zip\n'.encode('utf-16'), id='UTF-16, plain',
        ),
        # What it is when it was not unpacked.
        pytest.param(
            '--previous-package-list-json', gzip.compress(b'{"filename": "stays-1.0.zip"}\n'),
            id='gzip',
        ),
    ),
)
def test_invalid_previous_list(
        workshop: Workshop, tmp_path: Path, option: str, content: bytes,
) -> None:
    """A build refuses it: taken for an empty list, it would leave stale pages."""
    (tmp_path / 'list').write_bytes(content)
    assert_refused(workshop, tmp_path, option)


def assert_refused(workshop: Workshop, tmp_path: Path, option: str) -> None:
    """A build with that option says in one line what is wrong with the list, and no more."""
    scene = Hindered(workshop, tmp_path)
    before = tree_of(scene.out)
    _, status, messages = scene.build('new', option, str(tmp_path / 'list'))
    assert (status, messages.count('\n')) == (1, 1), messages
    assert messages.startswith('dumb-pypi: ')
    assert str(tmp_path / 'list') in messages
    assert tree_of(scene.out) == before
    assert not scene.complete()


@pytest.mark.parametrize('list_name', ('old', 'new'))
def test_changes_file_in_missing_folder(workshop: Workshop, tmp_path: Path, list_name: str) -> None:
    """The build fails, creates no folder, and the next build completes the index."""
    scene = Hindered(workshop, tmp_path)
    place = tmp_path / 'gone/changes.jsonl'
    ended = scene.build(list_name, '--changes-file', str(place))
    assert ended[1:] == (1, f'dumb-pypi: cannot write {place}: No such file or directory\n')
    assert not place.parent.exists()
    assert not problems(tree_of(scene.out), USERS)
    assert not scene.complete()


def test_output_directory_is_a_file(workshop: Workshop, tmp_path: Path) -> None:
    """The build reports it in one line and keeps the file."""
    scene = Hindered(workshop, tmp_path, None)
    scene.out.write_bytes(b'mine')
    _, status, messages = scene.build()
    assert status == 1
    assert messages.startswith(f'dumb-pypi: cannot write {scene.out}')
    assert messages.count('\n') == 1
    assert scene.out.read_bytes() == b'mine'
    scene.out.unlink()
    assert not scene.complete()
