"""The search of the home page without a mouse: slash, arrows, Escape and Enter."""
from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect, Page

from tests.support.searching import BOX, found, indexed


@pytest.fixture(scope='module')
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with indexed(tmp_path_factory.mktemp('tree')) as url:
        yield url


def enter(page: Page, how: str) -> None:
    if how == 'Enter':
        page.keyboard.press('Enter')
    else:
        page.locator('.find').evaluate('form => form.requestSubmit()')


def test_keyboard_navigation(page: Page, index: str) -> None:
    """The search works without a mouse: slash, arrows, Escape and Enter."""
    page.goto(index)
    page.keyboard.press('/')
    page.keyboard.type('foo')
    # The first results, from the names alone, may be in another order.
    assert len(found(page)) == 6
    for key, name in (
            ('ArrowDown', 'foo'), ('ArrowDown', 'foo-bar'), ('ArrowUp', 'foo'),
            ('ArrowDown', 'foo-bar'), ('ArrowDown', 'foobar'),
    ):
        page.keyboard.press(key)
        assert page.evaluate('document.activeElement.textContent') == name
    page.keyboard.press('Escape')
    expect(page.locator(BOX)).to_be_focused()
    # Within a text field, a slash is text.
    page.keyboard.type('/')
    assert page.input_value(BOX) == 'foo/'
    page.keyboard.press('Backspace')
    assert len(found(page)) == 6
    page.keyboard.press('ArrowDown')
    page.keyboard.press('ArrowDown')
    with page.expect_navigation(url=re.compile('/project/')):
        page.keyboard.press('Enter')
    assert page.url == f'{index}project/foo-bar/'


@pytest.mark.parametrize('how', ('Enter', 'a submit button'))
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
    page.focus(BOX)
    with page.expect_navigation(url=re.compile('/project/')):
        page.keyboard.insert_text(query)
        enter(page, how)
    assert page.url == f'{index}project/{name}/'


@pytest.mark.parametrize('how', ('Enter', 'a submit button'))
@pytest.mark.parametrize(('query', 'names'), (
    ('http', ['http-client', 'server', 'requests', 'xhr']),
    # It may not be the one that is meant.
    ('reqeusts', ['requests']),
    ('zzzz-plugin', ['foo-bar-plugin']),
))
def test_enter_focuses_the_first_result(
        page: Page, index: str, query: str, names: list[str], how: str,
) -> None:
    """Of several or similar results Enter focuses the first; Enter again opens it."""
    page.goto(index)
    page.focus(BOX)
    page.keyboard.insert_text(query)
    enter(page, how)
    expect(page.locator('.results a').first).to_be_focused()
    assert found(page) == names
    expect(page.locator('.results a').first).to_be_focused()
    with page.expect_navigation(url=re.compile('/project/')):
        page.keyboard.press('Enter')
    assert page.url == f'{index}project/{names[0]}/'


@pytest.mark.parametrize('query', ('reqeusts', 'pages asks'))
def test_a_repeated_search_keeps_the_focus(page: Page, index: str, query: str) -> None:
    """A result keeps the focus while its query is answered again, at first from the names alone."""
    page.goto(index)
    page.focus(BOX)
    page.keyboard.insert_text(query)
    expect(page.locator('.results a')).to_have_count(1)
    page.keyboard.press('ArrowDown')
    expect(page.locator('.results a').first).to_be_focused()
    page.locator(BOX).evaluate('box => box.dispatchEvent(new Event("input"))')
    expect(page.locator('.results')).to_have_attribute('aria-busy', 'false')
    expect(page.locator('.results a').first).to_be_focused()


def test_typing_after_enter_cancels_it(page: Page, index: str) -> None:
    """If the user types on after Enter, the page stays and updates the results."""
    page.goto(index)
    page.focus(BOX)
    page.evaluate('''(box) => {
        const input = document.querySelector(box);
        input.value = 'foo';
        input.form.requestSubmit();
        input.value = 'foo-';
        input.dispatchEvent(new Event('input', {bubbles: true}));
    }''', BOX)
    assert found(page)[0] == 'foo'
    assert page.url.startswith(index)
    expect(page.locator(BOX)).to_be_focused()


@pytest.mark.parametrize('query', ('nothing-of-that-name', ''))
def test_enter_without_results_stays(page: Page, index: str, query: str) -> None:
    """Enter without results stays on the page and keeps the focus."""
    page.goto(index)
    page.focus(BOX)
    page.keyboard.insert_text(query)
    page.keyboard.press('Enter')
    assert found(page) == []
    expect(page.locator(BOX)).to_be_focused()
