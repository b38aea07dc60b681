"""What a build did, and the report file that says so."""
from __future__ import annotations

import contextlib
import datetime
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from dumb_pypi import __version__
from dumb_pypi.errors import BusyError, DumbPypiError, ListError, Notice, OptionError
from dumb_pypi.model.arguments import path_of


class Report(NamedTuple):
    """What a build did; `notices` are about the lists, in the order of their lines.

    `written`, `unchanged` and `deleted` count pages; `unchanged` only those that were rendered.
    `new_notices` are those that the previous build in the directory did not have, `gone_notices` is
    the number of those that only the previous build had.
    """
    projects: int
    files: int
    written: int
    unchanged: int
    deleted: int
    notices: Sequence[Notice]
    new_notices: Sequence[Notice] = ()
    gone_notices: int = 0


@contextlib.contextmanager
def report_file(
        path: str | os.PathLike[str] | None,
) -> Iterator[Callable[[Report, Iterable[str]], None]]:
    """Yield a function that writes the report file of a build that succeeded, given its hints.

    If the build fails, write that. Without a path, write nothing.

    Raises:
        OptionError: the path is empty.
        FileError: the file cannot be written.
    """
    if path is None:
        yield lambda *_: None
        return
    place = path_of('report', path) or ''
    if not place:
        raise OptionError('--report', 'is empty: pass the path of a file to write')
    # A build with nothing to do needs none of what this imports.
    from dumb_pypi.store.files import check_user_file, replace_user_file
    check_user_file(place)
    start = time.monotonic()
    known: Report | None = None

    def write(outcome: Report | None, warnings: Iterable[str], error: BaseException | None) -> None:
        replace_user_file(place, encode_report(
            outcome, warnings, error, duration=time.monotonic() - start,
        ))

    def write_success(outcome: Report, warnings: Iterable[str]) -> None:
        nonlocal known
        known = outcome
        write(outcome, warnings, None)

    try:
        yield write_success
    except BaseException as error:
        # The reason of the build's failure is more important than one to write it.
        with contextlib.suppress(DumbPypiError):
            write(known, (), error)
        raise


def encode_report(
        outcome: Report | None, warnings: Iterable[str], error: BaseException | None, *,
        duration: float,
) -> bytes:
    """Return the content of the report file, which the docstring of `build` describes."""
    notices: Sequence[Notice] = ()
    changed: bool | None = None
    if outcome is not None:
        notices, changed = outcome.notices, outcome.written + outcome.deleted > 0
    elif isinstance(error, ListError | OptionError | BusyError):
        changed = False
        notices = error.notices if isinstance(error, ListError) else ()
    content = json.dumps({
        'version': __version__,
        'exit_status': _exit_status(error),
        'error': _reason(error),
        'finished': datetime.datetime.now(datetime.UTC).strftime('%Y-%m-%dT%H:%M:%SZ'),
        'duration': round(duration, 3),
        'changed': changed,
        **{
            key: None if outcome is None else getattr(outcome, key)
            for key in ('projects', 'files', 'written', 'unchanged', 'deleted')
        },
        'skipped': [_encode_notice(notice) for notice in notices if notice.skipped],
        'warnings': [
            *(_encode_notice(notice) for notice in notices if not notice.skipped),
            *({'path': None, 'line': None, 'message': warning} for warning in warnings),
        ],
    }, ensure_ascii=False, indent=2)
    # JSON has to be UTF-8, which the names of files need not be.
    return content.encode(errors='backslashreplace') + b'\n'


def _encode_notice(notice: Notice) -> dict[str, str | int | None]:
    return {'path': notice.place, 'line': notice.line, 'message': notice.text}


def _reason(error: BaseException | None) -> str | None:
    if error is None:
        return None
    return 'interrupted' if isinstance(error, KeyboardInterrupt) else str(error)


def _exit_status(error: BaseException | None) -> int:
    """Return the exit status of the command `dumb-pypi` after an error."""
    if error is None:
        return 0
    if isinstance(error, OptionError):
        return 2
    return 130 if isinstance(error, KeyboardInterrupt) else 1
