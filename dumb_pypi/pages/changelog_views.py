"""Views of the changelog: uploads by day, and months."""
from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec

from dumb_pypi.model import times, urls
from dumb_pypi.model.times import UNDATED
from dumb_pypi.pages import paths
from dumb_pypi.pages.changelog import page_count, Upload
from dumb_pypi.pages.escaping import escaped, escaped_common
from dumb_pypi.pages.summaries import MonthSummary

_KINDS_OF_FILE = {'bdist_wheel': 'Wheel', 'sdist': 'Source'}


class UploadView(msgspec.Struct, frozen=True, gc=False):
    """Files of one release that somebody uploaded on one day; `url` links to the project's page.

    `kinds` says what they are, and `files` has their names, separated by commas. `uploaded` is the
    time of the first one, as for releases on the home page; None if it is unknown. If the project
    is known to be `quarantined`, the version is None.
    """
    project: str
    url: str
    version: str | None
    yanked: bool
    kinds: str
    files: str
    uploaded: str | None
    uploaded_by: str | None
    quarantined: bool


# Project, version, uploader, and whether the files are yanked.
_RowKey = tuple[str, str | None, str | None, bool]


class UploadDayView(NamedTuple):
    """A day with uploads; `date` is for scripts, `name` the heading: both None if it is unknown."""
    date: str | None
    name: str | None
    uploads: Sequence[UploadView]


class UploadDays(list[UploadDayView]):
    """Days with uploads, and their HTML, which is made if a template prints this object.

    Hundreds of rows take half of the time that a loop in a template would take.
    """

    def __html__(self) -> str:
        return ''.join(map(_day_html, self))


class MonthView(NamedTuple):
    """A month in the changelog; `url` links to its newest page, None if it has no uploads."""
    name: str
    url: str | None
    uploads: str | None


class YearView(NamedTuple):
    """A year in the changelog, with all of its months."""
    name: str
    months: Sequence[MonthView]


def upload_views(
        uploads: Iterable[Upload], page: str, quarantined: Collection[str] = (),
) -> UploadDays:
    """Return uploads, which are newest first, by day, as `page`, a path, shows them.

    The files of one release that the same user uploaded on one day are one row. `quarantined` has
    the names of the quarantined projects, as far as they are known.
    """
    root = '../' * page.count('/')
    days: list[tuple[str | None, dict[_RowKey, list[Upload]]]] = []
    current: object = days  # which is not a day
    for upload in uploads:
        timestamp = upload.timestamp
        day = None if timestamp is None else times.day_of(timestamp)
        if day != current:
            current = day
            rows: dict[_RowKey, list[Upload]] = {}
            days.append((None if timestamp is None else times.date(timestamp), rows))
        key = (upload.project, upload.version, upload.uploaded_by, upload.yanked)
        files = rows.get(key)
        if files is None:
            rows[key] = [upload]
        else:
            files.append(upload)
    return UploadDays(
        UploadDayView(date, None if date is None else times.day_in_words(date), [
            UploadView(
                project, f'{root}project/{project}/',
                None if project in quarantined else version,
                yanked and project not in quarantined, _kinds_of(files),
                files[0].filename if len(files) == 1 else (
                    ', '.join([file.filename for file in files])
                ),
                None if date is None else times.time_of_day(files[-1].timestamp or 0),
                uploaded_by, project in quarantined,
            ) for (project, version, uploaded_by, yanked), files in sorted(
                rows.items(), key=_first_upload, reverse=True,
            )
        ]) for date, rows in days
    )


def _day_html(day: UploadDayView) -> str:
    heading = '' if day.date is None else (
        f'<h2 class="day"><time class="since" datetime="{day.date}">{day.name}</time></h2>\n'
    )
    return f'{heading}<ol class="log dense">\n{"".join(map(_upload_html, day.uploads))}</ol>\n'


