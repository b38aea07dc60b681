"""The web UI: the values that each page's template gets."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from markupsafe import Markup

from dumb_pypi.model import times, urls
from dumb_pypi.model.project import Project, Release
from dumb_pypi.model.project_facts import QUARANTINED
from dumb_pypi.model.times import UNDATED
from dumb_pypi.options import BuildOptions
from dumb_pypi.pages import (
    changelog_views,
    install_commands,
    list_views,
    paths,
    release_pages,
)
from dumb_pypi.pages.changelog import ChangelogPage, Upload
from dumb_pypi.pages.dependencies import dependency_views
from dumb_pypi.pages.project_card import (
    files_in_words,
    keywords,
    licence,
    links,
    maturity,
    people_view,
    python_in_words,
)
from dumb_pypi.pages.project_list import ListPage
from dumb_pypi.pages.release_pages import Block
from dumb_pypi.pages.release_rows import ReleaseRows
from dumb_pypi.pages.release_views import (
    filter_word,
    listed_views,
    older_views,
    page_numbers,
    ReleasesPage,
    ReleaseViews,
)
from dumb_pypi.pages.summaries import MonthSummary, ProjectSummary
from dumb_pypi.pages.templates import FramedTemplate, Templates

# Stands for the URL of an index whose public URL is unknown.
PLACEHOLDER = 'https://example.com/'
# Stands for the name of a project. No page has such characters otherwise.
_ANY_PROJECT = '\0project\0'
# The relative URL of the home page on pages that show releases of projects. The names of these
# need no encoding.
_ROOT = urls.from_page(paths.project_page('foo'), '')


class StaticFiles(msgspec.Struct, frozen=True):
    """The paths of the static files that all pages use.

    `icon` is the site's own, `icons` has those that pages draw with. `custom` is the user's style
    sheet.
    """
    style: str
    script: str
    search_worker: str
    icon: str
    icons: str
    custom: str | None


class Web:
    """Renders the web UI with these options and templates."""

    def __init__(self, options: BuildOptions, templates: Templates, static: StaticFiles) -> None:
        self._options = options
        self._templates = templates
        self._static = static
        self._index_url = f'{options.site_url or PLACEHOLDER}simple/'
        # The values that all pages of a depth share, by depth.
        self._shared: dict[int, dict[str, object]] = {}
        # The built-in templates of projects' pages, by name.
        self._framed: dict[str, FramedTemplate] = {}
        # The page of dependents of `_ANY_PROJECT`, which has none.
        self._no_dependents: bytes | None = None

    def projects(self, projects: Iterable[tuple[Project, str | None]]) -> list[bytes]:
        """Render projects' pages; each project comes with the HTML of its README, safe to print.

        All pages go through one step after the other, since the caches of a processor hold the code
        of one step: page by page, they take a sixth more time.
        """
        pages = [self._project_values(project, readme) for project, readme in projects]
        if self._options.template_dir is None:
            # Our template prints these rows; one of the user's may not.
            for values in pages:
                values['history'] = Markup(values['history'].__html__())  # noqa: S704 - it is HTML
        page = paths.project_page('foo')
        return [
            self._render_framed(page, 'project.html', here='project', **values) for values in pages
        ]

    def _project_values(self, project: Project, readme: str | None) -> dict[str, Any]:
        page = paths.project_page(project.name)
        facts, latest = project.facts, project.latest
        best = None if latest is None else latest.best_informed
        requires_dist = () if best is None else best.requires_dist or ()
        requires_python = None if best is None else best.requires_python
        dependencies, extras = dependency_views(requires_dist, _ROOT)
        offered = not project.quarantined
        divided = release_pages.blocks(project)
        shown, older = divided
        install = install_commands.for_project(project)
        return dict(
            project=project.name,
            summary=project.summary,
            status=facts.status,
            status_reason=facts.status_reason,
            latest=None if latest is None else latest.name,
            latest_url=None if latest is None else _latest_url(project, page, latest, shown),
            latest_uploaded=None if latest is None else _date(latest.uploaded),
            latest_uploaded_by=None if latest is None else latest.uploaded_by,
            latest_prerelease=latest is not None and latest.prerelease,
            latest_yanked=latest is not None and latest.yanked,
            latest_yanked_reason=None if latest is None else latest.yanked_reason,
            latest_files=None if latest is None else files_in_words(latest.files),
            installable=install is not None,
            requirement=None if install is None else (
                install_commands.RequirementHtml(project.name, install)
            ),
            install_extras=() if install is None else install.extras,
            more_extras=() if install is None else install.more_extras,
            omitted_extras=0 if install is None else install.omitted_extras,
            pin=None if install is None else install.pin,
            pinned=install is not None and install.pinned,
            pin_needs_quotes=install is not None and install.pin_needs_quotes,
            quote=None if install is None else install.quote,
            python=None if requires_python is None else python_in_words(requires_python),
            requires_python=requires_python,
            maturity=maturity(facts),
            licence=licence(facts),
            authors=people_view(facts.author, facts.author_email),
            maintainers=people_view(facts.maintainer, facts.maintainer_email),
            keywords=keywords(facts.keywords, _ROOT),
            # Neither links nor a README of somebody who may want to do harm.
            links=links(facts) if offered else (),
            readme=Markup(readme) if readme is not None and offered else None,  # noqa: S704 - `render` of pages/readme.py has sanitized it
            json_url=_ROOT + paths.project_json(project.name),
            dependencies=dependencies,
            extras=extras,
            dependency_count=len(requires_dist),
            files_offered=offered,
            release_count=f'{len(project.releases):,}',
            first_uploaded=_date(project.first_uploaded),
            listed_releases=listed_views(project, release_pages.listed_releases(divided)),
            older=older_views(project.name, older) if older else (),
            older_count=f'{sum([len(block.releases) for block in older]):,}',
            **self._history(project, shown, page, latest),
        )

    def release_page(self, project: Project, number: int, block: Block) -> bytes:
        """Render a page of older releases: those of a block, newest first.

        It depends on no newer release.
        """
        page = paths.release_page(project.name, number)
        return self._render_framed(
            page, 'releases.html',
            here='project',
            project=project.name,
            status=project.facts.status,
            status_reason=project.facts.status_reason,
            files_offered=not project.quarantined,
            first=block.first,
            last=block.last,
            pages=page_numbers(project.name, number),
            earlier=None if number == 1 else urls.from_page(
                page, paths.release_page(project.name, number - 1),
            ),
            **self._history(project, block, page),
        )

    def _history(
            self, project: Project, block: Block, page: str, latest: Release | None = None,
    ) -> dict[str, object]:
        """Return what the pages that show releases have in common."""
        options = self._options
        shown = ReleasesPage(
            page, options.packages_url.prefix(project.name, page), latest,
            options.per_release_json,
        )
        simple_url = _ROOT + paths.folder(paths.simple_html(project.name))
        return {
            'releases': ReleaseViews(project, block, shown),
            'filter_word': filter_word(block),
            'simple_url': simple_url,
            'history': ReleaseRows(project, block, shown, simple_url),
        }

    def dependents(self, project: str, dependents: Sequence[str], count: int) -> bytes:
        """Render a list of `count` projects that require a project; `dependents` are shown."""
        if count or self._options.template_dir is not None:
            return self._dependents(project, dependents, count)
        # Most projects have none, and rendering takes longer than writing. Our template, unlike
        # one of the user's, does nothing with the name but print it.
        if self._no_dependents is None:
            self._no_dependents = self._dependents(_ANY_PROJECT, (), 0)
        return self._no_dependents.replace(_ANY_PROJECT.encode(), project.encode())

    def _dependents(self, project: str, dependents: Sequence[str], count: int) -> bytes:
        page = paths.dependents(project)
        more = count - len(dependents)
        return self._render_framed(
            page, 'dependents.html',
            here='project',
            project=project,
            url='../',
            count=f'{count:,}',
            dependents=list_views.link_views(dependents, page),
            more=f'{more:,}' if more else None,
        )

    def changelog_page(self, page: ChangelogPage, uploads: Sequence[Upload]) -> bytes:
        """Render one page of a month's uploads, which are newest first."""
        earlier, later = (
            None if target is None else urls.from_page(page.path, target)
            for target in (page.earlier, page.later)
        )
        earlier_month, later_month = (
            None if target is None or paths.month_of_path(target) == page.month
            else times.month_in_words(paths.month_of_path(target))
            for target in (page.earlier, page.later)
        )
        return self._render_framed(
            page.path, 'changelog_month.html',
            here='changelog',
            month=None if page.month == UNDATED else times.month_in_words(page.month),
            period=changelog_views.days(uploads),
            days=changelog_views.upload_views(uploads, page.path),
            earlier=earlier,
            earlier_month=earlier_month,
            later=later,
            later_month=later_month,
        )

    def changelog(
            self, uploads: Sequence[Upload], months: Sequence[MonthSummary],
            projects: Sequence[ProjectSummary],
    ) -> bytes:
        """Render the latest uploads and the list of months; marks quarantined projects."""
        page = paths.CHANGELOG
        quarantined = {project.name for project in projects if project.status == QUARANTINED}
        undated = [month for month in months if month.month == UNDATED]
        return self._render(
            page, 'changelog.html',
            here='changelog',
            days=changelog_views.upload_views(uploads, page, quarantined),
            years=changelog_views.year_views(months, page),
            undated=changelog_views.month_view(undated[0], page) if undated else None,
            generated=self._generated,
        )

    def project_list(
            self, page: ListPage, projects: Sequence[ProjectSummary],
            most_used: Sequence[ProjectSummary] = (),
    ) -> bytes:
        """Render a page of the list of projects; these are the ones that it names."""
        sections = list_views.section_views(page, projects, most_used)
        count = page.total if page.letter is None else len(projects)
        return self._render(
            page.path, 'projects.html',
            here='projects',
            letter=list_views.letter_name(page),
            count=f'{count:,}' if page.last == 1 else None,
            letters=list_views.letter_views(page, sections),
            overview=page.is_overview,
            sections=sections,
            has_dates=any(project.uploaded for part in sections for project in part.projects),
            has_dependents=any(
                project.dependents for part in sections for project in part.projects
            ),
            pages=list_views.number_views(page),
        )

    def not_found(self) -> bytes:
        """Render the page that web servers show in place of a missing one, at any path."""
        base = urlsplit(self._options.site_url or '/').path
        return self._templates.render('404.html', self._shared_values(base))

    def home(self, uploads: Sequence[Upload], projects: Sequence[ProjectSummary]) -> bytes:
        """Render the home page: search, the latest releases, and how to install.

        Without any dates it lists the first projects instead of releases.
        """
        last = None if not uploads else uploads[0].timestamp
        days = list_views.news_views(uploads, projects)
        return self._render(
            paths.HOME, 'home.html',
            here='home',
            projects=f'{len(projects):,}',
            releases=f'{sum([project.releases for project in projects]):,}',
            files=f'{sum([project.files for project in projects]):,}',
            last_upload=None if last is None else times.to_the_minute(last),
            days=days,
            first_projects=() if days else [
                list_views.listed_view(project, paths.HOME)
                for project in projects[:list_views.HOME_NEWS]
            ],
            most_used=list_views.used_views(projects),
            new_projects=list_views.new_project_views(projects),
            installers=install_commands.for_index(self._index_url),
            generated=self._generated,
        )

    @property
    def _generated(self) -> str | None:
        generated = self._options.generated
        return None if generated is None else f'{generated:%Y-%m-%d %H:%M}'

    def _render(self, page: str, template: str, **values: object) -> bytes:
        return self._templates.render(template, self._shared_by(page) | values)

    def _render_framed(self, page: str, template: str, *, here: str, **values: object) -> bytes:
        """Render a page of a project or month; those of one template have the same depth."""
        if self._options.template_dir is not None:
            return self._render(page, template, here=here, **values)
        framed = self._framed.get(template)
        if framed is None:
            framed = self._framed[template] = self._templates.framed(
                template, self._shared_by(page) | {'here': here},
            )
        return framed.render(values)

    def _shared_by(self, page: str) -> dict[str, object]:
        depth = page.count('/')
        shared = self._shared.get(depth)
        if shared is None:
            shared = self._shared[depth] = self._shared_values('../' * depth)
        return shared

    def _shared_values(self, base: str) -> dict[str, object]:
        """Return the values that all pages share whose URL of the home page is `base`."""
        options, static = self._options, self._static
        return {
            'title': options.title,
            'logo': None if options.logo is None else _below(base, options.logo),
            'logo_width': options.logo_width,
            'root': base or './',
            'style': base + static.style,
            'custom_style': None if static.custom is None else base + static.custom,
            'script': base + static.script,
            'search_worker': base + static.search_worker,
            'icon': base + static.icon,
            'icons': base + static.icons,
            'feeds': options.site_url is not None,
            'index_url': self._index_url,
            'index_url_known': options.site_url is not None,
            'trusted_host': install_commands.host_to_trust(self._index_url),
            # The item of the header's navigation that the page belongs to.
            'here': None,
            # Other pages keep their bytes from build to build.
            'generated': None,
        }


def _below(base: str, url: str) -> str:
    """Return `url`, which is absolute or relative to the home page, for pages at another URL."""
    return url if urls.has_scheme(url) or url.startswith('/') else base + url


def _latest_url(project: Project, page: str, latest: Release, shown: Block) -> str:
    """Return the URL of a project's latest release, as seen from the page that shows a block."""
    fragment = f'#{urls.quote_path(latest.name)}'
    if latest in shown.releases:
        return fragment
    target = release_pages.url_of_release(
        project.name, release_pages.page_starts(project), latest.name,
    )
    return urls.from_page(page, target) + fragment


def _date(timestamp: float | None) -> str | None:
    return None if timestamp is None else times.date(timestamp)
