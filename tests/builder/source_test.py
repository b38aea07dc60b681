"""Lists that are files, pipes, or neither."""
from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from dumb_pypi.builder.source import ListFile, open_list
from dumb_pypi.errors import FileError
from dumb_pypi.options import ListPath, PLAIN

CONTENT = b'foo-1.0.zip\n' * 100_000


def opened(path: str) -> AbstractContextManager[ListFile]:
    return open_list(ListPath(path, PLAIN))


def test_any_part_of_a_list_can_be_read(tmp_path: Path) -> None:
    (tmp_path / 'list').write_bytes(b'0123456789')
    with opened(str(tmp_path / 'list')) as source:
        for offset in range(11):
            for length in range(12):
                assert source.read(offset, length) == b'0123456789'[offset:offset + length]
        assert source.size == 10


def test_a_list_that_is_replaced_while_it_is_read_is_the_one_that_it_was(tmp_path: Path) -> None:
    (tmp_path / 'list').write_bytes(b'old')
    with opened(str(tmp_path / 'list')) as source:
        (tmp_path / 'new').write_bytes(b'other')
        os.replace(tmp_path / 'new', tmp_path / 'list')
        assert source.content == b'old'


def test_a_list_that_grows_while_it_is_read_is_what_it_was(tmp_path: Path) -> None:
    (tmp_path / 'list').write_bytes(b'old')
    with opened(str(tmp_path / 'list')) as source:
        with (tmp_path / 'list').open('ab') as file:
            file.write(b'new')
        assert source.content == b'old'


def test_a_list_that_shrinks_while_it_is_read_is_told_of(tmp_path: Path) -> None:
    (tmp_path / 'list').write_bytes(b'0123456789')
    with opened(str(tmp_path / 'list')) as source:
        os.truncate(tmp_path / 'list', 5)
        assert source.read(0, 5) == b'01234'
        for offset in (0, 4, 5):
            with pytest.raises(FileError) as caught:
                source.read(offset, 6)
            assert str(caught.value) == (
                f'cannot read {tmp_path}/list: it became shorter meanwhile'
            )


def test_a_list_that_comes_in_pieces_is_whole(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A system may give less at once than it is asked for."""
    (tmp_path / 'list').write_bytes(b'0123456789')
    pread = os.pread
    monkeypatch.setattr(os, 'pread', lambda file, size, at: pread(file, min(size, 3), at))
    with opened(str(tmp_path / 'list')) as source:
        assert source.read(1, 20) == b'123456789'


def test_a_disk_that_cannot_be_read_is_told_of(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def pread(*_: int) -> bytes:
        raise OSError(5, 'Input/output error')

    (tmp_path / 'list').write_bytes(b'0123456789')
    monkeypatch.setattr(os, 'pread', pread)
    with opened(str(tmp_path / 'list')) as source, pytest.raises(
        FileError, match='/list: Input/output error',
    ):
        source.read(0, 1)


def test_a_named_pipe_is_read_once_and_kept(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe')
    writer = threading.Thread(target=(tmp_path / 'pipe').write_bytes, args=(CONTENT,))
    writer.start()
    with opened(str(tmp_path / 'pipe')) as source:
        assert source.place == f'{tmp_path}/pipe'
        assert source.size == len(CONTENT)
        assert source.content == source.content == CONTENT
    writer.join()


def test_standard_input_is_read_whether_it_is_a_pipe_or_a_file(tmp_path: Path) -> None:
    program = (
        'import sys\n'
        'from dumb_pypi.builder.source import open_list\n'
        'from dumb_pypi.options import ListPath\n'
        'with open_list(ListPath("-", "plain")) as source:\n'
        '    sys.stdout.buffer.write(source.place.encode() + source.content)'
    )
    (tmp_path / 'list').write_bytes(CONTENT)
    command = [sys.executable, '-c', program]
    from_a_pipe = subprocess.run(command, check=True, input=CONTENT, stdout=subprocess.PIPE)
    with (tmp_path / 'list').open('rb') as file:
        from_a_file = subprocess.run(command, check=True, stdin=file, stdout=subprocess.PIPE)
    assert from_a_pipe.stdout == from_a_file.stdout == b'<stdin>' + CONTENT


def test_an_empty_device_is_an_empty_list() -> None:
    with opened('/dev/null') as source:
        assert (source.size, source.content) == (0, b'')


@pytest.mark.parametrize(
    ('name', 'message'), (
        ('gone', '/gone: No such file or directory'), ('.', ': Is a directory'),
        ('a\0b', "/a\\x00b': embedded null byte"),
        ('a\nb', "/a\\nb': No such file or directory"),
    ),
)
def test_what_is_no_list_is_told_of_in_one_line(tmp_path: Path, name: str, message: str) -> None:
    path = str(tmp_path / name) if name != '.' else str(tmp_path)
    with pytest.raises(FileError) as caught, opened(path):
        pass
    assert str(caught.value).startswith('cannot read ')
    assert str(caught.value).endswith(message)
    assert str(caught.value).isprintable()


def test_standard_input_begins_where_somebody_left_it(tmp_path: Path) -> None:
    """As the shell does for `read`, which leaves the rest of a file to the next command."""
    (tmp_path / 'list').write_bytes(b'name\nfoo-1.0.zip\n')
    with (tmp_path / 'list').open('rb', buffering=0) as file:
        assert file.read(5) == b'name\n'
        subprocess.run([
            sys.executable, '-m', 'dumb_pypi', '--package-list', '-', '--strict',
            '--output-dir', tmp_path / 'out', '--packages-url', '../../pool/',
        ], check=True, stdin=file)
    assert (tmp_path / 'out/packages.json').read_bytes() == b'{"filename":"foo-1.0.zip"}\n'
