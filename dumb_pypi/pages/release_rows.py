"""The releases of a project with their files: the values for templates, and their HTML."""
from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import escape

from dumb_pypi.model import times, urls
from dumb_pypi.model.distfile import Distfile
from dumb_pypi.model.filenames import VARIANTS
from dumb_pypi.model.project import Project, Release
from dumb_pypi.pages import paths, wheel_tags
from dumb_pypi.pages.project_card import python_in_words, readable_size
from dumb_pypi.pages.release_pages import Block

# A release of more wheels than these has a table of them.
WHEELS_IN_LIST = 12
# The names and hashes of more wheels than these are on the simple page only.
WHEELS_LISTED = 100
# A release page links to so many pages: itself and the next older ones, and the oldest one.
PAGES_LINKED = 8
MEGABYTE = 10 ** 6  # bytes
# The characters of requirements that a release shows, if there is another page that has them all.
REQUIREMENTS_SHOWN = 500

_KINDS = {
    'sdist': 'Source', 'bdist_egg': 'Egg', 'bdist_wininst': 'Windows installer',
    'bdist_msi': 'Windows installer', 'bdist_rpm': 'RPM package', 'bdist_dumb': 'Binary archive',
    'bdist_dmg': 'macOS disk image', VARIANTS: 'Variants of the wheels',
}
_LATEST = ' <i class="tag ok">latest</i>'
_PRERELEASE = ' <i class="tag">pre-release</i>'
_YANKED = ' <i class="tag warn">yanked</i>'


class FileView(NamedTuple):
    """A file of a release; unknown texts are None.

    `url` and `metadata_url` are None if the file is not offered. `kind` describes what the file
    runs on, `bytes` is its size. These are None if they equal those of the release:
    `requires_python`, `uploaded`, `uploaded_by` and `yanked_reason`.
    """
    filename: str
    url: str | None
    kind: str
    size: str | None
    bytes: int | None
    digest: str | None
    requires_python: str | None
    uploaded: str | None
    uploaded_by: str | None
    yanked_reason: str | None
    metadata_url: str | None
    provenance: str | None


class ReleaseView(NamedTuple):
    """A release on a page of its project; `anchor` is the fragment of links to it.

    Files without a version come last, as a release without a name and an anchor. `uploaded` is when
    its first file was uploaded, to the minute. `python` has the Python versions that it requires in
    words. `yanked_reason` is '' if the release is yanked without a reason. `requires` says what it
    requires if the page does not say so elsewhere; `requires_url` is that of a page with all of it,
    if `requires` does not have it. If `open`, the release is shown unfolded.
    """
    name: str | None
    anchor: str | None
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


class ListedView(NamedTuple):
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


class NumberView(NamedTuple):
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


class ReleaseRows:
    """The HTML of releases, which is made if a template prints this object.

    Thousands of rows take a third of the time that a macro would take.
    """

    def __init__(self, releases: Sequence[ReleaseView], simple_url: str) -> None:
        self._releases = releases
        self._simple_url = simple_url

    def __html__(self) -> str:
        return ''.join(_release_html(release, self._simple_url) for release in self._releases)


def release_views(
        project: Project, block: Block, page: ReleasesPage,
) -> Sequence[ReleaseView]:
    """Return the releases of a block, newest first; files without a version come last."""
    offered, latest = not project.quarantined, page.latest
    views = []
    # The requirements of the releases above, and which of those to point to.
    required = None if latest is None else latest.best_informed.requires_dist
    holder = None
    of_latest = required
    for release in reversed(block.releases):
        best, reason, uploaded = release.best_informed, release.yanked_reason, release.uploaded
        requires_python, requires_dist = best.requires_python, best.requires_dist
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
        uploader = release.uploaded_by
        views.append(ReleaseView(
            release.name,
            urls.quote_path(release.name),
            None if uploaded is None else times.to_the_minute(uploaded),
            uploader,
            None if requires_python is None else python_in_words(requires_python),
            requires_python,
            requires,
            requires_url,
            reason,
            release is latest and offered,
            release.prerelease,
            release is latest,
            [
                _file_view(file, page.prefix, offered, requires_python, uploaded, uploader, reason)
                for file in release.files
            ],
        ))
    if block.unversioned:
        views.append(ReleaseView(
            None, None, None, None, None, None, None, None, None, False, False, not views,
            [
                _file_view(file, page.prefix, offered, None, None, None, None)
                for file in block.unversioned
            ],
        ))
    return views


