"""Render the groups that differ, write their pages, and delete those of groups that are gone."""
from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from itertools import chain
from itertools import groupby
from operator import attrgetter
from typing import cast
from typing import NamedTuple
from typing import TYPE_CHECKING
from typing import TypeVar

import msgspec

from dumb_pypi import changelog
from dumb_pypi import paths
from dumb_pypi import plan
from dumb_pypi import state as states
from dumb_pypi import work
from dumb_pypi.catalog import Catalog
from dumb_pypi.changelog import Neighbours
from dumb_pypi.plan import Baseline
from dumb_pypi.plan import Tree
from dumb_pypi.project import ProjectFacts
from dumb_pypi.stamp import fingerprint
from dumb_pypi.state import MonthRecord
from dumb_pypi.state import ProjectRecord
from dumb_pypi.state import State
from dumb_pypi.summary import MonthSummary
from dumb_pypi.work import Job
from dumb_pypi.workers import Crew
from dumb_pypi.writer import Writer

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

T = TypeVar('T')

# What a worker gets at once: bytes of lines, at least one project's.
_BATCH = 1 << 17


class Groups(NamedTuple):
    """The groups of a list, each with a fingerprint of all that its pages show.

    Months come newest first.
    """
    catalog: Catalog
    facts: Mapping[str, ProjectFacts]
    projects: dict[str, str]
    months: dict[str, str]
    summaries: dict[str, MonthSummary]
    beside: dict[str, Neighbours]


def group(
        catalog: Catalog, facts: Mapping[str, ProjectFacts], known: State | None,
        touched_months: Collection[str] | None, crew: Crew,
) -> Groups:
    """The groups of a catalog.

    `touched_months` are those that may differ from what is `known`, or None for all.
    """
    projects = {
        name: print_ + _facts_print(facts.get(name))
        for name, print_ in zip(catalog.names, catalog.prints, strict=True)
    }
    sizes = catalog.month_sizes()
    beside = changelog.neighbours(sizes)
    months = changelog.newest_first(sizes)
    records = {} if known is None or touched_months is None else known.months
    unknown = [
        month for month in months if month not in records or month in (touched_months or ())
    ]
    batches = _batched(catalog.uploads_of(unknown), lambda month: len(month[1]))
    summed_up = dict(zip(
        unknown, chain.from_iterable(crew.map(work.sum_up_months, batches)), strict=True,
    ))
    prints = {}
    summaries = {}
    for month in months:
        if month in summed_up:
            print_, summaries[month] = summed_up[month]
        else:
            print_, summaries[month] = (
                records[month].fingerprint[:states.PRINT], records[month].summary,
            )
        prints[month] = print_ + fingerprint([msgspec.json.encode(beside[month])])
    return Groups(catalog, facts, projects, prints, summaries, beside)


def releases_of(
        job: Job, groups: Groups, projects: Iterable[str], crew: Crew,
) -> dict[str, msgspec.Raw]:
    """The releases of some projects, whether or not pages of releases are asked for."""
    job = job._replace(options=job.options._replace(per_release_json=True))
    wanted = sorted(bisect_left(groups.catalog.names, name) for name in projects)
    return {
        groups.catalog.names[index]: releases
        for batch, written in _done(job, groups, wanted, (), (), crew)
        for index, releases in zip(batch, written.releases, strict=True)
    }


def _done(
        job: Job, groups: Groups, wanted: Iterable[int], to_write: Collection[str],
        there: Collection[str], crew: Crew,
) -> Iterator[tuple[range, work.Written]]:
    """Some projects, a batch at a time, and what became of them."""
    catalog = groups.catalog

    def task(batch: range) -> work.Projects:
        names = catalog.names[batch.start:batch.stop]
        return work.Projects(
            job,
            [_facts_of(name, groups.facts) for name in names],
            catalog.counts[batch.start:batch.stop],
            catalog.text(batch.start, batch.stop - 1),
            names[0] in to_write,
            [name not in there for name in names],
        )

    batches = list(_batches(catalog, wanted, to_write))
    return zip(batches, crew.map(work.write_projects, map(task, batches)), strict=True)


def _facts_of(name: str, facts: Mapping[str, ProjectFacts]) -> ProjectFacts:
    return facts.get(name) or ProjectFacts(cast('NormalizedName', name))


