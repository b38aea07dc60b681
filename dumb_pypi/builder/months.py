"""The months of the changelog: what their pages are functions of."""
from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from dumb_pypi.builder.packages import Packages
from dumb_pypi.builder.stamp import fingerprint
from dumb_pypi.builder.texts import Texts
from dumb_pypi.builder.workers import batched, Workers
from dumb_pypi.builder.yanks import in_order, MonthYanks, with_yanks
from dumb_pypi.pages import changelog
from dumb_pypi.pages.changelog import ChangelogPage, Neighbours, Upload
from dumb_pypi.pages.summaries import MonthSummary, summarize_month

_TASK = 1 << 17  # bytes of lines in a task, at least one month's

# The links of a page, and fingerprints of what it shows of its lines and of what the facts about
# projects yank in its month: all that a page is a function of.
PageFacts = tuple[ChangelogPage, str, str]


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
        last_uploaded: Mapping[str, float], texts: Texts, workers: Workers,
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
    decode: Callable[[bytes], list[Upload]]
    if packages.uploads is None:
        decode = changelog.uploads_of_lines
        contents = packages.lines_of_months(wanted, last_uploaded)
    else:
        decode = changelog.decode_uploads
        contents = ((month, packages.uploads.of_month(month)) for month in months)
    tasks = (
        _Task(month, content, decode, uploads[month], unchanged[month])
        for month, content in contents
    )
    batches = batched(tasks, lambda task: len(task.content), workers.task_size(_TASK))
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


class _Task(NamedTuple):
    """A month to read: its content and how to decode it.

    It has so many `uploads`, and those of the `skipped` first pages are not needed.
    """
    month: str
    content: bytes
    decode: Callable[[bytes], list[Upload]]
    uploads: int
    skipped: int


class _Read(NamedTuple):
    """What was read of a month, as in `MonthLines`, with the texts themselves."""
    texts: Sequence[bytes]
    fingerprints: Sequence[str]
    starts: Sequence[float]
    summary: MonthSummary


def _read_months(months: Sequence[_Task]) -> list[_Read]:
    return [_read_month(month) for month in months]


def _read_month(task: _Task) -> _Read:
    month, content, decode, uploads, skipped = task
    ordered = sorted(
        decode(content), key=changelog.upload_key,
    )[skipped * changelog.UPLOADS_A_PAGE - uploads:]
    pages = [
        changelog.on_page(number, ordered)
        for number in range(1, changelog.page_count(len(ordered)) + 1)
    ]
    texts = [changelog.encode_uploads(page) for page in pages]
    return _Read(
        texts,
        [fingerprint([text]) for text in texts],
        [page[0].timestamp or 0 for page in pages],
        # As many as can be among the newest of all months.
        summarize_month(month, uploads, ordered[-changelog.NEWEST_UPLOADS:]),
    )
