"""A list in groups, by project and by month, and the work on them a batch at a time."""
from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import cast, TYPE_CHECKING, TypeVar

import msgspec

from dumb_pypi.builder import state as states
from dumb_pypi.builder import work
from dumb_pypi.builder.catalog import Catalog
from dumb_pypi.builder.stamp import fingerprint
from dumb_pypi.builder.state import State
from dumb_pypi.builder.work import Job
from dumb_pypi.builder.workers import Crew
from dumb_pypi.model.project_facts import ProjectFacts
from dumb_pypi.pages import changelog
from dumb_pypi.pages.changelog import Neighbours
from dumb_pypi.pages.summaries import MonthSummary

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

T = TypeVar('T')

# What a worker gets at once: bytes of lines, at least one project's.
_BATCH = 1 << 17


class Groups(msgspec.Struct, frozen=True):
    """The groups of a list, each with a fingerprint of all that its pages show.

    Months come newest first.
    """
    catalog: Catalog
    facts: Mapping[str, ProjectFacts]
    projects: dict[str, str]
    months: dict[str, str]
    summaries: dict[str, MonthSummary]
    beside: dict[str, Neighbours]


def group(
        catalog: Catalog, facts: Mapping[str, ProjectFacts], known: State | None,
        touched_months: Collection[str] | None, crew: Crew,
) -> Groups:
    """The groups of a catalog.

    `touched_months` are those that may differ from what is `known`, or None for all.
    """
    projects = {
        name: print_ + _facts_print(facts.get(name))
        for name, print_ in zip(catalog.names, catalog.prints, strict=True)
    }
    sizes = catalog.month_sizes()
    beside = changelog.neighbours(sizes)
    months = changelog.newest_first(sizes)
    records = {} if known is None or touched_months is None else known.months
    unknown = [
        month for month in months if month not in records or month in (touched_months or ())
    ]
    batches = batched(catalog.uploads_of(unknown), lambda month: len(month[1]))
    summed_up = dict(zip(
        unknown, chain.from_iterable(crew.map(work.sum_up_months, batches)), strict=True,
    ))
    prints = {}
    summaries = {}
    for month in months:
        if month in summed_up:
            print_, summaries[month] = summed_up[month]
        else:
            print_, summaries[month] = (
                records[month].fingerprint[:states.PRINT], records[month].summary,
            )
        prints[month] = print_ + fingerprint([msgspec.json.encode(beside[month])])
    return Groups(catalog, facts, projects, prints, summaries, beside)


def releases_of(
        job: Job, groups: Groups, projects: Iterable[str], crew: Crew,
) -> dict[str, msgspec.Raw]:
    """The releases of some projects, whether or not pages of releases are asked for."""
    job = msgspec.structs.replace(
        job, options=job.options._replace(per_release_json=True),
    )
    wanted = sorted(bisect_left(groups.catalog.names, name) for name in projects)
    return {
        groups.catalog.names[index]: releases
        for batch, written in processed(job, groups, wanted, (), (), crew)
        for index, releases in zip(batch, written.releases, strict=True)
    }


def processed(
        job: Job, groups: Groups, wanted: Iterable[int], to_write: Collection[str],
        there: Collection[str], crew: Crew,
) -> Iterator[tuple[range, work.Written]]:
    """Some projects, a batch at a time, and what became of them."""
    catalog = groups.catalog

    def task(batch: range) -> work.Projects:
        names = catalog.names[batch.start:batch.stop]
        return work.Projects(
            job,
            [_facts_of(name, groups.facts) for name in names],
            catalog.counts[batch.start:batch.stop],
            catalog.text(batch.start, batch.stop - 1),
            names[0] in to_write,
            [name not in there for name in names],
        )

    batches = list(_batches(catalog, wanted, to_write))
    return zip(batches, crew.map(work.write_projects, map(task, batches)), strict=True)


def _facts_of(name: str, facts: Mapping[str, ProjectFacts]) -> ProjectFacts:
    return facts.get(name) or ProjectFacts(cast('NormalizedName', name))


def batched(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """Items a batch at a time; `size` says how many bytes of lines one has."""
    batch: list[T] = []
    total = 0
    for item in items:
        batch.append(item)
        total += size(item)
        if total > _BATCH:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def _batches(
        catalog: Catalog, wanted: Iterable[int], to_write: Collection[str],
) -> Iterator[range]:
    """Projects that follow each other, not too many, all of them to be written or none."""
    start = stop = 0  # the batch so far
    for index in wanted:
        if start == stop:
            start = index
        elif (
            index != stop or catalog.size_of(start, stop - 1) > _BATCH
            or (catalog.names[index] in to_write) != (catalog.names[start] in to_write)
        ):
            yield range(start, stop)
            start = index
        stop = index + 1
    if start < stop:
        yield range(start, stop)


def _facts_print(facts: ProjectFacts | None) -> str:
    return '' if facts is None or not facts.is_known else fingerprint([msgspec.json.encode(facts)])
