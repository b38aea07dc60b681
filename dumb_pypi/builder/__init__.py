"""One build, from the lists to the last written byte."""
from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TYPE_CHECKING

from dumb_pypi import store
from dumb_pypi.builder.refusals import (
    refuse_bad_lines,
    refuse_linked_folders,
    refuse_list,
    refuse_shrink,
)
from dumb_pypi.builder.report import Report
from dumb_pypi.builder.scanned import Describe, ScannedFacts
from dumb_pypi.builder.source import ListFile, Lists, open_lists, ScannedList
from dumb_pypi.builder.stamp import (
    fingerprint_of_facts,
    renderer_version,
    Shape,
    shape_of,
    Stamp,
)
from dumb_pypi.errors import ChangedError, compare_notices, EmptyListError, Notice
from dumb_pypi.options import BuildOptions, is_bucket
from dumb_pypi.pages import paths
from dumb_pypi.store.folder import Folder

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from dumb_pypi.builder.packages import Packages
    from dumb_pypi.builder.plan import Groups, Previous
    from dumb_pypi.builder.state import State
    from dumb_pypi.builder.tasks import Job
    from dumb_pypi.builder.workers import Workers
    from dumb_pypi.builder.yanks import Yanks
    from dumb_pypi.model.project_facts import ProjectFacts
    from dumb_pypi.store.interface import Store, Writer

# About how much of a build is reading its lists.
_READING = 0.3


class Scanned(NamedTuple):
    """The list of a folder, JSON lines, and notices about its files.

    `describe` makes the project list of the folder.
    """
    content: bytes
    notices: list[Notice]
    describe: Describe


# Given the path of the list that the previous build got from the same folder, if there is one.
ScanFolder = Callable[[str | None], Scanned]


@contextlib.contextmanager
def confirmed_build(
        options: BuildOptions, executor: Executor | None = None,
        progress: Callable[[float], None] = lambda _: None,
        scan: ScanFolder | None = None,
) -> Iterator[Report]:
    """Build the index, and keep it locked while the caller takes notice of the report.

    If the list is that of a folder, `scan` returns it. It runs under the lock, so that no older
    scan overwrites the result of a newer one.

    If the caller fails, or the process is killed before the end of the `with` statement, the next
    build has the same changes in its changes file: this one's may have been read by nobody.
    """
    # Before standard input is read, which may take as long as an upgrade of this program.
    shape = shape_of(options)
    index = _store_of(options)
    with open_lists(options) as opened, index.locked() as lock:
        if options.changes_file is not None:
            from dumb_pypi.store.files import check_user_file
            check_user_file(options.changes_file)
        lists = opened if scan is None else _scanned(opened, options, index, scan)
        if not options.full and lists.previous is None:
            stamp = Stamp.load(index)
            if (
                stamp is not None
                and (lists.scanned is None or lists.scanned.is_kept)
                and stamp.is_current(
                    shape.fingerprint, lists.packages, lists.facts,
                    '' if lists.scanned is None else lists.scanned.fingerprint,
                )
                and (scan is None or _notices_of_files(stamp) == lists.notices)
                and _is_intact(index, stamp)
            ):
                yield _report_no_change(stamp, options)
                return
        yield _build(options, shape, lists, index, lock, executor, progress)
        from dumb_pypi.builder.state import confirm
        confirm(index)


