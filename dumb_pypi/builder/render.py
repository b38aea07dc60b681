"""Render groups in tasks, and write each page after those that it links to."""
from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain
from typing import NamedTuple

import msgspec

from dumb_pypi.builder.dependents import (
    Dependents,
    dependents_of,
    unknown_dependents,
    with_counts,
)
from dumb_pypi.builder.months import read_months, UNKNOWN
from dumb_pypi.builder.packages import MonthChanges
from dumb_pypi.builder.plan import Groups, Plan, PreviousProject
from dumb_pypi.builder.records import Body, MonthRecord, ProjectRecord
from dumb_pypi.builder.state import checksum_of_file, State
from dumb_pypi.builder.tasks import (
    DependentsTask,
    Job,
    MonthTask,
    process_projects,
    ProjectsResult,
    ProjectsTask,
    render_months,
    write_dependents,
    write_pages,
)
from dumb_pypi.builder.tree import Extent
from dumb_pypi.builder.workers import batched, Workers
from dumb_pypi.pages import changelog, paths, project_list
from dumb_pypi.pages.project_list import ListPage
from dumb_pypi.pages.summaries import (
    decode_summaries,
    most_used,
    MOST_USED_PROJECTS,
    recently_released,
)
from dumb_pypi.store.interface import Writer

_TASK = 1 << 17  # bytes of lines in a task, at least one project's; see `_sizes`
# Bytes of texts of pages of months in a task: it takes as long as one of projects.
_MONTHS_TASK = 1 << 20
_DEPENDENTS_TASK = 1 << 10  # names on the pages of a task, with one more for each page


class Result(NamedTuple):
    """The record of each project, in the order of their names, and what was written.

    `months` are the checksums of the pages of each month that was rendered, `others` those of pages
    of no group by their paths, and `extents` has that of each project that was rendered.
    """
    records: dict[str, ProjectRecord]
    months: Mapping[str, str]
    others: Mapping[str, str]
    extents: Mapping[str, Extent]


def render(
        plan: Plan, state: State, job: Job, writer: Writer, workers: Workers,
        progress: Callable[[float], None],
) -> Result:
    """Write the planned pages, each after those that it links to, then `packages.json`.

    An index that was never published has no readers, who could follow a link to a page that is
    still missing.
    """
    if plan.is_empty:
        return Result({**state.projects}, {}, state.others, {})
    others = write_pages(job, writer, job.site.static_pages())
    if plan.is_published:
        # Every page is about to link to them.
        write_pages(job, writer, job.site.preliminary_pages(plan.existing_others))
    records = _write_projects(plan, state, job, writer, workers, progress)
    with_dependents = _write_dependents_pages(plan, state, records, job, writer, workers)
    records |= with_dependents
    months = _write_months(plan, state, job, writer, workers)
    others |= write_pages(job, writer, job.site.root_pages(
        [record.summary for record in records.values()],
        [month.shown_summary for month in plan.groups.months.values()],
    ))
    # Their footers link to the feeds.
    changed = {*plan.projects, *with_dependents}
    others |= _write_list_pages(plan, state, records, changed, job, writer)
    checksum = ''
    if not plan.complete:
        with open(plan.groups.packages.path, 'rb') as file:
            checksum = checksum_of_file(file)
    digest = writer.adopt(paths.PACKAGES_JSON, plan.groups.packages.path)
    others[paths.PACKAGES_JSON] = digest or checksum
    return Result(records, months, others, {
        name: records[name].extent for name in plan.projects
    })


def records_of(
        plan: Plan, state: State, result: Result, *, compressed: bool, slash_keys: bool,
) -> Body:
    """Return the records of the groups that the directory holds after rendering.

    Those that only a previous list vouched for need not be there, but for pages of dependents.
    """
    groups = plan.groups
    return Body(
        {
            name: record if name in plan.projects or name in state.projects else (
                record.of_dependents_only
            )
            for name, record in result.records.items()
            if name in plan.projects or name in state.projects or record.dependents
        },
        {
            name: MonthRecord(
                month.lines.page_fingerprints, month.lines.page_starts, month.yanks_fingerprint,
                month.neighbours,
                result.months[name] if name in plan.months else state.months[name].checksums,
                month.summary, month.lines.last_uploads if number == 0 else UNKNOWN,
            )
            for number, (name, month) in enumerate(groups.months.items())
            if name in plan.months or name in state.months
        },
        {name: list(notices) for name, notices in groups.packages.line_notices.items()},
        dict(result.others), compressed, slash_keys,
    )


def static_paths(job: Job) -> list[str]:
    return [page.path for page in job.site.static_pages()]


