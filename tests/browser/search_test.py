"""The search of the web UI: what it finds, in which order, and how it is used."""
from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, Page

from tests.support import chromium, trees
from tests.support.recipes import MARKUP
from tests.support.searching import found, search
from tests.support.trees import json_lines, Recipe

SUMMARIES = {
    'foo-bar': 'Bars of <b>foo</b>.',
    'foo': None,
    'foo-bar-plugin': 'Plugs into foo_bar.',
    'foobar': 'Another one',
    'barfoo': 'The other way round',
    'my-foo': 'Mine',
    'requests': 'Über alles: HTTP for people',
    'request-mocker': 'Mocks',
    'requesting': None,
    'http-client': 'Asks for pages',
    'server': 'Serves http to its guests',
    'markup': MARKUP,
    **{f'many-{number}': None for number in range(60)},
}


@pytest.fixture(scope='module')
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    lines = json_lines(
        {'filename': f'{name}-1.0.zip', 'summary': summary} for name, summary in SUMMARIES.items()
    )
    tree = trees.build(tmp_path_factory.mktemp('tree') / 'web', Recipe(lines))
    with chromium.served(tree.server_root) as root:
        yield f'{root}index/'


def enter(page: Page, how: str) -> None:
    if how == 'Enter':
        page.keyboard.press('Enter')
    else:
        page.click('.search button')


@pytest.mark.parametrize(('query', 'names'), (
    # The exact name, prefixes of names, words in names, then anywhere; short names first.
    ('foo', ['foo', 'foobar', 'foo-bar', 'foo-bar-plugin', 'my-foo', 'barfoo']),
    ('foo-bar', ['foo-bar', 'foo-bar-plugin']),
    ('Foo.Bar', ['foo-bar', 'foo-bar-plugin']),
    ('FOO__bar', ['foo-bar', 'foo-bar-plugin']),
    ('  foo  ', ['foo', 'foobar', 'foo-bar', 'foo-bar-plugin', 'my-foo', 'barfoo']),
    # All of the words, in any order.
    ('foo plug', ['foo-bar-plugin']),
    ('plug FOO', ['foo-bar-plugin']),
    ('reque', ['requests', 'requesting', 'request-mocker']),
    # Names before summaries; prefixes of words come first in summaries, too.
    ('http', ['http-client', 'requests', 'server']),
    ('http serv', ['server']),
    ('über', ['requests']),
    ('UBER', []),
    ('pages asks', ['http-client']),
    ('foo-bar plugs', ['foo-bar-plugin']),
    ('foo another', ['foobar']),
    ('nothing-of-that-name', []),
    ('', []),
    (' . - _ ', []),
    ('\\n', []),
))
def test_search_finds(page: Page, index: str, query: str, names: list[str]) -> None:
    """A query finds these projects, in this order."""
    page.goto(index)
    page.focus('#q')
    # Wait for the summaries, which load after the names.
    search(page, 'another one')
    expect(page.locator('.results b')).to_have_text(['foobar'])
    assert search(page, query) == names


def test_result_shows_summary_as_text(page: Page, index: str) -> None:
    """Markup in a summary is shown as text, and the result links to the project's page."""
    page.goto(f'{index}?q=markup')
    expect(page.locator('.results bdi')).to_have_text([MARKUP])
    expect(page.locator('.found')).to_have_text('1 project')
    page.click('.results a')
    page.wait_for_url(f'{index}project/markup/')


def test_at_most_50_results(page: Page, index: str) -> None:
    """The search shows at most 50 projects and says so."""
    page.goto(f'{index}?q=many')
    assert len(found(page)) == 50
    expect(page.locator('.found')).to_have_text('The best 50 projects')
    search(page, 'nothing of that name')
    expect(page.locator('.found')).to_have_text('No project found')
    search(page, '')
    expect(page.locator('.found')).to_have_text('')


def test_results_update_while_typing(page: Page, index: str) -> None:
    """Each key that is typed updates the results."""
    page.goto(index)
    page.focus('#q')
    for typed, first in zip('requ', ('requests', 'requests', 'requests', 'requests'), strict=True):
        page.keyboard.type(typed)
        expect(page.locator('.results b').first).to_have_text(first)


