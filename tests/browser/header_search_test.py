"""The search box in the header of every page, with and without what it needs."""
from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, Page

from dumb_pypi import build
from tests.support import chromium, trees
from tests.support.docs import blocks
from tests.support.searching import BOX, found, indexed, search
from tests.support.trees import Recipe

LIST = '.hits'


@pytest.fixture(scope='module')
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with indexed(tmp_path_factory.mktemp('tree')) as url:
        yield url


@pytest.mark.parametrize('path', (
    'project/foo/', 'projects/', 'changelog/', 'changelog/undated.html',
))
def test_every_page_searches(page: Page, index: str, path: str) -> None:
    """On every page, the best results appear below the box, with a link to all of them."""
    page.goto(index + path)
    page.keyboard.press('/')
    page.keyboard.type('many')
    expect(page.locator(LIST)).to_be_visible()
    assert found(page) == [f'many-{number}' for number in range(8)]
    expect(page.locator(f'{LIST} .more')).to_have_text('All 60 results')
    page.locator(f'{LIST} .more a').click()
    page.wait_for_url(f'{index}?q=many')


def test_missing_page_searches(page: Page, tmp_path: Path) -> None:
    """The page for missing pages has the search too; it works at the root of a host."""
    tree = trees.build(tmp_path / 'web', Recipe(b'{"filename": "foo-1.0.zip"}\n'))
    with chromium.served(tree.root) as url:
        page.goto(f'{url}404.html')
        page.focus(BOX)
        page.keyboard.insert_text('foo')
        expect(page.locator(LIST)).to_be_visible()
        assert found(page) == ['foo']
        page.keyboard.press('Enter')
        page.wait_for_url(f'{url}project/foo/')


def test_arrows_move_through_the_list(page: Page, index: str) -> None:
    """Arrows, Escape, letters and Tab work as users expect, and clicks elsewhere close the list."""
    page.goto(f'{index}project/foo/')
    box, hits = page.locator(BOX), page.locator(LIST)
    box.focus()
    page.keyboard.type('foo')
    assert len(found(page)) == 6
    page.keyboard.press('ArrowDown')
    page.keyboard.press('ArrowDown')
    expect(page.locator('.results a').nth(1)).to_be_focused()
    page.keyboard.type('b')
    expect(box).to_be_focused()
    assert page.input_value(BOX) == 'foob'
    assert found(page) == ['foobar', 'foo-bar', 'foo-bar-plugin', 'foo']
    # Escape closes the list and keeps the query; the arrow opens it again.
    page.keyboard.press('ArrowDown')
    page.keyboard.press('Escape')
    expect(hits).to_be_hidden()
    expect(box).to_be_focused()
    assert page.input_value(BOX) == 'foob'
    page.keyboard.press('ArrowDown')
    expect(page.locator('.results a').first).to_be_focused()
    # After the last result, Tab leaves the list and closes it.
    for _ in range(4):
        page.keyboard.press('Tab')
    expect(hits).to_be_hidden()
    box.focus()
    expect(hits).to_be_visible()
    page.mouse.click(1, 1)
    expect(hits).to_be_hidden()
    box.focus()
    page.locator('.results a', has_text='foo-bar-plugin').click()
    page.wait_for_url(f'{index}project/foo-bar-plugin/')


@pytest.mark.parametrize(('query', 'target'), (
    ('Foo_Bar', 'project/foo-bar/'),
    ('foo', 'project/foo/'),
    # Several results, one that may not be meant, and none.
    ('foo & bar', '?q=foo+%26+bar'),
    ('reqeusts', '?q=reqeusts'),
    ('nothing-of-that-name', '?q=nothing-of-that-name'),
))
def test_enter_opens_project_or_results(
        page: Page, index: str, query: str, target: str,
) -> None:
    """Enter opens the exact match, otherwise the results on the home page."""
    page.goto(f'{index}changelog/')
    page.focus(BOX)
    with page.expect_navigation():
        page.keyboard.insert_text(query)
        page.keyboard.press('Enter')
    assert page.url == index + target


