"""Folders of distribution files → their package list."""
from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Sequence
from typing import NamedTuple
from typing import TYPE_CHECKING

from dumb_pypi import beside
from dumb_pypi.errors import FieldError
from dumb_pypi.errors import FileError
from dumb_pypi.errors import LineError
from dumb_pypi.errors import Notice
from dumb_pypi.errors import OptionError
from dumb_pypi.errors import Remark
from dumb_pypi.errors import shown
from dumb_pypi.errors import shown_path
from dumb_pypi.folder import Found
from dumb_pypi.folder import walk
from dumb_pypi.jsonlines import decode
from dumb_pypi.line import decoder
from dumb_pypi.line import encode
from dumb_pypi.line import Line
from dumb_pypi.machine import processors
from dumb_pypi.text import clean_text

if TYPE_CHECKING:
    from dumb_pypi.reading import Progress
    from dumb_pypi.reading import Read

# More would gain nothing; far more cannot be started.
MOST_JOBS = 256

_BYTE_ORDER_MARK = b'\xef\xbb\xbf'
_SHA256 = re.compile('sha256=[0-9a-f]{64}')


class Scan(NamedTuple):
    """What a scan found.

    `lines` are the lines of a JSON package list, without line breaks, in the order of the files'
    names. `problems` are the files that are left out, and why, and the `.metadata` files that
    cannot be written; `notices` what else there is to say, first of the previous list. Both are in
    the order of their paths.
    """
    lines: list[bytes]
    problems: list[Remark]
    notices: list[Notice | Remark]


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
    notices: list[Notice | Remark] = []
    before = {} if previous is None else _read_lines(previous, notices)
    found, problems, passed_over = walk(folders)
    files: dict[str, list[Found]] = defaultdict(list)
    for file in found:
        files[file.filename].append(file)
    lines: dict[str, bytes] = {}
    unread: list[Found] = []
    for filename, copies in files.items():
        [file, *others] = copies if len(copies) == 1 else _no_links(copies)
        line = before.get(filename)
        if line is None or others or not _still_holds(line, file, write_metadata):
            unread.extend([file, *others])
        else:
            line.url = file.url
            line.uploaded_by = line.uploaded_by or uploaded_by
            lines[filename] = encode(line)
    if unread:
        # What reading takes need not be there to find out that there is nothing to read.
        from dumb_pypi import reading
        tasks = reading.tasks(unread, before, problems, passed_over)
        reader = reading.Reader(
            write_metadata=write_metadata, uploaded_by=uploaded_by,
            jobs=jobs or processors(), progress=progress,
        )
        outcome = reader.read(tasks)
        problems.extend(outcome.problems)
        passed_over.extend(outcome.notices)
        lines.update(_one_of_each(outcome.read, problems))
    return Scan(
        [line for _, line in sorted(lines.items())], sorted(problems),
        [*notices, *sorted(passed_over)],
    )


def _clean_uploader(text: str | None) -> str | None:
    try:
        return clean_text('--uploaded-by', text)
    except FieldError as error:
        raise OptionError('--uploaded-by', f'{shown(text)} {error.why}') from None


def _read_lines(path: str, notices: list[Notice | Remark]) -> dict[str, Line]:
    """The lines of a JSON list by their file names; what cannot be read is only told of."""
    place = shown_path(path)
    try:
        with open(path, 'rb') as file:
            content = file.read()
    except (OSError, ValueError) as error:
        raise FileError('read', place, error) from error
    lines = {}
    for number, text in enumerate(content.removeprefix(_BYTE_ORDER_MARK).split(b'\n'), 1):
        try:
            if text and not text.isspace():
                line = decode(text, decoder)
                lines[line.filename] = line
        except LineError as error:
            notices.append(Notice(place, number, error.reason, left_out=True))
        except UnicodeDecodeError:
            notices.append(Notice(place, number, 'is not UTF-8', left_out=True))
    return lines


def _no_links(files: Iterable[Found]) -> Iterable[Found]:
    """The same, but of links to one file only the first."""
    found: dict[tuple[int, int], Found] = {}
    for file in files:
        found.setdefault((file.device, file.inode), file)
    return found.values()


def _still_holds(line: Line, file: Found, write_metadata: bool) -> bool:
    """Whether all that a line says of a file is sure without opening it."""
    if (
            line.size != file.size
            or line.upload_timestamp is None or line.upload_timestamp != file.upload_timestamp
            or line.hash is None or not _SHA256.fullmatch(line.hash)
    ):
        return False
    if not file.filename.lower().endswith('.whl'):
        return line.core_metadata is None
    there = beside.core_metadata(file.path) if file.has_metadata else None
    return (
        line.core_metadata == there and not (write_metadata and there is None)
        # That is in every line of a wheel that was once opened.
        and line.requires_dist is not None
    )


def _one_of_each(read: Iterable[Read], problems: list[Remark]) -> dict[str, bytes]:
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
                problems.append(Remark(
                    file.found.path,
                    f'has the name, but not the content, of {shown_path(other.found.path)}',
                ))
    return lines

