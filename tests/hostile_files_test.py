"""What can be wrong around a list: files that cannot be read, and pages that cannot be written."""
from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from dumb_pypi.commands import console
from tests.support import trees
from tests.support.hostile import Command, GOOD_JSON, Outcome

LISTS = ('--package-list', '--package-list-json', '--project-list-json')

# Runs the command where no file may grow beyond so many bytes: what a full disk is like.
ON_A_FULL_DISK = textwrap.dedent('''\
    import resource
    import sys

    from dumb_pypi.commands.build import main

    # Python ignores SIGXFSZ, so that it is an error of the write.
    limit, hard_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), hard_limit))
    status = main(sys.argv[2:])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard_limit))
    raise SystemExit(status)
''')


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


@pytest.fixture
def stdin() -> Iterator[IO[bytes]]:
    """A file to write to; what is in it is then standard input."""
    saved = os.dup(0)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 0)
        yield file
        os.dup2(saved, 0)
    os.close(saved)


def assert_failed(outcome: Outcome, message: str) -> None:
    """One line: what could not be done, with which file, and why."""
    assert (outcome.status, outcome.messages) == (console.FAILED, [f'dumb-pypi: {message}'])


@pytest.mark.parametrize('option', LISTS)
@pytest.mark.parametrize(('path', 'why'), (
    ('nothing', 'No such file or directory'),
    ('nothing/at/all', 'No such file or directory'),
    ('', 'No such file or directory'),
    ('folder', 'it is a folder, not a list'),
    ('file/', 'Not a directory'),
    ('file/list', 'Not a directory'),
    ('loop', 'Too many levels of symbolic links'),
    ('n' * 300, 'File name too long'),
))
def test_unreadable_list(command: Command, option: str, path: str, why: str) -> None:
    """The message has the path and the reason; nothing is written."""
    (command.folder / 'folder').mkdir()
    (command.folder / 'file').write_text('good-1.0.zip\n')
    (command.folder / 'loop').symlink_to('loop')
    place = f'{command.folder}/{path}' if path else ''
    others = [] if option != '--project-list-json' else ['--package-list', f'{command.folder}/file']
    outcome = command.run(*command.arguments(option, place, *others))
    if path == 'folder' and others == []:
        why += ': for an index of the packages in it, use --packages-dir'
    assert_failed(outcome, f'cannot read {path}: {why}')
    assert not command.out.exists()


def test_unreadable_list_keeps_the_index(command: Command) -> None:
    """The pages of the previous build stay as they are."""
    before = command(plain=b'good-1.0.zip').pages
    outcome = command.run(*command.arguments('--package-list', f'{command.folder}/nothing'))
    assert outcome.status == console.FAILED
    assert outcome.pages == before


@pytest.mark.parametrize(('option', 'content'), (
    ('--package-list', b'bad\ngood-1.0.zip'),
    ('--package-list-json', b'[]\n' + GOOD_JSON),
))
def test_a_list_on_standard_input(
        command: Command, stdin: IO[bytes], option: str, content: bytes,
) -> None:
    """Messages call it that, and not `-`."""
    stdin.write(content)
    stdin.seek(0)
    outcome = command.run(*command.arguments(option, '-'))
    assert outcome.status == console.DONE
    assert outcome.messages[0].startswith('<stdin>:1: ')
    assert outcome.filenames == {'good-1.0.zip'}


def test_project_list_on_standard_input(command: Command, stdin: IO[bytes]) -> None:
    """`-` reads the project list from standard input."""
    stdin.write(b'{"name": "good", "status": "archived"}\n{}')
    stdin.seek(0)
    outcome = command('--project-list-json', '-', plain=b'good-1.0.zip')
    assert outcome.messages[0].startswith('<stdin>:2: ')
    assert b'"archived"' in outcome.pages['simple/good/index.json']


def test_two_lists_on_standard_input(command: Command) -> None:
    """Only one list can be standard input: the second one is a usage error."""
    message = command.refused(
        *command.arguments('--package-list', '-', '--project-list-json', '-'),
    )
    assert message == (
        '--package-list and --project-list-json read standard input, but only one list can'
    )


@pytest.mark.parametrize('content', (
    b'\xef\xbb\xbfgood-1.0.zip',  # a byte-order mark
    b'\xef\xbb\xbf\r\n\r\n  good-1.0.zip  \r\n\r\n',  # written on Windows, by hand
    b'\xef\xbb\xbf# a comment\ngood-1.0.zip',
    b'\n\n\t\n# javascript:alert(1)\n#\n##\ngood-1.0.zip\n#good-1.0.whl\n  # a comment',
    b'./good-1.0.zip',  # as find(1) has it
    b'././good-1.0.zip',
    b'good-1.0.zip\ngood-1.0.zip\n',
))
def test_untidy_plain_list(command: Command, content: bytes) -> None:
    """Blank lines, comments, white space, repeated lines and a byte-order mark are fine."""
    outcome = command(plain=content)
    assert (outcome.status, outcome.messages) == (console.DONE, [])
    assert outcome.filenames == {'good-1.0.zip'}


@pytest.mark.parametrize('content', (
    b'\xef\xbb\xbf' + GOOD_JSON,
    b'\r\n  ' + GOOD_JSON + b'\t\r\n\r\n \r\n',
    GOOD_JSON + b'\n' + GOOD_JSON,
    b'{"filename": "good-1.0.zip", "size": null, "summary": null, "requires_dist": null}',
))
def test_untidy_json_list(command: Command, content: bytes) -> None:
    """Blank lines, white space, repeated lines, nulls and a byte-order mark are fine."""
    outcome = command(json=content)
    assert (outcome.status, outcome.messages) == (console.DONE, [])
    assert outcome.filenames == {'good-1.0.zip'}


