"""What the root pages show of a project and of a month."""
from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from dumb_pypi.model.project import Project
from dumb_pypi.pages.changelog import NEWEST_UPLOADS, newest_uploads, Upload

NEWEST_RELEASES = 100


class NewRelease(NamedTuple):
    """A release in the feed; `timestamp` is when its first file came."""
    timestamp: float
    project: str
    release: str
    summary: str | None


class ProjectSummary(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A project, as the root pages show it; times are seconds since 1970, UTC.

    `newest` has its newest releases in JSON: most are never looked at. `last_release` is when
    the newest of them came.
    """
    name: str
    summary: str | None
    first_uploaded: float | None
    last_uploaded: float | None
    last_release: float | None
    releases: int
    files: int
    newest: msgspec.Raw

    @property
    def newest_releases(self) -> Sequence[NewRelease]:
        return _decode_releases(self.newest)


class MonthSummary(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A month's uploads: how many, and the newest of them, in JSON."""
    month: str
    uploads: int
    newest: msgspec.Raw

    @property
    def newest_uploads(self) -> Sequence[Upload]:
        return _decode_uploads(self.newest)


def summarize(project: Project) -> ProjectSummary:
    newest = _newest(
        NewRelease(release.uploaded, project.name, release.name, release.best_informed.summary)
        for release in project.releases if release.uploaded is not None
    )
    return ProjectSummary(
        project.name,
        project.summary,
        project.first_uploaded,
        project.last_uploaded,
        newest[0].timestamp if newest else None,
        len(project.releases),
        len(project.files),
        msgspec.Raw(msgspec.json.encode(newest)),
    )


def summarize_month(month: str, count: int, newest: Iterable[Upload]) -> MonthSummary:
    """`newest` are the newest uploads at least, `count` is the number of all."""
    return MonthSummary(
        month, count, msgspec.Raw(msgspec.json.encode(newest_uploads(newest))),
    )


def newest_releases(projects: Sequence[ProjectSummary]) -> Sequence[NewRelease]:
    """The newest releases of all projects, newest first."""
    moments = heapq.nlargest(NEWEST_RELEASES, (
        project.last_release for project in projects if project.last_release is not None
    ))
    # Each of them is of a project whose newest release is at least as new as itself.
    return _newest(
        new for project in projects
        if project.last_release is not None and project.last_release >= moments[-1]
        for new in project.newest_releases
    )


def newest_of_months(months: Iterable[MonthSummary]) -> Sequence[Upload]:
    """The newest uploads of all months, newest first; the months are newest first too."""
    uploads: list[Upload] = []
    for month in months:
        if len(uploads) < NEWEST_UPLOADS:
            uploads.extend(month.newest_uploads)
    return newest_uploads(uploads)


def _newest(releases: Iterable[NewRelease]) -> Sequence[NewRelease]:
    return sorted(releases, reverse=True)[:NEWEST_RELEASES]


_decode_releases = msgspec.json.Decoder(list[NewRelease]).decode
_decode_uploads = msgspec.json.Decoder(list[Upload]).decode
