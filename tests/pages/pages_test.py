"""Every page of every kind of tree is valid and inert, and its links work."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dumb_pypi.commands import build as main
from dumb_pypi.commands import console
from tests.support import trees
from tests.support.markup import HtmlPage, is_web_link, Link, text_of
from tests.support.recipes import RECIPES
from tests.support.trees import SERVER, SITE_URL, Tree

# Keys of JSON pages whose values are URLs; the values of `project_urls` are URLs too.
URL_KEYS = frozenset((
    'docs_url', 'download_url', 'home_page', 'package_url', 'project_url', 'provenance',
    'release_url', 'url',
))
BEGINNING = '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
LONG_AGO = 10**18  # nanoseconds since 1970


@pytest.fixture(scope='module', params=RECIPES)
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return trees.build(tmp_path_factory.mktemp('tree') / 'web', RECIPES[request.param])


@pytest.fixture(scope='module')
def pages(tree: Tree) -> dict[str, HtmlPage]:
    return {page: HtmlPage(tree.read(page)) for page in tree.html_pages}


def page_with(body: str) -> HtmlPage:
    return HtmlPage(f'{BEGINNING}<title>a</title></head>\n<body>{body}</body></html>'.encode())


def json_links(value: Any, key: str = '') -> Iterator[str]:
    if isinstance(value, dict):
        for inner_key, inner in value.items():
            yield from json_links(inner, 'url' if key == 'project_urls' else inner_key)
    elif isinstance(value, list):
        for inner in value:
            yield from json_links(inner)
    elif key in URL_KEYS and value is not None:
        yield value


def broken(tree: Tree, page: str, links: list[str]) -> list[str]:
    """Return those links of a page to the tree's own server that have no file."""
    urls = [tree.absolute(page, link) for link in links]
    return [url for url in urls if url.startswith(SERVER) and not tree.found(url)]


@pytest.mark.parametrize(('wrong', 'problem'), (
    ('<p>a & b</p>', '& is not escaped'),
    ('<p title="a&copy=b">a</p>', '& is not escaped'),
    ('<p><b>a</p>', "('p', None) is understood as ('b', None)"),
    ('<p><ul></ul></p>', 'unexpected-end-tag'),
    ('<table><tr><td>a</td></tr></table>', "is understood as ('tbody'"),
    ('<a href="a"><a href="b">a</a></a>', 'understood'),
    ('<p id="a" id="b">a</p>', '<p> has an attribute twice'),
    ('<p id="a">a</p><p id="a">b</p>', "id 'a' is there twice"),
    ('<p>\x01</p>', 'is no character'),
    ('<!-- a -->', 'a comment'),
    ('<p id="a>b</p>', 'eof-in-tag'),
))
def test_checker_finds_problems(wrong: str, problem: str) -> None:
    """The checks of these tests can fail: each mistake is found, and a page without it passes."""
    assert page_with('<p>a</p>').problems() == []
    assert problem in ' '.join(page_with(wrong).problems())


@pytest.mark.parametrize(('active', 'danger'), (
    ('<script>alert(1)</script>', '<script >'),
    ('<script src="a.js">alert(1)</script>', '<script >'),
    ('<style>p {color: red}</style>', '<style >'),
    ('<p onclick="alert(1)">a</p>', '<p onclick>'),
    ('<p style="color: red">a</p>', '<p style>'),
    ('<a href=" java\nscript:alert(1)">a</a>', '<a href>'),
    ('<form action="data:text/html,a"></form>', '<form action>'),
    ('<svg><a></a></svg>', '<svg >'),
    ('<svg><use href="data:image/svg+xml,a"></use></svg>', '<use href>'),
))
def test_checker_finds_active_content(active: str, danger: str) -> None:
    """The check for scripts, styles and schemes can fail."""
    assert danger in page_with(active).dangers()


