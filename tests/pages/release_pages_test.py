from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import unquote, urljoin

import msgspec
import pytest
from packaging.utils import canonicalize_name

from dumb_pypi.model.project import assemble, Project
from dumb_pypi.pages import list_views, paths, release_pages, release_views
from dumb_pypi.pages.feeds import Feeds
from dumb_pypi.pages.release_pages import page_starts, url_of_release, urls_of_releases
from dumb_pypi.pages.site import Site
from dumb_pypi.pages.summaries import pack_releases, summarize
from dumb_pypi.pages.templates import Templates
from tests.support.lists import file_of
from tests.support.markup import HtmlPage, text_of
from tests.support.options import page_options
from tests.support.project_pages import all_pages
from tests.support.sound import links

SITE_URL = 'https://index.example.com/'


def project_of(releases: Iterable[tuple[str, int]], unversioned: int = 0) -> Project:
    """Return a project with a number of files of each release."""
    names = [
        *(f'f_o_o-{version}-py3-none-x{number}.whl'
          for version, count in releases for number in range(count)),
        # Many spellings of one name.
        *(f'f{"_" * (1 + number % 99)}o{"_" * (1 + number // 99)}o.zip'
          for number in range(unversioned)),
    ]
    lines: list[dict[str, object]] = [{
        'filename': name, 'upload_timestamp': index,
    } for index, name in enumerate(names)]
    return assemble(
        canonicalize_name('f-o-o'), [file_of(json.dumps(line).encode()) for line in lines],
    )


def pages_of(project: Project) -> dict[str, bytes]:
    site = Site(page_options(site_url=SITE_URL), Templates())
    return {page.path: page.content for page in all_pages(site, project)}


def release_page_paths(pages: Iterable[str]) -> list[str]:
    return sorted(page for page in pages if '/releases-' in page)


def versions(count: int) -> list[tuple[str, int]]:
    return [(f'{number}.0', 1) for number in range(count)]


@pytest.mark.parametrize(('sizes', 'unversioned', 'older', 'starts'), (
    ([], 0, [], ()),
    ([], 200, [], ()),
    ([99], 0, [], ()),
    ([1] * 99, 0, [], ()),
    # The last full block is shown, so that the page is never almost empty.
    ([1] * 100, 0, [50], ('50.0',)),
    ([1] * 149, 0, [50], ('50.0',)),
    ([1] * 150, 0, [50, 50], ('50.0', '100.0')),
    # A release is never divided.
    ([49, 500, 50, 1], 0, [549], ('2.0',)),
    ([500, 500], 0, [500], ('1.0',)),
    # Files without a version come before all releases.
    ([30, 40, 30], 20, [50], ('1.0',)),
    ([50], 50, [50], ('0.0',)),
    ([49], 500, [], ()),
))
def test_blocks(
        sizes: Sequence[int], unversioned: int, older: Sequence[int], starts: tuple[str, ...],
) -> None:
    """Blocks of at least 50 files are cut from the lowest release up; each file is in one."""
    project = project_of([(f'{number}.0', size) for number, size in enumerate(sizes)], unversioned)
    blocks = release_pages.blocks(project)
    assert [len(block.files) for block in blocks.older] == older
    assert (*(file for block in (*blocks.older, blocks.shown) for file in block.files),) == (
        project.files
    )
    assert page_starts(project) == starts


def test_new_release_rewrites_no_release_page() -> None:
    """A newer release changes no release page, and adds at most one."""
    before: dict[str, bytes] = {}
    for count in range(95, 260):
        # Neither is the latest release on a release page.
        pages = pages_of(project_of([*versions(count), (f'{count}.0rc1', 3)]))
        found = {path: pages[path] for path in release_page_paths(pages)}
        assert found.items() >= before.items()
        assert len(found) <= len(before) + 1
        before = found
    assert [*before] == [f'project/f-o-o/releases-{number}.html' for number in (1, 2, 3, 4)]


def test_release_pages_link_to_earlier_ones() -> None:
    """A release page links to the project's page and to older ones, so to no later one."""
    pages = pages_of(project_of(versions(200)))
    one, two, three = (f'project/f-o-o/releases-{number}.html' for number in (1, 2, 3))
    project = 'project/f-o-o/index.html'
    assert {
        page: {*links(page, pages[page])} & {project, one, two, three} - {page}
        for page in (one, two, three, project)
    } == {
        one: {project}, two: {project, one}, three: {project, two, one}, project: {one, two, three},
    }


def links_to_releases(project: Project) -> Iterator[tuple[str, str]]:
    """Yield each release and the URL of a link to it."""
    summary = summarize(project)
    for path, content in pages_of(project).items():
        if path.startswith('pypi/'):
            info = json.loads(content)['info']
            yield info['version'], info['release_url']
    feed = Feeds('', SITE_URL, Templates()).updates([summary]).decode()
    yield from re.findall(r'<title>f-o-o (.*?)</title>.*?<guid[^>]*>(.*?)</guid>', feed, re.DOTALL)
    for release in project.releases:
        [day] = list_views.news_views([], [msgspec.structs.replace(
            summary, newest=pack_releases([(1, release.name, None)], None), last_release=1,
        )])
        yield release.name, urljoin(SITE_URL, day.news[0].release_url or '')


