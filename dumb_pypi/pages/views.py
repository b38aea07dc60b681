"""Views: releases, files and dependencies in the form that templates print."""
from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import quote

from dumb_pypi.model import times, urls
from dumb_pypi.model.distfile import Distfile
from dumb_pypi.model.filenames import VARIANTS
from dumb_pypi.model.project import Release
from dumb_pypi.pages import paths, wheel_tags
from dumb_pypi.pages.release_pages import Block

# The number of files that a project's page shows before it folds older releases.
FILES_SHOWN = 30

_REQUIREMENT = re.compile('[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?')
# A marker that names an extra, as in `foo>=1; python_version < "3.9" and extra == "bar"`.
_EXTRA = re.compile(r''';.*\bextra\s*(?:[=!]=|in\b)|;.*['"]\s*(?:[=!]=|in)\s*extra\b''')
_KINDS = {
    'sdist': 'Source', 'bdist_egg': 'Egg', 'bdist_wininst': 'Windows installer',
    'bdist_msi': 'Windows installer', 'bdist_rpm': 'RPM package', 'bdist_dumb': 'Binary archive',
    'bdist_dmg': 'macOS disk image', VARIANTS: 'Variants of the wheels',
}


class FileView(NamedTuple):
    """A file on its project's page; unknown texts are None.

    `url` and `metadata_url` are None if the file is not offered. `kind` describes what the file
    runs on. `requires_python` and `yanked_reason` are None if they equal those of the release.
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

    Files without a version come last, as a release without a name and an anchor. `yanked_reason` is
    '' if the release is yanked without a reason. If `open`, the release is shown unfolded.
    """
    name: str | None
    anchor: str | None
    uploaded: str | None
    requires_python: str | None
    yanked_reason: str | None
    prerelease: bool
    open: bool
    files: Sequence[FileView]


class OlderView(NamedTuple):
    """A page of older releases, from the `first` to the `last`; `url` links to it.

    Both are None if it has only files without a version.
    """
    url: str
    first: str | None
    last: str | None
    releases: int


class RequirementView(NamedTuple):
    """A dependency: its name, the URL of a search for it, and the rest of the requirement.

    If it has no name, `rest` is the requirement.
    """
    name: str | None
    url: str | None
    rest: str


class LinkView(NamedTuple):
    """A project in a list of projects; `url` links to its page."""
    name: str
    url: str


def release_views(
        block: Block, prefix: str, *, offered: bool, latest: Release | None = None,
) -> Sequence[ReleaseView]:
    """Return the releases of a block, newest first; files without a version come last.

    Files have links if they are `offered`. The `latest` release is shown unfolded.
    """
    views: list[ReleaseView] = []
    shown = 0
    for release in reversed(block.releases):
        requires_python = release.best_informed.requires_python
        reason = release.yanked_reason
        fits = not views or release is latest or shown + len(release.files) <= FILES_SHOWN
        shown += len(release.files) if fits else FILES_SHOWN
        views.append(ReleaseView(
            release.name,
            urls.quote_path(release.name),
            None if release.uploaded is None else times.date(release.uploaded),
            requires_python,
            reason,
            release.prerelease,
            fits,
            [_file_view(file, prefix, offered, requires_python, reason) for file in release.files],
        ))
    if block.unversioned:
        views.append(ReleaseView(
            None, None, None, None, None, False, not views,
            [_file_view(file, prefix, offered, None, None) for file in block.unversioned],
        ))
    return views


def older_views(project: str, older: Sequence[Block]) -> Sequence[OlderView]:
    """Return the release pages of a project, newest first, as its page shows them."""
    page = paths.project_page(project)
    return [
        OlderView(
            urls.from_page(page, paths.release_page(project, number)), block.first, block.last,
            len(block.releases),
        ) for number, block in reversed([*enumerate(older, start=1)])
    ]


def _file_view(
        file: Distfile, prefix: str, offered: bool, requires_python: str | None,
        yanked_reason: str | None,
) -> FileView:
    line = file.line
    url = urls.join(prefix, file.url)
    digest, size, timestamp = file.digest, line.size, line.upload_timestamp
    return FileView(
        line.filename,
        url if offered else None,
        wheel_tags.describe(line.filename) if file.is_wheel else _kind(
            file.packagetype, file.python_version,
        ),
        None if size is None else readable_size(size),
        None if digest is None else str(digest),
        None if line.requires_python == requires_python else line.requires_python,
        None if timestamp is None else times.to_the_minute(timestamp),
        line.uploaded_by,
        None if line.yanked_reason == yanked_reason else line.yanked_reason,
        f'{url}.metadata' if file.core_metadata and offered else None,
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


def requirement_views(
        requires_dist: Iterable[str], page: str,
) -> tuple[Sequence[RequirementView], Sequence[RequirementView]]:
    """Return the dependencies that are always required, and those that an extra requires."""
    required: list[RequirementView] = []
    optional: list[RequirementView] = []
    for text in requires_dist:
        views = optional if _EXTRA.search(text) else required
        views.append(_requirement_view(text, page))
    return required, optional


def _requirement_view(text: str, page: str) -> RequirementView:
    found = _REQUIREMENT.match(text)
    if found is None:
        return RequirementView(None, None, text)
    url = f'{urls.from_page(page, "")}?q={quote(found[0])}'
    return RequirementView(found[0], url, text[found.end():])


def link_views(projects: Iterable[str], page: str) -> Sequence[LinkView]:
    """Return links from `page`, a path, to the pages of projects."""
    root = '../' * page.count('/')
    return [LinkView(name, f'{root}project/{name}/') for name in projects]


def readable_size(size: int) -> str:
    """Return a number of bytes with a decimal unit.

    >>> readable_size(999), readable_size(1_500), readable_size(2_000_000_000)
    ('999 B', '1.5 kB', '2.0 GB')
    """
    if size < 1000:
        return f'{size} B'
    amount, unit = size / 1000, 'kB'
    for larger in ('MB', 'GB', 'TB', 'PB', 'EB'):
        if amount < 999.95:
            break
        amount, unit = amount / 1000, larger
    return f'{amount:.1f} {unit}'