def test_every_kind_of_page_exists(tree: Tree) -> None:
    """The other tests check the pages that exist, so all have to exist."""
    roots = {'index.html', 'packages.json', 'simple/index.html', 'simple/index.json',
             'changelog/index.html', 'projects/index.html', '404.html'}
    if '--site-url' in tree.recipe.options:
        roots |= {'rss/updates.xml', 'rss/packages.xml'}
    listed = [project['name'] for project in tree.read_json('simple/index.json')['projects']]
    pages = set(tree.pages)
    assert roots <= pages
    assert (len(listed) > 0) == (tree.recipe.lines != b'')
    assert pages >= {
        page for name in listed for page in (
            f'simple/{name}/index.html', f'simple/{name}/index.json',
            f'project/{name}/index.html', f'pypi/{name}/json',
        )
    }


def test_pages_are_valid_html(pages: dict[str, HtmlPage]) -> None:
    """A browser has nothing to repair, to close or to move."""
    problems = {page: html.problems() for page, html in pages.items()}
    assert {page: found for page, found in problems.items() if found} == {}


def test_pages_have_language_and_title(pages: dict[str, HtmlPage]) -> None:
    """A language for screen readers, a character set before any text, and one title."""
    for page, html in pages.items():
        assert html.source.startswith(BEGINNING), page
        assert [text_of(title).strip() != '' for title in html.named('title')] == [True], page
        assert len(html.named('h1')) == 1, page
        assert all('alt' in image.attrs for image in html.named('img')), page


def test_pages_are_inert(pages: dict[str, HtmlPage]) -> None:
    """No page has a script, style or handler, or a link of another scheme than http(s)."""
    dangers = {page: html.dangers() for page, html in pages.items()}
    assert {page: found for page, found in dangers.items() if found} == {}


def test_pages_load_nothing_from_elsewhere(tree: Tree, pages: dict[str, HtmlPage]) -> None:
    """A browser requests only files of the index."""
    fetched = {
        tree.absolute(page, link.url)
        for page, html in pages.items() for link in html.links() if link.fetched
    }
    assert {url for url in fetched if not url.startswith(SITE_URL)} == set()


def test_other_hosts_come_from_list(tree: Tree, pages: dict[str, HtmlPage]) -> None:
    """Pages link to no other host than those of the lists."""
    hosts = {
        urlsplit(tree.absolute(page, link.url)).hostname
        for page, html in pages.items() for link in html.links()
    }
    assert hosts <= {urlsplit(SERVER).hostname, 'example.com', 'git.example.com'}


def test_links_of_html_pages_work(tree: Tree, pages: dict[str, HtmlPage]) -> None:
    """Each link to the index has a file."""
    links = {page: [link.url for link in html.links()] for page, html in pages.items()}
    dead = {page: broken(tree, page, urls) for page, urls in links.items()}
    assert {page: found for page, found in dead.items() if found} == {}


def test_links_of_json_pages_work(tree: Tree) -> None:
    """Each link of the simple API and of the JSON API has a file, at any depth."""
    links = {
        page: list(json_links(tree.read_json(page)))
        for page in tree.simple_json_pages + tree.json_api_pages
    }
    dead = {page: broken(tree, page, urls) for page, urls in links.items()}
    assert {page: found for page, found in dead.items() if found} == {}
    assert all(is_web_link(url) for urls in links.values() for url in urls)


def test_release_url_has_its_anchor(tree: Tree, pages: dict[str, HtmlPage]) -> None:
    """The JSON API links to a release on a page of its project."""
    for page in tree.json_api_pages:
        url, _, anchor = tree.absolute(
            page, tree.read_json(page)['info']['release_url'],
        ).partition('#')
        target = url.removeprefix(SITE_URL) + 'index.html' * url.endswith('/')
        assert not anchor or anchor in pages[target].ids, page


def test_site_url_is_in_json_api(tree: Tree) -> None:
    """All URLs are absolute with a public URL, and relative without one."""
    for page in tree.json_api_pages:
        content = tree.read_json(page)
        own = [content['info'][key] for key in ('package_url', 'project_url', 'release_url')]
        files = [file['url'] for file in content['urls']]
        if '--site-url' in tree.recipe.options:
            assert all(url.startswith(SITE_URL) for url in own)
            assert all('://' in url for url in files)
        else:
            assert not any('://' in url for url in own)


