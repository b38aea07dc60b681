"""Decide which pages to render and which to delete."""
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, TypeVar

import msgspec

from dumb_pypi.builder.months import changed_pages, Month, read_months
from dumb_pypi.builder.packages import MonthChanges, Packages
from dumb_pypi.builder.records import NOTHING
from dumb_pypi.builder.stamp import fingerprint
from dumb_pypi.builder.state import State
from dumb_pypi.builder.texts import Texts
from dumb_pypi.builder.tree import Extent, Tree, union
from dumb_pypi.builder.workers import Workers
from dumb_pypi.builder.yanks import Yanks
from dumb_pypi.model.project_facts import ProjectFacts
from dumb_pypi.pages import changelog, paths, project_list
from dumb_pypi.pages.changelog import ChangelogPage

T = TypeVar('T')

# Of the lines of a project, and of the facts about it.
Fingerprints = tuple[str, str]


class Groups(NamedTuple):
    """A list in groups: the projects of `packages`, the facts about them, and the months.

    `yanks` follow from the facts. `facts_fingerprints` has the fingerprints of facts, months come
    newest first, and `texts` has what their pages show.
    """
    packages: Packages
    facts: Mapping[str, ProjectFacts]
    yanks: Yanks
    facts_fingerprints: Mapping[str, str]
    months: dict[str, Month]
    texts: Texts

    def fingerprints(self, project: str) -> Fingerprints:
        """Return those of a project's lines and of the facts about it."""
        return self.packages.projects[project].fingerprint, self.facts_fingerprints.get(project, '')


class PreviousProject(NamedTuple):
    """Which pages a project had, and the names, in JSON, that its latest release required."""
    extent: Extent
    requires: msgspec.Raw


class Previous(NamedTuple):
    """The groups of a previous list; `projects` are those that may have other pages in it.

    `ours` is whether this program wrote the list, a `packages.json`, next to the published pages.
    """
    groups: Groups
    projects: Mapping[str, PreviousProject]
    ours: bool


def group(
        packages: Packages, facts: Mapping[str, ProjectFacts], yanks: Yanks, state: State | None,
        texts: Texts, workers: Workers,
) -> Groups:
    """Group a list. Months that no line was added to or removed from are taken from the state."""
    uploads = packages.uploads_per_month
    neighbours = changelog.neighbours(uploads)
    touched = packages.touched_months
    records = {} if state is None or touched is None else state.months
    names = changelog.newest_first(uploads)
    unknown = {
        name: (touched or {}).get(name, MonthChanges()) for name in names
        if name not in records or name in (touched or ())
    }
    read = read_months(
        packages, unknown, {name: record.lines for name, record in records.items()},
        lambda: {} if state is None or touched is None else _last_uploaded(packages, state),
        texts, workers,
    )
    months = {
        name: Month(
            read[name] if name in read else records[name].lines,
            neighbours[name], yanks.months.get(name, {}),
        )
        for name in names
    }
    return Groups(packages, facts, yanks, {
        name: fingerprint([msgspec.json.encode(fact)]) for name, fact in facts.items()
        if fact.is_known
    }, months, texts)


def _last_uploaded(packages: Packages, state: State) -> dict[str, float]:
    """Return when the unchanged projects were last uploaded."""
    return {
        name: record.summary.last_uploaded or 0 for name, record in state.projects.items()
        if name in packages.projects
        and packages.projects[name].fingerprint == record.lines.fingerprint
    }


