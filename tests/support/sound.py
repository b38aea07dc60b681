"""What must be true of an index at every moment, whatever has become of the build that made it."""
from __future__ import annotations

import hashlib
import html
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import unquote, urljoin

SITE_URL = 'https://index.example.com/'
ROOTS = (
    'index.html', 'simple/index.html', 'simple/index.json', 'changelog/index.html',
    'projects/index.html',
)
# A folder's path ends in a slash, that of a symbolic link in an @; its content is where it points.
Tree = Mapping[str, bytes]

_HREF = re.compile(r'href="([^"]*)"')
_FEED_LINK = re.compile(f'>({SITE_URL}[^<#]*)<')
_PROJECT_PAGE = re.compile(r'(?:simple|project)/[^/]+/index\.(?:html|json)')


def tree_of(root: Path) -> dict[str, bytes]:
    """All files and folders, but for the build's own."""
    return {
        path: content for path, content in _everything(root)
        if not path.startswith('.dumb-pypi/')
    }


def own_files(root: Path) -> set[str]:
    """The names of the build's own files."""
    return {path.name for path in root.glob('.dumb-pypi/*')}


def _everything(root: Path) -> Iterator[tuple[str, bytes]]:
    start = len(f'{root}/')
    for folder, folders, names in os.walk(root):
        where = f'{folder}/'[start:]
        if where:
            yield where, b''
        for name in (*folders, *names):
            if os.path.islink(f'{folder}/{name}'):
                yield f'{where}{name}@', os.fsencode(os.readlink(f'{folder}/{name}'))
            elif name in names:
                with open(f'{folder}/{name}', 'rb') as file:
                    yield where + name, file.read()


def problems(tree: Tree, users: Tree, *, unreached: bool = True) -> list[str]:
    """Return what is wrong with an index while a build may be running; `users` are other files.

    Unless `unreached`, pages that no root page leads to may link to missing ones.
    """
    pages = {
        path: content for path, content in tree.items()
        if not path.endswith('/') and path not in users
    }
    halves = [path for path, content in pages.items() if not is_whole(path, content)]
    if halves:
        return [f'{path} is not whole' for path in halves]
    reached = _reached(pages)
    # Until the first build is done there need be no home page to go back to.
    excused = () if 'packages.json' in pages else ROOTS
    return [
        f'{path} links to {target}, which is missing'
        for path, content in pages.items() for target in links(path, content)
        if target not in pages and target not in excused
        and (path in reached or (unreached and is_project_page(target)))
    ] + [
        f'{path} is empty' for path in ('simple/index.html', 'simple/index.json')
        if path in pages and not any(map(is_project_page, links(path, pages[path])))
    ]


def is_project_page(path: str) -> bool:
    return _PROJECT_PAGE.fullmatch(path) is not None


def _reached(pages: Tree) -> set[str]:
    reached: set[str] = set()
    ahead = {path for path in ROOTS if path in pages}
    while ahead:
        reached |= ahead
        ahead = {
            target for path in ahead for target in links(path, pages[path]) if target in pages
        } - reached
    return reached


# Hundreds of killed builds leave the same pages.
@lru_cache(maxsize=1000)
def is_whole(path: str, content: bytes) -> bool:
    """Tell whether a page has its end, as far as its format shows it."""
    ending = path.rpartition('/')[2].rpartition('.')[2]
    try:
        return _IS_WHOLE[ending](path, content)
    except ValueError:
        return False


def _is_whole_json(path: str, content: bytes) -> bool:
    if path != 'packages.json':
        return bool(json.loads(content))
    return content.endswith(b'}\n') and all(map(json.loads, content.splitlines()))


