"""Histories of an index for hypothesis: what becomes of its list, its options and its folder.

The names are few, so that spellings, releases, months and pages meet each other often.
"""
from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, RuleBasedStateMachine, run_state_machine_as_test

from dumb_pypi import build
from dumb_pypi.builder.report import Report
from tests.support.small_pages import make_pages_small

SPELLINGS = {
    'a': ('a', 'A'),
    'foo': ('foo', 'Foo', 'FOO'),
    'foo-bar': ('foo_bar', 'Foo.Bar', 'FOO_bar'),
    'json': ('json', 'Json'),
    'undated': ('undated',),
}
PROJECTS = tuple(SPELLINGS)
# Two of them are one release, and one is in no order with the others.
VERSIONS = ('1.0', '1.0.0', '2.0rc1', '2.0', '3.0+local.1', '2011b')
ENDINGS = ('.zip', '-py3-none-any.whl')
A_DAY = 86400.5
MONTHS: tuple[int | None, ...] = (1704103200, 1706781600, 1709287200, None)
MOMENTS = (*MONTHS, *(moment + A_DAY for moment in MONTHS if moment is not None))

# Some of projects that are not there, or that come and go.
REQUIREMENTS: tuple[list[str] | None, ...] = (
    None, [], ['a', 'b>1'], ['foo', 'Foo.Bar>=1', 'JSON; extra == "x"'], ['undated', 'a[b]', '???'],
)
# What each key of a line may be; None is absent.
VALUES: dict[str, tuple[Any, ...]] = {
    'upload_timestamp': MOMENTS,
    'hash': (None, f'sha256={"ab" * 32}', f'md5={"cd" * 16}'),
    'requires_python': (None, '>=3.8', '<4'),
    'requires_dist': REQUIREMENTS,
    'core_metadata': (None, 'true', f'sha256={"ef" * 32}'),
    'uploaded_by': (None, 'me <me@example.com>'),
    'yanked_reason': (None, '', 'broken'),
    'size': (None, 0, 1234),
    # What stands before the file's name.
    'url': ('', 'deep/', 'https://files.example.com/'),
    'summary': (None, 'A & B', 'Another'),
    'provenance': (None, 'https://example.com/proof'),
    'version': (None, '9.0'),
}
LINES = st.fixed_dictionaries(
    {'upload_timestamp': st.sampled_from(MOMENTS)},
    optional={
        key: st.sampled_from(VALUES[key]) for key in ('yanked_reason', 'size', 'requires_dist')
    },
)
FACTS = st.fixed_dictionaries({}, optional={
    'status': st.sampled_from(('active', 'archived', 'deprecated', 'quarantined')),
    'status_reason': st.just('Because'),
    'summary': st.just('Told'),
    'home_page': st.just('https://example.com/home'),
    'description': st.sampled_from(('# A', '# B')),
    'license_expression': st.just('MIT'),
    'project_urls': st.just({'Source': 'https://example.com/source'}),
})
OPTIONS: dict[str, tuple[Any, ...]] = {
    'title': ('My Private PyPI', 'Other <title>'),
    'site_url': (None, 'https://index.example.com/base/'),
    'per_release_json': (True, False),
    'packages_url': ('../../pool/', 'https://files.example.com/'),
    'logo': (None, 'logo.png'),
}
TEMPLATES: dict[str, tuple[str | None, ...]] = {
    'home.html': (None, 'Mine: {{ projects }} <a href="simple/">all</a>\n'),
    'project.html': (None, 'Mine: {{ project }}\n', 'Mine, too: {{ project }}\n'),
    'mine/part.html': (None, 'Nobody uses it'),
}

# Files of the user's, one in every kind of folder.
FOREIGN = (
    'robots.txt', 'pool/x.whl', 'simple/mine.html', 'simple/foo/notes.txt',
    'simple/theirs/page.html', 'project/foo/mine.png', 'pypi/foo/mine', 'pypi/foo/1.0/mine',
    'pypi/theirs/notes', 'changelog/mine.html', 'static/mine.css', 'rss/mine.xml',
)

Line = dict[str, Any]
Stamps = dict[str, tuple[int, int]]
Before = Callable[[Path], list[str]]


