"""A list's bytes → what stands in it, grouped, and what was odd about its lines."""
from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from typing import cast
from typing import Generic
from typing import NamedTuple
from typing import TypeVar

from packaging.utils import NormalizedName

from dumb_pypi import urls
from dumb_pypi.distfile import Distfile
from dumb_pypi.distfile import from_line
from dumb_pypi.distfile import Line
from dumb_pypi.distfile import parse_json
from dumb_pypi.errors import FileError
from dumb_pypi.errors import LineError
from dumb_pypi.errors import Notice
from dumb_pypi.errors import shown
from dumb_pypi.errors import shown_path
from dumb_pypi.project import parse_facts
from dumb_pypi.project import ProjectFacts

STDIN = '-'
UNDATED = 'undated'

_BYTE_ORDER_MARK = b'\xef\xbb\xbf'

T = TypeVar('T')



class Form(NamedTuple, Generic[T]):
    """How a list is written.

    `name` tells it from the others, `parse` turns a line into its value and the keys of it that
    mean nothing here; lines that begin with `comment` are passed over.
    """
    name: str
    parse: Callable[[bytes], tuple[T, list[str]]]
    comment: bytes | None


class Source(NamedTuple, Generic[T]):
    """A list as it was read; `place` is what messages call it."""
    place: str
    content: bytes
    form: Form[T]

    @property
    def lines(self) -> Iterable[bytes]:
        return io.BytesIO(self.content)


class PackageList(NamedTuple):
    """The files of a list, each name once, and the notices in the order of their lines."""
    files: list[Distfile]
    notices: list[Notice]


class ProjectList(NamedTuple):
    """Facts about projects and their lines, by name; the notices in the order of their lines."""
    facts: dict[NormalizedName, ProjectFacts]
    lines: dict[NormalizedName, int]
    notices: list[Notice]


def source_of(path: str, form: Form[T]) -> Source[T]:
    """Read a list whole; `-` is standard input.

    Raises:
        FileError: it cannot be read.
    """
    place = '<stdin>' if path == STDIN else shown_path(path)
    try:
        with open(0 if path == STDIN else path, 'rb', closefd=path != STDIN) as file:
            return Source(place, file.read(), form)
    except (OSError, ValueError) as error:
        raise FileError('read', place, error) from error


def parse_plain(line: bytes) -> tuple[Distfile, list[str]]:
    """One line of a plain list: a file name, a path below the packages URL, or a URL.

    Raises:
        LineError: it is none of these.
    """
    place, sharp, digest = line.decode().partition('#')
    # `find .` puts ./ before each path.
    url = place if urls.has_scheme(place) else urls.quote_path(place.removeprefix('./'))
    return from_line(Line(
        filename=urls.file_name(url), url=url, hash=digest if sharp else None,
    )), []


def read_files(lines: Iterable[bytes], form: Form[Distfile], place: str) -> PackageList:
    """Read a list of distribution files, `PLAIN` or `JSON`; `place` is its name for notices.

    Where a file name stands twice, the later line counts.
    """
    found: dict[str, tuple[int, Distfile]] = {}
    notices: list[Notice] = []
    for number, file in _parse_lines(lines, form, place, notices):
        earlier, known = found.setdefault(file.filename, (number, file))
        if known != file:
            found[file.filename] = (number, file)
            notices.append(Notice(
                place, number,
                f'filename {shown(file.filename)} is on line {earlier} too, with other facts: '
                f'this line stands',
                left_out=False,
            ))
    return PackageList([file for _, file in found.values()], notices)


def read_facts(lines: Iterable[bytes], place: str) -> ProjectList:
    """Read a list of facts about projects. Where a project stands twice, the later line counts."""
    facts: dict[NormalizedName, ProjectFacts] = {}
    notices: list[Notice] = []
    found: dict[NormalizedName, int] = {}
    for number, fact in _parse_lines(lines, FACTS, place, notices):
        earlier = found.setdefault(fact.project, number)
        if facts.setdefault(fact.project, fact) != fact:
            facts[fact.project] = fact
            found[fact.project] = number
            notices.append(Notice(
                place, number,
                f'project {fact.project} is on line {earlier} too, with other facts: '
                f'this line stands',
                left_out=False,
            ))
    return ProjectList(facts, found, notices)


def by_project(files: Iterable[Distfile]) -> dict[NormalizedName, list[Distfile]]:
    """The files of each project, projects in the order of their names."""
    groups: dict[NormalizedName, list[Distfile]] = defaultdict(list)
    for file in files:
        groups[file.project].append(file)
    return dict(sorted(groups.items()))


def by_month(files: Iterable[Distfile]) -> dict[str, list[Distfile]]:
    """The files uploaded in each month, `2024-01`, newest month first, and last the undated."""
    groups: dict[str, list[Distfile]] = defaultdict(list)
    for file in files:
        uploaded = file.uploaded
        groups[UNDATED if uploaded is None else f'{uploaded:%Y-%m}'].append(file)
    undated = groups.pop(UNDATED, None)
    months = dict(sorted(groups.items(), reverse=True))
    return months if undated is None else {**months, UNDATED: undated}


def _parse_lines(
        lines: Iterable[bytes], form: Form[T], place: str, notices: list[Notice],
) -> Iterator[tuple[int, T]]:
    """Each good line's number and value; `notices` gets what there is to say of the others."""
    told: set[str] = set()
    for number, raw_line in enumerate(lines, 1):
        line = (raw_line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else raw_line).strip()
        if not line or (form.comment and line.startswith(form.comment)):
            continue
        try:
            raw_line.decode()
            value, unknown = form.parse(line)
        except UnicodeDecodeError as error:
            reason = f'byte {error.start + 1} is not UTF-8'
            notices.append(Notice(place, number, reason, left_out=True))
        except LineError as error:
            notices.append(Notice(place, number, error.reason, left_out=True))
            if error.value is not None:
                yield number, cast(T, error.value)
        else:
            for key in unknown:
                if key not in told:
                    told.add(key)
                    reason = f'key {shown(key)} is not known and is ignored, on every line'
                    notices.append(Notice(place, number, reason, left_out=False))
            yield number, value


PLAIN = Form('plain', parse_plain, comment=b'#')
JSON = Form('json', parse_json, comment=None)
FACTS = Form('facts', parse_facts, comment=None)
