"""The page of a project on another simple index, JSON or HTML → its files, in linear time."""
from __future__ import annotations

import datetime
import html
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple, TYPE_CHECKING
from urllib.parse import unquote, urljoin

import msgspec

from dumb_pypi.errors import BrokenError, FieldError
from dumb_pypi.model import filenames, urls
from dumb_pypi.model.distfile import check_line, Distfile
from dumb_pypi.model.fields import Line
from dumb_pypi.model.project_facts import ACTIVE
from dumb_pypi.scanner.responses import Response
from dumb_pypi.scanner.web import without_credentials

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

# The best form first. Poetry asks for the same types.
ACCEPT = (
    'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, '
    'text/html;q=0.1'
)
_JSON = ('application/vnd.pypi.simple.v1+json', 'application/vnd.pypi.simple.latest+json')
_HTML = (
    'application/vnd.pypi.simple.v1+html', 'application/vnd.pypi.simple.latest+html', 'text/html',
)
# The algorithms that clients know, the best first. A line has room for one hash.
_ALGORITHMS = ('sha256', 'sha512', 'sha384', 'blake2b', 'sha224', 'sha1', 'md5')

_Metadata = bool | dict[str, str] | None


class IndexFile(msgspec.Struct, rename='kebab', kw_only=True):
    """A file of a page, unchecked: its keys and their types, as the specification defines them."""
    filename: str
    url: str
    hashes: dict[str, str] = {}
    requires_python: str | None = None
    core_metadata: _Metadata = None
    dist_info_metadata: _Metadata = None
    yanked: bool | str | None = None
    size: int | None = None
    upload_time: str | None = None
    provenance: str | None = None


class _Status(msgspec.Struct):
    status: str = ACTIVE
    reason: str | None = None


class _Meta(msgspec.Struct, rename='kebab'):
    api_version: str = '1.0'
    # Where an example of the specification has it.
    project_status: _Status | None = None


class _JsonPage(msgspec.Struct, rename='kebab'):
    files: list[msgspec.Raw]
    meta: _Meta = msgspec.field(default_factory=_Meta)
    project_status: _Status | None = None


class Page(NamedTuple):
    """The files of a project, what is wrong with others, and the project's status.

    `url` is what relative URLs are relative to.
    """
    url: str
    files: list[IndexFile]
    problems: list[str]
    status: str
    reason: str | None


_decode_page = msgspec.json.Decoder(_JsonPage).decode
_decode_file = msgspec.json.Decoder(IndexFile).decode


def parse(response: Response) -> Page:
    """Parse the page of a project.

    Raises:
        BrokenError: it is something else.
    """
    if response.content_type in _JSON:
        page = _parse_json(response)
    elif response.content_type in _HTML:
        page = _parse_html(response)
    else:
        kind = response.content_type or 'no type at all'
        raise BrokenError(
            f'has the content type {kind[:100]!a}, so it is not a page of a simple index: is the '
            'URL that of the folder simple/?',
        )
    return page


def _parse_json(response: Response) -> Page:
    try:
        page = _decode_page(response.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BrokenError(f'is not the JSON page of a project: {_one_line(error)}') from None
    _check_version(page.meta.api_version)
    files, problems = [], []
    for number, raw in enumerate(page.files, 1):
        try:
            files.append(_decode_file(raw))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            problems.append(f'file {number} of the page: {_one_line(error)}')
    status = page.project_status or page.meta.project_status or _Status()
    return Page(response.url, files, problems, status.status, status.reason)


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())[:200]


def _check_version(version: str) -> None:
    if version.partition('.')[0] != '1':
        raise BrokenError(
            f'has version {version[:20]!a} of the simple API, which is newer than this program',
        )


# The rest of a tag's name, and an attribute. A value has quotation marks of either kind or none.
_TAG_NAME = re.compile(r'[A-Za-z][A-Za-z0-9]*')
_ATTRIBUTE = re.compile(
    r'[\s/]*([^\s/>=]+)(?:\s*=\s*(?:"([^"]*)"|\'([^\']*)\'|([^\s>"\']*)))?',
)
_Attributes = dict[str, str]


def _parse_html(response: Response) -> Page:
    files: list[IndexFile] = []
    base = response.url
    facts: dict[str, str] = {}
    for tag, attributes in _tags(response.body.decode(errors='replace')):
        if tag == 'meta':
            facts.setdefault(attributes.get('name', ''), attributes.get('content', ''))
        elif tag == 'base' and 'href' in attributes:
            base = _joined(response.url, attributes['href'])
        elif tag == 'a' and 'href' in attributes:
            files.extend(_files_of_anchor(attributes))
    _check_version(facts.get('pypi:repository-version', '1.0'))
    return Page(
        base, files, [], facts.get('pypi:project-status', ACTIVE),
        facts.get('pypi:project-status-reason'),
    )


