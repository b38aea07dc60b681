"""Use the pages: copy commands, unfold releases, and do so without JavaScript."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, Page

from tests.support import chromium, trees
from tests.support.recipes import RECIPES
from tests.support.trees import json_lines, SITE_URL, Tree

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


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(permissions=['clipboard-read', 'clipboard-write'])
    yield context.new_page()
    context.close()


@pytest.fixture
def plain_page(browser: Browser) -> Iterator[Page]:
    """A page in a browser with JavaScript disabled."""
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def found(tree: Tree, path: str) -> Path:
    place = tree.root / path
    return place / 'index.html' if place.is_dir() else place


def stop_clock(page: Page) -> None:
    """Stop a page's timers: buttons keep saying "Copied" until a test moves the clock."""
    page.clock.install()
    page.clock.pause_at('2100-01-01')


def unfold(page: Page) -> None:
    for summary in page.locator('details:not([open]) > summary').all():
        summary.click()


@pytest.mark.parametrize('path', WITH_COMMANDS)
def test_copy_button_copies(page: Page, index: str, path: str) -> None:
    """A copy button copies the command before it, says so, and changes back."""
    stop_clock(page)
    page.goto(index + path)
    buttons = page.locator('.copier')
    assert buttons.count() >= 4
    for number in range(buttons.count()):
        button = buttons.nth(number)
        for summary in button.locator('xpath=ancestor::details[not(@open)]/summary').all():
            summary.click()
        text = button.locator('xpath=..').locator('code').text_content()
        button.click()
        expect(button).to_have_text('Copied')
        assert page.evaluate('navigator.clipboard.readText()') == text
    page.clock.fast_forward(10_000)
    expect(page.locator('.copier', has_text='Copied')).to_have_count(0)


@pytest.mark.parametrize(('path', 'names'), (
    ('', ['for pip', 'for pip.conf', 'for uv', 'for Poetry', 'for PDM']),
    ('project/foo/', [
        'for pip', 'for uv', 'for Poetry', 'for PDM', 'the hash of foo-1.0.tar',
        'the hash of foo-1.0.zip',
    ]),
))
def test_copy_button_has_a_label(
        page: Page, tmp_path: Path, path: str, names: list[str],
) -> None:
    """The label says what is copied, and the button keeps its width when it says "Copied"."""
    tree = trees.build(tmp_path / 'web', RECIPES['the plain sample']._replace(
        lines=f'foo-1.0.zip#sha256={"0" * 64}\nfoo-1.0.tar#sha256={"1" * 64}\n'.encode(),
    ))
    stop_clock(page)
    with chromium.served(tree.root) as root:
        page.goto(root + path)
    buttons = page.locator('.copier')
    assert buttons.evaluate_all('all => all.map(button => button.ariaLabel)') == [
        f'Copy {name}' for name in names
    ]
    width = buttons.first.evaluate('button => button.offsetWidth')
    buttons.first.click()
    expect(buttons.first).to_have_text('Copied')
    assert buttons.first.evaluate('button => button.offsetWidth') == width


def test_copying_works_without_clipboard_access(page: Page, index: str) -> None:
    """Pages served by plain http have no clipboard access: they copy or select the text."""
    stop_clock(page)
    page.add_init_script('navigator.clipboard.writeText = () => Promise.reject(new Error());')
    page.goto(f'{index}project/ocelot/')
    page.locator('.copier').first.click()
    expect(page.locator('.copier').first).to_have_text('Copied')
    assert page.evaluate('navigator.clipboard.readText()') == (
        f'pip install --index-url {SITE_URL}simple/ ocelot==1.2'
    )
    page.evaluate('document.execCommand = () => false')
    page.locator('.copier').nth(1).click()
    expect(page.locator('.copier').nth(1)).to_have_text('Selected')
    assert page.evaluate('getSelection().toString()').startswith('uv add')


