"""The web pages: what their templates are given."""
from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dumb_pypi.model import times, urls
from dumb_pypi.model.project import Project
from dumb_pypi.options import PageOptions
from dumb_pypi.pages import install_commands as installing
from dumb_pypi.pages import paths, views
from dumb_pypi.pages.changelog import ChangelogPage, pages_of, Upload
from dumb_pypi.pages.summaries import MonthSummary, ProjectSummary
from dumb_pypi.pages.templates import Templates

PLACEHOLDER = 'https://example.com/'


class StaticFiles(msgspec.Struct, frozen=True):
    """Where the static files of all pages are; `custom` is the user's own style sheet."""
    style: str
    script: str
    icon: str
    custom: str | None


class SearchFiles(msgspec.Struct, frozen=True):
    """Where the files are that the home page's search reads."""
    worker: str
    names: str
    summaries: str


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
        lines = [file.line for file in project.files]
        latest = project.latest
        best = None if latest is None else latest.best_informed
        required, optional = views.requirement_views(
            () if best is None else best.requires_dist or (), page,
        )
        return self._render(
            page, 'project.html',
            project=project.name,
            summary=project.summary,
            home_page=project.facts.home_page,
            status=project.facts.status,
            status_reason=project.facts.status_reason,
            latest=None if latest is None else latest.name,
            latest_uploaded=None if latest is None else _date(latest.uploaded),
            latest_prerelease=latest is not None and latest.prerelease,
            latest_yanked=latest is not None and latest.yanked,
            commands=installing.commands(project, self._index_url),
            requires_python=None if best is None else best.requires_python,
            requires_dist=required,
            optional_dist=optional,
            files_offered=not project.quarantined,
            releases=views.release_views(project, prefix),
            # A column that has nothing in it is left out.
            has_sizes=any(line.size is not None for line in lines),
            has_uploads=any(
                line.upload_timestamp is not None or line.uploaded_by for line in lines
            ),
            has_digests=any(line.hash for line in lines),
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
            days=views.days(uploads),
            uploads=views.upload_views(uploads, page.path),
            earlier=earlier,
            later=later,
        )

    def changelog(self, uploads: Sequence[Upload], months: Sequence[MonthSummary]) -> bytes:
        """The latest uploads, and the list of months."""
        page = paths.CHANGELOG
        return self._render(
            page, 'changelog.html',
            uploads=views.upload_views(uploads, page),
            months=[
                views.MonthView(month.month, urls.from_page(
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
            news=views.news_views(uploads, projects),
            snippets=installing.snippets(self._index_url),
            search_worker=search.worker,
            search_names=search.names,
            search_summaries=search.summaries,
            generated=None if generated is None else f'{generated:%Y-%m-%d %H:%M:%S}',
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


def _date(timestamp: float | None) -> str | None:
    return None if timestamp is None else times.date(timestamp)
