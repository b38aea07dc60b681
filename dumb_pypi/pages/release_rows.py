"""The HTML of releases and of their files: thousands of rows are faster than by a template."""
from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from dumb_pypi.model import times, urls
from dumb_pypi.model.distfile import Distfile
from dumb_pypi.model.project import Project, Release
from dumb_pypi.pages import wheel_tags
from dumb_pypi.pages.escaping import escaped, escaped_common
from dumb_pypi.pages.project_card import python_in_words, readable_size
from dumb_pypi.pages.release_pages import Block, release_anchor
from dumb_pypi.pages.release_views import (
    kind_of,
    own_date,
    pin_of,
    ReleasesPage,
    requirements_shown,
)

# A release of more wheels than these has a table of them.
WHEELS_IN_LIST = 12
# The names and hashes of more wheels than these are on the simple page only.
WHEELS_LISTED = 100

_LATEST = ' <i class="tag ok">latest</i>'
_PRERELEASE = ' <i class="tag">pre-release</i>'
_YANKED = ' <i class="tag warn">yanked</i>'


# What the files of a release have in common: the Python versions that they require, the time of the
# first upload, the uploader, and why they are yanked. A row shows such a value only if it differs.
_Common = tuple[str | None, float | None, str | None, str | None]
_NOTHING: _Common = (None, None, None, None)