def test_site_url_is_in_simple_json(tree: Tree) -> None:
    """With a public URL, a client of the simple JSON need not resolve any URL."""
    urls = [
        file['url'] for page in tree.simple_json_pages for file in tree.read_json(page)['files']
    ]
    if '--site-url' in tree.recipe.options:
        assert all(url.startswith(('http://', 'https://')) for url in urls)
    else:
        assert any('://' not in url for url in urls)


def test_every_listed_file_is_offered(tree: Tree, pages: dict[str, HtmlPage]) -> None:
    """`packages.json` has the files of the simple pages, and of quarantined projects."""
    listed = [json.loads(line)['filename'] for line in tree.read('packages.json').splitlines()]
    offered = [
        text_of(anchor)
        for page, html in pages.items() if Path(page).match('simple/*/index.html')
        for anchor in html.named('a')
    ]
    held = [name for name in listed if name.startswith('ocelot') and tree.quarantines_ocelot]
    assert sorted(listed) == sorted([*offered, *held])


@pytest.mark.parametrize('name', RECIPES)
def test_builds_are_reproducible(name: str, tmp_path: Path) -> None:
    """Two builds of a list give the same bytes."""
    first = trees.build(tmp_path / 'one' / 'web', RECIPES[name])
    second = trees.build(tmp_path / 'two' / 'web', RECIPES[name])
    assert first.pages == second.pages
    for page in first.pages:
        assert first.read(page) == second.read(page), page


@pytest.mark.parametrize('name', RECIPES)
def test_same_list_touches_nothing(name: str, tmp_path: Path) -> None:
    """A sync by modification time has nothing to copy."""
    command = [*trees.write_lists(tmp_path, RECIPES[name]), '--output-dir', str(tmp_path / 'out')]
    assert main.main(command) == console.DONE
    tree = Tree(tmp_path / 'out', RECIPES[name])
    for page in tree.pages:
        os.utime(tree.root / page, ns=(LONG_AGO, LONG_AGO))
    before = tree.pages
    assert main.main(command) == console.DONE
    assert tree.pages == before
    assert {page for page in before if (tree.root / page).stat().st_mtime_ns != LONG_AGO} == set()


def test_month_of_several_pages(tmp_path: Path) -> None:
    """1,200 uploads fill three pages, newest first on each, linked both ways."""
    tree = trees.build(tmp_path / 'web', RECIPES['a crowded month'])
    html = {
        number: HtmlPage(tree.read(f'changelog/2024-02{number}.html'))
        for number in ('', '-2', '-3')
    }
    assert [
        sum(text_of(names).count('.whl') for names in page.named('details'))
        for page in html.values()
    ] == [500, 500, 200]
    for page in html.values():
        first, *_, last = [
            text_of(time) for time in page.named('time') if ':' in text_of(time)
        ][::-1]
        [heading], [title] = page.named('h1'), page.named('title')
        assert text_of(heading) == 'February 2024'
        # The title has the part of the month.
        assert f'2024-02-01, {first} to {last}' in text_of(title)
    # Oldest first: the month before, this month's pages, the month after.
    chain = ['2024-01-2', '2024-02', '2024-02-2', '2024-02-3', '2024-03']
    for page, earlier, later in zip(html.values(), chain, chain[2:], strict=False):
        links = page.links()
        assert Link(f'../changelog/{earlier}.html', fetched=False) in links
        assert Link(f'../changelog/{later}.html', fetched=False) in links
    assert '2024-02-3.html' in {
        Path(link.url).name for link in HtmlPage(tree.read('changelog/index.html')).links()
    }
    shown = [text_of(time) for time in html['-3'].named('time') if ':' in text_of(time)]
    assert shown == sorted(shown, reverse=True)
