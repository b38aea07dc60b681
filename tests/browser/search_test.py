"""The search of the home page: what it finds, in which order, and how it is used."""
from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, Page

from tests.support import chromium
from tests.support.recipes import MARKUP
from tests.support.searching import BOX, found, indexed, search, STATUS


@pytest.fixture(scope='module')
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with indexed(tmp_path_factory.mktemp('tree')) as url:
        yield url


@pytest.fixture(scope='module')
def loaded(browser: Browser, index: str) -> Iterator[Page]:
    """A home page that has loaded all data, for tests that only search."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(index)
    search(page, 'another one')
    expect(page.locator('.results .name')).to_have_text(['foobar'])
    yield page
    context.close()


@pytest.mark.parametrize(('query', 'names'), (
    # The exact name, prefixes of names, words in names, then anywhere. Of these, what
    # others require comes first, such as foo-bar, then short names.
    ('foo', ['foo', 'foo-bar', 'foobar', 'foo-bar-plugin', 'my-foo', 'barfoo']),
    ('  foo  ', ['foo', 'foo-bar', 'foobar', 'foo-bar-plugin', 'my-foo', 'barfoo']),
    ('reque', ['requests', 'requesting', 'request-mocker']),
    # Separators count less than letters, and it does not matter which ones they are.
    ('foo-bar', ['foo-bar', 'foobar', 'foo-bar-plugin']),
    ('Foo.Bar', ['foo-bar', 'foobar', 'foo-bar-plugin']),
    ('FOO__bar', ['foo-bar', 'foobar', 'foo-bar-plugin']),
    ('foo bar', ['foo-bar', 'foobar', 'foo-bar-plugin', 'barfoo']),
    ('foobar', ['foobar', 'foo-bar', 'foo-bar-plugin']),
    ('barplug', ['foo-bar-plugin']),
    # All of the words, in any order.
    ('foo plug', ['foo-bar-plugin']),
    ('plug FOO', ['foo-bar-plugin']),
    # Names, then keywords, then summaries; prefixes of words come first, in projects' order.
    ('http', ['http-client', 'server', 'requests', 'xhr']),
    ('http serv', ['server']),
    ('transfer', ['http-client', 'server']),
    ('hyper transfer', ['server']),
    ('über', ['requests']),
    ('pages asks', ['http-client']),
    ('foo-bar plugs', ['foo-bar-plugin']),
    ('foo another', ['foobar']),
    # If nothing has all words, what has most of them, best first.
    ('zzzz request', ['requests', 'requesting', 'request-mocker']),
    ('zzzz-plugin', ['foo-bar-plugin']),
    ('foo xhr zzzz another', ['foobar']),
    ('zzzz foo', ['foo-bar', 'foo', 'foobar', 'my-foo', 'foo-bar-plugin', 'barfoo']),
    # Parts of a name are not looked for in summaries, and short ones nowhere.
    ('zzzz-takes', []),
    ('zz-my', []),
    ('requests zz', ['requests']),
    # Two letters have to begin a word of a summary.
    ('gu', ['server']),
    ('ue', ['requests', 'requesting', 'request-mocker']),
    # One typo: a wrong letter, one too many, one too few, two swapped ones; at either end.
    ('requezts', ['requests']),
    ('requestss', ['requests']),
    ('rquests', ['requests']),
    ('reqeusts', ['requests']),
    ('sequests', ['requests']),
    ('equests', ['requests']),
    ('erquests', ['requests']),
    ('requestz', ['requests', 'request-mocker']),
    ('requesst', ['requests', 'requesting', 'request-mocker']),
    ('arequests', ['requests']),
    # The typo may be next to a separator, or in one word of several, a keyword or a summary.
    ('htttp-client', ['http-client']),
    ('htpclient', ['http-client']),
    ('mocer request', ['request-mocker']),
    ('hypre', ['server']),
    ('guests srver', ['server']),
    ('srves', ['serves-1']),
    ('uber', ['requests']),
    # A typo in a name that is found below exact matches, if there are few of them.
    ('serve', ['server', 'serves-1', 'nerve']),
    # Without the second letter it is the beginning of the name; with two swapped, all of it.
    ('baca', ['baca-x', 'bcaa']),
    # Not two typos, nor one in a short word.
    ('reqeuzts', []),
    ('xfo', []),
    ('mocer reqest', []),
    # Nothing but separators, and what is special in patterns.
    ('nothing-of-that-name', []),
    ('', []),
    (' . - _ ', []),
    ('\\n', []),
    ('^r.*s$', []),
    ('[a-z]+', []),
    ('c++', ['plus']),
    ('(http) server', ['server']),
    ('عربي', ['arabic']),
    ('x' * 5000, []),
    ('a b c d e f g h i j k l m n o p q r s t u v w x y z ' * 20, []),
))
def test_search_finds(loaded: Page, query: str, names: list[str]) -> None:
    """A query finds these projects, in this order."""
    assert search(loaded, query) == names


def test_result_describes_the_project(page: Page, index: str) -> None:
    """A result has the version, its date, the tags and the summary; matches are marked."""
    page.goto(f'{index}?q=dated')
    found(page)
    rows = page.locator('.results > li').all()
    assert [row.inner_text().split('\n') for row in rows] == [
        ['dated', 'An old hand', '2.0', '2024-01-31'],
        ['dated-twice archived yanked', '\u00a0', '1.0', '2024-01-31'],
        ['dated-four-times deprecated', '\u00a0', '1.0'],
        ['dated-thrice quarantined', 'Malware'],
    ]
    assert page.locator('.results time').first.get_attribute('datetime') == '2024-01-31'
    assert page.locator('mark').all_text_contents() == ['dated'] * 4
    tags = page.locator('.results .tag')
    assert tags.evaluate_all('tags => tags.map(tag => tag.className)') == [
        'tag', 'tag warn', 'tag warn', 'tag bad',
    ]


@pytest.mark.parametrize(('query', 'marks'), (
    ('foobar plug', ['foo-bar-plug', 'Plug', 'foo_bar']),
    ('uber', []),
    ('über', ['Über']),
    ('wrong-ltter', []),
    ('c++', ['C++']),
))
def test_matches_are_marked(loaded: Page, query: str, marks: list[str]) -> None:
    """Matches are marked in names and summaries, whatever their case and separators."""
    search(loaded, query)
    assert loaded.locator('mark').all_text_contents() == marks


@pytest.mark.parametrize(('query', 'keywords'), (
    # In order of the results; a name or a summary explains the others.
    ('http', [None, 'http', None, None]),
    ('hyper', ['hyper-text transfer']),
    ('guests hyp', ['hyper-text transfer']),
    ('hy', ['hyper-text transfer']),
    ('transfer', ['transfer', 'hyper-text transfer']),
    ('script', ['<script>alert(1)</script>', None]),
    ('pages', [None, None]),
    ('hypre', [None]),
))
def test_keyword_explains_the_result(
        loaded: Page, query: str, keywords: list[str | None],
) -> None:
    """A result that only keywords explain shows them, as text, with the match marked."""
    search(loaded, query)
    rows = loaded.locator('.results > li').all()
    assert [
        row.locator('.keywords').text_content() if row.locator('.keywords').count() else None
        for row in rows
    ] == [keyword and f'Keyword: {keyword}' for keyword in keywords]
    expect(loaded.locator('.keywords:not(:has(mark))')).to_have_count(0)


def test_long_summary_is_clamped(page: Page, index: str) -> None:
    """A summary has two lines at most, also on a phone and in the header's list."""
    page.set_viewport_size({'width': 390, 'height': 800})
    for path in ('', 'changelog/'):
        page.goto(index + path)
        search(page, 'long')
        lines = page.locator('.results .sum').evaluate(
            'sum => sum.clientHeight / parseFloat(getComputedStyle(sum).lineHeight)',
        )
        assert round(lines, 1) == 2


