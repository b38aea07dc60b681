from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec
import pytest

from dumb_pypi.model.project import assemble, Project
from dumb_pypi.model.project_facts import ProjectFacts
from dumb_pypi.pages.feeds import Feeds
from dumb_pypi.pages.summaries import NewRelease, ProjectSummary
from dumb_pypi.pages.templates import Templates
from dumb_pypi.pages.views import readable_size
from dumb_pypi.pages.web import StaticFiles, Web
from tests.support.lists import file_of
from tests.support.markup import HtmlPage, text_of
from tests.support.options import page_options

SITE_URL = 'https://example.com/'
STATIC = StaticFiles(
    'static/style.css', 'static/script.js', 'static/search.js', 'static/icon.svg',
    'static/icons.svg', None,
)


def web(logo: str | None = None, site_url: str | None = SITE_URL) -> Web:
    options = page_options(logo=logo, site_url=site_url)
    return Web(options, Templates(), STATIC)


def feeds() -> Feeds:
    return Feeds('My Private PyPI', SITE_URL, Templates())


def project(number: int, releases: int = 0, summary: str | None = None) -> ProjectSummary:
    """Return a project whose first and last upload are `number` seconds after 1970 began."""
    name = f'p{number}'
    newest = [
        NewRelease(number + step / 1000, name, str(step), None) for step in range(releases)
    ][::-1]
    return ProjectSummary(
        name, summary, number, number, newest[0].timestamp if newest else None, releases, releases,
        msgspec.Raw(msgspec.json.encode(newest)),
    )


def project_of(*lines: Mapping[str, object], status: str = 'active') -> Project:
    files = [file_of(json.dumps(line).encode()) for line in lines]
    return assemble(files[0].project, files, ProjectFacts(files[0].project, status))


def page_of(*lines: Mapping[str, object], status: str = 'active') -> HtmlPage:
    return HtmlPage(web().project(project_of(*lines, status=status), None))


def texts(page: HtmlPage, name: str) -> list[str]:
    return [text_of(element) for element in page.named(name)]


@pytest.mark.parametrize(
    ('size', 'text'), (
        (0, '0 B'), (999, '999 B'), (1000, '1.0 kB'), (999_949, '999.9 kB'), (999_950, '1.0 MB'),
        (1_500_000_000, '1.5 GB'), (2 ** 63 - 1, '9.2 EB'), (10 ** 25, '10000000.0 EB'),
    ),
)
def test_readable_sizes(size: int, text: str) -> None:
    """A size has a decimal unit and one digit after the point."""
    assert readable_size(size) == text


@pytest.mark.parametrize(
    ('logo', 'changelog_logo'), (
        ('logo.png', '../logo.png'), ('/logo.png', '/logo.png'),
        ('https://example.com/logo.png', 'https://example.com/logo.png'),
    ),
)
def test_logo_is_relative_to_home(logo: str, changelog_logo: str) -> None:
    """Other pages link to a relative logo from their own depth."""
    assert f'<img src="{logo}"'.encode() in web(logo).home([], [])
    assert f'<img src="{changelog_logo}"'.encode() in web(logo).changelog([], [])
    assert b'<img' not in web().home([], [])


@pytest.mark.parametrize(
    ('filename', 'command'), (
        ('foo-1.0.zip', b'pip install --index-url https://example.com/simple/ foo==1.0<'),
        ('foo-1!2.0+a.zip', b'https://example.com/simple/ &#39;foo==1!2.0+a&#39;<'),
        # Somebody who copies it must not run it.
        ('foo-1.0;rm -rf ~.zip', None),
        ('foo.zip', None),
    ),
)
def test_install_command(filename: str, command: bytes | None) -> None:
    """A version that a shell might run has no command."""
    page = web().project(project_of({'filename': filename}), None)
    assert command is None or command in page
    assert (command is None) == (b'pip install' not in page)


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


def test_commands_have_index_url() -> None:
    """If the public URL is unknown, a placeholder is explained."""
    page = page_of({'filename': 'foo-1.0.zip'})
    assert texts(page, 'code') == [
        'pip install --index-url https://example.com/simple/ foo==1.0',
        'uv add --default-index https://example.com/simple/ foo==1.0',
        'poetry add foo==1.0',
        'pdm add foo==1.0',
    ]
    assert 'class="placeholder"' not in page.source
    unknown = web(site_url=None).project(project_of({'filename': 'foo-1.0.zip'}), None)
    assert b'class="placeholder"' in unknown
    assert b'class="placeholder"' in web(site_url=None).home([], [])