def test_byte_order_mark_inside_a_list(command: Command) -> None:
    """It is ignored only at the start: it cannot be part of a project name."""
    outcome = command(plain=b'good-1.0.zip\n\xef\xbb\xbffoo-1.0.zip')
    assert [notice.line for notice in outcome.notices] == [2]
    assert outcome.filenames == {'good-1.0.zip'}


@pytest.mark.parametrize(('blocked', 'place'), (
    ('index', 'index/.dumb-pypi/lock'),  # the output directory itself
    ('index/simple', 'index/simple/'),
    ('index/simple/good', 'index/simple/good/'),
    ('index/pypi/good/1.0', 'index/pypi/good/1.0/json'),
))
def test_file_in_place_of_a_folder(command: Command, blocked: str, place: str) -> None:
    """The build fails and keeps the file: it is the user's."""
    path = command.folder / 'site' / blocked
    path.parent.mkdir(parents=True)
    path.write_text('mine')
    outcome = command(plain=b'good-1.0.zip')
    assert outcome.status == console.FAILED
    [message] = outcome.messages
    assert message.startswith(f'dumb-pypi: cannot write site/{place}')
    assert message.endswith((': Not a directory', ': File exists'))
    assert path.read_text() == 'mine'


@pytest.mark.parametrize('page', (
    'index.html', 'packages.json', 'simple/good/index.html', 'pypi/good/json',
))
def test_folder_in_place_of_a_page(command: Command, page: str) -> None:
    """The build fails and keeps the folder, and leaves no temporary file next to it."""
    (command.out / page).mkdir(parents=True)
    # The list is read, to know what an index without a state has.
    doing = 'read' if page == 'packages.json' else 'write'
    assert_failed(
        command(plain=b'good-1.0.zip'), f'cannot {doing} site/index/{page}: Is a directory',
    )
    assert (command.out / page).is_dir()
    assert [path for path in trees.files_below(command.out) if path.endswith('.tmp')] == []


def test_an_output_directory_below_a_file(command: Command) -> None:
    """An error for every user, root included."""
    command.out = command.folder / 'file/index'
    (command.folder / 'file').touch()
    outcome = command(plain=b'good-1.0.zip')
    assert outcome.status == console.FAILED
    [message] = outcome.messages
    assert message.startswith('dumb-pypi: cannot write file/index/')
    assert message.endswith(': Not a directory')


@pytest.mark.parametrize('limit', (0, 600, 1500))
def test_a_full_disk(command: Command, limit: int) -> None:
    """One line says so. Each page is the old one or the new one, and none is half of either.

    Not all are new: in particular the list, which comes last, is the old one.
    """
    lines = b'good-1.0.zip\n' + b''.join(b'good-1.%d.zip\n' % number for number in range(1, 40))
    (command.folder / 'more').write_bytes(lines)
    old = command('--no-generate-timestamp', plain=b'good-1.0.zip').pages
    result = subprocess.run(
        [sys.executable, '-c', ON_A_FULL_DISK, str(limit), *command.arguments(
            '--package-list', f'{command.folder}/more', '--no-generate-timestamp',
        )],
        capture_output=True, text=True, check=False,
    )
    after = trees.pages_in(command.out)
    assert (result.returncode, result.stdout) == (console.FAILED, '')
    assert result.stderr.startswith(f'dumb-pypi: cannot write {command.out}/')
    assert result.stderr.endswith(': File too large: raise the limit (ulimit -f)\n')
    assert result.stderr.count('\n') == 1

    new = command('--no-generate-timestamp', plain=lines).pages
    assert old.keys() <= after.keys() <= new.keys()
    assert {path for path in after if after[path] not in (old.get(path), new[path])} == set()
    assert after['packages.json'] == old['packages.json']
    assert limit > 0 or after == old


BROKEN_TEMPLATES = (
    ('home.html', '{% if %}', 'Expected an expression'),
    ('home.html', '{{ nothing_of_that_name }}', "'nothing_of_that_name' is undefined"),
    ('home.html', '{{ title.nothing_of_that_name }}', 'nothing_of_that_name'),
    ('home.html', '{{ 1 / 0 }}', 'division by zero'),
    ('home.html', '{% include "nothing.html" %}', 'nothing.html'),
    ('home.html', '{% extends "home.html" %}', ''),  # itself: the original has another name
    ('project.html', '\n\n{{ project', 'unexpected end of template'),
    ('base.html', '{% block content %}', 'block'),
    ('changelog.html', b'\xff', 'decode'),
    ('uploads.html', '', 'uploads_by_day'),
)


@pytest.mark.parametrize(('name', 'content', 'cause'), BROKEN_TEMPLATES)
def test_a_broken_template(command: Command, name: str, content: str | bytes, cause: str) -> None:
    """One line names the template and the cause; the page that it is for stays as it was."""
    folder = command.folder / 'templates'
    folder.mkdir()
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    old = command(plain=b'good-1.0.zip').pages['index.html']
    outcome = command('--template-dir', str(folder), plain=b'good-1.0.zip\nbetter-1.0.zip')
    assert outcome.status == console.FAILED
    [message] = outcome.messages
    assert message.startswith('dumb-pypi: cannot render template ')
    assert cause in message
    assert outcome.pages['index.html'] == old
