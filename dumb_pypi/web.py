"""The pages for people, and the feeds: what their templates are given."""
from __future__ import annotations

import email.utils
import functools
import re
from collections.abc import Iterable
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from dumb_pypi import paths
from dumb_pypi import urls
from dumb_pypi import wheel_tags
from dumb_pypi.changelog import ChangelogPage
from dumb_pypi.changelog import pages_of
from dumb_pypi.changelog import Upload
from dumb_pypi.distfile import Distfile
from dumb_pypi.distfile import from_timestamp
from dumb_pypi.options import PageOptions
from dumb_pypi.project import Project
from dumb_pypi.summary import MonthSummary
from dumb_pypi.summary import newest_releases
from dumb_pypi.summary import ProjectSummary
from dumb_pypi.templates import Templates

HOME_NEWS = 20
NEWEST_PROJECTS = 40
# What the home page shows of a text that may be of any length.
HOME_TEXT = 200
# How many files a project's page shows before it folds older releases.
FILES_SHOWN = 30
PLACEHOLDER = 'https://example.com/'

_REQUIREMENT = re.compile('[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?')
_KINDS = {
    'sdist': 'Source', 'bdist_egg': 'Egg', 'bdist_wininst': 'Windows installer',
    'bdist_msi': 'Windows installer', 'bdist_rpm': 'RPM package', 'bdist_dumb': 'Binary archive',
    'bdist_dmg': 'macOS disk image',
}


class StaticFiles(NamedTuple):
    """Where the static files of all pages are; `custom` is the user's own style sheet."""
    style: str
    script: str
    icon: str
    custom: str | None


class SearchFiles(NamedTuple):
    """Where the files are that the home page's search reads."""
    worker: str
    names: str
    summaries: str


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


class CommandView(NamedTuple):
    """How to install a project."""
    client: str
    command: str


class SnippetView(NamedTuple):
    """How to tell a client of the index: in a file at that place, or as a command without one."""
    client: str
    place: str | None
    text: str


class UploadView(NamedTuple):
    """An upload in the changelog; `url` leads to its project's page."""
    uploaded: str | None
    project: str
    url: str
    version: str | None
    filename: str
    uploaded_by: str | None


class NewsView(NamedTuple):
    """A release of which files came lately."""
    project: str
    url: str
    version: str | None
    summary: str | None
    uploaded: str
    uploaded_by: str | None


class MonthView(NamedTuple):
    """A month in the changelog's list of months; `url` leads to its newest page."""
    name: str
    url: str
    uploads: str


class ItemView(NamedTuple):
    """An item of a feed."""
    title: str
    link: str
    guid: str
    description: str | None
    date: str


