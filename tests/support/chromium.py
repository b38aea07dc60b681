"""Headless Chromium, and a web server that sends the content security policy of deploy/."""
from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler
from importlib.resources import files
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.servers import HOST, serving

PROGRAM = 'chromium'
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'"
)
# Make no requests but those of the pages.
_FLAGS = (
    '--disable-background-networking', '--disable-component-update', '--disable-gpu',
    '--disable-quic', '--disable-sync', '--no-first-run', '--no-sandbox',
)
WIDTHS = {'phone': 390, 'desktop': 1280}


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header('Content-Security-Policy', POLICY)
        # Without it the browser caches pages for as long as it sees fit.
        self.send_header('Cache-Control', 'no-cache')
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def served(root: Path) -> Iterator[str]:
    """Serve a folder on loopback; yield its URL, which ends in a slash."""
    with serving(functools.partial(_Handler, directory=str(root))) as port:
        yield f'http://{HOST}:{port}/'


@contextmanager
def launched(program: str) -> Iterator[Browser]:
    """Start Chromium with an empty profile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def accessibility_violations(page: Page, within: str = 'html') -> list[dict[str, Any]]:
    """Check the elements `within` those of a selector with axe.

    Each violation has `impact`, `help` and `nodes` with their `html`.
    """
    page.evaluate(files('axe_playwright_python').joinpath('axe.min.js').read_text())
    # By default axe also describes each element that passes a rule, which takes most of the time
    # on a page with hundreds of rows.
    violations: list[dict[str, Any]] = page.evaluate('''async within => {
        const options = {resultTypes: ['violations'], selectors: false};
        return (await axe.run(within, options)).violations;
    }''', within)
    return violations
