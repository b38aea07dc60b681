"""Use the search of the home page."""
from __future__ import annotations

from playwright.sync_api import Page


def found(page: Page) -> list[str]:
    """Wait until the search is done; return the names of the projects that it shows."""
    page.wait_for_selector('.results[aria-busy=false]', state='attached')
    return page.locator('.results b').all_text_contents()


def search(page: Page, query: str) -> list[str]:
    page.fill('#q', query)
    return found(page)
