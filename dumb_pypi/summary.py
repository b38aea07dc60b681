"""What the root pages show of the groups: of each project, and of each month's uploads."""
from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import NamedTuple

from dumb_pypi.distfile import Distfile
from dumb_pypi.project import Project

NEWEST_UPLOADS = 100
NEWEST_RELEASES = 100


class Upload(NamedTuple):
    """A file in the changelog; `timestamp` is seconds since 1970, UTC."""
    timestamp: float | None
    project: str
    version: str | None
    filename: str
    uploaded_by: str | None


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


class MonthSummary(NamedTuple):
    """A month's uploads: how many, on how many pages, and the newest of them."""
    month: str
    pages: int
    uploads: int
    newest: tuple[Upload, ...]


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


def upload(file: Distfile) -> Upload:
    return Upload(
        file.upload_timestamp, file.project, file.version, file.filename, file.uploaded_by,
    )


def newest_uploads(uploads: Iterable[Upload]) -> tuple[Upload, ...]:
    """The newest of the uploads that have a date, newest first."""
    dated = (upload for upload in uploads if upload.timestamp is not None)
    return tuple(heapq.nlargest(NEWEST_UPLOADS, dated, key=_upload_key))


def newest_releases(releases: Iterable[NewRelease]) -> tuple[NewRelease, ...]:
    """The newest of the releases, newest first."""
    return tuple(heapq.nlargest(NEWEST_RELEASES, releases))


def in_order(uploads: Iterable[Upload]) -> list[Upload]:
    """The uploads, oldest first; those of one moment, or with no date, by name."""
    return sorted(uploads, key=_upload_key)


def _upload_key(upload: Upload) -> tuple[float, str]:
    return (upload.timestamp or 0, upload.filename)
