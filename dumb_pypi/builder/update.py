"""Render the groups that differ, write their pages, and delete those of groups that are gone."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, groupby
from operator import attrgetter

from dumb_pypi.builder import plan, work
from dumb_pypi.builder import state as states
from dumb_pypi.builder.groups import batched, Groups, processed
from dumb_pypi.builder.plan import Baseline, Tree
from dumb_pypi.builder.state import MonthRecord, ProjectRecord, State
from dumb_pypi.builder.work import Job
from dumb_pypi.builder.workers import Crew
from dumb_pypi.pages import changelog, paths
from dumb_pypi.store.folder import Writer


class Update:
    """One update of a tree, from what the last build left to what the list now says.

    `known` is what the last build knew of groups that stay as they are. `tell` is told which part
    of the projects is done, from 0 to 1.
    """

    def __init__(
            self, writer: Writer, job: Job, before: Baseline, now: Groups, known: State | None,
            crew: Crew, tell: Callable[[float], None],
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
            month: changelog.page_count(summary.uploads) for month, summary in now.summaries.items()
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
        names, size_of = now.catalog.names, now.catalog.size_of
        wanted = [
            index for index, name in enumerate(names) if name in self.projects or name not in known
        ]
        size = sum(size_of(index, index) for index in wanted)
        done = 0
        fresh: dict[str, ProjectRecord] = {}
        for batch, written in processed(
                self._job, now, wanted, self.projects, self._before.tree.releases, self._crew,
        ):
            self._writer.add(written.done)
            for index, releases, summary in zip(
                batch, written.releases, written.summaries, strict=True,
            ):
                name = names[index]
                fresh[name] = ProjectRecord(now.projects[name], releases, summary)
            done += size_of(batch[0], batch[-1])
            self._tell(done / size)
        return {name: fresh[name] if name in fresh else known[name] for name in names}

    def _write_months(self) -> None:
        """Write the pages of months that differ."""
        now = self._now
        wanted = [
            page for month in reversed(now.months) if month in self.months
            for page in changelog.month_pages(
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
            work.render_months, batched(tasks, lambda month: len(month.lines)),
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
                    print_, changelog.page_count(now.summaries[month].uploads),
                    now.summaries[month],
                )
                for month, print_ in now.months.items()
                if month in self.months or (known is not None and month in known.months)
            },
            others=others,
        )
