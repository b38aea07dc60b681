"""Links that open the search, from dependencies and keywords, and links that it shows."""
from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, Page

from tests.support.searching import BOX, found, indexed, search, STATUS


@pytest.fixture(scope='module')
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with indexed(tmp_path_factory.mktemp('tree')) as url:
        yield url


def click(page: Page, index: str, project: str, link: str) -> None:
    page.goto(f'{index}project/{project}/')
    page.locator('main').get_by_role('link', name=link, exact=True).click()


def test_dependency_opens_the_project(page: Page, index: str) -> None:
    """A dependency opens its project's page, and the back button returns from it."""
    click(page, index, 'my-foo', 'Foo.Bar')
    page.wait_for_url(f'{index}project/foo-bar/')
    page.go_back()
    page.wait_for_url(f'{index}project/my-foo/')


@pytest.mark.parametrize(('name', 'names', 'status'), (
    ('requezts', ['requests'], ' Found instead: 1 project'),
    ('http', ['http-client', 'server', 'requests', 'xhr'], ' Found instead: 4 projects'),
    ('nothing-of-that-name', [], ''),
))
def test_missing_dependency_is_reported(
        page: Page, index: str, name: str, names: list[str], status: str,
) -> None:
    """If no project has the name, the search says so, and shows what it finds."""
    click(page, index, 'my-foo', name)
    page.wait_for_url(f'{index}?q={name}')
    assert found(page) == names
    expect(page.locator(STATUS)).to_have_text(f'This index has no project called {name}.{status}')
    page.fill(BOX, 'markup')
    expect(page.locator(STATUS)).to_have_text('1 project')


def test_keyword_opens_the_search(page: Page, index: str) -> None:
    """A keyword opens the results, also if a project has that name."""
    click(page, index, 'server', 'http')
    page.wait_for_url(f'{index}?q=http')
    assert found(page) == ['http-client', 'server', 'requests', 'xhr']
    expect(page.locator(STATUS)).to_have_text('4 projects')
    page.goto(f'{index}projects/index.html?q=foo')
    page.wait_for_url(f'{index}?q=foo')
    assert found(page)[0] == 'foo'


def test_no_flash_of_the_list(page: Page, index: str) -> None:
    """The list of projects is never visible on the way to the search; without a query it is."""
    page.add_init_script('''
        const look = () => {
            if (document.querySelector('.list .name')?.checkVisibility()) {
                sessionStorage.setItem('list', location.pathname);
            }
            requestAnimationFrame(look);
        };
        if (location.pathname.endsWith('/projects/')) requestAnimationFrame(look);
    ''')
    click(page, index, 'my-foo', 'Foo.Bar')
    page.wait_for_url(f'{index}project/foo-bar/')
    page.goto(f'{index}projects/?q=nothing-of-that-name')
    page.wait_for_url(f'{index}?q=nothing-of-that-name')
    assert page.evaluate("sessionStorage.getItem('list')") is None
    for query in ('', '?q=', '?name=+'):
        page.goto(f'{index}projects/{query}')
        page.wait_for_function("sessionStorage.getItem('list') !== null")
        page.evaluate('sessionStorage.clear()')


def test_links_work_without_javascript(browser: Browser, index: str) -> None:
    """Without JavaScript, dependencies and keywords open the list of all projects."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for project, link, query in (
            ('my-foo', 'Foo.Bar', '?name=Foo.Bar'), ('server', 'http', '?q=http'),
    ):
        click(page, index, project, link)
        page.wait_for_url(f'{index}projects/{query}')
        page.get_by_role('link', name='foo-bar', exact=True).click()
        page.wait_for_url(f'{index}project/foo-bar/')
    context.close()


def test_failed_search_reports_links(page: Page, index: str) -> None:
    """If the search fails, a link to a project ends at a page that links to the list."""
    page.route('**/names.txt', lambda route: route.fulfill(status=404))
    click(page, index, 'my-foo', 'Foo.Bar')
    page.locator(STATUS).get_by_role('link', name='all projects').click()
    page.wait_for_url(f'{index}projects/')


def test_no_results_say_what_to_try(page: Page, index: str) -> None:
    """If nothing is found, not even a part, the page says how to find it."""
    page.goto(index)
    search(page, 'nothing-of-that-name')
    expect(page.locator('.advice li')).to_have_text([
        'Check the spelling: the search forgives one typo.',
        'Use a shorter or a more general word.', 'Browse all projects.',
    ])
    page.get_by_role('link', name='all projects').click()
    page.wait_for_url(f'{index}projects/')
    page.goto(f'{index}?name=unknown')
    expect(page.locator('.advice li').first).to_contain_text('Look in other indexes')


def test_missing_project_shows_partial_matches(page: Page, index: str) -> None:
    """A link to a project that is not there finds those that match a part of its name."""
    page.goto(f'{index}?name=unknown-plugin')
    expect(page.locator('.results .name')).to_have_text(['foo-bar-plugin'])
    expect(page.locator(STATUS)).to_have_text(
        'This index has no project called unknown-plugin. Found instead: 1 project',
    )


def test_search_has_its_own_headings(page: Page, index: str) -> None:
    """While somebody searches, the heading and the title of the window say so."""
    page.goto(f'{index}?q=foo')
    expect(page.locator('h1')).to_have_text('Search results')
    expect(page).to_have_title('foo \N{EN DASH} My Private PyPI')
    search(page, '')
    expect(page.locator('h1')).to_have_text(re.compile('Search .* projects'))
    expect(page).to_have_title('My Private PyPI')
