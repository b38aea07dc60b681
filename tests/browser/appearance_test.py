"""Every kind of page, at each width, in light and dark, loads without errors and is accessible."""
from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support import chromium, trees
from tests.support.recipes import RECIPES

# The pages of each tree to look at: one of each kind.
PAGES = {
    'the sample with a site URL': (
        '', 'project/ocelot/', 'project/purr-box/', 'project/litter-tray/', 'projects/',
        'changelog/', 'changelog/2024-03.html', 'changelog/undated.html', '404.html', '?q=o',
        '?q=nothing-of-that-name',
    ),
    'the plain sample': ('', 'project/ocelot/', 'projects/', 'changelog/'),
    'a quarantined project': ('project/ocelot/', 'projects/'),
    'a crowded month': (
        '', 'project/crowd1/', 'projects/', 'changelog/', 'changelog/2024-02-2.html',
    ),
    'odd texts': (
        '', 'project/odd/', 'project/sized/', 'project/unversioned/', 'projects/', 'changelog/',
        'changelog/1970-01.html', 'changelog/undated.html', '?q=o', '?q=<script>&q=" \'W',
    ),
    'no files at all': ('', 'projects/', 'changelog/', '?q=a'),
}
ELSEWHERE = re.compile('https:')


class Look(NamedTuple):
    width: str
    scheme: Literal['light', 'dark']


LOOKS = [Look('phone', 'light'), Look('phone', 'dark'), Look('desktop', 'light'),
         Look('desktop', 'dark')]


class MonitoredPage(NamedTuple):
    """A page, and the errors and console messages so far."""
    page: Page
    errors: list[str]


@pytest.fixture(scope='module', params=PAGES)
def name(request: pytest.FixtureRequest) -> str:
    recipe: str = request.param
    return recipe


@pytest.fixture(scope='module')
def url(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    tree = trees.build(tmp_path_factory.mktemp('tree') / 'web', RECIPES[name])
    with chromium.served(tree.server_root) as root:
        yield f'{root}index/'


def monitored_page(context: BrowserContext) -> MonitoredPage:
    """Open a page; record its errors, console messages and failed requests."""
    page = context.new_page()
    errors: list[str] = []
    page.on('console', lambda message: errors.append(f'{message.type}: {message.text}'))
    page.on('pageerror', lambda error: errors.append(str(error)))
    # A request that is aborted because the test goes to the next page is no error.
    page.on('requestfailed', lambda request: None if (
        request.failure == 'net::ERR_ABORTED'
    ) else errors.append(f'failed: {request.url}: {request.failure}'))
    # With 304, the browser has the file from another page.
    page.on('response', lambda response: None if response.ok or response.status == 304 else (
        errors.append(f'{response.status}: {response.url}')
    ))
    return MonitoredPage(page, errors)


@pytest.fixture(params=LOOKS, ids=' '.join)
def look(
        request: pytest.FixtureRequest, browser: Browser,
) -> Iterator[MonitoredPage]:
    width, scheme = request.param
    context = browser.new_context(
        viewport={'width': chromium.WIDTHS[width], 'height': 800}, color_scheme=scheme,
    )
    # The sample's logo is on another host.
    context.route(ELSEWHERE, lambda route: route.fulfill(content_type='image/png', body=b''))
    yield monitored_page(context)
    context.close()


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    if '?q=' in address:
        page.wait_for_selector('.results[aria-busy=false]', state='attached')


def test_pages_load_without_errors(look: MonitoredPage, url: str, name: str) -> None:
    """No page logs a message, violates the policy, misses a file or is wider than the screen."""
    page, errors = look
    wrong = []
    for path in PAGES[name]:
        open_page(page, url + path)
        for details in page.locator('details').all():
            details.evaluate('details => { details.open = true; }')
        width, shown = page.evaluate('[document.documentElement.scrollWidth, innerWidth]')
        if width > shown:
            wrong.append(f'{path} is {width} wide')
        wrong += [f'{path}: {error}' for error in errors]
        errors.clear()
    assert wrong == []


def test_pages_are_accessible(look: MonitoredPage, url: str, name: str) -> None:
    """axe finds no violation: contrast, labels, landmarks, headings, names."""
    page, _ = look
    wrong = []
    for path in PAGES[name]:
        open_page(page, url + path)
        wrong += [
            f'{path}: {violation["impact"]}: {violation["help"]}: {node["html"]}'
            for violation in chromium.accessibility_violations(page)
            for node in violation['nodes']
        ]
    assert wrong == []


def test_keyboard_reaches_every_link(browser: Browser, url: str) -> None:
    """Tab reaches every link, and the focused element has an outline."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)
    seen = set()
    for _ in range(1000):
        page.keyboard.press('Tab')
        address, outline, visible, is_end = page.evaluate('''() => {
            const focused = document.activeElement;
            return [focused.href ?? '', getComputedStyle(focused).outlineStyle,
                    focused.matches(':focus-visible'), focused === document.body];
        }''')
        if is_end:
            # After the last element, the focus leaves the page.
            break
        if visible:
            assert outline == 'solid', address
        seen.add(address)
    links = page.locator('a:visible').evaluate_all('links => links.map(link => link.href)')
    assert set(links) <= seen
    context.close()


def test_logo_of_another_host_is_shown(browser: Browser, tmp_path: Path) -> None:
    """The policy allows a logo from another host, and its size follows the image."""
    recipe = RECIPES['the plain sample']
    tree = trees.build(tmp_path / 'web', recipe._replace(
        options=('--logo', 'https://example.com/logo.png', '--logo-width', '160'),
    ))
    context = browser.new_context()
    with chromium.served(tree.root) as url:
        page, errors = monitored_page(context)
        context.route(ELSEWHERE, lambda route: route.fulfill(
            status=200, content_type='image/svg+xml',
            body='<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"></svg>',
        ))
        page.goto(url)
        image = page.locator('.brand img')
        assert image.evaluate('image => image.complete')
        # The image is square, so its height is the given width.
        assert image.evaluate('image => [image.width, image.height]') == [160, 160]
        assert errors == []
    context.close()
