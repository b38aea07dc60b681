"""A line of the project list: a project's status, summary and home page."""
from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from dumb_pypi.errors import FieldError, LineError
from dumb_pypi.model import urls
from dumb_pypi.model.fields import decode, unknown_keys
from dumb_pypi.model.filenames import normalized_name
from dumb_pypi.model.free_text import clean_text

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

ACTIVE = 'active'
QUARANTINED = 'quarantined'
STATUSES = (ACTIVE, 'archived', 'deprecated', QUARANTINED)

# Of those that take two escapes in JSON. One half alone is an error.
_HALF_CHARACTER = re.compile(rb'\\u[dD][89a-fA-F][0-9a-fA-F]{2}')


class FactsLine(msgspec.Struct, kw_only=True):
    """One line of a project list: each key as the contract of the input has it."""
    name: str
    status: str | None = None
    status_reason: str | None = None
    summary: str | None = None
    home_page: str | None = None


class StatusLine(msgspec.Struct):
    """What matters most of such a line."""
    name: str
    status: str | None = None


class ProjectFacts(msgspec.Struct, frozen=True):
    """What is known of a project beside its files; `status` is one of `STATUSES`."""
    project: NormalizedName
    status: str = ACTIVE
    status_reason: str | None = None
    summary: str | None = None
    home_page: str | None = None

    @property
    def is_told(self) -> bool:
        """Whether a project list says anything of the project."""
        return self != ProjectFacts(self.project)


def parse_facts(line: bytes) -> tuple[ProjectFacts, list[str]]:
    """One line of a project list → the facts, and the keys of it that mean nothing here.

    Raises:
        LineError: it is not such a line.
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
    """What stands of a line that cannot be used: that it keeps a project's files from clients.

    The name and the status count whatever else is wrong, be it in the encoding.
    """
    line = _HALF_CHARACTER.sub(b'?', line.decode(errors='replace').encode())
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
