"""The changelog: the pages of each month, their links, and the uploads on each."""
from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from dumb_pypi.model import filenames
from dumb_pypi.model.fields import Line
from dumb_pypi.model.project import normal_form
from dumb_pypi.model.times import UNDATED
from dumb_pypi.pages import paths

T = TypeVar('T')

UPLOADS_A_PAGE = 500
NEWEST_UPLOADS = 100


class Upload(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A file in the changelog; `timestamp` is in seconds since 1970, `version` a normal form.

    `kind` is the public index's word, such as `bdist_wheel`.
    """
    timestamp: int | float | None  # as in its line, or equal uploads would have different encodings
    project: str
    version: str | None
    filename: str
    uploaded_by: str | None
    yanked: bool = False
    kind: str = 'sdist'


class UploadLine(msgspec.Struct, gc=False):
    """The keys of a checked line that the changelog depends on."""
    filename: str
    upload_timestamp: int | float | None = None
    uploaded_by: str | None = None
    yanked_reason: str | None = None
    name: str | None = None
    version: str | None = None


class Neighbour(msgspec.Struct, frozen=True):
    """The month before or after another one, and its number of pages."""
    month: str
    pages: int


class Neighbours(msgspec.Struct, frozen=True):
    """The months before and after a month, None where there is none.

    A month's pages link to them, and depend on no other month.
    """
    earlier: Neighbour | None
    later: Neighbour | None


class ChangelogPage(msgspec.Struct, frozen=True):
    """A page of a month; numbers count from 1, `earlier` and `later` are paths of pages."""
    path: str
    month: str
    number: int
    earlier: str | None
    later: str | None


def uploads_of_lines(lines: bytes) -> list[Upload]:
    """Return the uploads of lines of `packages.json`."""
    return [upload_of(line, _parsed_name(line)) for line in _decode_lines(lines)]


def decode_uploads(uploads: bytes) -> list[Upload]:
    """Return the uploads that `encode_uploads` has encoded."""
    return _decode_uploads(uploads)


def upload_of(
        line: Line | UploadLine, parsed: tuple[str, str | None, str, str],
) -> Upload:
    """Return what the changelog shows of a file, given what its name states."""
    project, version, kind, _ = parsed
    return Upload(
        line.upload_timestamp, project, None if version is None else normal_form(version),
        line.filename, line.uploaded_by, line.yanked_reason is not None, kind,
    )


def _parsed_name(line: UploadLine) -> tuple[str, str | None, str, str]:
    filename, name, version = line.filename, line.name, line.version
    common = filenames.parse_common(filename) if name is None and version is None else None
    return common or filenames.parse(filename, name=name, version=version)


def page_count(uploads: int) -> int:
    """Return the number of pages of a month with this number of uploads."""
    return -(-uploads // UPLOADS_A_PAGE)


def newest_uploads(uploads: Iterable[Upload]) -> tuple[Upload, ...]:
    """Return the newest of the uploads whose time is known, newest first."""
    dated = (upload for upload in uploads if upload.timestamp is not None)
    return tuple(sorted(dated, key=upload_key, reverse=True)[:NEWEST_UPLOADS])


def upload_key(upload: Upload) -> tuple[float, str]:
    """Return the key that sorts uploads, oldest first; those of one time by file name."""
    return (upload.timestamp or 0, upload.filename)


def neighbours(months: Mapping[str, int]) -> dict[str, Neighbours]:
    """Return the neighbours of each month; `months` maps it to its number of uploads.

    The undated uploads have no neighbours, and are not one.
    """
    dated = [
        Neighbour(month, page_count(months[month])) for month in newest_first(months)
        if month != UNDATED
    ]
    around = {
        month.month: Neighbours(earlier, later)
        for month, earlier, later in zip(
            dated, [*dated[1:], None], [None, *dated], strict=False,
        )
    }
    return {month: around.get(month, Neighbours(None, None)) for month in months}


def newest_first(months: Iterable[str]) -> list[str]:
    """Sort months, newest first, the undated uploads last."""
    return sorted(months, key=_month_key, reverse=True)


def month_pages(month: str, uploads: int, around: Neighbours) -> list[ChangelogPage]:
    """Return the pages of a month with this number of uploads.

    The first page has the oldest uploads, so that a new upload changes no full page.
    """
    numbers = range(1, page_count(uploads) + 1)
    pages = [paths.changelog_page(month, number) for number in numbers]
    earlier = None if around.earlier is None else (
        paths.changelog_page(around.earlier.month, around.earlier.pages)
    )
    later = None if around.later is None else paths.changelog_page(around.later.month, 1)
    return [
        ChangelogPage(page, month, number, before, after)
        for page, number, before, after in zip(
            pages, numbers, [earlier, *pages], [*pages[1:], later], strict=False,
        )
    ]


def on_page(number: int, uploads: Sequence[T]) -> Sequence[T]:
    """Return those of a month's uploads, which are oldest first, that are on a page."""
    start = (number - 1) * UPLOADS_A_PAGE
    return uploads[start:start + UPLOADS_A_PAGE]


def in_safe_order(
        pages: Iterable[ChangelogPage], existing: Collection[str],
) -> Iterator[ChangelogPage]:
    """Return the pages in an order of writing in which no page links to a missing one.

    `pages` come oldest month first, and `existing` are the paths of pages that exist. Of two new
    pages that link to each other, the older one is written twice: first without its link to the
    newer one, and again at the end.
    """
    written = set(existing)
    unfinished = []
    for page in pages:
        if page.later is None or page.later in written:
            yield page
        else:
            unfinished.append(page)
            if page.path not in written:
                yield msgspec.structs.replace(page, later=None)
        written.add(page.path)
    yield from unfinished


def _month_key(month: str) -> tuple[bool, str]:
    return (month != UNDATED, month)


# Lines of `packages.json`, of which only some keys are decoded.
_decode_lines = msgspec.json.Decoder(UploadLine).decode_lines
# Lines can be joined, unlike lists.
encode_uploads: Callable[[Sequence[Upload]], bytes] = msgspec.json.Encoder().encode_lines
_decode_uploads = msgspec.json.Decoder(Upload).decode_lines
