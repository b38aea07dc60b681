"""Summaries of projects and months: all that the root pages need to know of them."""
from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from dumb_pypi.model import times
from dumb_pypi.model.filenames import canonicalize_name
from dumb_pypi.model.project import Project
from dumb_pypi.model.project_facts import ACTIVE, QUARANTINED
from dumb_pypi.pages import release_pages
from dumb_pypi.pages.changelog import NEWEST_UPLOADS, newest_uploads, Upload

NEWEST_RELEASES = 100
# The projects of each kind that the first page of a long list of projects shows.
RECENT_PROJECTS = 25
MOST_USED_PROJECTS = 25
# The characters of a summary, and of the keywords, that the search reads.
SEARCHED_LENGTH = 200

# The name at the beginning of a requirement.
_REQUIRED = re.compile('[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?')


class NewRelease(NamedTuple):
    """A release in the feed; `timestamp` is the time of its first upload."""
    timestamp: float
    project: str
    release: str
    summary: str | None


class ProjectSummary(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A project as the root pages show it; times are in seconds since 1970.

    `newest` holds the newest releases, as `pack_releases` returns them: most projects have none
    among the newest of the index, and are never decoded. `last_release` is the time of the newest.
    `page_starts` are the lowest releases on its pages, see `release_pages.page_starts`.
    `latest` is the version of the latest release, and `requires` has the projects that it requires:
    a list of normalized names in JSON, sorted. `dependents` is the number of projects whose latest
    release requires it, which builds count.
    """
    name: str
    summary: str | None
    first_uploaded: int | float | None
    last_uploaded: int | float | None
    last_release: int | float | None
    releases: int
    files: int
    newest: msgspec.Raw
    latest: str | None = None
    latest_uploaded: int | float | None = None
    latest_yanked: bool = False
    status: str = ACTIVE
    keywords: str | None = None
    requires: msgspec.Raw = msgspec.Raw(b'[]')
    page_starts: tuple[str, ...] = ()
    latest_prerelease: bool = False
    dependents: int = 0

    @property
    def newest_releases(self) -> Sequence[NewRelease]:
        return [
            NewRelease(
                new.timestamp, self.name, new.release,
                self.summary if new.summary is UNSET else new.summary,
            ) for new in _decode_releases(self.newest)
        ]


class _PackedRelease(msgspec.Struct, array_like=True, gc=False):
    """A release of a project; its summary is that of the project if it has none here."""
    timestamp: float
    release: str
    summary: str | UnsetType | None = UNSET


class MonthSummary(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A month's number of uploads, and the newest ones, in JSON."""
    month: str
    uploads: int
    newest: msgspec.Raw

    @property
    def newest_uploads(self) -> Sequence[Upload]:
        return _decode_uploads(self.newest)


def summarize(project: Project) -> ProjectSummary:
    """Sum up a project for the root pages."""
    newest = sorted((
        (release.uploaded, release.name, release.best_informed.summary)
        for release in project.releases if release.uploaded is not None
    ), reverse=True)[:NEWEST_RELEASES]
    latest, summary = project.latest, project.summary
    return ProjectSummary(
        project.name,
        summary,
        project.first_uploaded,
        project.last_uploaded,
        newest[0][0] if newest else None,
        len(project.releases),
        len(project.files),
        pack_releases(newest, summary),
        None if latest is None else latest.name,
        None if latest is None else latest.uploaded,
        latest is not None and latest.yanked,
        project.facts.status,
        project.facts.keywords,
        msgspec.Raw(_encode(_required(project))),
        release_pages.page_starts(project),
        latest is not None and latest.prerelease,
    )


def pack_releases(
        newest: Iterable[tuple[float, str, str | None]], summary: str | None,
) -> msgspec.Raw:
    """Encode times, names and summaries of releases of a project that has a summary.

    Most releases have the same one. With all of them, and the project's name, a build would
    remember twice as much of its projects.
    """
    return msgspec.Raw(_encode([new[:2] if new[2] == summary else new for new in newest]))


def _required(project: Project) -> list[str]:
    """Return the other projects that the latest release requires, by their normalized names."""
    latest = project.latest
    return sorted(names_required(
        project.name, () if latest is None else latest.best_informed.requires_dist or (),
    ))


def names_required(project: str, requirements: Iterable[str]) -> set[str]:
    """Return the normalized names of the other projects that a project requires."""
    found = map(_REQUIRED.match, requirements)
    return {str(canonicalize_name(name[0])) for name in found if name} - {project}


def summarize_month(month: str, count: int, newest: Iterable[Upload]) -> MonthSummary:
    """Sum up a month of `count` uploads; `newest` has the newest ones, and may have others."""
    return MonthSummary(
        month, count, msgspec.Raw(msgspec.json.encode(newest_uploads(newest))),
    )


def newest_releases(projects: Sequence[ProjectSummary]) -> Sequence[NewRelease]:
    """Return the newest releases of all projects, newest first."""
    moments = heapq.nlargest(NEWEST_RELEASES, (
        project.last_release for project in projects if project.last_release is not None
    ))
    # Each of them belongs to a project whose newest release is at least as new.
    return sorted((
        new for project in projects
        if project.last_release is not None and project.last_release >= moments[-1]
        for new in project.newest_releases
    ), reverse=True)[:NEWEST_RELEASES]


def recently_released(projects: Iterable[ProjectSummary]) -> tuple[str, ...]:
    """Return the names of the projects with the newest latest releases, newest first."""
    newest = heapq.nlargest(RECENT_PROJECTS, (
        (project.latest_uploaded, project.name) for project in projects
        if project.latest_uploaded is not None and project.status != QUARANTINED
    ))
    return tuple(name for _, name in newest)


def most_used(projects: Iterable[ProjectSummary], count: int) -> Sequence[ProjectSummary]:
    """Return up to `count` projects that most others require, the most required ones first."""
    return heapq.nsmallest(count, (
        project for project in projects if project.dependents and project.status != QUARANTINED
    ), key=lambda project: (-project.dependents, project.name))


def newest_of_months(months: Iterable[MonthSummary]) -> Sequence[Upload]:
    """Return the newest uploads of all months, newest first; the months are newest first too."""
    uploads: list[Upload] = []
    for month in months:
        if len(uploads) < NEWEST_UPLOADS:
            uploads.extend(month.newest_uploads)
    return newest_uploads(uploads)


class SearchData(NamedTuple):
    """The files that the search reads: each has one line for each project, in the same order.

    A line of `releases` has the latest version, its date, tags separated by spaces, and the number
    of dependents; one of `summaries` has the summary and the keywords. Tabs separate these fields.
    """
    names: bytes
    releases: bytes
    summaries: bytes


def search_data(projects: Sequence[ProjectSummary]) -> SearchData:
    """Return what the search reads of the projects, which come sorted by name.

    The first line of each file is a digest of the names, so that the search notices files of two
    different builds.
    """
    names = '\n'.join([project.name for project in projects]).encode()
    mark = hashlib.sha256(names).hexdigest()[:12].encode()
    return SearchData(*(
        b'%s\n%s' % (mark, text)
        for text in (
            names,
            '\n'.join(map(_searched_release, projects)).encode(),
            '\n'.join(map(_searched_summary, projects)).encode(),
        )
    ))


def _searched_release(project: ProjectSummary) -> str:
    dependents = project.dependents or ''
    if project.status == QUARANTINED:
        return f'\t\t{QUARANTINED}\t{dependents}'.rstrip('\t')
    uploaded = project.latest_uploaded
    date = '' if uploaded is None else times.date(uploaded)
    tags = [] if project.status == ACTIVE else [project.status]
    if project.latest_yanked:
        tags.append('yanked')
    if project.latest_prerelease:
        tags.append('pre-release')
    return f'{project.latest or ""}\t{date}\t{" ".join(tags)}\t{dependents}'.rstrip('\t')


def _searched_summary(project: ProjectSummary) -> str:
    summary = (project.summary or '')[:SEARCHED_LENGTH]
    keywords = project.keywords
    return f'{summary}\t{keywords[:SEARCHED_LENGTH]}' if keywords else summary


_encode = msgspec.json.Encoder().encode
encode_summaries: Callable[[Sequence[ProjectSummary]], bytes] = _encode
decode_summaries = msgspec.json.Decoder(list[ProjectSummary]).decode
_decode_releases = msgspec.json.Decoder(list[_PackedRelease]).decode
_decode_uploads = msgspec.json.Decoder(list[Upload]).decode