class Web:
    """Renders the pages for people, with these options and templates."""

    def __init__(self, options: PageOptions, templates: Templates, static: StaticFiles) -> None:
        self._options = options
        self._templates = templates
        self._static = static
        self._index_url = f'{options.site_url or PLACEHOLDER}simple/'
        # What all pages of a depth have.
        self._shared: dict[int, dict[str, object]] = {}

    def project(self, project: Project) -> bytes:
        """A project's page: its releases, newest first, and the files of each."""
        page = paths.project_page(project.name)
        prefix = self._options.packages_url.prefix(project.name, page)
        latest = project.latest
        best = None if latest is None else latest.best_informed
        return self._render(
            page, 'project.html',
            project=project.name,
            summary=project.summary,
            home_page=project.facts.home_page,
            status=project.facts.status,
            status_reason=project.facts.status_reason,
            latest=None if latest is None else latest.name,
            latest_uploaded=None if latest is None else _date(latest.uploaded),
            commands=self._commands(project),
            requires_python=None if best is None else best.requires_python,
            requires_dist=() if best is None else [
                _requirement_view(text, page) for text in best.requires_dist or ()
            ],
            files_offered=not project.quarantined,
            releases=_release_views(project, prefix),
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
            uploads=_upload_views(uploads, page.path),
            earlier=earlier,
            later=later,
        )

    def changelog(self, uploads: Sequence[Upload], months: Sequence[MonthSummary]) -> bytes:
        """The latest uploads, and the list of months."""
        page = paths.CHANGELOG
        return self._render(
            page, 'changelog.html',
            uploads=_upload_views(uploads, page),
            months=[
                MonthView(month.month, urls.from_page(
                    page, paths.changelog_page(month.month, pages_of(month.uploads)),
                ), f'{month.uploads:,}') for month in months
            ],
        )

    def home(
            self, uploads: Sequence[Upload], projects: Sequence[ProjectSummary],
            search: SearchFiles,
    ) -> bytes:
        """The first page: what there is, what is new, how to install from it."""
        page = paths.HOME
        generated = self._options.generated
        last_upload = uploads[0].timestamp if uploads else None
        return self._render(
            page, 'home.html',
            projects=f'{len(projects):,}',
            releases=f'{sum([project.releases for project in projects]):,}',
            files=f'{sum([project.files for project in projects]):,}',
            last_upload=_date(last_upload),
            news=_news(uploads, projects),
            snippets=_snippets(self._index_url),
            search_worker=search.worker,
            search_names=search.names,
            search_summaries=search.summaries,
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
        return self._templates.render('feed.xml', {
            'title': f'{self._options.title}: {what}',
            'site_url': site_url,
            'feed_url': site_url + page,
            'built': _rfc822(built) if built else None,
            'items': items,
        })

    def _commands(self, project: Project) -> Sequence[CommandView]:
        latest = project.latest
        # What is not PEP 440 is nothing to install by, nor to put into a shell.
        if latest is None or latest.version is None or project.quarantined:
            return ()
        wanted, index = f'{project.name}=={latest.name}', self._index_url
        return (
            CommandView('pip', f'pip install --index-url {index} {wanted}'),
            CommandView('uv', f'uv add --default-index {index} {wanted}'),
            CommandView('Poetry', f'poetry add {wanted}'),
            CommandView('PDM', f'pdm add {wanted}'),
        )

    def _render(self, page: str, template: str, **values: object) -> bytes:
        depth = page.count('/')
        shared = self._shared.get(depth)
        if shared is None:
            shared = self._shared[depth] = self._shared_by(page)
        return self._templates.render(template, shared | values)

    def _shared_by(self, page: str) -> dict[str, object]:
        options, static = self._options, self._static
        return {
            'title': options.title,
            'logo': None if options.logo is None else _from_page(page, options.logo),
            'logo_width': options.logo_width,
            'root': urls.from_page(page, ''),
            'style': urls.from_page(page, static.style),
            'custom_style': None if static.custom is None else urls.from_page(page, static.custom),
            'script': urls.from_page(page, static.script),
            'icon': urls.from_page(page, static.icon),
            'feeds': options.site_url is not None,
            'index_url': self._index_url,
            'index_url_known': options.site_url is not None,
        }


def _from_page(page: str, url: str) -> str:
    """`url`, absolute or relative to the home page, as `page` has to write it."""
    if urls.has_scheme(url) or url.startswith('/'):
        return url
    return '../' * page.count('/') + url


def _release_views(project: Project, prefix: str) -> Sequence[ReleaseView]:
    """Newest first; what has no version comes last."""
    offered = not project.quarantined
    views = []
    shown = 0
    for release in reversed(project.releases):
        requires_python = release.best_informed.requires_python
        reason = release.yanked_reason
        fits = not views or release is project.latest or shown + len(release.files) <= FILES_SHOWN
        shown += len(release.files) if fits else FILES_SHOWN
        views.append(ReleaseView(
            release.name,
            urls.quote_path(release.name),
            _date(release.uploaded),
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
    url = file.url
    if not url.startswith('http') or not urls.is_absolute(url):
        url = prefix + url
    digest, size = file.digest, file.size
    return FileView(
        file.filename,
        url if offered else None,
        wheel_tags.in_words(file.filename) if file.is_wheel else _kind(
            file.packagetype, file.python_version,
        ),
        None if size is None else readable_size(size),
        None if digest is None else f'{digest[0]}={digest[1]}',
        None if file.requires_python == requires_python else file.requires_python,
        _date(file.upload_timestamp),
        file.uploaded_by,
        None if file.yanked_reason == yanked_reason else file.yanked_reason,
        f'{url}.metadata' if file.core_metadata and offered else None,
        file.provenance,
    )


@functools.lru_cache
def _kind(packagetype: str, python_version: str) -> str:
    """
    >>> _kind('bdist_egg', '3.9'), _kind('sdist', 'source')
    ('Egg, Python 3.9', 'Source')
    """
    kind = _KINDS[packagetype]
    return f'{kind}, Python {python_version}' if python_version[:1].isdigit() else kind


def _requirement_view(text: str, page: str) -> RequirementView:
    found = _REQUIREMENT.match(text)
    if found is None:
        return RequirementView(None, None, text)
    url = f'{urls.from_page(page, "")}?q={quote(found[0])}'
    return RequirementView(found[0], url, text[found.end():])


def _upload_views(uploads: Iterable[Upload], page: str) -> Sequence[UploadView]:
    root = '../' * page.count('/')
    return [
        UploadView(
            None if timestamp is None else _minute(timestamp), project,
            f'{root}project/{urls.quote_path(project)}/', version, filename, uploaded_by,
        ) for timestamp, project, version, filename, uploaded_by in uploads
    ]


def _news(uploads: Iterable[Upload], projects: Iterable[ProjectSummary]) -> Sequence[NewsView]:
    """The releases of these uploads, which are newest first, each once."""
    releases: dict[tuple[str, str | None], Upload] = {}
    for upload in uploads:
        releases.setdefault((upload.project, upload.version), upload)
    newest = list(releases.values())[:HOME_NEWS]
    names = {upload.project for upload in newest}
    summaries = {project.name: project.summary for project in projects if project.name in names}
    return [
        NewsView(
            upload.project, urls.quote_path(paths.folder(paths.project_page(upload.project))),
            upload.version, _shortened(summaries[upload.project]), _minute(upload.timestamp or 0),
            _shortened(upload.uploaded_by),
        ) for upload in newest
    ]


def _shortened(text: str | None) -> str | None:
    if text is None or len(text) <= HOME_TEXT:
        return text
    return f'{text[:HOME_TEXT - 1]}…'


def _snippets(index_url: str) -> Sequence[SnippetView]:
    """How to set up each client, as README has it too."""
    return (
        SnippetView('pip', None, f'pip install --index-url {index_url} PROJECT'),
        SnippetView('pip.conf', 'pip.conf', f'[global]\nindex-url = {index_url}'),
        SnippetView('uv', 'pyproject.toml', (
            f'[[tool.uv.index]]\nname = "private"\nurl = "{index_url}"\ndefault = true'
        )),
        SnippetView('Poetry', 'pyproject.toml', (
            f'[[tool.poetry.source]]\nname = "private"\nurl = "{index_url}"\n'
            'priority = "primary"'
        )),
        SnippetView('PDM', 'pyproject.toml', (
            f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{index_url}"'
        )),
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
    return None if timestamp is None else _day(int(timestamp // 86400))


def _minute(timestamp: float) -> str:
    """
    >>> _minute(1706702459.9)
    '2024-01-31 12:00'
    """
    days, seconds = divmod(int(timestamp), 86400)
    return f'{_day(days)} {seconds // 3600:02}:{seconds // 60 % 60:02}'


# Many uploads are of one day.
@functools.lru_cache(maxsize=4096)
def _day(number: int) -> str:
    """The date of a day, counted from 1970."""
    return f'{from_timestamp(86400 * number):%Y-%m-%d}'


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