def test_search_continues_on_home_page(page: Page, index: str) -> None:
    """After a search from another page, arrows and letters work wherever the focus is."""
    page.goto(f'{index}project/foo/')
    page.focus(BOX)
    page.keyboard.insert_text('fo')
    page.keyboard.press('Enter')
    page.wait_for_url(f'{index}?q=fo')
    assert found(page)[0] == 'foo-bar'
    expect(page.locator(BOX)).to_be_focused()
    page.keyboard.press('ArrowDown')
    page.keyboard.press('ArrowDown')
    page.keyboard.type('o-b')
    assert page.input_value(BOX) == 'foo-b'
    assert found(page) == ['foo-bar', 'foo-bar-plugin', 'foobar', 'foo']
    page.keyboard.press('ArrowDown')
    page.keyboard.press('Backspace')
    assert page.input_value(BOX) == 'foo-'
    page.keyboard.press('ArrowDown')
    # The page leaves these keys to the browser.
    for key in ('Space', 'Control+c'):
        page.keyboard.press(key)
        expect(page.locator('.results a').first).to_be_focused()


def test_empty_query_shows_nothing(page: Page, index: str) -> None:
    """Without a query there is no list, and Enter does nothing."""
    page.goto(f'{index}project/foo/')
    page.focus(BOX)
    assert search(page, 'foo')[0] == 'foo'
    assert search(page, ' ') == []
    page.keyboard.press('Enter')
    assert found(page) == []
    expect(page.locator(LIST)).to_be_hidden()
    expect(page.locator(BOX)).to_be_focused()


@pytest.mark.parametrize('width', chromium.WIDTHS)
@pytest.mark.parametrize('query', ('dated', 'nothing-of-that-name', 'long'))
def test_list_is_accessible_and_fits(
        browser: Browser, index: str, width: str, query: str,
) -> None:
    """axe finds no violation in the list, it fits on the screen, and its number is announced."""
    context = browser.new_context(viewport={'width': chromium.WIDTHS[width], 'height': 800})
    page = context.new_page()
    page.goto(f'{index}project/foo/')
    page.focus(BOX)
    search(page, query)
    expect(page.locator('header [role=status]')).to_have_text(re.compile('projects?|No project'))
    edges = page.locator(LIST).bounding_box()
    assert edges is not None
    assert edges['x'] >= 0
    assert edges['x'] + edges['width'] <= chromium.WIDTHS[width]
    assert [violation['help'] for violation in chromium.accessibility_violations(page)] == []
    context.close()


def test_link_to_all_results_is_visible(page: Page, index: str) -> None:
    """On a phone the list scrolls, and the link below it stays in sight, without a stray rule."""
    page.set_viewport_size({'width': 390, 'height': 500})
    page.goto(f'{index}project/foo/')
    search(page, 'many')
    expect(page.locator(f'{LIST} .more a')).to_be_in_viewport(ratio=1)
    last = page.locator('.results li').last
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport(ratio=0.9)
    expect(page.locator(f'{LIST} .more a')).to_be_in_viewport(ratio=1)
    expect(last).to_have_css('border-bottom-width', '0px')


@pytest.mark.parametrize('path', ('', 'project/foo/'))
def test_form_works_without_javascript(browser: Browser, index: str, path: str) -> None:
    """Without JavaScript, Enter opens the list of all projects."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(index + path)
    page.fill(BOX, 'foo')
    page.keyboard.press('Enter')
    page.wait_for_url(f'{index}projects/?q=foo')
    context.close()


@pytest.mark.parametrize('path', ('', 'project/foo/'))
def test_search_data_loads_on_focus(page: Page, index: str, path: str) -> None:
    """The worker and its data load once, when the search is first used."""
    requested: list[str] = []
    page.on('request', lambda request: requested.append(request.url))
    page.goto(index + path, wait_until='networkidle')
    parts = ('/search-', '/names.txt', '/releases.txt', '/summaries.txt')
    assert not any(part in url for url in requested for part in parts)
    page.focus(BOX)
    assert search(page, 'another one') == ['foobar']
    assert [sum(part in url for url in requested) for part in parts] == [1, 1, 1, 1]


@pytest.mark.parametrize('blocked', ('/search-', '/names'))
def test_failed_search_links_to_the_list(page: Page, index: str, blocked: str) -> None:
    """If the worker or the names can't be loaded, the page links to the list of projects."""
    page.route(re.compile(blocked), lambda route: route.abort())
    page.goto(f'{index}?q=foo')
    page.click('.hero [role=status] a')
    page.wait_for_url(f'{index}projects/')
    page.fill(BOX, 'foo')
    expect(page.locator(LIST)).to_contain_text('There is a list of all projects.')
    page.keyboard.press('Enter')
    # Without the query, which would open the failing search again.
    page.wait_for_url(f'{index}projects/')


