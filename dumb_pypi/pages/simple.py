"""The simple API: the project list and each project's files, in HTML and JSON.

The rules are those of the PyPA specification "Simple repository API", version 1.4. These pages are
not made from templates, so that a theme cannot break an install.
"""
from __future__ import annotations

import datetime
from collections.abc import Iterable

import msgspec

from dumb_pypi.model import times, urls
from dumb_pypi.model.distfile import Distfile
from dumb_pypi.model.project import Project
from dumb_pypi.model.project_facts import ACTIVE
from dumb_pypi.pages import paths
from dumb_pypi.pages.escaping import escaped, escaped_common
from dumb_pypi.pages.summaries import ProjectSummary

API_VERSION = '1.4'
# From 1.1 on, `size` is mandatory for every file. A page without it claims this version.
API_VERSION_WITHOUT_SIZES = '1.0'

# uv refuses an HTML page that has a fragment of any other algorithm.
FRAGMENT_ALGORITHMS = frozenset(('md5', 'sha256', 'sha384', 'sha512', 'blake2b'))
BLAKE2B_DIGITS = 64


class Meta(msgspec.Struct, rename={'api_version': 'api-version', 'last_serial': '_last-serial'}):
    """The `meta` of a JSON page.

    Mirrors need the serials, see `times.serial`. They are not in the specification, which leaves
    keys that start with an underscore to servers.
    """
    api_version: str
    # The project's, or the highest of the project list.
    last_serial: int


class File(msgspec.Struct, rename='kebab', omit_defaults=True, kw_only=True, gc=False):
    """A file of a project's JSON page.

    A key without a value is omitted: uv refuses a page with a null `size`, `upload-time` or
    `yanked`.
    """
    filename: str
    # May be relative, but micropip does not resolve it: absolute if the site's URL is known.
    url: str
    # By algorithm; {} if there is none.
    hashes: dict[str, str]
    # Bytes; mandatory from 1.1 on.
    size: int | None = None
    # UTC, with at most six digits of a fraction, and `Z`: uv refuses any other zone.
    upload_time: str | None = None
    requires_python: str | None = None
    # `true`, or the hashes of the file's metadata. PEP 714: no `dist-info-metadata` in JSON.
    core_metadata: bool | dict[str, str] = False
    # `true`, or the reason if there is one.
    yanked: bool | str = False
    # An absolute https URL (PEP 740).
    provenance: str | None = None


class ProjectStatus(msgspec.Struct, omit_defaults=True):
    """The status marker of a project (PEP 792)."""
    status: str
    reason: str | None = None


class ProjectPage(msgspec.Struct, rename='kebab', omit_defaults=True, kw_only=True):
    """A project's JSON page."""
    meta: Meta
    # Normalized.
    name: str
    # A set: each version once. The version of every file is among them.
    versions: list[str]
    # None of a quarantined project.
    files: list[File]
    project_status: ProjectStatus | None = None


class ListedProject(msgspec.Struct, rename={'last_serial': '_last-serial'}, gc=False):
    """A project of the project list, and its serial."""
    name: str
    last_serial: int


class ProjectList(msgspec.Struct):
    """The project list in JSON."""
    meta: Meta
    projects: list[ListedProject]


def project_html(project: Project, packages_url: urls.PackagesUrl) -> bytes:
    """Return a project's HTML page: one anchor for each file, and no other anchor."""
    metas = []
    if project.facts.status != ACTIVE:
        metas.append(_meta('pypi:project-status', project.facts.status))
        if project.facts.status_reason is not None:
            metas.append(_meta('pypi:project-status-reason', project.facts.status_reason))
    prefix = packages_url.prefix(project.name, paths.simple_html(project.name))
    escaped_prefix = escaped(prefix)
    anchors = [_anchor(file, prefix, escaped_prefix) for file in project.offered]
    return _document(f'Links for {project.name}', metas, anchors)


def project_json(
        project: Project, packages_url: urls.PackagesUrl, site_url: str | None = None,
) -> bytes:
    """Return a project's JSON page.

    With `site_url`, the public URL of the index, the URLs of the files are absolute.
    """
    prefix = packages_url.prefix(project.name, paths.simple_json(project.name), site_url)
    files = project.offered
    sized = all(file.line.size is not None for file in files)
    status = project.facts.status
    return msgspec.json.encode(ProjectPage(
        meta=Meta(
            API_VERSION if sized else API_VERSION_WITHOUT_SIZES,
            times.serial(project.last_uploaded),
        ),
        name=project.name,
        versions=[release.name for release in project.releases],
        files=[_file(file, prefix) for file in files],
        project_status=None if status == ACTIVE else (
            ProjectStatus(status, project.facts.status_reason)
        ),
    ))