def _tags(text: str) -> Iterator[tuple[str, _Attributes]]:
    """Yield the name and the attributes of each tag that begins an element.

    This is not `html.parser`, which takes quadratic time for some pages.
    """
    place = text.find('<')
    while place >= 0:
        if text.startswith('<!--', place):
            end = text.find('-->', place)
            if end < 0:
                return
        else:
            name = _TAG_NAME.match(text, place + 1)
            end = place
            if name is not None:
                attributes: _Attributes = {}
                end = name.end()
                while (found := _ATTRIBUTE.match(text, end)) is not None:
                    value = next((part for part in found.groups()[1:] if part is not None), '')
                    attributes.setdefault(found[1].lower(), _unescaped(value))
                    end = found.end()
                yield name[0].lower(), attributes
        place = text.find('<', end + 1)


def _unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:
        # It is the number of a character, with thousands of digits.
        return text


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError as error:
        raise BrokenError(f'has an invalid base URL: {error}') from None


def _files_of_anchor(attributes: _Attributes) -> Iterator[IndexFile]:
    """Yield the file that a link is to, if it is not one to a folder."""
    url, _, fragment = attributes['href'].strip().partition('#')
    filename = urls.file_name(url)
    if not filename:
        return
    algorithm, _, digest = unquote(fragment).partition('=')
    size = attributes.get('data-size', '')
    metadata = attributes.get('data-core-metadata', attributes.get('data-dist-info-metadata'))
    yield IndexFile(
        filename=filename,
        url=url,
        # Other fragments are those of old tools, such as `#egg=foo`.
        hashes={algorithm: digest} if digest and algorithm in _ALGORITHMS else {},
        requires_python=attributes.get('data-requires-python'),
        core_metadata=None if metadata is None else _metadata_of(metadata),
        yanked=attributes['data-yanked'] or True if 'data-yanked' in attributes else None,
        size=int(size) if size.isascii() and size.isdecimal() and len(size) < 20 else None,
        upload_time=attributes.get('data-upload-time'),
        provenance=attributes.get('data-provenance'),
    )


def _metadata_of(value: str) -> _Metadata:
    algorithm, equals, digest = value.partition('=')
    if equals:
        return {algorithm: digest}
    return value.lower() != 'false'


def to_distfile(file: IndexFile, page_url: str, project: NormalizedName) -> Distfile:
    """Return the checked file of a project's page.

    Raises:
        FieldError: it is a file of another project, or a value is invalid.
    """
    return check_line(Line(
        filename=file.filename,
        name=_name(file.filename, project),
        url=_url(file.url, page_url),
        hash=_best_hash(file.hashes),
        requires_python=file.requires_python,
        core_metadata=_core_metadata(
            file.dist_info_metadata if file.core_metadata is None else file.core_metadata,
        ),
        upload_timestamp=_timestamp(file.upload_time),
        yanked_reason='' if file.yanked is True else file.yanked or None,
        size=file.size,
        provenance=file.provenance or None,
    ))


def version_of(filename: str, project: NormalizedName) -> str | None:
    """Return the version that the name of a project's file states.

    Raises:
        FieldError: it is the name of another project's file, or of no distribution file.
    """
    return filenames.parse(filename, name=_name(filename, project)).version


def _name(filename: str, project: NormalizedName) -> str | None:
    """Return the project's name if the file's name leaves open where it ends."""
    if filenames.parse(filename).project == project:
        return None
    if filenames.canonicalize_name(filename).startswith(f'{project}-'):
        return project
    raise FieldError('filename', filename, 'is a file of another project')


def _url(url: str, page_url: str) -> str:
    try:
        return without_credentials(urljoin(page_url, url))
    except ValueError as error:
        raise FieldError('url', url, f'is not a URL: {error}') from None


def _best_hash(hashes: Mapping[str, str]) -> str | None:
    known = {algorithm.lower(): digest for algorithm, digest in hashes.items()}
    best = next((algorithm for algorithm in _ALGORITHMS if algorithm in known), None)
    return None if best is None else f'{best}={known[best]}'


def _core_metadata(metadata: _Metadata) -> str | None:
    if isinstance(metadata, dict):
        return _best_hash(metadata) or 'true'
    return 'true' if metadata else None


def _timestamp(upload_time: str | None) -> float | None:
    if upload_time is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(upload_time)
        return (
            moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
        ).timestamp()
    except (OverflowError, ValueError):
        raise FieldError('upload_time', upload_time, 'is not a time in ISO 8601') from None
