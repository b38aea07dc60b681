"""What worker processes do: pages of projects and of months, from lines of the list."""
from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from dumb_pypi.builder.stamp import fingerprint
from dumb_pypi.model.distfile import read_checked
from dumb_pypi.model.project import assemble, Project
from dumb_pypi.model.project_facts import ProjectFacts
from dumb_pypi.options import PageOptions
from dumb_pypi.pages import changelog
from dumb_pypi.pages.changelog import ChangelogPage
from dumb_pypi.pages.summaries import MonthSummary, ProjectSummary, summarize, summarize_month
from dumb_pypi.store.changes import Done
from dumb_pypi.store.folder import Writer

if TYPE_CHECKING:
    from dumb_pypi.pages.site import Site


class Job(msgspec.Struct, frozen=True):
    """What is the same for all tasks of a build; `shape` tells it from others in one process."""
    options: PageOptions
    shape: str
    output_dir: str
    keep_changes: bool
    suspicious: bool
    sweep: bool

    def writer(self) -> Writer:
        return Writer(
            self.output_dir, keep_changes=self.keep_changes, suspicious=self.suspicious,
            precompress=self.options.precompress, sweep=self.sweep,
        )


class Projects(msgspec.Struct, frozen=True):
    """Some projects: what is known of each, how many lines it has, and the lines of all.

    Of those to be written `new` says which have no page yet.
    """
    job: Job
    facts: Sequence[ProjectFacts]
    counts: Sequence[int]
    lines: bytes
    write: bool
    new: Sequence[bool]


class Written(msgspec.Struct, frozen=True):
    """What became of them: their releases, what the root pages show, what was done."""
    releases: Sequence[msgspec.Raw]
    summaries: Sequence[ProjectSummary]
    done: Done


class Month(msgspec.Struct, frozen=True):
    """Some pages of a month, and the lines of all its uploads."""
    job: Job
    pages: Sequence[ChangelogPage]
    lines: bytes


def site_of(job: Job) -> Site:
    return _site_of(job.options, job.shape)


@functools.lru_cache(maxsize=1)
def _site_of(options: PageOptions, _: str) -> Site:
    # These import Jinja2, which takes as long as all else together.
    from dumb_pypi.pages.site import Site
    from dumb_pypi.pages.templates import Templates
    return Site(options, Templates(options.template_dir))


def write_projects(task: Projects) -> Written:
    """Write the pages of projects, or, if they are not to be written, only sum them up."""
    job = task.job
    writer = job.writer()
    lines = iter(task.lines.splitlines())
    releases, summaries = [], []
    for facts, count, new in zip(task.facts, task.counts, task.new, strict=True):
        files = [read_checked(next(lines)) for _ in range(count)]
        project = assemble(facts.project, files, facts)
        if task.write:
            pages = site_of(job).project_pages(project)
            if new:
                writer.write_new(pages)
            else:
                for path, content in pages:
                    writer.write(path, content)
        releases.append(_releases(project, job.options))
        summaries.append(summarize(project))
    return Written(releases, summaries, writer.done)


def render_months(tasks: Sequence[Month]) -> list[list[bytes]]:
    """Render pages of some months."""
    return [_render_month(task) for task in tasks]


def sum_up_months(
        months: Sequence[tuple[str, bytes]],
) -> list[tuple[str, MonthSummary]]:
    """Months and their lines → a fingerprint of what their pages show of them, and a summary."""
    return [_sum_up_month(month, lines) for month, lines in months]


def _render_month(task: Month) -> list[bytes]:
    shown = map(changelog.read_upload_line, task.lines.splitlines())
    uploads = changelog.in_order(map(changelog.upload_of, shown))
    site = site_of(task.job)
    return [
        site.changelog_page(page, changelog.uploads_on(page, uploads)).content
        for page in task.pages
    ]


def _sum_up_month(month: str, lines: bytes) -> tuple[str, MonthSummary]:
    shown = list(map(changelog.read_upload_line, lines.splitlines()))
    # As many as can be among the newest of all months.
    newest = sorted(shown, key=_moment, reverse=True)[:changelog.NEWEST_UPLOADS]
    return fingerprint([msgspec.json.encode(shown)]), summarize_month(
        month, len(shown), map(changelog.upload_of, newest),
    )


def _releases(project: Project, options: PageOptions) -> msgspec.Raw:
    names = [release.name for release in project.releases] if options.per_release_json else []
    return msgspec.Raw(msgspec.json.encode(names))


def _moment(shown: changelog.UploadLine) -> tuple[float, str]:
    return (shown.upload_timestamp or 0, shown.filename)
