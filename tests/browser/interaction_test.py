"""Use the pages: copy commands, unfold releases, and do so without JavaScript."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, Page

from tests.support import chromium, trees
from tests.support.recipes import RECIPES
from tests.support.trees import SITE_URL, Tree

WITH_COMMANDS = ('', 'project/ocelot/', 'project/purr-box/')


@pytest.fixture(scope='module')
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return trees.build(
        tmp_path_factory.mktemp('tree') / 'web', RECIPES['the sample with a site URL'],
    )


@pytest.fixture(scope='module')
def index(tree: Tree) -> Iterator[str]:
    with chromium.served(tree.server_root) as root:
        yield f'{root}index/'


def found(tree: Tree, path: str) -> Path:
    place = tree.root / path
    return place / 'index.html' if place.is_dir() else place


def stop_clock(page: Page) -> None:
    """Stop a page's timers: buttons keep saying "Copied" until a test moves the clock."""
    page.clock.install()
    page.clock.pause_at('2100-01-01')


def unfold(page: Page) -> None:
    page.locator('details').evaluate_all('all => all.forEach(one => { one.open = true; })')


@pytest.mark.parametrize('path', WITH_COMMANDS)
def test_copy_button_copies(page: Page, index: str, path: str) -> None:
    """For each installer, a copy button copies the command that is shown, and says so."""
    stop_clock(page)
    page.goto(index + path)
    tabs = page.locator('.tabs > label')
    assert tabs.all_text_contents()[:4] == ['pip', 'uv', 'Poetry', 'PDM']
    for tab in tabs.all():
        tab.click()
        for button in page.locator('.tabs .copy:visible').all():
            # The button is in the row of tabs, or in the line above the settings.
            code = button.locator('xpath=following::code[1]')
            text = code.inner_text()
            button.click()
            expect(button).to_have_text('Copied')
            assert page.evaluate('navigator.clipboard.readText()') == text.strip()
            page.clock.fast_forward(10_000)
            expect(button).to_have_text('Copy')


def test_copy_button_has_a_label(page: Page, tmp_path: Path) -> None:
    """The label says what is copied, and the button keeps its width when it says "Copied"."""
    tree = trees.build(tmp_path / 'web', RECIPES['the plain sample']._replace(
        lines=f'foo-1.0.zip#sha256={"0" * 64}\nfoo-1.0.tar#sha256={"1" * 64}\n'.encode(),
    ))
    stop_clock(page)
    with chromium.served(tree.root) as root:
        page.goto(f'{root}project/foo/')
    buttons = page.locator('.copy')
    assert buttons.evaluate_all('all => all.map(button => button.ariaLabel)') == [
        'Copy the command', 'Copy the requirement foo==1.0',
        'Copy the hash of foo-1.0.tar', 'Copy the hash of foo-1.0.zip',
    ]
    for button in buttons.all():
        width = button.evaluate('button => button.offsetWidth')
        button.click()
        expect(button).to_have_text('Copied')
        assert button.evaluate('button => button.offsetWidth') == width
    assert page.evaluate('navigator.clipboard.readText()') == f'sha256={"0" * 64}'


def test_copying_works_without_clipboard_access(page: Page, index: str) -> None:
    """Pages served by plain http have no clipboard access: they copy or select the text."""
    stop_clock(page)
    page.add_init_script('navigator.clipboard.writeText = () => Promise.reject(new Error());')
    page.goto(f'{index}project/ocelot/')
    command = f'pip install --index-url {SITE_URL}simple/ ocelot'
    button = page.locator('.tabs .copy')
    button.click()
    expect(button).to_have_text('Copied')
    assert page.evaluate('navigator.clipboard.readText()').strip() == command
    page.evaluate('document.execCommand = () => false')
    button.click()
    expect(button).to_have_text('Selected')
    assert page.evaluate('getSelection().toString()').strip() == command


@pytest.mark.parametrize('path', WITH_COMMANDS)
def test_commands_have_the_pages_url(
        page: Page, tmp_path_factory: pytest.TempPathFactory, path: str,
) -> None:
    """Without --site-url, the commands have the URL that the page was loaded from."""
    tree = trees.build(tmp_path_factory.mktemp('tree') / 'web', RECIPES['the sample'])
    with chromium.served(tree.server_root) as root:
        page.goto(f'{root}index/{path}')
        assert f'--index-url {root}index/simple/' in page.locator('.cmd').first.inner_text()
        assert 'example.com/simple' not in page.content()
        expect(page.locator('.placeholder')).to_have_count(0)


@pytest.mark.parametrize(('address', 'option'), (
    ('http://pypi.example.com:8080/', ' --trusted-host pypi.example.com'),
    ('http://[2001:db8::1]/', ' --trusted-host 2001:db8::1'),
    ('http://127.0.0.2/', ''),
    ('https://pypi.example.com/', ''),
))
def test_pip_command_trusts_http_host(
        page: Page, tmp_path_factory: pytest.TempPathFactory, address: str, option: str,
) -> None:
    """If the page came by plain http, the command has --trusted-host, except for loopback."""
    # Not in `tmp_path`, which is removed before the page is closed: it may still load its icon.
    tree = trees.build(tmp_path_factory.mktemp('tree') / 'web', RECIPES['the sample'])
    page.route(lambda url: url.startswith(address), lambda route: route.fulfill(
        path=found(tree, route.request.url.removeprefix(address)),
    ))
    page.goto(f'{address}project/ocelot/')
    assert page.locator('.cmd code').inner_text().strip() == (
        f'pip install --index-url {address}simple/{option} ocelot'
    )
    page.goto(address)
    setting = option.replace(' --', '\n').replace('host ', 'host = ')
    assert f'[global]\nindex-url = {address}simple/{setting}' in (
        page.locator('.install code').all_text_contents()
    )


@pytest.mark.parametrize('path', [*WITH_COMMANDS, 'changelog/', 'changelog/2024-03.html'])
def test_pages_work_without_javascript(
        page: Page, plain_page: Page, index: str, path: str,
) -> None:
    """Without JavaScript the text is the same, and there are no copy buttons."""
    texts = []
    for one in (page, plain_page):
        one.goto(index + path)
        expect(one.locator('.tabs .copy:visible')).to_have_count(
            one.locator('.cmd:visible').count() if one is page else 0,
        )
        unfold(one)
        # The script adds buttons and a hint, and says how long ago something was.
        one.locator('.copy, .req, main kbd, main time, .sections .n').evaluate_all(
            'all => all.forEach(one => one.remove())',
        )
        texts.append(one.locator('main').inner_text().split())
    assert texts[0] == texts[1]


def test_search_without_javascript_opens_list(plain_page: Page, index: str) -> None:
    """Without JavaScript the search opens the list of all projects."""
    for path in ('', 'project/ocelot/'):
        plain_page.goto(index + path)
        plain_page.locator('[role=search] input').fill('whiskers')
        plain_page.locator('[role=search] input').press('Enter')
        plain_page.wait_for_url(f'{index}projects/?q=whiskers')
        plain_page.get_by_role('link', name='whiskers').first.click()
        plain_page.wait_for_url(f'{index}project/whiskers/')


def test_placeholder_without_javascript(
        plain_page: Page, tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Without JavaScript and --site-url, the page says which part of the URL to replace."""
    tree = trees.build(tmp_path_factory.mktemp('tree') / 'web', RECIPES['the sample'])
    with chromium.served(tree.server_root) as root:
        for path in WITH_COMMANDS:
            plain_page.goto(f'{root}index/{path}')
            expect(plain_page.locator('.placeholder')).to_contain_text('https://example.com/')
