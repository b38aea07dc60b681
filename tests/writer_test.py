from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from dumb_pypi.errors import FileError
from dumb_pypi.writer import Writer


def test_a_file_is_written_once(tmp_path: Path) -> None:
    writer = Writer(str(tmp_path / 'new'))
    writer.write('a/b/c', b'1')
    place = tmp_path / 'new/a/b/c'
    os.utime(place, (1, 1))
    writer.write('a/b/c', b'1')
    assert place.stat().st_mtime == 1
    writer.write('a/b/c', b'2')
    assert place.read_bytes() == b'2'
    assert (writer.written, writer.unchanged) == (2, 1)
    assert os.listdir(place.parent) == ['c']


@pytest.mark.parametrize('umask', (0o022, 0o077))
def test_files_have_the_mode_that_the_user_wants(tmp_path: Path, umask: int) -> None:
    """A web server that runs as another user can read them, if the umask lets it."""
    before = os.umask(umask)
    try:
        Writer(str(tmp_path)).write('a', b'')
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / 'a').stat().st_mode) == 0o666 & ~umask


def test_a_reader_keeps_the_old_file(tmp_path: Path) -> None:
    writer = Writer(str(tmp_path))
    writer.write('a', b'old')
    with (tmp_path / 'a').open('rb') as reader:
        writer.write('a', b'newer')
        assert reader.read() == b'old'


def test_a_folder_in_the_way_is_told_of_and_left(tmp_path: Path) -> None:
    (tmp_path / 'a').mkdir()
    with pytest.raises(FileError) as caught:
        Writer(str(tmp_path)).write('a', b'')
    assert str(caught.value) == f'cannot write {tmp_path}/a: Is a directory'


def test_a_file_in_the_way_is_told_of_and_left(tmp_path: Path) -> None:
    (tmp_path / 'a').write_bytes(b'mine')
    with pytest.raises(FileError, match='Not a directory'):
        Writer(str(tmp_path)).write('a/b', b'')
    assert (tmp_path / 'a').read_bytes() == b'mine'


@pytest.mark.parametrize('interruption', (OSError, KeyboardInterrupt))
def test_what_stops_a_write_leaves_the_old_file_and_nothing_else(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException],
) -> None:
    def replace(*_: str) -> None:
        raise interruption

    Writer(str(tmp_path)).write('a', b'old')
    monkeypatch.setattr(os, 'replace', replace)
    with pytest.raises((FileError, KeyboardInterrupt)):
        Writer(str(tmp_path)).write('a', b'new')
    assert os.listdir(tmp_path) == ['a']
    assert (tmp_path / 'a').read_bytes() == b'old'
