"""What a source on another server is given, and what it finds.

A source is a bucket, the releases of a GitHub repository, or some projects of another simple index.
Each kind has a module, whose class has the methods of `Source`.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol, TYPE_CHECKING

from dumb_pypi.errors import FieldError, Notice, shown
from dumb_pypi.model import filenames
from dumb_pypi.model.fields import is_sha256

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from dumb_pypi.model.fields import Line
    from dumb_pypi.model.project_facts import FactsLine
    from dumb_pypi.scanner.projects import KnownLine
    from dumb_pypi.scanner.requirements import AllowList
    from dumb_pypi.scanner.web import HttpClient

GITHUB = 'github:'  # what the source of a repository begins with


class Found(NamedTuple):
    """What a source has.

    `lines` are encoded lines of a package list, by file name, and `claimed` all projects of which
    the source has files, even if none of them is listed. `missing` are the projects that a source
    was asked for and does not know. `facts` are lines of a project list. The problems and notices
    are those of `Scan`.
    """
    lines: dict[str, bytes]
    claimed: set[NormalizedName]
    problems: list[Notice]
    notices: list[Notice]
    facts: Sequence[FactsLine] = ()
    missing: Sequence[NormalizedName] = ()


class Source(Protocol):
    """A place that has distribution files.

    `name` is what `--prefer` and messages call it: what the user typed, without credentials.
    """
    name: str

    def scan(self, known: Mapping[str, Line], taken: AbstractSet[NormalizedName]) -> Found:
        """List the files, given the lines of the previous list by file name.

        Skip the projects that are `taken`: preferred sources have them.

        Raises:
            DumbPypiError: the source as a whole cannot be read.
        """


class Settings(NamedTuple):
    """What all sources need to know, named like the arguments of `scan`.

    `known_projects` are the lines of the project list of an earlier scan, None if no such list is
    asked for.
    """
    allowed: AllowList
    api_url: str | None = None
    cache: str | None = None
    compute_hashes: bool = False
    uploaded_by: str | None = None
    jobs: int | None = None
    write_metadata: bool = False
    names_only: bool = False
    known_projects: Mapping[str, KnownLine] | None = None


def projects_of(filenames_: Iterable[str]) -> set[NormalizedName]:
    """Return the projects that file names state, as far as they do."""
    found = set()
    for filename in filenames_:
        try:
            found.add(filenames.parse(filename).project)
        except FieldError:
            continue
    return found


def add_hashes(
        lines: Sequence[Line], known: Mapping[str, Line], client: HttpClient, name: str,
        settings: Settings,
) -> list[Notice]:
    """Add the missing hashes of lines: from the previous list, or by downloading their files.

    Return a notice if there are files without a hash.

    Raises:
        FetchError: a file cannot be downloaded.
    """
    missing = []
    for line in lines:
        before = known.get(line.filename)
        if line.hash is None and before is not None and _is_same_file(line, before):
            line.hash = before.hash if is_sha256(before.hash or '') else None
        if line.hash is None:
            missing.append(line)
    if not missing:
        return []
    if not settings.compute_hashes:
        return [Notice(name, None, (
            f'states no hash of {shown(missing[0].filename)}'
            f'{_and_others(len(missing) - 1)}: --compute-hashes downloads such files once'
        ), skipped=False)]

    def compute(line: Line) -> None:
        line.hash = client.hash_file(line.url or '', line.size)

    client.map(compute, missing, settings.jobs)
    return []


def _is_same_file(line: Line, before: Line) -> bool:
    return (line.url, line.size, line.upload_timestamp) == (
        before.url, before.size, before.upload_timestamp,
    )


def _and_others(number: int) -> str:
    return f' and {number:,} other file{"s" if number > 1 else ""}' if number else ''