def test_links_lead_to_releases() -> None:
    """Every link to a release goes to the page that shows it."""
    project = project_of([
        ('2013-11-14', 1), ('0.1', 30), ('1.0+a.b', 30), ('1.0.post1', 30), ('1!2.0', 30),
        *versions(100),
    ], unversioned=3)
    pages = pages_of(project)
    found: dict[str, int] = {}
    for release, url in links_to_releases(project):
        page, _, fragment = url.removeprefix(SITE_URL).partition('#')
        path = f'{page}index.html' if page.endswith('/') else page
        assert f'id="{fragment}"'.encode() in pages[path], url
        assert unquote(fragment) == release
        found[path] = found.get(path, 0) + 1
    assert len(found) == len(release_page_paths(pages)) + 1 > 3


@pytest.mark.parametrize(('number', 'shown'), (
    (1, '1'), (3, '321'), (8, '87654321'), (9, '987654321'),
    (30, '3029282726252423…1'),
))
def test_numbers_of_release_pages(number: int, shown: str) -> None:
    """They begin with the page itself and end with the oldest one."""
    views = release_views.page_numbers('foo', number)
    assert ''.join('…' * view.gap + str(view.number) for view in views) == shown
    assert [view.number for view in views if view.current] == [number]


@pytest.mark.parametrize(('sizes', 'shown', 'listed'), (
    ([20] * 34, 4, 16), ([60] * 3, 1, 2), ([1] * 150, 50, 0), ([1] * 99, 99, 0), ([], 0, 0),
))
def test_large_releases_are_listed(sizes: Sequence[int], shown: int, listed: int) -> None:
    """The page has the 20 newest releases; some are links to their place on another page."""
    project = project_of([(f'{number}.0', size) for number, size in enumerate(sizes)])
    pages = pages_of(project)
    source = pages['project/f-o-o/index.html'].decode()
    rows = re.findall('<div class="row"><b><a href="(.*?)#(.*?)">(.*?)</a>', source)
    newest = [release.name for release in reversed(project.releases)]
    assert re.findall(r'<summary><b>([\d.]+)', source) == newest[:shown]
    assert [name for _, _, name in rows] == newest[shown:shown + listed]
    for page, anchor, name in rows:
        assert f'id="{anchor}"' in pages[urljoin('project/f-o-o/', page)].decode()
        assert anchor == name


def test_listed_release_has_its_facts() -> None:
    """A row has the date, Python versions and number of files, and says what is unusual."""
    lines: list[dict[str, object]] = [
        {'filename': f'foo-{version}-py3-none-x{number}.whl', **facts}
        for version, facts in (
            ('3rc1', {}), ('2', {'upload_timestamp': 0, 'requires_python': '>=3.9'}),
            ('1.5', {'yanked_reason': ''}), ('1rc1', {}),
        ) for number in range(60 if version == '3rc1' else 50)
    ]
    page = HtmlPage({
        rendered.path: rendered.content for rendered in Site(
            page_options(site_url=SITE_URL), Templates(),
        ).web_pages([assemble(canonicalize_name('foo'), [
            file_of(json.dumps(line).encode()) for line in lines
        ])], [None])[0]
    }['project/foo/index.html'])
    assert [text_of(row) for row in page.elements if row.attrs.get('class') == 'row'] == [
        '2 latest50 filesPython 3.9 or newer1970-01-01', '1.5 yanked50 files',
        '1rc1 pre-release50 files',
    ]


def test_url_of_missing_release() -> None:
    """A release that is not there has the page on which it would be."""
    assert url_of_release('foo', (), '1.0') == 'project/foo/'
    assert url_of_release('foo', ('2.0', '3.0'), 'oops') == 'project/foo/releases-1.html'
    assert url_of_release('foo', ('2.0', '3.0'), '2.5') == 'project/foo/releases-2.html'
    assert url_of_release('foo', ('2.0', '3.0'), '3.0') == 'project/foo/'


@pytest.mark.parametrize('count', (0, 1, 60, 150, 400))
def test_urls_of_all_releases(count: int) -> None:
    """The URLs of all releases are those of each release, also of versions that are not PEP 440."""
    unusual = [(f'1.{number}-x', 2) for number in range(count // 3)]
    project = project_of([*versions(count), *unusual], unversioned=2)
    starts = page_starts(project)
    assert urls_of_releases(project) == {
        release.name: url_of_release(project.name, starts, release.name)
        for release in project.releases
    }
    assert len({*urls_of_releases(project).values()}) == (max(len(starts) + 1, 1) if count else 0)


def test_builds_know_release_pages() -> None:
    """The pages that builds delete are those that `Site` renders, in the same order."""
    project = project_of(versions(150))
    summary = summarize(project)
    assert [*pages_of(project)] == [*paths.pages_of_project(
        project.name, [release.name for release in project.releases], len(summary.page_starts),
    )]
    assert msgspec.json.decode(msgspec.json.encode(summary), type=type(summary)) == summary
