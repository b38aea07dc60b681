"""Projects of another simple index, as far as an allow-list permits their files."""
from __future__ import annotations

import base64
import netrc
import os
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from http import HTTPStatus
from typing import NamedTuple, TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from dumb_pypi.errors import (
    BrokenError,
    FetchError,
    FieldError,
    Notice,
    OptionError,
    shown,
)
from dumb_pypi.model import urls
from dumb_pypi.model.fields import encode
from dumb_pypi.model.free_text import FORBIDDEN
from dumb_pypi.model.project_facts import ACTIVE, FactsLine, QUARANTINED, STATUSES
from dumb_pypi.scanner import requirements, simple_pages
from dumb_pypi.scanner.source import add_hashes, Found
from dumb_pypi.scanner.web import HttpClient, Origin, without_credentials

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from dumb_pypi.model.distfile import Distfile
    from dumb_pypi.model.fields import Line
    from dumb_pypi.scanner.source import Settings

_MISSING = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_USUAL_END = '/simple/'
_FORBIDDEN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class _Project(NamedTuple):
    """What the page of a project has; `exists` is whether there is such a page."""
    name: NormalizedName
    exists: bool
    files: list[Distfile]
    problems: list[Notice]
    notices: list[Notice]
    facts: FactsLine | None = None


class SimpleIndex:
    """Some projects of a simple index: see `Source`."""

    def __init__(self, source: str, settings: Settings) -> None:
        self.name = clean_url(source)
        if not settings.allowed:
            raise OptionError(self.name, (
                'requires --project NAME or --projects-from FILE, which say what to list of it'
            ))
        origin = Origin.of(self.name)
        credentials = _credentials(source, origin)
        if credentials is not None and not origin.is_safe:
            raise OptionError(
                self.name, 'would get the password without encryption: use https',
            )
        self._is_safe = origin.is_safe
        self._settings = settings
        self._client = HttpClient(
            origin, headers={'Accept': simple_pages.ACCEPT}, credentials=credentials,
            cache=settings.cache,
        )

    def scan(self, known: Mapping[str, Line], taken: AbstractSet[NormalizedName]) -> Found:
        """List the files that the allow-list permits, but those of projects that are `taken`.

        Raises:
            FetchError: the index does not answer.
            FileError: a response cannot be cached.
        """
        result = Found({}, set(), [], [])
        if not self._is_safe:
            result.notices.append(Notice(self.name, None, (
                'is read without encryption, so anybody on the way can change it: use https'
            ), skipped=False))
        projects = self._client.map(
            self._read, sorted(self._settings.allowed.keys() - taken), self._settings.jobs,
        )
        files: list[Distfile] = []
        for project in projects:
            files.extend(project.files)
            result.problems.extend(project.problems)
            result.notices.extend(project.notices)
        if projects and not (
                self.name.endswith(_USUAL_END) or any(project.exists for project in projects)
        ):
            result.notices.append(Notice(self.name, None, (
                'has none of these projects: is it the URL of a simple API, which most often ends '
                f'in {_USUAL_END}?'
            ), skipped=False))
        lines = [file.line for file in files]
        result.notices.extend(add_hashes(
            lines, known, self._client, self.name, self._settings,
        ))
        result.lines.update((line.filename, encode(line)) for line in lines)
        result.claimed.update(project.name for project in projects if project.exists)
        return result._replace(
            facts=[project.facts for project in projects if project.facts is not None],
            missing=[project.name for project in projects if not project.exists],
        )

    def _read(self, name: NormalizedName) -> _Project:
        url = f'{self.name}{name}/'
        try:
            response = self._client.get(url)
            page = simple_pages.parse(response)
        except FetchError as error:
            if error.status in _MISSING:
                return _Project(name, False, [], [], [])
            if error.status in _FORBIDDEN:
                raise FetchError(url, (
                    f'{error.reason}: is this the right URL, and are your name and password for '
                    'it in ~/.netrc?'
                ), error.status) from error
            raise
        except BrokenError as error:
            return _Project(name, True, [], [Notice(url, None, error.reason)], [])
        found = _Project(name, True, [], [], [])
        found.problems.extend(Notice(url, None, problem) for problem in page.problems)
        if page.status == QUARANTINED:
            found.problems.append(Notice(
                url, None, 'is quarantined, so none of its files is listed',
            ))
            return found
        self._select(found, page, url)
        return found._replace(facts=_facts(name, page))

    def _select(self, project: _Project, page: simple_pages.Page, url: str) -> None:
        """Add the permitted files of a page to a project, and messages about the others."""
        candidates = []
        for file in page.files:
            try:
                version = simple_pages.version_of(file.filename, project.name)
            except FieldError as error:
                # Old releases have such files, and nobody can rename them any more.
                project.notices.append(Notice(url, None, f'{error.reason}: skipped'))
            else:
                candidates.append((file, requirements.Candidate(version, frozenset(
                    f'{algorithm.lower()}={digest.lower()}'
                    for algorithm, digest in file.hashes.items()
                ))))
        permitted = requirements.select(
            self._settings.allowed[project.name], [candidate for _, candidate in candidates],
        )
        by_name: dict[str, Distfile] = {}
        for (file, _), is_permitted in zip(candidates, permitted, strict=True):
            if is_permitted:
                try:
                    checked = simple_pages.to_distfile(file, page.url, project.name)
                except FieldError as error:
                    project.problems.append(Notice(
                        url, None, f'{shown(file.filename)}: {error.reason}',
                    ))
                else:
                    # As in clients, the first of several links to a file counts.
                    by_name.setdefault(file.filename, checked)
        project.files.extend(by_name.values())
        if not (by_name or project.problems):
            project.problems.append(Notice(url, None, (
                'has no file that you permit' if candidates else 'has no files'
            )))


