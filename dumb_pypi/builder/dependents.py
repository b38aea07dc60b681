"""Which projects of the index require each other: what the pages of dependents show.

All other pages of a project are functions of its own lines. These are functions of what the latest
releases of other projects require, so they are rendered after all projects, and only those whose
names may have changed.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from dumb_pypi.builder.plan import Plan
from dumb_pypi.builder.records import NOTHING, ProjectRecord
from dumb_pypi.builder.state import State

# More names would make a page that browsers take long to show.
MOST_SHOWN = 1000
# Not more names than these are searched for.
_FEW = 10


class Dependents(NamedTuple):
    """The projects that require a project: the first ones by name, and the number of all."""
    names: list[str]
    total: int


def unknown_dependents(
        plan: Plan, state: State, records: Mapping[str, ProjectRecord],
) -> set[str]:
    """Return the projects whose page of dependents may be stale."""
    names = plan.groups.packages.projects
    found = {name for name in plan.projects if name not in state.projects}
    if not state.complete:
        # Which pages they were made from is not known.
        found.update(state.published)
    for name in {*plan.projects, *plan.removed_projects}:
        now = records[name].summary.requires if name in records else NOTHING
        for before in plan.required_before(name):
            if before != now:
                found.update({*_decode_names(before)} ^ {*_decode_names(now)})
    return {name for name in found if name in names}


def dependents_of(
        shown: Collection[str], counted: Collection[str], records: Mapping[str, ProjectRecord],
) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Return the first dependents of the projects to show, and the number of those to count.

    `shown` are among the `counted`, and `records` are those of all projects, sorted by name.
    """
    names: dict[str, list[str]] = {name: [] for name in shown}
    counts = dict.fromkeys(counted, 0)
    # To look for a few names takes a tenth of the time of decoding all of them.
    may_require = _finder(counted) if len(counted) <= _FEW else None
    for name, record in records.items():
        if may_require is not None and not may_require(record.summary.requires):
            continue
        for required in _decode_names(record.summary.requires):
            if required in counts:
                counts[required] += 1
                if required in names and counts[required] <= MOST_SHOWN:
                    names[required].append(name)
    return names, counts


def with_counts(
        counts: Mapping[str, int], records: Mapping[str, ProjectRecord],
) -> dict[str, ProjectRecord]:
    """Return those of the records that have other numbers of dependents, with these."""
    return {
        name: msgspec.structs.replace(records[name], summary=msgspec.structs.replace(
            records[name].summary, dependents=count,
        )) for name, count in counts.items() if count != records[name].summary.dependents
    }


def _finder(names: Iterable[str]) -> Callable[[Any], object]:
    """Return a function that tells whether a list of names, in JSON, has one of some names."""
    return re.compile(b'|'.join(re.escape(msgspec.json.encode(name)) for name in names)).search


_decode_names = msgspec.json.Decoder(list[str]).decode