def _batched(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """Items a batch at a time; `size` says how many bytes of lines one has."""
    batch: list[T] = []
    total = 0
    for item in items:
        batch.append(item)
        total += size(item)
        if total > _BATCH:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def _batches(
        catalog: Catalog, wanted: Iterable[int], to_write: Collection[str],
) -> Iterator[range]:
    """Projects that follow each other, not too many, all of them to be written or none."""
    start = stop = 0
    for index in wanted:
        if start < stop and (
            index != stop or catalog.size_of(start, stop - 1) > _BATCH
            or (catalog.names[index] in to_write) != (catalog.names[start] in to_write)
        ):
            yield range(start, stop)
            start = index
        start = index if start == stop else start
        stop = index + 1
    if start < stop:
        yield range(start, stop)


def _facts_print(facts: ProjectFacts | None) -> str:
    return '' if facts is None or not facts.is_told else fingerprint([msgspec.json.encode(facts)])


class Update:
    """One update of a tree, from what the last build left to what the list now says.

    `known` is what the last build knew of groups that stay as they are. `tell` is told how many
    bytes of lines were dealt with.
    """

    def __init__(
            self, writer: Writer, job: Job, before: Baseline, now: Groups, known: State | None,
            crew: Crew, tell: Callable[[int], None],
    ) -> None:
        self._writer = writer
        self._job = job
        self._before = before
        self._now = now
        self._known = known
        self._crew = crew
        self._tell = tell
        self.projects = set(plan.changed(before.projects, now.projects))
        self.months = set(plan.changed(before.months, now.months))

    def run(self, noted: Tree) -> State:
        """Write all pages, each after those that it leads to, then the list; then delete.

        `noted` are pages that may be there and that no state tells of. Save the state that it
        returns only after this: not until then is it true.
        """
        now = self._now
        site = work.site_of(self._job)
        static = list(site.static_pages())
        pages = {
            month: changelog.pages_of(summary.uploads) for month, summary in now.summaries.items()
        }
        before = self._before.tree
        states.save_journal(self._writer, plan.union(noted, Tree(
            {
                # What may be deleted: when the new state is there, the old one tells no more.
                **{
                    name: releases for name, releases in before.releases.items()
                    if name in self.projects or name not in now.projects
                },
                # Of what is new the releases are found on disk, should it come to that.
                **{name: () for name in self.projects if name not in before.releases},
            },
            pages | {
                month: max(count, pages.get(month, 0)) for month, count in before.months.items()
            },
            {*before.others, *paths.ROOTS, *(page.path for page in static)},
        )))
        others = self._write(static)
        records = self._write_projects()
        self._write_months()
        others += self._write(site.root_pages(
            [record.summary for record in records.values()], list(now.summaries.values()),
        ))
        self._writer.adopt(paths.PACKAGES_JSON, now.catalog.path)
        others.append(paths.PACKAGES_JSON)
        tree = Tree({name: record.releases for name, record in records.items()}, pages, others)
        for path in plan.stale_paths(self._before.tree, tree):
            self._writer.delete(path)
        return self._state(records, others)

    def _write(self, pages: Iterable[tuple[str, bytes]]) -> list[str]:
        written = []
        for path, content in pages:
            self._writer.write(path, content)
            written.append(path)
        return written

    def _write_projects(self) -> dict[str, ProjectRecord]:
        """Write the pages of projects that differ; say what there is to say of all."""
        known = {} if self._known is None else self._known.projects
        now = self._now
        names = now.catalog.names
        wanted = [
            index for index, name in enumerate(names) if name in self.projects or name not in known
        ]
        fresh: dict[str, ProjectRecord] = {}
        for batch, written in _done(
                self._job, now, wanted, self.projects, self._before.tree.releases, self._crew,
        ):
            self._writer.add(written.done)
            for index, releases, summary in zip(
                batch, written.releases, written.summaries, strict=True,
            ):
                name = names[index]
                fresh[name] = ProjectRecord(now.projects[name], releases, summary)
            self._tell(now.catalog.size_of(batch[0], batch[-1]))
        return {name: fresh[name] if name in fresh else known[name] for name in names}

    def _write_months(self) -> None:
        """Write the pages of months that differ."""
        now = self._now
        wanted = [
            page for month in reversed(now.months) if month in self.months
            for page in changelog.month_places(
                month, now.summaries[month].uploads, now.beside[month],
            )
        ]
        there = {
            paths.changelog_page(month, number)
            for month, count in self._before.tree.months.items() for number in range(1, count + 1)
        }
        if not self._before.published:
            # Nobody reads an index that is not there yet.
            there.update(page.path for page in wanted)
        in_order = changelog.in_safe_order(wanted, there)
        runs = [list(pages) for _, pages in groupby(in_order, key=attrgetter('month'))]
        lines = now.catalog.uploads_of([pages[0].month for pages in runs])
        tasks = (work.Month(self._job, pages, text) for pages, (_, text) in zip(
            runs, lines, strict=True,
        ))
        rendered = chain.from_iterable(self._crew.map(
            work.render_months, _batched(tasks, lambda month: len(month.lines)),
        ))
        for pages, contents in zip(runs, rendered, strict=True):
            self._write(zip((page.path for page in pages), contents, strict=True))

    def _state(self, records: dict[str, ProjectRecord], others: list[str]) -> State:
        now, known = self._now, self._known
        return State(
            # Without the groups that were compared with a previous list: they may not be here.
            projects={
                name: record for name, record in records.items()
                if name in self.projects or (known is not None and name in known.projects)
            },
            months={
                month: MonthRecord(
                    print_, changelog.pages_of(now.summaries[month].uploads), now.summaries[month],
                )
                for month, print_ in now.months.items()
                if month in self.months or (known is not None and month in known.months)
            },
            others=others,
        )
