"""The JSON API: a project, or one of its releases, with the keys of the public index.

A fact that the list does not state has the value that the public index gives to a missing one.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from dumb_pypi.model import times, urls
from dumb_pypi.model.distfile import Distfile
from dumb_pypi.model.fields import by_algorithm
from dumb_pypi.model.filenames import canonicalize_name, VARIANTS
from dumb_pypi.model.project import Project, Release
from dumb_pypi.model.project_facts import ProjectFacts
from dumb_pypi.pages import paths
from dumb_pypi.pages.release_pages import release_anchor, urls_of_releases

_NO_LETTERS = re.compile('[^a-z]+')
_TO_SECONDS = len('2024-01-31T12:00:00')
_NO_FACTS = ProjectFacts(canonicalize_name(''))


class Downloads(msgspec.Struct):
    """The number of downloads: unknown, which is -1 as on the public index."""
    last_day: int = -1
    last_month: int = -1
    last_week: int = -1


class ProjectInfo(msgspec.Struct, kw_only=True):
    """The part of `info` that is about the project, and that is the same on most of its pages.

    The facts of a project list are about the latest release. The page of another release has none
    of them, because its licence, say, may be another one, except for the links: they are about the
    project, and are more likely to work than those of years ago. Only the project's own page has
    the README, as on the public index.
    """
    author: str | None
    author_email: str | None
    bugtrack_url: str | None = None
    classifiers: list[str]
    description: str
    description_content_type: str | None
    docs_url: str | None = None
    download_url: str | None = None
    downloads: Downloads = msgspec.field(default_factory=Downloads)
    dynamic: list[str] | None = None
    home_page: str | None
    keywords: str | None
    license: str | None
    license_expression: str | None
    license_files: list[str] | None
    maintainer: str | None
    maintainer_email: str | None
    name: str
    package_url: str
    platform: str | None = None
    project_url: str
    project_urls: dict[str, str] | None


class ReleaseInfo(msgspec.Struct, kw_only=True, gc=False):
    """The rest of `info`, which is about a release: its core metadata, and its URL."""
    provides_extra: list[str] | None
    release_url: str
    requires_dist: list[str] | None = None
    requires_python: str | None = None
    summary: str | None
    version: str = ''
    yanked: bool = False
    yanked_reason: str | None = None


class File(msgspec.Struct, kw_only=True, gc=False, rename={'core_metadata': 'core-metadata'}):
    """A file of a release. Both times are UTC: `upload_time` states no zone, the other one does."""
    comment_text: str = ''
    # False if the file has no separate metadata, {} if its hash is unknown.
    core_metadata: Literal[False] | dict[str, str]
    digests: dict[str, str]
    downloads: int = -1
    filename: str
    has_sig: bool = False
    md5_digest: str | None
    packagetype: str
    python_version: str
    requires_python: str | None
    size: int | None
    upload_time: str | None
    upload_time_iso_8601: str | None
    url: str
    yanked: bool
    yanked_reason: str | None


def pages(
        project: Project, packages_url: urls.PackagesUrl, site_url: str | None = None, *,
        per_release: bool = True,
) -> Iterator[tuple[str, bytes]]:
    """Return the paths and contents of a project's pages: those of its releases, then its own.

    `/pypi/<project>/<version>/json` shows one release, `/pypi/<project>/json` the latest one and
    the files of all releases. With `site_url`, the public URL of the index, all URLs are absolute.
    """
    pages_of_releases = urls_of_releases(project)
    path = paths.project_json(project.name)
    prefix = packages_url.prefix(project.name, path, site_url)
    # Encoded once, although the files of a release are on two pages, and on the project's twice.
    files = {
        release.name: _encode([
            _file(file, prefix) for file in (() if project.quarantined else release.files)
        ]) for release in project.releases
    }
    latest = project.latest
    serial = b',"last_serial":%d,"releases":{' % times.serial(project.last_uploaded)
    if per_release and project.releases:
        # The pages of all releases have the same depth, so the same links.
        page = paths.release_json(project.name, project.releases[0].name)
        home = site_url or urls.from_page(page, '')
        # In JSON, no text has these bytes.
        here = b'"url":"%b' % prefix.encode()
        there = b'"url":"%b' % packages_url.prefix(project.name, page, site_url).encode()
        of_others = _beginning(project, _NO_FACTS, home)
        of_latest = _beginning(project, msgspec.structs.replace(
            project.facts, description=None, description_content_type=None,
        ), home)
        for release in project.releases:
            content = files[release.name]
            if here != there:
                content = content.replace(here, there)
            yield paths.release_json(project.name, release.name), _page(
                of_latest if release is latest else of_others,
                _release_info(
                    project, release, home + pages_of_releases[release.name],
                    release.best_informed.summary,
                ),
                serial, _encode(release.name) + b':' + content, content,
            )
    home = site_url or urls.from_page(path, '')
    yield path, _page(
        _beginning(project, project.facts, home),
        _encode(ReleaseInfo(
            provides_extra=project.extras(None),
            release_url=home + paths.folder(paths.project_page(project.name)),
            summary=project.summary,
        )) if latest is None else _release_info(
            project, latest, home + pages_of_releases[latest.name], project.summary,
        ),
        serial,
        b','.join([_encode(name) + b':' + content for name, content in files.items()]),
        b'[]' if latest is None else files[latest.name],
    )


def _page(
        beginning: bytes, release_info: bytes, serial: bytes, releases: bytes, shown: bytes,
) -> bytes:
    """Return a page, whose parts are JSON: `releases` and their files, and the files it is about.

    Most of a page is on others too, so that it takes less time to join it than to encode it.
    """
    return b''.join((
        beginning, release_info[1:], serial, releases, b'},"urls":', shown,
        b',"vulnerabilities":[]}',
    ))


def _beginning(project: Project, own: ProjectFacts, home: str) -> bytes:
    """Encode what a page says first, about the project; `own` are the facts about its release.

    `home` is the URL of the home page.
    """
    facts = project.facts
    project_url = home + paths.folder(paths.project_page(project.name))
    return b'{"info":%b,' % _encode(ProjectInfo(
        author=own.author,
        author_email=own.author_email,
        classifiers=own.classifiers or [],
        description=own.description or '',
        description_content_type=own.description_content_type,
        home_page=facts.home_page,
        keywords=own.keywords,
        license=own.license,
        license_expression=own.license_expression,
        license_files=own.license_files,
        maintainer=own.maintainer,
        maintainer_email=own.maintainer_email,
        name=project.name,
        package_url=project_url,
        project_url=project_url,
        project_urls=_project_urls(facts),
    ))[:-1]


def _release_info(
        project: Project, release: Release, url: str, summary: str | None,
) -> bytes:
    """Encode what `info` says about a release; `url` is that of the web page that shows it."""
    # All facts come from one file: a mix of two files may describe neither.
    best = release.best_informed
    return _encode(ReleaseInfo(
        provides_extra=project.extras(release),
        release_url=f'{url}#{release_anchor(release.name)}',
        requires_dist=best.requires_dist,
        requires_python=best.requires_python,
        summary=summary,
        version=release.name,
        yanked=release.yanked,
        yanked_reason=release.yanked_reason or None,
    ))


def _project_urls(facts: ProjectFacts) -> dict[str, str] | None:
    """Return the links of a project, the home page among them, as the public index does."""
    links = facts.project_urls or {}
    if facts.home_page is not None and not any(map(_is_home_page, links)):
        links = {'Homepage': facts.home_page, **links}
    return links or None


def _is_home_page(label: str) -> bool:
    """Return whether a link is to the home page, which has several well-known labels."""
    return _NO_LETTERS.sub('', label.lower()) == 'homepage'


def _file(file: Distfile, prefix: str) -> File:
    line = file.line
    digest, metadata, reason = line.hash, line.core_metadata, line.yanked_reason
    digests = {} if digest is None else by_algorithm(digest)
    uploaded = None if line.upload_timestamp is None else times.iso_8601(line.upload_timestamp)
    packagetype = file.packagetype
    return File(
        core_metadata=False if metadata is None else (
            {} if metadata == 'true' else by_algorithm(metadata)
        ),
        digests=digests,
        filename=line.filename,
        md5_digest=digests.get('md5'),
        # Readers know the public index's words only, and install none of this one.
        packagetype='bdist_dumb' if packagetype == VARIANTS else packagetype,
        python_version=file.python_version,
        requires_python=line.requires_python,
        size=line.size,
        upload_time=None if uploaded is None else uploaded[:_TO_SECONDS],
        upload_time_iso_8601=uploaded,
        url=urls.join(prefix, file.url),
        yanked=reason is not None,
        yanked_reason=reason or None,
    )


_encode = msgspec.json.Encoder().encode