def test_similar_names_have_no_tag(loaded: Page) -> None:
    """The status says once that the names are similar."""
    assert search(loaded, 'reqeusts') == ['requests']
    assert loaded.locator('.results .tag').count() == 0


def test_clear_button_has_our_look(page: Page, index: str) -> None:
    """The button that clears the query is drawn by the style sheet, and works."""
    for path in ('', 'changelog/'):
        page.goto(index + path)
        box = page.locator(BOX)
        box.fill('foo')
        found(page)
        # Scripts cannot read the computed style of the button.
        assert page.evaluate('''[...document.styleSheets[0].cssRules].find(
            rule => rule.selectorText?.includes('search-cancel-button')
        ).style.appearance''') == 'none'
        edges = box.bounding_box()
        assert edges is not None
        padding = box.evaluate('box => parseFloat(getComputedStyle(box).paddingInlineEnd)')
        # In the middle of the button.
        page.mouse.click(
            edges['x'] + edges['width'] - padding - 8, edges['y'] + edges['height'] / 2,
        )
        expect(box).to_have_value('')


def test_result_shows_summary_as_text(page: Page, index: str) -> None:
    """Markup in a summary is shown as text, and the result links to the project's page."""
    page.goto(f'{index}?q=markup')
    expect(page.locator('.results bdi')).to_have_text([MARKUP])
    expect(page.locator(STATUS)).to_have_text('1 project')
    page.click('.results a')
    page.wait_for_url(f'{index}project/markup/')


