"""Decide which pages to render and which to delete."""
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import msgspec

from dumb_pypi.builder.chunks import Chunk
from dumb_pypi.builder.packages import Packages
from dumb_pypi.builder.render import Result, sum_up_months, TASK
from dumb_pypi.builder.stamp import fingerprint
from dumb_pypi.builder.state import Body, MonthRecord, State, Tree, union
from dumb_pypi.builder.workers import batched, Workers
from dumb_pypi.model.project_facts import ProjectFacts
from dumb_pypi.pages import changelog, paths
from dumb_pypi.pages.changelog import Neighbours
from dumb_pypi.pages.summaries import MonthSummary


class Month(NamedTuple):
    """The uploads of a month. Its fingerprints are of its lines and of its neighbours."""
    lines: str
    neighbours_print: str
    summary: MonthSummary
    neighbours: Neighbours

    @property
    def fingerprints(self) -> tuple[str, str]:
        return self.lines, self.neighbours_print

    @property
    def pages(self) -> int:
        return changelog.page_count(self.summary.uploads)


class Groups(NamedTuple):
    """A list in groups: the projects of `packages`, the facts about them, and the months.

    `facts_prints` has the fingerprints of facts, months come newest first.
    """
    packages: Packages
    facts: Mapping[str, ProjectFacts]
    facts_prints: Mapping[str, str]
    months: dict[str, Month]

    def fingerprints(self, project: str) -> tuple[str, str]:
        """Return those of a project's lines and of the facts about it."""
        return self.packages.projects[project].fingerprint, self.facts_prints.get(project, '')


class Previous(NamedTuple):
    """The groups of a previous list, and the releases of projects that it may not share."""
    groups: Groups
    releases: Mapping[str, Collection[str]]


def group(
        packages: Packages, facts: Mapping[str, ProjectFacts], state: State | None,
        workers: Workers,
) -> Groups:
    """Group a list. Months that no line was added to or removed from are taken from the state."""
    uploads = packages.uploads_per_month()
    neighbours = changelog.neighbours(uploads)
    touched = packages.touched_months
    records = {} if state is None or touched is None else state.months
    names = changelog.newest_first(uploads)
    unknown = [name for name in names if name not in records or name in (touched or ())]
    batches = batched(packages.lines_of_months(unknown), lambda month: len(month[1]), TASK)
    summed_up = dict(zip(
        unknown, chain.from_iterable(workers.map(sum_up_months, batches)), strict=True,
    ))
    months = {}
    for name in names:
        lines, summary = summed_up[name] if name in summed_up else (
            records[name].lines, records[name].summary,
        )
        beside = neighbours[name]
        months[name] = Month(lines, fingerprint([msgspec.json.encode(beside)]), summary, beside)
    prints = {
        name: fingerprint([msgspec.json.encode(fact)]) for name, fact in facts.items()
        if fact.is_known
    }
    return Groups(packages, facts, prints, months)


