"""Files that survive a power cut, and errors of writing them to disk."""
from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dumb_pypi.builder.tree import missing_projects
from dumb_pypi.errors import FileError
from dumb_pypi.options import BuildOptions
from dumb_pypi.store import files
from dumb_pypi.store.folder import Folder
from dumb_pypi.store.folder_writer import Target
from dumb_pypi.store.lock import exists


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the names of the calls that decide what a power cut keeps, in their order."""
    names: list[str] = []

    def noted(name: str) -> Callable[..., object]:
        call = getattr(os, name)

        def note(*args: Any, **kwargs: Any) -> object:
            names.append(name)
            return call(*args, **kwargs)
        return note

    for name in ('write', 'fsync', 'replace', 'sync'):
        monkeypatch.setattr(os, name, noted(name))
    return names


def test_durable_file_is_flushed(tmp_path: Path, calls: list[str]) -> None:
    """The content is on disk before the file has its name, and the name before the call ends."""
    files.replace(f'{tmp_path}/new', b'content', f'{tmp_path}/unfinished', durable=True)
    assert calls == ['write', 'fsync', 'replace', 'fsync']
    assert (tmp_path / 'new').read_bytes() == b'content'


def test_pages_are_not_flushed(tmp_path: Path, calls: list[str]) -> None:
    """A flush per page would take longer than the rest of the build."""
    files.replace(f'{tmp_path}/new', b'content', f'{tmp_path}/unfinished')
    assert calls == ['write', 'replace']


def test_drive_is_flushed_on_macos(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: list[str],
) -> None:
    """There, fsync leaves the content in the drive's cache."""
    full_sync = 51
    commands = []
    monkeypatch.setattr(files, '_FULL_SYNC', full_sync)
    monkeypatch.setattr(fcntl, 'fcntl', lambda _, command: commands.append(command))
    files.replace(f'{tmp_path}/new', b'content', f'{tmp_path}/unfinished', durable=True)
    assert commands == [full_sync]
    assert calls == ['write', 'replace', 'fsync']


def test_everything_is_flushed_on_macos(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: list[str],
) -> None:
    """It has no call that flushes one file system."""
    monkeypatch.setattr(ctypes, 'CDLL', lambda *_, **__: SimpleNamespace())
    files.flush(str(tmp_path))
    assert calls == ['sync']


def test_lost_pages_end_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk loses pages, the build reports it."""
    def syncfs(_: int) -> int:
        ctypes.set_errno(errno.EIO)
        return -1

    with Target(str(tmp_path), 'a').opened() as writer:
        writer.flush()
        monkeypatch.setattr(ctypes, 'CDLL', lambda *_, **__: SimpleNamespace(syncfs=syncfs))
        with pytest.raises(FileError, match=f'cannot write {tmp_path}: Input/output error'):
            writer.flush()


@pytest.mark.parametrize(('number', 'is_error'), (
    (errno.EINVAL, False), (errno.ENOSYS, False), (errno.EIO, True), (errno.ENOSPC, True),
))
def test_folder_may_have_no_flush(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, is_error: bool,
) -> None:
    """Some network file systems cannot flush folders; any other error counts."""
    flush = os.fsync

    def fsync(file: int) -> None:
        if os.path.isdir(f'/proc/self/fd/{file}'):
            raise OSError(number, os.strerror(number))
        flush(file)

    monkeypatch.setattr(os, 'fsync', fsync)
    failed = False
    try:
        files.replace(f'{tmp_path}/new', b'content', f'{tmp_path}/unfinished', durable=True)
    except OSError as error:
        failed = error.errno == number
    assert failed == is_error


@pytest.mark.parametrize(('place', 'is_device'), (
    ('-', True), ('./-', False),
    ('/dev/stdout', True), ('/dev/fd/3', True), ('/dev/pts/0', True), ('/proc/self/fd/1', True),
    ('/dev/shm/changes', False),  # noqa: S108 - a path, no file is made
    ('/developer/changes', False), ('changes', False),
))
def test_devices_are_recognized(place: str, is_device: bool) -> None:
    """Paths below `/dev` and `/proc` are devices, except for files of a RAM disk."""
    assert files.is_device(place) == is_device


TOO_LONG = 'a' * 300


def test_other_errors_are_reported(tmp_path: Path) -> None:
    """Only a missing file, a folder or a link counts as another content."""
    place = f'{tmp_path}/{TOO_LONG}'
    with pytest.raises(OSError, match='File name too long'):
        files.holds(place, b'')
    with pytest.raises(OSError, match='File name too long'):
        files.are_equal(place, place)
    with pytest.raises(FileError, match=r'cannot read .*: File name too long'):
        exists(place)
    with pytest.raises(FileError, match=r'cannot read .*: File name too long'):
        BuildOptions.parse(
            package_list='list', packages_url='/pool/', output_dir=tmp_path, template_dir=place,
        )


def test_unreadable_folder_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing disk is not taken for an empty folder."""
    def scandir(place: str) -> Iterator[os.DirEntry[str]]:
        raise OSError(errno.EIO, os.strerror(errno.EIO), place)

    monkeypatch.setattr(os, 'scandir', scandir)
    with pytest.raises(FileError, match=r'cannot read .*/simple: Input/output error'):
        missing_projects(Folder(str(tmp_path)), ['foo'], ['simple'])
