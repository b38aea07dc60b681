"""The pages of a project, of a month and of the index, with their paths."""
from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from dumb_pypi.model import urls
from dumb_pypi.model.project import Project
from dumb_pypi.options import BuildOptions
from dumb_pypi.pages import json_api, paths, project_list, release_pages
from dumb_pypi.pages import simple as simple_api
from dumb_pypi.pages.changelog import ChangelogPage, Upload
from dumb_pypi.pages.feeds import Feeds
from dumb_pypi.pages.project_list import ListPage
from dumb_pypi.pages.summaries import (
    MonthSummary,
    newest_of_months,
    ProjectSummary,
    search_data,
)
from dumb_pypi.pages.templates import CUSTOM_STYLE, custom_style, static_file, Templates
from dumb_pypi.pages.web import StaticFiles, Web


class Page(NamedTuple):
    """A page: its path, relative to the output directory, and its bytes."""
    path: str
    content: bytes


class Site:
    """Renders pages; each is a function of its project, month or index, and of the options.

    Raises:
        FileError: the user's style sheet cannot be read.
    """

    def __init__(self, options: BuildOptions, templates: Templates) -> None:
        self._options = options
        style, script, self._icon, icons, search_worker = (
            _static_page(name, content) for name, content in (
                ('style.css', static_file('style.css')),
                # One file, for one request.
                ('script.js', static_file('script.js') + static_file('finder.js')),
                ('icon.svg', static_file('icon.svg')),
                ('icons.svg', static_file('icons.svg')),
                ('search.js', static_file('search.js')),
            )
        )
        self._static = [style, script, self._icon, icons, search_worker]
        custom = None
        content = custom_style(options.template_dir)
        if content is not None:
            custom = _static_page(CUSTOM_STYLE, content)
            self._static.append(custom)
        self._web = Web(options, templates, StaticFiles(
            style.path, script.path, search_worker.path, self._icon.path, icons.path,
            None if custom is None else custom.path,
        ))
        self._feeds = None if options.site_url is None else (
            Feeds(options.title, options.site_url, templates)
        )

    def static_pages(self) -> Iterator[Page]:
        """Return the static files that the web pages use."""
        yield from self._static

    def simple_pages(self, project: Project) -> list[Page]:
        """Render a project's pages of the simple API.

        They come first: web pages link to them, those of the JSON API to these.
        """
        name, packages_url = project.name, self._options.packages_url
        return [
            Page(paths.simple_json(name), simple_api.project_json(
                project, packages_url, self._options.site_url,
            )),
            Page(paths.simple_html(name), simple_api.project_html(project, packages_url)),
        ]

    def web_pages(
            self, projects: Sequence[Project], readmes: Sequence[str | None],
    ) -> list[list[Page]]:
        """Render the web pages of each project, each page after those that it links to.

        `readmes` are the READMEs as HTML that is safe to print, None where there is none. The page
        of a project links to that of its dependents too, which depends on other projects.
        """
        contents = self._web.projects(zip(projects, readmes, strict=True))
        return [
            [
                *(
                    Page(
                        paths.release_page(project.name, number),
                        self._web.release_page(project, number, block),
                    )
                    for number, block in enumerate(release_pages.blocks(project).older, start=1)
                ),
                Page(paths.project_page(project.name), content),
            ] for project, content in zip(projects, contents, strict=True)
        ]

    def json_pages(self, project: Project) -> list[tuple[str, bytes]]:
        """Render a project's pages of the JSON API, each after those that it links to.

        There are as many as releases: to make a `Page` of each would take 2% of their time.
        """
        return [*json_api.pages(
            project, self._options.packages_url, self._options.site_url,
            per_release=self._options.per_release_json,
        )]

    def dependents_page(self, project: str, dependents: Sequence[str], count: int) -> Page:
        """Render the page of the projects that require a project, of which there are `count`.

        `dependents` are those to show, sorted by name.
        """
        return Page(paths.dependents(project), self._web.dependents(project, dependents, count))

    def changelog_page(self, page: ChangelogPage, uploads: Sequence[Upload]) -> Page:
        """Render one page of a month; `uploads` are those on it, newest first."""
        return Page(page.path, self._web.changelog_page(page, uploads))

    def list_page(
            self, page: ListPage, projects: Sequence[ProjectSummary],
            most_used: Sequence[ProjectSummary] = (),
    ) -> Page:
        """Render a page of the list of projects; these are the ones that it names."""
        return Page(page.path, self._web.project_list(page, projects, most_used))

    def preliminary_pages(self, existing: Collection[str]) -> Iterator[Page]:
        """Render the root pages that all pages link to, without projects, unless they exist.

        An index that has been published without them gets these before any page links to them.
        """
        if self._feeds is not None and paths.UPDATES_FEED not in existing:
            yield Page(paths.UPDATES_FEED, self._feeds.updates(()))
        if self._feeds is not None and paths.PACKAGES_FEED not in existing:
            yield Page(paths.PACKAGES_FEED, self._feeds.packages(()))
        if paths.PROJECTS not in existing:
            [page] = project_list.list_pages(())
            yield self.list_page(page, ())

    def root_pages(
            self, projects: Sequence[ProjectSummary], months: Sequence[MonthSummary],
    ) -> Iterator[Page]:
        """Render the root pages, each after those that it links to; months come newest first.

        They link to the list of projects too, which `list_page` renders.
        """
        uploads = newest_of_months(months)
        names = [project.name for project in projects]
        yield Page(paths.SIMPLE_JSON, simple_api.projects_json(projects))
        yield Page(paths.SIMPLE_HTML, simple_api.projects_html(
            names, urls.from_page(paths.SIMPLE_HTML, self._icon.path), self._options.generated,
        ))
        if self._feeds is not None:
            yield Page(paths.UPDATES_FEED, self._feeds.updates(projects))
            yield Page(paths.PACKAGES_FEED, self._feeds.packages(projects))
        yield Page(paths.CHANGELOG, self._web.changelog(uploads, months, projects))
        yield Page(paths.NOT_FOUND, self._web.not_found())
        data = search_data(projects)
        yield Page(paths.SEARCH_NAMES, data.names)
        yield Page(paths.SEARCH_RELEASES, data.releases)
        yield Page(paths.SEARCH_SUMMARIES, data.summaries)
        yield Page(paths.HOME, self._web.home(uploads, projects))


def _static_page(name: str, content: bytes) -> Page:
    """Return a file with a hash of its content in its name, so that caches may keep it forever."""
    stem, _, extension = name.rpartition('.')
    return Page(paths.static(f'{stem}-{_digest(content)}.{extension}'), content)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