class Name(NamedTuple):
    """A file's name: how it spells its project, and the rest."""
    project: str
    spelling: str
    rest: str

    @property
    def text(self) -> str:
        return self.spelling + self.rest


def read_tree(folder: Path) -> dict[str, bytes]:
    """The files of an index by their paths, without the build's own."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in files_of(folder)
        if path.relative_to(folder).parts[0] != '.dumb-pypi'
    }


def files_of(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob('*') if path.is_file())


def empty_folders(folder: Path) -> list[str]:
    return [
        path.relative_to(folder).as_posix() for path in folder.rglob('*')
        if path.is_dir() and not any(path.iterdir())
    ]


def stamps(folder: Path) -> Stamps:
    """Of each file the moment of its last change, and which file it is."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in files_of(folder)
    }


def age(folder: Path) -> Stamps:
    """Make all files old, so that a write shows."""
    for path in files_of(folder):
        os.utime(path, (1, 1))
    return stamps(folder)


def run_histories(
        machine: type[RuleBasedStateMachine], monkeypatch: pytest.MonkeyPatch, *,
        histories: int, steps: int = 40,
) -> None:
    """Try that many histories, in which two entries fill a page of any kind."""
    make_pages_small(monkeypatch.setattr)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=histories, stateful_step_count=steps,
            phases=(Phase.reuse, Phase.generate, Phase.shrink),
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


