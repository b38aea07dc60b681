"""The pages for people, and the feeds: what their templates are given."""
from __future__ import annotations

import email.utils
from collections.abc import Iterable
from collections.abc import Sequence
from typing import NamedTuple

from dumb_pypi import paths
from dumb_pypi import urls
from dumb_pypi.changelog import ChangelogPage
from dumb_pypi.changelog import pages_of
from dumb_pypi.changelog import Upload
from dumb_pypi.distfile import Distfile
from dumb_pypi.distfile import from_timestamp
from dumb_pypi.options import PageOptions
from dumb_pypi.project import Project
from dumb_pypi.project import Release
from dumb_pypi.summary import MonthSummary
from dumb_pypi.summary import newest_releases
from dumb_pypi.summary import ProjectSummary
from dumb_pypi.templates import Templates

HOME_UPLOADS = 20
NEWEST_PROJECTS = 40


class FileView(NamedTuple):
    """A file on its project's page. Texts that are not known are None."""
    filename: str
    url: str
    size: str | None
    digest: str | None
    requires_python: str | None
    uploaded: str | None
    uploaded_by: str | None
    yanked_reason: str | None
    metadata_url: str | None
    provenance: str | None


class ReleaseView(NamedTuple):
    """A release on its project's page; `anchor` is for links to it."""
    name: str
    anchor: str
    uploaded: str | None
    yanked: bool
    prerelease: bool
    files: tuple[FileView, ...]


class UploadView(NamedTuple):
    """An upload in the changelog; `project_url` leads to its project's page."""
    uploaded: str | None
    project: str
    project_url: str
    version: str | None
    filename: str
    uploaded_by: str | None


class MonthView(NamedTuple):
    """A month in the changelog's list of months; `url` leads to its newest page."""
    name: str
    url: str
    uploads: int


class ItemView(NamedTuple):
    """An item of a feed."""
    title: str
    link: str
    guid: str
    description: str | None
    date: str


