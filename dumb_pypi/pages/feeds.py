"""The RSS 2.0 feeds of the latest releases and of the newest projects."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dumb_pypi.model import times, urls
from dumb_pypi.pages import paths
from dumb_pypi.pages.release_pages import url_of_release
from dumb_pypi.pages.summaries import newest_releases, ProjectSummary
from dumb_pypi.pages.templates import Templates

NEWEST_PROJECTS = 40


class ItemView(NamedTuple):
    """An item of a feed; `date` is in RFC 822 form."""
    title: str
    link: str
    guid: str
    description: str | None
    date: str


class Feeds:
    """Renders the feeds of an index; their links are absolute, so they need its public URL."""

    def __init__(self, title: str, site_url: str, templates: Templates) -> None:
        self._title = title
        self._site_url = site_url
        self._templates = templates

    def updates(self, projects: Sequence[ProjectSummary]) -> bytes:
        """Render the feed of the latest releases."""
        newest = newest_releases(projects)
        names = {new.project for new in newest}
        starts = {
            project.name: project.page_starts for project in projects if project.name in names
        }
        return self._render(paths.UPDATES_FEED, 'latest releases', projects, [
            self._item(
                f'{new.project} {new.release}',
                url_of_release(new.project, starts[new.project], new.release),
                new.timestamp, new.summary, anchor=f'#{urls.quote_path(new.release)}',
            ) for new in newest
        ])

    def packages(self, projects: Sequence[ProjectSummary]) -> bytes:
        """Render the feed of the newest projects."""
        dated = sorted((
            (project.first_uploaded, project.name, project.summary)
            for project in projects if project.first_uploaded is not None
        ), reverse=True)
        return self._render(paths.PACKAGES_FEED, 'newest projects', projects, [
            self._item(
                f'{name} added', paths.folder(paths.project_page(name)), timestamp, summary,
            )
            for timestamp, name, summary in dated[:NEWEST_PROJECTS]
        ])

    def _render(
            self, page: str, what: str, projects: Iterable[ProjectSummary],
            items: Sequence[ItemView],
    ) -> bytes:
        # The build date is the newest upload's, so that the same list gives the same bytes.
        built = max((project.last_uploaded or 0 for project in projects), default=0)
        return self._templates.render('feed.xml', {
            'title': f'{self._title}: {what}',
            'site_url': self._site_url,
            'feed_url': self._site_url + page,
            'built': times.rfc822(built) if built else None,
            'items': items,
        })

    def _item(
            self, title: str, page: str, timestamp: float, description: str | None, *,
            anchor: str = '',
    ) -> ItemView:
        link = self._site_url + page
        return ItemView(title, link, link + anchor, description, times.rfc822(timestamp))
