"""What the templates of the pages show of projects, releases, files and uploads."""
from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import quote

from dumb_pypi.model import times, urls
from dumb_pypi.model.distfile import Distfile
from dumb_pypi.model.project import Project
from dumb_pypi.pages import paths, wheel_tags
from dumb_pypi.pages.changelog import Upload
from dumb_pypi.pages.summaries import ProjectSummary

HOME_NEWS = 20
# What the home page shows of a text that may be of any length.
HOME_TEXT = 200
# How many files a project's page shows before it folds older releases.
FILES_SHOWN = 30

_REQUIREMENT = re.compile('[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?')
# A marker that names an extra, as in `foo>=1; python_version < "3.9" and extra == "bar"`.
_EXTRA = re.compile(r''';.*\bextra\s*(?:[=!]=|in\b)|;.*['"]\s*(?:[=!]=|in)\s*extra\b''')
_KINDS = {
    'sdist': 'Source', 'bdist_egg': 'Egg', 'bdist_wininst': 'Windows installer',
    'bdist_msi': 'Windows installer', 'bdist_rpm': 'RPM package', 'bdist_dumb': 'Binary archive',
    'bdist_dmg': 'macOS disk image',
}


class FileView(NamedTuple):
    """A file on its project's page. Texts that are not known are None.

    `url` and `metadata_url` are None where the file is not offered; `kind` says in words what the
    file is for. `requires_python` and `yanked_reason` are None where they are those of the release.
    """
    filename: str
    url: str | None
    kind: str
    size: str | None
    digest: str | None
    requires_python: str | None
    uploaded: str | None
    uploaded_by: str | None
    yanked_reason: str | None
    metadata_url: str | None
    provenance: str | None


class ReleaseView(NamedTuple):
    """A release on its project's page; `anchor` is for links to it.

    The last one may have neither: it has the files without a version. `yanked_reason` is '' where
    the release is yanked and nobody says why. `open` is whether to show it unfolded.
    """
    name: str | None
    anchor: str | None
    uploaded: str | None
    requires_python: str | None
    yanked_reason: str | None
    prerelease: bool
    open: bool
    files: Sequence[FileView]


class RequirementView(NamedTuple):
    """A dependency: a name, where to look for it, and what else is said of it.

    Without a name `rest` is all of it.
    """
    name: str | None
    url: str | None
    rest: str


class UploadView(NamedTuple):
    """An upload in the changelog; `url` leads to its project's page."""
    uploaded: str | None
    project: str
    url: str
    version: str | None
    filename: str
    uploaded_by: str | None
    yanked: bool


class NewsView(NamedTuple):
    """A release of which files came lately; `anchor` leads to it on its project's page.

    It is `yanked` if all of these files are.
    """
    project: str
    url: str
    version: str | None
    anchor: str | None
    summary: str | None
    uploaded: str
    uploaded_by: str | None
    yanked: bool


class MonthView(NamedTuple):
    """A month in the changelog's list of months; `url` leads to its newest page."""
    name: str
    url: str
    uploads: str


def release_views(project: Project, prefix: str) -> Sequence[ReleaseView]:
    """Newest first; what has no version comes last."""
    offered = not project.quarantined
    views: list[ReleaseView] = []
    shown = 0
    for release in reversed(project.releases):
        requires_python = release.best_informed.requires_python
        reason = release.yanked_reason
        fits = not views or release is project.latest or shown + len(release.files) <= FILES_SHOWN
        shown += len(release.files) if fits else FILES_SHOWN
        views.append(ReleaseView(
            release.name,
            urls.quote_path(release.name),
            None if release.uploaded is None else times.date(release.uploaded),
            requires_python,
            reason,
            release.prerelease,
            fits,
            [_file_view(file, prefix, offered, requires_python, reason) for file in release.files],
        ))
    if project.unversioned:
        views.append(ReleaseView(
            None, None, None, None, None, False, not views,
            [_file_view(file, prefix, offered, None, None) for file in project.unversioned],
        ))
    return views


