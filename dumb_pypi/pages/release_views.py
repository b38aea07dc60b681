"""Views of the releases of a project and of their files.

Templates get them. The rows of the built-in ones, in `release_rows`, are made without them: a page
shows dozens of files, and to make a view of each took a third of the time of a page.
"""
from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

from dumb_pypi.model import times, urls
from dumb_pypi.model.distfile import Distfile
from dumb_pypi.model.filenames import VARIANTS
from dumb_pypi.model.project import Project, Release
from dumb_pypi.pages import paths, wheel_tags
from dumb_pypi.pages.project_card import python_in_words, readable_size
from dumb_pypi.pages.release_pages import Block, release_anchor

# A release page links to so many pages: itself and the next older ones, and the oldest one.
PAGES_LINKED = 8
# The characters of requirements that a release shows, if there is another page that has them all.
REQUIREMENTS_SHOWN = 500

_KINDS = {
    'sdist': 'Source', 'bdist_egg': 'Egg', 'bdist_wininst': 'Windows installer',
    'bdist_msi': 'Windows installer', 'bdist_rpm': 'RPM package', 'bdist_dumb': 'Binary archive',
    'bdist_dmg': 'macOS disk image', VARIANTS: 'Variants of the wheels',
}


class FileView(NamedTuple):
    """A file of a release; unknown texts are None.

    `url` and `metadata_url` are None if the file is not offered. `kind` describes what the file
    runs on. These are None if they equal those of the release:
    `requires_python`, `uploaded`, `uploaded_by` and `yanked_reason`.
    """
    filename: str
    url: str | None
    kind: str
    size: str | None
    digest: str | None
    requires_python: str | None
    uploaded: str | None
    uploaded_by: str | None
    yanked_reason: str | None
    metadata_url: str | None
    provenance: str | None


class ReleaseView(NamedTuple):
    """A release on a page of its project; `anchor` is the fragment of links to it.

    `pin` is the requirement that installs it, None if clients cannot or should not.
    Files without a version come last, as a release without a name and an anchor. `uploaded` is when
    its first file was uploaded, to the minute. `python` has the Python versions that it requires in
    words. `yanked_reason` is '' if the release is yanked without a reason. `requires` says what it
    requires if the page does not say so elsewhere; `requires_url` is that of a page with all of it,
    if `requires` does not have it. If `open`, the release is shown unfolded.
    """
    name: str | None
    anchor: str | None
    pin: str | None
    uploaded: str | None
    uploaded_by: str | None
    python: str | None
    requires_python: str | None
    requires: str | None
    requires_url: str | None
    yanked_reason: str | None
    latest: bool
    prerelease: bool
    open: bool
    files: Sequence[FileView]


class ListedReleaseView(NamedTuple):
    """An older release that the project's page lists; `url` is that of its place on its own page.

    `uploaded` is a date, `files` is the number of its files, `python` is as in `ReleaseView`.
    """
    name: str
    url: str
    uploaded: str | None
    python: str | None
    latest: bool
    prerelease: bool
    yanked: bool
    files: int


class ReleasePageView(NamedTuple):
    """The number of a release page; `gap` says whether the numbers before it are omitted."""
    number: int
    url: str
    current: bool
    gap: bool


class OlderView(NamedTuple):
    """A page of older releases, from the `first` to the `last`; `url` links to it.

    Both are None if it has only files without a version. `first_month` and `last_month` are those
    of their uploads.
    """
    url: str
    first: str | None
    last: str | None
    first_month: str | None
    last_month: str | None
    releases: int


class ReleasesPage(NamedTuple):
    """What the releases on a page have in common.

    `path` is that of the page, `prefix` the prefix of relative URLs of files. `latest` is None on a
    page that must not change when there is a newer release. `release_json` says whether each
    release has a page in the JSON API.
    """
    path: str
    prefix: str
    latest: Release | None
    release_json: bool


class ReleaseViews(Sequence[ReleaseView]):
    """The releases of a block, newest first; files without a version come last.

    They are made when a template looks at one of them: ours only counts them.
    """

    def __init__(self, project: Project, block: Block, page: ReleasesPage) -> None:
        self._project = project
        self._block = block
        self._page = page

    def __len__(self) -> int:
        return len(self._block.releases) + bool(self._block.unversioned)

    @overload
    def __getitem__(self, index: int) -> ReleaseView: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[ReleaseView]: ...

    def __getitem__(self, index: int | slice) -> ReleaseView | Sequence[ReleaseView]:
        return self._views[index]

    @functools.cached_property
    def _views(self) -> Sequence[ReleaseView]:
        return release_views(self._project, self._block, self._page)


def release_views(project: Project, block: Block, page: ReleasesPage) -> Sequence[ReleaseView]:
    """Return the releases of a block, newest first; files without a version come last."""
    offered = not project.quarantined
    views = []
    for release, requires, requires_url in requirements_shown(project, block, page):
        reason, uploaded, uploader = (
            release.yanked_reason, release.uploaded, release.uploaded_by,
        )
        requires_python = release.best_informed.requires_python
        views.append(ReleaseView(
            release.name,
            release_anchor(release.name),
            pin_of(project, release),
            None if uploaded is None else times.to_the_minute(uploaded),
            uploader,
            None if requires_python is None else python_in_words(requires_python),
            requires_python,
            requires,
            requires_url,
            reason,
            release is page.latest and offered,
            release.prerelease,
            release is page.latest,
            [
                _file_view(file, page.prefix, offered, requires_python, uploaded, uploader, reason)
                for file in release.files
            ],
        ))
    if block.unversioned:
        views.append(ReleaseView(
            None, None, None, None, None, None, None, None, None, None, False, False, not views,
            [
                _file_view(file, page.prefix, offered, None, None, None, None)
                for file in block.unversioned
            ],
        ))
    return views


