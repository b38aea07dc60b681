"""A build that has something to do: read, compare, refuse or update, remember."""
from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import cast

import msgspec

from dumb_pypi.builder import plan, scratch
from dumb_pypi.builder import stamp as stamps
from dumb_pypi.builder import state as states
from dumb_pypi.builder.blocks import Block
from dumb_pypi.builder.catalog import Catalog
from dumb_pypi.builder.groups import group, Groups, releases_of
from dumb_pypi.builder.intake import Intake, take_in
from dumb_pypi.builder.merge import Merge
from dumb_pypi.builder.plan import Baseline, EMPTY_TREE, Tree
from dumb_pypi.builder.request import refuse_bad_lines, Report, Request, Sources
from dumb_pypi.builder.source import Source
from dumb_pypi.builder.stamp import Stamp
from dumb_pypi.builder.state import LastBuild, State
from dumb_pypi.builder.update import Update
from dumb_pypi.builder.work import Job
from dumb_pypi.builder.workers import Crew, crew
from dumb_pypi.errors import FileError, Notice, ShrinkError
from dumb_pypi.model.project_facts import ProjectFacts, read_facts
from dumb_pypi.options import PageOptions
from dumb_pypi.pages import paths
from dumb_pypi.pages.changelog import page_count
from dumb_pypi.store.changes import check_changes_place, write_changes
from dumb_pypi.store.folder import Writer

# How much of the whole work is done when the lists are read, about.
_READ = 0.3
_PACKAGES = 'packages.json'
_PREVIOUS = 'previous.json'


class Reading(msgspec.Struct, frozen=True):
    """The lists as they were read; `facts` are by the names of projects."""
    merge: Merge
    intake: Intake
    facts: Mapping[str, ProjectFacts]
    facts_print: str
    notices: Sequence[Notice]


def read(
        sources: Sources, request: Request, stack: ExitStack, last: LastBuild | None = None,
        begin: int = 0,
) -> Reading:
    """Read the lists. Of the last build's blocks the list begins with those before `begin`.

    What is open then is to be closed by the stack.

    Raises:
        FileError: a list cannot be read.
        RefusedError: it has lines that cannot be used, and the build is strict.
    """
    old = None
    known: Sequence[Block] = ()
    # What a block says depends on how the list is written.
    if last is not None and last.stamp is not None and last.stamp.source[0] == sources.files.form:
        old = states.last_catalog(request.output_dir, last)
        if old is not None:
            stack.callback(old.close)
            known = last.stamp.blocks
    intake = _take_in(
        sources.files, known, begin, old, request,
        (0, _READ if sources.previous is None else _READ / 2),
    )
    stack.callback(intake.fresh.close)
    merge = Merge(intake.old, intake.gone, intake.fresh)
    facts: Mapping[str, ProjectFacts] = {}
    notices = intake.notices
    facts_print = ''
    if sources.facts is not None:
        place, content = sources.facts.place, sources.facts.content
        facts_print = stamps.fingerprint_of_list(sources.facts)
        found, lines, more_notices = read_facts(content, place)
        listed = set(merge.names)
        facts = {name: fact for name, fact in found.items() if name in listed}
        notices = [*notices, *more_notices, *(
            Notice(place, lines[name], f'project {name} has no file in the list', skipped=False)
            for name in sorted(found.keys() - facts.keys(), key=lines.__getitem__)
        )]
    refuse_bad_lines(notices, request)
    return Reading(merge, intake, facts, facts_print, notices)


def rebuild(
        sources: Sources, options: PageOptions, request: Request, last: LastBuild,
        reading: Reading, stack: ExitStack,
) -> Report:
    """Make the tree what the lists say, and remember it.

    Raises:
        DumbPypiError: it could not be done.
    """
    job = Job(
        options, last.shape, request.output_dir, request.changes_file is not None,
        # A build that was cut short told nobody what it wrote.
        suspicious=last.cut_short,
        # Other options may have left compressed forms.
        sweep=last.all_again or (last.state is None and bool(last.published)),
    )
    if request.changes_file is not None:
        check_changes_place(request.changes_file)
    writer = job.writer()
    writer.begin()
    stack.callback(writer.end)
    return _Rebuild(sources, job, request, last, reading, writer, stack).run()


