"""Folders of distribution files → their package list."""
from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TYPE_CHECKING

from dumb_pypi.errors import FieldError, Notice, OptionError, shown, shown_path
from dumb_pypi.model.fields import encode
from dumb_pypi.process import usable_cpus
from dumb_pypi.scanner.folder import Found, walk
from dumb_pypi.scanner.previous import read_lines, still_holds

if TYPE_CHECKING:
    from dumb_pypi.scanner.reading import Progress, Read

# More would gain nothing; far more cannot be started.
MOST_JOBS = 256


class Scan(NamedTuple):
    """What a scan found.

    `lines` are the lines of a JSON package list, without line breaks, in the order of the files'
    names. `problems` are the files that are left out, and why, and the `.metadata` files that
    cannot be written; `notices` what else there is to say, first of the previous list. Both are in
    the order of their paths.
    """
    lines: list[bytes]
    problems: list[Notice]
    notices: list[Notice]


def scan(
        folders: Sequence[str], *, previous: str | None = None, write_metadata: bool = False,
        uploaded_by: str | None = None, jobs: int | None = None,
        progress: Progress | None = None,
) -> Scan:
    """List the distribution files below some folders: what the command `dumb-pypi-scan` does.

    The arguments are the command's options. `progress` is called with the number of bytes read
    until now and of those to read, by one thread at a time. What is read twice, which a tar archive
    is, counts twice; a broken file counts as read to its end.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     scan([folder])
    Scan(lines=[], problems=[], notices=[])

    Raises:
        OptionError: an option makes no sense.
        FileError: a folder or the previous list cannot be read.
    """
    if jobs is not None and not 1 <= jobs <= MOST_JOBS:
        raise OptionError('--jobs', f'{jobs} is not a number of threads from 1 to {MOST_JOBS}')
    if '' in folders:
        raise OptionError('DIR', 'is empty; the folder that you are in is .')
    uploaded_by = _clean_uploader(uploaded_by)
    notices: list[Notice] = []
    before = {} if previous is None else read_lines(previous, notices)
    found, problems, passed_over = walk(folders)
    files, unread = _by_name(found)
    lines: dict[str, bytes] = {}
    for filename, file in files.items():
        line = before.get(filename)
        if line is None or not still_holds(line, file, write_metadata):
            unread.append(file)
        else:
            line.url = file.url
            line.uploaded_by = line.uploaded_by or uploaded_by
            lines[filename] = encode(line)
    if unread:
        # What reading takes need not be there to find out that there is nothing to read.
        from dumb_pypi.scanner import reading
        tasks = reading.tasks(unread, before, problems, passed_over)
        reader = reading.Reader(
            write_metadata=write_metadata, uploaded_by=uploaded_by,
            jobs=jobs or usable_cpus(), progress=progress,
        )
        outcome = reader.read(tasks)
        problems.extend(outcome.problems)
        passed_over.extend(outcome.notices)
        lines.update(_one_of_each(outcome.read, problems))
    return Scan(
        [lines[filename] for filename in sorted(lines)], sorted(problems),
        [*notices, *sorted(passed_over)],
    )


def _clean_uploader(text: str | None) -> str | None:
    if not text:
        return None
    from dumb_pypi.model.free_text import clean_text
    try:
        return clean_text('--uploaded-by', text)
    except FieldError as error:
        raise OptionError('--uploaded-by', f'{shown(text)} {error.why}') from None


def _by_name(found: Iterable[Found]) -> tuple[dict[str, Found], list[Found]]:
    """The files by their names, and those that share theirs with another one."""
    files: dict[str, Found] = {}
    copies: dict[str, list[Found]] = {}
    for file in found:
        first = files.setdefault(file.filename, file)
        if first is not file:
            copies.setdefault(file.filename, [first]).append(file)
    different: list[Found] = []
    for filename, same in copies.items():
        [file, *others] = _no_links(same)
        if others:
            del files[filename]
            different.extend([file, *others])
        else:
            files[filename] = file
    return files, different


def _no_links(files: Iterable[Found]) -> Iterable[Found]:
    """The same, but of the names of one file only the first that is no link, if there is one."""
    found: dict[tuple[int, int], Found] = {}
    for file in sorted(files, key=lambda file: os.path.islink(file.path)):
        found.setdefault((file.device, file.inode), file)
    return found.values()


def _one_of_each(read: Iterable[Read], problems: list[Notice]) -> dict[str, bytes]:
    """The lines of files by their names; of copies the first one's."""
    lines = {}
    copies: dict[str, list[Read]] = defaultdict(list)
    for file in sorted(read):
        copies[file.found.filename].append(file)
    for filename, files in copies.items():
        lines[filename] = files[0].line
        for file in files:
            other = next((copy for copy in files if copy.hash != file.hash), None)
            if other is not None:
                lines.pop(filename, None)
                problems.append(Notice(
                    file.found.path, None,
                    f'has the name, but not the content, of {shown_path(other.found.path)}',
                ))
    return lines