def requirements_shown(
        project: Project, block: Block, page: ReleasesPage,
) -> Iterator[tuple[Release, str | None, str | None]]:
    """Yield the releases of a block, newest first, with `requires` and `requires_url` of views."""
    # The requirements of the releases above, and which of those to point to.
    required = of_latest = None if page.latest is None else page.latest.best_informed.requires_dist
    holder = None
    for release in reversed(block.releases):
        requires_dist = release.best_informed.requires_dist
        requires = requires_url = None
        if requires_dist is not None and requires_dist != of_latest:
            if requires_dist == required:
                requires = f'Requires the same as {holder}'
            else:
                required, holder = requires_dist, release.name
                requires = f'Requires {", ".join(requires_dist)}' if requires_dist else (
                    'Requires no other project'
                )
                if len(requires) > REQUIREMENTS_SHOWN and page.release_json:
                    requires = f'Requires {len(requires_dist)} distributions'
                    requires_url = urls.from_page(
                        page.path, paths.release_json(project.name, release.name),
                    )
        yield release, requires, requires_url


def page_numbers(project: str, number: int) -> Sequence[ReleasePageView]:
    """Return the release pages that one of them links to: itself and older ones, newest first.

    Numbers count from the oldest page, so that they stay. There is no link to newer pages.
    """
    page = paths.release_page(project, number)
    numbers = [*range(number, max(number - PAGES_LINKED, 1), -1), 1]
    return [
        ReleasePageView(
            other, urls.from_page(page, paths.release_page(project, other)), other == number,
            before - other > 1,
        ) for before, other in zip([number, *numbers], numbers, strict=False)
    ]


def filter_word(block: Block) -> str | None:
    """Return a word that finds releases of a block by the systems of wheels, None if none does."""
    names = '\n'.join([
        file.line.filename for file in block.files if file.packagetype == 'bdist_wheel'
    ])
    for word, tag in (('musl', '-musllinux'), ('Windows', '-win'), ('macOS', '-macosx')):
        if tag in names:
            return word
    return None


def older_views(project: str, older: Sequence[Block]) -> Sequence[OlderView]:
    """Return the release pages of a project, newest first, as its page shows them."""
    page = paths.project_page(project)
    return [
        OlderView(
            urls.from_page(page, paths.release_page(project, number)), block.first, block.last,
            *_first_and_last_month(block), len(block.releases),
        ) for number, block in reversed([*enumerate(older, start=1)])
    ]


def listed_views(
        project: Project, listed: Sequence[tuple[int, Release]],
) -> Sequence[ListedReleaseView]:
    """Return older releases, with the numbers of their pages, as the project's page lists them."""
    page = paths.project_page(project.name)
    views = []
    for number, release in listed:
        url = urls.from_page(page, paths.release_page(project.name, number))
        requires_python, uploaded = release.best_informed.requires_python, release.uploaded
        views.append(ListedReleaseView(
            release.name,
            f'{url}#{urls.quote_path(release.name)}',
            None if uploaded is None else times.date(uploaded),
            None if requires_python is None else python_in_words(requires_python),
            release is project.latest and not (project.quarantined or release.yanked),
            release.prerelease,
            release.yanked,
            len(release.files),
        ))
    return views


def _first_and_last_month(block: Block) -> tuple[str | None, str | None]:
    uploads = [release.uploaded for release in block.releases if release.uploaded is not None]
    return (times.month(min(uploads)), times.month(max(uploads))) if uploads else (None, None)


def pin_of(project: Project, release: Release) -> str | None:
    """Return the requirement that installs a release, None if clients cannot or should not."""
    if release.version is None or project.quarantined:
        return None
    return f'{project.name}=={release.name}'


def kind_of(file: Distfile) -> str:
    """Describe what a file runs on."""
    if file.packagetype == 'bdist_wheel':
        return wheel_tags.describe(file.line.filename)
    return _kind(file.packagetype, file.python_version)


def own_date(uploaded: float | None, released: float | None) -> str | None:
    """Return the date of a file's upload, None if that is unknown or the date of its release."""
    if uploaded is None or uploaded == released:
        return None
    if released is not None and times.same_day(uploaded, released):
        return None
    return times.date(uploaded)


def _file_view(
        file: Distfile, prefix: str, offered: bool, requires_python: str | None,
        released: float | None, uploader: str | None, yanked_reason: str | None,
) -> FileView:
    line = file.line
    url = urls.join(prefix, file.url) if offered else None
    return FileView(
        line.filename,
        url,
        kind_of(file),
        None if line.size is None else readable_size(line.size),
        line.hash,
        None if line.requires_python == requires_python else line.requires_python,
        own_date(line.upload_timestamp, released),
        None if line.uploaded_by == uploader else line.uploaded_by,
        None if line.yanked_reason == yanked_reason else line.yanked_reason,
        f'{url}.metadata' if offered and line.core_metadata is not None else None,
        line.provenance,
    )


@functools.lru_cache
def _kind(packagetype: str, python_version: str) -> str:
    """Describe a file that is not a wheel.

    >>> _kind('bdist_egg', '3.9'), _kind('sdist', 'source')
    ('Egg, Python 3.9', 'Source')
    """
    kind = _KINDS[packagetype]
    return f'{kind}, Python {python_version}' if python_version[:1].isdigit() else kind
