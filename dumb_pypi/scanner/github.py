"""The distribution files that are attached to the releases of a GitHub repository."""
from __future__ import annotations

import datetime
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import msgspec
from packaging.version import InvalidVersion, Version

from dumb_pypi.errors import BrokenError, FetchError, FieldError, Notice, OptionError, shown
from dumb_pypi.model import urls
from dumb_pypi.model.distfile import check_line
from dumb_pypi.model.fields import encode, Line
from dumb_pypi.model.suffixes import is_companion, is_distribution, METADATA
from dumb_pypi.scanner import metadata
from dumb_pypi.scanner.responses import Response
from dumb_pypi.scanner.source import add_hashes, Found, GITHUB, projects_of
from dumb_pypi.scanner.web import HttpClient, Origin

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from dumb_pypi.scanner.source import Settings

API_URL = 'https://api.github.com'

_NAME = re.compile(rf'{GITHUB}([A-Za-z0-9_.-]+)/([A-Za-z0-9_.-]+)')
_TOKEN = re.compile('[!-~]+')
_NEXT = re.compile(r'<([^<>]*)>\s*;[^,]*\brel="?next"?')
_PAGE_SIZE = 100
# GitHub shows 10,000 releases at most.
_MAX_PAGES = 1000
# A release has all its assets in it, as far as is known. A list that is exactly as long as a page
# may be incomplete.
_PAGE_SIZES = (30, 50, 100, 1000)


class _User(msgspec.Struct):
    login: str


class _Asset(msgspec.Struct):
    """A file that is attached to a release: the keys of the API that count here."""
    name: str
    browser_download_url: str
    size: int | None = None
    created_at: str | None = None
    digest: str | None = None
    state: str = 'uploaded'
    uploader: _User | None = None


class _Release(msgspec.Struct):
    assets: list[_Asset]
    draft: bool = False
    assets_url: str | None = None


class _Repository(msgspec.Struct):
    private: bool = False


T = TypeVar('T')


