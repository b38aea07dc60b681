"""Take screenshots of each kind of page, at each width, in light and dark.

`python -m tests.support.screenshots INDEX FOLDER` writes those of the index in INDEX to FOLDER.
"""
from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser

from tests.support import chromium

PAGES = {
    'home': '', 'search': '?q=o', 'project': 'project/ocelot/', 'deprecated': 'project/purr-box/',
    'changelog': 'changelog/', 'month': 'changelog/2024-03.html', 'projects': 'projects/',
    'missing': '404.html',
}
_SCHEMES: tuple[Literal['light', 'dark'], ...] = ('light', 'dark')


def take(browser: Browser, url: str, folder: Path) -> None:
    """Write a screenshot of each page below `url` to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for width, pixels in chromium.WIDTHS.items():
        for scheme in _SCHEMES:
            context = browser.new_context(
                viewport={'width': pixels, 'height': 800}, color_scheme=scheme,
            )
            page = context.new_page()
            for name, path in PAGES.items():
                page.goto(url + path, wait_until='networkidle')
                page.screenshot(path=folder / f'{name}-{width}-{scheme}.png', full_page=True)
            context.close()


def main() -> int:
    index, folder = map(Path, sys.argv[1:])
    program = shutil.which(chromium.PROGRAM)
    if program is None:
        sys.exit(f'{chromium.PROGRAM} is not installed: apt install chromium')
    with chromium.served(index) as url, chromium.launched(program) as browser:
        take(browser, url, folder)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