def page_numbers(project: str, number: int) -> Sequence[NumberView]:
    """Return the release pages that one of them links to: itself and older ones, newest first.

    Numbers count from the oldest page, so that they stay. There is no link to newer pages.
    """
    page = paths.release_page(project, number)
    numbers = [*range(number, max(number - PAGES_LINKED, 1), -1), 1]
    return [
        NumberView(
            other, urls.from_page(page, paths.release_page(project, other)), other == number,
            before - other > 1,
        ) for before, other in zip([number, *numbers], numbers, strict=False)
    ]


def filter_word(block: Block) -> str | None:
    """Return a word that finds releases of a block by the systems of wheels, None if none does."""
    names = [file.line.filename for file in block.files if file.is_wheel]
    return next((
        word for word, tag in (('musl', '-musllinux'), ('Windows', '-win'), ('macOS', '-macosx'))
        if any(tag in name for name in names)
    ), None)


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
) -> Sequence[ListedView]:
    """Return older releases, with the numbers of their pages, as the project's page lists them."""
    page = paths.project_page(project.name)
    views = []
    for number, release in listed:
        url = urls.from_page(page, paths.release_page(project.name, number))
        requires_python, uploaded = release.best_informed.requires_python, release.uploaded
        views.append(ListedView(
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


def _file_view(
        file: Distfile, prefix: str, offered: bool, requires_python: str | None,
        released: float | None, uploader: str | None, yanked_reason: str | None,
) -> FileView:
    line = file.line
    url = None
    if offered:
        url = urls.join(prefix, file.url)
    size, timestamp = line.size, line.upload_timestamp
    uploaded = None
    if timestamp is not None and (released is None or not times.same_day(timestamp, released)):
        uploaded = times.date(timestamp)
    return FileView(
        line.filename,
        url,
        wheel_tags.describe(line.filename) if file.is_wheel else _kind(
            file.packagetype, file.python_version,
        ),
        None if size is None else readable_size(size),
        size,
        line.hash,
        None if line.requires_python == requires_python else line.requires_python,
        uploaded,
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


def html(text: str) -> str:
    """Escape a text; most have nothing to escape, and looking first is faster."""
    if '&' in text or '<' in text or '>' in text or '"' in text or "'" in text:
        return str(escape(text))
    return text


# Uploaders, Python versions and kinds of files are the same again and again.
html_of_common = functools.lru_cache(maxsize=4096)(html)


def _bdi(text: str) -> str:
    """Escape a text, and keep it from turning around the direction of others, as ASCII cannot."""
    escaped = html_of_common(text)
    return escaped if text.isascii() else f'<bdi>{escaped}</bdi>'


def _release_html(release: ReleaseView, simple_url: str) -> str:
    (
        name, anchor, uploaded, _, python, _, _, _, reason, latest, prerelease, open_, files,
    ) = release
    shown = 'Files without a version' if name is None else html(name)
    # The latest release is yanked if all are.
    tags = f'{_LATEST if latest and reason is None else ""}{_PRERELEASE if prerelease else ""}'
    if reason is not None:
        shown, tags = f'<s>{shown}</s>', tags + _YANKED
    count = f'{len(files)} files' if len(files) > 1 else '1 file'
    requires = '' if python is None else f'<span>Python {html_of_common(python)}</span>'
    date = '' if uploaded is None else f'<time>{uploaded[:10]}</time>'
    return (
        f'<details{" open" if open_ else ""}><summary><b>{shown}{tags}</b>'
        f'<span>{count}</span>{requires}{date}</summary>\n{_notes_html(release)}'
        f'{_files_html(files, anchor, simple_url)}</details>\n'
    )


def _notes_html(release: ReleaseView) -> str:
    """Return what a release says above its files: why it is yanked, who uploaded it."""
    notes = why = ''
    if release.yanked_reason:
        why = f'<p class="why">Yanked: <bdi>{html(release.yanked_reason)}</bdi></p>\n'
    if release.uploaded is not None:
        notes = f'Uploaded {release.uploaded} UTC'
    if release.uploaded_by is not None:
        notes = f'{notes or "Uploaded"} by {_bdi(release.uploaded_by)}'
    if release.requires is not None:
        # Last, so that it cannot turn around the direction of another text.
        notes += f'{". " if notes else ""}{html(release.requires)}'
        if release.requires_url is not None:
            notes += f', see its <a href="{html(release.requires_url)}">JSON page</a>'
    return f'{why}<p>{notes}</p>\n' if notes else why


def _files_html(files: Sequence[FileView], anchor: str | None, simple_url: str) -> str:
    """Return the files of a release; many wheels are a table, with their names below."""
    # It is inside of the folded part: then browsers unfold it for a link to it.
    anchor = f' id="{anchor}"' if anchor else ''
    wheels = [] if len(files) <= WHEELS_IN_LIST else [
        file for file in files if file.url is not None and file.filename.lower().endswith('.whl')
    ]
    if len(wheels) <= WHEELS_IN_LIST:
        return f'<ul class="files"{anchor}>\n{"".join(map(_file_html, files))}</ul>\n'
    others = ''.join(_file_html(file) for file in files if file not in wheels)
    sizes = [wheel.bytes for wheel in wheels if wheel.bytes is not None]
    unit = 'kB' if sizes and max(sizes) < MEGABYTE else 'MB'
    return ''.join((
        f'<p{anchor}>Each number is a wheel to download, and its size in {unit}.</p>\n',
        _grid_html(wheels, unit),
        f'<ul class="files">\n{others}</ul>\n' if others else '',
        *(
            _folds_html(wheels) if len(wheels) <= WHEELS_LISTED else
            (f'<p>Names and hashes: see the <a href="{html(simple_url)}">simple index</a></p>\n',)
        ),
    ))


def _grid_html(wheels: Sequence[FileView], unit: str) -> str:
    pythons, systems = wheel_tags.grid([wheel.filename for wheel in wheels])
    head = ''.join(f'<th scope="col">{html(python)}</th>' for python in pythons)
    rows = ''.join(
        f'<tr><th scope="row">{html(system)}</th>' + ''.join(
            f'<td>{" ".join(_cell_html(wheels[index], unit) for index in cell)}</td>'
            for cell in cells
        ) + '</tr>\n' for system, cells in systems
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Wheels by system and Python">'
        f'<table class="grid"><thead><tr><td></td>{head}</tr></thead>\n<tbody>\n{rows}</tbody>'
        '</table></div>\n'
    )


def _cell_html(wheel: FileView, unit: str) -> str:
    size = 'wheel'
    if wheel.bytes is not None and wheel.bytes >= MEGABYTE:
        size = f'{wheel.bytes / MEGABYTE:.1f}'
    elif wheel.bytes is not None:
        # A number without a unit has that of the table.
        size = f'{max(round(wheel.bytes / 1000), 1)}{"" if unit == "kB" else " kB"}'
    yanked = '' if wheel.yanked_reason is None else ' yanked'
    return f'<a href="{html(wheel.url or "")}">{size}</a>{yanked}'


def _folds_html(wheels: Sequence[FileView]) -> Iterator[str]:
    yield '<p>Names and hashes:</p>\n'
    families: dict[str, list[FileView]] = {}
    for wheel in wheels:
        system = wheel.kind.partition('; ')[2]
        families.setdefault(wheel_tags.family(system), []).append(wheel)
    for family in sorted(families, key=wheel_tags.family_key):
        members = families[family]
        yield (
            f'<details class="fold"><summary>{family} <span>{len(members)}</span></summary>\n'
            f'<ul class="files">\n{"".join(map(_file_html, members))}</ul></details>\n'
        )


def _file_html(file: FileView) -> str:
    filename, url, kind, size, _, digest, python, uploaded, by, reason, _, provenance = file
    why = more = ''
    if url is None:
        link = f'<a>{html(filename)}</a>'
    else:
        href = html(url)
        # If the URL ends with the file's name, it has nothing to escape either.
        plain = href is url and url.endswith(filename)
        link = f'<a href="{href}">{filename if plain else html(filename)}</a>'
    if reason is not None:
        why = (
            f'<p class="why">Yanked{": " if reason else ""}<bdi>{html(reason)}</bdi></p>'
        )
    if python is not None:
        more = f'; requires Python {html(python)}'
    if size is not None:
        more += f' · {size}'
    if uploaded is not None:
        more += f' · <time>{uploaded}</time>'
    if by is not None:
        more += f' by {_bdi(by)}'
    if provenance is not None:
        more += f' · <a href="{html(provenance)}">provenance</a>'
    return (
        f'<li>{link}{why}<span>{html_of_common(kind)}{more}</span>'
        f'{f"<code>{digest}</code>" if digest else ""}</li>\n'
    )