class ReleaseRows:
    """The HTML of the releases of a block, which is made if a template prints this object.

    It shows what `release_views` describes. Thousands of rows take a fifth of the time that views
    and macros would take.
    """

    def __init__(
            self, project: Project, block: Block, page: ReleasesPage, simple_url: str,
    ) -> None:
        self._project = project
        self._block = block
        self._page = page
        self._simple_url = simple_url
        self._offered = not project.quarantined
        self._escaped_prefix = escaped(page.prefix)

    def __html__(self) -> str:
        block = self._block
        rows = [
            self._release_html(release, requires, requires_url)
            for release, requires, requires_url in requirements_shown(
                self._project, block, self._page,
            )
        ]
        if block.unversioned:
            files = block.unversioned
            rows.append(
                f'<details{"" if rows else " open"}><summary><b>Files without a version</b>'
                f'<span>{_count(files)}</span></summary>\n'
                f'{self._files_html(files, _NOTHING)}</details>\n',
            )
        return ''.join(rows)

    def _release_html(
            self, release: Release, requires: str | None, requires_url: str | None,
    ) -> str:
        files, uploaded, uploader = release.files, release.uploaded, release.uploaded_by
        python, reason = release.best_informed.requires_python, release.yanked_reason
        is_latest = release is self._page.latest
        # Of what PEP 440 allows in a version, HTML escapes nothing.
        name = release.name if release.version is not None else escaped(release.name)
        pin = pin_of(self._project, release)
        pin_html = '' if pin is None else f' data-pin="{pin}"'
        # The anchor is inside of the folded part: then browsers unfold it for a link to it.
        anchor = f' id="{release_anchor(release.name)}"'
        tags = date = notes = ''
        # The latest release is yanked if all are.
        if is_latest and reason is None and self._offered:
            tags = _LATEST
        if release.prerelease:
            tags += _PRERELEASE
        if reason is not None:
            name, tags = f'<s>{name}</s>', tags + _YANKED
        if uploaded is not None:
            moment = times.to_the_minute(uploaded)
            date, notes = f'<time>{moment[:10]}</time>', f'Uploaded {moment} UTC'
        if uploader is not None:
            notes = f'{notes or "Uploaded"} by {_bdi(uploader)}'
        if requires is not None:
            # Last, so that it cannot turn around the direction of another text.
            notes += f'{". " if notes else ""}{escaped(requires)}'
            if requires_url is not None:
                notes += f', see its <a href="{escaped(requires_url)}">JSON page</a>'
        if notes:
            notes = f'<p>{notes}</p>\n'
        if reason:
            notes = f'<p class="why">Yanked: <bdi>{escaped(reason)}</bdi></p>\n{notes}'
        return (
            f'<details{pin_html}{" open" if is_latest else ""}>'
            f'<summary><b>{name}{tags}</b>'
            f'<span>{_count(files)}</span>{_python_html(python)}{date}</summary>\n{notes}'
            f'{self._files_html(files, (python, uploaded, uploader, reason), anchor)}</details>\n'
        )

    def _files_html(
            self, files: Sequence[Distfile], common: _Common, attribute: str = '',
    ) -> str:
        """Return the files of a release; many wheels are a table, with their names below."""
        wheels = [] if len(files) <= WHEELS_IN_LIST or not self._offered else [
            file for file in files if file.filename.lower().endswith('.whl')
        ]
        if len(wheels) <= WHEELS_IN_LIST:
            return f'<ul class="files"{attribute}>\n{self._rows_html(files, common)}</ul>\n'
        others = [file for file in files if file not in wheels]
        return ''.join((
            f'<p{attribute}>Each size is that of a wheel to download.</p>\n',
            self._grid_html(wheels, common),
            f'<ul class="files">\n{self._rows_html(others, common)}</ul>\n' if others else '',
            *self._folds_html(wheels, common),
        ))

    def _grid_html(self, wheels: Sequence[Distfile], common: _Common) -> str:
        pythons, systems = wheel_tags.grid([wheel.filename for wheel in wheels])
        head = ''.join(f'<th scope="col">{escaped(python)}</th>' for python in pythons)
        shown = [self._cell_html(wheel, common) for wheel in wheels]
        rows = ''.join(
            f'<tr><th scope="row">{escaped(system)}</th>' + ''.join(
                f'<td>{" ".join(shown[index] for index in cell)}</td>' for cell in cells
            ) + '</tr>\n' for system, cells in systems
        )
        return (
            '<div class="scroll" tabindex="0" role="region" '
            'aria-label="Wheels by system and Python">'
            f'<table class="grid"><thead><tr><td></td>{head}</tr></thead>\n<tbody>\n{rows}</tbody>'
            '</table></div>\n'
        )

    def _cell_html(self, wheel: Distfile, common: _Common) -> str:
        line = wheel.line
        size = 'wheel' if line.size is None else readable_size(line.size)
        yanked = '' if line.yanked_reason in (None, common[-1]) else ' yanked'
        return f'<a href="{self._href(wheel)}">{size}</a>{yanked}'

    def _folds_html(self, wheels: Sequence[Distfile], common: _Common) -> Iterator[str]:
        if len(wheels) > WHEELS_LISTED:
            url = escaped(self._simple_url)
            yield f'<p>Names and hashes: see the <a href="{url}">simple index</a></p>\n'
            return
        yield '<p>Names and hashes:</p>\n'
        families: dict[str, list[Distfile]] = {}
        for wheel in wheels:
            system = kind_of(wheel).partition('; ')[2]
            families.setdefault(wheel_tags.family(system), []).append(wheel)
        for family in sorted(families, key=wheel_tags.family_key):
            members = families[family]
            yield (
                f'<details class="fold"><summary>{family} <span>{len(members)}</span></summary>\n'
                f'<ul class="files">\n{self._rows_html(members, common)}</ul></details>\n'
            )

    def _rows_html(self, files: Sequence[Distfile], common: _Common) -> str:
        common_python, released, uploader, common_reason = common
        rows = []
        for file in files:
            line = file.line
            filename, python, size, by, reason = (
                line.filename, line.requires_python, line.size, line.uploaded_by,
                line.yanked_reason,
            )
            why = more = ''
            if not self._offered:
                link = f'<a>{escaped(filename)}</a>'
            elif file.url == filename:
                # Nothing in it had to be encoded, so nothing has to be escaped.
                link = f'<a href="{self._escaped_prefix}{filename}">{filename}</a>'
            else:
                link = f'<a href="{self._href(file)}">{escaped(filename)}</a>'
            if reason is not None and reason != common_reason:
                why = (
                    f'<p class="why">Yanked{": " if reason else ""}<bdi>{escaped(reason)}</bdi></p>'
                )
            if python is not None and python != common_python:
                more = f'; requires Python {escaped(python)}'
            if size is not None:
                more += f' · {readable_size(size)}'
            date = own_date(line.upload_timestamp, released)
            if date is not None:
                more += f' · <time>{date}</time>'
            if by is not None and by != uploader:
                more += f' by {_bdi(by)}'
            if line.provenance is not None:
                more += f' · <a href="{escaped(line.provenance)}">provenance</a>'
            digest = f'<code>{line.hash}</code>' if line.hash else ''
            rows.append(
                f'<li>{link}{why}<span>{escaped_common(kind_of(file))}{more}</span>{digest}</li>\n',
            )
        return ''.join(rows)

    def _href(self, file: Distfile) -> str:
        return escaped(urls.join(self._page.prefix, file.url))


# The same users upload most files.
@functools.lru_cache(maxsize=4096)
def _bdi(text: str) -> str:
    """Escape a text, and keep it from turning around the direction of others, as ASCII cannot."""
    return escaped(text) if text.isascii() else f'<bdi>{escaped(text)}</bdi>'


@functools.lru_cache
def _python_html(specifier: str | None) -> str:
    if specifier is None:
        return ''
    return f'<span>Python {escaped(python_in_words(specifier))}</span>'


def _count(files: Sequence[Distfile]) -> str:
    return '1 file' if len(files) == 1 else f'{len(files)} files'
