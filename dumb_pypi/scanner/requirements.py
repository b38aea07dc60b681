"""Requirements: which projects, versions and files of another index a list may contain."""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from dumb_pypi.errors import FileError, LineError, OptionError, shown
from dumb_pypi.model.fields import clean_hash
from dumb_pypi.model.filenames import normalized_name

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

# As in requirements files of pip: a comment begins a line or follows a space.
_COMMENT = re.compile(r'(?:^|\s+)#.*')
_HASH = re.compile(r'\s--hash(?:=|\s+)(\S+)')
# Lines of options that say where and how pip gets files, but not which versions are wanted.
# pip-compile and uv write them if an index is configured.
_IGNORED_OPTION = re.compile(
    r'(?:-[if]\s*|--(?:index-url|extra-index-url|find-links|trusted-host|no-binary|only-binary)'
    r'(?:=|\s+))\S+$|--(?:pre|no-index|prefer-binary|require-hashes)$',
)


class Permit(NamedTuple):
    """What one requirement permits: versions and, if there are any, hashes `<algorithm>=<hex>`."""
    specifier: SpecifierSet
    hashes: frozenset[str] = frozenset()


# What is permitted of each project: the files that at least one of its permits allows.
AllowList = Mapping['NormalizedName', Sequence[Permit]]


def read_allow_list(requirements: Iterable[str], path: str | None) -> AllowList:
    """Parse requirements, and those in a file.

    Raises:
        OptionError: one is not a requirement.
        FileError: the file cannot be read, has a line that is not a requirement, or has none.
    """
    found: dict[NormalizedName, list[Permit]] = {}
    for text in requirements:
        try:
            project, permit = parse(text)
        except LineError as error:
            raise OptionError('--project', error.reason) from None
        found.setdefault(project, []).append(permit)
    if path is not None:
        for project, permit in _read(path):
            found.setdefault(project, []).append(permit)
        if not found:
            reason = ValueError('it has no requirements: write one per line, such as foo or foo<2')
            raise FileError('read', path, reason)
    return found


def parse(text: str) -> tuple[NormalizedName, Permit]:
    """Parse a requirement, perhaps with `--hash=…` after it.

    Extras and markers are ignored: they depend on who installs what, and a list is for everybody.

    >>> parse('Foo[bar] < 2 ; python_version > "3.8"')
    ('foo', Permit(specifier=<SpecifierSet('<2')>, hashes=frozenset()))

    Raises:
        LineError: it is something else.
    """
    plain = _HASH.sub('', text)
    if plain.lstrip().startswith('-') or ' --' in plain:
        raise LineError(
            f'{shown(text)} is an option of pip: give requirements only, such as foo or foo<2',
        )
    try:
        requirement = Requirement(plain)
    except InvalidRequirement:
        raise LineError(
            f'{shown(text)} is not a requirement such as foo or foo<2',
        ) from None
    if requirement.url is not None:
        raise LineError(f'{shown(text)} has a URL: give only the name and the versions')
    project = normalized_name('name', requirement.name)
    hashes = (clean_hash('hash', digest.replace(':', '=', 1)) for digest in _HASH.findall(text))
    return project, Permit(requirement.specifier, frozenset(hashes))


def _read(path: str) -> Iterator[tuple[NormalizedName, Permit]]:
    try:
        with open(path, encoding='utf-8-sig') as file:
            content = file.read()
    except (OSError, ValueError) as error:
        raise FileError('read', path, error) from error
    for number, text in _joined_lines(content):
        if _IGNORED_OPTION.match(text):
            continue
        try:
            yield parse(text)
        except LineError as error:
            reason = ValueError(f'line {number}: {error.reason}')
            raise FileError('read', path, reason) from None


def _joined_lines(content: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, each with its number; a backslash continues a line."""
    parts: list[str] = []
    lines = content.split('\n')
    for number, line in enumerate(lines, 1):
        # A comment ends a line, even if its last character is a backslash.
        stripped = _COMMENT.sub('', line)
        is_continued = stripped == line and line.endswith('\\')
        parts.append(stripped[:-1] if is_continued else stripped)
        if not is_continued or number == len(lines):
            text = ' '.join(parts).strip()
            parts.clear()
            if text:
                yield number, text


class Candidate(NamedTuple):
    """A file that an index offers: its version, as its name spells it, and its hashes."""
    version: str | None
    hashes: frozenset[str]


def select(permits: Sequence[Permit], files: Sequence[Candidate]) -> list[bool]:
    """Return for each file of a project whether it is permitted.

    As in pip, a specifier permits pre-releases only if it mentions one, or if there is nothing
    else. Without a specifier every version is permitted, even one that is not PEP 440.
    """
    versions = [_version(file.version) for file in files]
    distinct = {version for version in versions if version is not None}
    permitted = [
        None if not permit.specifier else set(permit.specifier.filter(distinct))
        for permit in permits
    ]
    return [
        any(
            (matching is None or version in matching)
            and (not permit.hashes or not permit.hashes.isdisjoint(file.hashes))
            for permit, matching in zip(permits, permitted, strict=True)
        )
        for file, version in zip(files, versions, strict=True)
    ]


def _version(text: str | None) -> Version | None:
    try:
        # Eggs and old wheels have an underscore where their sdist has a dash.
        return None if text is None else Version(text.replace('_', '-'))
    except InvalidVersion:
        return None
