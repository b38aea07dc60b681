"""What the root pages show of a project."""
from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import NamedTuple

from dumb_pypi.project import Project

NEWEST_RELEASES = 100


class NewRelease(NamedTuple):
    """A release in the feed; `timestamp` is when its first file came."""
    timestamp: float
    project: str
    release: str
    summary: str | None


class ProjectSummary(NamedTuple):
    """A project, as the root pages show it; times are seconds since 1970, UTC."""
    name: str
    summary: str | None
    first_uploaded: float | None
    last_uploaded: float | None
    releases: int
    files: int
    newest_releases: tuple[NewRelease, ...]


def summarize(project: Project) -> ProjectSummary:
    return ProjectSummary(
        project.name,
        project.summary,
        project.first_uploaded,
        project.last_uploaded,
        len(project.releases),
        len(project.files),
        newest_releases(
            NewRelease(release.uploaded, project.name, release.name, release.best_informed.summary)
            for release in project.releases if release.uploaded is not None
        ),
    )


def newest_releases(releases: Iterable[NewRelease]) -> tuple[NewRelease, ...]:
    """The newest of the releases, newest first."""
    return tuple(heapq.nlargest(NEWEST_RELEASES, releases))
