"""The home page, the changelog, the list of projects and 404.html in a browser."""
from __future__ import annotations

import datetime
import functools
from collections.abc import Iterator
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler
from io import BytesIO
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect, Page

from tests.support import chromium, trees
from tests.support.servers import HOST, serving
from tests.support.trees import json_lines, Recipe, Tree

NOW = 1706745600  # 2024-02-01
DAY = 86400
STATUSES = ('archived', 'deprecated', 'quarantined')
PATHS = ('', 'projects/', 'projects/0-9.html', 'projects/b.html', '404.html')
LARGE_PAGES = ('projects/a-2.html', 'changelog/', 'changelog/2024-01.html')


@pytest.fixture(scope='module')
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Build an index whose list of projects has pages for each letter."""
    names = [*(f'{letter}{"w" * 60}' for letter in '059bcxyz'),
             *(f'a{number:03}-{"long-" * (number % 30)}name' for number in range(990))]
    lines = [{
        'filename': f'{name}-1.0.zip', 'upload_timestamp': NOW - 3600 - 600 * number,
        'summary': 'Does what it does. ' * (number % 9), 'uploaded_by': 'ana',
    } for number, name in enumerate(names)]
    lines += [{**line, 'filename': f'{name}-0.9.zip'}
              for name, line in zip(names[:9], lines, strict=False)]
    lines += [{'filename': f'new{number}-1.zip', 'upload_timestamp': NOW - 60 - 4 * DAY * number}
              for number in range(3)]
    for line in lines[:3]:
        line['requires_dist'] = names[-2:]
    facts = [{'name': name, 'status': status}
             for name, status in zip(names, STATUSES, strict=False)]
    return trees.build(tmp_path_factory.mktemp('tree') / 'web', Recipe(
        json_lines(lines), facts=json_lines(facts),
    ))


@pytest.fixture(scope='module')
def root(tree: Tree) -> Iterator[str]:
    with chromium.served(tree.root) as url:
        yield url


def set_clock(page: Page, seconds: float = NOW) -> None:
    page.clock.set_fixed_time(datetime.datetime.fromtimestamp(seconds, datetime.UTC))


@pytest.mark.parametrize(('width', 'scheme'), [(320, 'light'), (390, 'light'), (1280, 'dark')])
def test_lists_are_accessible(
        browser: Browser, root: str, width: int, scheme: Literal['light', 'dark'],
) -> None:
    """axe finds no violation, and no page is wider than the screen."""
    context = browser.new_context(
        viewport={'width': width, 'height': 800}, color_scheme=scheme,
    )
    page = context.new_page()
    errors: list[str] = []
    page.on('console', lambda message: errors.append(message.text))
    page.on('pageerror', lambda error: errors.append(str(error)))
    wrong = []
    # axe needs several seconds for a large page, whose rows are those of the others.
    for path in (*PATHS, *(LARGE_PAGES if width == 320 else ())):
        page.goto(root + path)
        if page.evaluate('document.documentElement.scrollWidth > innerWidth'):
            wrong.append(f'{path} is too wide')
        # The narrowest phones show what others show.
        wrong += [] if width == 320 else [
            f'{path}: {violation["help"]}: {node["html"]}'
            for violation in chromium.accessibility_violations(page)
            for node in violation['nodes']
        ]
    context.close()
    assert wrong + errors == []


def test_every_project_is_reachable(browser: Browser, tree: Tree, root: str) -> None:
    """Without JavaScript, links lead from the first page of the list to every project."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(root)
    page.get_by_role('link', name='Projects', exact=True).click()
    to_visit, visited, found = [page.url], set(), set()
    while to_visit:
        address = to_visit.pop()
        visited.add(address)
        page.goto(address)
        found |= {*page.locator('.list .name').all_text_contents()}
        links = page.locator('main a').evaluate_all('links => links.map(link => link.href)')
        to_visit += {
            link.partition('#')[0] for link in links if '/projects/' in link
        } - visited - {*to_visit}
    context.close()
    assert found == {path.name for path in (tree.root / 'project').iterdir()}


@pytest.mark.parametrize('width', chromium.WIDTHS)
def test_list_shows_dates_in_columns(browser: Browser, root: str, width: str) -> None:
    """Each project's date is visible; on a desktop, headings say what the columns contain."""
    context = browser.new_context(viewport={'width': chromium.WIDTHS[width], 'height': 800})
    page = context.new_page()
    page.goto(f'{root}projects/b.html')
    row = page.locator('.list > li')
    expect(row.locator('time')).to_be_visible()
    headings = page.locator('.columns > span')
    if width == 'phone':
        expect(page.locator('.columns')).to_be_hidden()
    else:
        lefts = [
            texts.evaluate_all('all => all.map(text => text.getBoundingClientRect().left)')
            for texts in (headings, row.locator('> *'))
        ]
        assert lefts[0][:3] == lefts[1][:3]
    context.close()