def test_keyboard_navigation(page: Page, index: str) -> None:
    """The search works without a mouse: slash, arrows, Escape and Enter."""
    page.goto(index)
    page.keyboard.press('/')
    page.keyboard.type('foo')
    expect(page.locator('.results b')).to_have_count(6)
    focused = 'document.activeElement.innerText'
    for key, text in (
            ('ArrowDown', 'foo '), ('ArrowDown', 'foobar'), ('ArrowUp', 'foo '),
            ('ArrowDown', 'foobar'), ('ArrowDown', 'foo-bar'),
    ):
        page.keyboard.press(key)
        assert page.evaluate(focused).startswith(text.strip())
    page.keyboard.press('Escape')
    assert page.evaluate('document.activeElement.id') == 'q'
    # Within a text field, a slash is text.
    page.keyboard.type('/')
    assert page.input_value('#q') == 'foo/'
    page.keyboard.press('Backspace')
    expect(page.locator('.results b')).to_have_count(6)
    page.keyboard.press('ArrowDown')
    page.keyboard.press('ArrowDown')
    with page.expect_navigation(url=re.compile('/project/')):
        page.keyboard.press('Enter')
    assert page.url == f'{index}project/foobar/'


@pytest.mark.parametrize('how', ('Enter', 'the button'))
@pytest.mark.parametrize(('query', 'name'), (
    ('foo.bar', 'foo-bar'),
    (' FOO ', 'foo'),
    # The only result, by name or by summary.
    ('foo plug', 'foo-bar-plugin'),
    ('pages asks', 'http-client'),
))
def test_enter_opens_the_obvious_project(
        page: Page, index: str, query: str, name: str, how: str,
) -> None:
    """Enter opens an exact match or the only result, even before the results are shown."""
    page.goto(index)
    page.focus('#q')
    with page.expect_navigation(url=re.compile('/project/')):
        page.keyboard.insert_text(query)
        enter(page, how)
    assert page.url == f'{index}project/{name}/'


@pytest.mark.parametrize('how', ('Enter', 'the button'))
def test_enter_focuses_the_first_result(page: Page, index: str, how: str) -> None:
    """Of several results Enter focuses the first; Enter again opens it."""
    page.goto(index)
    page.focus('#q')
    page.keyboard.insert_text('http')
    enter(page, how)
    expect(page.locator('.results a').first).to_be_focused()
    assert found(page) == ['http-client', 'requests', 'server']
    expect(page.locator('.results a').first).to_be_focused()
    with page.expect_navigation(url=re.compile('/project/')):
        page.keyboard.press('Enter')
    assert page.url == f'{index}project/http-client/'


def test_typing_after_enter_cancels_it(page: Page, index: str) -> None:
    """If the user types on after Enter, the page stays and updates the results."""
    page.goto(index)
    page.focus('#q')
    page.evaluate('''() => {
        const input = document.querySelector('#q');
        input.value = 'foo';
        input.form.requestSubmit();
        input.value = 'foo-';
        input.dispatchEvent(new Event('input', {bubbles: true}));
    }''')
    assert found(page)[0] == 'foo'
    assert page.url.startswith(index)
    expect(page.locator('#q')).to_be_focused()


def test_enter_without_results_stays(page: Page, index: str) -> None:
    """Enter without results stays on the page and keeps the focus."""
    page.goto(index)
    page.focus('#q')
    page.keyboard.insert_text('nothing-of-that-name')
    page.keyboard.press('Enter')
    expect(page.locator('.found')).to_have_text('No project found')
    expect(page.locator('#q')).to_be_focused()


def test_url_has_the_query(page: Page, index: str) -> None:
    """The page's URL has the query, and opening it shows the results."""
    page.goto(index)
    search(page, 'foo plug')
    page.wait_for_url('**/?q=foo+plug')
    address = page.url
    page.goto('about:blank')
    page.goto(address)
    assert page.input_value('#q') == 'foo plug'
    assert found(page) == ['foo-bar-plugin']
    search(page, '')
    page.wait_for_url(index)


def test_back_restores_the_results(page: Page, index: str) -> None:
    """Going back from a result shows the query and the results again."""
    page.goto(f'{index}?q=my')
    page.click('.results a')
    page.wait_for_url(f'{index}project/my-foo/')
    page.go_back()
    assert page.input_value('#q') == 'my'
    assert found(page) == ['my-foo']


