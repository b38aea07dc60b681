"""An index to search, and the search of its web pages."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from tests.support import chromium, trees
from tests.support.recipes import MARKUP
from tests.support.trees import Facts, json_lines, Recipe

BOX = '.find input'
STATUS = '.hero [role=status]'

_SUMMARIES = {
    'foo-bar': 'Bars of <b>foo</b>.',
    'foo': None,
    'foo-bar-plugin': 'Plugs into foo_bar.',
    'foobar': 'Another one',
    'barfoo': 'The other way round',
    'my-foo': 'Mine',
    'requests': 'Über alles: HTTP for people',
    'request-mocker': 'Mocks',
    'requesting': None,
    'http-client': 'Asks for pages',
    'server': 'Serves pages to its guests',
    'xhr': 'Forhttp',
    'nerve': None,
    'serves-1': None,
    'markup': MARKUP,
    'baca-x': None,
    'bcaa': None,
    'plus': 'Compiles (C++).',
    'arabic': 'عربي ثم English',
    'long': 'Words, words and more words of a summary that takes several lines. ' * 3,
    **{f'many-{number}': None for number in range(60)},
}
_FACTS: tuple[Facts, ...] = (
    {'name': 'server', 'keywords': 'http, hyper-text transfer'},
    {'name': 'http-client', 'keywords': 'transfer,<script>alert(1)</script>'},
    {'name': 'dated-twice', 'status': 'archived'},
    {'name': 'dated-thrice', 'status': 'quarantined'},
    {'name': 'dated-four-times', 'status': 'deprecated'},
)
_DATED: tuple[Facts, ...] = (
    {'filename': 'dated-1.0.zip', 'upload_timestamp': 1_500_000_000},
    {'filename': 'dated-2.0.zip', 'upload_timestamp': 1_706_702_400, 'summary': 'An old hand'},
    {'filename': 'dated_twice-1.0.zip', 'upload_timestamp': 1_706_702_400, 'yanked_reason': ''},
    {'filename': 'dated_thrice-1.0.zip', 'upload_timestamp': 1, 'summary': 'Malware'},
    {'filename': 'dated_four_times-1.0.zip'},
)
_REQUIRING: tuple[Facts, ...] = ({
    'filename': 'my-foo-1.0.zip', 'summary': 'Mine',
    'requires_dist': ['Foo.Bar>=1', 'requezts', 'http', 'nothing-of-that-name'],
},)


@contextmanager
def indexed(folder: Path) -> Iterator[str]:
    """Build and serve an index to search; yield the URL of its home page."""
    lines = [
        {'filename': f'{name}-1.0.zip', 'summary': summary}
        for name, summary in _SUMMARIES.items() if name != 'my-foo'
    ]
    tree = trees.build(folder / 'web', Recipe(
        json_lines([*lines, *_DATED, *_REQUIRING]), facts=json_lines(_FACTS),
    ))
    with chromium.served(tree.server_root) as root:
        yield f'{root}index/'


def found(page: Page) -> list[str]:
    """Wait until the search is done; return the names of the projects that it shows."""
    page.wait_for_selector('.results[aria-busy=false]', state='attached')
    return page.locator('.results .name').all_text_contents()


def search(page: Page, query: str) -> list[str]:
    page.fill(BOX, query)
    return found(page)
