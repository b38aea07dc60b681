"""Records of groups: what a build remembers of the pages that it left in the index."""
from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dumb_pypi.builder.lines import LineNotice, ProjectLineStats
from dumb_pypi.builder.months import MonthLines, page_facts, PageFacts
from dumb_pypi.builder.tree import Extent
from dumb_pypi.pages import paths
from dumb_pypi.pages.changelog import Neighbours
from dumb_pypi.pages.summaries import MonthSummary, ProjectSummary
from dumb_pypi.store.checksums import CHECKSUM, DIGEST, DIGEST_MARK

# An empty list of names.
NOTHING = msgspec.Raw(b'[]')


class ProjectRecord(msgspec.Struct, array_like=True, gc=False):
    """A project with pages in the directory.

    `facts_fingerprint` is '' if there are no facts about it. `releases` are the names of those with
    a page, in JSON, because hardly any are ever looked at. `checksums` has those of its pages,
    in the order of `paths.pages_of_project`, and `dependents` is that of the page of dependents.

    Of a project that only a previous list vouches for, the directory may have that page alone.
    """
    lines: ProjectLineStats
    facts_fingerprint: str
    releases: msgspec.Raw
    summary: ProjectSummary
    checksums: str
    dependents: str

    @property
    def of_dependents_only(self) -> ProjectRecord:
        """The record of the page of dependents, without the others. No fingerprint equals its own.
        """
        return ProjectRecord(
            ProjectLineStats('', 0, 0, msgspec.Raw(b'{}')), '', NOTHING, self.summary, '',
            self.dependents,
        )

    @property
    def extent(self) -> Extent:
        if not self.checksums:
            return Extent()
        return Extent(_decode_names(self.releases), len(self.summary.page_starts))

    def pages(self, project: str) -> dict[str, str]:
        """Return the checksums of the project's pages by their paths.

        Raises:
            ValueError: a version whose projects have other pages wrote them.
        """
        pages = paths.pages_of_project(project, *self.extent) if self.checksums else ()
        return {
            paths.dependents(project): self.dependents,
            **dict(zip(pages, _split(self.checksums), strict=True)),
        }


class MonthRecord(msgspec.Struct, array_like=True, gc=False):
    """A month with pages in the index, and what these were made from; see `months.Month`."""
    page_fingerprints: Sequence[str]
    page_starts: Sequence[int | float]
    yanks_fingerprint: str
    neighbours: Neighbours
    checksums: str
    summary: MonthSummary
    last_uploads: msgspec.Raw

    @property
    def lines(self) -> MonthLines:
        return MonthLines(
            self.page_fingerprints, self.page_starts, self.summary, self.last_uploads,
        )

    @property
    def page_facts(self) -> list[PageFacts]:
        return page_facts(
            self.summary, self.neighbours, self.page_fingerprints, self.yanks_fingerprint,
        )

    @property
    def page_count(self) -> int:
        return len(self.checksums) // _width(self.checksums)

    def pages(self, month: str) -> dict[str, str]:
        """Return the checksums of the month's pages by their paths."""
        return {
            paths.changelog_page(month, number): checksum
            for number, checksum in enumerate(_split(self.checksums), start=1)
        }


class Body(msgspec.Struct, array_like=True, gc=False):
    """The second line of `state.json`, behind its seal.

    `others` are the checksums of pages of no group by their paths. That of `packages.json` is '' if
    the projects' records say what is in it. `compressed`: pages may have a `.gz` next to them.
    `slash_keys`: each `index.html` is at the key of its folder too.
    """
    projects: dict[str, ProjectRecord]
    months: dict[str, MonthRecord]
    notices: dict[str, list[LineNotice]]
    others: dict[str, str]
    compressed: bool
    slash_keys: bool = False


class Pending(msgspec.Struct, array_like=True):
    """The groups that a build has begun to change, until it finishes.

    `projects` have the pages they had, `months` the number of pages they may have. The pages of new
    projects are found in the index. Each `index.html` may be at the key of its folder too, if
    `slash_keys`.
    """
    projects: dict[str, Extent]
    months: dict[str, int]
    others: list[str]
    slash_keys: bool = False

    def __or__(self, other: Pending) -> Pending:
        """Return the groups of either."""
        projects = dict(self.projects)
        for name, extent in other.projects.items():
            projects[name] = extent | projects.get(name, Extent())
        return Pending(
            projects,
            {month: max(self.months.get(month, 0), other.months.get(month, 0))
             for month in self.months.keys() | other.months.keys()},
            sorted({*self.others, *other.others}),
            self.slash_keys or other.slash_keys,
        )


def _split(checksums: str) -> list[str]:
    size = _width(checksums)
    return [checksums[at:at + size] for at in range(0, len(checksums), size)]


def _width(checksums: str) -> int:
    return DIGEST if checksums.startswith(DIGEST_MARK) else CHECKSUM


_decode_names = msgspec.json.Decoder(list[str]).decode
