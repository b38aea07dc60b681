"""Chromium without a window, and a web server that sends the strictest policy."""
from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler
from importlib.resources import files
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.support.servers import HOST, serving

PROGRAM = 'chromium'
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'"
)
# It asks for nothing but what the pages tell it to.
_FLAGS = (
    '--disable-background-networking', '--disable-component-update', '--disable-gpu',
    '--disable-quic', '--disable-sync', '--no-first-run', '--no-sandbox',
)
WIDTHS = {'phone': 390, 'desktop': 1280}


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header('Content-Security-Policy', POLICY)
        # Else the browser guesses how long a page stays as it is.
        self.send_header('Cache-Control', 'no-cache')
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(root: Path) -> Iterator[str]:
    """Serve a folder on loopback; its URL, with a slash at its end."""
    with serving(functools.partial(_Handler, directory=str(root))) as port:
        yield f'http://{HOST}:{port}/'


@contextmanager
def launched(program: str) -> Iterator[Browser]:
    """A browser with no user's data."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def axe() -> str:
    """The accessibility checker's script."""
    return files('axe_playwright_python').joinpath('axe.min.js').read_text()