class Plan:
    """The groups to render, those to sum up for the root pages only, and the pages to delete.

    A group is not rendered if its pages are known to be those that this build would render. Usually
    the records of the state say that. A previous list says it too, about pages that were published
    somewhere else, such as a live site.

    `projects` and the pages of `months` are to be rendered, `unrecorded` projects only summed up.
    """

    def __init__(
            self, groups: Groups, state: State, previous: Previous | None, *, full: bool,
    ) -> None:
        self.groups = groups
        self._state = state
        self._previous = previous
        # Whether pages that only the previous list knows of can be skipped.
        self._skips_published = (
            previous is not None and previous.ours and not renders_all(state, full=full)
        )
        # Whether the directory will hold all pages of the index.
        self.complete = state.complete or not self._skips_published
        names, records = groups.packages.projects, state.projects
        facts = groups.facts_fingerprints
        self.projects = {
            name for name, lines in names.items()
            # Lines that were copied have the same record as before, which is quick to see.
            if (
                previous is not None or (record := records.get(name)) is None
                or record.lines is not lines or record.facts_fingerprint != facts.get(name, '')
            ) and not self._is_known_project(name)
        }
        self.unrecorded = {
            name for name in names if name not in self.projects and name not in state.projects
        }
        changed = ((month, self._pages_to_render(month)) for month in groups.months)
        self.months = {month: pages for month, pages in changed if pages}

    @cached_property
    def is_empty(self) -> bool:
        """Whether every page is up to date, root pages included."""
        return self._is_undamaged and not (
            self.projects or self.months or self.removed_projects or self.removed_months
        )

    @property
    def keeps_list_pages(self) -> bool:
        """Whether pages of the list of projects that cannot have changed need not be rendered."""
        return self._previous is None and self._is_undamaged

    @cached_property
    def _is_undamaged(self) -> bool:
        """Whether the directory holds every page of the previous build, as far as builds notice."""
        state = self._state
        return state.complete and state.intact and state.pending is None

    @property
    def is_published(self) -> bool:
        """Whether clients may have seen the index."""
        # An interrupted build may have written root pages.
        return bool(self._state.published or self._state.pending is not None or (
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
            {name: len(month.pages) for name, month in groups.months.items()},
            [
                *(page.path for page in project_list.list_pages([*groups.packages.projects])),
                # The options may have been others, which made pages that these do not make.
                *(() if self._skips_published else paths.ROOTS),
            ],
        ))

    @cached_property
    def with_dependents(self) -> Collection[str]:
        """The projects to render that have a page of dependents, here or where they were published.

        An index of an earlier version has none.
        """
        state = self._state
        return {
            name for name in self.projects.intersection(self.tree.projects)
            if self._skips_published or name in state.projects or state.has_dependents_page(name)
        }

    @cached_property
    def existing_others(self) -> Collection[str]:
        """The pages of no group that exist, here or where the previous list was published.

        An index of an earlier version has no list of projects, and one without a public URL has no
        feeds.
        """
        existing = {*self._state.tree.others}
        if self._state.pending is not None:
            # An interrupted build was about to write them.
            existing = {path for path in existing if self._state.has_page(path)}
        if self._previous is not None and self._previous.ours:
            existing.add(paths.PROJECTS)
        if self._skips_published:
            existing.update(paths.ROOTS)
        return existing

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
            name: max(len(self.groups.months[name].pages), there.get(name, 0))
            for name in self.months
        }}

    def stale_paths(
            self, extents: Mapping[str, Extent], others: Collection[str],
    ) -> Iterator[str]:
        """Yield the pages to delete, each before those that it links to.

        `extents` are those of the projects that were rendered, `others` the pages of no group.
        """
        stale_others = sorted({*self.tree.others} - {*others})
        # Every page links to a style sheet, and pages of no group link to pages of groups.
        yield from (path for path in stale_others if not path.startswith(paths.STATIC))
        for month, pages in sorted(self.tree.months.items()):
            kept = len(self.groups.months[month].pages) if month in self.groups.months else 0
            for number in range(kept + 1, pages + 1):
                yield paths.changelog_page(month, number)
        for project in self.removed_projects:
            # It links to pages of other projects.
            yield paths.dependents(project)
        rendered = self.projects & {*self.tree.projects}
        for project in sorted({*self.removed_projects, *rendered}):
            before = self._state.extent(project)
            if self._previous is not None and project in self._previous.projects:
                before |= self._previous.projects[project].extent
            now = {*extents.get(project, Extent()).paths(project)}
            yield from (path for path in before.paths(project) if path not in now)
            if project not in rendered:
                yield from reversed(paths.of_project(project)[1:])
        yield from (path for path in stale_others if path.startswith(paths.STATIC))

    def required_before(self, project: str) -> Iterator[msgspec.Raw]:
        """Yield what a project required in the previous build here and in the previous list.

        Each is a list of names in JSON. They follow from the lines of the project, but for facts
        that yank releases.
        """
        if self._state.complete:
            yield self._state.requires(project)
        previous = self._previous
        if previous is not None and project in previous.projects:
            yield previous.projects[project].requires
        elif previous is not None and project not in previous.groups.packages.projects:
            yield NOTHING
        if previous is not None and project in previous.groups.yanks.requires:
            # Nobody knows which release was the latest where the previous list was published.
            yield NOTHING
            yield previous.groups.yanks.requires[project]

    def _is_known_project(self, name: str) -> bool:
        state, now = self._state, self.groups.fingerprints(name)
        record = state.projects.get(name)
        recorded = None if record is None else (record.lines.fingerprint, record.facts_fingerprint)
        if self._previous is None:
            return recorded == now
        previous = self._previous.groups
        return self._is_known(
            now, recorded,
            previous.fingerprints(name) if name in previous.packages.projects else None,
            # Nobody knows which facts a previous list was published with.
            may_differ=name in self.groups.facts_fingerprints or (
                state.pending is not None and name in state.pending.projects
            ),
        )

    @cached_property
    def _months_with_yanks(self) -> Collection[str]:
        """The months that have files of projects whose files the facts yank.

        Nobody knows which of them the facts yanked when the previous list was published.
        """
        projects = self.groups.packages.projects
        return {
            month for name in self.groups.yanks.requires for month in projects[name].months
        }

    def _pages_to_render(self, name: str) -> Sequence[ChangelogPage]:
        """Return the pages of a month that may be stale."""
        state, now = self._state, self.groups.months[name].pages
        record = state.months.get(name)
        recorded = None if record is None else record.page_facts
        if self._previous is None:
            return changed_pages(recorded or (), now)
        previous = self._previous.groups.months.get(name)
        return () if self._is_known(
            now, recorded, None if previous is None else previous.pages,
            may_differ=name in self._months_with_yanks or (
                state.pending is not None and name in state.pending.months
            ),
        ) else [page for page, _, _ in now]

    def _is_known(
            self, now: T, recorded: T | None, previous: T | None, *, may_differ: bool,
    ) -> bool:
        """Return whether the pages of a group are those that this build would render.

        `now`, `recorded` and `previous` are what they follow from in the list, in the state and in
        the previous list, which there is. Published pages `may_differ` from what that says.
        """
        if not self._skips_published or previous != now:
            return False
        if recorded is None:
            # A complete directory has every published page.
            return not self._state.complete and not may_differ
        return recorded == now


def renders_all(state: State, *, full: bool) -> bool:
    """Return whether everything is rendered, whatever a previous list says.

    A directory of another shape has pages that this build would render in another way.
    """
    return full or (state.stamp is not None and not state.trusted)


def may_have_stale_pages(state: State, now: Groups, before: Groups, *, full: bool) -> set[str]:
    """Return the projects of a previous list that may have pages to delete."""
    if renders_all(state, full=full):
        return {*before.packages.projects}
    return {
        name for name in before.packages.projects
        if name not in now.packages.projects or now.fingerprints(name) != before.fingerprints(name)
    }
