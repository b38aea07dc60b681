"""What a build writes: recorded while it runs, and read from its changes file."""
from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi.pages import paths
from dumb_pypi.store.folder_writer import Writer

Change = dict[str, Any]


def read_changes(place: Path) -> list[Change]:
    return [json.loads(line) for line in place.read_bytes().splitlines()]


def apply(tree: dict[str, bytes], changes: list[Change], contents: dict[str, bytes]) -> None:
    """Apply changes to a tree, as an uploader does; `contents` has each page by its SHA-256."""
    for change in changes:
        if change['action'] == 'delete':
            tree.pop(change['path'], None)
        else:
            tree[change['path']] = contents[change['sha256']]


def stage(change: Change) -> int:
    """Return the place of a change in the upload order: pages, root pages, the list, deletions."""
    if change['action'] == 'delete':
        return 3
    path = change['path']
    if path == paths.PACKAGES_JSON:
        return 2
    return int(path in paths.ROOTS or path.startswith('projects/'))


def record_writes(
        monkeypatch: pytest.MonkeyPatch, record: Callable[[str, bytes], object],
) -> None:
    """Call `record` with the path and content of each page that this process writes, in order."""
    write, write_new, adopt = Writer.write, Writer.write_new, Writer.adopt
    write_missing = Writer.write_missing

    def record_and_write(self: Writer, path: str, content: bytes) -> None:
        record(path, content)
        write(self, path, content)

    def record_and_write_missing(self: Writer, path: str, content: bytes) -> bool:
        written = write_missing(self, path, content)
        if written:
            record(path, content)
        return written

    def record_and_write_new(
            self: Writer, pages: Sequence[tuple[str, bytes]],
            preliminary: tuple[str, bytes] | None = None,
    ) -> bool:
        for page in pages if preliminary is None else (preliminary, *pages):
            record(*page)
        return write_new(self, pages, preliminary)

    def record_and_adopt(self: Writer, path: str, file: str) -> str:
        record(path, Path(file).read_bytes())
        return adopt(self, path, file)

    monkeypatch.setattr(Writer, 'write', record_and_write)
    monkeypatch.setattr(Writer, 'write_missing', record_and_write_missing)
    monkeypatch.setattr(Writer, 'write_new', record_and_write_new)
    monkeypatch.setattr(Writer, 'adopt', record_and_adopt)