@pytest.mark.parametrize(('site_url', 'host'), (
    ('https://example.com/', None),
    ('http://example.com:8080/', 'example.com'),
    ('http://192.0.2.1/', '192.0.2.1'),
    ('http://[2001:db8::1]:80/', '2001:db8::1'),
    ('http://127.example.com/', '127.example.com'),
    ('http://127.0.0.2:8000/', None),
    ('http://localhost/', None),
    ('http://[::1]/', None),
))
def test_plain_http_needs_trusted_host(site_url: str, host: str | None) -> None:
    """pip trusts plain http of loopback hosts only."""
    trusting = [] if host is None else ['--trusted-host', host]
    page = web(site_url=site_url).project(project_of({'filename': 'foo-1.0.zip'}), None)
    assert texts(HtmlPage(page), 'code')[0].split() == [
        'pip', 'install', '--index-url', f'{site_url}simple/', *trusting, 'foo==1.0',
    ]
    home = HtmlPage(web(site_url=site_url).home([], []))
    command, *settings = texts(home, 'code')
    assert command.split()[4:] == [*trusting, 'PROJECT']
    assert f'[global]\nindex-url = {site_url}simple/' + (
        '' if host is None else f'\ntrusted-host = {host}'
    ) in settings


def test_quarantined_project_offers_nothing() -> None:
    """Its page lists files without links, and has no install command."""
    page = page_of({'filename': 'foo-1.0.zip', 'core_metadata': 'true'}, status='quarantined')
    assert 'This project is quarantined: its files are not offered.' in page.source
    assert '../pool/' not in page.source
    assert 'pip install' not in page.source
    assert texts(page, 'td')[0].strip() == 'foo-1.0.zip'


@pytest.mark.parametrize(('requirement', 'link'), (
    ('foo', '../../?q=foo'),
    ('Foo.Bar_baz>=1 ; extra == "x"', '../../?q=Foo.Bar_baz'),
    ('foo[a,b]>=1', '../../?q=foo'),
    ('a', '../../?q=a'),
    ('(nothing)', None),
    ('', None),
))
def test_dependency_links_to_search(requirement: str, link: str | None) -> None:
    """The dependency may not be in the index, and the page depends on no other project."""
    page = page_of({'filename': 'foo-1.0.zip', 'requires_dist': [requirement]})
    assert requirement in texts(page, 'li')
    assert [found.url for found in page.links() if '?q=' in found.url] == (
        [] if link is None else [link]
    )


@pytest.mark.parametrize(('marker', 'optional'), (
    ('', False),
    ('; python_version < "3.9"', False),
    (' ; extra == "x"', True),
    ("; (os_name == 'nt') and extra=='x'", True),
    ('; "x" == extra', True),
    ("; 'extra' == os_name", False),
    (' @ https://example.com/extra==1', False),
))
def test_optional_dependencies_are_folded(marker: str, optional: bool) -> None:
    """A dependency whose marker names an extra is optional."""
    requirements = [f'bar{marker}', 'foo']
    page = page_of({'filename': 'foo-1.0.zip', 'requires_dist': requirements})
    assert ('Optional dependencies: 1' in texts(page, 'summary')) == optional
    assert texts(page, 'li')[-2:] == (requirements[::-1] if optional else requirements)


def test_upload_time_has_minutes() -> None:
    """Upload times are in UTC, to the minute."""
    page = page_of({'filename': 'foo-1.0.zip', 'upload_timestamp': 1706702459})
    assert texts(page, 'td')[2] == '2024-01-31 12:00'
    assert texts(page, 'th')[2] == 'Uploaded (UTC)'


@pytest.mark.parametrize(('facts', 'columns'), (
    ({}, []),
    ({'size': 0}, ['Size']),
    ({'upload_timestamp': 0}, ['Uploaded (UTC)']),
    ({'uploaded_by': 'ana'}, ['Uploaded (UTC)']),
    ({'hash': f'sha256={"a" * 64}'}, ['Hash']),
    (
        {'size': 1, 'upload_timestamp': 1, 'hash': f'sha256={"a" * 64}'},
        ['Size', 'Uploaded (UTC)', 'Hash'],
    ),
))
def test_empty_columns_are_omitted(facts: dict[str, object], columns: list[str]) -> None:
    """All tables of a project have the same columns."""
    page = page_of({'filename': 'foo-1.0.zip'}, {'filename': 'foo.zip', **facts})
    assert texts(page, 'th') == ['File', 'For', *columns] * 2
    assert len(page.named('td')) == len(page.named('th'))