def test_failure_after_enter_opens_the_list(page: Page, index: str) -> None:
    """If the search fails while a user waits for it, the list of projects opens."""
    page.route(re.compile('/names'), lambda route: route.fulfill(status=404))
    page.goto(f'{index}changelog/')
    page.focus(BOX)
    page.keyboard.insert_text('foo')
    page.keyboard.press('Enter')
    page.wait_for_url(f'{index}projects/')


def test_search_reports_file_urls(page: Page, tmp_path: Path) -> None:
    """On file: URLs, where browsers start no workers, the page points to the list."""
    tree = trees.build(tmp_path / 'web', Recipe(b'{"filename": "foo-1.0.zip"}\n'))
    for path, place in (('index.html', '.hero'), ('project/foo/index.html', LIST)):
        page.goto((tree.root / path).as_uri())
        page.fill(BOX, 'foo')
        expect(page.locator(place)).to_contain_text('The search needs a web server')
        expect(page.locator(place)).to_contain_text('There is a list of all projects.')


@pytest.mark.parametrize(('file', 'body'), (
    ('releases', '0123456789ab\n9\n9'),
    ('summaries', '0123456789ab\nMine\nYours'),
    # Some hosts send their home page, with the status 200, in place of a missing file.
    ('releases', '<!DOCTYPE html>\n<html>'),
    ('summaries', ''),
))
def test_other_data_is_ignored(page: Page, index: str, file: str, body: str) -> None:
    """If a file doesn't belong to the names, the search works without it."""
    page.route(re.compile(f'/{file}'), lambda route: route.fulfill(body=body))
    page.goto(f'{index}?q=my-foo')
    assert found(page) == ['my-foo']
    assert search(page, 'yours') == []
    assert search(page, 'mine') == []
    assert search(page, 'my-f') == ['my-foo']
    row = page.locator('.results > li').inner_text().split()
    assert row == (['my-foo', '1.0'] if file == 'summaries' else ['my-foo'])


def test_data_of_two_builds_loads_again(page: Page, index: str) -> None:
    """If a build replaces the files while they load, the search loads all of them once more."""
    earlier = iter(['0123456789ab\nfoo\nold'])
    page.route(re.compile('/names'), lambda route: (
        route.fulfill(body=body) if (body := next(earlier, None)) else route.continue_()
    ))
    page.goto(f'{index}?q=mine')
    assert found(page) == ['my-foo']
    assert search(page, 'old') == ['dated']
    expect(page.locator('.results .ver')).to_have_text(['2.0'])


def test_template_without_worker_keeps_its_form(page: Page, tmp_path: Path) -> None:
    """A form of a user's template that names no worker works as it does without a script."""
    theme = tmp_path / 'theme'
    theme.mkdir()
    (theme / 'base.html').write_text(
        '{% extends "original/base.html" %}{% block search %}'
        '<form class="find" action="{{ root }}simple/"><input name="q"></form>{% endblock %}',
    )
    tree = trees.build(tmp_path / 'web', Recipe(
        b'{"filename": "foo-1.0.zip"}\n', options=('--template-dir', str(theme)),
    ))
    with chromium.served(tree.root) as url:
        page.goto(f'{url}project/foo/')
        page.fill(BOX, 'foo')
        page.keyboard.press('Enter')
        page.wait_for_url(f'{url}simple/?q=foo')


def test_example_of_search_works(page: Page, tmp_path: Path) -> None:
    """The form in docs/theming.md shows the results below it."""
    theme = tmp_path / 'theme'
    theme.mkdir()
    (theme / '404.html').write_text(blocks('html', 'docs/theming.md')[2])
    (tmp_path / 'list').write_text('foo-1.0.zip\n')
    build(
        package_list=tmp_path / 'list', packages_url='../../pool/',
        output_dir=tmp_path / 'out', template_dir=theme,
    )
    with chromium.served(tmp_path / 'out') as url:
        page.goto(f'{url}404.html')
        assert search(page, 'fo') == ['foo']
        page.wait_for_url(f'{url}404.html?q=fo')