def previous_projects(
        job: Job, groups: Groups, projects: Collection[str], workers: Workers,
) -> dict[str, PreviousProject]:
    """Sum up projects of a previous list. The options may have been others: all have JSON pages."""
    job = job._replace(options=job.options._replace(per_release_json=True))
    wanted = [at for at, name in enumerate(groups.packages.names) if name in projects]
    return {
        groups.packages.names[at]: PreviousProject(
            Extent(_decode_names(releases), len(summary.page_starts)), summary.requires,
        )
        for batch, result in _processed(job, groups, wanted, (), (), (), workers)
        for at, releases, summary in zip(
            batch, result.releases, decode_summaries(result.summaries), strict=True,
        )
    }


def _processed(
        job: Job, groups: Groups, wanted: Iterable[int], to_write: Collection[str],
        existing: Collection[str], with_dependents: Collection[str], workers: Workers,
) -> Iterator[tuple[range, ProjectsResult]]:
    """Process projects, given by their indexes: write some, sum up the others.

    There are `existing` projects, and some have a page of dependents.
    """
    packages = groups.packages

    def task(number: int, batch: range) -> ProjectsTask:
        names = packages.names[batch.start:batch.stop]
        return ProjectsTask(
            job, number, names,
            {name: groups.facts[name] for name in names if name in groups.facts},
            [packages.projects[name].files for name in names],
            packages.content(batch.start, batch.stop),
            names[0] in to_write,
            [name not in existing for name in names],
            [name not in with_dependents for name in names],
        )

    size = workers.task_size(_TASK)
    batches = list(_batches(packages.names, _sizes(groups), wanted, to_write, size))
    tasks = (task(number, batch) for number, batch in enumerate(batches))
    return zip(batches, workers.map(process_projects, tasks), strict=True)


def _sizes(groups: Groups) -> Sequence[int]:
    """Return the sizes of what precedes each project, and of all: of lines and, less so, READMEs.

    A rendered README takes a fraction of the time of lines of its size, a new one a multiple.
    """
    packages, facts = groups.packages, groups.facts
    if not any(fact.description for fact in facts.values()):
        return packages.offsets
    readmes = accumulate((
        len(facts[name].description or '') // 4 if name in facts else 0 for name in packages.names
    ), initial=0)
    return [sum(sizes) for sizes in zip(packages.offsets, readmes, strict=True)]


def _batches(
        names: Sequence[str], offsets: Sequence[int], wanted: Iterable[int],
        to_write: Collection[str], limit: int,
) -> Iterator[range]:
    """Yield ranges of projects: not too many bytes, and all of them to be written or none."""
    start = stop = 0  # the range so far
    for index in wanted:
        if start == stop:
            start = index
        elif (
            index != stop or offsets[stop] - offsets[start] > limit
            or (names[index] in to_write) != (names[start] in to_write)
        ):
            yield range(start, stop)
            start = index
        stop = index + 1
    if start < stop:
        yield range(start, stop)


def _write_projects(
        plan: Plan, state: State, job: Job, writer: Writer, workers: Workers,
        progress: Callable[[float], None],
) -> dict[str, ProjectRecord]:
    """Write the pages of the planned projects, but for those of dependents.

    Return the records of all projects. Those without a checksum of that page may not have it.
    """
    groups = plan.groups
    known = state.projects
    packages = groups.packages
    offsets = _sizes(groups)
    wanted = [
        at for at, name in enumerate(packages.names)
        if name in plan.projects or name in plan.unrecorded
    ]
    size = sum(offsets[at + 1] - offsets[at] for at in wanted)
    done = 0
    new: dict[str, ProjectRecord] = {}
    for batch, result in _processed(
            job, groups, wanted, plan.projects, {*plan.tree.projects}, plan.with_dependents,
            workers,
    ):
        writer.add(result.done)
        for at, releases, summary, checksums, dependents in zip(
                batch, result.releases, decode_summaries(result.summaries), result.checksums,
                result.dependents, strict=True,
        ):
            name = packages.names[at]
            before = known.get(name)
            new[name] = ProjectRecord(
                packages.projects[name], groups.facts_fingerprints.get(name, ''),
                msgspec.Raw(releases),
                summary if before is None else msgspec.structs.replace(
                    summary, dependents=before.summary.dependents,
                ),
                checksums, dependents or ('' if before is None else before.dependents),
            )
        done += offsets[batch.stop] - offsets[batch.start]
        progress(done / size)
    return {name: new[name] if name in new else known[name] for name in packages.names}