class Plan:
    """The groups to render, those to sum up for the root pages only, and the pages to delete.

    A group is rendered unless its pages are known to be as they are to be. Without a previous list
    the records of the state say so. With one, pages that neither the state nor the directory knows
    of exist elsewhere, such as on a live site: `previous` says what they were made of.
    """

    def __init__(
            self, groups: Groups, state: State, previous: Previous | None, *, full: bool,
    ) -> None:
        self.groups = groups
        self._state = state
        self._previous = previous
        # A directory of another shape contradicts the previous list.
        self._believed = previous is not None and not full and (
            state.stamp is None or state.trusted
        )
        # Whether the directory will hold all pages of the index.
        self.complete = state.complete or not self._believed
        names = groups.packages.projects
        self.projects = {name for name in names if not self._is_known_project(name)}
        self.unrecorded = {
            name for name in names if name not in self.projects and name not in state.projects
        }
        self.months = {month for month in groups.months if not self._is_known_month(month)}

    @cached_property
    def is_empty(self) -> bool:
        """Whether every page, root pages included, is as it is to be."""
        return self._state.complete and self._state.pending is None and not (
            self.projects or self.months or self.removed_projects or self.removed_months
        )

    @property
    def is_published(self) -> bool:
        """Whether clients may have seen the index."""
        return bool(self._state.published or (
            self._previous is not None and self._previous.groups.packages.projects
        ))

    @cached_property
    def tree(self) -> Tree:
        """The pages that may exist, here or where the previous list was published."""
        if self._previous is None:
            return self._state.tree
        groups = self._previous.groups
        return union(self._state.tree, Tree(
            groups.packages.projects.keys(),
            {name: month.pages for name, month in groups.months.items()},
            # The options may have been others, which made pages that these do not make.
            () if self._believed else paths.ROOTS,
        ))

    @cached_property
    def removed_projects(self) -> Collection[str]:
        return sorted({*self.tree.projects} - self.groups.packages.projects.keys())

    @cached_property
    def removed_months(self) -> Mapping[str, int]:
        return {
            month: pages for month, pages in self.tree.months.items()
            if month not in self.groups.months
        }

    @property
    def months_to_change(self) -> Mapping[str, int]:
        """The months whose pages are about to change, and how many pages they may have."""
        there = self.tree.months
        return {**self.removed_months, **{
            name: max(self.groups.months[name].pages, there.get(name, 0)) for name in self.months
        }}

    def stale_paths(
            self, releases: Mapping[str, Collection[str]], others: Collection[str],
    ) -> Iterator[str]:
        """Yield the pages to delete, each before those that it links to.

        `releases` are those of the projects that were rendered, `others` the pages of no group.
        """
        stale_others = sorted({*self.tree.others} - {*others})
        # Every page links to a style sheet, and pages of no group link to pages of groups.
        yield from (path for path in stale_others if not path.startswith(paths.STATIC))
        for month, pages in sorted(self.tree.months.items()):
            kept = self.groups.months[month].pages if month in self.groups.months else 0
            for number in range(kept + 1, pages + 1):
                yield paths.changelog_page(month, number)
        rendered = self.projects & {*self.tree.projects}
        for project in sorted({*self.removed_projects, *rendered}):
            before = {*self._state.releases(project)}
            if self._previous is not None:
                before.update(self._previous.releases.get(project, ()))
            for release in sorted(before.difference(releases.get(project, ()))):
                yield paths.release_json(project, release)
            if project not in rendered:
                yield from reversed(paths.of_project(project))
        yield from (path for path in stale_others if path.startswith(paths.STATIC))

    def new_body(self, chunks: Sequence[Chunk], result: Result) -> Body:
        """Return the records of what the directory holds after rendering.

        Groups that only the previous list vouched for need not be there.
        """
        state = self._state
        return Body(
            list(chunks),
            {
                name: record for name, record in result.records.items()
                if name in self.projects or name in state.projects
            },
            {
                name: MonthRecord(*month.fingerprints, month.pages, month.summary)
                for name, month in self.groups.months.items()
                if name in self.months or name in state.months
            },
            {name: list(notices) for name, notices in self.groups.packages.line_notices.items()},
            sorted(result.others),
        )

    def _is_known_project(self, name: str) -> bool:
        state, prints = self._state, self.groups.fingerprints(name)
        record = state.projects.get(name)
        if record is not None and (record.lines.fingerprint, record.facts) != prints:
            return False
        if self._previous is None:
            return record is not None
        before = self._previous.groups
        return (
            self._believed
            and name in before.packages.projects and before.fingerprints(name) == prints
            # What is not in a complete directory is nowhere. Which facts the previous list was
            # published with, nobody knows.
            and (record is not None or not (
                state.complete or name in self.groups.facts_prints
                or (state.pending is not None and name in state.pending.projects)
            ))
        )

    def _is_known_month(self, name: str) -> bool:
        state, prints = self._state, self.groups.months[name].fingerprints
        record = state.months.get(name)
        if record is not None and (record.lines, record.neighbours) != prints:
            return False
        if self._previous is None:
            return record is not None
        before = self._previous.groups.months.get(name)
        return (
            self._believed and before is not None and before.fingerprints == prints
            and (record is not None or not (
                state.complete or (state.pending is not None and name in state.pending.months)
            ))
        )


def may_have_stale_releases(state: State, now: Groups, before: Groups, *, full: bool) -> set[str]:
    """Return the projects of a previous list whose releases may have pages to delete."""
    if full or (state.stamp is not None and not state.trusted):
        return {*before.packages.projects}
    return {
        name for name in before.packages.projects
        if name not in now.packages.projects or now.fingerprints(name) != before.fingerprints(name)
    }
