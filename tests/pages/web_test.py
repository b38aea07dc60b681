from __future__ import annotations

import msgspec
import pytest

from dumb_pypi.pages.feeds import Feeds
from dumb_pypi.pages.summaries import pack_releases, ProjectSummary
from dumb_pypi.pages.templates import Templates
from tests.support.markup import HtmlPage
from tests.support.project_pages import PLAIN_HTTP, SITE_URL, texts, web


def feeds() -> Feeds:
    return Feeds('My Private PyPI', SITE_URL, Templates())


def project(number: int, releases: int = 0, summary: str | None = None) -> ProjectSummary:
    """Return a project whose first and last upload are `number` seconds after 1970 began."""
    name = f'p{number}'
    newest = [(number + step / 1000, str(step), None) for step in range(releases)][::-1]
    return ProjectSummary(
        name, summary, number, number, newest[0][0] if newest else None, releases, releases,
        pack_releases(newest, summary),
    )


@pytest.mark.parametrize(
    ('logo', 'changelog_logo'), (
        ('logo.png', '../logo.png'), ('/logo.png', '/logo.png'),
        ('https://example.com/logo.png', 'https://example.com/logo.png'),
    ),
)
def test_logo_is_relative_to_home(logo: str, changelog_logo: str) -> None:
    """Other pages link to a relative logo from their own depth."""
    assert f'<img src="{logo}"'.encode() in web(logo).home([], [])
    assert f'<img src="{changelog_logo}"'.encode() in web(logo).changelog([], [], [])
    assert b'<img' not in web().home([], [])


def test_placeholder_is_explained() -> None:
    """If the public URL is unknown, the page says what to write in its place."""
    assert b'class="placeholder' in web(site_url=None).home([], [])
    assert b'class="placeholder' not in web().home([], [])


@pytest.mark.parametrize(('site_url', 'host'), PLAIN_HTTP)
def test_plain_http_needs_trusted_host(site_url: str, host: str | None) -> None:
    """pip trusts plain http of loopback hosts only."""
    home = HtmlPage(web(site_url=site_url).home([], []))
    command, *settings = texts(home, 'code')
    assert command.split()[4:] == [*([] if host is None else ['--trusted-host', host]), 'PROJECT']
    assert f'[global]\nindex-url = {site_url}simple/' + (
        '' if host is None else f'\ntrusted-host = {host}'
    ) in settings


def test_feeds_are_bounded() -> None:
    """A feed has the newest 100 releases or 40 projects, and the date of the newest upload."""
    projects = [project(number, releases=3) for number in range(1, 51)]
    updates = feeds().updates(projects).decode()
    assert updates.count('<item>') == 100
    assert updates.index('<title>p50 2<') < updates.index('<title>p50 1<')
    assert updates.index('<title>p50 0<') < updates.index('<title>p49 2<')
    packages = feeds().packages(projects).decode()
    assert packages.count('<item>') == 40
    assert packages.index('<title>p50 added<') < packages.index('<title>p49 added<')
    # The newest upload counts, even if it is not the first file of a release.
    newer = msgspec.structs.replace(project(60), first_uploaded=1)
    assert '<lastBuildDate>Thu, 01 Jan 1970 00:01:00 GMT<' in feeds().packages(
        [*projects, newer],
    ).decode()


def test_empty_feed_has_no_date() -> None:
    """Without a dated upload a feed has neither items nor a date."""
    undated = msgspec.structs.replace(project(0), first_uploaded=None, last_uploaded=None)
    for feed in (feeds().updates([undated]), feeds().packages([undated])):
        assert b'<item>' not in feed
        assert b'<lastBuildDate>' not in feed
