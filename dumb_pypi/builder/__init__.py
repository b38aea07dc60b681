"""One build, from options to report."""
from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Callable

from dumb_pypi import store
from dumb_pypi.builder import blocks
from dumb_pypi.builder import source as lists
from dumb_pypi.builder import stamp as stamps
from dumb_pypi.builder.request import refuse_bad_lines, Report, Request, Sources
from dumb_pypi.builder.source import Source
from dumb_pypi.builder.stamp import Stamp
from dumb_pypi.errors import BusyError, OptionError
from dumb_pypi.options import DEFAULT_TITLE, PageOptions
from dumb_pypi.store import lock

MOST_JOBS = 256  # processes: each needs some open files of its parent


def build(
        *, output_dir: str, packages_url: str,
        package_list: str | None = None, package_list_json: str | None = None,
        previous_package_list: str | None = None, previous_package_list_json: str | None = None,
        project_list_json: str | None = None,
        title: str = DEFAULT_TITLE, logo: str | None = None, logo_width: int | None = None,
        site_url: str | None = None, template_dir: str | None = None,
        per_release_json: bool = True, precompress: bool = False,
        generated: datetime.datetime | None = None,
        strict: bool = False, full: bool = False, allow_shrink: bool = False,
        changes_file: str | None = None, jobs: int | None = None,
        progress: Callable[[float], None] = lambda _: None,
) -> Report:
    """Build the index of a package list: what the command `dumb-pypi` does.

    The arguments are the command's options. `generated` is the creation time to show, in UTC;
    without one the same input gives the same bytes. Lines that cannot be used are left out,
    and the report says why. Where processes are not forked, as on macOS, a script has to call it
    below `if __name__ == '__main__':`, or with `jobs=1`.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pathlib.Path(folder, 'list').write_text('foo-1.0.zip\\n')
    ...     build(package_list=f'{folder}/list', packages_url='../../pool/', output_dir=folder)
    12
    Report(projects=1, files=1, written=17, unchanged=0, deleted=0, notices=[])

    Raises:
        DumbPypiError: the index could not be built; one line says what and why.
        RefusedError: `strict`, and there are lines that cannot be used. Nothing was written.
    """
    if not output_dir:
        raise OptionError('--output-dir', 'is empty')
    if jobs is not None and not 1 <= jobs <= MOST_JOBS:
        raise OptionError('--jobs', f'{jobs} is not a number of processes from 1 to {MOST_JOBS}')
    options = PageOptions.check(
        packages_url=packages_url, title=title, logo=logo, logo_width=logo_width,
        site_url=site_url, template_dir=template_dir, per_release_json=per_release_json,
        precompress=precompress, generated=generated,
    )
    named = (
        package_list, package_list_json, previous_package_list, previous_package_list_json,
        project_list_json,
    )
    if named.count(lists.STDIN) > 1:
        raise OptionError('--…package-list…', 'only one list can be standard input')
    request = Request(output_dir, strict, full, allow_shrink, changes_file, jobs, progress)
    with contextlib.ExitStack() as stack:
        files = _source(stack, package_list, package_list_json)
        if files is None:
            raise OptionError('--package-list, --package-list-json', 'exactly one is needed')
        return _build(options, request, Sources(
            files,
            _source(stack, None, project_list_json),
            _source(stack, previous_package_list, previous_package_list_json),
        ), stack)


def _source(stack: contextlib.ExitStack, plain: str | None, json: str | None) -> Source | None:
    if plain is not None and json is not None:
        raise OptionError('--…package-list, --…package-list-json', 'only one can be used')
    if plain is not None:
        return stack.enter_context(contextlib.closing(Source(plain, lists.PLAIN)))
    if json is not None:
        return stack.enter_context(contextlib.closing(Source(json, lists.JSON)))
    return None


def _build(
        options: PageOptions, request: Request, sources: Sources, stack: contextlib.ExitStack,
) -> Report:
    reading = None
    if not stamps.is_there(request.output_dir):
        # The lock is a file: a build that is refused before there is an index writes not even
        # that.
        from dumb_pypi.builder.rebuild import read
        reading = read(sources, request, stack)
    # Left last, when all is undone that the stack has to undo in the directory.
    request = request._replace(lock=stack.enter_context(lock.held(request.output_dir)))
    if reading is not None and stamps.is_there(request.output_dir):
        # Another build came first, with a list that is newer, perhaps.
        raise BusyError(request.output_dir)
    shape = stamps.shape_of(options)
    begin = 0
    stamp = None if reading is not None else stamps.read(request.output_dir)
    if stamp is not None and stamp.shape == shape and _is_whole(stamp, request, sources):
        begin = blocks.leading(sources.files, stamp.blocks)
        if _is_same(stamp, begin, sources):
            return _nothing_to_do(stamp, request)
    from dumb_pypi.builder.rebuild import read, rebuild
    from dumb_pypi.builder.state import last_build
    last = last_build(request.output_dir, shape, distrusted=request.full)
    return rebuild(
        sources, options, request, last,
        reading or read(sources, request, stack, last, begin), stack,
    )


def _is_whole(stamp: Stamp, request: Request, sources: Sources) -> bool:
    """Whether the tree is known to be what the stamp says."""
    return (
        stamp.complete and not request.full and sources.previous is None
        and not stamps.was_cut_short(request.output_dir)
        and not stamps.is_gone(request.output_dir)
        and not os.path.exists(os.path.join(request.output_dir, store.UNFINISHED))
    )


def _is_same(stamp: Stamp, begin: int, sources: Sources) -> bool:
    """Whether the lists are what they were; the list begins with the blocks before `begin`."""
    facts = '' if sources.facts is None else stamps.fingerprint_of_list(sources.facts)
    return (
        begin == len(stamp.blocks)
        and sources.files.size == sum(block.length for block in stamp.blocks)
        and stamp.source == (sources.files.form, sources.files.place)
        and stamp.facts == facts
    )


def _nothing_to_do(stamp: Stamp, request: Request) -> Report:
    refuse_bad_lines(stamp.notices, request)
    if request.changes_file is not None:
        from dumb_pypi.store.changes import write_changes
        write_changes(request.changes_file, ())
    return Report(stamp.projects, stamp.files, 0, 0, 0, stamp.notices)
