"""An uploader that follows the changes files has the new tree, and never a dead link."""
from __future__ import annotations

import hashlib
import html.parser
import json
import shutil
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis.stateful import rule

from dumb_pypi.pages import paths
from tests.support import histories
from tests.support.changes_file import apply, Change, read_changes, record_writes, stage
from tests.support.histories import History

SITE = 'https://index.example.com/base/'


class Links(html.parser.HTMLParser):
    """The links of an HTML page, in any tag."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.found += [value for key, value in attrs if key in ('href', 'src') and value]


def links_of(path: str, content: bytes) -> set[str]:
    """Return the pages of the index that a page links to."""
    found: Iterable[str] = ()
    if path.endswith('.html'):
        found = Links(content.decode()).found
    elif path == paths.SIMPLE_JSON:
        found = [f'{project["name"]}/index.json' for project in json.loads(content)['projects']]
    elif path.endswith('json') and path != paths.PACKAGES_JSON:
        found = urls_in(json.loads(content))
    elif path.endswith('.xml'):
        found = [part.partition('<')[0] for part in content.decode().split('<link>')[1:]]
    urls = (
        urllib.parse.urljoin(SITE + path, link).partition('#')[0].partition('?')[0]
        for link in found
    )
    inside = (url.removeprefix(SITE) for url in urls if url.startswith(SITE))
    return {
        f'{target}index.html' if target.endswith('/') or not target else target
        for target in inside if not target.startswith(('pool/', 'logo.png'))
    }


def urls_in(value: object) -> Iterator[str]:
    """Yield the values of keys such as `url` and `project_url`."""
    if isinstance(value, list):
        for item in value:
            yield from urls_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key.endswith('url') and isinstance(item, str):
                yield item
            else:
                yield from urls_in(item)


def dead_links(tree: dict[str, bytes], pages: Iterable[str]) -> list[tuple[str, str]]:
    return [
        (page, target) for page in pages
        for target in links_of(page, tree[page]) if target not in tree
    ]


def reachable(tree: dict[str, bytes]) -> set[str]:
    """Return the pages that can be reached by links from the home page and the project list."""
    found, unvisited = set(), {paths.HOME, paths.SIMPLE_JSON}
    while unvisited:
        page = unvisited.pop()
        found.add(page)
        unvisited |= {target for target in links_of(page, tree[page]) if target in tree} - found
    return found


@pytest.fixture
def contents(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The pages that builds of this process write while a test runs, by their SHA-256."""
    found: dict[str, bytes] = {}

    def remember(_: str, content: bytes) -> None:
        found[hashlib.sha256(content).hexdigest()] = content

    record_writes(monkeypatch, remember)
    return found


class Site(History):
    """A live site to which changes files are applied, and the folder in which it is built."""
    contents: dict[str, bytes]

    def __init__(self) -> None:
        super().__init__()
        self.output_dir = self.folder / 'out'
        self.live: dict[str, bytes] = {}
        self.projects_with_facts: set[str] = set()
        self.shape = ''

    @rule()
    def rebuild(self) -> None:
        raise NotImplementedError

    def check(self, **how: Any) -> None:
        # Writes in other processes are not recorded.
        self.build(self.output_dir, changes_file=str(self.folder / 'changes'), jobs=1, **how)
        changes = read_changes(self.folder / 'changes')
        last = {change['path']: number for number, change in enumerate(changes)}
        # Pages that all pages link to come first if they were missing, and again later.
        stages = [
            stage(change) for number, change in enumerate(changes)
            if number == last[change['path']] or change['path'] not in paths.ROOTS
        ]
        assert stages == sorted(stages)
        for change in changes:
            self.check_change(change)
        self.check_each_prefix(changes)
        assert self.live == self.whole_tree()
        assert dead_links(self.live, self.live) == []

    def check_change(self, change: Change) -> None:
        if change['action'] == 'delete':
            assert change.keys() == {'action', 'path'}
        else:
            assert change['size'] == len(self.contents[change['sha256']])

    def check_each_prefix(self, changes: list[Change]) -> None:
        # An index without projects has no links to the pages of months.
        exists = bool(self.live.get(paths.PACKAGES_JSON))
        unfinished: set[str] = set()
        for change in changes:
            apply(self.live, [change], self.contents)
            if exists and change['action'] == 'write':
                # The pages of a new project link to each other. No other page may link to them
                # before all are there.
                unfinished = {
                    path for path in (*unfinished, change['path'])
                    if dead_links(self.live, [path])
                }
                assert not unfinished or unfinished.isdisjoint(reachable(self.live))
            elif exists:
                assert dead_links(self.live, reachable(self.live)) == []


class OneFolder(Site):
    """The site is a copy of the one folder of all builds."""

    @rule()
    def rebuild(self) -> None:
        before = dict(self.live)
        self.check()
        assert self.live == histories.read_tree(self.output_dir)
        changes = read_changes(self.folder / 'changes')
        last = {change['path']: change for change in changes}
        deleted = {path for path, change in last.items() if change['action'] == 'delete'}
        assert deleted == before.keys() - self.live.keys()
        assert last.keys() - deleted == {
            path for path, content in self.live.items() if before.get(path) != content
        }

    @rule()
    def rebuild_in_full(self) -> None:
        self.check(full=True)

    @rule()
    def rebuild_from_the_previous_list(self) -> None:
        if self.live:
            (self.folder / 'previous').write_bytes(self.live[paths.PACKAGES_JSON])
            self.check(previous_package_list_json=str(self.folder / 'previous'))


class ReleaseRepository(Site):
    """A build that compares with the live site's list is copied over the site.

    The list does not record the options and facts of the site, so the user has to pass `--full`
    if they changed.
    """

    @rule()
    def rebuild(self) -> None:
        self.upload(full=False)

    @rule()
    def rebuild_in_full(self) -> None:
        self.upload(full=True)

    @rule()
    def rebuild_in_the_same_folder(self) -> None:
        self.upload(full=False, new_folder=False)

    def upload(self, *, full: bool, new_folder: bool = True) -> None:
        if new_folder:
            shutil.rmtree(self.output_dir, ignore_errors=True)
        with_facts = {name for name, facts in self.facts.items() if facts}
        with_facts |= {
            f'yanks of {name}' for (name, _, _), reason in self.yanks.items() if reason is not None
        }
        shape = repr((self.options, self.templates))
        changed = shape != self.shape or not self.projects_with_facts <= with_facts
        (self.folder / 'previous').write_bytes(self.live.get(paths.PACKAGES_JSON, b''))
        before = dict(self.live)
        self.check(
            previous_package_list_json=str(self.folder / 'previous'), full=full or changed,
        )
        self.projects_with_facts, self.shape = with_facts, shape
        # Copying all written files and then applying the deletions gives the same site.
        changes = read_changes(self.folder / 'changes')
        before.update(histories.read_tree(self.output_dir))
        apply(before, [change for change in changes if change['action'] == 'delete'], {})
        assert before == self.live


@pytest.mark.randomised
@pytest.mark.parametrize('site', (OneFolder, ReleaseRepository))
def test_changes_give_the_new_tree(
        site: type[Site], monkeypatch: pytest.MonkeyPatch, contents: dict[str, bytes],
) -> None:
    """No prefix of a changes file leaves a dead link, and all of it gives the new tree."""
    monkeypatch.setattr(Site, 'contents', contents, raising=False)
    histories.run_histories(site, monkeypatch, histories=15)
