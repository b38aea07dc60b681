"""Compare the pages in an output directory with what the previous build remembers of them."""
from __future__ import annotations

import os
from collections.abc import Callable

from dumb_pypi import store
from dumb_pypi.builder.comparison import (
    CHANGED_STATE,
    CheckReport,
    compare,
    Comparison,
    NO_INDEX,
    UNFINISHED,
    UNKNOWN_STATE,
)
from dumb_pypi.builder.state import load_records
from dumb_pypi.errors import FileError, UncheckableError
from dumb_pypi.options import fault_of_output, is_bucket
from dumb_pypi.store.folder import Folder


def check(output_dir: str, progress: Callable[[float], None] = lambda _: None) -> CheckReport:
    """Compare every page with what the previous build remembers of it.

    Nothing is written, and nothing locked: builds can start meanwhile. `progress` is called with
    the part that is done, from 0 to 1.

    Raises:
        UncheckableError: the directory has no state, or a build runs, was interrupted, or ran
            during the check.
        FileError: the directory, the state or a page cannot be read.
    """
    fault = fault_of_output(output_dir)
    if fault is not None:
        raise UncheckableError(output_dir, fault)
    if is_bucket(output_dir):
        from dumb_pypi.builder.check_bucket import check_bucket
        return check_bucket(output_dir, progress)
    index = Folder(output_dir)
    _refuse_unfinished(output_dir, index)
    before = index.marks([store.STATE])
    records = load_records(index)
    if records is None:
        raise UncheckableError(output_dir, UNKNOWN_STATE)
    checked = compare(Comparison(index, records), records, progress)
    # A build that began after this line changed nothing that was read.
    if index.pending() or index.marks([store.STATE]) != before:
        raise UncheckableError(output_dir, CHANGED_STATE)
    return checked


def _refuse_unfinished(output_dir: str, index: Folder) -> None:
    """
    Raises:
        UncheckableError: there is no state, or a build did not finish yet.
        FileError: the directory cannot be read.
    """
    place = output_dir
    try:
        os.listdir(place)
        if index.pending():
            raise UncheckableError(output_dir, UNFINISHED)
        place = os.path.join(output_dir, store.STATE)
        os.lstat(place)
    except FileNotFoundError as error:
        if place == output_dir:
            raise FileError('read', place, error) from error
        raise UncheckableError(output_dir, NO_INDEX) from None
    except OSError as error:
        raise FileError('read', place, error) from error
