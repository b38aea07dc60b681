"""Views of the latest releases, and of the list of projects."""
from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from dumb_pypi.model import times, urls
from dumb_pypi.model.project_facts import ACTIVE, QUARANTINED
from dumb_pypi.pages import paths, project_list
from dumb_pypi.pages.changelog import Upload
from dumb_pypi.pages.project_list import ListPage
from dumb_pypi.pages.release_pages import url_of_release
from dumb_pypi.pages.summaries import most_used, NewRelease, ProjectSummary

# The number of rows of the home page's list of releases, each of one project and day.
HOME_NEWS = 20
# The number of projects on its lists of new ones and of those that others require.
NEW_PROJECTS = 8
USED_PROJECTS = 8
# The characters that a list shows of a text of any length, and that a narrow one shows.
LISTED_TEXT = 160
NARROW_TEXT = 60


class TagView(NamedTuple):
    """A word at a name, such as "deprecated"; `kind` is its class: `ok`, `warn`, `bad` or ''."""
    name: str
    kind: str


class NewsView(NamedTuple):
    """The releases of a project on one day; `url` links to the project's page.

    `version` is the latest or else the newest of them, and `release_url` links to it: both are None
    if the project is quarantined. `others` is the number of the other releases. `uploaded` is the
    time of the newest one, `moment` the same for scripts.
    """
    project: str
    url: str
    version: str | None
    release_url: str | None
    others: int
    tags: Sequence[TagView]
    summary: str | None
    uploaded: str
    moment: str
    uploaded_by: str | None


class NewsDayView(NamedTuple):
    """A day with releases; `date` is for scripts, `name` is the heading."""
    date: str
    name: str
    news: Sequence[NewsView]


class NewProjectView(NamedTuple):
    """A new project; `url` links to its page, `uploaded` is the date of its first upload."""
    name: str
    url: str
    summary: str | None
    uploaded: str


class UsedView(NamedTuple):
    """A project that `dependents` others require; `url` links to its page."""
    name: str
    url: str
    dependents: str


class ListedView(NamedTuple):
    """A project in the list of projects; `url` links to its page.

    `dependents` is the number of projects that require it, None if there are none.
    """
    name: str
    url: str
    version: str | None
    tags: Sequence[TagView]
    summary: str | None
    dependents: str | None
    uploaded: str | None


class LinkView(NamedTuple):
    """A project in a list of names; `url` links to its page."""
    name: str
    url: str


class SectionView(NamedTuple):
    """Projects below a heading, which is None if the page has one section."""
    letter: str | None
    anchor: str | None
    projects: Sequence[ListedView]


class LetterView(NamedTuple):
    """A letter; `url` links to its projects, None if there are none; `current` if it is shown."""
    name: str
    url: str | None
    current: bool


class NumberView(NamedTuple):
    """The number of a page; `url` is None if there is no link.

    `gap` says whether the numbers before it are omitted.
    """
    number: int
    url: str | None
    current: bool
    gap: bool


_LETTER_NAMES = {project_list.DIGITS: '0\N{EN DASH}9', project_list.OTHER: 'Other'}
_NEW = TagView('new', 'ok')
_YANKED = TagView('yanked', 'warn')
_PRERELEASE = TagView('pre-release', '')
_KINDS = {'archived': '', QUARANTINED: 'bad'}


def news_views(
        uploads: Iterable[Upload], projects: Iterable[ProjectSummary],
) -> Sequence[NewsDayView]:
    """Return the newest releases by day, newest first; `uploads` has the newest uploads."""
    newest = heapq.nlargest(
        HOME_NEWS, (project for project in projects if project.last_release is not None),
        key=lambda project: (project.last_release or 0, project.name),
    )
    found = []
    for project in newest:
        for day, group in groupby(project.newest_releases, key=_date_of_release):
            releases = [*group]
            found.append((releases[0].timestamp, project.name, day, project, releases))
    rows = sorted(found, key=lambda row: row[:2], reverse=True)[:HOME_NEWS]
    # If the index itself is new, so is everything.
    new = {
        (day, name) for _, name, day, project, releases in rows
        if project.releases == len(project.newest_releases)
        and releases[-1] == project.newest_releases[-1]
    }
    marks_new = len(new) < len(rows)
    uploads_of: dict[tuple[str, str | None], list[Upload]] = {}
    for upload in uploads:
        uploads_of.setdefault((upload.project, upload.version), []).append(upload)
    return [
        NewsDayView(day, times.day_in_words(day), [
            _news_view(
                project, releases, uploads_of, new=marks_new and (day, project.name) in new,
            ) for _, _, _, project, releases in group
        ]) for day, group in groupby(rows, key=lambda row: row[2])
    ]


def _date_of_release(release: NewRelease) -> str:
    return times.date(release.timestamp)


def _news_view(
        project: ProjectSummary, releases: Sequence[NewRelease],
        uploads_of: dict[tuple[str, str | None], list[Upload]], *, new: bool,
) -> NewsView:
    versions = [release.release for release in releases]
    version = project.latest if project.latest in versions else versions[0]
    uploads = uploads_of.get((project.name, version), [])
    date, time = times.to_the_minute(releases[0].timestamp).split()
    quarantined = project.status == QUARANTINED
    return NewsView(
        project.name, _project_url(project.name, paths.HOME),
        None if quarantined else version,
        None if quarantined else urls.quote_path(
            url_of_release(project.name, project.page_starts, version),
        ) + f'#{urls.quote_path(version)}',
        0 if quarantined else len(releases) - 1,
        _tags(
            project.status, yanked=bool(uploads) and all(upload.yanked for upload in uploads),
            prerelease=version == project.latest and project.latest_prerelease, new=new,
        ),
        shortened(project.summary), time, f'{date}T{time}Z',
        shortened(uploads[0].uploaded_by) if uploads else None,
    )