def _upload_html(upload: UploadView) -> str:
    # Names of projects, kinds, dates and times have nothing to escape.
    name = f'<a href="{upload.url}">{upload.project}</a>'
    if upload.version is not None:
        name += f' <b>{escaped(upload.version)}</b>'
    if upload.quarantined:
        name += ' <span class="tag bad">quarantined</span>'
    elif upload.yanked:
        name += ' <span class="tag warn">yanked</span>'
    by = '' if upload.uploaded is None else f'<time>{upload.uploaded}</time>'
    if upload.uploaded_by is not None:
        by += f' by <bdi>{escaped_common(upload.uploaded_by)}</bdi>'
    return (
        f'<li><span>{name}</span><details><summary>{upload.kinds}</summary>'
        f'{escaped(upload.files)}</details><span>{by}</span></li>\n'
    )


def _first_upload(row: tuple[_RowKey, Sequence[Upload]]) -> float:
    return row[1][-1].timestamp or 0


def _kinds_of(files: Sequence[Upload]) -> str:
    if len(files) == 1:
        # Most uploads are; a month may have a million.
        return _KINDS_OF_FILE.get(files[0].kind, '1 file')
    kinds = [file.kind for file in files]
    wheels, sources = kinds.count('bdist_wheel'), kinds.count('sdist')
    return _kinds(wheels, sources, len(kinds) - wheels - sources)


@functools.lru_cache
def _kinds(wheels: int, sources: int, others: int) -> str:
    """Describe files by the number of each kind.

    >>> _kinds(1, 1, 0), _kinds(219, 0, 1), _kinds(0, 2, 3), _kinds(0, 0, 1)
    ('Wheel and source', '219 wheels and 1 other file', '2 sources and 3 other files', '1 file')
    """
    parts = [
        word if number == 1 else f'{number} {word}s'
        for number, word in ((wheels, 'wheel'), (sources, 'source')) if number
    ]
    if others:
        parts.append(f'{others} {"other " if parts else ""}file{"" if others == 1 else "s"}')
    return ' and '.join([*([', '.join(parts[:-1])] if parts[:-1] else []), parts[-1]]).capitalize()


def days(uploads: Sequence[Upload]) -> str | None:
    """Return the days of uploads, which are newest first; None if their times are unknown.

    >>> def days_of(*times): return days([Upload(time, 'foo', None, '', None) for time in times])
    >>> days_of(1706702459, 1706616059), days_of(1706702459, 1706700000), days_of(60)
    ('2024-01-30 to 2024-01-31', '2024-01-31, 11:20 to 12:00', '1970-01-01')
    """
    last, first = uploads[0].timestamp, uploads[-1].timestamp
    if first is None or last is None:
        return None
    # The uploads of one day may fill several pages: then the time tells them apart.
    first_day, from_ = times.to_the_minute(first).split()
    last_day, to = times.to_the_minute(last).split()
    if first_day != last_day:
        return f'{first_day} to {last_day}'
    return first_day if from_ == to else f'{first_day}, {from_} to {to}'


def year_views(months: Iterable[MonthSummary], page: str) -> Sequence[YearView]:
    """Return the years of months, which are newest first, as `page`, a path, shows them."""
    dated = (month for month in months if month.month != UNDATED)
    views = []
    for year, group in groupby(dated, key=lambda month: month.month[:4]):
        known = {month.month: month_view(month, page) for month in group}
        names = [(f'{year}-{number:02}', name) for number, name in enumerate(times.MONTHS, 1)]
        views.append(YearView(year, [
            known[month]._replace(name=name) if month in known else MonthView(name, None, None)
            for month, name in names
        ]))
    return views


def month_view(month: MonthSummary, page: str) -> MonthView:
    """Return a month, or the uploads without a date, as `page`, a path, shows it."""
    newest = paths.changelog_page(month.month, page_count(month.uploads))
    return MonthView(month.month, urls.from_page(page, newest), f'{month.uploads:,}')
