"""A browser for all of these tests."""
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
        # Five seconds by default, which a busy machine may need for a large page.
        expect.set_options(timeout=60_000)
        yield launched


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()
