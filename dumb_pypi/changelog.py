"""The uploads month by month: which pages a month has, and what each of them shows."""
from __future__ import annotations

import heapq
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

from dumb_pypi import paths
from dumb_pypi.distfile import Distfile
from dumb_pypi.package_list import UNDATED
from dumb_pypi.project import normal_form

UPLOADS_A_PAGE = 500
NEWEST_UPLOADS = 100


class Upload(NamedTuple):
    """A file in the changelog; `timestamp` is seconds since 1970, UTC."""
    timestamp: float | None
    project: str
    version: str | None
    filename: str
    uploaded_by: str | None


class MonthSummary(NamedTuple):
    """A month's uploads: how many, on how many pages, and the newest of them."""
    month: str
    pages: int
    uploads: int
    newest: tuple[Upload, ...]


class Neighbour(NamedTuple):
    """A month beside another one, and how many pages it has."""
    month: str
    pages: int


class Neighbours(NamedTuple):
    """The months beside one, where there are any. All that its pages show of other groups."""
    earlier: Neighbour | None
    later: Neighbour | None


class ChangelogPage(NamedTuple):
    """A page of a month, newest upload first; `earlier` and `later` are paths of pages."""
    path: str
    month: str
    uploads: Sequence[Upload]
    earlier: str | None
    later: str | None


def upload(file: Distfile) -> Upload:
    version = None if file.version is None else normal_form(file.version)
    return Upload(
        file.upload_timestamp, file.project, version, file.filename, file.uploaded_by,
    )


def newest_uploads(uploads: Iterable[Upload]) -> tuple[Upload, ...]:
    """The newest of the uploads that have a date, newest first."""
    dated = (upload for upload in uploads if upload.timestamp is not None)
    return tuple(heapq.nlargest(NEWEST_UPLOADS, dated, key=_upload_key))


def in_order(uploads: Iterable[Upload]) -> list[Upload]:
    """The uploads, oldest first; those of one moment, or with no date, by name."""
    return sorted(uploads, key=_upload_key)


def summarize_month(month: str, uploads: Sequence[Upload]) -> MonthSummary:
    pages = -(-len(uploads) // UPLOADS_A_PAGE)
    return MonthSummary(month, pages, len(uploads), newest_uploads(uploads))


def neighbours(months: Sequence[MonthSummary]) -> dict[str, Neighbours]:
    """What stands beside each month; `months` are newest first.

    Uploads with no date stand beside no month.
    """
    dated = [Neighbour(month.month, month.pages) for month in months if month.month != UNDATED]
    around = {
        month.month: Neighbours(earlier, later)
        for month, earlier, later in zip(
            dated, [*dated[1:], None], [None, *dated], strict=False,
        )
    }
    return {month.month: around.get(month.month, Neighbours(None, None)) for month in months}


def month_pages(month: str, uploads: Sequence[Upload], beside: Neighbours) -> list[ChangelogPage]:
    """A month's pages, from the first: it has the oldest uploads, so that a full page stays."""
    uploads = in_order(uploads)
    starts = range(0, len(uploads), UPLOADS_A_PAGE)
    places = [paths.changelog_page(month, number) for number, _ in enumerate(starts, 1)]
    earlier = None if beside.earlier is None else paths.changelog_page(*beside.earlier)
    later = None if beside.later is None else paths.changelog_page(beside.later.month, 1)
    return [
        ChangelogPage(place, month, uploads[start:start + UPLOADS_A_PAGE][::-1], before, after)
        for place, start, before, after in zip(
            places, starts, [earlier, *places], [*places[1:], later], strict=False,
        )
    ]


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
                yield page._replace(later=None)
        there.add(page.path)
    yield from unfinished


def _upload_key(upload: Upload) -> tuple[float, str]:
    return (upload.timestamp or 0, upload.filename)
