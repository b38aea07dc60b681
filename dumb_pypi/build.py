"""One build, from options to report."""
from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import NamedTuple

from packaging.utils import NormalizedName

from dumb_pypi import package_list as lists
from dumb_pypi import paths
from dumb_pypi.distfile import Distfile
from dumb_pypi.distfile import to_json
from dumb_pypi.errors import Notice
from dumb_pypi.errors import OptionError
from dumb_pypi.errors import RefusedError
from dumb_pypi.options import DEFAULT_TITLE
from dumb_pypi.options import PageOptions
from dumb_pypi.project import assemble
from dumb_pypi.project import ProjectFacts
from dumb_pypi.site import neighbours
from dumb_pypi.site import Page
from dumb_pypi.site import Site
from dumb_pypi.site import summarize_month
from dumb_pypi.summary import ProjectSummary
from dumb_pypi.summary import summarize
from dumb_pypi.summary import upload
from dumb_pypi.templates import Templates
from dumb_pypi.writer import Writer


class Report(NamedTuple):
    """What a build did, and what it has to say of the lists, in the order of their lines.

    `written` and `unchanged` count the pages that were written, and those that were so already.
    """
    projects: int
    files: int
    written: int
    unchanged: int
    notices: list[Notice]


def build(
        *, output_dir: str, packages_url: str,
        package_list: str | None = None, package_list_json: str | None = None,
        project_list_json: str | None = None,
        title: str = DEFAULT_TITLE, logo: str | None = None, logo_width: int | None = None,
        site_url: str | None = None, template_dir: str | None = None,
        per_release_json: bool = True, strict: bool = False,
        generated: datetime.datetime | None = None,
) -> Report:
    """Build the index of a package list: what the command `dumb-pypi` does.

    The arguments are the command's options. `generated` is the creation time to show, in UTC;
    without one the same input gives the same bytes. Lines that cannot be used are left out,
    and the report says why.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pathlib.Path(folder, 'list').write_text('foo-1.0.zip\\n')
    ...     build(package_list=f'{folder}/list', packages_url='../../pool/', output_dir=folder)
    12
    Report(projects=1, files=1, written=12, unchanged=0, notices=[])

    Raises:
        DumbPypiError: the index could not be built; one line says what and why.
        RefusedError: `strict`, and there are lines that cannot be used. Nothing was written.
    """
    options = PageOptions.check(
        packages_url=packages_url, title=title, logo=logo, logo_width=logo_width,
        site_url=site_url, per_release_json=per_release_json, generated=generated,
    )
    templates = Templates(template_dir)
    if lists.STDIN in (package_list, package_list_json) and project_list_json == lists.STDIN:
        raise OptionError('--project-list-json', 'standard input is the package list already')
    files, notices = _read_files(package_list, package_list_json)
    facts, more_notices = _read_facts(project_list_json)
    notices += more_notices
    if strict and any(notice.left_out for notice in notices):
        raise RefusedError(notices)
    writer = Writer(output_dir)
    projects = _write(writer, Site(options, templates), files, facts)
    return Report(projects, len(files), writer.written, writer.unchanged, notices)


def _read_files(plain: str | None, json: str | None) -> lists.PackageList:
    if plain is not None and json is None:
        return lists.read_files(lists.lines_of(plain), lists.PLAIN, lists.place_of(plain))
    if json is not None and plain is None:
        return lists.read_files(lists.lines_of(json), lists.JSON, lists.place_of(json))
    raise OptionError('--package-list, --package-list-json', 'exactly one is needed')


def _read_facts(path: str | None) -> lists.ProjectList:
    if path is None:
        return lists.ProjectList({}, [])
    return lists.read_facts(lists.lines_of(path), lists.place_of(path))


def _write(
        writer: Writer, site: Site, files: list[Distfile],
        facts: dict[NormalizedName, ProjectFacts],
) -> int:
    """Write all pages, each after those it links to, and last the list; count the projects."""
    _write_pages(writer, site.static_pages())
    projects: list[ProjectSummary] = []
    lines: list[bytes] = []
    for name, group in lists.by_project(files).items():
        project = assemble(name, group, facts.get(name))
        _write_pages(writer, site.project_pages(project))
        projects.append(summarize(project))
        lines.extend(to_json(file) + b'\n' for file in project.files)
    uploads = {
        month: [upload(file) for file in group]
        for month, group in lists.by_month(files).items()
    }
    months = [summarize_month(month, group) for month, group in uploads.items()]
    for month, beside in neighbours(months).items():
        _write_pages(writer, site.month_pages(month, uploads.get(month, []), beside))
    _write_pages(writer, site.root_pages(projects, months))
    # Its presence says that all pages are there.
    writer.write(paths.PACKAGES_JSON, b''.join(lines))
    return len(projects)


def _write_pages(writer: Writer, pages: Iterator[Page]) -> None:
    for page in pages:
        writer.write(page.path, page.content)
