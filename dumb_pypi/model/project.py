"""Projects: the releases that their files make up, in order, and the latest one."""
from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import cast, NamedTuple, TYPE_CHECKING

import msgspec
from packaging.version import InvalidVersion, Version

from dumb_pypi.model.distfile import Distfile
from dumb_pypi.model.fields import Line
from dumb_pypi.model.filenames import is_name
from dumb_pypi.model.project_facts import ProjectFacts, QUARANTINED

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

_DIGITS = re.compile('([0-9]+)')
# Versions of numbers without leading zeros, which are normal forms.
_is_numeric = re.compile(r'(?:0|[1-9][0-9]*+)(?:\.(?:0|[1-9][0-9]*+))*+').fullmatch
# What a marker says of an extra, such as `extra == "redis"`.
EXTRA = re.compile(
    r"""\bextra\s*==\s*(?:"([^"]*)"|'([^']*)')|(?:"([^"]*)"|'([^']*)')\s*==\s*extra\b""",
)
# Text and numbers in turn, text first, so that 9 sorts before 10.
NaturalKey = tuple[str | int, ...]
ReleaseOrder = tuple[bool, Version | NaturalKey, str]


class Release(msgspec.Struct, frozen=True):
    """The files of one version, wheels first; `version` is None if it does not follow PEP 440.

    `yanked` says that all files are yanked that clients install. `best_informed` is the line of the
    file that states the most facts about the release, the first of several. `uploaded` is when the
    first file was uploaded, in seconds since 1970.
    """
    name: str
    version: Version | None
    files: tuple[Distfile, ...]
    yanked: bool
    prerelease: bool
    best_informed: Line
    uploaded: float | None

    @property
    def uploaded_by(self) -> str | None:
        """The first uploader that a file states."""
        # Most lists state one for each file.
        return self.files[0].line.uploaded_by or next(
            filter(None, (file.line.uploaded_by for file in self.files)), None,
        )

    @property
    def yanked_reason(self) -> str | None:
        """The first reason that a file states; '' if none does, None if a file is not yanked."""
        if not self.yanked:
            return None
        return next(filter(None, (file.line.yanked_reason for file in self.files)), '')


class Project(msgspec.Struct, frozen=True):
    """A project: its releases from the lowest to the highest, and the files without a version.

    `files` are all files: those without a version, then those of the releases in order. `latest` is
    the highest release that is neither yanked nor a pre-release; failing that, not yanked; failing
    that, the highest. Times are in seconds since 1970.
    """
    name: NormalizedName
    facts: ProjectFacts
    releases: tuple[Release, ...]
    unversioned: tuple[Distfile, ...]
    files: tuple[Distfile, ...]
    latest: Release | None
    first_uploaded: float | None
    last_uploaded: float | None

    @property
    def offered(self) -> tuple[Distfile, ...]:
        """The files that clients may download: none if the project is quarantined."""
        return () if self.quarantined else self.files

    @property
    def quarantined(self) -> bool:
        return self.facts.status == QUARANTINED

    def extras(self, release: Release | None) -> list[str] | None:
        """Return the extras of a release, None if none are known.

        They are those in the markers of its requirements, unless the facts, which are about the
        latest release, state others.
        """
        stated = self.facts.provides_extra if release is self.latest else None
        requirements = None if release is None else release.best_informed.requires_dist
        return stated or extras_in(requirements or ()) or None

    @property
    def summary(self) -> str | None:
        latest = self.latest
        return self.facts.summary or (latest.best_informed.summary if latest else None)


def assemble(
        name: NormalizedName, files: Iterable[Distfile], facts: ProjectFacts | None = None,
) -> Project:
    """Sort the files of a project, which come in any order, into releases.

    The facts may say of files that they are yanked, or that they are not.
    """
    if facts is not None and facts.has_yanks:
        files = [with_yanked_reason(file, facts) for file in files]
    groups: dict[Version | str, list[Distfile]] = defaultdict(list)
    unversioned: list[Distfile] = []
    for file in files:
        if file.version is None:
            unversioned.append(file)
        else:
            groups[_parsed(file.version).key].append(file)
    # No two of these are equal. To compare versions alone takes a third of the time.
    versions = sorted([key for key in groups if not isinstance(key, str)])
    others = [_release(groups[key]) for key in groups if isinstance(key, str)]
    releases = [
        *sorted(others, key=lambda release: _order(None, release.name)),
        *[_release(groups[key]) for key in versions],
    ]
    ordered = (*_in_order(unversioned), *chain(*[release.files for release in releases]))
    timestamps = _timestamps(ordered)
    return Project(
        name, facts or ProjectFacts(name), tuple(releases), ordered[:len(unversioned)], ordered,
        _latest(releases), min(timestamps, default=None), max(timestamps, default=None),
    )


