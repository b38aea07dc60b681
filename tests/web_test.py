from __future__ import annotations

import json

import msgspec
import pytest

from dumb_pypi.options import PageOptions
from dumb_pypi.project import assemble
from dumb_pypi.summary import NewRelease
from dumb_pypi.summary import ProjectSummary
from dumb_pypi.templates import Templates
from dumb_pypi.urls import PackagesUrl
from dumb_pypi.web import readable_size
from dumb_pypi.web import Web
from tests.lists import file_of

SITE_URL = 'https://example.com/'


def web(logo: str | None = None) -> Web:
    options = PageOptions(packages_url=PackagesUrl('../../pool/'), logo=logo, site_url=SITE_URL)
    return Web(options, Templates(), 'static/style.css')


def project(number: int, releases: int = 0) -> ProjectSummary:
    """The project of that number, first and last seen in the second of that number."""
    name = f'p{number}'
    newest = [
        NewRelease(number + step / 1000, name, str(step), None)
        for step in reversed(range(releases))
    ]
    return ProjectSummary(
        name, None, number, number, newest[0].timestamp if newest else None, releases, releases,
        msgspec.Raw(msgspec.json.encode(newest)),
    )


@pytest.mark.parametrize(
    ('size', 'text'), (
        (0, '0 B'), (999, '999 B'), (1000, '1.0 kB'), (999_949, '999.9 kB'), (999_950, '1.0 MB'),
        (1_500_000_000, '1.5 GB'), (2 ** 63 - 1, '9.2 EB'), (10 ** 25, '10000000.0 EB'),
    ),
)
def test_readable_sizes(size: int, text: str) -> None:
    assert readable_size(size) == text


@pytest.mark.parametrize(
    ('logo', 'changelog_logo'), (
        ('logo.png', '../logo.png'), ('/logo.png', '/logo.png'),
        ('https://example.com/logo.png', 'https://example.com/logo.png'),
    ),
)
def test_a_logo_is_relative_to_the_home_page(logo: str, changelog_logo: str) -> None:
    assert f'<img src="{logo}"'.encode() in web(logo).home([], [])
    assert f'<img src="{changelog_logo}"'.encode() in web(logo).changelog([], [])
    assert b'<img' not in web().home([], [])


@pytest.mark.parametrize(
    ('filename', 'command'), (
        ('foo-1.0.zip', b'pip install --index-url https://example.com/simple/ foo==1.0<'),
        # A person who copies it must not run it.
        ('foo-1.0;rm -rf ~.zip', None),
        ('foo.zip', None),
    ),
)
def test_the_install_command_is_one(filename: str, command: bytes | None) -> None:
    file = file_of(json.dumps({'filename': filename}).encode())
    page = web().project(assemble(file.project, [file]))
    assert command is None or command in page
    assert (command is None) == (b'pip install' not in page)


def test_feeds_have_the_newest_and_not_too_many() -> None:
    projects = [project(number, releases=3) for number in range(1, 51)]
    updates = web().updates_feed(projects, SITE_URL).decode()
    assert updates.count('<item>') == 100
    assert updates.index('<title>p50 2<') < updates.index('<title>p50 1<')
    assert updates.index('<title>p50 0<') < updates.index('<title>p49 2<')
    packages = web().packages_feed(projects, SITE_URL).decode()
    assert packages.count('<item>') == 40
    assert packages.index('<title>p50 added<') < packages.index('<title>p49 added<')
    # Not the time of the newest item's first file: a later file of it counts.
    newer = msgspec.structs.replace(project(60), first_uploaded=1)
    assert '<lastBuildDate>Thu, 01 Jan 1970 00:01:00 GMT<' in web().packages_feed(
        [*projects, newer], SITE_URL,
    ).decode()


def test_a_feed_of_nothing_has_no_date() -> None:
    undated = msgspec.structs.replace(project(0), first_uploaded=None, last_uploaded=None)
    for feed in (web().updates_feed([undated], SITE_URL), web().packages_feed([undated], SITE_URL)):
        assert b'<item>' not in feed
        assert b'<lastBuildDate>' not in feed