class GitHub:
    """The releases of a repository: see `Source`."""

    def __init__(self, source: str, settings: Settings) -> None:
        self.name = source
        found = _NAME.fullmatch(source)
        if found is None:
            raise OptionError('SOURCE', f'{shown(source)} is not {GITHUB}OWNER/REPO')
        owner, repository = found.groups()
        base = settings.api_url or os.environ.get('GITHUB_API_URL') or API_URL
        try:
            base = urls.clean_absolute(base).rstrip('/')
        except urls.UrlError as error:
            raise OptionError('--api-url', f'{shown(base)} {error}') from None
        self._origin = Origin.of(base)
        self._url = f'{base}/repos/{owner}/{repository}'
        self._settings = settings
        self._has_token, credentials = _token(self._origin)
        self._client = HttpClient(
            self._origin, credentials=credentials, cache=settings.cache, headers={
                'Accept': 'application/vnd.github+json', 'X-GitHub-Api-Version': '2022-11-28',
            },
        )

    def scan(self, known: Mapping[str, Line], taken: AbstractSet[NormalizedName]) -> Found:
        """List the distribution files of all releases that are not drafts.

        Skip projects that are `taken`.

        Raises:
            FetchError: the server does not answer, or permits no more requests.
            FileError: a response cannot be cached.
        """
        # By URL: a release that is made between two requests moves others to the next page.
        assets = list({
            asset.browser_download_url: asset
            for release in self._releases() if not release.draft
            for asset in self._assets(release)
            if asset.state == 'uploaded' and projects_of([asset.name]).isdisjoint(taken)
        }.values())
        result = Found({}, projects_of(
            asset.name for asset in assets if is_distribution(asset.name)
        ), [], [])
        lines = self._lines(assets, result)
        settings = self._settings
        is_private = bool(lines) and self._is_private()
        if is_private:
            result.notices.append(Notice(self.name, None, (
                'is private, so pip and uv cannot download its files: download them yourself, for '
                'example with gh release download, and scan that folder'
            ), skipped=False))
            settings = settings._replace(compute_hashes=False)
        result.notices.extend(add_hashes(lines, known, self._client, self.name, settings))
        distinct = list(self._distinct(lines, result.problems))
        for line in distinct:
            before = known.get(line.filename)
            if before is not None and before.hash == line.hash and line.hash is not None:
                # GitHub knows neither; somebody has edited the list.
                line.yanked_reason, line.provenance = before.yanked_reason, before.provenance
        if not is_private:
            result.problems.extend(self._add_metadata(distinct, known))
        result.lines.update((line.filename, encode(check_line(line).line)) for line in distinct)
        return result

    def _is_private(self) -> bool:
        # Nobody sees a private repository without a token.
        return self._has_token and self._get(self._url, _Repository)[0].private

    def _releases(self) -> Iterator[_Release]:
        return self._pages(f'{self._url}/releases?per_page={_PAGE_SIZE}', _Release)

    def _assets(self, release: _Release) -> Iterable[_Asset]:
        if len(release.assets) not in _PAGE_SIZES or release.assets_url is None:
            return release.assets
        return self._pages(f'{release.assets_url}?per_page={_PAGE_SIZE}', _Asset)

    def _pages(self, url: str | None, kind: type[T]) -> Iterator[T]:
        """Yield the items of a list that has several pages."""
        for _ in range(_MAX_PAGES):
            if url is None:
                return
            if Origin.of(url) != self._origin:
                raise FetchError(self._url, f'it links to another server, {shown(url)}')
            items, response = self._get(url, list[kind])  # type: ignore[valid-type]  # `kind` is a variable
            yield from items
            found = _NEXT.search(response.headers.get('link', ''))
            url = None if found is None else found[1]
        raise FetchError(self._url, f'it has more than {_MAX_PAGES} pages')

    def _get(self, url: str, kind: type[T]) -> tuple[T, Response]:
        try:
            response = self._client.get(url)
        except FetchError as error:
            raise self._explained(error) from error
        try:
            return msgspec.json.decode(response.body, type=kind), response
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            reason = ' '.join(str(error).split())[:200]
            raise FetchError(url, (
                f'it is not a response of the API of GitHub: {reason}. Is --api-url right?'
            )) from None

    def _explained(self, error: FetchError) -> FetchError:
        """Add what to do to an error, where the status tells that."""
        headers, remedy = error.headers, None
        if error.status in (HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS) and (
                headers.get('x-ratelimit-remaining') == '0' or 'retry-after' in headers
        ):
            remedy = f'the limit of requests is reached. Try again {_when(headers)}'
            if not self._has_token:
                remedy += ', or set GITHUB_TOKEN to an access token, which has a higher limit'
        elif error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) and self._has_token:
            remedy = 'is the access token in GH_TOKEN or GITHUB_TOKEN valid, and may it read this?'
        elif error.status == HTTPStatus.NOT_FOUND:
            remedy = 'is the name right? If the repository is private, ' + (
                'the access token must permit to read it' if self._has_token
                else 'set GITHUB_TOKEN to an access token that may read it'
            )
        if remedy is None:
            return error
        return FetchError(error.url, f'{error.reason}: {remedy}', error.status, headers)

    def _lines(self, assets: Sequence[_Asset], result: Found) -> list[Line]:
        """Return the checked lines of distribution files, and report the others."""
        lines = []
        others = []
        companions = {
            asset.browser_download_url: asset.digest for asset in assets
            if asset.name.endswith(METADATA)
        }
        for asset in assets:
            if not is_distribution(asset.name):
                if not is_companion(asset.name):
                    others.append(asset.name)
                continue
            try:
                file = check_line(self._line(asset, companions))
            except FieldError as error:
                result.problems.append(Notice(f'{self.name}/{asset.name}', None, error.reason))
                continue
            if _is_installable(file.packagetype, file.version):
                lines.append(file.line)
            else:
                others.append(asset.name)
        if others:
            # Many releases have programs in them; one message about all of them is enough.
            result.notices.append(Notice(self.name, None, (
                f'has {len(others):,} other {"file" if len(others) == 1 else "files"} than wheels, '
                f'sdists and eggs, such as {shown(min(others))}: skipped'
            )))
        return lines

    def _line(self, asset: _Asset, companions: Mapping[str, str | None]) -> Line:
        url = asset.browser_download_url
        core_metadata = None
        if asset.name.lower().endswith('.whl') and f'{url}{METADATA}' in companions:
            core_metadata = _hash(companions[f'{url}{METADATA}']) or 'true'
        return Line(
            filename=asset.name,
            url=url,
            size=asset.size,
            hash=_hash(asset.digest),
            core_metadata=core_metadata,
            upload_timestamp=_timestamp(asset.created_at),
            uploaded_by=self._settings.uploaded_by if asset.uploader is None
            else asset.uploader.login,
        )

    def _add_metadata(self, lines: Iterable[Line], known: Mapping[str, Line]) -> list[Notice]:
        """Add what `.metadata` files say, and report those that are wrong."""
        unknown = []
        for line in lines:
            if line.core_metadata is None:
                continue
            before = known.get(line.filename)
            if before is not None and before.core_metadata == line.core_metadata != 'true' and (
                    # A scan lists this for every wheel whose metadata it has read.
                    before.requires_dist is not None
            ):
                line.requires_python = before.requires_python
                line.requires_dist = before.requires_dist
                line.summary = before.summary
            else:
                unknown.append(line)
        reasons = self._client.map(self._read_metadata, unknown, self._settings.jobs)
        return [
            Notice(f'{self.name}/{line.filename}{METADATA}', None, reason, skipped=False)
            for line, reason in zip(unknown, reasons, strict=True) if reason is not None
        ]

    def _read_metadata(self, line: Line) -> str | None:
        """Add what the `.metadata` file of a wheel says; return why that is not possible."""
        content = self._client.get(f'{line.url}{METADATA}').body
        digest = f'sha256={sha256(content).hexdigest()}'
        try:
            if line.core_metadata not in (digest, 'true'):
                raise BrokenError('does not have the sha256 that GitHub states')
            facts = metadata.parse(content, 'bdist_wheel')
            line.name, line.version = metadata.check_name(line.filename, facts.name, facts.version)
            line.requires_python, line.requires_dist = facts.requires_python, facts.requires_dist
            line.summary, line.core_metadata = facts.summary, digest
            check_line(line)
        except (BrokenError, FieldError) as error:
            # Clients would refuse the wheel because of it.
            line.core_metadata = line.name = line.version = line.summary = None
            line.requires_python = line.requires_dist = None
            return f'{error.reason}: not announced'
        return None

    def _distinct(self, lines: Iterable[Line], problems: list[Notice]) -> Iterator[Line]:
        """Yield a line for each file name; files that share a name but not their hash are problems.

        A file that is in several releases is listed as the first of them has it.
        """
        by_name: dict[str, list[Line]] = defaultdict(list)
        for line in lines:
            by_name[line.filename].append(line)
        for filename, same in by_name.items():
            if len(same) == 1 or (same[0].hash and len({line.hash for line in same}) == 1):
                yield min(same, key=lambda line: (line.upload_timestamp or 0, line.url or ''))
                continue
            problems.append(Notice(f'{self.name}/{filename}', None, (
                f'is in {len(same)} releases, and may not be the same file in all of them: delete '
                'or rename all but one'
            )))