@pytest.mark.parametrize('path', WITH_COMMANDS)
def test_commands_have_the_pages_url(
        page: Page, tmp_path_factory: pytest.TempPathFactory, path: str,
) -> None:
    """Without --site-url, the commands have the URL that the page was loaded from."""
    tree = trees.build(tmp_path_factory.mktemp('tree') / 'web', RECIPES['the sample'])
    with chromium.served(tree.server_root) as root:
        page.goto(f'{root}index/{path}')
        assert f'--index-url {root}index/simple/' in page.locator('code').first.inner_text()
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
    assert page.locator('code').first.text_content() == (
        f'pip install --index-url {address}simple/{option} ocelot==1.2'
    )
    page.goto(address)
    setting = option.replace(' --', '\n').replace('host ', 'host = ')
    assert page.locator('.install code').nth(2).text_content() == (
        f'[global]\nindex-url = {address}simple/{setting}'
    )


@pytest.mark.parametrize('path', [*WITH_COMMANDS, 'changelog/', 'changelog/2024-03.html'])
def test_pages_work_without_javascript(
        page: Page, plain_page: Page, index: str, path: str,
) -> None:
    """Without JavaScript the text is the same, and copy buttons are hidden."""
    texts = []
    for one in (page, plain_page):
        one.goto(index + path)
        unfold(one)
        texts.append(one.locator('main').inner_text().replace('Copy', '').split())
        expect(one.locator('.copier:visible')).to_have_count(
            one.locator('.copy:visible').count() if one is page else 0,
        )
    assert texts[0] == texts[1]


def test_search_without_javascript_opens_list(plain_page: Page, index: str) -> None:
    """Without JavaScript the search opens the list of all projects."""
    for path in ('', 'project/ocelot/'):
        plain_page.goto(index + path)
        plain_page.locator('[role=search] input').fill('whiskers')
        plain_page.locator('[role=search] input').press('Enter')
        plain_page.wait_for_url(f'{index}simple/?q=whiskers')
        plain_page.get_by_text('whiskers').click()
        plain_page.wait_for_url(f'{index}simple/whiskers/')


def test_placeholder_without_javascript(
        plain_page: Page, tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Without JavaScript and --site-url, the page says which part of the URL to replace."""
    tree = trees.build(tmp_path_factory.mktemp('tree') / 'web', RECIPES['the sample'])
    with chromium.served(tree.server_root) as root:
        for path in WITH_COMMANDS:
            plain_page.goto(f'{root}index/{path}')
            expect(plain_page.locator('.placeholder')).to_contain_text('https://example.com/')


def test_hash_keeps_the_layout(page: Page, tmp_path: Path) -> None:
    """A shortened hash is complete in a tooltip, and in the row if focused by keyboard."""
    tree = trees.build(tmp_path / 'web', RECIPES['the plain sample']._replace(
        lines=f'foo-1.0.zip#sha256={"0" * 64}\n'.encode(),
    ))
    with chromium.served(tree.root) as root:
        page.goto(f'{root}project/foo/')
    cell = page.locator('td:has(code)')
    height = page.evaluate('document.documentElement.scrollHeight')
    cell.hover()
    assert page.evaluate('document.documentElement.scrollHeight') == height
    assert cell.locator('code').get_attribute('title') == f'sha256={"0" * 64}'
    cell.locator('button').focus()
    page.keyboard.press('Shift+Tab')
    page.keyboard.press('Tab')
    visible, content = cell.locator('code').evaluate('code => [code.offsetWidth, code.scrollWidth]')
    assert visible == content


def test_link_unfolds_a_release(
        plain_page: Page, tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A link to a folded release unfolds it, and the page has all of a thousand releases."""
    recipe = RECIPES['the plain sample']._replace(plain=False, lines=json_lines(
        {'filename': f'foo-1.{number}.zip'} for number in range(1000)
    ))
    tree = trees.build(tmp_path_factory.mktemp('tree') / 'web', recipe)
    with chromium.served(tree.root) as root:
        page = plain_page
        page.goto(f'{root}project/foo/')
        assert page.locator('.release').count() == 1000
        expect(page.get_by_text('foo-1.999.zip')).to_be_visible()
        expect(page.get_by_text('foo-1.7.zip')).to_be_hidden()
        page.goto(f'{root}project/foo/#1.7')
        expect(page.get_by_text('foo-1.7.zip')).to_be_visible()
        expect(page.get_by_role('heading', name='1.7', exact=True)).to_be_in_viewport()
        page.get_by_role('heading', name='1.8', exact=True).click()
        expect(page.get_by_text('foo-1.8.zip')).to_be_visible()