def _write_dependents_pages(
        plan: Plan, state: State, records: Mapping[str, ProjectRecord], job: Job, writer: Writer,
        workers: Workers,
) -> dict[str, ProjectRecord]:
    """Write the pages of dependents that may be stale; return the new records.

    New projects have a page without names by now, which is right for most of them.
    """
    unknown = unknown_dependents(plan, state, records)
    if plan.keeps_list_pages and not unknown:
        # Each project has as many as before.
        return {}
    names, counts = dependents_of(
        unknown, unknown if plan.keeps_list_pages else records, records,
    )
    wanted = [
        (name, Dependents(names[name], counts[name])) for name in sorted(names)
        if counts[name] or name in state.projects or not records[name].dependents
    ]
    # The others keep the pages that they got.
    writer.done.written += len(names) - len(wanted)
    if not plan.projects.issuperset(name for name, _ in wanted):
        state.invalidate(writer, (name for name, _ in wanted), {}, ())
    # The numbers of tasks follow those for projects, of which each had one at most.
    tasks = (
        DependentsTask(job, number, batch) for number, batch in enumerate(batched(
            wanted, lambda item: len(item[1].names) + 1, workers.task_size(_DEPENDENTS_TASK),
        ), start=len(records))
    )
    new = with_counts(counts, records)
    written = iter(wanted)
    for result in workers.map(write_dependents, tasks):
        writer.add(result.done)
        for checksum in result.checksums:
            name, _ = next(written)
            new[name] = msgspec.structs.replace(new.get(name, records[name]), dependents=checksum)
    return new


def _write_months(
        plan: Plan, state: State, job: Job, writer: Writer, workers: Workers,
) -> dict[str, str]:
    """Write the pages of the planned months; return the checksums of each month's pages."""
    months = plan.groups.months
    wanted = [page for name in reversed(months) for page in plan.months.get(name, ())]
    existing = {
        paths.changelog_page(month, number)
        for month, pages in plan.tree.months.items() for number in range(1, pages + 1)
    }
    if state.pending is not None:
        # An interrupted build was about to write them.
        existing = {path for path in existing if state.has_page(path)}
    if not plan.is_published:
        existing.update(page.path for page in wanted)
    in_order = [*changelog.in_safe_order(wanted, existing)]
    # Pages of which only the links changed, or what the facts yank.
    unread = {page.month for page in wanted if page.number not in months[page.month].lines.texts}
    texts = plan.groups.texts
    read = read_months(
        plan.groups.packages, dict.fromkeys(sorted(unread), MonthChanges()), {}, dict, texts,
        workers,
    )
    tasks = (
        MonthTask(job, page, texts.read(
            (read.get(page.month) or months[page.month].lines).texts[page.number],
        ), months[page.month].yanks)
        for page in in_order
    )
    rendered = chain.from_iterable(workers.map(
        render_months,
        batched(tasks, lambda task: len(task.uploads), workers.task_size(_MONTHS_TASK)),
    ))
    written = write_pages(
        job, writer, zip((page.path for page in in_order), rendered, strict=True),
    )
    checksums: dict[str, str] = {}
    for month in plan.months:
        kept = state.months[month].pages(month) if month in state.months else {}
        checksums[month] = ''.join(
            written.get(page.path) or kept[page.path] for page, _, _ in months[month].pages
        )
    return checksums


def _write_list_pages(
        plan: Plan, state: State, records: Mapping[str, ProjectRecord], changed: set[str],
        job: Job, writer: Writer,
) -> dict[str, str]:
    """Write the list of projects; return the checksums of its pages by their paths.

    A page is kept if it has the same projects as before and none of them is among the changed ones.
    """
    pages = _list_pages(records)
    known = _list_pages(state.projects) if plan.keeps_list_pages else ()
    before = {*known}
    kept = {
        page.path for page in pages
        if page in before and changed.isdisjoint((*page.most_used, *page.projects))
    }
    wanted = [page for page in pages if page.path not in kept]
    existing = plan.tree.others if plan.is_published else [page.path for page in wanted]
    return {path: state.others[path] for path in kept} | write_pages(job, writer, (
        job.site.list_page(
            page, *([records[name].summary for name in names]
                    for names in (page.projects, page.most_used)),
        )
        for page in project_list.in_safe_order(wanted, existing)
    ))


def _list_pages(projects: Mapping[str, ProjectRecord]) -> Sequence[ListPage]:
    """Return the pages of the list; if letters have pages, the first one is an overview."""
    *pages, first = project_list.list_pages([*projects])
    if first.is_overview:
        summaries = [record.summary for record in projects.values()]
        first = first._replace(
            most_used=tuple(
                project.name for project in most_used(summaries, MOST_USED_PROJECTS)
            ),
            projects=recently_released(summaries),
        )
    return [*pages, first]


_decode_names = msgspec.json.Decoder(list[str]).decode