def _build(
        options: BuildOptions, shape: Shape, lists: Lists, index: Store, lock: int | None,
        executor: Executor | None, progress: Callable[[float], None],
) -> Report:
    # These import msgspec, packaging and Jinja2: a build with nothing to do is faster without.
    from dumb_pypi.builder.chunks import survey_list
    from dumb_pypi.builder.packages import write_packages
    from dumb_pypi.builder.plan import group, Plan
    from dumb_pypi.builder.readmes import remove_unused, renderers
    from dumb_pypi.builder.render import records_of, render, static_paths
    from dumb_pypi.builder.state import commit, State
    from dumb_pypi.builder.tasks import Job
    from dumb_pypi.builder.texts import Texts
    from dumb_pypi.builder.workers import open_workers
    from dumb_pypi.store.changes import write_changes
    from dumb_pypi.store.interface import TargetOptions

    index.hold()
    refuse_linked_folders(index)
    state = State.load(
        index, shape.fingerprint, full=options.full, slash_keys=options.slash_keys,
    )
    job = Job(options, shape.fingerprint, index.target(TargetOptions(
        keep_changes=options.changes_file is not None,
        recovering=state.may_be_unreported, precompress=options.precompress,
        sweep=options.full or state.may_have_compressed_forms, owned=state.stamp is not None,
        slash_keys=None if state.has_slash_keys and not options.slash_keys else options.slash_keys,
    )), renderer_version(options))
    source, reading = lists.packages, _ReadingProgress(lists, progress)
    with (
        job.target.opened(
            # Pages whose bytes are the same may get or lose a second key.
            state.recorded if options.slash_keys == state.has_slash_keys else lambda _: None,
        ) as writer,
        writer.unfinished_file('packages.json') as file, writer.unfinished_file('months') as months,
        open_workers(options.jobs, executor, lock) as workers, renderers(),
    ):
        with state.old_packages(source.form) as old:
            chunks = None if old is None else state.chunks
            survey = survey_list(source, chunks, state.memo(source.form), workers, reading.add)
            texts = Texts(months)
            packages = write_packages(source, survey, old, file, workers, reading.add, texts)
        facts, yanks, facts_notices = _read_facts(lists, packages)
        notices = [*lists.notices, *packages.notices, *facts_notices]
        refuse_list(source, packages, state, notices, options)
        groups = group(packages, facts, yanks, state, texts, workers)
        previous = _read_previous(lists.previous, groups, state, job, writer, workers, reading)
        if previous is not None:
            refuse_shrink(
                previous.groups.packages.projects, packages.projects, notices, options,
            )
        # An index without projects was allowed once, and may stay one.
        if not (packages.projects or options.allow_shrink or state.has_index):
            raise EmptyListError(source.place)
        plan = Plan(groups, state, previous, full=options.full)
        if not plan.is_empty:
            state.invalidate(
                writer, [*plan.projects, *plan.removed_projects], plan.months_to_change,
                [*plan.tree.others, *paths.ROOTS, *static_paths(job)],
            )
        result = render(plan, state, job, writer, workers, reading.rest)
        for path in plan.stale_paths(result.extents, result.others):
            writer.delete(path)
        if not plan.is_empty:
            remove_unused(facts.values(), job.renderer, job.target, writer)
        if shape_of(options) != shape:
            raise ChangedError
        if options.changes_file is not None:
            write_changes(options.changes_file, writer.done.changes)
        stamp = Stamp(
            shape.fingerprint, plan.complete, source.form, source.place, source.size, survey.chunks,
            fingerprint_of_facts(
                lists.facts, '' if lists.scanned is None else lists.scanned.fingerprint,
            ),
            # If nothing was written, the state stays as it is, even if files were touched.
            state.stamp.marks if plan.is_empty and state.stamp is not None else writer.marks(
                [*store.SHARED_FOLDERS, *result.others],
                {} if state.stamp is None else state.stamp.marks,
            ),
            len(packages.projects), packages.files, notices,
        )
        if lists.scanned is None:
            writer.delete_own(store.SCANNED)
        elif not lists.scanned.is_kept:
            writer.write_own(store.SCANNED, lists.scanned.encode())
        commit(writer, stamp, records_of(
            plan, state, result, compressed=options.precompress, slash_keys=options.slash_keys,
        ), survey.surveys)
        done = writer.done
        before = () if options.full or state.stamp is None else state.stamp.notices
        return Report(
            stamp.projects, stamp.files, done.written, done.unchanged, done.deleted, notices,
            *compare_notices(notices, before),
        )


def _store_of(options: BuildOptions) -> Store:
    """
    Raises:
        BucketLibraryError: it is a bucket, and the library for buckets is not installed.
    """
    if is_bucket(options.output_dir):
        from dumb_pypi.store.bucket import Bucket
        return Bucket(options.output_dir)
    return Folder(options.output_dir)


def _scanned(lists: Lists, options: BuildOptions, index: Store, scan: ScanFolder) -> Lists:
    index.hold()
    with _list_of_previous_scan(options, index, lists.packages) as previous:
        content, notices, describe = scan(previous)
    facts = ScannedFacts(index, content, describe, full=options.full)
    return lists._replace(
        packages=ScannedList(content, lists.packages.place), scanned=facts,
        notices=[*notices, *facts.notices],
    )


@contextlib.contextmanager
def _list_of_previous_scan(
        options: BuildOptions, index: Store, source: ListFile,
) -> Iterator[str | None]:
    """Yield the path of `packages.json` if it is what a scan of the same folder listed.

    Then the scan need not read unchanged files again. No other list will do: it may have facts
    that no scan would list.
    """
    stamp = None if options.full else Stamp.read(index)
    if (
        stamp is None or (stamp.form, stamp.place) != (source.form, source.place)
        or not _has_packages_of(index, stamp)
    ):
        yield None
        return
    with index.open(paths.PACKAGES_JSON) as file:
        yield None if file is None else str(file.name)


