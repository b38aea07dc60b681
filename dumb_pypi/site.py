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
from dumb_pypi.options import PageOptions
from dumb_pypi.package_list import UNDATED
from dumb_pypi.project import Project
from dumb_pypi.summary import in_order
from dumb_pypi.summary import MonthSummary
from dumb_pypi.summary import newest_uploads
from dumb_pypi.summary import ProjectSummary
from dumb_pypi.summary import Upload
from dumb_pypi.templates import Templates
from dumb_pypi.web import Web

UPLOADS_A_PAGE = 500


class Page(NamedTuple):
    """A file of the output: its path below the output directory, and its bytes."""
    path: str
    content: bytes


class Neighbour(NamedTuple):
    """A month beside another one, and how many pages it has."""
    month: str
    pages: int


class Neighbours(NamedTuple):
    """The months beside one, where there are any. All that its pages show of other groups."""
    earlier: Neighbour | None
    later: Neighbour | None


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
        where = (options.packages_url, options.site_url)
        if options.per_release_json:
            for release in project.releases:
                yield Page(
                    paths.release_json(project.name, release.name),
                    json_api.release_json(project, release, *where),
                )
        yield Page(paths.project_json(project.name), json_api.project_json(project, *where))
        packages_url = options.packages_url
        yield Page(
            paths.simple_json(project.name), simple_api.project_json(project, packages_url),
        )
        yield Page(
            paths.simple_html(project.name), simple_api.project_html(project, packages_url),
        )
        yield Page(paths.project_page(project.name), self._web.project(project))

    def month_pages(
            self, month: str, uploads: Sequence[Upload], beside: Neighbours,
    ) -> Iterator[Page]:
        """A month's pages. The oldest uploads are on the first one, so that a full page stays."""
        uploads = in_order(uploads)
        places = [
            paths.changelog_page(month, number)
            for number in range(1, page_count(len(uploads)) + 1)
        ]
        earlier = None if beside.earlier is None else paths.changelog_page(*beside.earlier)
        later = None if beside.later is None else paths.changelog_page(beside.later.month, 1)
        for place, before, after, start in zip(
                places, [earlier, *places], [*places[1:], later],
                range(0, len(uploads), UPLOADS_A_PAGE),
                strict=False,
        ):
            shown = uploads[start:start + UPLOADS_A_PAGE][::-1]
            yield Page(place, self._web.changelog_page(place, month, shown, before, after))

    def root_pages(
            self, projects: Sequence[ProjectSummary], months: Sequence[MonthSummary],
    ) -> Iterator[Page]:
        """The pages of the whole index, each after those that it links to."""
        uploads = newest_uploads(upload for month in months for upload in month.newest)
        names = [project.name for project in projects]
        yield Page(paths.SIMPLE_JSON, simple_api.projects_json(names))
        yield Page(paths.SIMPLE_HTML, simple_api.projects_html(names, self._options.generated))
        yield Page(paths.CHANGELOG, self._web.changelog(uploads, months))
        site_url = self._options.site_url
        if site_url is not None:
            yield Page(paths.UPDATES_FEED, self._web.updates_feed(projects, site_url))
            yield Page(paths.PACKAGES_FEED, self._web.packages_feed(projects, site_url))
        yield Page(paths.HOME, self._web.home(uploads, projects))


def neighbours(months: Sequence[MonthSummary]) -> dict[str, Neighbours]:
    """What stands beside each month; `months` are newest first."""
    dated = [Neighbour(month.month, month.pages) for month in months if month.month != UNDATED]
    around = {
        month.month: Neighbours(earlier, later)
        for month, earlier, later in zip(
            dated, [*dated[1:], None], [None, *dated], strict=False,
        )
    }
    return {UNDATED: Neighbours(None, None), **around}


def page_count(uploads: int) -> int:
    """How many pages a month of so many uploads has."""
    return -(-uploads // UPLOADS_A_PAGE)


def summarize_month(month: str, uploads: Sequence[Upload]) -> MonthSummary:
    return MonthSummary(month, page_count(len(uploads)), len(uploads), newest_uploads(uploads))


def _static_page(name: str) -> Page:
    """A file of the package, its content's hash in its name: it can be cached for good."""
    content = importlib.resources.files('dumb_pypi').joinpath('static', name).read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    stem, _, ending = name.rpartition('.')
    return Page(paths.static(f'{stem}-{digest}.{ending}'), content)
