"""Lists in files and pipes: their content does not change while a build reads it."""
from __future__ import annotations

import _thread
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from dumb_pypi.builder import source
from dumb_pypi.builder.source import Chunk, digest_of, ListFile, open_list, unchanged_chunks
from dumb_pypi.errors import FileError
from dumb_pypi.options import ListPath, PLAIN

CONTENT = b'foo-1.0.zip\n' * 100_000


def open_plain(path: str) -> AbstractContextManager[ListFile]:
    return open_list(ListPath(path, PLAIN))


def test_any_range_can_be_read(tmp_path: Path) -> None:
    """Any range of bytes can be read; a range beyond the end is shortened."""
    (tmp_path / 'list').write_bytes(b'0123456789')
    with open_plain(str(tmp_path / 'list')) as source:
        for offset in range(11):
            for length in range(12):
                assert source.read(offset, length) == b'0123456789'[offset:offset + length]
        assert source.size == 10


def test_replaced_list_keeps_its_content(tmp_path: Path) -> None:
    """An open list keeps its content when another file replaces it."""
    (tmp_path / 'list').write_bytes(b'old')
    with open_plain(str(tmp_path / 'list')) as source:
        (tmp_path / 'new').write_bytes(b'other')
        os.replace(tmp_path / 'new', tmp_path / 'list')
        assert source.content == b'old'


def test_growing_list_keeps_its_size(tmp_path: Path) -> None:
    """What is appended to an open list is not read."""
    (tmp_path / 'list').write_bytes(b'old')
    with open_plain(str(tmp_path / 'list')) as source:
        with (tmp_path / 'list').open('ab') as file:
            file.write(b'new')
        assert source.content == b'old'


def test_shrinking_list_is_reported(tmp_path: Path) -> None:
    """Reading beyond the new end of a list that became shorter fails."""
    (tmp_path / 'list').write_bytes(b'0123456789')
    with open_plain(str(tmp_path / 'list')) as source:
        os.truncate(tmp_path / 'list', 5)
        assert source.read(0, 5) == b'01234'
        for offset in (0, 4, 5):
            with pytest.raises(FileError) as caught:
                source.read(offset, 6)
            assert str(caught.value) == (
                f'cannot read {tmp_path}/list: it became shorter while it was read: '
                'run the build again'
            )


def test_short_reads_are_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All bytes are read even if the system returns fewer at a time."""
    (tmp_path / 'list').write_bytes(b'0123456789')
    pread = os.pread
    monkeypatch.setattr(os, 'pread', lambda file, size, at: pread(file, min(size, 3), at))
    with open_plain(str(tmp_path / 'list')) as source:
        assert source.read(1, 20) == b'123456789'


def test_read_error_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk error is one message with the path of the list."""
    def pread(*_: int) -> bytes:
        raise OSError(5, 'Input/output error')

    (tmp_path / 'list').write_bytes(b'0123456789')
    monkeypatch.setattr(os, 'pread', pread)
    with open_plain(str(tmp_path / 'list')) as source, pytest.raises(
        FileError, match='/list: Input/output error',
    ):
        source.read(0, 1)


def test_named_pipe_is_copied(tmp_path: Path) -> None:
    """A named pipe is read once, and its content can be read several times."""
    os.mkfifo(tmp_path / 'pipe')
    writer = threading.Thread(target=(tmp_path / 'pipe').write_bytes, args=(CONTENT,))
    writer.start()
    with open_plain(str(tmp_path / 'pipe')) as source:
        assert source.place == f'{tmp_path}/pipe'
        assert source.size == len(CONTENT)
        assert source.content == source.content == CONTENT
    writer.join()


def test_standard_input_is_read(tmp_path: Path) -> None:
    """Standard input is read, be it a pipe or a file."""
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


def test_empty_device_is_empty_list() -> None:
    """`/dev/null` is an empty list."""
    with open_plain('/dev/null') as source:
        assert (source.size, source.content) == (0, b'')


@pytest.mark.parametrize(
    ('name', 'message'), (
        ('gone', '/gone: No such file or directory'), ('.', ': it is a folder, not a list'),
        ('a\0b', "/a\\x00b': embedded null byte"),
        ('a\nb', "/a\\nb': No such file or directory"),
    ),
)
def test_unreadable_path_is_reported(tmp_path: Path, name: str, message: str) -> None:
    """A path that is no readable file is reported in one printable line."""
    path = str(tmp_path / name) if name != '.' else str(tmp_path)
    with pytest.raises(FileError) as caught, open_plain(path):
        pass
    assert str(caught.value).startswith('cannot read ')
    assert str(caught.value).endswith(message)
    assert str(caught.value).isprintable()


def test_standard_input_starts_at_offset(tmp_path: Path) -> None:
    """Standard input is read from its current offset, as after `read` in a shell."""
    (tmp_path / 'list').write_bytes(b'name\nfoo-1.0.zip\n')
    with (tmp_path / 'list').open('rb', buffering=0) as file:
        assert file.read(5) == b'name\n'
        subprocess.run([
            sys.executable, '-m', 'dumb_pypi', '--package-list', '-', '--strict',
            '--output-dir', tmp_path / 'out', '--packages-url', '../../pool/',
        ], check=True, stdin=file)
    assert (tmp_path / 'out/packages.json').read_bytes() == b'{"filename":"foo-1.0.zip"}\n'


def start_at_once(function: Callable[[], None], _: tuple[()]) -> None:
    """Start a thread that compares all chunks before the other one begins."""
    function()


def start_none(_: Callable[[], None], __: tuple[()]) -> None:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize('start', (_thread.start_new_thread, start_at_once, start_none))
@pytest.mark.parametrize('changed', (None, 0, 2, 4))
def test_threads_count_unchanged_chunks(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Callable[..., None],
        changed: int | None,
) -> None:
    """Those before the first that differs count, whichever thread compares them."""
    monkeypatch.setattr(source, '_LONG', 0)
    monkeypatch.setattr(source, 'usable_cpus', lambda: 2)
    monkeypatch.setattr(_thread, 'start_new_thread', start)
    texts = [b'ab', b'c', b'def', b'g', b'hi']
    chunks = [Chunk(digest_of(text), len(text)) for text in texts]
    if changed is not None:
        texts[changed] = texts[changed].upper()
    (tmp_path / 'list').write_bytes(b'-' + b''.join(texts))
    with open_plain(str(tmp_path / 'list')) as opened:
        expected = 5 if changed is None else changed
        assert unchanged_chunks(opened, 1, chunks) == expected
        assert unchanged_chunks(opened, 1, [*chunks, Chunk('', 1)]) == expected
        os.truncate(tmp_path / 'list', 0)
        with pytest.raises(FileError, match='it became shorter'):
            unchanged_chunks(opened, 1, chunks)
