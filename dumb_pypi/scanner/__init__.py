"""Distribution files in folders and elsewhere → the lines of a package list.

`scan` shows how a scan goes. `folder` finds the files, `previous` decides which lines of the
previous list are still true, and `reader` reads the other files: their `archives` and `metadata`.
`projects` finds the latest release of each project, and `descriptions` what its metadata says.

`sources` combines the results of several sources, and `source` says what those on servers are.
`bucket` reads parts of the `objects` in a bucket, which `remote_files` shows as files. `github` and
`simple_index` ask other servers with the help of `web`, whose `responses` may be cached;
`simple_pages` parses pages of an index, and `requirements` says which of its files are permitted.
"""
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TYPE_CHECKING

from dumb_pypi.errors import FieldError, Notice, OptionError, shown
from dumb_pypi.model.arguments import check_texts, check_types, path_of, paths_of
from dumb_pypi.model.fields import encode
from dumb_pypi.model.free_text import clean_text
from dumb_pypi.process import usable_cpus
from dumb_pypi.scanner.folder import split_copies, walk
from dumb_pypi.scanner.previous import PreviousList, read_list, still_holds

if TYPE_CHECKING:
    from dumb_pypi.model.project_facts import FactsLine
    from dumb_pypi.scanner.folder import FoundFile
    from dumb_pypi.scanner.projects import KnownLine
    from dumb_pypi.scanner.reader import Progress
    from dumb_pypi.scanner.sources import Elsewhere

    Path = str | os.PathLike[str]

# The beginnings of URLs of buckets.
BUCKETS = ('s3://', 'gs://', 'az://')
# More threads gain nothing, and far more cannot be started.
MAX_JOBS = 256


class Scan(NamedTuple):
    """The result of a scan.

    `lines` are the lines of a JSON package list, without line breaks, sorted by file name.
    `problems` are the files and projects that are not listed, and the `.metadata` files that cannot
    be written; `notices` are all other messages, those about the previous list first. Both are
    sorted by path. `projects` are the lines of a project list, sorted by project, if they were
    asked for.
    """
    lines: list[bytes]
    problems: list[Notice]
    notices: list[Notice]
    projects: Sequence[bytes] = ()


class FolderScan(NamedTuple):
    """A scan without projects, the files that it found, and the number of bytes that it read."""
    result: Scan
    files: list[FoundFile]
    size: int


def scan(
        sources: Path | Sequence[Path], *, previous: Path | None = None,
        projects: bool = False, previous_projects: Path | None = None,
        write_metadata: bool = False, uploaded_by: str | None = None, jobs: int | None = None,
        allowed: Sequence[str] = (), allowed_from: Path | None = None, prefer: Sequence[Path] = (),
        api_url: str | None = None, cache: Path | None = None, compute_hashes: bool = False,
        names_only: bool = False, progress: Progress | None = None,
) -> Scan:
    """List the wheels, sdists and eggs of some sources, as `dumb-pypi scan` does.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     scan(folder)
    Scan(lines=[], problems=[], notices=[], projects=())

    Args:
        sources: one source, or several: the path of a folder, which is listed with all folders
            below it; the URL of a bucket, such as `s3://bucket/path`; `github:OWNER/REPO` for the
            releases of a GitHub repository; or the URL of a simple index, such as
            `https://example.com/simple/`.
        previous: the path of the list of the previous scan, or of the `packages.json` of the
            previous build: a file whose name, size and modification time are the same is not read
            again.
        projects: list what the metadata of the latest release of each project says, too, and the
            status of projects of other indexes.
        previous_projects: the path of the project list of an earlier scan, if it exists: a line
            that comes from the same file is taken over.
        write_metadata: write the metadata of each wheel in a folder or bucket to a `.metadata` file
            next to it, so that clients need not download the wheel to resolve dependencies.
        uploaded_by: who uploaded the files, except for those whose uploader is in the previous
            list or known to the source, and for those of another index.
        jobs: the number of files to read at once, from 1 to 256, by default as many as there are
            CPUs; and of requests to send at once, by default 8, or 32 to a bucket.
        allowed: requirements, such as `foo` or `foo<2`: what may be listed of simple indexes.
        allowed_from: the path of a file with more of them, one per line.
        prefer: the sources, the most important first, that win if others have the same project.
        api_url: the URL of the API of another server than github.com; by default that in the
            environment variable `GITHUB_API_URL`.
        cache: the path of a folder, which is made if it is missing, for responses of other servers:
            they are not sent again while they are current.
        compute_hashes: download files whose source states no hash, once, to compute it.
        names_only: read no object in a bucket: list names, sizes and times.
        progress: called with the number of bytes read so far and the total, by one thread at a
            time. A tar archive is read twice, so its bytes count twice; a broken file counts as if
            read to its end. With `projects` the total grows once, when the latest releases are
            known.

    Returns:
        The lines of a JSON package list and, with `projects`, of a project list, and notices about
        files that are not in it.

    Raises:
        OptionError: an option makes no sense, or the URLs of several sources would be relative to
            different places: only one source may be a bucket, and only if none is a folder.
        FileError: a folder, the previous list or the requirements cannot be read, or
            `previous_projects` has a line that no scan has written.
        FetchError: a server does not answer.
        ConflictError: several sources have a project, and none of them is preferred.
    """
    if isinstance(sources, str | os.PathLike):
        sources = [sources]
    names = paths_of('sources', sources)
    prefer = paths_of('prefer', prefer)
    check_texts('allowed', allowed)
    check_types(
        bool, projects=projects, write_metadata=write_metadata, compute_hashes=compute_hashes,
        names_only=names_only,
    )
    check_types(int, jobs=jobs)
    check_types(str, uploaded_by=uploaded_by, api_url=api_url)
    previous_projects = path_of('previous_projects', previous_projects)
    _check_options(names, jobs)
    uploaded_by = _clean_uploader(uploaded_by)
    known_projects: Mapping[str, KnownLine] = {}
    if previous_projects is not None:
        from dumb_pypi.scanner.projects import read_known
        known_projects = read_known(previous_projects)
    folders = [name for name in names if is_folder(name)]
    if write_metadata and not (folders or any(name.startswith(BUCKETS) for name in names)):
        raise OptionError('--write-metadata', 'requires a folder or a bucket among the sources')
    if names_only and (write_metadata or projects):
        other = '--write-metadata' if write_metadata else '--projects'
        raise OptionError('--names-only', f'cannot be used with {other}, which reads files')
    allowed_from, cache = path_of('allowed_from', allowed_from), path_of('cache', cache)
    elsewhere: Elsewhere | None = None
    # The imports would double the time of a scan that has nothing to read.
    if len(folders) < len(names) or any((
            prefer, allowed, allowed_from, api_url, cache, compute_hashes, names_only,
    )):
        from dumb_pypi.scanner.requirements import read_allow_list
        from dumb_pypi.scanner.source import Settings
        from dumb_pypi.scanner.sources import Elsewhere
        elsewhere = Elsewhere(names, prefer, Settings(
            read_allow_list(allowed, allowed_from), api_url, cache, compute_hashes, uploaded_by,
            jobs, write_metadata, names_only, known_projects if projects else None,
        ))
    known = _read_previous(path_of('previous', previous))
    result, files, size = _scan_folders(
        folders, known, write_metadata=write_metadata, uploaded_by=uploaded_by, jobs=jobs,
        progress=progress,
    )
    local: Sequence[bytes] = result.lines
    facts: Sequence[FactsLine] = ()
    if elsewhere is not None:
        result, local, facts = elsewhere.add_to(result, files, known.lines)
    if not projects:
        return result
    from dumb_pypi.scanner.projects import describe_projects
    described = describe_projects(
        local, files, known_projects, jobs=jobs or usable_cpus(), progress=progress,
        already_read=size, facts=facts,
    )
    return result._replace(
        projects=described.lines, notices=[*result.notices, *described.notices],
    )