def clean_url(source: str) -> str:
    """Return the URL of a simple index without credentials, with a slash at its end.

    Raises:
        OptionError: it is not a URL of a folder.
    """
    if '?' in source or '#' in source:
        raise OptionError('SOURCE', (
            f"{shown(source)} has a '?' or a '#', which no name of a project can follow"
        ))
    try:
        url = urls.clean_absolute(without_credentials(source))
    except ValueError as error:
        raise OptionError('SOURCE', f'{shown(source)} {error}') from None
    return url if url.endswith('/') else f'{url}/'


def _credentials(source: str, origin: Origin) -> str | None:
    """Return the value of `Authorization`: from the URL, else from the user's netrc file.

    Raises:
        OptionError: that file is damaged.
    """
    parts = urlsplit(source)
    user, password = parts.username, parts.password
    if user is not None:
        user, password = unquote(user), unquote(password or '')
    else:
        user, password = _from_netrc(origin.host)
    if user is None:
        return None
    return f'Basic {base64.b64encode(f"{user}:{password}".encode()).decode()}'


def _from_netrc(host: str) -> tuple[str | None, str | None]:
    path = os.environ.get('NETRC') or os.path.expanduser('~/.netrc')
    try:
        found = netrc.netrc(path).authenticators(host)
    except OSError:
        return None, None
    except (netrc.NetrcParseError, ValueError) as error:
        raise OptionError('SOURCE', (
            f'may need the password of {host} from {shown(path)}, which cannot be read: '
            f'{getattr(error, "msg", error)}'
        )) from None
    return (None, None) if found is None else (found[0], found[2])


def _facts(project: NormalizedName, page: simple_pages.Page) -> FactsLine | None:
    """Return the status of a project for a project list, None if it is the usual one."""
    if page.status == ACTIVE or page.status not in STATUSES:
        return None
    reason = re.sub(FORBIDDEN, '\ufffd', ' '.join((page.reason or '').split()))
    return FactsLine(
        name=project, status=page.status, status_reason=reason or None, scanned_hash='',
    )
