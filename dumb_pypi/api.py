"""Build an index from Python: builder and scanner together, and the report of a build."""
from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Callable, Iterator
from typing import Any, TYPE_CHECKING

from dumb_pypi import builder
from dumb_pypi.builder import ScanFolder, Scanned
from dumb_pypi.builder.refusals import refuse_file_of_build
from dumb_pypi.builder.report import Report, report_file
from dumb_pypi.builder.scanned import Described
from dumb_pypi.errors import (
    ListError,
    shown_path,
)
from dumb_pypi.options import BuildOptions, DEFAULT_TITLE, FOLDER, hints
from dumb_pypi.process import usable_cpus

if TYPE_CHECKING:
    from concurrent.futures import Executor

    Path = str | os.PathLike[str]

# About how much of a build is reading the files of a folder.
_SCANNING = 0.5
# About how much of that is reading their lines, rather than the metadata of latest releases.
_READING = 0.9


def build(
        *, output_dir: Path, packages_url: str | None = None, packages_dir: Path | None = None,
        package_list: Path | None = None, package_list_json: Path | None = None,
        previous_package_list: Path | None = None, previous_package_list_json: Path | None = None,
        project_list_json: Path | None = None, write_metadata: bool = False,
        title: str = DEFAULT_TITLE, logo: str | None = None, logo_width: int | None = None,
        site_url: str | None = None, template_dir: Path | None = None,
        per_release_json: bool = True, precompress: bool = False, slash_keys: bool = False,
        generated: datetime.datetime | None = None,
        strict: bool = False, full: bool = False, allow_shrink: bool = False,
        changes_file: Path | None = None, report: Path | None = None, jobs: int | None = None,
        executor: Executor | None = None, progress: Callable[[float], None] = lambda _: None,
) -> Report:
    """Build the index of a folder or a package list, as the command `dumb-pypi` does.

    Pass exactly one of `packages_dir`, `package_list` and `package_list_json`. On systems that
    don't fork processes, such as macOS, call this below `if __name__ == '__main__':`.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pathlib.Path(folder, 'list').write_text('foo-1.0.zip\\n')
    ...     report = build(
    ...         package_list=f'{folder}/list', packages_url='../../pool/', output_dir=folder,
    ...     )
    12
    >>> report.projects, report.written
    (1, 22)

    Args:
        output_dir: the folder to write the index to. It is made if it is missing. Files in it that
            are not part of the index are left alone. Or the URL of a bucket, or of a part of one,
            such as `s3://bucket/path`, which needs the extra `bucket`.
        packages_url: the URL of the folder that clients download the files from: absolute, or
            relative to the pages in `simple/<project>/`, such as `../../pool/`. It may be omitted
            if `packages_dir` is inside `output_dir`.
        packages_dir: a folder of wheels, sdists and eggs to index, with all folders below it.
            Files that the previous build read are read again only if their size or modification
            time changed, or if `full` is true.
        package_list: the path of a list of files: a name, path or URL per line; `-` is standard
            input.
        package_list_json: the path of a list of files: a JSON object per line; `-` is standard
            input.
        previous_package_list: the list of the index as it is published: pages that are the same
            for it are not written, even to an empty folder.
        previous_package_list_json: the same, in JSON: the `packages.json` of the published index.
        project_list_json: the path of a list of facts about projects, such as their status: a JSON
            object per line.
        write_metadata: write the metadata of each wheel in `packages_dir` to a `.metadata` file
            next to it, so that clients need not download the wheel to resolve dependencies.
        title: the title of the web pages.
        logo: the URL of an image for the web pages: absolute, or relative to the home page.
        logo_width: the width of the logo in CSS pixels.
        site_url: the public URL of the index. With it there are feeds, and the JSON APIs have
            absolute URLs.
        template_dir: a folder of templates, and a `custom.css`, that override the built-in ones.
        per_release_json: write the JSON API of each release, `pypi/<project>/<version>/json`.
        precompress: write a `.gz` file next to each page that gets smaller.
        slash_keys: write each `index.html` under the key that ends in a slash too, in a bucket.
        generated: the build time to show on the web pages, with a time zone; pages show it in UTC.
            By default none is shown, and the same input gives the same bytes.
        strict: write nothing, and raise `RefusedError`, if any line or file has to be skipped.
        full: render everything and read all files again, whatever the previous build remembers.
        allow_shrink: allow a build that removes more than half of the projects, or all of them.
        changes_file: the path of a file to write: what was written and deleted, as JSON lines in a
            safe order for uploading. `-` is standard output.
        report: the path of a file to write: the outcome as a JSON object, also if the build fails.
            Its keys are `version`, `exit_status` (of the command), `error` (null after a success),
            `finished` (UTC), `duration` (seconds), `changed` (whether pages were written or
            deleted), the counts of `Report`, and `skipped` and `warnings`: lists of objects with
            `path`, `line` and `message`. After a failure the counts are null, and so is `changed`
            if pages may have changed. `-` is standard output.
        jobs: the number of processes that write pages, and of threads that read files, from 1 to
            256; by default as many as there are CPUs, where that helps.
        executor: an executor to write the pages in, instead of processes of this machine. It may
            run tasks on other machines that share the file system, and run a task again whose
            worker was lost. Its tasks are larger than those of processes: about 1 MiB of the list.
        progress: called with the part of the build that is done, from 0 to 1, sometimes by another
            thread.

    Returns:
        The numbers of projects and files in the index, of pages written, found unchanged and
        deleted, and the notices about skipped lines and files.

    Raises:
        OptionError: an argument makes no sense.
        RefusedError: with `strict`, a line or file was skipped. Nothing was written.
        DumbPypiError: the index could not be built; its text is one line that says why. The two
            above are of this class too.
    """
    with build_session(
        executor, progress, output_dir=output_dir, packages_url=packages_url,
        packages_dir=packages_dir, package_list=package_list, package_list_json=package_list_json,
        previous_package_list=previous_package_list,
        previous_package_list_json=previous_package_list_json, project_list_json=project_list_json,
        write_metadata=write_metadata, title=title, logo=logo, logo_width=logo_width,
        site_url=site_url, template_dir=template_dir, per_release_json=per_release_json,
        precompress=precompress, slash_keys=slash_keys, generated=generated, strict=strict,
        full=full, allow_shrink=allow_shrink, changes_file=changes_file, report=report, jobs=jobs,
    ) as outcome:
        return outcome


