"""The tasks of rendering: what each process of a build does for some groups."""
from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TYPE_CHECKING, TypeVar

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
from dumb_pypi.pages.summaries import ProjectSummary, summarize
from dumb_pypi.store.changes import Done
from dumb_pypi.store.interface import Target, TaskWriter, Writer

if TYPE_CHECKING:
    from dumb_pypi.pages.site import Site

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

    `lines` are those of all of them, `counts` their numbers; `new` says which have no page yet, and
    `lonely` which may have no page of dependents.
    """
    job: Job
    number: int
    facts: Sequence[ProjectFacts]
    counts: Sequence[int]
    lines: bytes
    write: bool
    new: Sequence[bool]
    lonely: Sequence[bool]


class ProjectsResult(NamedTuple):
    """The releases of each project, encoded, what root pages show of it, and what was written.

    `checksums` are those of each project's pages, as in its record, and `dependents` those of empty
    pages of dependents; '' if they were not written.
    """
    releases: Sequence[bytes]
    summaries: Sequence[ProjectSummary]
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
    """A page of a month to render, its encoded lines, and what the facts yank in the month."""
    job: Job
    page: ChangelogPage
    lines: bytes
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
        # The other run may have written pages that this one then found to be as they should.
        return process(task, target.repeating_writer())
    return result


def _process_projects(task: ProjectsTask, writer: TaskWriter) -> ProjectsResult:
    job = task.job
    # Without a second copy of the lines: one project may have a hundred megabytes of them.
    lines = io.BytesIO(task.lines)
    releases, summaries, checksums, dependents = [], [], [], []
    for facts, count, new, lonely in zip(
            task.facts, task.counts, task.new, task.lonely, strict=True,
    ):
        project = assemble(facts.project, [read_checked(next(lines)) for _ in range(count)], facts)
        names = [
            release.name for release in project.releases if job.options.per_release_json
        ]
        found: list[str] = []
        dependents.append('')
        if task.write:
            readme = readme_of(facts, job.renderer, job.target, writer)
            pages = _checksummed(job.site.project_pages(project, readme), job.target, found)
            if lonely:
                # The project's page links to it. What it is to be is only known later.
                empty = job.site.dependents_page(project.name, (), 0)
                written = writer.write_new(pages, empty) if new else writer.write_missing(*empty)
                if written:
                    dependents[-1] = job.target.checksum(empty.content)
            if not new:
                for path, content in pages:
                    writer.write(path, content)
        releases.append(msgspec.json.encode(names))
        summaries.append(summarize(project))
        checksums.append(''.join(found))
    return ProjectsResult(releases, summaries, checksums, dependents, writer.done)


def _checksummed(
        pages: Iterable[tuple[str, bytes]], target: Target, checksums: list[str],
) -> Iterator[tuple[str, bytes]]:
    """Add the checksum of each page to `checksums` on its way."""
    for page in pages:
        checksums.append(target.checksum(page[1]))
        yield page


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
        job.site.changelog_page(page, with_yanks([
            changelog.upload_of(line) for line in reversed(changelog.decode_lines(lines))
        ], yanks)).content
        for job, page, lines, yanks in tasks
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