def with_yanked_reason(file: Distfile, facts: ProjectFacts) -> Distfile:
    """Return a file with what the facts about its project say about its yanking."""
    reason = facts.yanked_reason(file.filename, file.version)
    if reason is None:
        return file
    return msgspec.structs.replace(file, line=msgspec.structs.replace(
        file.line, yanked_reason=None if isinstance(reason, bool) else reason,
    ))


def extras_in(requirements: Iterable[str]) -> list[str]:
    """Return the extras in the markers of requirements, each once, in their order.

    >>> extras_in(['a', 'b; extra == "x"', "c[z]; python_version > '3' and 'y' == extra"])
    ['x', 'y']
    """
    extras: dict[str, None] = {}
    for requirement in requirements:
        if 'extra' in requirement:
            for extra in extras_in_marker(requirement.partition(';')[2]):
                extras[extra] = None
    return list(extras)


# The releases of a project, and projects of one kind, have the same markers again and again.
@functools.lru_cache(maxsize=1024)
def extras_in_marker(marker: str) -> tuple[str, ...]:
    """Return the extras in a marker, in their order."""
    return tuple(filter(is_name, (''.join(groups) for groups in EXTRA.findall(marker))))


def _latest(releases: Sequence[Release]) -> Release | None:
    descending = releases[::-1]
    kept = [release for release in descending if not release.yanked]
    final = (release for release in kept if not release.prerelease)
    return next(chain(final, kept, descending), None)


def _release(files: list[Distfile]) -> Release:
    ordered = _in_order(files)
    first = ordered[0]
    # Equal versions can be spelled differently: the first file names the release.
    version = _parsed(cast(str, first.version))
    if len(ordered) == 1:
        best, yanked, uploaded = first, first.yanked, first.line.upload_timestamp
    else:
        best = max(ordered, key=_facts_known)
        # A file that describes the wheels is nothing to install.
        yanked = any(file.yanked for file in ordered) and all(
            file.yanked or file.is_variants for file in ordered
        )
        uploaded = min(_timestamps(ordered), default=None)
    return Release(
        version.name, None if isinstance(version.key, str) else version.key, ordered, yanked,
        version.prerelease, best.line, uploaded,
    )


def _facts_known(file: Distfile) -> int:
    """Return how many facts about the release, rather than about this file, the list states."""
    line = file.line
    return (
        (line.requires_python is not None) + (line.requires_dist is not None)
        + (line.summary is not None)
    )


def _in_order(files: list[Distfile]) -> tuple[Distfile, ...]:
    if len(files) == 2 and files[0].is_wheel != files[1].is_wheel:
        # The key would say the same, but takes longer, and most releases are such a pair.
        return tuple(files if files[0].is_wheel else files[::-1])
    return tuple(files if len(files) < 2 else sorted(files, key=_file_key))


class _ParsedVersion(NamedTuple):
    """A version: a key that is equal for the files of one release, and the name of the release.

    The key is a text, and `prerelease` false, if the version does not follow PEP 440.
    """
    key: Version | str
    name: str
    prerelease: bool


@functools.lru_cache(maxsize=4096)
def _parsed(text: str) -> _ParsedVersion:
    # Eggs and wheels have an underscore where the sdist has a dash: `1.0_1` is `1.0-1`.
    spelled = text.replace('_', '-')
    try:
        version = Version(spelled)
    except InvalidVersion:
        return _ParsedVersion(spelled, text, False)
    return _ParsedVersion(version, str(version), version.is_prerelease)


def release_order(name: str) -> ReleaseOrder:
    """Return a key that sorts the names of releases, versions that are not PEP 440 first.

    >>> sorted(['1.10', '1.9', '2013-11-14'], key=release_order)
    ['2013-11-14', '1.9', '1.10']
    """
    key = _parsed(name).key
    return _order(None if isinstance(key, str) else key, name)


def _order(version: Version | None, name: str) -> ReleaseOrder:
    return (version is not None, _natural(name) if version is None else version, name)


def _file_key(file: Distfile) -> tuple[bool, NaturalKey, str]:
    filename = file.filename
    return (not file.is_wheel, _natural(filename), filename)


def normal_form(version: str) -> str:
    """Return the PEP 440 normal form of a version, or the version if it has none.

    >>> normal_form('1.0-1'), normal_form('2013-11-14')
    ('1.0.post1', '2013-11-14')
    """
    return version if _is_numeric(version) else _parsed(version).name


def _natural(text: str) -> NaturalKey:
    """Return a key that sorts numbers in a text by their value.

    >>> _natural('cp39') < _natural('cp310')
    True
    """
    return tuple(
        int(part) if index % 2 else part for index, part in enumerate(_DIGITS.split(text))
    )


def _timestamps(files: Iterable[Distfile]) -> list[float]:
    return [
        timestamp for file in files if (timestamp := file.line.upload_timestamp) is not None
    ]