class History(RuleBasedStateMachine):
    """A list, options, templates and facts that change; the builds are the subclass's."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.files: dict[Name, Line] = {}
        self.gone: dict[str, dict[Name, Line]] = {}
        self.facts: dict[str, Line] = {}
        self.yanks: dict[tuple[str, str, str], str | bool | None] = {}
        self.options = {option: values[0] for option, values in OPTIONS.items()}
        self.templates: dict[str, str] = {}
        self.bad_lines = 0
        self.order = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule(
        project=st.sampled_from(PROJECTS), version=st.sampled_from(VERSIONS),
        ending=st.sampled_from(ENDINGS), line=LINES,
    )
    def add_file(self, project: str, version: str, ending: str, line: Line) -> None:
        self.files[Name(project, SPELLINGS[project][0], f'-{version}{ending}')] = line

    @rule(
        project=st.sampled_from(PROJECTS), month=st.sampled_from(MONTHS),
        number=st.integers(2, 5),
    )
    def add_many_of_a_month(self, project: str, month: int | None, number: int) -> None:
        for version in range(number):
            name = Name(project, SPELLINGS[project][0], f'-{version}.zip')
            self.files[name] = {'upload_timestamp': month}

    @rule(project=st.sampled_from(PROJECTS))
    def add_file_without_a_version(self, project: str) -> None:
        self.files[Name(project, SPELLINGS[project][0], '.zip')] = {}

    @rule(data=st.data())
    def remove_file(self, data: st.DataObject) -> None:
        if self.files:
            del self.files[data.draw(st.sampled_from(sorted(self.files)))]

    @rule(data=st.data(), key=st.sampled_from(tuple(VALUES)))
    def change_file(self, data: st.DataObject, key: str) -> None:
        if self.files:
            name = data.draw(st.sampled_from(sorted(self.files)))
            value = data.draw(st.sampled_from(VALUES[key]))
            self.files[name] = {**self.files[name], key: value}

    @rule(data=st.data())
    def rename_file_to_another_spelling(self, data: st.DataObject) -> None:
        if self.files:
            name = data.draw(st.sampled_from(sorted(self.files)))
            spelling = data.draw(st.sampled_from(SPELLINGS[name.project]))
            self.files[name._replace(spelling=spelling)] = self.files.pop(name)

    @rule(project=st.sampled_from(PROJECTS))
    def remove_project(self, project: str) -> None:
        names = [name for name in self.files if name.project == project]
        if names:
            self.gone[project] = {name: self.files.pop(name) for name in names}

    @rule(project=st.sampled_from(PROJECTS))
    def bring_project_back(self, project: str) -> None:
        self.files.update(self.gone.pop(project, {}))

    @rule(month=st.sampled_from(MONTHS))
    def empty_month(self, month: int | None) -> None:
        self.files = {
            name: line for name, line in self.files.items()
            if line.get('upload_timestamp') not in (month, month and month + A_DAY)
        }

    @rule(order=st.integers(0, 9), bad_lines=st.integers(0, 2))
    def reorder_the_list_and_add_bad_lines(self, order: int, bad_lines: int) -> None:
        self.order = order
        self.bad_lines = bad_lines

    @rule(data=st.data(), facts=FACTS)
    def change_facts(self, data: st.DataObject, facts: Line) -> None:
        there = sorted({name.project for name in self.files})
        self.facts[data.draw(st.sampled_from(there or PROJECTS))] = facts

    @rule(
        data=st.data(), of_release=st.booleans(), reason=st.sampled_from((None, False, '', 'bad')),
    )
    def yank_in_facts(
            self, data: st.DataObject, of_release: bool, reason: str | bool | None,
    ) -> None:
        """Yank a release or a file of the list, or one that the list no longer has."""
        if of_release:
            project = data.draw(st.sampled_from(PROJECTS))
            self.yanks[project, 'version', data.draw(st.sampled_from(VERSIONS))] = reason
        elif self.files:
            name = data.draw(st.sampled_from(sorted(self.files)))
            self.yanks[name.project, 'filename', name.text] = reason

    @rule(data=st.data())
    def change_option_or_template(self, data: st.DataObject) -> None:
        """One rule for both: after either there is no telling what else changed."""
        name = data.draw(st.sampled_from((*OPTIONS, *TEMPLATES)))
        if name in OPTIONS:
            self.options[name] = data.draw(st.sampled_from(OPTIONS[name]))
        else:
            template = data.draw(st.sampled_from(TEMPLATES[name]))
            self.templates.pop(name, None)
            if template is not None:
                self.templates[name] = template

    def build(self, output_dir: Path, **how: Any) -> Report:
        """Build the index of what there is now."""
        return build(**self.arguments(output_dir, **how))

    def arguments(self, output_dir: Path, **how: Any) -> dict[str, Any]:
        """Write the lists and templates of what there is now; return the arguments of `build`."""
        lines = [
            json.dumps({'filename': name.text, **line, 'url': line.get('url', '') + name.text})
            for name, line in self.files.items()
        ]
        lines += ['oops'] * self.bad_lines
        lines = [*lines[self.order:], *lines[:self.order]]
        facts = [json.dumps({'name': name, **facts}) for name, facts in self.facts.items()]
        facts += [
            json.dumps({'name': name, key: value, 'yanked_reason': reason})
            for (name, key, value), reason in self.yanks.items()
        ]
        templates = {'unused': '', **self.templates}
        folder = self.folder / 'templates'
        # A build that is running notices when its templates are written.
        if read_tree(folder) != {name: text.encode() for name, text in templates.items()}:
            shutil.rmtree(folder, ignore_errors=True)
            for name, text in templates.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text)
        return {
            'package_list_json': write_lines(self.folder / 'list', lines),
            'project_list_json': write_lines(self.folder / 'facts', facts),
            'template_dir': str(self.folder / 'templates') if self.templates else None,
            'output_dir': str(output_dir), 'allow_shrink': True, **self.options, **how,
        }

    def whole_tree(self) -> dict[str, bytes]:
        """What one full build into an empty folder gives."""
        output_dir = self.folder / 'whole'
        shutil.rmtree(output_dir, ignore_errors=True)
        self.build(output_dir)
        return read_tree(output_dir)


def write_lines(place: Path, lines: list[str]) -> str:
    """Write a list as another file of that name: a build that has opened the old one keeps it."""
    new = place.with_suffix('.new')
    new.write_text(''.join(f'{line}\n' for line in lines))
    new.replace(place)
    return str(place)


def command(arguments: dict[str, Any]) -> list[str]:
    """Return the command line that means the same as arguments of `build`."""
    options = ['--no-generate-timestamp', '--quiet']
    for name, value in arguments.items():
        option = name.replace('_', '-')
        if value is True and name != 'per_release_json':
            options.append(f'--{option}')
        elif value is False and name == 'per_release_json':
            options.append(f'--no-{option}')
        elif value is not None and not isinstance(value, bool):
            options += [f'--{option}', str(value)]
    return options
