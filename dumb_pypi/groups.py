"""The files of a list in groups, each with the fingerprint of all that its pages show."""
from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from packaging.utils import NormalizedName

from dumb_pypi import changelog
from dumb_pypi import package_list
from dumb_pypi.changelog import MonthSummary
from dumb_pypi.changelog import Neighbours
from dumb_pypi.changelog import Upload
from dumb_pypi.distfile import Distfile
from dumb_pypi.distfile import to_json
from dumb_pypi.project import assemble
from dumb_pypi.project import Project
from dumb_pypi.project import ProjectFacts
from dumb_pypi.state import fingerprint


class ProjectGroup(NamedTuple):
    """All that a project's pages are made from; `lines` are its files' in JSON, sorted."""
    name: NormalizedName
    files: Sequence[Distfile]
    facts: ProjectFacts
    lines: Sequence[bytes]
    fingerprint: str

    @property
    def project(self) -> Project:
        return assemble(self.name, self.files, self.facts)


class MonthGroup(NamedTuple):
    """All that a month's pages are made from."""
    uploads: Sequence[Upload]
    beside: Neighbours
    summary: MonthSummary
    fingerprint: str


class Groups(NamedTuple):
    """The groups of a list by their names; projects in order, months newest first."""
    projects: dict[NormalizedName, ProjectGroup]
    months: dict[str, MonthGroup]


def group(files: Sequence[Distfile], facts: Mapping[NormalizedName, ProjectFacts]) -> Groups:
    """Group files; the order they come in does not matter."""
    projects = {
        name: _project_group(name, group, facts.get(name, ProjectFacts(name)))
        for name, group in package_list.by_project(files).items()
    }
    uploads = {
        month: changelog.in_order(map(changelog.upload, group))
        for month, group in package_list.by_month(files).items()
    }
    summaries = [changelog.summarize_month(month, group) for month, group in uploads.items()]
    beside = changelog.neighbours(summaries)
    months = {
        summary.month: _month_group(uploads[summary.month], beside[summary.month], summary)
        for summary in summaries
    }
    return Groups(projects, months)


def fingerprints(
        groups: Mapping[NormalizedName, ProjectGroup] | Mapping[str, MonthGroup],
) -> dict[str, str]:
    return {name: group.fingerprint for name, group in groups.items()}


def _project_group(
        name: NormalizedName, files: Sequence[Distfile], facts: ProjectFacts,
) -> ProjectGroup:
    lines = sorted(map(to_json, files))
    return ProjectGroup(
        name, files, facts, lines, fingerprint([msgspec.json.encode(facts), *lines]),
    )


def _month_group(
        uploads: Sequence[Upload], beside: Neighbours, summary: MonthSummary,
) -> MonthGroup:
    return MonthGroup(
        uploads, beside, summary, fingerprint([msgspec.json.encode((uploads, beside))]),
    )
