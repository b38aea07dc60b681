"""The HTML of releases and of their files: thousands of rows are faster than by a template."""
from __future__ import annotations

from collections.abc import Iterator, Sequence

from dumb_pypi.pages import wheel_tags
from dumb_pypi.pages.escaping import escaped, escaped_common
from dumb_pypi.pages.release_views import FileView, ReleaseView

# A release of more wheels than these has a table of them.
WHEELS_IN_LIST = 12
# The names and hashes of more wheels than these are on the simple page only.
WHEELS_LISTED = 100

_LATEST = ' <i class="tag ok">latest</i>'
_PRERELEASE = ' <i class="tag">pre-release</i>'
_YANKED = ' <i class="tag warn">yanked</i>'


class ReleaseRows:
    """The HTML of releases, which is made if a template prints this object.

    Thousands of rows take a third of the time that a macro would take.
    """

    def __init__(self, releases: Sequence[ReleaseView], simple_url: str) -> None:
        self._releases = releases
        self._simple_url = simple_url

    def __html__(self) -> str:
        return ''.join(_release_html(release, self._simple_url) for release in self._releases)


def _bdi(text: str) -> str:
    """Escape a text, and keep it from turning around the direction of others, as ASCII cannot."""
    shown = escaped_common(text)
    return shown if text.isascii() else f'<bdi>{shown}</bdi>'


def _release_html(release: ReleaseView, simple_url: str) -> str:
    name, python, uploaded, files = (
        release.name, release.python, release.uploaded, release.files,
    )
    shown = 'Files without a version' if name is None else escaped(name)
    # The latest release is yanked if all are.
    tags = _LATEST if release.latest and release.yanked_reason is None else ''
    if release.prerelease:
        tags += _PRERELEASE
    if release.yanked_reason is not None:
        shown, tags = f'<s>{shown}</s>', tags + _YANKED
    count = f'{len(files)} files' if len(files) > 1 else '1 file'
    requires = '' if python is None else f'<span>Python {escaped_common(python)}</span>'
    date = '' if uploaded is None else f'<time>{uploaded[:10]}</time>'
    return (
        f'<details{" open" if release.open else ""}><summary><b>{shown}{tags}</b>'
        f'<span>{count}</span>{requires}{date}</summary>\n{_notes_html(release)}'
        f'{_files_html(files, release.anchor, simple_url)}</details>\n'
    )


def _notes_html(release: ReleaseView) -> str:
    """Return what a release says above its files: why it is yanked, who uploaded it."""
    notes = why = ''
    if release.yanked_reason:
        why = f'<p class="why">Yanked: <bdi>{escaped(release.yanked_reason)}</bdi></p>\n'
    if release.uploaded is not None:
        notes = f'Uploaded {release.uploaded} UTC'
    if release.uploaded_by is not None:
        notes = f'{notes or "Uploaded"} by {_bdi(release.uploaded_by)}'
    if release.requires is not None:
        # Last, so that it cannot turn around the direction of another text.
        notes += f'{". " if notes else ""}{escaped(release.requires)}'
        if release.requires_url is not None:
            notes += f', see its <a href="{escaped(release.requires_url)}">JSON page</a>'
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
    return ''.join((
        f'<p{anchor}>Each size is that of a wheel to download.</p>\n',
        _grid_html(wheels),
        f'<ul class="files">\n{others}</ul>\n' if others else '',
        *_folds_html(wheels, simple_url),
    ))


def _grid_html(wheels: Sequence[FileView]) -> str:
    pythons, systems = wheel_tags.grid([wheel.filename for wheel in wheels])
    head = ''.join(f'<th scope="col">{escaped(python)}</th>' for python in pythons)
    rows = ''.join(
        f'<tr><th scope="row">{escaped(system)}</th>' + ''.join(
            f'<td>{" ".join(_cell_html(wheels[index]) for index in cell)}</td>' for cell in cells
        ) + '</tr>\n' for system, cells in systems
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Wheels by system and Python">'
        f'<table class="grid"><thead><tr><td></td>{head}</tr></thead>\n<tbody>\n{rows}</tbody>'
        '</table></div>\n'
    )


def _cell_html(wheel: FileView) -> str:
    yanked = '' if wheel.yanked_reason is None else ' yanked'
    return f'<a href="{escaped(wheel.url or "")}">{wheel.size or "wheel"}</a>{yanked}'


def _folds_html(wheels: Sequence[FileView], simple_url: str) -> Iterator[str]:
    if len(wheels) > WHEELS_LISTED:
        url = escaped(simple_url)
        yield f'<p>Names and hashes: see the <a href="{url}">simple index</a></p>\n'
        return
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
    filename, url, reason = file.filename, file.url, file.yanked_reason
    why = more = ''
    if url is None:
        link = f'<a>{escaped(filename)}</a>'
    else:
        href = escaped(url)
        # If the URL ends with the file's name, it has nothing to escape either.
        plain = href is url and url.endswith(filename)
        link = f'<a href="{href}">{filename if plain else escaped(filename)}</a>'
    if reason is not None:
        why = (
            f'<p class="why">Yanked{": " if reason else ""}<bdi>{escaped(reason)}</bdi></p>'
        )
    if file.requires_python is not None:
        more = f'; requires Python {escaped(file.requires_python)}'
    if file.size is not None:
        more += f' · {file.size}'
    if file.uploaded is not None:
        more += f' · <time>{file.uploaded}</time>'
    if file.uploaded_by is not None:
        more += f' by {_bdi(file.uploaded_by)}'
    if file.provenance is not None:
        more += f' · <a href="{escaped(file.provenance)}">provenance</a>'
    return (
        f'<li>{link}{why}<span>{escaped_common(file.kind)}{more}</span>'
        f'{f"<code>{file.digest}</code>" if file.digest else ""}</li>\n'
    )