class Web:
    """Renders the pages for people, with these options and templates."""

    def __init__(self, options: PageOptions, templates: Templates, style: str) -> None:
        self._options = options
        self._templates = templates
        self._style = style

    def project(self, project: Project) -> bytes:
        """A project's page: its releases, newest first, and the files of each."""
        page = paths.project_page(project.name)
        prefix = self._options.packages_url.prefix(project.name, page)
        latest = project.latest
        return self._render(
            page, 'project.html',
            project=project.name,
            summary=project.summary,
            home_page=project.facts.home_page,
            status=project.facts.status,
            status_reason=project.facts.status_reason,
            latest=None if latest is None else latest.name,
            # What is not PEP 440 is nothing to install by, nor to put into a shell.
            installable=latest is not None and latest.version is not None,
            requires_python=None if latest is None else latest.best_informed.requires_python,
            requires_dist=(() if latest is None else latest.best_informed.requires_dist) or (),
            files_offered=not project.quarantined,
            releases=[_release_view(release, prefix) for release in reversed(project.releases)],
            unversioned=[_file_view(file, prefix) for file in project.unversioned],
        )

    def changelog_page(self, page: ChangelogPage, uploads: Sequence[Upload]) -> bytes:
        """One page of a month's uploads, newest first."""
        earlier, later = (
            None if target is None else urls.from_page(page.path, target)
            for target in (page.earlier, page.later)
        )
        return self._render(
            page.path, 'changelog_month.html',
            month=page.month,
            uploads=[_upload_view(upload, page.path) for upload in uploads],
            earlier=earlier,
            later=later,
        )

    def changelog(self, uploads: Sequence[Upload], months: Sequence[MonthSummary]) -> bytes:
        """The latest uploads, and the list of months."""
        page = paths.CHANGELOG
        return self._render(
            page, 'changelog.html',
            uploads=[_upload_view(upload, page) for upload in uploads],
            months=[
                MonthView(month.month, urls.from_page(
                    page, paths.changelog_page(month.month, pages_of(month.uploads)),
                ), month.uploads) for month in months
            ],
        )

    def home(self, uploads: Sequence[Upload], projects: Sequence[ProjectSummary]) -> bytes:
        """The first page: what there is, what is new, how to install from it."""
        page = paths.HOME
        generated = self._options.generated
        return self._render(
            page, 'home.html',
            projects=len(projects),
            releases=sum(project.releases for project in projects),
            files=sum(project.files for project in projects),
            uploads=[_upload_view(upload, page) for upload in uploads[:HOME_UPLOADS]],
            generated=None if generated is None else f'{generated:%Y-%m-%d %H:%M:%S}',
        )

    def updates_feed(self, projects: Sequence[ProjectSummary], site_url: str) -> bytes:
        """The latest releases."""
        releases = newest_releases(projects)
        return self._feed(paths.UPDATES_FEED, 'latest releases', site_url, projects, [
            _item(
                f'{new.project} {new.release}', site_url, new.project, new.timestamp,
                new.summary, f'#{urls.quote_path(new.release)}',
            ) for new in releases
        ])

    def packages_feed(self, projects: Sequence[ProjectSummary], site_url: str) -> bytes:
        """The latest new projects."""
        dated = sorted((
            (project.first_uploaded, project.name, project.summary)
            for project in projects if project.first_uploaded is not None
        ), reverse=True)
        return self._feed(paths.PACKAGES_FEED, 'newest projects', site_url, projects, [
            _item(f'{name} added', site_url, name, timestamp, summary, '')
            for timestamp, name, summary in dated[:NEWEST_PROJECTS]
        ])

    def _feed(
            self, page: str, what: str, site_url: str, projects: Iterable[ProjectSummary],
            items: Sequence[ItemView],
    ) -> bytes:
        # When the newest file came, so that the same list gives the same bytes.
        built = max((project.last_uploaded or 0 for project in projects), default=0)
        return self._templates.render(
            'feed.xml',
            title=f'{self._options.title}: {what}',
            site_url=site_url,
            feed_url=site_url + page,
            built=_rfc822(built) if built else None,
            items=items,
        )

    def _render(self, page: str, template: str, **values: object) -> bytes:
        options = self._options
        return self._templates.render(
            template,
            title=options.title,
            logo=None if options.logo is None else _from_page(page, options.logo),
            logo_width=options.logo_width,
            root=urls.from_page(page, ''),
            style=urls.from_page(page, self._style),
            feeds=options.site_url is not None,
            index_url=f'{options.site_url or "https://example.com/"}simple/',
            index_url_known=options.site_url is not None,
            **values,
        )


def _from_page(page: str, url: str) -> str:
    """`url`, absolute or relative to the home page, as `page` has to write it."""
    if urls.has_scheme(url) or url.startswith('/'):
        return url
    return '../' * page.count('/') + url


def _release_view(release: Release, prefix: str) -> ReleaseView:
    return ReleaseView(
        release.name,
        urls.quote_path(release.name),
        _date(release.uploaded),
        release.yanked,
        release.prerelease,
        tuple(_file_view(file, prefix) for file in release.files),
    )


def _file_view(file: Distfile, prefix: str) -> FileView:
    url = urls.join(prefix, file.url)
    return FileView(
        file.filename,
        url,
        None if file.size is None else readable_size(file.size),
        None if file.digest is None else str(file.digest),
        file.requires_python,
        _date(file.upload_timestamp),
        file.uploaded_by,
        file.yanked_reason,
        f'{url}.metadata' if file.core_metadata else None,
        file.provenance,
    )


def _upload_view(upload: Upload, page: str) -> UploadView:
    project_page = paths.folder(paths.project_page(upload.project))
    return UploadView(
        None if upload.timestamp is None else f'{from_timestamp(upload.timestamp):%Y-%m-%d %H:%M}',
        upload.project,
        urls.from_page(page, project_page),
        upload.version,
        upload.filename,
        upload.uploaded_by,
    )


def _item(
        title: str, site_url: str, project: str, timestamp: float, description: str | None,
        anchor: str,
) -> ItemView:
    link = site_url + paths.folder(paths.project_page(project))
    return ItemView(
        title, link, link + anchor, description,
        _rfc822(timestamp),
    )


def _rfc822(timestamp: float) -> str:
    return email.utils.format_datetime(from_timestamp(timestamp), usegmt=True)


def _date(timestamp: float | None) -> str | None:
    return None if timestamp is None else f'{from_timestamp(timestamp):%Y-%m-%d}'


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
