"""A browser for all of these tests, with an empty profile for each."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, Page

from tests.conftest import NeedProgram
from tests.support import chromium


@pytest.fixture(scope='session')
def browser(need_program: NeedProgram) -> Iterator[Browser]:
    program = need_program(chromium.PROGRAM, package='chromium')
    with chromium.launched(program) as launched:
        # The default of five seconds may be too short on a busy machine.
        expect.set_options(timeout=60_000)
        yield launched


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
