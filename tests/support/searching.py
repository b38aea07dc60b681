"""What one does with the search of the home page."""
from __future__ import annotations

from playwright.sync_api import Page


def found(page: Page) -> list[str]:
    """The names of the projects that are shown, once the search is done."""
    page.wait_for_selector('.results[aria-busy=false]', state='attached')
    return page.locator('.results b').all_text_contents()


def search(page: Page, query: str) -> list[str]:
    page.fill('#q', query)
    return found(page)
