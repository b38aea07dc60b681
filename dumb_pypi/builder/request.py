"""What a build is asked for beside its pages, and what it answers."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dumb_pypi.builder.source import Source
from dumb_pypi.errors import Notice, RefusedError


class Sources(NamedTuple):
    """The lists that a build reads."""
    files: Source
    facts: Source | None
    previous: Source | None


class Request(NamedTuple):
    """How to build. `progress` is told which part of the work is done, from 0 to 1.

    `lock` is the open file that is locked, once it is.
    """
    output_dir: str
    strict: bool
    full: bool
    allow_shrink: bool
    changes_file: str | None
    jobs: int | None
    progress: Callable[[float], None]
    lock: int | None = None


class Report(NamedTuple):
    """What a build did, and what it has to say of the lists, in the order of their lines.

    `written`, `unchanged` and `deleted` count pages; `unchanged` only those that were rendered.
    """
    projects: int
    files: int
    written: int
    unchanged: int
    deleted: int
    notices: Sequence[Notice]


def refuse_bad_lines(notices: Sequence[Notice], request: Request) -> None:
    """
    Raises:
        RefusedError: there are lines that cannot be used, and a strict build was asked for.
    """
    if request.strict and any(notice.skipped for notice in notices):
        raise RefusedError(notices)
