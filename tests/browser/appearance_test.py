"""Every kind of page, at each width, in light and dark: in order, and for everybody."""
from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support import chromium, trees
from tests.support.recipes import RECIPES

# Each tree, and those of its pages that look like no others.
PAGES = {
    'the sample with a site URL': (
        '', 'project/ocelot/', 'project/purr-box/', 'project/litter-tray/', 'changelog/',
        'changelog/2024-03.html', 'changelog/undated.html', '?q=o', '?q=nothing-of-that-name',
    ),
    'the plain sample': ('', 'project/ocelot/', 'changelog/'),
    'a quarantined project': ('project/ocelot/',),
    'a crowded month': ('', 'project/crowd1/', 'changelog/', 'changelog/2024-02-2.html'),
    'odd texts': (
        '', 'project/odd/', 'project/sized/', 'project/unversioned/', 'changelog/',
        'changelog/1970-01.html', 'changelog/undated.html', '?q=o', '?q=<script>&q=" \'W',
    ),
    'no files at all': ('', 'changelog/', '?q=a'),
}


ELSEWHERE = re.compile('https:')


class Look(NamedTuple):
    width: str
    scheme: Literal['light', 'dark']


LOOKS = [Look('phone', 'light'), Look('phone', 'dark'), Look('desktop', 'light'),
         Look('desktop', 'dark')]


class Watched(NamedTuple):
    """A page, and what went wrong with it so far."""
    page: Page
    complaints: list[str]


@pytest.fixture(scope='module', params=PAGES)
def name(request: pytest.FixtureRequest) -> str:
    recipe: str = request.param
    return recipe


@pytest.fixture(scope='module')
def url(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    tree = trees.build(tmp_path_factory.mktemp('tree') / 'web', RECIPES[name])
    with chromium.served(tree.server_root) as root:
        yield f'{root}index/'


def watched(context: BrowserContext) -> Watched:
    """A new page; whatever it complains of is noted."""
    page = context.new_page()
    complaints: list[str] = []
    page.on('console', lambda message: complaints.append(f'{message.type}: {message.text}'))
    page.on('pageerror', lambda error: complaints.append(str(error)))
    # What is still on its way when the test goes on to the next page is not missing.
    page.on('requestfailed', lambda request: None if (
        request.failure == 'net::ERR_ABORTED'
    ) else complaints.append(f'failed: {request.url}: {request.failure}'))
    page.on('response', lambda response: None if response.ok else complaints.append(
        f'{response.status}: {response.url}',
    ))
    return Watched(page, complaints)


@pytest.fixture(params=LOOKS, ids=' '.join)
def look(
        request: pytest.FixtureRequest, browser: Browser,
) -> Iterator[Watched]:
    width, scheme = request.param
    context = browser.new_context(
        viewport={'width': chromium.WIDTHS[width], 'height': 800}, color_scheme=scheme,
    )
    # The sample's logo is elsewhere.
    context.route(ELSEWHERE, lambda route: route.fulfill(content_type='image/png', body=b''))
    yield watched(context)
    context.close()


def settle(page: Page, address: str) -> None:
    page.goto(address)
    if '?q=' in address:
        page.wait_for_selector('.results[aria-busy=false]', state='attached')


def test_pages_are_in_order(look: Watched, url: str, name: str) -> None:
    """No message on the console, none of the policy's; nothing missing; nothing too wide."""
    page, complaints = look
    wrong = []
    for path in PAGES[name]:
        settle(page, url + path)
        for details in page.locator('details').all():
            details.evaluate('details => { details.open = true; }')
        width, shown = page.evaluate('[document.documentElement.scrollWidth, innerWidth]')
        if width > shown:
            wrong.append(f'{path} is {width} wide')
        wrong += [f'{path}: {complaint}' for complaint in complaints]
        complaints.clear()
    assert wrong == []


def test_pages_are_for_everybody(look: Watched, url: str, name: str) -> None:
    """What a checker of accessibility finds: contrast, labels, landmarks, headings, names."""
    page, _ = look
    wrong = []
    for path in PAGES[name]:
        settle(page, url + path)
        wrong += [
            f'{path}: {violation["impact"]}: {violation["help"]}: {node["html"]}'
            for violation in chromium.accessibility_violations(page)
            for node in violation['nodes']
        ]
    assert wrong == []


def test_each_link_can_be_reached_by_keyboard(browser: Browser, url: str) -> None:
    """And what has the focus shows it."""
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
            # After its last element the page gives the focus back to the browser.
            break
        if visible:
            assert outline == 'solid', address
        seen.add(address)
    links = page.locator('a:visible').evaluate_all('links => links.map(link => link.href)')
    assert set(links) <= seen
    context.close()


def test_a_logo_from_elsewhere_is_shown(browser: Browser, tmp_path: Path) -> None:
    recipe = RECIPES['the plain sample']
    tree = trees.build(tmp_path / 'web', recipe._replace(
        options=('--logo', 'https://example.com/logo.png', '--logo-width', '160'),
    ))
    context = browser.new_context()
    with chromium.served(tree.root) as url:
        page, complaints = watched(context)
        context.route(ELSEWHERE, lambda route: route.fulfill(
            status=200, content_type='image/svg+xml',
            body='<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"></svg>',
        ))
        page.goto(url)
        image = page.locator('.brand img')
        assert image.evaluate('image => image.complete')
        # As high as it is wide, like the picture: none of its place is empty.
        assert image.evaluate('image => [image.width, image.height]') == [160, 160]
        assert complaints == []
    context.close()