@pytest.mark.parametrize('key', ('Enter', 'click'))
def test_back_works_before_url_update(page: Page, index: str, key: str) -> None:
    """The query is kept even if a result is opened before the URL has it."""
    page.goto(index)
    page.focus('#q')
    # In one script, since the page updates its URL a little later.
    with page.expect_navigation(url=re.compile('/project/')):
        page.evaluate('''(key) => {
            const input = document.querySelector('#q');
            input.value = 'my';
            input.dispatchEvent(new Event('input', {bubbles: true}));
            if (key === 'Enter') input.form.requestSubmit();
            // Once: a second click, on a result by summary, would interrupt the navigation.
            else new MutationObserver((_, observer) => {
                observer.disconnect();
                document.querySelector('.results a').click();
            }).observe(document.querySelector('.results'), {childList: true});
        }''', key)
    page.go_back()
    assert page.input_value('#q') == 'my'
    assert found(page) == ['my-foo']


def test_search_continues_from_another_page(page: Page, index: str) -> None:
    """After a search from another page, arrows and letters work wherever the focus is."""
    page.goto(f'{index}project/foo/')
    page.locator('[role=search] input').fill('foo')
    page.keyboard.press('Enter')
    expect(page.locator('.results b')).to_have_count(6)
    expect(page.locator('#q')).to_be_focused()
    page.keyboard.press('ArrowDown')
    page.keyboard.press('ArrowDown')
    page.keyboard.type('-b')
    assert page.input_value('#q') == 'foo-b'
    assert found(page) == ['foo-bar', 'foo-bar-plugin']
    page.keyboard.press('ArrowDown')
    page.keyboard.press('Backspace')
    assert page.input_value('#q') == 'foo-'
    page.keyboard.press('ArrowDown')
    # The page leaves these keys to the browser.
    for key in ('Space', 'Control+c'):
        page.keyboard.press(key)
        expect(page.locator('.results a').first).to_be_focused()


def test_home_page_takes_no_focus(page: Page, index: str) -> None:
    """Focusing the search would load all names for users who don't search."""
    page.goto(index, wait_until='networkidle')
    assert page.evaluate('document.activeElement === document.body')


def test_other_pages_open_the_search(page: Page, index: str) -> None:
    """The search field of every other page opens the home page with the query."""
    for path in ('project/foo/', 'changelog/', 'changelog/undated.html'):
        page.goto(index + path)
        page.keyboard.press('/')
        page.keyboard.type('foo & bar')
        with page.expect_navigation():
            page.keyboard.press('Enter')
        assert page.url == f'{index}?q=foo+%26+bar'


def test_search_data_loads_on_focus(page: Page, index: str) -> None:
    """Names and script of the search load once, when the search is first used."""
    requested: list[str] = []
    page.on('request', lambda request: requested.append(request.url))
    page.goto(index, wait_until='networkidle')
    assert not any('/names' in url or '/search-' in url for url in requested)
    page.focus('#q')
    search(page, 'foo')
    assert [sum(part in url for url in requested) for part in ('/names', '/search-')] == [1, 1]


def test_search_reports_missing_data(page: Page, index: str) -> None:
    """If the names can't be loaded, the page says so and links to the list of projects."""
    page.route(re.compile('/names'), lambda route: route.abort())
    page.goto(f'{index}?q=foo')
    page.click('.found a')
    page.wait_for_url(f'{index}simple/')


def test_search_reports_file_urls(page: Page, tmp_path: Path) -> None:
    """On file: URLs, where browsers start no workers, the page points to the list."""
    tree = trees.build(tmp_path / 'web', Recipe(b'{"filename": "foo-1.0.zip"}\n'))
    page.goto((tree.root / 'index.html').as_uri())
    page.fill('#q', 'foo')
    page.keyboard.press('Enter')
    expect(page.locator('.found')).to_contain_text('There is a list of all projects.')


def test_summaries_of_another_build_are_ignored(page: Page, index: str) -> None:
    """If the summaries don't belong to the names, only names are searched and shown."""
    page.route(re.compile('/summaries'), lambda route: route.fulfill(body='another\nMine\nYours'))
    with page.expect_response(re.compile('/summaries')):
        page.goto(f'{index}?q=foo')
    assert search(page, 'yours') == []
    assert search(page, 'my') == ['my-foo']
    expect(page.locator('.results bdi')).to_have_text([''])