@pytest.mark.parametrize(('query', 'status'), (
    ('many', '50 of 60 projects'),
    ('foo', '6 projects'),
    ('markup', '1 project'),
    ('serve', '2 projects, and 1 similar name'),
    ('reqeusts', 'No exact match, but 1 similar project'),
    ('nothing-of-that-name', 'No project matches “nothing-of-that-name”.'),
    ('requests zzzz', 'No project matches all of it. 1 project matches a part'),
    ('foo zzzz', 'No project matches all of it. 6 projects match a part'),
    ('', ''),
))
def test_status_tells_the_number(loaded: Page, query: str, status: str) -> None:
    """Screen readers announce how many projects were found."""
    search(loaded, query)
    expect(loaded.locator(STATUS)).to_have_text(status)


def test_results_can_be_ordered(page: Page, index: str) -> None:
    """Results come by dependents or by date, also from a link, until somebody chooses another."""
    page.goto(f'{index}?q=dated')
    assert found(page)[-1] == 'dated-thrice'
    expect(page.locator('.orders [aria-pressed=true]')).to_have_text('Best')
    page.get_by_role('button', name='Newest').click()
    page.wait_for_url(f'{index}?q=dated&order=dates')
    assert found(page) == ['dated', 'dated-twice', 'dated-four-times', 'dated-thrice']
    page.goto(f'{index}?q=bar&order=dependents')
    assert found(page) == ['foo-bar', 'barfoo', 'foo-bar-plugin', 'foobar']
    page.get_by_role('button', name='Best').click()
    page.wait_for_url(f'{index}?q=bar')
    assert found(page)[0] == 'barfoo'
    # Enter opens the exact match in any order.
    page.goto(f'{index}?q=foo&order=dependents')
    assert found(page)[:2] == ['foo-bar', 'foo']
    page.keyboard.press('Enter')
    page.wait_for_url(f'{index}project/foo/')
    page.goto(index)
    # One result needs no order.
    search(page, 'markup')
    expect(page.locator('.orders')).to_be_hidden()


def test_all_results_can_be_shown(page: Page, index: str) -> None:
    """A link shows all results, focuses the first new one, and has a URL of its own."""
    page.goto(f'{index}?q=many')
    assert len(found(page)) == 50
    more = page.locator('.more a')
    expect(more).to_have_text('Show all 60')
    more.click()
    expect(page.locator('.results > li')).to_have_count(60)
    expect(page.locator('.results a').nth(50)).to_be_focused()
    expect(page.locator('.more')).to_be_hidden()
    expect(page.locator(STATUS)).to_have_text('60 projects')
    page.wait_for_url(f'{index}?q=many&show=60')
    page.reload()
    assert len(found(page)) == 60
    # Another query begins with the first results again.
    assert len(search(page, 'man')) == 50
    page.wait_for_url(f'{index}?q=man')


def test_link_to_more_results_opens_windows(page: Page, index: str) -> None:
    """With a modifier key, the link opens in a tab of its own, and the page stays as it is."""
    page.goto(f'{index}?q=many')
    found(page)
    with page.context.expect_page() as opened:
        page.locator('.more a').click(modifiers=['ControlOrMeta'])
    assert len(found(opened.value)) == 60
    assert len(found(page)) == 50


def test_results_update_while_typing(page: Page, index: str) -> None:
    """Each key that is typed updates the results."""
    page.goto(index)
    page.focus(BOX)
    for typed, first in zip('requ', ('requests', 'requests', 'requests', 'requests'), strict=True):
        page.keyboard.type(typed)
        expect(page.locator('.results .name').first).to_have_text(first)