def _has_packages_of(index: Store, stamp: Stamp) -> bool:
    """Return whether `packages.json` is as the build with this stamp left it."""
    if index.marks([paths.PACKAGES_JSON]).items() <= stamp.marks.items():
        return True
    # Somebody edited it, or copied the directory.
    from dumb_pypi.builder.state import has_recorded_packages
    return has_recorded_packages(index)


def _is_intact(index: Store, stamp: Stamp) -> bool:
    """Return whether the root pages and the folders of all projects are there."""
    if stamp.marks == index.marks(stamp.marks):
        return True
    # Somebody touched them, or copied the directory.
    from dumb_pypi.builder.state import State
    return State.load(index, stamp.shape, full=False).intact


def _notices_of_files(stamp: Stamp) -> list[Notice]:
    """Return the notices of the previous build's scan: those of lists are about lines."""
    return [notice for notice in stamp.notices if notice.line is None]


def _report_no_change(stamp: Stamp, options: BuildOptions) -> Report:
    refuse_bad_lines(stamp.notices, options)
    if options.changes_file is not None:
        from dumb_pypi.store.changes import write_changes
        write_changes(options.changes_file, ())
    return Report(stamp.projects, stamp.files, 0, 0, 0, stamp.notices)


def _read_facts(
        lists: Lists, packages: Packages,
) -> tuple[Mapping[str, ProjectFacts], Yanks, list[Notice]]:
    """Return the facts about projects of the list, and notices about what is not in it.

    What the project list states takes the place of what a scan has found, key by key.
    """
    from dumb_pypi.builder.yanks import find_yanks, notices_of_unused

    if lists.facts is None and lists.scanned is None:
        return {}, find_yanks(packages, ()), []
    from dumb_pypi.model.project_facts import overlay, read_facts
    scanned: dict[str, ProjectFacts] = {} if lists.scanned is None else dict(
        read_facts(lists.scanned.content, lists.packages.place).facts.items(),
    )
    source = lists.facts
    if source is None:
        return scanned, find_yanks(packages, ()), []
    stated = read_facts(source.content, source.place)
    facts: dict[str, ProjectFacts] = {
        name: fact for name, fact in stated.facts.items() if name in packages.projects
    }
    if stated.notices and not stated.facts:
        from dumb_pypi.builder.wrong_lists import PROJECT_LIST, refuse_unusable
        refuse_unusable(source, PROJECT_LIST, stated.notices)
    yanks = find_yanks(packages, stated.facts.values())
    return scanned | {
        name: overlay(scanned[name], fact, has_status=True) if name in scanned else fact
        for name, fact in facts.items()
    }, yanks, [*stated.notices, *notices_of_unused(stated, yanks, packages, source.place)]


def _read_previous(
        source: ListFile | None, groups: Groups, state: State, job: Job, writer: Writer,
        workers: Workers, reading: _ReadingProgress,
) -> Previous | None:
    """Group the previous list, if there is one.

    Raises:
        UnusableListError: none of its lines is usable. A page that says "not found", say, would
            leave every stale page where it was published.
    """
    if source is None:
        return None
    from dumb_pypi.builder.chunks import survey_list
    from dumb_pypi.builder.packages import write_packages
    from dumb_pypi.builder.plan import group, may_have_stale_pages, Previous
    from dumb_pypi.builder.render import previous_projects
    from dumb_pypi.builder.wrong_lists import PREVIOUS_LIST, refuse_unusable
    from dumb_pypi.builder.yanks import find_yanks

    with writer.unfinished_file('previous.json') as file:
        survey = survey_list(source, None, {}, workers, reading.add)
        packages = write_packages(source, survey, None, file, workers, reading.add)
        if not packages.projects:
            refuse_unusable(source, PREVIOUS_LIST, packages.notices)
        # Which facts it was published with is not known.
        yanks = find_yanks(packages, groups.yanks.facts.values())
        before = group(packages, groups.facts, yanks, None, groups.texts, workers)
        # The pages that 1.x published are at other paths than ours.
        ours = packages.are_lines_of(source)
        stale = may_have_stale_pages(
            state, groups, before, full=job.options.full or not ours,
        )
        return Previous(before, previous_projects(job, before, stale, workers), ours)


class _ReadingProgress:
    """Turns bytes of lists into the part of the build that is done."""

    def __init__(self, lists: Lists, progress: Callable[[float], None]) -> None:
        sizes = (lists.packages.size, 0 if lists.previous is None else lists.previous.size)
        self._progress = progress
        self._size = 2 * sum(sizes) or 1  # each list is read twice
        self._read = 0

    def add(self, size: int) -> None:
        """Report that more bytes were read."""
        self._read += size
        self._progress(_READING * min(1, self._read / self._size))

    def rest(self, part: float) -> None:
        """Report which part of what follows is done."""
        self._progress(_READING + (1 - _READING) * part)
