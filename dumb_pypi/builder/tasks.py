"""The tasks of rendering: what each process of a build does for some groups."""
from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import cast, NamedTuple, TYPE_CHECKING, TypeVar

import msgspec

from dumb_pypi.builder.dependents import Dependents
from dumb_pypi.builder.readmes import readme_of
from dumb_pypi.builder.yanks import MonthYanks, with_yanks
from dumb_pypi.model.distfile import read_checked
from dumb_pypi.model.project import assemble
from dumb_pypi.model.project_facts import ProjectFacts
from dumb_pypi.options import BuildOptions
from dumb_pypi.pages import changelog
from dumb_pypi.pages.changelog import ChangelogPage
from dumb_pypi.pages.summaries import encode_summaries, summarize
from dumb_pypi.store.changes import Done
from dumb_pypi.store.interface import Target, TaskWriter, Writer

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from dumb_pypi.pages.site import Page, Site

R = TypeVar('R')
Task = TypeVar('Task', 'ProjectsTask', 'DependentsTask')


class Job(NamedTuple):
    """What all tasks of a build share; `shape` distinguishes it from others in one process.

    `renderer` is the version of what renders READMEs, '' if they are shown as plain text.
    """
    options: BuildOptions
    shape: str
    target: Target
    renderer: str = ''

    @property
    def site(self) -> Site:
        return _site(self.options, self.shape)


@functools.lru_cache(maxsize=1)
def _site(options: BuildOptions, _: str) -> Site:
    # These import Jinja2, which takes as long as all that a build without new pages does.
    from dumb_pypi.pages.site import Site
    from dumb_pypi.pages.templates import Templates
    return Site(options, Templates(options.template_dir))


class ProjectsTask(NamedTuple):
    """Consecutive projects to render, or, if not `write`, only to sum up.

    `facts` are about some of them. `lines` are those of all of them, `counts` their numbers. `new`
    and `may_lack_dependents_page` say which have no page yet, and which none of dependents.
    """
    job: Job
    number: int
    names: Sequence[str]
    facts: Mapping[str, ProjectFacts]
    counts: Sequence[int]
    lines: bytes
    write: bool
    new: Sequence[bool]
    may_lack_dependents_page: Sequence[bool]


class ProjectsResult(NamedTuple):
    """The releases of each project, encoded, what root pages show of it, and what was written.

    `summaries` are encoded by `encode_summaries`, since pickling them takes several times as long.
    `checksums` are those of each project's pages, as in its record, and `dependents` those of empty
    pages of dependents; '' if they were not written.
    """
    releases: Sequence[bytes]
    summaries: bytes
    checksums: Sequence[str]
    dependents: Sequence[str]
    done: Done


class DependentsTask(NamedTuple):
    """Projects whose pages of dependents to render; `number` is unlike those of other tasks."""
    job: Job
    number: int
    projects: Sequence[tuple[str, Dependents]]


class DependentsResult(NamedTuple):
    """The checksum of each page, and what was written."""
    checksums: Sequence[str]
    done: Done


class MonthTask(NamedTuple):
    """A page of a month to render, its encoded uploads, and what the facts yank in the month."""
    job: Job
    page: ChangelogPage
    uploads: bytes
    yanks: MonthYanks


def process_projects(task: ProjectsTask) -> ProjectsResult:
    """Write the pages of projects, or only sum them up."""
    if not task.write:
        return _process_projects(task, task.job.target.repeating_writer())
    return _run(_process_projects, task)


def _run(process: Callable[[Task, TaskWriter], R], task: Task) -> R:
    """Run a task that writes pages.

    An executor may run it twice, even at the same time: both runs write the same pages, and either
    result has every change.
    """
    target = task.job.target
    result = process(task, target.task_writer(task.number))
    if target.is_run_again(task.number):
        # The other run may have written pages that this one then found up to date.
        return process(task, target.repeating_writer())
    return result


def _process_projects(task: ProjectsTask, writer: TaskWriter) -> ProjectsResult:
    job = task.job
    # Without a second copy of the lines: one project may have a hundred megabytes of them.
    lines = io.BytesIO(task.lines)
    all_facts = [
        task.facts.get(name) or ProjectFacts(cast('NormalizedName', name)) for name in task.names
    ]
    projects = [
        assemble(facts.project, [read_checked(next(lines)) for _ in range(count)], facts)
        for facts, count in zip(all_facts, task.counts, strict=True)
    ]
    checksums, dependents = [''] * len(projects), [''] * len(projects)
    if task.write:
        site = job.site
        readmes = [readme_of(facts, job.renderer, job.target, writer) for facts in all_facts]
        # The names on these pages are only known later.
        empty = [
            site.dependents_page(project.name, (), 0) if may_lack_page else None
            for project, may_lack_page in zip(
                projects, task.may_lack_dependents_page, strict=True,
            )
        ]
        # Kind by kind, since the caches of a processor hold the code for one kind of page: project
        # by project, rendering and writing take a fifth more time.
        simple, _ = _write_kind(task, writer, [*map(site.simple_pages, projects)])
        web, dependents = _write_kind(task, writer, site.web_pages(projects, readmes), empty)
        json, _ = _write_kind(task, writer, [*map(site.json_pages, projects)])
        checksums = [''.join(each) for each in zip(simple, web, json, strict=True)]
    releases = [
        msgspec.json.encode([
            release.name for release in project.releases if job.options.per_release_json
        ]) for project in projects
    ]
    return ProjectsResult(
        releases, encode_summaries([*map(summarize, projects)]), checksums, dependents, writer.done,
    )


def _write_kind(
        task: ProjectsTask, writer: TaskWriter,
        pages_of_projects: Sequence[Sequence[tuple[str, bytes]]],
        preliminary: Iterable[Page | None] = repeat(None),
) -> tuple[list[str], list[str]]:
    """Write pages of each project, and a `preliminary` one that they link to, if it is missing.

    Return the checksums of the pages of each project, and that of each preliminary page, '' if it
    was not written.
    """
    checksum = task.job.target.checksum
    checksums = [
        ''.join([checksum(content) for _, content in pages]) for pages in pages_of_projects
    ]
    of_preliminary = []
    for pages, first, new in zip(pages_of_projects, preliminary, task.new, strict=False):
        if new:
            written = writer.write_new(pages, first)
        else:
            written = first is not None and writer.write_missing(*first)
            for path, content in pages:
                writer.write(path, content)
        of_preliminary.append(checksum(first.content) if first is not None and written else '')
    return checksums, of_preliminary


def write_dependents(task: DependentsTask) -> DependentsResult:
    """Write pages of dependents."""
    return _run(_write_dependents, task)


def _write_dependents(task: DependentsTask, writer: TaskWriter) -> DependentsResult:
    checksums = write_pages(task.job, writer, (
        task.job.site.dependents_page(project, *dependents) for project, dependents in task.projects
    ))
    return DependentsResult([*checksums.values()], writer.done)


def render_months(tasks: Sequence[MonthTask]) -> list[bytes]:
    """Render pages of months. They are written by the caller, in their safe order."""
    return [
        job.site.changelog_page(
            page, with_yanks(changelog.decode_uploads(uploads)[::-1], yanks),
        ).content
        for job, page, uploads, yanks in tasks
    ]


def write_pages(
        job: Job, writer: Writer | TaskWriter, pages: Iterable[tuple[str, bytes]],
) -> dict[str, str]:
    """Write pages; return their checksums by their paths."""
    checksums = {}
    for path, content in pages:
        writer.write(path, content)
        checksums[path] = job.target.checksum(content)
    return checksums
