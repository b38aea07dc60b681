"""Rare failures: the build succeeds, or prints a one-line error."""
from __future__ import annotations

import errno
import io
import os
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import pytest

from dumb_pypi import build, store
from dumb_pypi.builder import packages, stamp
from dumb_pypi.builder.report import Report
from dumb_pypi.builder.source import open_list
from dumb_pypi.errors import FileError
from dumb_pypi.options import ListPath, PLAIN
from dumb_pypi.pages import paths
from dumb_pypi.store import folder_writer
from dumb_pypi.store.folder import Folder
from tests.support import histories
from tests.support.options import page_options

LINES = tuple(
    f'{{"filename": "foo-{month}.0.zip", "upload_timestamp": {1704103200 + month * 2_700_000}}}'
    for month in range(5)
)


def run(folder: Path, lines: tuple[str, ...] = LINES, **options: Any) -> Report:
    return build(**{
        'package_list_json': histories.write_lines(folder / 'list', list(lines)),
        'packages_url': '../../pool/', 'output_dir': str(folder / 'out'), **options,
    })


def no_room(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_unchanged_previous_list_keeps_pages(tmp_path: Path) -> None:
    """A previous list equal to the list of the directory leads to no write."""
    run(tmp_path)
    before = histories.stamps(tmp_path / 'out')
    run(tmp_path, previous_package_list_json=str(tmp_path / 'out/packages.json'))
    assert histories.stamps(tmp_path / 'out') == before


def test_full_disk_keeps_the_lines(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(tmp_path)
    before = histories.stamps(tmp_path / 'out')
    monkeypatch.setattr(packages._Splice, 'add', no_room)
    with pytest.raises(FileError, match=r'cannot write .*: No space left on device'):
        run(tmp_path, LINES[1:])
    assert histories.stamps(tmp_path / 'out') == before


def test_full_disk_for_a_temporary_file(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        write = no_room

    monkeypatch.setattr(tempfile, 'TemporaryFile', Full)
    with pytest.raises(FileError, match='No space left'), open_list(ListPath('/dev/zero', PLAIN)):
        pass


def test_unreadable_state_is_reported(tmp_path: Path) -> None:
    (tmp_path / store.STATE).mkdir(parents=True)
    (tmp_path / paths.PACKAGES_JSON).touch()
    with pytest.raises(FileError, match=r'cannot read .*state.json: Is a directory'):
        stamp.Stamp.load(Folder(str(tmp_path)))


def test_vanished_templates_are_reported(tmp_path: Path) -> None:
    options = page_options(template_dir=str(tmp_path / 'gone'))
    with pytest.raises(FileError, match=r'cannot read .*gone: No such file or directory'):
        stamp.shape_of(options)


def test_unset_time_is_reported(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(tmp_path)
    monkeypatch.setattr(folder_writer, '_copy_mtime', no_room)
    with pytest.raises(FileError, match=r'cannot write .*\.gz: No space left on device'):
        run(tmp_path, precompress=True)