def _file_view(
        file: Distfile, prefix: str, offered: bool, requires_python: str | None,
        yanked_reason: str | None,
) -> FileView:
    line, url = file.line, file.url
    if not url.startswith('http') or not urls.is_absolute(url):
        url = prefix + url
    digest, size, timestamp = file.digest, line.size, line.upload_timestamp
    return FileView(
        line.filename,
        url if offered else None,
        wheel_tags.describe(line.filename) if file.is_wheel else _kind(
            file.packagetype, file.python_version,
        ),
        None if size is None else readable_size(size),
        None if digest is None else str(digest),
        None if line.requires_python == requires_python else line.requires_python,
        None if timestamp is None else times.to_the_minute(timestamp),
        line.uploaded_by,
        None if line.yanked_reason == yanked_reason else line.yanked_reason,
        f'{url}.metadata' if file.core_metadata and offered else None,
        line.provenance,
    )


@functools.lru_cache
def _kind(packagetype: str, python_version: str) -> str:
    """
    >>> _kind('bdist_egg', '3.9'), _kind('sdist', 'source')
    ('Egg, Python 3.9', 'Source')
    """
    kind = _KINDS[packagetype]
    return f'{kind}, Python {python_version}' if python_version[:1].isdigit() else kind


def requirement_views(
        requires_dist: Iterable[str], page: str,
) -> tuple[Sequence[RequirementView], Sequence[RequirementView]]:
    """What is always required, and what only an extra wants."""
    required: list[RequirementView] = []
    optional: list[RequirementView] = []
    for text in requires_dist:
        views = optional if _EXTRA.search(text) else required
        views.append(_requirement_view(text, page))
    return required, optional


def _requirement_view(text: str, page: str) -> RequirementView:
    found = _REQUIREMENT.match(text)
    if found is None:
        return RequirementView(None, None, text)
    url = f'{urls.from_page(page, "")}?q={quote(found[0])}'
    return RequirementView(found[0], url, text[found.end():])


def upload_views(uploads: Iterable[Upload], page: str) -> Sequence[UploadView]:
    root = '../' * page.count('/')
    return [
        UploadView(
            None if timestamp is None else times.to_the_minute(timestamp), project,
            f'{root}project/{project}/', version, filename, uploaded_by, yanked,
        ) for timestamp, project, version, filename, uploaded_by, yanked in uploads
    ]


def days(uploads: Sequence[Upload]) -> str | None:
    """From when to when these uploads are, which are newest first; None if they have no dates.

    >>> def days_of(*times): return days([Upload(time, 'foo', None, '', None) for time in times])
    >>> days_of(1706702459, 1706616059), days_of(1706702459, 1706700000), days_of(60)
    ('2024-01-30 to 2024-01-31', '2024-01-31, 11:20 to 12:00', '1970-01-01')
    """
    last, first = uploads[0].timestamp, uploads[-1].timestamp
    if first is None or last is None:
        return None
    # A busy day may have pages of its own.
    first_day, from_ = times.to_the_minute(first).split()
    last_day, to = times.to_the_minute(last).split()
    if first_day != last_day:
        return f'{first_day} to {last_day}'
    return first_day if from_ == to else f'{first_day}, {from_} to {to}'


def news_views(uploads: Iterable[Upload], projects: Iterable[ProjectSummary]) -> Sequence[NewsView]:
    """The releases of these uploads, which are newest first, each once."""
    releases: dict[tuple[str, str | None], list[Upload]] = {}
    for upload in uploads:
        releases.setdefault((upload.project, upload.version), []).append(upload)
    newest = list(releases.values())[:HOME_NEWS]
    names = {upload.project for upload, *_ in newest}
    summaries = {project.name: project.summary for project in projects if project.name in names}
    return [
        NewsView(
            upload.project, urls.quote_path(paths.folder(paths.project_page(upload.project))),
            upload.version, None if upload.version is None else urls.quote_path(upload.version),
            _shortened(summaries[upload.project]), times.to_the_minute(upload.timestamp or 0),
            _shortened(upload.uploaded_by), all(other.yanked for other in (upload, *others)),
        ) for upload, *others in newest
    ]


def _shortened(text: str | None) -> str | None:
    if text is None or len(text) <= HOME_TEXT:
        return text
    return f'{text[:HOME_TEXT - 1]}…'


def readable_size(size: int) -> str:
    """
    >>> readable_size(999), readable_size(1_500), readable_size(2_000_000_000)
    ('999 B', '1.5 kB', '2.0 GB')
    """
    if size < 1000:
        return f'{size} B'
    amount, unit = size / 1000, 'kB'
    for larger in ('MB', 'GB', 'TB', 'PB', 'EB'):
        if amount < 999.95:
            break
        amount, unit = amount / 1000, larger
    return f'{amount:.1f} {unit}'
