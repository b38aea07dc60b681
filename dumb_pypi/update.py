"""Render the groups that differ, write their pages, and delete those of groups that are gone."""
from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence

from dumb_pypi import changelog
from dumb_pypi import paths
from dumb_pypi import plan
from dumb_pypi import state as states
from dumb_pypi.errors import Notice
from dumb_pypi.groups import fingerprints
from dumb_pypi.groups import Groups
from dumb_pypi.options import PageOptions
from dumb_pypi.plan import Baseline
from dumb_pypi.plan import Tree
from dumb_pypi.project import Project
from dumb_pypi.site import Page
from dumb_pypi.site import Site
from dumb_pypi.state import LastBuild
from dumb_pypi.state import MonthRecord
from dumb_pypi.state import ProjectRecord
from dumb_pypi.state import State
from dumb_pypi.summary import summarize
from dumb_pypi.templates import Templates
from dumb_pypi.writer import Writer


class Update:
    """One update of a tree, from what the last build left to what the list now says."""

    def __init__(
            self, writer: Writer, options: PageOptions, last: LastBuild, before: Baseline,
            now: Groups,
    ) -> None:
        self._writer = writer
        self._options = options
        self._last = last
        self._before = before
        self._now = now
        self._projects = set(plan.changed(before.projects, fingerprints(now.projects)))
        self._months = set(plan.changed(before.months, fingerprints(now.months)))
        self._site = Site(options, Templates(options.template_dir))

    def run(self, source: str, notices: Sequence[Notice]) -> State:
        """Write all pages, each after those that it leads to, then the list; then delete.

        The state that it returns is true when all that is done.
        """
        summaries = [group.summary for group in self._now.months.values()]
        static = list(self._site.static_pages())
        states.save_journal(self._writer, plan.union(self._before.tree, Tree(
            # Their releases are found on disk, should it come to that.
            dict.fromkeys(self._projects, ()),
            {summary.month: summary.pages for summary in summaries},
            (*paths.ROOTS, *(page.path for page in static)),
        )))
        others = self._write(static)
        records = self._write_projects()
        self._write_months()
        others += self._write(self._site.root_pages(
            [record.summary for record in records.values()], summaries,
        ))
        others += self._write([Page(paths.PACKAGES_JSON, self._package_list())])
        tree = Tree(
            {name: record.releases for name, record in records.items()},
            {summary.month: summary.pages for summary in summaries}, others,
        )
        for path in plan.stale_paths(self._before.tree, tree):
            self._writer.delete(path)
        return self._state(source, notices, records, others)

    def _write(self, pages: Iterable[Page]) -> list[str]:
        written = []
        for page in pages:
            self._writer.write(page.path, page.content)
            written.append(page.path)
        return written

    def _write_projects(self) -> dict[str, ProjectRecord]:
        """Write the pages of projects that differ; say what there is to say of all."""
        known = {} if self._last.trusted is None else self._last.trusted.projects
        records: dict[str, ProjectRecord] = {}
        for name, group in self._now.projects.items():
            if name not in self._projects and name in known:
                records[name] = known[name]
                continue
            project = group.project
            if name in self._projects:
                self._write(self._site.project_pages(project))
            records[name] = ProjectRecord(
                group.fingerprint, self._releases(project), summarize(project),
            )
        return records

    def _releases(self, project: Project) -> tuple[str, ...]:
        if not self._options.per_release_json:
            return ()
        return tuple(release.name for release in project.releases)

    def _write_months(self) -> None:
        pages = [
            page for month, group in reversed(self._now.months.items()) if month in self._months
            for page in changelog.month_pages(month, group.uploads, group.beside)
        ]
        there = {
            paths.changelog_page(month, number)
            for month, count in self._before.tree.months.items() for number in range(1, count + 1)
        }
        if not self._before.published:
            # Nobody reads an index that is not there yet.
            there.update(page.path for page in pages)
        self._write(
            self._site.changelog_page(page) for page in changelog.in_safe_order(pages, there)
        )

    def _package_list(self) -> bytes:
        return b''.join(
            line + b'\n' for group in self._now.projects.values() for line in group.lines
        )

    def _state(
            self, source: str, notices: Sequence[Notice], records: dict[str, ProjectRecord],
            others: list[str],
    ) -> State:
        known = self._last.trusted
        return State(
            shape=self._last.shape,
            source=source,
            complete=self._before.complete,
            # Without the groups that were compared with a previous list: they may not be here.
            projects={
                name: record for name, record in records.items()
                if name in self._projects or (known is not None and name in known.projects)
            },
            months={
                month: MonthRecord(group.fingerprint, group.summary)
                for month, group in self._now.months.items()
                if month in self._months or (known is not None and month in known.months)
            },
            others=others,
            notices=list(notices),
        )
