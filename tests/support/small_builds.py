"""Builds of a list of three files, in folders of one test."""
from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from dumb_pypi import build
from dumb_pypi.builder.report import Report
from tests.support import histories

LINES = (
    '{"filename": "foo-1.0.zip", "upload_timestamp": 1704103200}',
    '{"filename": "foo-2.0.zip", "upload_timestamp": 1706781600}',
    '{"filename": "bar-1.0.zip"}',
)


def run(folder: Path, lines: tuple[str, ...] = LINES, **options: Any) -> Report:
    """Build the index of these lines in `folder`/out."""
    return build(**{
        'package_list_json': histories.write_lines(folder / 'list', list(lines)),
        'packages_url': '../../pool/', 'output_dir': str(folder / 'out'), **options,
    })


def tree(folder: Path) -> dict[str, bytes]:
    """Return all pages of that index by their paths."""
    return histories.read_tree(folder / 'out')


def full_tree(folder: Path, lines: tuple[str, ...] = LINES, **options: Any) -> dict[str, bytes]:
    """Return the pages that one full build of these lines writes into a new folder."""
    shutil.rmtree(folder / 'full', ignore_errors=True)
    run(folder, lines, **{**options, 'output_dir': str(folder / 'full')})
    return histories.read_tree(folder / 'full')
