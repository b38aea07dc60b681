"""The list of projects on one page: filter and order, which need JavaScript."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, Page

from tests.support.searching import indexed


@pytest.fixture(scope='module')
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with indexed(tmp_path_factory.mktemp('tree')) as url:
        yield url


@pytest.fixture
def projects(page: Page, index: str) -> Page:
    page.goto(f'{index}projects/')
    return page


def shown(page: Page) -> list[str]:
    return page.locator('.list .name:visible').all_text_contents()


def sort(page: Page, order: str) -> None:
    page.get_by_role('button', name=order, exact=True).click()
    expect(page.locator('[aria-pressed=true]')).to_have_text(order)


def test_filter_shows_matching_projects(projects: Page) -> None:
    """Projects with all words stay, in one list and in place; the page says how many there are."""
    everything = shown(projects)
    box = projects.get_by_label('Filter').bounding_box()
    projects.get_by_label('Filter').fill('foo BAR')
    assert shown(projects) == ['barfoo', 'foo-bar', 'foo-bar-plugin', 'foobar']
    assert projects.get_by_label('Filter').bounding_box() == box
    assert projects.locator('.letter:visible').count() == 0
    expect(projects.locator('.letters')).to_be_hidden()
    for count in ('.count', 'body > [role=status]'):
        expect(projects.locator(count)).to_have_text(f'4 of {len(everything)} projects')
    projects.get_by_label('Filter').fill('')
    assert shown(projects) == everything
    expect(projects.locator('.letters')).to_be_visible()
    expect(projects.locator('.count')).to_have_text(f'{len(everything)} projects')


@pytest.mark.parametrize(('text', 'names'), (
    ('foo_bar', ['foo-bar', 'foo-bar-plugin']), ('Foo.Bar-Pl', ['foo-bar-plugin']),
    # A version, a status and a summary; but no text that is for screen readers, and no date.
    ('dated 2.0', ['dated']), ('quarantined', ['dated-thrice']), ('guests', ['server']),
    ('used', []), ('2024', []),
))
def test_filter_compares_what_rows_say(projects: Page, text: str, names: list[str]) -> None:
    """Names match however their separators are written."""
    projects.get_by_label('Filter').fill(text)
    assert shown(projects) == names


def test_filter_reports_no_match(projects: Page) -> None:
    """If no project matches, the page says so."""
    nothing = projects.get_by_text('None of the projects here match.')
    expect(nothing).to_be_hidden()
    projects.get_by_label('Filter').fill('zzzz')
    expect(nothing).to_be_visible()
    assert shown(projects) == []


def test_list_can_be_sorted(projects: Page) -> None:
    """Projects are sorted by date or by dependents, then by name, without headings, and back."""
    everything = shown(projects)
    assert everything == sorted(everything)
    sort(projects, 'Released')
    # The dates of quarantined projects are not shown.
    dated = ['dated', 'dated-twice']
    assert shown(projects) == dated + [name for name in everything if name not in dated]
    expect(projects.locator('.letter').first).to_be_hidden()
    sort(projects, 'Used by')
    assert shown(projects) == ['foo-bar', *(name for name in everything if name != 'foo-bar')]
    sort(projects, 'Project')
    assert shown(projects) == everything
    expect(projects.locator('.letter').first).to_be_visible()


def test_sorted_list_can_be_filtered(projects: Page) -> None:
    """Filter and order apply together."""
    sort(projects, 'Used by')
    projects.get_by_label('Filter').fill('bar')
    assert shown(projects)[:2] == ['foo-bar', 'barfoo']
    sort(projects, 'Project')
    assert shown(projects)[:2] == ['barfoo', 'foo-bar']


def test_phones_sort_with_a_menu(browser: Browser, index: str) -> None:
    """On a phone there are no headings of columns, but a menu."""
    context = browser.new_context(viewport={'width': 390, 'height': 800})
    page = context.new_page()
    page.goto(f'{index}projects/')
    expect(page.get_by_role('button', name='Released')).to_be_hidden()
    page.get_by_label('Sort by').select_option('Most used first')
    assert shown(page)[0] == 'foo-bar'
    expect(page.get_by_text('Used by 1', exact=True)).to_be_visible()
    context.close()


def test_list_shows_number_of_dependents(projects: Page, index: str) -> None:
    """The number of dependents links to their page."""
    link = projects.get_by_role('link', name='Used by 1', exact=True)
    expect(link).to_have_text('Used by 1')
    link.click()
    projects.wait_for_url(f'{index}project/foo-bar/dependents/')


def test_tools_need_javascript(browser: Browser, index: str) -> None:
    """Without JavaScript, there is no control that does nothing."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f'{index}projects/')
    expect(page.locator('.tools')).to_be_hidden()
    assert len(shown(page)) > 60
    context.close()
