"""Facts about projects that are not in the package list: the project list and its lines."""
from __future__ import annotations

import codecs
import io
import re
from typing import NamedTuple, TYPE_CHECKING

import msgspec

from dumb_pypi.errors import FieldError, LineError, Notice
from dumb_pypi.model import urls
from dumb_pypi.model.fields import decode, require_utf8, unknown_key, unknown_keys
from dumb_pypi.model.filenames import normalized_name
from dumb_pypi.model.free_text import clean_text

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

ACTIVE = 'active'
QUARANTINED = 'quarantined'
STATUSES = (ACTIVE, 'archived', 'deprecated', QUARANTINED)

# A surrogate escape, half of a character beyond U+FFFF. Without its other half it is malformed.
_SURROGATE = re.compile(rb'\\u[dD][89a-fA-F][0-9a-fA-F]{2}')


class FactsLine(msgspec.Struct, kw_only=True):
    """A line of a project list: its keys and their types."""
    name: str
    status: str | None = None
    status_reason: str | None = None
    summary: str | None = None
    home_page: str | None = None


class StatusLine(msgspec.Struct):
    """The two keys of a line that count even if another one is invalid."""
    name: str
    status: str | None = None


class ProjectFacts(msgspec.Struct, frozen=True):
    """The facts about a project; `status` is one of `STATUSES`, `home_page` an absolute URL."""
    project: NormalizedName
    status: str = ACTIVE
    status_reason: str | None = None
    summary: str | None = None
    home_page: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether a project list states anything about the project."""
        return self != ProjectFacts(self.project)


class ProjectList(NamedTuple):
    """A project list: the facts about each project, the number of its line, and the notices."""
    facts: dict[NormalizedName, ProjectFacts]
    lines: dict[NormalizedName, int]
    notices: list[Notice]


def read_facts(content: bytes, place: str) -> ProjectList:
    """Read a project list; `place` is its name in notices.

    If two lines state different facts about a project, the later one counts. A line that cannot be
    used is skipped with a notice, but quarantines its project if it says so.
    """
    facts: dict[NormalizedName, ProjectFacts] = {}
    lines: dict[NormalizedName, int] = {}
    notices: list[Notice] = []
    reported: set[str] = set()
    for number, raw_line in enumerate(io.BytesIO(content.removeprefix(codecs.BOM_UTF8)), 1):
        line = raw_line.strip()
        if not line:
            continue
        try:
            require_utf8(raw_line)
            found, unknown = parse_facts(line)
        except LineError as error:
            notices.append(Notice(place, number, error.reason))
            quarantined = quarantine(line)
            if quarantined is None:
                continue
            found, unknown = quarantined, []
        for key in unknown:
            if key not in reported:
                reported.add(key)
                notices.append(Notice(place, number, unknown_key(key, FactsLine), skipped=False))
        earlier = lines.setdefault(found.project, number)
        if facts.setdefault(found.project, found) != found:
            facts[found.project] = found
            lines[found.project] = number
            reason = (
                f'project {found.project} is on line {earlier} too, with different facts: '
                f'this later line wins'
            )
            notices.append(Notice(place, number, reason, skipped=False))
    return ProjectList(facts, lines, notices)


def parse_facts(line: bytes) -> tuple[ProjectFacts, list[str]]:
    """Check a line of a project list, and return the facts in it and its unknown keys.

    Raises:
        LineError: the line is not an object with the keys and types of `FactsLine`, a value is
            invalid, or a key is there twice.
    """
    facts = decode(line, _decoder)
    return ProjectFacts(
        normalized_name('name', facts.name),
        _status(facts.status),
        clean_text('status_reason', facts.status_reason),
        clean_text('summary', facts.summary),
        _home_page(facts.home_page),
    ), unknown_keys(line, FactsLine)


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


def _status(status: str | None) -> str:
    if status is None:
        return ACTIVE
    if status not in STATUSES:
        raise FieldError('status', status, f'is not one of {", ".join(STATUSES)}')
    return status


def _home_page(url: str | None) -> str | None:
    url = clean_text('home_page', url)
    try:
        return None if url is None else urls.clean_absolute(url)
    except urls.UrlError as error:
        raise FieldError('home_page', url, str(error)) from None


_decoder = msgspec.json.Decoder(FactsLine)
_status_decoder = msgspec.json.Decoder(StatusLine)