def _token(origin: Origin) -> tuple[bool, str | None]:
    """Return whether there is an access token, and the value of `Authorization`.

    Raises:
        OptionError: the token is damaged, or others could read it on the way.
    """
    for variable in ('GH_TOKEN', 'GITHUB_TOKEN'):
        if token := os.environ.get(variable, '').strip():
            if not _TOKEN.fullmatch(token):
                raise OptionError(variable, 'is not an access token: it has unusual characters')
            if not origin.is_safe:
                raise OptionError('--api-url', (
                    f'would get the token in {variable} without encryption: use https'
                ))
            return True, f'Bearer {token}'
    return False, None


def _is_installable(packagetype: str, version: str | None) -> bool:
    """Return whether a file is what its name says, as far as the name can tell.

    Many releases have archives such as `tool-windows.zip`, which only look like sdists.
    """
    if packagetype == 'bdist_dumb':
        return False
    if packagetype != 'sdist':
        return True
    try:
        Version(version or '')
    except InvalidVersion:
        return False
    return True


def _hash(digest: str | None) -> str | None:
    return digest.replace(':', '=', 1) if digest else None


def _timestamp(created: str | None) -> float | None:
    if created is None:
        return None
    try:
        return datetime.datetime.fromisoformat(created).timestamp()
    except (OverflowError, ValueError):
        raise FieldError('created_at', created, 'is not a time in ISO 8601') from None


def _when(headers: Mapping[str, str]) -> str:
    reset = headers.get('x-ratelimit-reset', '')
    after = headers.get('retry-after', '')
    for text, start in ((after, time.time()), (reset, 0.0)):
        try:
            moment = datetime.datetime.fromtimestamp(start + int(text), datetime.UTC)
        except (OverflowError, OSError, ValueError):
            continue
        return f'after {moment:%Y-%m-%d %H:%M} UTC'
    return 'later'
