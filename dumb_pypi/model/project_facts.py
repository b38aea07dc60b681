"""Facts about projects that are not in the package list: the project list and its lines."""
from __future__ import annotations

import codecs
import functools
import io
import re
from collections.abc import Iterator
from typing import NamedTuple, TYPE_CHECKING

import msgspec

from dumb_pypi.errors import FieldError, LineError, Notice, shown
from dumb_pypi.model import urls
from dumb_pypi.model.fields import (
    decode,
    encode,
    have_same_keys,
    require_utf8,
    unknown_key,
    unknown_keys,
)
from dumb_pypi.model.filenames import is_name, normalized_name
from dumb_pypi.model.free_text import clean_lines, clean_text, one_line

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

ACTIVE = 'active'
QUARANTINED = 'quarantined'
STATUSES = (ACTIVE, 'archived', 'deprecated', QUARANTINED)

# A surrogate escape, half of a character beyond U+FFFF. Without its other half it is malformed.
_SURROGATE = re.compile(rb'\\u[dD][89a-fA-F][0-9a-fA-F]{2}')


class FactsLine(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A line of a project list: its keys and their types.

    `yanked_reason` is about the file `filename` or, without one, about the release `version`; all
    other keys are about the project. `scanned_hash` is for the next scan: the hash of the file that
    a scan read the line from.
    """
    name: str
    version: str | None = None
    filename: str | None = None
    yanked_reason: str | bool | None = None
    status: str | None = None
    status_reason: str | None = None
    summary: str | None = None
    home_page: str | None = None
    description: str | None = None
    description_content_type: str | None = None
    license_expression: str | None = None
    license: str | None = None
    license_files: list[str] | None = None
    author: str | None = None
    author_email: str | None = None
    maintainer: str | None = None
    maintainer_email: str | None = None
    keywords: str | None = None
    classifiers: list[str] | None = None
    project_urls: dict[str, str] | None = None
    provides_extra: list[str] | None = None
    scanned_hash: str | None = None


class StatusLine(msgspec.Struct):
    """The two keys of a line that count even if another one is invalid."""
    name: str
    status: str | None = None


# Why a file is yanked, '' if there is no reason, False if it is not, whatever its line says.
YankedReason = str | bool


class ProjectFacts(msgspec.Struct, frozen=True):
    """The facts about a project; those below `summary` are about its latest release.

    They have the names and types of the public index's JSON API, and are None if they are not
    known: no text, list or object is empty. `status` is one of `STATUSES`. `home_page` and the
    values of `project_urls` are absolute http(s) URLs. `description` and `license` may have
    several lines, all other texts are one line. `yanked_releases` and `yanked_files` say of
    releases, by their `release_key`, and of files, by their names, why they are yanked.
    """
    project: NormalizedName
    status: str = ACTIVE
    status_reason: str | None = None
    summary: str | None = None
    home_page: str | None = None
    description: str | None = None
    description_content_type: str | None = None
    license_expression: str | None = None
    license: str | None = None
    license_files: list[str] | None = None
    author: str | None = None
    author_email: str | None = None
    maintainer: str | None = None
    maintainer_email: str | None = None
    keywords: str | None = None
    classifiers: list[str] | None = None
    project_urls: dict[str, str] | None = None
    provides_extra: list[str] | None = None
    yanked_releases: dict[str, YankedReason] | None = None
    yanked_files: dict[str, YankedReason] | None = None

    @property
    def is_known(self) -> bool:
        """Whether a project list states anything about the project."""
        return self != ProjectFacts(self.project)

    @property
    def has_yanks(self) -> bool:
        return self.yanked_releases is not None or self.yanked_files is not None

    def yanked_reason(self, filename: str, version: str | None) -> YankedReason | None:
        """Return what the facts say of a file, None if its line counts.

        A fact about the file counts more than one about its release.
        """
        reason = (self.yanked_files or {}).get(filename)
        if reason is None and version is not None and self.yanked_releases is not None:
            return self.yanked_releases.get(release_key(version))
        return reason


class Yank(NamedTuple):
    """What a line says of a release or a file: `key` is `version` or `filename`.

    `value` is as the line spells it, and `target` is what files are looked up by.
    """
    key: str
    value: str
    target: str
    reason: YankedReason


class ParsedFacts(NamedTuple):
    """A line of a project list: the facts in it, its unknown keys, and messages about the rest.

    `remarks` are about invalid URLs and extras, which are skipped: the rest of the line is good.
    The facts do not have the `yank`.
    """
    facts: ProjectFacts
    has_status: bool
    unknown_keys: list[str]
    remarks: list[str]
    yank: Yank | None = None


class ProjectList(NamedTuple):
    """A project list: the facts about each project, the number of its line, and the notices.

    `yanks` has, for each project, the last line about each release and file, and its number.
    """
    facts: dict[NormalizedName, ProjectFacts]
    lines: dict[NormalizedName, int]
    notices: list[Notice]
    yanks: dict[NormalizedName, list[tuple[int, Yank]]]


@functools.lru_cache(maxsize=4096)
def release_key(version: str) -> str:
    """Return a text that the versions of one release have in common.

    >>> release_key('1.0'), release_key('1.0.0'), release_key('1.0_1'), release_key('2013-11-14')
    ('1', '1', '1.post1', '2013-11-14')
    """
    # Few indexes have such facts, and the import takes 7 ms.
    from packaging.utils import canonicalize_version
    return canonicalize_version(version.replace('_', '-'))


def overlay(facts: ProjectFacts, later: ProjectFacts, *, has_status: bool) -> ProjectFacts:
    """Return facts with those that a later line states in place of its own.

    `has_status` is whether the later line states a status: without one, that of `facts` counts.
    """
    stated = {key: value for key, value in _stated(later) if key != 'status' or has_status}
    return msgspec.structs.replace(facts, **stated)


def _stated(facts: ProjectFacts) -> Iterator[tuple[str, object]]:
    """Yield the keys that are stated, and their values; the status always."""
    for key in ProjectFacts.__struct_fields__[1:]:
        value = getattr(facts, key)
        if value is not None:
            yield key, value


def read_facts(content: bytes, place: str) -> ProjectList:
    """Read a project list; `place` is its name in notices.

    Several lines about a project are read as one: if they state different values of a key, the
    later one counts, with a notice. A line that cannot be used is skipped with a notice, but
    quarantines its project if it says so.
    """
    facts: dict[NormalizedName, ProjectFacts] = {}
    lines: dict[NormalizedName, int] = {}
    notices: list[Notice] = []
    reported: set[str] = set()
    yanks: dict[NormalizedName, dict[tuple[str, str], tuple[int, Yank]]] = {}
    for number, raw_line in enumerate(io.BytesIO(content.removeprefix(codecs.BOM_UTF8)), 1):
        line = raw_line.strip()
        if not line:
            continue
        try:
            require_utf8(raw_line)
            found, has_status, unknown, remarks, yank = parse_facts(line)
        except LineError as error:
            notices.append(Notice(place, number, error.reason))
            quarantined = quarantine(line)
            if quarantined is None:
                continue
            found, has_status, unknown, remarks, yank = quarantined, True, [], [], None
        notices.extend(Notice(place, number, remark, skipped=False) for remark in remarks)
        for key in unknown:
            if key not in reported:
                reported.add(key)
                notices.append(Notice(place, number, unknown_key(key, FactsLine), skipped=False))
        earlier = facts.get(found.project)
        first_line = lines.setdefault(found.project, number)
        if yank is not None:
            of_project = yanks.setdefault(found.project, {})
            same = of_project.get((yank.key, yank.target))
            of_project[yank.key, yank.target] = number, yank
            if same is not None and same[1].reason != yank.reason:
                notices.append(Notice(place, number, (
                    f'{yank.key} {shown(yank.value)} is on line {same[0]} too, with another '
                    f'yanked_reason: this later line wins'
                ), skipped=False))
        if earlier is None:
            facts[found.project] = found
            continue
        merged = overlay(earlier, found, has_status=has_status)
        if other := [
            key for key, value in _stated(earlier)
            if getattr(merged, key) != value and not (key == 'status' and value == ACTIVE)
        ]:
            notices.append(Notice(place, number, (
                f'project {found.project} is on line {first_line} too, with another '
                f'{", ".join(other)}: this later line wins'
            ), skipped=False))
        facts[found.project] = merged
    for project, of_project in yanks.items():
        facts[project] = msgspec.structs.replace(
            facts[project], yanked_releases=_reasons(of_project, 'version'),
            yanked_files=_reasons(of_project, 'filename'),
        )
    return ProjectList(facts, lines, notices, {
        project: [*of_project.values()] for project, of_project in yanks.items()
    })


def _reasons(
        yanks: dict[tuple[str, str], tuple[int, Yank]], key: str,
) -> dict[str, YankedReason] | None:
    """Return what lines with this key say, sorted, so that their order changes no fingerprint."""
    return {
        target: yank.reason for (of, target), (_, yank) in sorted(yanks.items()) if of == key
    } or None


def parse_facts(line: bytes) -> ParsedFacts:
    """Check a line of a project list.

    Raises:
        LineError: the line is not an object with the keys and types of `FactsLine`, a value is
            invalid, or a key is there twice.
    """
    facts = decode(line, _decoder)
    # To look for keys in a README takes longer than to encode it.
    unknown = [] if have_same_keys(line, encode(facts)) else unknown_keys(line, FactsLine)
    remarks: list[str] = []
    return ParsedFacts(ProjectFacts(
        normalized_name('name', facts.name),
        _status(facts.status),
        clean_text('status_reason', facts.status_reason),
        clean_text('summary', facts.summary),
        _home_page(facts.home_page),
        clean_lines(facts.description),
        clean_text('description_content_type', facts.description_content_type),
        clean_text('license_expression', facts.license_expression),
        clean_lines(facts.license),
        _texts('license_files', facts.license_files),
        clean_text('author', facts.author),
        clean_text('author_email', facts.author_email),
        clean_text('maintainer', facts.maintainer),
        clean_text('maintainer_email', facts.maintainer_email),
        clean_text('keywords', facts.keywords),
        _texts('classifiers', facts.classifiers),
        _project_urls(facts.project_urls, remarks),
        _extras(facts.provides_extra, remarks),
    ), facts.status is not None, unknown, remarks, _yank(facts))


def quarantine(line: bytes) -> ProjectFacts | None:
    """Return the quarantine that a line which cannot be used asks for, None if it asks for none.

    A mistake elsewhere in the line, be it in the encoding, must not offer the files of a
    quarantined project to clients.
    """
    line = _SURROGATE.sub(b'?', line.decode(errors='replace').encode())
    try:
        facts = decode(line, _status_decoder)
        name = normalized_name('name', facts.name)
    except LineError:
        return None
    return ProjectFacts(name, QUARANTINED) if facts.status == QUARANTINED else None


def _yank(facts: FactsLine) -> Yank | None:
    """
    Raises:
        LineError: the line has a reason but names no release or file, or a value is invalid.
    """
    reason = facts.yanked_reason
    if reason is None:
        return None
    if reason is True:
        raise LineError('`yanked_reason` must be a string or false: give the reason, or ""')
    if isinstance(reason, str):
        reason = one_line('yanked_reason', reason)
    # A file's name is compared as it is: no file of the list has a forbidden character in it.
    if facts.filename:
        return Yank('filename', facts.filename, facts.filename, reason)
    version = clean_text('version', facts.version)
    if version is None:
        raise LineError(
            '`yanked_reason` is about a release or a file: give its `version` or `filename`',
        )
    return Yank('version', version, release_key(version), reason)


def _status(status: str | None) -> str:
    if status is None:
        return ACTIVE
    if status not in STATUSES:
        raise FieldError('status', status, f'is not one of {", ".join(STATUSES)}')
    return status


def _home_page(url: str | None) -> str | None:
    url = clean_text('home_page', url)
    try:
        return None if url is None else urls.clean_link(url)
    except urls.UrlError as error:
        raise FieldError('home_page', url, str(error)) from None


def _texts(key: str, texts: list[str] | None) -> list[str] | None:
    cleaned = (clean_text(key, text) for text in texts or ())
    return [text for text in cleaned if text is not None] or None


def _project_urls(given: dict[str, str] | None, remarks: list[str]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for label, url in (given or {}).items():
        try:
            text = clean_text('project_urls', url)
            name = clean_text('project_urls', label)
            if name is not None and text is not None:
                found[name] = urls.clean_link(text)
        except urls.UrlError as error:
            remarks.append(
                f'project_urls {shown(label)}: {shown(url)} {error}: this link is not shown',
            )
    return found or None


def _extras(given: list[str] | None, remarks: list[str]) -> list[str] | None:
    """Return the extras that are names: others could mean something to the shell of a reader."""
    found: list[str] = []
    for extra in given or ():
        if is_name(extra):
            found.append(extra)
        else:
            remarks.append(
                f'provides_extra {shown(extra)} is not a valid name: this extra is not shown',
            )
    return found or None


_decoder = msgspec.json.Decoder(FactsLine)
_status_decoder = msgspec.json.Decoder(StatusLine)
