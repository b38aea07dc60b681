"""Folders of distribution files → the lines of a package list.

`scan` shows how a scan goes. `folder` finds the files, `previous` decides which lines of the
previous list are still true, and `reader` reads the other files: their `archives` and `metadata`.
`projects` finds the latest release of each project, and `descriptions` what its metadata says.
"""
from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple, TYPE_CHECKING

from dumb_pypi.errors import FieldError, Notice, OptionError, shown
from dumb_pypi.model.fields import encode
from dumb_pypi.model.free_text import clean_text
from dumb_pypi.process import usable_cpus
from dumb_pypi.scanner.folder import split_copies, walk
from dumb_pypi.scanner.previous import PreviousList, read_list, still_holds

if TYPE_CHECKING:
    from dumb_pypi.scanner.folder import FoundFile
    from dumb_pypi.scanner.reader import Progress

    Path = str | os.PathLike[str]

# More threads gain nothing, and far more cannot be started.
MAX_JOBS = 256


class Scan(NamedTuple):
    """The result of a scan.

    `lines` are the lines of a JSON package list, without line breaks, sorted by file name.
    `problems` are the files that are not listed, and the `.metadata` files that cannot be
    written; `notices` are all other messages, those about the previous list first. Both are
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
        folders: Path | Sequence[Path], *, previous: Path | None = None,
        projects: bool = False, previous_projects: Path | None = None,
        write_metadata: bool = False, uploaded_by: str | None = None, jobs: int | None = None,
        progress: Progress | None = None,
) -> Scan:
    """List the wheels, sdists and eggs in folders and below, as `dumb-pypi scan` does.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     scan(folder)
    Scan(lines=[], problems=[], notices=[], projects=())

    Args:
        folders: one folder, or several.
        previous: the path of the list of the previous scan, or of the `packages.json` of the
            previous build: a file whose name, size and modification time are the same is not read
            again.
        projects: list what the metadata of the latest release of each project says, too.
        previous_projects: the path of the project list of an earlier scan, if it exists: a line
            that comes from the same file is taken over.
        write_metadata: write the metadata of each wheel to a `.metadata` file next to it, so that
            clients need not download the wheel to resolve dependencies.
        uploaded_by: who uploaded the files, except for those whose uploader is in the previous
            list.
        jobs: the number of files to read at once, from 1 to 256; by default as many as there are
            CPUs.
        progress: called with the number of bytes read so far and the total, by one thread at a
            time. A tar archive is read twice, so its bytes count twice; a broken file counts as if
            read to its end. With `projects` the total grows once, when the latest releases are
            known.

    Returns:
        The lines of a JSON package list and, with `projects`, of a project list, and notices about
        files that are not in it.

    Raises:
        OptionError: an option makes no sense.
        FileError: a folder or the previous list cannot be read, or `previous_projects` has a line
            that no scan has written.
    """
    known = {}
    if previous_projects is not None:
        from dumb_pypi.scanner.projects import read_known
        known = read_known(os.fspath(previous_projects))
    result, files, size = scan_folders(
        folders, previous=previous, write_metadata=write_metadata, uploaded_by=uploaded_by,
        jobs=jobs, progress=progress,
    )
    if not projects:
        return result
    from dumb_pypi.scanner.projects import describe_projects
    described = describe_projects(
        result.lines, files, known, jobs=jobs or usable_cpus(), progress=progress,
        already_read=size,
    )
    return result._replace(
        projects=described.lines, notices=[*result.notices, *described.notices],
    )


def scan_folders(
        folders: Path | Sequence[Path], *, previous: Path | None = None,
        write_metadata: bool = False, uploaded_by: str | None = None, jobs: int | None = None,
        progress: Progress | None = None,
) -> FolderScan:
    """Scan folders as `scan` does, without their projects.

    Raises:
        OptionError, FileError: those of `scan`.
    """
    if isinstance(folders, str | os.PathLike):
        folders = [folders]
    _check_options(folders, jobs)
    uploaded_by = _clean_uploader(uploaded_by)
    known = PreviousList({}, []) if previous is None else read_list(os.fspath(previous))
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


def _check_options(folders: Sequence[Path], jobs: int | None) -> None:
    if jobs is not None and not 1 <= jobs <= MAX_JOBS:
        raise OptionError('--jobs', f'{jobs} is not a number of threads from 1 to {MAX_JOBS}')
    if '' in folders:
        raise OptionError('DIR', 'is empty; the folder that you are in is .')


def _clean_uploader(uploader: str | None) -> str | None:
    try:
        return clean_text('--uploaded-by', uploader)
    except FieldError as error:
        raise OptionError('--uploaded-by', f'{shown(uploader)} {error.why}') from None
