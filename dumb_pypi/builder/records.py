"""Records of groups: what a build remembers of the pages that it left in the directory."""
from __future__ import annotations

import msgspec

from dumb_pypi.builder.packages import LineNotice, ProjectLines
from dumb_pypi.builder.stamp import CHECKSUM
from dumb_pypi.builder.tree import Extent
from dumb_pypi.pages import paths
from dumb_pypi.pages.summaries import MonthSummary, ProjectSummary

# An empty list of names.
NOTHING = msgspec.Raw(b'[]')


class ProjectRecord(msgspec.Struct, array_like=True, gc=False):
    """A project with pages in the directory.

    `facts_fingerprint` is '' if there are no facts about it. `releases` are the names of those with
    a page, in JSON, because hardly any are ever looked at. `checksums` has those of its pages,
    in the order of `paths.pages_of_project`, and `dependents` is that of the page of dependents.

    Of a project that only a previous list vouches for, the directory may have that page alone.
    """
    lines: ProjectLines
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
            ProjectLines('', 0, 0, {}), '', NOTHING, self.summary, '', self.dependents,
        )

    @property
    def extent(self) -> Extent:
        if not self.checksums:
            return Extent()
        return Extent(_decode_names(self.releases), len(self.summary.page_starts))

    def pages(self, project: str) -> dict[str, str]:
        """Return the checksums of the project's pages by their paths."""
        pages = paths.pages_of_project(project, *self.extent) if self.checksums else ()
        return {
            paths.dependents(project): self.dependents,
            **dict(zip(pages, _split(self.checksums), strict=True)),
        }


class MonthRecord(msgspec.Struct, array_like=True, gc=False):
    """A month with pages in the directory."""
    lines_fingerprint: str
    neighbours_fingerprint: str
    checksums: str
    summary: MonthSummary

    @property
    def page_count(self) -> int:
        return len(self.checksums) // CHECKSUM

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
    """
    projects: dict[str, ProjectRecord]
    months: dict[str, MonthRecord]
    notices: dict[str, list[LineNotice]]
    others: dict[str, str]
    compressed: bool


class Pending(msgspec.Struct, array_like=True):
    """The groups that a build has begun to change, until it finishes.

    `projects` have the pages they had, `months` the number of pages they may have. The pages of new
    projects are found in the directory.
    """
    projects: dict[str, Extent]
    months: dict[str, int]
    others: list[str]


def _split(checksums: str) -> list[str]:
    return [checksums[at:at + CHECKSUM] for at in range(0, len(checksums), CHECKSUM)]


_decode_names = msgspec.json.Decoder(list[str]).decode