def test_common_facts_are_shown_once() -> None:
    """What a file has in common with its release is shown at the release."""
    page = page_of(
        {'filename': 'foo-1-py3-none-any.whl', 'requires_python': '>=3.8', 'yanked_reason': 'bad'},
        {'filename': 'foo-1.zip', 'requires_python': '>=3.8', 'yanked_reason': 'bad'},
        {'filename': 'foo-1.tar', 'requires_python': '>=3.9', 'yanked_reason': ''},
    )
    assert page.source.count('bad') == 1
    kinds = texts(page, 'td')[1::2]
    assert kinds == ['Python 3; any system', 'Source; requires Python >=3.9', 'Source']
    assert texts(page, 'td')[2].split() == ['foo-1.tar', 'yanked']


@pytest.mark.parametrize(('filename', 'kind'), (
    ('foo-1.0.tar.gz', 'Source'),
    ('foo-1.0-py2.7.egg', 'Egg, Python 2.7'),
    ('foo-1.0.win32-py2.7.exe', 'Windows installer, Python 2.7'),
    ('foo-1.0.win32.msi', 'Windows installer'),
    ('foo-1.0.linux-x86_64.tar.gz', 'Binary archive'),
    ('foo-1.0-1.noarch.rpm', 'RPM package'),
    ('foo-1.0.dmg', 'macOS disk image'),
    ('foo-1.0-cp311-cp311-win_amd64.whl', 'CPython 3.11; Windows, x86-64'),
))
def test_kind_of_file(filename: str, kind: str) -> None:
    """A file has a description of its kind, Python and platform."""
    assert texts(page_of({'filename': filename}), 'td')[1] == kind


@pytest.mark.parametrize(('lines', 'fact'), (
    ([{'filename': 'foo-1.0.zip'}], 'Latest version 1.0'),
    ([{'filename': 'foo-1.0rc1.zip'}], 'Latest version 1.0rc1 pre-release'),
    ([{'filename': 'foo-1.0.zip', 'yanked_reason': ''}], 'Latest version 1.0 yanked'),
    (
        [{'filename': 'foo-1.0rc1.zip', 'yanked_reason': 'a', 'upload_timestamp': 0}],
        'Latest version 1.0rc1 pre-release yanked, uploaded 1970-01-01',
    ),
    ([{'filename': 'foo-1.0.zip'}, {'filename': 'foo-2.0rc1.zip'}], 'Latest version 1.0'),
))
def test_latest_version_is_marked(lines: list[dict[str, object]], fact: str) -> None:
    """The latest version says whether it is a pre-release or yanked."""
    assert fact in texts(page_of(*lines), 'li')


@pytest.mark.parametrize(('filename', 'status', 'explained'), (
    ('foo-1.0.zip', 'active', False),
    ('foo-some-version.zip', 'active', True),
    ('foo.zip', 'active', True),
    # The page says so at its top.
    ('foo.zip', 'quarantined', False),
))
def test_missing_install_command_is_explained(filename: str, status: str, explained: bool) -> None:
    """A quarantined project has its explanation elsewhere."""
    page = page_of({'filename': filename}, status=status)
    assert ('There is no command for it' in page.source) == explained


def test_older_releases_are_folded() -> None:
    """The newest releases are unfolded, and so is the latest, however old."""
    def folds(page: HtmlPage) -> list[str]:
        releases = zip(page.named('details'), texts(page, 'h3'), strict=True)
        return [name for details, name in releases if 'open' in details.attrs]

    few = page_of(*({'filename': f'foo-{number}.zip'} for number in range(30)))
    assert len(folds(few)) == 30
    many = page_of(
        {'filename': 'foo-0.zip'},
        *({'filename': f'foo-{number}.zip', 'yanked_reason': ''} for number in range(1, 99)),
    )
    assert len(many.named('tr')) == 198
    assert folds(many) == [*(str(number) for number in range(98, 68, -1)), '0']
    big = page_of(
        *({'filename': f'foo-1-cp3{minor}-none-any.whl'} for minor in range(40)),
        {'filename': 'foo-0.zip'},
    )
    assert folds(big) == ['1']


def test_unversioned_files_come_last() -> None:
    """They follow the releases, and are unfolded if there are none."""
    page = page_of({'filename': 'foo.zip'}, {'filename': 'foo-1.0.zip'})
    assert texts(page, 'h3') == ['1.0', 'Files without a version']
    [only] = page_of({'filename': 'foo.zip'}).named('details')
    assert only.attrs == {'class': 'release', 'open': ''}
