"""The months of the changelog: what their pages are functions of."""
from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from dumb_pypi.builder.packages import MonthChanges, Packages
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

# Uploads that are not known, in JSON.
UNKNOWN = msgspec.Raw(b'[]')


class MonthLines(NamedTuple):
    """What the lines of a month say: of each page a fingerprint, and the time of its first upload.

    `texts` has the places of the texts of pages that were read, by their numbers. `last_uploads`
    are those of the last pages, from that of the first newest upload on, in JSON; none if they are
    not known.
    """
    page_fingerprints: Sequence[str]
    page_starts: Sequence[float]
    summary: MonthSummary
    last_uploads: msgspec.Raw = UNKNOWN
    texts: Mapping[int, tuple[int, int]] = {}

    def unchanged_pages(self, since: float, uploads: int) -> int:
        """Return the number of first pages without changes if all changes are of a time or later.

        The newest uploads are on other pages. Of the month there are so many `uploads` now.
        """
        return max(0, min(bisect_left(self.page_starts, since) - 1, _pages_before_newest(uploads)))


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
        packages: Packages, months: Mapping[str, MonthChanges], before: Mapping[str, MonthLines],
        last_uploaded: Callable[[], Mapping[str, float]], texts: Texts, workers: Workers,
) -> dict[str, MonthLines]:
    """Read the lines of months, given with what changed since `before`.

    The first pages of a month that cannot have changed are not read. If lines were added to the
    last pages of the newest month only, nothing is. Projects that did not change may be known to be
    `last_uploaded` at a time.
    """
    uploads = packages.uploads_per_month
    newest = changelog.newest_first(uploads)[:1]
    unchanged = {
        month: before[month].unchanged_pages(changes.since, uploads[month])
        if month in before else 0 for month, changes in months.items()
    }
    tasks: list[_Task] = []
    wanted: dict[str, float] = {}
    for month, pages in unchanged.items():
        lines, added = before.get(month), months[month].added
        if lines is not None and lines.last_uploads != UNKNOWN and added is not None and (
            pages >= (first := _pages_before_newest(lines.summary.uploads))
        ):
            unchanged[month] = first
            tasks.append(_Task(
                month, b''.join(added), changelog.uploads_of_lines, uploads[month], first,
                month in newest, lines.last_uploads,
            ))
        else:
            wanted[month] = before[month].page_starts[pages] if pages else 0
    decode: Callable[[bytes], list[Upload]]
    contents: Iterable[tuple[str, bytes]]
    if packages.uploads is None:
        decode = changelog.uploads_of_lines
        contents = packages.lines_of_months(wanted, last_uploaded()) if wanted else ()
    else:
        decode = changelog.decode_uploads
        contents = ((month, packages.uploads.of_month(month)) for month in wanted)
    to_read = (
        _Task(month, content, decode, uploads[month], unchanged[month], month in newest)
        for month, content in contents
    )
    batches = batched(
        chain(tasks, to_read), lambda task: len(task.content), workers.task_size(_TASK),
    )
    found: dict[str, MonthLines] = {}
    for read in chain.from_iterable(workers.map(_read_months, batches)):
        month = read.summary.month
        pages = unchanged[month]
        fingerprints = before[month].page_fingerprints[:pages] if pages else ()
        starts = before[month].page_starts[:pages] if pages else ()
        found[month] = MonthLines(
            [*fingerprints, *read.fingerprints],
            [*starts, *read.starts], read.summary, read.last_uploads,
            {number: texts.add(text) for number, text in enumerate(read.texts, start=pages + 1)},
        )
    return found


class _Task(NamedTuple):
    """A month to read: its content and how to decode it.

    It has so many `uploads`, those that are `known` among them, and those of the `skipped` first
    pages are not needed.
    """
    month: str
    content: bytes
    decode: Callable[[bytes], list[Upload]]
    uploads: int
    skipped: int
    is_newest: bool
    known: msgspec.Raw = UNKNOWN


class _Read(NamedTuple):
    """What was read of a month, as in `MonthLines`, with the texts themselves."""
    texts: Sequence[bytes]
    fingerprints: Sequence[str]
    starts: Sequence[float]
    summary: MonthSummary
    last_uploads: msgspec.Raw


def _read_months(months: Sequence[_Task]) -> list[_Read]:
    return [_read_month(month) for month in months]


def _read_month(task: _Task) -> _Read:
    month, content, decode, uploads, skipped, is_newest, known = task
    ordered = sorted(
        [*_decode_uploads(known), *decode(content)], key=changelog.upload_key,
    )[skipped * changelog.UPLOADS_A_PAGE - uploads:]
    last = (_pages_before_newest(uploads) - skipped) * changelog.UPLOADS_A_PAGE
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
        # Most builds add uploads to these, and need not read them then.
        msgspec.Raw(msgspec.json.encode(ordered[last:])) if is_newest else UNKNOWN,
    )


def _pages_before_newest(uploads: int) -> int:
    """Return the number of pages of a month before that of the first of its newest uploads."""
    return max(0, uploads - changelog.NEWEST_UPLOADS) // changelog.UPLOADS_A_PAGE


_decode_uploads = msgspec.json.Decoder(list[Upload]).decode
