"""Errors: messages and fields, which errors in workers keep."""
from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest

from dumb_pypi import errors
from dumb_pypi.builder.workers import open_workers
from dumb_pypi.errors import DumbPypiError
from dumb_pypi.store.lock import locked
from tests.builder.workers_test import fail

NOTICE = errors.Notice('list', 3, 'is invalid', skipped=True)
ERRORS = (
    errors.DumbPypiError('all'),
    errors.LineError('is invalid'),
    errors.FieldError('hash', 'x\n', 'is invalid'),
    errors.OptionError('--jobs', 'is invalid'),
    errors.FileError('write', 'a', OSError(28, 'No space left on device', 'a')),
    errors.FileError('read', '\udc80', ValueError('embedded null byte')),
    errors.FetchError('https://example.com/', 'Connection refused'),
    errors.FetchError('https://example.com/', 'HTTP status 404', 404, {'date': 'today'}),
    errors.BucketLibraryError('s3://packages.example.com'),
    errors.LostLockError('s3://index.example.com'),
    errors.ConflictError([('foo', ['pool', 'https://example.com/simple/']), ('bar', ['a', 'b'])]),
    errors.TemplateError('a.html:1', jinja2.TemplateSyntaxError('bad', 1, 'a', 'a.html')),
    errors.TemplateError('a.html:1', jinja2.UndefinedError("'x' is undefined")),
    errors.TemplateError('a.html', jinja2.TemplateNotFound('b.html')),
    errors.TemplateError('a.html', jinja2.TemplatesNotFound(['b.html', 'c.html'])),
    errors.TemplateError('a.html', UnicodeDecodeError('utf-8', b'\xff', 0, 1, 'bad')),
    errors.BrokenError('is invalid'),
    errors.ListError('is invalid', [NOTICE]),
    errors.RefusedError([NOTICE]),
    errors.UnusableListError('list', 'it looks like JSON lines. Use --package-list-json'),
    errors.EmptyListError('list'),
    errors.BusyError('out'),
    errors.ChangedError(),
    errors.UncheckableError('out', 'there is no state'),
    errors.WorkerError(-9),
    errors.WorkerError(None),
    errors.WorkerError(errors.CANNOT_START),
    errors.ResourceError('start worker processes', OSError(11, 'Try again')),
    errors.ResourceError('run worker processes', MemoryError()),
    errors.ResourceError('run worker processes', RuntimeError("can't start new thread")),
    errors.ShrinkError(1, 3, [NOTICE]),
)


def kinds(kind: type[DumbPypiError]) -> set[type[DumbPypiError]]:
    return {kind}.union(*map(kinds, kind.__subclasses__()))


def fields(error: DumbPypiError) -> dict[str, Any]:
    """Return the fields of an error, with the type of an exception: no two exceptions are equal."""
    return {
        key: type(value) if isinstance(value, Exception) else value
        for key, value in vars(error).items()
    }


def test_table_has_every_error() -> None:
    """The table of errors has one of every class that a build or a scan may raise."""
    assert {type(error) for error in ERRORS} == {
        kind for kind in kinds(DumbPypiError) if kind.__module__ == errors.__name__
    }


@pytest.mark.parametrize('error', ERRORS, ids=repr)
@pytest.mark.parametrize('jobs', (1, 2))
def test_errors_keep_their_fields(error: DumbPypiError, jobs: int, tmp_path: Path) -> None:
    """An error in a worker reaches the caller with its message and its fields."""
    with (
        locked(str(tmp_path)) as lock, open_workers(jobs, None, lock) as workers,
        pytest.raises(DumbPypiError) as caught,
    ):
        list(workers.map(fail, [error]))
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)
    assert caught.value.args == error.args
    assert fields(caught.value) == fields(error)


@pytest.mark.parametrize(
    ('free_inodes', 'inodes', 'free_blocks', 'remark'), (
        (0, 1000, 500, ', as 0 of 1,000 inodes are free: delete files (df -i counts inodes)'),
        (9, 1000, 500, ', as 9 of 1,000 inodes are free: delete files (df -i counts inodes)'),
        # Other files than the one that failed may have been removed.
        (10, 1000, 500, ''),
        (9, 1000, 1, ''),
        (0, 1000, 0, ''),
        # As btrfs reports it.
        (0, 0, 500, ''),
    ),
)
def test_full_disk_without_inodes(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_inodes: int, inodes: int,
        free_blocks: int, remark: str,
) -> None:
    """A full disk that has free blocks, but hardly any inodes, is reported as such."""
    statvfs = os.statvfs

    def with_numbers(place: str) -> SimpleNamespace:
        statvfs(place)
        return SimpleNamespace(
            f_favail=free_inodes, f_files=inodes, f_bavail=free_blocks, f_blocks=1000,
        )

    monkeypatch.setattr(os, 'statvfs', with_numbers)
    full = OSError(errno.ENOSPC, 'No space left on device')
    path = f'{tmp_path}/missing/page'
    assert str(errors.FileError('write', path, full)) == (
        f'cannot write {path}: No space left on device{remark}'
    )


def test_full_disk_without_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that cannot be asked for its inodes is reported without them."""
    (tmp_path / 'file').touch()
    gone = tmp_path / 'gone'
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for path in (f'{tmp_path}/file/page', 'missing/page'):
        message = str(errors.FileError('write', path, OSError(errno.ENOSPC, 'is full')))
        assert message == f'cannot write {path}: is full'
