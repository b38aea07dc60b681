"""The months of the changelog: what their pages are functions of."""
from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import BinaryIO, NamedTuple

import msgspec

from dumb_pypi.builder.packages import Packages
from dumb_pypi.builder.stamp import fingerprint
from dumb_pypi.builder.workers import batched, Workers
from dumb_pypi.builder.yanks import in_order, MonthYanks, with_yanks
from dumb_pypi.errors import FileError
from dumb_pypi.pages import changelog
from dumb_pypi.pages.changelog import ChangelogPage, Neighbours
from dumb_pypi.pages.summaries import MonthSummary, summarize_month

_TASK = 1 << 17  # bytes of lines in a task, at least one month's

# The links of a page, and fingerprints of what it shows of its lines and of what the facts about
# projects yank in its month: all that a page is a function of.
PageFacts = tuple[ChangelogPage, str, str]


class PageTexts:
    """What pages show of their lines, encoded, in a temporary file: it may be a third of the list.

    Raises:
        FileError: the file cannot be written or read.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, text: bytes) -> tuple[int, int]:
        """Return the place of the text."""
        try:
            place = self._file.seek(0, os.SEEK_END), len(text)
            self._file.write(text)
        except OSError as error:
            raise FileError('write', self._file.name, error) from error
        return place

    def read(self, place: tuple[int, int]) -> bytes:
        offset, size = place
        try:
            self._file.seek(offset)
            return self._file.read(size)
        except OSError as error:
            raise FileError('read', self._file.name, error) from error


class MonthLines(NamedTuple):
    """What the lines of a month say: of each page a fingerprint, and the time of its first upload.

    `texts` has the places of the texts of pages that were read, by their numbers.
    """
    page_fingerprints: Sequence[str]
    page_starts: Sequence[float]
    summary: MonthSummary
    texts: Mapping[int, tuple[int, int]] = {}

    def unchanged_pages(self, since: float, uploads: int) -> int:
        """Return the number of first pages without changes if all changes are of a time or later.

        The newest uploads are on other pages. Of the month there are so many `uploads` now.
        """
        return max(0, min(
            bisect_left(self.page_starts, since) - 1,
            (uploads - changelog.NEWEST_UPLOADS) // changelog.UPLOADS_A_PAGE,
        ))


class Month(NamedTuple):
    """The uploads of a month, its neighbours, and what the facts yank in it."""
    lines: MonthLines
    neighbours: Neighbours
    yanks: MonthYanks

    @property
    def summary(self) -> MonthSummary:
        """The summary of the lines alone."""
        return self.lines.summary

    @property
    def shown_summary(self) -> MonthSummary:
        """The summary, with what the facts yank."""
        name, uploads, _ = msgspec.structs.astuple(self.summary)
        return summarize_month(
            name, uploads, with_yanks(self.summary.newest_uploads, self.yanks),
        ) if self.yanks else self.summary

    @property
    def yanks_fingerprint(self) -> str:
        return fingerprint([msgspec.json.encode(in_order(self.yanks))]) if self.yanks else ''

    @property
    def pages(self) -> list[PageFacts]:
        return page_facts(
            self.summary, self.neighbours, self.lines.page_fingerprints, self.yanks_fingerprint,
        )


def page_facts(
        summary: MonthSummary, neighbours: Neighbours, page_fingerprints: Iterable[str],
        yanks_fingerprint: str,
) -> list[PageFacts]:
    """Return what each page of a month is a function of."""
    pages = changelog.month_pages(summary.month, summary.uploads, neighbours)
    return [
        (page, shown, yanks_fingerprint)
        for page, shown in zip(pages, page_fingerprints, strict=False)
    ]


def changed_pages(before: Iterable[PageFacts], now: Iterable[PageFacts]) -> list[ChangelogPage]:
    """Return the pages of a month that are not as before."""
    known = {*before}
    return [facts[0] for facts in now if facts not in known]


def read_months(
        packages: Packages, months: Mapping[str, float], before: Mapping[str, MonthLines],
        last_uploaded: Mapping[str, float], texts: PageTexts, workers: Workers,
) -> dict[str, MonthLines]:
    """Read the lines of months, given with the earliest time of changes since `before`.

    The first pages of a month that cannot have changed are not read. Projects that did not change
    may be known to be `last_uploaded` at a time.
    """
    uploads = packages.uploads_per_month
    unchanged = {
        month: before[month].unchanged_pages(since, uploads[month]) if month in before else 0
        for month, since in months.items()
    }
    wanted = {
        month: before[month].page_starts[pages] if pages else 0
        for month, pages in unchanged.items()
    }
    tasks = (
        (month, lines, uploads[month], unchanged[month])
        for month, lines in packages.lines_of_months(wanted, last_uploaded)
    )
    batches = batched(tasks, lambda task: len(task[1]), workers.task_size(_TASK))
    found: dict[str, MonthLines] = {}
    for read in chain.from_iterable(workers.map(_read_months, batches)):
        month = read.summary.month
        pages = unchanged[month]
        fingerprints = before[month].page_fingerprints[:pages] if pages else ()
        starts = before[month].page_starts[:pages] if pages else ()
        found[month] = MonthLines(
            [*fingerprints, *read.fingerprints],
            [*starts, *read.starts], read.summary,
            {number: texts.add(text) for number, text in enumerate(read.texts, start=pages + 1)},
        )
    return found


class _Read(NamedTuple):
    """What was read of a month, as in `MonthLines`, with the texts themselves."""
    texts: Sequence[bytes]
    fingerprints: Sequence[str]
    starts: Sequence[float]
    summary: MonthSummary


def _read_months(months: Sequence[tuple[str, bytes, int, int]]) -> list[_Read]:
    """Read months, each given with lines, its number of uploads, and that of pages to skip."""
    return [_read_month(*month) for month in months]


def _read_month(month: str, lines: bytes, uploads: int, skipped: int) -> _Read:
    ordered = sorted(
        changelog.read_upload_lines(lines), key=changelog.line_key,
    )[skipped * changelog.UPLOADS_A_PAGE - uploads:]
    pages = [
        changelog.on_page(number, ordered)
        for number in range(1, changelog.page_count(len(ordered)) + 1)
    ]
    texts = [changelog.encode_lines(page) for page in pages]
    return _Read(
        texts,
        [fingerprint([text]) for text in texts],
        [page[0].upload_timestamp or 0 for page in pages],
        # As many as can be among the newest of all months.
        summarize_month(
            month, uploads, map(changelog.upload_of, ordered[-changelog.NEWEST_UPLOADS:]),
        ),
    )
