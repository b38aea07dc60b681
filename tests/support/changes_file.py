"""A changes file, as whoever uploads by it reads it."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dumb_pypi.pages import paths

Change = dict[str, Any]


def read_changes(place: Path) -> list[Change]:
    return [json.loads(line) for line in place.read_bytes().splitlines()]


def apply(tree: dict[str, bytes], changes: list[Change], contents: dict[str, bytes]) -> None:
    """Do to a tree what a changes file says; `contents` are what was written, by its hash."""
    for change in changes:
        if change['action'] == 'delete':
            tree.pop(change['path'], None)
        else:
            tree[change['path']] = contents[change['sha256']]


def stage(change: Change) -> int:
    """When it is the turn of a change: pages, roots, the list, deletions."""
    if change['action'] == 'delete':
        return 3
    path = change['path']
    return 2 if path == paths.PACKAGES_JSON else int(path in paths.ROOTS)
