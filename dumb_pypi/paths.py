"""Where each page lies below the output directory.

A page's path is a file's; its folder, with a slash at the end, is what others link to.
"""
from __future__ import annotations

import re

STATIC = 'static/'
HOME = 'index.html'
PACKAGES_JSON = 'packages.json'
SIMPLE_HTML = 'simple/index.html'
SIMPLE_JSON = 'simple/index.json'
CHANGELOG = 'changelog/index.html'
UPDATES_FEED = 'rss/updates.xml'
PACKAGES_FEED = 'rss/packages.xml'
# A build that compares with a list, in an empty directory, does not know what these were called.
SEARCH_NAMES = f'{STATIC}names.txt'
SEARCH_SUMMARIES = f'{STATIC}summaries.txt'
# The pages that every index has, or, the feeds, every index with a URL of its own.
ROOTS = (
    SIMPLE_HTML, SIMPLE_JSON, CHANGELOG, UPDATES_FEED, PACKAGES_FEED, SEARCH_NAMES,
    SEARCH_SUMMARIES, HOME, PACKAGES_JSON,
)

# The build's own: nobody links to these.
OWN_FOLDER = '.dumb-pypi'
LOCK = f'{OWN_FOLDER}/lock'
STATE = f'{OWN_FOLDER}/state.json'
JOURNAL = f'{OWN_FOLDER}/journal.json'
LEDGER = f'{OWN_FOLDER}/ledger'
# The folder of what has not got to its place yet.
UNFINISHED = f'{OWN_FOLDER}/unfinished/'

_SIMPLE_JSON_PAGE = re.compile(r'simple/(?:[^/]+/)?index\.json')
_CONTENT_TYPES = {
    'css': 'text/css', 'gz': 'application/gzip', 'html': 'text/html', 'js': 'text/javascript',
    'json': 'application/json', 'svg': 'image/svg+xml', 'txt': 'text/plain',
    'xml': 'text/xml',
}


def folder(page: str) -> str:
    """
    >>> folder('simple/foo/index.html')
    'simple/foo/'
    """
    return page[:page.rindex('/') + 1] if '/' in page else ''


def simple_html(project: str) -> str:
    return f'simple/{project}/index.html'


def simple_json(project: str) -> str:
    return f'simple/{project}/index.json'


def project_page(project: str) -> str:
    return f'project/{project}/index.html'


def project_json(project: str) -> str:
    return f'pypi/{project}/json'


def release_json(project: str, release: str) -> str:
    return f'pypi/{project}/{release}/json'


def changelog_page(month: str, number: int) -> str:
    """A month's pages count from 1.

    >>> changelog_page('2024-01', 1), changelog_page('2024-01', 2)
    ('changelog/2024-01.html', 'changelog/2024-01-2.html')
    """
    return f'changelog/{month}.html' if number == 1 else f'changelog/{month}-{number}.html'


def static(name: str) -> str:
    return STATIC + name


def of_project(project: str) -> tuple[str, ...]:
    """The pages that every project has."""
    return (
        project_page(project), simple_json(project), simple_html(project), project_json(project),
    )


def content_type(path: str) -> str:
    """What to serve a page as: clients refuse the simple API with another type.

    >>> content_type('simple/foo/index.json'), content_type('pypi/foo/json')
    ('application/vnd.pypi.simple.v1+json', 'application/json')
    """
    if _SIMPLE_JSON_PAGE.fullmatch(path):
        return 'application/vnd.pypi.simple.v1+json'
    # The pages of the JSON API are called `json`, with no dot.
    return _CONTENT_TYPES[path.rpartition('/')[2].rpartition('.')[2]]