def _tags(status: str, *, yanked: bool, prerelease: bool, new: bool = False) -> list[TagView]:
    """Return the tags of a project; `yanked` and `prerelease` are about the release shown."""
    tags = [] if status == ACTIVE else [TagView(status, _KINDS.get(status, 'warn'))]
    if status == QUARANTINED:
        return tags
    if yanked:
        tags.append(_YANKED)
    if prerelease:
        tags.append(_PRERELEASE)
    if new:
        tags.append(_NEW)
    return tags


def new_project_views(projects: Iterable[ProjectSummary]) -> Sequence[NewProjectView]:
    """Return the newest projects, newest first, as the home page lists them."""
    newest = heapq.nlargest(NEW_PROJECTS, (
        (project.first_uploaded, project.name, project.summary) for project in projects
        if project.first_uploaded is not None and project.status != QUARANTINED
    ))
    return [
        NewProjectView(
            name, _project_url(name, paths.HOME), shortened(summary, NARROW_TEXT),
            times.date(uploaded),
        ) for uploaded, name, summary in newest
    ]


def used_views(projects: Iterable[ProjectSummary]) -> Sequence[UsedView]:
    """Return the projects that most others require, as the home page lists them."""
    return [
        UsedView(project.name, _project_url(project.name, paths.HOME), f'{project.dependents:,}')
        for project in most_used(projects, USED_PROJECTS)
    ]


def section_views(
        page: ListPage, projects: Sequence[ProjectSummary], used: Sequence[ProjectSummary],
) -> Sequence[SectionView]:
    """Return the projects on a page of the list, by letter if it shows several."""
    if page.is_overview:
        return [
            SectionView(heading, anchor, [listed_view(project, page.path) for project in found])
            for heading, anchor, found in (
                ('Most used', ':used', used), ('Recently released', ':recent', projects),
            ) if found
        ]
    views = [listed_view(project, page.path) for project in projects]
    if page.letter is not None or len(views) <= project_list.PROJECTS_WITHOUT_LETTERS:
        return [SectionView(None, None, views)] if views else []
    found = {view.name: view for view in views}
    return [
        SectionView(_letter_name(letter), _anchor(letter), [found[name] for name in names])
        for letter, names in project_list.by_letter([*found])
    ]


def listed_view(project: ProjectSummary, page: str) -> ListedView:
    """Return a project as `page`, a path, lists it."""
    quarantined = project.status == QUARANTINED
    uploaded = project.latest_uploaded
    return ListedView(
        project.name, _project_url(project.name, page),
        None if quarantined else project.latest,
        _tags(
            project.status, yanked=project.latest_yanked, prerelease=project.latest_prerelease,
        ),
        shortened(project.summary),
        f'{project.dependents:,}' if project.dependents else None,
        None if quarantined or uploaded is None else times.date(uploaded),
    )


def link_views(projects: Iterable[str], page: str) -> Sequence[LinkView]:
    """Return links from `page`, a path, to the pages of projects."""
    root = '../' * page.count('/')
    return [LinkView(name, f'{root}project/{name}/') for name in projects]


def letter_views(page: ListPage, sections: Sequence[SectionView]) -> Sequence[LetterView]:
    """Return the letters that a page of the list links to; none if it has few projects.

    If each letter has pages, the overview comes first, as if it were a letter.
    """
    if page.is_overview or page.letter is not None:
        urls_of_letters = {
            letter: _list_url(page, letter, 1) for letter in project_list.LETTERS
        }
        views = [LetterView('Overview', './', page.is_overview)]
    elif len(sections) > 1:
        anchors = {section.letter: f'#{section.anchor}' for section in sections}
        urls_of_letters = {
            letter: anchors.get(_letter_name(letter)) for letter in project_list.LETTERS
        }
        views = []
    else:
        return []
    return views + [
        LetterView(_letter_name(letter), url, letter == page.letter)
        for letter, url in urls_of_letters.items()
        if letter != project_list.OTHER or letter == page.letter or url is not None
    ]


def number_views(page: ListPage) -> Sequence[NumberView]:
    """Return the pages of a letter that a page of the list links to; none if it is the only one."""
    if page.letter is None or page.last == 1:
        return []
    numbers = project_list.near(page.number, page.last)
    return [
        NumberView(
            number, _list_url(page, page.letter, number), number == page.number,
            number - before > 1,
        ) for before, number in zip([0, *numbers], numbers, strict=False)
    ]


def _list_url(page: ListPage, letter: str, number: int) -> str | None:
    """Return the URL of another page of the list, None if `page` does not link to it."""
    path = paths.project_list_page(letter, number)
    if path != page.path and path not in page.links:
        return None
    return urls.from_page(page.path, path)


def letter_name(page: ListPage) -> str | None:
    """Return the letter of a page of the list as it is shown, None if it has several."""
    return None if page.letter is None else _letter_name(page.letter)


def _letter_name(letter: str) -> str:
    return _LETTER_NAMES.get(letter) or letter.upper()


def _anchor(letter: str) -> str:
    # A colon is in no version and no name, so it never is the target of another link.
    return f':{letter}'


def _project_url(name: str, page: str) -> str:
    return urls.from_page(page, paths.folder(paths.project_page(name)))


def shortened(text: str | None, limit: int = LISTED_TEXT) -> str | None:
    """Return a text, or as much of it as a list shows."""
    if text is None or len(text) <= limit:
        return text
    return f'{text[:limit - 1]}…'
