"""READMEs in Chromium: nothing runs, the policy is kept, and axe finds no violation."""
from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.appearance_test import ELSEWHERE, Look, LOOKS, monitored_page, MonitoredPage
from tests.support import chromium, histories, small_builds
from tests.support.hostile_readmes import MARKDOWN, READMES, RST
from tests.support.readmes import FULL_MARKDOWN, FULL_RST

# Installed with the tests, in both markups, with badges, tables, code and HTML.
REAL = ('charset-normalizer', 'hypothesis', 'msgspec', 'pytest', 'requests-toolbelt', 'tqdm')
PLAIN = 'A text.\n\n    indented\n\n' + 'a long line ' * 20
IMAGE = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="20"></svg>'


def real_readmes() -> dict[str, tuple[str, str | None]]:
    """Return READMEs of installed packages, each with its content type."""
    found: dict[str, tuple[str, str | None]] = {}
    for distribution in distributions():
        metadata = distribution.metadata.json
        if metadata['name'] in REAL:
            content_type = metadata.get('description_content_type')
            assert content_type is None or isinstance(content_type, str)
            found[str(metadata['name'])] = str(metadata['description']), content_type
    assert len(found) == len(REAL)
    return found


README_OF: dict[str, tuple[str, str | None]] = {
    'markdown': (FULL_MARKDOWN, MARKDOWN), 'rst': (FULL_RST, RST), 'plain': (PLAIN, 'text/plain'),
    **real_readmes(),
}


def build(folder: Path, texts: dict[str, tuple[str, str | None]]) -> Path:
    """Build an index of a project for each README; return its directory."""
    small_builds.run(
        folder, tuple(json.dumps({'filename': f'{name}-1.0.zip'}) for name in texts),
        project_list_json=histories.write_lines(folder / 'projects', [json.dumps({
            'name': name, 'description': text, 'description_content_type': content_type,
        }) for name, (text, content_type) in texts.items()]),
    )
    return folder / 'out'


@pytest.fixture(scope='module')
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chromium.served(build(tmp_path_factory.mktemp('readmes'), README_OF)) as root:
        yield root


def context_with_images(browser: Browser, look: Look) -> BrowserContext:
    """Return a context in which every image on another host is a small one."""
    context = browser.new_context(
        viewport={'width': chromium.WIDTHS[look.width], 'height': 800}, color_scheme=look.scheme,
    )
    context.route(ELSEWHERE, lambda route: route.fulfill(
        content_type='image/svg+xml', body=IMAGE,
    ))
    return context


@pytest.fixture(params=[LOOKS[0], LOOKS[-1]], ids=' '.join)
def look(request: pytest.FixtureRequest, browser: Browser) -> Iterator[MonitoredPage]:
    context = context_with_images(browser, request.param)
    yield monitored_page(context)
    context.close()


def test_readmes_are_accessible(look: MonitoredPage, url: str) -> None:
    """axe finds no violation, the browser reports nothing, and no README is too wide."""
    page, errors = look
    wrong = []
    for name in README_OF:
        page.goto(f'{url}project/{name}/')
        for details in page.locator('.readme details').all():
            details.evaluate('details => { details.open = true; }')
        wrong += [
            f'{name}: {violation["impact"]}: {violation["help"]}: {node["html"]}'
            for violation in chromium.accessibility_violations(page, '.readme')
            for node in violation['nodes']
        ]
        width, shown = page.evaluate('''() => {
            const readme = document.querySelector('.readme');
            return [readme.scrollWidth, readme.clientWidth];
        }''')
        if width > shown:
            wrong.append(f'{name} is {width} wide')
        wrong += [f'{name}: {error}' for error in errors]
        errors.clear()
    assert wrong == []


def test_links_within_a_readme(browser: Browser, url: str) -> None:
    """A link in a README leads to a heading of the README."""
    context = context_with_images(browser, LOOKS[0])
    page, _ = monitored_page(context)
    page.goto(f'{url}project/rst/')
    page.locator('.readme').get_by_role('link', name='Usage').last.click()
    assert page.evaluate('decodeURIComponent(location.hash).slice(1)') == ':readme-usage'
    assert page.evaluate('document.querySelector(":target") !== null')
    context.close()


def test_hostile_readmes_do_nothing(browser: Browser, tmp_path: Path) -> None:
    """No script runs, no policy is violated, nothing leaves its section or loads over http."""
    texts: dict[str, tuple[str, str | None]] = {}
    # Many on a page each would take a minute: they are sanitized one by one in other tests.
    for number, (text, content_type) in enumerate(READMES):
        if content_type == MARKDOWN:
            texts[f'hostile{number}'] = text, content_type
    context = context_with_images(browser, LOOKS[-1])
    page, errors = monitored_page(context)
    page.on('dialog', lambda dialog: errors.append(f'dialog: {dialog.message}'))
    page.on('request', lambda request: errors.append(f'request: {request.url}') if (
        request.resource_type != 'image' and '/hostile' not in request.url
        and '/static/' not in request.url
    ) else None)
    with chromium.served(build(tmp_path, texts)) as root:
        for name in texts:
            page.goto(f'{root}project/{name}/')
            assert page.evaluate('''() => {
                const readme = document.querySelector('.readme');
                const releases = document.getElementById('releases');
                return readme !== null && !readme.contains(releases)
                    && document.querySelectorAll('main').length === 1
                    && document.querySelector('.readme :is(script, style, form, iframe)') === null;
            }'''), name
            assert errors == [], name
    context.close()