def test_search_without_javascript_opens_list(browser: Browser, root: str) -> None:
    """Without JavaScript, the search forms open the list of projects."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for path in ('', 'changelog/', '404.html'):
        page.goto(root + path)
        page.get_by_role('search').locator('input').fill('foo')
        page.get_by_role('search').locator('input').press('Enter')
        page.wait_for_url(f'{root}projects/?q=foo')
        expect(page.get_by_role('link', name='A', exact=True)).to_be_visible()
    context.close()


def test_dates_are_relative(page: Page, root: str) -> None:
    """The last upload and all days say how long ago they are; each release has its time of day."""
    set_clock(page)
    page.goto(root)
    last = page.locator('.counts time')
    expect(last).to_have_text('1 minute ago')
    expect(last).to_have_attribute('title', '2024-01-31 23:59 UTC')
    for row, time in enumerate(('23:59', '23:00', '22:50')):
        expect(page.locator('.log time').nth(row)).to_have_text(time)
        expect(page.locator('.log time').nth(row)).to_be_in_viewport()
    expect(page.locator('h3.day').first).to_have_text('Wednesday 31 January 2024 · yesterday')
    set_clock(page, NOW - 60)
    page.reload()
    expect(page.locator('h3.day').first).to_have_text('Wednesday 31 January 2024 · today')
    set_clock(page, NOW + 400 * DAY)
    page.goto(root)
    # That long ago, the date says more.
    expect(page.locator('.counts time')).to_have_text('2024-01-31 23:59 UTC')
    expect(page.locator('.log time').first).to_have_text('23:59')
    expect(page.locator('h3.day').first).to_have_text('Wednesday 31 January 2024 · last year')
    # The clock of this machine may be wrong.
    set_clock(page, NOW - 9 * DAY)
    page.goto(root)
    expect(page.locator('.counts time')).to_have_text('2024-01-31 23:59 UTC')
    expect(page.locator('h3.day').first).to_have_text('Wednesday 31 January 2024')


def test_changelog_shows_file_names(page: Page, root: str) -> None:
    """The names of the files are a click away, also by keyboard."""
    page.goto(f'{root}changelog/')
    row = page.locator('.log li', has_text='new0')
    assert 'new0-1.zip' not in row.inner_text()
    row.locator('summary').focus()
    page.keyboard.press('Enter')
    expect(row.locator('details[open]')).to_be_visible()
    assert 'new0-1.zip' in row.inner_text()


def test_installers_are_tabs(browser: Browser, root: str) -> None:
    """The settings of one installer are visible at a time, also without JavaScript."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(root)
    expect(page.locator('.panel code:visible')).to_have_count(3)
    page.get_by_text('Poetry', exact=True).click()
    expect(page.get_by_text('[[tool.poetry.source]]')).to_be_visible()
    page.keyboard.press('ArrowRight')
    expect(page.get_by_text('[[tool.pdm.source]]')).to_be_visible()
    expect(page.get_by_text('[[tool.poetry.source]]')).to_be_hidden()
    context.close()


def test_phones_show_releases_first(browser: Browser, root: str) -> None:
    """On a phone the releases come before the settings, which a link leads to."""
    context = browser.new_context(viewport={'width': 390, 'height': 800})
    page = context.new_page()
    page.goto(root)
    latest, install = (
        box['y'] for name in ('Latest releases', 'Use this index')
        if (box := page.get_by_role('heading', name=name).bounding_box()) is not None
    )
    assert latest < install
    page.get_by_role('link', name='Use this index').click()
    expect(page.get_by_role('heading', name='Use this index')).to_be_in_viewport()
    context.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={'width': 390, 'height': 800})
    yield context.new_page()
    context.close()


def test_header_has_room_on_phones(phone: Page, root: str) -> None:
    """The line below the current section is well above the search field."""
    phone.goto(f'{root}projects/')
    section = phone.locator('.bar [aria-current]').bounding_box()
    field = phone.locator('.find input').bounding_box()
    assert section is not None
    assert field is not None
    assert field['y'] - section['y'] - section['height'] >= 8


def test_footer_is_aligned_on_phones(phone: Page, root: str) -> None:
    """Each line of the footer begins at the left margin."""
    phone.goto(root)
    items = phone.locator('footer .wrap > *').evaluate_all('''all => all.map((item) => {
        const {left, top} = item.getBoundingClientRect();
        return [top, left];
    })''')
    first_items = dict(sorted(items, reverse=True))
    assert len(first_items) > 1
    assert {*first_items.values()} == {16}


@pytest.mark.parametrize('path', ['nothing', 'project/nothing/at/all/', 'simple/nothing/'])
def test_404_works_at_any_depth(page: Page, tree: Tree, path: str) -> None:
    """Its style sheet loads, its links work, and its search finds projects."""
    content = (tree.root / '404.html').read_bytes()

    class Handler(SimpleHTTPRequestHandler):
        def send_error(self, code: int, *_: object) -> None:
            self.send_response(HTTPStatus(code))
            self.send_header('Content-Type', 'text/html')
            self.send_header('Content-Length', str(len(content)))
            self.end_headers()
            self.copyfile(BytesIO(content), self.wfile)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    failed: list[str] = []
    page.on('response', lambda found: failed.append(found.url) if found.status >= 400 else None)
    with serving(functools.partial(Handler, directory=str(tree.root))) as port:
        root = f'http://{HOST}:{port}/'
        page.goto(root + path)
        expect(page.get_by_role('heading', name='There is no such page')).to_be_visible()
        expect(page.locator('h1')).to_have_css('font-size', '32px')
        page.get_by_role('search').locator('input').fill('new1')
        page.get_by_role('search').get_by_role('link', name='new1').click()
        page.wait_for_url(f'{root}project/new1/')
    assert failed == [root + path]


def test_home_settings_can_be_copied(browser: Browser, root: str) -> None:
    """Without --site-url, the settings have the URL of the page; a button copies them."""
    context = browser.new_context(permissions=['clipboard-read', 'clipboard-write'])
    page = context.new_page()
    page.goto(root)
    assert 'https://example.com' not in page.content()
    for installer, settings in (
            ('pip', f'pip install --index-url {root}simple/ PROJECT'),
            ('PDM', f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{root}simple/"'),
    ):
        page.get_by_text(installer, exact=True).click()
        page.get_by_role('button', name='Copy').first.click()
        expect(page.get_by_role('button').first).to_have_text('Copied')
        assert page.evaluate('navigator.clipboard.readText()') == settings
    context.close()
