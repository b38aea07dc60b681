"""The uploads month by month: which pages a month has, and what each of them shows."""
from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from dumb_pypi.model import filenames
from dumb_pypi.model.project import normal_form
from dumb_pypi.model.times import UNDATED
from dumb_pypi.pages import paths

UPLOADS_A_PAGE = 500
NEWEST_UPLOADS = 100


class Upload(NamedTuple):
    """A file in the changelog; `timestamp` is seconds since 1970, UTC."""
    timestamp: float | None
    project: str
    version: str | None
    filename: str
    uploaded_by: str | None
    yanked: bool = False


class Shown(msgspec.Struct, gc=False):
    """The keys of a line that the changelog shows something of."""
    filename: str
    upload_timestamp: int | float | None = None
    uploaded_by: str | None = None
    yanked_reason: str | None = None
    name: str | None = None
    version: str | None = None


class Neighbour(msgspec.Struct, frozen=True):
    """A month beside another one, and how many pages it has."""
    month: str
    pages: int


class Neighbours(msgspec.Struct, frozen=True):
    """The months beside one, where there are any. All that its pages show of other groups."""
    earlier: Neighbour | None
    later: Neighbour | None


class ChangelogPage(msgspec.Struct, frozen=True):
    """A page of a month; its number counts from 1, `earlier` and `later` are paths of pages."""
    path: str
    month: str
    number: int
    earlier: str | None
    later: str | None


def shown_of(line: bytes) -> Shown:
    """All of a line in the one form that an upload's row is made from."""
    return _decode(line)


def upload(shown: Shown) -> Upload:
    """What the changelog shows of a file."""
    parsed = filenames.parse(shown.filename, name=shown.name, version=shown.version)
    version = None if parsed.version is None else normal_form(parsed.version)
    return Upload(
        shown.upload_timestamp, parsed.project, version, shown.filename, shown.uploaded_by,
        shown.yanked_reason is not None,
    )


def pages_of(uploads: int) -> int:
    """How many pages a month of so many uploads has."""
    return -(-uploads // UPLOADS_A_PAGE)


def newest_uploads(uploads: Iterable[Upload]) -> tuple[Upload, ...]:
    """The newest of the uploads that have a date, newest first."""
    dated = (upload for upload in uploads if upload.timestamp is not None)
    return tuple(sorted(dated, key=_upload_key, reverse=True)[:NEWEST_UPLOADS])


def in_order(uploads: Iterable[Upload]) -> list[Upload]:
    """The uploads, oldest first; those of one moment, or with no date, by name."""
    return sorted(uploads, key=_upload_key)


def neighbours(months: Mapping[str, int]) -> dict[str, Neighbours]:
    """What stands beside each month; `months` says how many uploads each has.

    Uploads with no date stand beside no month.
    """
    dated = [
        Neighbour(month, pages_of(months[month])) for month in newest_first(months)
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
    """Months in the order of the changelog, the undated uploads last."""
    return sorted(months, key=_month_key, reverse=True)


def month_places(month: str, uploads: int, beside: Neighbours) -> list[ChangelogPage]:
    """A month's pages, from the first: it has the oldest uploads, so that a full page stays."""
    numbers = range(1, pages_of(uploads) + 1)
    places = [paths.changelog_page(month, number) for number in numbers]
    earlier = None if beside.earlier is None else (
        paths.changelog_page(beside.earlier.month, beside.earlier.pages)
    )
    later = None if beside.later is None else paths.changelog_page(beside.later.month, 1)
    return [
        ChangelogPage(place, month, number, before, after)
        for place, number, before, after in zip(
            places, numbers, [earlier, *places], [*places[1:], later], strict=False,
        )
    ]


def uploads_on(page: ChangelogPage, uploads: Sequence[Upload]) -> Sequence[Upload]:
    """What a page shows of its month's uploads, which are in order: the newest first."""
    start = (page.number - 1) * UPLOADS_A_PAGE
    return uploads[start:start + UPLOADS_A_PAGE][::-1]


def in_safe_order(
        pages: Iterable[ChangelogPage], existing: Collection[str],
) -> Iterator[ChangelogPage]:
    """The pages in an order in which none leads to one that is not there.

    `pages` come oldest month first, and `existing` are the paths that are there already. Two new
    pages that lead to each other cannot both come second: the older one is given twice, at first
    without its link to the newer one.
    """
    there = set(existing)
    unfinished = []
    for page in pages:
        if page.later is None or page.later in there:
            yield page
        else:
            unfinished.append(page)
            if page.path not in there:
                yield msgspec.structs.replace(page, later=None)
        there.add(page.path)
    yield from unfinished


def _month_key(month: str) -> tuple[bool, str]:
    return (month != UNDATED, month)


def _upload_key(upload: Upload) -> tuple[float, str]:
    return (upload.timestamp or 0, upload.filename)


_decode = msgspec.json.Decoder(Shown).decode