def _has_its_hash(path: str, content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest()[:12] in path


def _has_its_mark(path: str, content: bytes) -> bool:
    """What the search reads begins with a line that stands for all names."""
    mark, line_break, rest = content.partition(b'\n')
    if path.endswith('names.txt'):
        return mark.decode() == hashlib.sha256(rest).hexdigest()[:12]
    return len(mark) == 12 and line_break == b'\n'


_IS_WHOLE: Mapping[str, Callable[[str, bytes], bool]] = {
    'html': lambda _, content: content.startswith(b'<!DOCTYPE') and content.endswith(b'</html>\n'),
    'xml': lambda _, content: content.startswith(b'<?xml') and content.endswith(b'</rss>\n'),
    **dict.fromkeys(('css', 'js', 'svg'), _has_its_hash),
    'json': _is_whole_json,
    'txt': _has_its_mark,
}


@lru_cache(maxsize=1000)
def links(path: str, content: bytes) -> tuple[str, ...]:
    """Return the paths of the pages that a complete page of the index links to."""
    return tuple(_links(path, content))


def _links(path: str, content: bytes) -> Iterator[str]:
    text = content.decode()
    if path.endswith('.html'):
        targets = [html.unescape(found) for found in _HREF.findall(text)]
    elif path.endswith('.xml'):
        targets = _FEED_LINK.findall(text)
    elif path == 'simple/index.json':
        targets = [f'{project["name"]}/index.json' for project in json.loads(text)['projects']]
    elif path.endswith('/json'):
        info = json.loads(text)['info']
        targets = [info['project_url'], info['release_url']]
    else:
        targets = []
    here = f'{SITE_URL}{path}'
    for target in targets:
        # A search, and the data of one, are asked for with a query.
        url = urljoin(here, target.partition('#')[0].partition('?')[0])
        if url.startswith(SITE_URL) and url != SITE_URL:
            page = unquote(url.removeprefix(SITE_URL))
            yield f'{page}index.html' if page.endswith('/') else page


def wrong_changes(changes: Path, old: Tree, new: Tree) -> list[str]:
    """Where a copy of an old tree differs from a new one when changes are uploaded to it.

    Only files count: a bucket has no folders.
    """
    copy = {path: content for path, content in old.items() if not path.endswith('/')}
    for line in changes.read_bytes().splitlines():
        change = json.loads(line)
        content = new.get(change['path'], b'')
        if change['action'] == 'delete':
            copy.pop(change['path'], None)
        elif change['sha256'] == hashlib.sha256(content).hexdigest():
            copy[change['path']] = content
    return [
        f'{path} differs after the changes' for path in sorted(copy.keys() | new.keys())
        if not path.endswith('/') and copy.get(path) != new.get(path)
    ]


class _Fetched(NamedTuple):
    identity: tuple[int, int]
    content: bytes


class Reader(threading.Thread):
    """Follows the links of an index over and over while builds are running.

    It reads as a web server does: it opens a page's file, and sends what is in it. `problems` are
    what it met that no reader may meet, `pages` counts what it read.
    """

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        self._over = threading.Event()
        self.problems: list[str] = []
        self.pages = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
            self, kind: type[BaseException] | None, value: BaseException | None,
            trace: TracebackType | None,
    ) -> None:
        del kind, value, trace
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.is_set():
            seen = set(ROOTS)
            ahead = list(ROOTS)
            while ahead and not self._over.is_set():
                new = [target for target in self._visit(ahead.pop()) if target not in seen]
                seen.update(new)
                ahead.extend(new)

    def _visit(self, path: str) -> list[str]:
        """Read a page; return the pages that it links to."""
        page = self._fetch(path)
        if page is None:
            return []
        self.pages += 1
        if not is_whole(path, page.content):
            self.problems.append(f'{path} is not whole')
            return []
        targets = list(links(path, page.content))
        if path.startswith('simple/index.') and not any(map(is_project_page, targets)):
            self.problems.append(f'{path} is empty')
        self.problems += [
            f'{path} links to {target}, which is missing'
            for target in targets if is_project_page(target)
            and not (self._root / target).exists() and self._stands(path, page)
        ]
        return targets

    def _fetch(self, path: str) -> _Fetched | None:
        try:
            with open(self._root / path, 'rb') as file:
                return _Fetched(_identity(os.fstat(file.fileno())), file.read())
        except FileNotFoundError:
            return None

    def _stands(self, path: str, page: _Fetched) -> bool:
        """Whether a page is still there as it was read."""
        try:
            return _identity(os.stat(self._root / path)) == page.identity
        except FileNotFoundError:
            return False


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_ino, status.st_mtime_ns