def projects_html(
        names: Iterable[str], icon: str, generated: datetime.datetime | None,
) -> bytes:
    """Return the project list in HTML: one anchor for each project, and no other anchor.

    `icon` is the icon's URL, `generated` the build time in UTC.
    """
    # Browsers show this page too: as the list of all projects, and as a search without JavaScript.
    metas = [
        _meta('viewport', 'width=device-width, initial-scale=1'),
        _meta('color-scheme', 'light dark'),
        # Without it, browsers request /favicon.ico.
        f'<link rel="icon" href="{escaped(icon)}">\n',
    ]
    if generated is not None:
        metas.append(_meta('generated', times.of_datetime(generated)))
    # A normalized name needs neither encoding nor escaping.
    return _document('Simple index', metas, (
        f'<a href="{name}/">{name}</a><br>\n' for name in names
    ))


def projects_json(projects: Iterable[ProjectSummary]) -> bytes:
    """Return the project list in JSON."""
    listed = [
        ListedProject(project.name, times.serial(project.last_uploaded)) for project in projects
    ]
    newest = max((project.last_serial for project in listed), default=0)
    return msgspec.json.encode(ProjectList(Meta(API_VERSION, newest), listed))


def _file(file: Distfile, prefix: str) -> File:
    line = file.line
    digest, metadata, uploaded, reason = (
        line.hash, line.core_metadata, line.upload_timestamp, line.yanked_reason,
    )
    return File(
        filename=line.filename,
        url=urls.join(prefix, file.url),
        hashes={} if digest is None else _hashes(digest),
        size=line.size,
        upload_time=None if uploaded is None else times.iso_8601(uploaded),
        requires_python=line.requires_python,
        core_metadata=False if metadata is None else (
            metadata == 'true' or _hashes(metadata) or True
        ),
        yanked=reason is not None and (reason or True),
        provenance=line.provenance,
    )


def _anchor(file: Distfile, prefix: str, escaped_prefix: str) -> str:
    # Hashes, numbers and times contain nothing that has to be escaped.
    line = file.line
    name, digest, metadata = line.filename, line.hash, line.core_metadata
    if file.url == name:
        # Nothing in it had to be encoded, so nothing has to be escaped.
        url = escaped_prefix + name
    else:
        url, name = escaped(urls.join(prefix, file.url)), escaped(name)
    fragment = python = core = yanked = provenance = size = uploaded = ''
    if digest is not None and _is_fragment(digest):
        fragment = f'#{digest}'
    if line.requires_python is not None:
        python = f' data-requires-python="{escaped_common(line.requires_python)}"'
    if metadata is not None:
        # PEP 714 allows both names: pip before 23.2 only reads the second one.
        metadata = metadata if _is_fragment(metadata) else 'true'
        core = f' data-core-metadata="{metadata}" data-dist-info-metadata="{metadata}"'
    if line.yanked_reason is not None:
        yanked = f' data-yanked="{escaped(line.yanked_reason)}"'
    if line.provenance is not None:
        provenance = f' data-provenance="{escaped(line.provenance)}"'
    # These two are not in the specification: uv reads them, for progress bars and `exclude-newer`.
    if line.size is not None:
        size = f' data-size="{line.size}"'
    if line.upload_timestamp is not None:
        uploaded = f' data-upload-time="{times.iso_8601(line.upload_timestamp)}"'
    return (
        f'<a href="{url}{fragment}"{python}{core}{yanked}{provenance}{size}{uploaded}>{name}</a>'
        '<br>\n'
    )


def _is_fragment(digest: str) -> bool:
    if digest.startswith('sha256='):
        return True
    return digest.partition('=')[0] in FRAGMENT_ALGORITHMS and bool(_hashes(digest))


def _hashes(digest: str) -> dict[str, str]:
    algorithm, _, digits = digest.partition('=')
    # uv expects 256 bits of blake2b, and refuses a page that has 512.
    return {} if algorithm == 'blake2b' and len(digits) > BLAKE2B_DIGITS else {algorithm: digits}


def _meta(name: str, content: str) -> str:
    return f'<meta name="{name}" content="{escaped(content)}">\n'


def _document(title: str, metas: Iterable[str], anchors: Iterable[str]) -> bytes:
    return (
        '<!DOCTYPE html>\n'
        '<html lang="en">\n'
        '<head>\n'
        '<meta charset="utf-8">\n'
        f'<meta name="pypi:repository-version" content="{API_VERSION}">\n'
        f'{"".join(metas)}'
        f'<title>{title}</title>\n'
        '</head>\n'
        '<body>\n'
        f'<h1>{title}</h1>\n'
        f'{"".join(anchors)}'
        '</body>\n'
        '</html>\n'
    ).encode()