def scan_folders(
        folders: Sequence[Path], *, previous: Path | None = None,
        write_metadata: bool = False, uploaded_by: str | None = None, jobs: int | None = None,
        progress: Progress | None = None,
) -> FolderScan:
    """Scan folders as `scan` does, without their projects.

    Raises:
        OptionError, FileError: those of `scan`.
    """
    _check_options(folders, jobs)
    return _scan_folders(
        folders, _read_previous(previous), write_metadata=write_metadata,
        uploaded_by=_clean_uploader(uploaded_by), jobs=jobs, progress=progress,
    )


def _scan_folders(
        folders: Sequence[Path], known: PreviousList, *, write_metadata: bool,
        uploaded_by: str | None, jobs: int | None, progress: Progress | None,
) -> FolderScan:
    found, problems, notices = walk([os.fspath(folder) for folder in folders])
    files, to_read = split_copies(found)
    lines: dict[str, bytes] = {}
    size = 0
    for file in files:
        line = known.lines.get(file.filename)
        if line is None or not still_holds(line, file, write_metadata):
            to_read.append(file)
        else:
            line.url = file.url
            line.uploaded_by = line.uploaded_by or uploaded_by
            lines[file.filename] = encode(line)
    if to_read:
        # The reader's imports would double the time of a scan that has nothing to read.
        from dumb_pypi.scanner.reader import read_files
        outcome = read_files(
            to_read, known.lines, write_metadata=write_metadata, uploaded_by=uploaded_by,
            jobs=jobs or usable_cpus(), progress=progress,
        )
        size = outcome.size
        lines.update(outcome.lines)
        problems.extend(outcome.problems)
        notices.extend(outcome.notices)
    return FolderScan(Scan(
        [lines[filename] for filename in sorted(lines)], sorted(problems),
        [*known.notices, *sorted(notices)],
    ), found, size)


def _read_previous(path: Path | None) -> PreviousList:
    return PreviousList({}, []) if path is None else read_list(os.fspath(path))


def is_folder(source: str) -> bool:
    """Return whether a source is a folder, rather than something on another server."""
    # A folder of such a name can be given as ./github:foo.
    return not source.startswith('github:') and '://' not in source


def _check_options(sources: Sequence[Path], jobs: int | None) -> None:
    if jobs is not None and not 1 <= jobs <= MAX_JOBS:
        raise OptionError('--jobs', f'must be between 1 and {MAX_JOBS}, not {jobs}')
    if '' in sources:
        raise OptionError('SOURCE', 'is empty: pass . for the current folder')


def _clean_uploader(uploader: str | None) -> str | None:
    try:
        return clean_text('--uploaded-by', uploader)
    except FieldError as error:
        raise OptionError('--uploaded-by', f'{shown(uploader)} {error.why}') from None
