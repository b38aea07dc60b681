"""Which files the project list yanks, for pages that are about files of many projects.

Pages of a project see the facts about it. A month of the changelog and the latest uploads see lines
only, and get these yanks with them. `packages.json` keeps what the list says: it is the next
build's previous list, in which a fact that is gone from the project list would stay for ever.
"""
from __future__ import annotations

import io
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from dumb_pypi.builder.packages import Packages
from dumb_pypi.errors import Notice, shown
from dumb_pypi.model.distfile import Distfile, read_checked
from dumb_pypi.model.project_facts import ProjectFacts, ProjectList, release_key
from dumb_pypi.model.times import month_of
from dumb_pypi.pages.changelog import Upload
from dumb_pypi.pages.summaries import names_required

# Whether a file is yanked, by its project and name.
MonthYanks = Mapping[tuple[str, str], bool]


class Yanks(NamedTuple):
    """What the facts about projects change in a list.

    `facts` are those that yank, of projects that may not be in the list. `months` has the files of
    each month of which the facts say something else than their lines, and `requires` of each
    project that has such facts the names, in JSON, of all projects that any of its releases
    requires. `used` are the releases and files of facts that are in the list: their project, key
    and target.
    """
    facts: Mapping[str, ProjectFacts]
    months: Mapping[str, MonthYanks]
    requires: Mapping[str, msgspec.Raw]
    used: set[tuple[str, str, str]]


def find_yanks(packages: Packages, all_facts: Iterable[ProjectFacts]) -> Yanks:
    """Read the lines of the projects that have such facts."""
    facts: dict[str, ProjectFacts] = {
        fact.project: fact for fact in all_facts if fact.has_yanks
    }
    months: dict[str, dict[tuple[str, str], bool]] = defaultdict(dict)
    requires: dict[str, msgspec.Raw] = {}
    used: set[tuple[str, str, str]] = set()
    for name, fact in facts.items():
        if name not in packages.projects:
            continue
        required: set[str] = set()
        for file in _files(packages, name):
            line = file.line
            required |= names_required(name, line.requires_dist or ())
            used.add((name, 'filename', line.filename))
            if file.version is not None:
                used.add((name, 'version', release_key(file.version)))
            reason = fact.yanked_reason(line.filename, file.version)
            if reason is not None and file.yanked != isinstance(reason, str):
                month = months[month_of(line.upload_timestamp)]
                month[name, line.filename] = isinstance(reason, str)
        requires[name] = msgspec.Raw(msgspec.json.encode(sorted(required)))
    return Yanks(facts, dict(months), requires, used)


def notices_of_unused(
        found: ProjectList, yanks: Yanks, packages: Packages, place: str,
) -> list[Notice]:
    """Return notices about projects, releases and files that are not in the list, by line."""
    unused = [
        (found.lines[name], f'project {name}') for name in found.facts
        if name not in packages.projects
    ]
    unused += [
        (number, f'{key} {shown(value)} of project {project}')
        for project, lines in found.yanks.items() if project in packages.projects
        for number, (key, value, target, _) in lines if (project, key, target) not in yanks.used
    ]
    return [
        Notice(place, number, (
            f'{what} is not in the package list, so what this line says is not shown'
        ), skipped=False)
        for number, what in sorted(unused)
    ]


def with_yanks(uploads: Sequence[Upload], yanks: MonthYanks) -> Sequence[Upload]:
    """Return uploads with what facts say about their yanking."""
    if not yanks:
        return uploads
    return [
        msgspec.structs.replace(
            upload, yanked=yanks.get((upload.project, upload.filename), upload.yanked),
        ) for upload in uploads
    ]


def in_order(yanks: MonthYanks) -> Sequence[tuple[tuple[str, str], bool]]:
    """Return the yanks of a month for its fingerprint."""
    return sorted(yanks.items())


def _files(packages: Packages, project: str) -> Iterator[Distfile]:
    index = bisect_left(packages.names, project)
    return map(read_checked, io.BytesIO(packages.content(index, index + 1)))