def test_results_replace_latest_uploads(page: Page, index: str) -> None:
    """Nothing but the results is below the search box, which stays in place."""
    for width in (1280, 390):
        page.set_viewport_size({'width': width, 'height': 800})
        page.goto(index)
        box = page.locator(BOX).bounding_box()
        others = page.locator('.main, aside > :last-child, aside > .install')
        assert [other.is_visible() for other in others.all()] == [True] * 3
        search(page, 'foo')
        assert [other.is_visible() for other in others.all()] == [False] * 3
        assert page.locator(BOX).bounding_box() == box
        search(page, '')
        assert [other.is_visible() for other in others.all()] == [True] * 3
        assert page.locator('.results').is_hidden()


def test_url_has_the_query(page: Page, index: str) -> None:
    """The page's URL has the query, and opening it shows the results."""
    page.goto(index)
    search(page, 'foo plug')
    page.wait_for_url('**/?q=foo+plug')
    address = page.url
    page.goto('about:blank')
    page.goto(address)
    assert page.input_value(BOX) == 'foo plug'
    assert found(page) == ['foo-bar-plugin']
    search(page, '')
    page.wait_for_url(index)


def test_back_restores_the_results(page: Page, index: str) -> None:
    """Going back from a result shows the query and the results again."""
    page.goto(f'{index}?q=my')
    page.click('.results a')
    page.wait_for_url(f'{index}project/my-foo/')
    page.go_back()
    assert page.input_value(BOX) == 'my'
    assert found(page) == ['my-foo']


@pytest.mark.parametrize('key', ('Enter', 'click'))
def test_back_works_before_url_update(page: Page, index: str, key: str) -> None:
    """The query is kept even if a result is opened before the URL has it."""
    page.goto(index)
    page.focus(BOX)
    # In one script, since the page updates its URL a little later.
    with page.expect_navigation(url=re.compile('/project/')):
        page.evaluate('''([box, key]) => {
            const input = document.querySelector(box);
            input.value = 'my';
            input.dispatchEvent(new Event('input', {bubbles: true}));
            if (key === 'Enter') input.form.requestSubmit();
            // Once: a second click, on a result by summary, would interrupt the navigation.
            else new MutationObserver((_, observer) => {
                observer.disconnect();
                document.querySelector('.results a').click();
            }).observe(document.querySelector('.results'), {childList: true});
        }''', [BOX, key])
    page.go_back()
    assert page.input_value(BOX) == 'my'
    assert found(page) == ['my-foo']


def test_home_page_takes_no_focus(page: Page, index: str) -> None:
    """Focusing the search would load all names for users who don't search."""
    page.goto(index, wait_until='networkidle')
    assert page.evaluate('document.activeElement === document.body')


@pytest.mark.parametrize('width', chromium.WIDTHS)
@pytest.mark.parametrize('query', ('foo', 'many', 'nothing-of-that-name', 'long'))
def test_link_with_query_causes_no_jumps(
        browser: Browser, index: str, query: str, width: str,
) -> None:
    """The cumulative layout shift of a page that is opened with a query is below 0.1."""
    context = browser.new_context(viewport={'width': chromium.WIDTHS[width], 'height': 800})
    page = context.new_page()
    page.add_init_script('''window.shift = 0;
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.shift += entry.value;
        }).observe({type: 'layout-shift', buffered: true});
    ''')
    page.goto(f'{index}?q={query}')
    found(page)
    # An observer gets its entries after the next frame.
    page.evaluate('''() => new Promise((resolve) => {
        requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve)));
    })''')
    assert page.evaluate('window.shift') < 0.1
    context.close()


def test_first_paint_with_query_is_calm(browser: Browser, index: str) -> None:
    """A page that is opened with a query never shows the latest uploads, not even at first."""
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script('''
        window.frames_with_uploads = 0;
        const look = () => {
            const uploads = document.querySelector('.cols > .main');
            if (uploads?.checkVisibility()) window.frames_with_uploads += 1;
            requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
    ''')
    page.goto(f'{index}?q=foo')
    found(page)
    assert page.evaluate('window.frames_with_uploads') == 0
    context.close()
