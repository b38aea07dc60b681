"""The search: what it finds, in which order, how it is used, and how long it takes."""
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
    # The name itself, names that begin so, words of names, anywhere; short names first.
    ('foo', ['foo', 'foobar', 'foo-bar', 'foo-bar-plugin', 'my-foo', 'barfoo']),
    ('foo-bar', ['foo-bar', 'foo-bar-plugin']),
    ('Foo.Bar', ['foo-bar', 'foo-bar-plugin']),
    ('FOO__bar', ['foo-bar', 'foo-bar-plugin']),
    ('  foo  ', ['foo', 'foobar', 'foo-bar', 'foo-bar-plugin', 'my-foo', 'barfoo']),
    # Each of the words, in any order.
    ('foo plug', ['foo-bar-plugin']),
    ('plug FOO', ['foo-bar-plugin']),
    ('reque', ['requests', 'requesting', 'request-mocker']),
    # Names before summaries; in these, too, words that begin so come first.
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
def test_what_is_found(page: Page, index: str, query: str, names: list[str]) -> None:
    page.goto(index)
    page.focus('#q')
    # The summaries are there a little later than the names.
    search(page, 'another one')
    expect(page.locator('.results b')).to_have_text(['foobar'])
    assert search(page, query) == names


def test_what_is_shown_of_a_project(page: Page, index: str) -> None:
    """As text, whatever it is; and a link to its page."""
    page.goto(f'{index}?q=markup')
    expect(page.locator('.results bdi')).to_have_text([MARKUP])
    expect(page.locator('.found')).to_have_text('1 project')
    page.click('.results a')
    page.wait_for_url(f'{index}project/markup/')


def test_not_too_many_are_shown(page: Page, index: str) -> None:
    page.goto(f'{index}?q=many')
    assert len(found(page)) == 50
    expect(page.locator('.found')).to_have_text('The best 50 projects')
    search(page, 'nothing of that name')
    expect(page.locator('.found')).to_have_text('No project found')
    search(page, '')
    expect(page.locator('.found')).to_have_text('')


def test_results_come_as_one_types(page: Page, index: str) -> None:
    page.goto(index)
    page.focus('#q')
    for typed, first in zip('requ', ('requests', 'requests', 'requests', 'requests'), strict=True):
        page.keyboard.type(typed)
        expect(page.locator('.results b').first).to_have_text(first)


def test_the_keyboard_is_enough(page: Page, index: str) -> None:
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
    # A slash is a slash where one types.
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
    # Nothing else is found, in the names or only in the summaries.
    ('foo plug', 'foo-bar-plugin'),
    ('pages asks', 'http-client'),
))
def test_what_was_clearly_meant_is_opened(
        page: Page, index: str, query: str, name: str, how: str,
) -> None:
    """However fast one is."""
    page.goto(index)
    page.focus('#q')
    with page.expect_navigation(url=re.compile('/project/')):
        page.keyboard.insert_text(query)
        enter(page, how)
    assert page.url == f'{index}project/{name}/'


@pytest.mark.parametrize('how', ('Enter', 'the button'))
def test_what_may_be_meant_is_only_shown(page: Page, index: str, how: str) -> None:
    """The first result has the focus: one may look, and press Enter once more."""
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


def test_one_may_type_on_after_enter(page: Page, index: str) -> None:
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


def test_enter_with_nothing_found_stays(page: Page, index: str) -> None:
    page.goto(index)
    page.focus('#q')
    page.keyboard.insert_text('nothing-of-that-name')
    page.keyboard.press('Enter')
    expect(page.locator('.found')).to_have_text('No project found')
    expect(page.locator('#q')).to_be_focused()


def test_a_link_carries_the_query(page: Page, index: str) -> None:
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


def test_the_way_back_leads_to_what_was_found(page: Page, index: str) -> None:
    page.goto(f'{index}?q=my')
    page.click('.results a')
    page.wait_for_url(f'{index}project/my-foo/')
    page.go_back()
    assert page.input_value('#q') == 'my'
    assert found(page) == ['my-foo']


@pytest.mark.parametrize('key', ('Enter', 'click'))
def test_the_way_back_does_so_however_fast_one_was(page: Page, index: str, key: str) -> None:
    page.goto(index)
    page.focus('#q')
    # All in one go: the address is else written a little later.
    with page.expect_navigation(url=re.compile('/project/')):
        page.evaluate('''(key) => {
            const input = document.querySelector('#q');
            input.value = 'my';
            input.dispatchEvent(new Event('input', {bubbles: true}));
            if (key === 'Enter') input.form.requestSubmit();
            // Once: a click on what the summaries bring would cut short what the first one began.
            else new MutationObserver((_, observer) => {
                observer.disconnect();
                document.querySelector('.results a').click();
            }).observe(document.querySelector('.results'), {childList: true});
        }''', key)
    page.go_back()
    assert page.input_value('#q') == 'my'
    assert found(page) == ['my-foo']


def test_one_goes_on_where_one_comes_with_a_query(page: Page, index: str) -> None:
    """With arrows, or with more letters, wherever in the results one is."""
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
    # These are the browser's.
    for key in ('Space', 'Control+c'):
        page.keyboard.press(key)
        expect(page.locator('.results a').first).to_be_focused()


def test_the_home_page_takes_no_focus(page: Page, index: str) -> None:
    """It would load all names for who only looks."""
    page.goto(index, wait_until='networkidle')
    assert page.evaluate('document.activeElement === document.body')


def test_other_pages_lead_to_the_search(page: Page, index: str) -> None:
    for path in ('project/foo/', 'changelog/', 'changelog/undated.html'):
        page.goto(index + path)
        page.keyboard.press('/')
        page.keyboard.type('foo & bar')
        with page.expect_navigation():
            page.keyboard.press('Enter')
        assert page.url == f'{index}?q=foo+%26+bar'


def test_nothing_is_loaded_that_nobody_asked_for(page: Page, index: str) -> None:
    asked: list[str] = []
    page.on('request', lambda request: asked.append(request.url))
    page.goto(index, wait_until='networkidle')
    assert not any('/names' in url or '/search-' in url for url in asked)
    page.focus('#q')
    search(page, 'foo')
    assert [sum(part in url for url in asked) for part in ('/names', '/search-')] == [1, 1]


def test_a_search_that_cannot_be_loaded_says_so(page: Page, index: str) -> None:
    """And where the list is."""
    page.route(re.compile('/names'), lambda route: route.abort())
    page.goto(f'{index}?q=foo')
    page.click('.found a')
    page.wait_for_url(f'{index}simple/')


def test_a_search_from_a_disk_says_so(page: Page, tmp_path: Path) -> None:
    """Where browsers start no workers."""
    tree = trees.build(tmp_path / 'web', Recipe(b'{"filename": "foo-1.0.zip"}\n'))
    page.goto((tree.root / 'index.html').as_uri())
    page.fill('#q', 'foo')
    page.keyboard.press('Enter')
    expect(page.locator('.found')).to_contain_text('There is a list of all projects.')


def test_summaries_of_another_build_are_left_alone(page: Page, index: str) -> None:
    """Their lines are not those of the names; then names are all that is searched and shown."""
    page.route(re.compile('/summaries'), lambda route: route.fulfill(body='another\nMine\nYours'))
    with page.expect_response(re.compile('/summaries')):
        page.goto(f'{index}?q=foo')
    assert search(page, 'yours') == []
    assert search(page, 'my') == ['my-foo']
    expect(page.locator('.results bdi')).to_have_text([''])