@contextlib.contextmanager
def build_session(
        executor: Executor | None, progress: Callable[[float], None], /, **arguments: Any,
) -> Iterator[Report]:
    """Build the index, given the other arguments of `build`.

    The index stays locked while the caller takes notice of the report: see `confirmed_build`.

    Raises:
        DumbPypiError: the index could not be built.
    """
    options = {**arguments}
    refuse_file_of_build('report', arguments)
    with report_file(options.pop('report', None)) as write_report:
        refuse_file_of_build('changes_file', arguments)
        parsed = BuildOptions.parse(**options)
        scan = None
        if parsed.package_list.form == FOLDER:
            scan, progress = _scan_of(parsed, progress), _second_part(progress)
        with builder.confirmed_build(parsed, executor, progress, scan) as outcome:
            # If this fails, the build is not confirmed, and its changes will be repeated.
            write_report(outcome, hints(
                options.get('packages_url'), options.get('site_url'), parsed.output_dir,
            ))
            yield outcome


def _scan_of(options: BuildOptions, progress: Callable[[float], None]) -> ScanFolder:
    """Return a function that scans the folder, given the path of the previous list."""
    folder = options.package_list.path
    describing = _SCANNING * (1 - _READING)

    def scan(previous: str | None) -> Scanned:
        from dumb_pypi import scanner
        result, files, _ = scanner.scan_folders(
            [folder], previous=previous, write_metadata=options.write_metadata, jobs=options.jobs,
            progress=lambda done, total: progress(_SCANNING * _READING * done / total),
        )
        problems = result.problems
        # The index lacks nothing if other files are in the folder.
        found = [*problems, *(notice._replace(skipped=False) for notice in result.notices)]
        if not result.lines and not options.allow_shrink:
            usable = 'usable ' if problems else ''
            raise ListError(
                f'there are no {usable}wheels, sdists or eggs in {shown_path(folder)}. Nothing was '
                'written (pass --allow-shrink to build an empty index)',
                found,
            )

        def describe(known: bytes) -> Described:
            from dumb_pypi.scanner import projects
            return Described(*projects.describe_projects(
                result.lines, files, projects.known_lines(known, ''),
                jobs=options.jobs or usable_cpus(), progress=lambda done, total: progress(
                    _SCANNING - describing * (1 - done / total),
                ),
            ))

        return Scanned(b''.join(line + b'\n' for line in result.lines), found, describe)
    return scan


def _second_part(progress: Callable[[float], None]) -> Callable[[float], None]:
    return lambda part: progress(_SCANNING + (1 - _SCANNING) * part)