class _Rebuild:
    def __init__(
            self, sources: Sources, job: Job, request: Request, last: LastBuild,
            reading: Reading, writer: Writer, stack: ExitStack,
    ) -> None:
        self._stack = stack
        self._sources = sources
        self._request = request
        self._last = last
        self._reading = reading
        self._writer = writer
        self._job = job

    def run(self) -> Report:
        request, reading, done = self._request, self._reading, self._writer.done
        self._guard(self._last.published)
        previous: Groups | None = None
        if self._sources.previous is not None:
            previous = self._previous_groups()
            self._guard(previous.catalog.names)
        catalog = self._catalog(reading.merge, _PACKAGES)
        # Workers would have a copy of it.
        reading.intake.fresh.close()
        with crew(request.jobs, request.lock) as workers:
            state = self._update(catalog, previous, workers)
        if request.changes_file is not None:
            write_changes(request.changes_file, done.changes)
        self._remember(catalog, state)
        return Report(
            len(catalog.names), len(catalog), done.written, done.unchanged, done.deleted,
            reading.notices,
        )

    def _update(self, catalog: Catalog, previous: Groups | None, workers: Crew) -> State | None:
        """Bring the tree up to date; its new state, or None where it was so already."""
        last, reading = self._last, self._reading
        touched = None if reading.intake.old is None else reading.merge.touched_months
        now = group(catalog, reading.facts, last.trusted, touched, workers)
        before = last.baseline if previous is None else self._baseline(previous, now, workers)
        if self._is_current(before, now):
            return None
        progress = self._request.progress
        update = Update(
            self._writer, self._job, before, now, last.trusted, workers,
            lambda part: progress(_READ + (1 - _READ) * part),
        )
        # Whether the state of the last build tells of every page that may be there.
        told = previous is None and last.state is not None and not last.cut_short
        return update.run(EMPTY_TREE if told else before.tree)

    def _remember(self, catalog: Catalog, state: State | None) -> None:
        """Last of all: what a state says is true only when all else is done."""
        last = self._last
        complete = self._sources.previous is None or last.all_again or last.complete
        stamp = self._stamp(complete, catalog, updated=state is not None)
        if state is not None or stamp != last.stamp:
            # A tree that is as it was has a state that is trusted.
            states.save(self._writer, stamp, state or cast(State, last.trusted), catalog)

    def _guard(self, published: Collection[str]) -> None:
        """Refuse a list that has too few of these projects."""
        names = set(self._reading.merge.names)
        if not self._request.allow_shrink and plan.drops_too_much(published, names):
            kept = len(names.intersection(published))
            raise ShrinkError(kept, len(published), self._reading.notices)

    def _catalog(self, merge: Merge, name: str) -> Catalog:
        file = self._writer.open_unfinished(name)
        self._stack.callback(scratch.close, file)
        try:
            return merge.write(file)
        except OSError as error:
            raise FileError('write', file.name, error) from error

    def _previous_groups(self) -> Groups:
        source = cast(Source, self._sources.previous)
        intake = _take_in(source, (), 0, None, self._request, (_READ / 2, _READ))
        self._stack.callback(intake.fresh.close)
        merge = Merge(None, (), intake.fresh)
        if intake.notices and not merge.names:
            # A page that says "not found", say: an empty list would leave every stale page.
            raise FileError('read', source.place, ValueError('none of its lines can be used'))
        # The facts that the previous list was published with are not known.
        with crew(self._request.jobs, self._request.lock) as workers:
            return group(
                self._catalog(merge, _PREVIOUS), self._reading.facts, None, None, workers,
            )

    def _baseline(self, previous: Groups, now: Groups, workers: Crew) -> Baseline:
        """What to compare the list with where there is a previous list."""
        last = self._last
        doubtful: Iterable[str] = plan.changed(now.projects, previous.projects)
        roots: Sequence[str] = ()
        if last.all_again:
            # Options may have been others, so that there are pages that these do not make.
            doubtful, roots = previous.projects, paths.ROOTS
        tree = plan.union(last.tree, Tree(
            releases_of(self._job, previous, doubtful, workers),
            {month: page_count(summary.uploads) for month, summary in previous.summaries.items()},
            roots,
        ))
        published = previous.catalog.names
        if last.all_again:
            return Baseline({}, {}, tree, published)
        told_of = {name for name, facts in now.facts.items() if facts.is_known}
        known = last.baseline
        return Baseline(
            plan.agreed(previous.projects, known.projects, last.complete, told_of),
            plan.agreed(previous.months, known.months, last.complete, ()),
            tree, published,
        )

    def _is_current(self, before: Baseline, now: Groups) -> bool:
        """Whether the tree is as it is to be."""
        return (
            self._last.complete
            and plan.is_same(before.projects, now.projects, before.tree.releases)
            and plan.is_same(before.months, now.months, before.tree.months)
        )

    def _stamp(self, complete: bool, catalog: Catalog, *, updated: bool) -> Stamp:
        reading, source = self._reading, self._sources.files
        place = os.path.join(self._request.output_dir, paths.PACKAGES_JSON)
        return Stamp(
            shape=self._last.shape,
            complete=complete,
            source=(source.form, source.place),
            facts=reading.facts_print,
            # One that was neither read nor written may be another's.
            packages=stamps.stamp_of_file(place) if (
                updated or reading.intake.old is not None
            ) else '',
            ledger='' if self._last.stamp is None else self._last.stamp.ledger,
            projects=len(catalog.names),
            files=len(catalog),
            blocks=reading.intake.blocks,
            notices=reading.notices,
        )


def _take_in(
        source: Source, known: Sequence[Block], begin: int, old: Catalog | None, request: Request,
        step: tuple[float, float],
) -> Intake:
    """Read a list; the step is from which part of the whole work to which other that is."""
    start, end = step
    done = 0

    def tell(size: int) -> None:
        nonlocal done
        done += size
        # A list may have to be read a second time, from its beginning.
        request.progress(start + (end - start) * min(1, done / source.size))

    with crew(request.jobs, request.lock) as workers:
        return take_in(source, known, begin, old, workers, tell)
