"""Which pages a project, a month and the whole index have, and at which path."""
from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

from dumb_pypi import json_api
from dumb_pypi import paths
from dumb_pypi import simple_api
from dumb_pypi.changelog import ChangelogPage
from dumb_pypi.changelog import Upload
from dumb_pypi.options import PageOptions
from dumb_pypi.project import Project
from dumb_pypi.summary import MonthSummary
from dumb_pypi.summary import newest_of_months
from dumb_pypi.summary import ProjectSummary
from dumb_pypi.templates import Templates
from dumb_pypi.web import Web


class Page(NamedTuple):
    """A file of the output: its path below the output directory, and its bytes."""
    path: str
    content: bytes


class Site:
    """Renders the pages of each group; every page is a function of its group and the options."""

    def __init__(self, options: PageOptions, templates: Templates) -> None:
        self._options = options
        style = _static_page('style.css')
        self._static = [style]
        self._web = Web(options, templates, style.path)

    def static_pages(self) -> Iterator[Page]:
        """What the pages for people need beside themselves."""
        yield from self._static

    def project_pages(self, project: Project) -> Iterator[Page]:
        """A project's pages, each after those that it links to."""
        options = self._options
        name, packages_url = project.name, options.packages_url
        yield Page(paths.project_page(name), self._web.project(project))
        yield Page(paths.simple_json(name), simple_api.project_json(project, packages_url))
        yield Page(paths.simple_html(name), simple_api.project_html(project, packages_url))
        for path, content in json_api.pages(
                project, packages_url, options.site_url, per_release=options.per_release_json,
        ):
            yield Page(path, content)

    def changelog_page(self, page: ChangelogPage, uploads: Sequence[Upload]) -> Page:
        """One page of a month, and the uploads on it."""
        return Page(page.path, self._web.changelog_page(page, uploads))

    def root_pages(
            self, projects: Sequence[ProjectSummary], months: Sequence[MonthSummary],
    ) -> Iterator[Page]:
        """The pages of the whole index, each after those that it links to."""
        uploads = newest_of_months(months)
        names = [project.name for project in projects]
        yield Page(paths.SIMPLE_JSON, simple_api.projects_json(names))
        yield Page(paths.SIMPLE_HTML, simple_api.projects_html(names, self._options.generated))
        site_url = self._options.site_url
        if site_url is not None:
            yield Page(paths.UPDATES_FEED, self._web.updates_feed(projects, site_url))
            yield Page(paths.PACKAGES_FEED, self._web.packages_feed(projects, site_url))
        yield Page(paths.CHANGELOG, self._web.changelog(uploads, months))
        yield Page(paths.HOME, self._web.home(uploads, projects))


def _static_page(name: str) -> Page:
    """A file of the package, its content's hash in its name: it can be cached for good."""
    content = importlib.resources.files('dumb_pypi').joinpath('static', name).read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    stem, _, ending = name.rpartition('.')
    return Page(paths.static(f'{stem}-{digest}.{ending}'), content)
