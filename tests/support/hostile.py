"""Runs the command on hostile input, and looks for whatever it may have done wrong."""
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from dumb_pypi.commands import build as main
from dumb_pypi.commands import console
from tests.support import trees
from tests.support.markup import HtmlPage, is_web_link
from tests.support.trees import Facts

GOOD_PLAIN = b'good-1.0.zip'
GOOD_JSON = b'{"filename": "good-1.0.zip"}'
GOOD_PROJECT = b'{"name": "good", "summary": "A good neighbour."}'

_JSON_URLS = re.compile(rb'"(?:url|home_page|provenance|\w+_url)":"([^"]*)"')
_JSON_LINKS = re.compile(rb'"project_urls":(\{(?:"(?:[^"\\]|\\.)*"|[:,])*\})')
_NOTICE = re.compile(r'(?P<list>\w+):(?P<line>\d+): (?P<reason>.+)')
_COUNT = re.compile(r'dumb-pypi: \d+ lines? (?:was|were) skipped')


class Notice(NamedTuple):
    """One message: which list, which line of it, and what about it."""
    list: str
    line: int
    reason: str


class Outcome(NamedTuple):
    """What a run of the command did. Its lists are called `packages` and `projects`."""
    status: int
    messages: list[str]
    out: Path

    @property
    def notices(self) -> list[Notice]:
        """The messages about lines; each is on one line, in characters that a terminal prints."""
        found = [_NOTICE.fullmatch(message) for message in self.messages if not self._ends(message)]
        assert all(found), self.messages
        assert all(message.isprintable() for message in self.messages), self.messages
        return [Notice(one['list'], int(one['line']), one['reason']) for one in found if one]

    @property
    def last_word(self) -> str | None:
        """The last message, if it counts skipped lines."""
        last = self.messages[-1] if self.messages else ''
        return last if self._ends(last) else None

    @property
    def pages(self) -> dict[str, bytes]:
        return trees.pages_in(self.out) if self.out.exists() else {}

    @property
    def filenames(self) -> set[str]:
        """The names of the files that were taken."""
        return {trees.json_line(line)['filename'] for line in (
            self.out / 'packages.json'
        ).read_bytes().splitlines()}

    def _ends(self, message: str) -> bool:
        return _COUNT.fullmatch(message) is not None


class Command:
    """The command, run on lists in a folder that it must leave as it is but for the output."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.out = folder / 'site/index'
        self._capsys = capsys

    def __call__(
            self, *options: str, plain: bytes | None = None, json: bytes | None = None,
            projects: bytes | None = None,
    ) -> Outcome:
        """Build from the bytes of lists; `plain` and `json` are the two forms of the first."""
        command = [*self.arguments(), *options]
        for option, name, content in (
            ('--package-list', 'packages', plain),
            ('--package-list-json', 'packages', json),
            ('--project-list-json', 'projects', projects),
        ):
            if content is not None:
                (self.folder / name).write_bytes(content)
                command += [option, str(self.folder / name)]
        return self.run(*command)

    def arguments(self, *options: str) -> list[str]:
        """These options, and those without which there is no build."""
        return [*options, '--output-dir', str(self.out), '--packages-url', '../../pool/']

    def run(self, *command: str) -> Outcome:
        """Run the command with these arguments; nothing outside its output may change."""
        before = self._surroundings()
        with pytest.MonkeyPatch.context() as monkeypatch:
            # Each line is to have its message.
            monkeypatch.setattr(console, 'LIMIT', 10_000)
            status = main.main(command)
        assert self._surroundings() == before
        printed, said = self._capsys.readouterr()
        assert printed == ''
        return Outcome(status, said.replace(f'{self.folder}/', '').splitlines(), self.out)

    def refused(self, *command: str) -> str:
        """Run it with arguments that make no sense; return the one line that says why."""
        before = trees.contents(self.folder)
        with pytest.raises(SystemExit) as caught:
            main.main(command)
        assert caught.value.code == console.WRONG_USAGE
        assert trees.contents(self.folder) == before
        message = self._capsys.readouterr().err.replace(f'{self.folder}/', '').splitlines()[-1]
        assert message.startswith('dumb-pypi: error: ')
        return message.removeprefix('dumb-pypi: error: ')

    def _surroundings(self) -> dict[str, bytes]:
        """The files next to and above the output directory, where `../` would write."""
        for place in ('sentinel', 'site/sentinel', 'site/index.html'):
            path = self.folder / place
            path.parent.mkdir(exist_ok=True)
            path.touch()
        files = trees.contents(self.folder)
        return {path: files[path] for path in files if not path.startswith('site/index/')}


def dangers(pages: dict[str, bytes]) -> list[str]:
    """What could run from the pages of a tree, and links in them that are not http(s)."""
    found = []
    for path, content in pages.items():
        if path.endswith('.html'):
            found += [f'{path}: {danger}' for danger in HtmlPage(content).dangers()]
        if path.startswith(('pypi/', 'simple/')) and not path.endswith('.html'):
            found += [f'{path}: {url!r}' for url in _JSON_URLS.findall(content)
                      if not is_web_link(url.decode())]
            for links in map(json.loads, _JSON_LINKS.findall(content)):
                found += [f'{path}: {url!r}' for url in links.values() if not is_web_link(url)]
    return found


def line(**keys: object) -> bytes:
    """One line of a JSON list."""
    facts: Facts = dict(keys)
    return trees.json_lines([facts]).rstrip()
