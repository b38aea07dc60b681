"""The changes file: what an uploader does with it gives the new tree, and never a dead link."""
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
from tests.support.changes_file import apply, Change, read_changes, stage
from tests.support.histories import History
from tests.support.writes import note_writes

SITE = 'https://index.example.com/base/'


class Links(html.parser.HTMLParser):
    """The links of an HTML page, of whatever tag."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.found += [value for key, value in attrs if key in ('href', 'src') and value]


def links_of(path: str, content: bytes) -> set[str]:
    """The pages of the index that a page leads to."""
    found: Iterable[str] = ()
    if path.endswith('.html'):
        found = Links(content.decode()).found
    elif path == paths.SIMPLE_JSON:
        found = [f'{project["name"]}/index.json' for project in json.loads(content)['projects']]
    elif path.endswith('json') and path != paths.PACKAGES_JSON:
        found = urls_in(json.loads(content))
    elif path.endswith('.xml'):
        found = [part.partition('<')[0] for part in content.decode().split('<link>')[1:]]
    whole = (
        urllib.parse.urljoin(SITE + path, link).partition('#')[0].partition('?')[0]
        for link in found
    )
    inside = (url.removeprefix(SITE) for url in whole if url.startswith(SITE))
    return {
        f'{target}index.html' if target.endswith('/') or not target else target
        for target in inside if not target.startswith(('pool/', 'logo.png'))
    }


def urls_in(value: object) -> Iterator[str]:
    """What stands in JSON under keys such as `url` and `project_url`."""
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
    """The pages that links lead to from the home page and the project list."""
    found, ahead = set(), {paths.HOME, paths.SIMPLE_JSON}
    while ahead:
        page = ahead.pop()
        found.add(page)
        ahead |= {target for target in links_of(page, tree[page]) if target in tree} - found
    return found


@pytest.fixture
def contents(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """All that builds write while a test runs, by its hash."""
    found: dict[str, bytes] = {}

    def remember(_: str, content: bytes) -> None:
        found[hashlib.sha256(content).hexdigest()] = content

    note_writes(monkeypatch, remember)
    return found


class Site(History):
    """A live site that changes files are applied to, and the folder that it is built in."""
    contents: dict[str, bytes]

    def __init__(self) -> None:
        super().__init__()
        self.output_dir = self.folder / 'out'
        self.live: dict[str, bytes] = {}
        self.told: set[str] = set()
        self.shape = ''

    @rule()
    def rebuild(self) -> None:
        raise NotImplementedError

    def check(self, **how: Any) -> None:
        # What workers write is not noted here.
        self.build(self.output_dir, changes_file=str(self.folder / 'changes'), jobs=1, **how)
        changes = read_changes(self.folder / 'changes')
        stages = [stage(change) for change in changes]
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
        # An index of no project leads nobody to a page of a month.
        exists = bool(self.live.get(paths.PACKAGES_JSON))
        for change in changes:
            apply(self.live, [change], self.contents)
            if exists and change['action'] == 'write':
                assert dead_links(self.live, [change['path']]) == []
            elif exists:
                assert dead_links(self.live, reachable(self.live)) == []


class OneFolder(Site):
    """The site is a copy of the folder in which every build is made."""

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
    """What a build from the live site's list writes into a folder is copied over the site.

    The site alone does not say which options and facts it was built with: a build with others
    of those has to be a full one.
    """

    @rule()
    def rebuild(self) -> None:
        self.upload(full=False)

    @rule()
    def rebuild_in_full(self) -> None:
        self.upload(full=True)

    @rule()
    def rebuild_without_a_fresh_folder(self) -> None:
        self.upload(full=False, fresh=False)

    def upload(self, *, full: bool, fresh: bool = True) -> None:
        if fresh:
            shutil.rmtree(self.output_dir, ignore_errors=True)
        told = {name for name, facts in self.facts.items() if facts}
        shape = repr((self.options, self.templates))
        changed = shape != self.shape or not self.told <= told
        (self.folder / 'previous').write_bytes(self.live.get(paths.PACKAGES_JSON, b''))
        before = dict(self.live)
        self.check(
            previous_package_list_json=str(self.folder / 'previous'), full=full or changed,
        )
        self.told, self.shape = told, shape
        # Copying all that came out, and then deleting, does the same.
        changes = read_changes(self.folder / 'changes')
        before.update(histories.read_tree(self.output_dir))
        apply(before, [change for change in changes if change['action'] == 'delete'], {})
        assert before == self.live


@pytest.mark.randomised
@pytest.mark.parametrize('site', (OneFolder, ReleaseRepository))
def test_no_part_of_a_changes_file_leaves_a_dead_link_and_all_of_it_is_the_new_tree(
        site: type[Site], monkeypatch: pytest.MonkeyPatch, contents: dict[str, bytes],
) -> None:
    monkeypatch.setattr(Site, 'contents', contents, raising=False)
    histories.run_histories(site, monkeypatch, histories=15)
