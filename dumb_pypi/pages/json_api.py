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
from dumb_pypi.model.filenames import canonicalize_name
from dumb_pypi.model.project import Project, Release
from dumb_pypi.model.project_facts import ProjectFacts
from dumb_pypi.pages import paths
from dumb_pypi.pages.release_pages import urls_of_releases

_NO_LETTERS = re.compile('[^a-z]+')
_TO_SECONDS = len('2024-01-31T12:00:00')
_NO_FACTS = ProjectFacts(canonicalize_name(''))


class Downloads(msgspec.Struct):
    """The number of downloads: unknown, which is -1 as on the public index."""
    last_day: int = -1
    last_month: int = -1
    last_week: int = -1


class Info(msgspec.Struct, kw_only=True):
    """The core metadata of a release, and its URLs.

    The facts of a project list are about the latest release. The page of another release has none
    of them, because its licence, say, may be another one, except for the links: they are about the
    project, and are more likely to work than those of years ago. Only the project's own page has
    the README, as on the public index.
    """
    author: str | None = None
    author_email: str | None = None
    bugtrack_url: str | None = None
    classifiers: list[str] = []
    description: str = ''
    description_content_type: str | None = None
    docs_url: str | None = None
    download_url: str | None = None
    downloads: Downloads = msgspec.field(default_factory=Downloads)
    dynamic: list[str] | None = None
    home_page: str | None
    keywords: str | None = None
    license: str | None = None
    license_expression: str | None = None
    license_files: list[str] | None = None
    maintainer: str | None = None
    maintainer_email: str | None = None
    name: str
    package_url: str
    platform: str | None = None
    project_url: str
    project_urls: dict[str, str] | None
    provides_extra: list[str] | None = None
    release_url: str
    requires_dist: list[str] | None = None
    requires_python: str | None = None
    summary: str | None = None
    version: str = ''
    yanked: bool = False
    yanked_reason: str | None = None


class File(msgspec.Struct, kw_only=True, rename={'core_metadata': 'core-metadata'}):
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


class Page(msgspec.Struct, kw_only=True):
    """A page of the JSON API; the lists of files are JSON already."""
    info: Info
    # See `times.serial`.
    last_serial: int
    # The files of each release: of all, or of the one that the page is about.
    releases: dict[str, msgspec.Raw]
    # The files of the latest release, or of the one that the page is about.
    urls: msgspec.Raw
    vulnerabilities: list[str] = []


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
            _file(file, urls.join(prefix, file.url))
            for file in (() if project.quarantined else release.files)
        ]) for release in project.releases
    }
    serial = times.serial(project.last_uploaded)
    if per_release and project.releases:
        # The pages of all releases have the same depth, so the same links.
        page = paths.release_json(project.name, project.releases[0].name)
        home = site_url or urls.from_page(page, '')
        # In JSON, no text has these bytes.
        here = b'"url":"%b' % prefix.encode()
        there = b'"url":"%b' % packages_url.prefix(project.name, page, site_url).encode()
        info = _project_info(project, _NO_FACTS, home)
        for release in project.releases:
            if release is project.latest:
                shown = _project_info(project, project.facts, home)
                shown.description, shown.description_content_type = '', None
            else:
                # Most values of these pages are the same: only the others are set for each.
                shown = info
            _describe(shown, project, release, home + pages_of_releases[release.name])
            shown.summary = release.best_informed.summary
            content = files[release.name]
            of_release = msgspec.Raw(content if here == there else content.replace(here, there))
            yield paths.release_json(project.name, release.name), _encode(Page(
                info=shown, last_serial=serial, releases={release.name: of_release},
                urls=of_release,
            ))
    home = site_url or urls.from_page(path, '')
    shown = _project_info(project, project.facts, home)
    latest = project.latest
    if latest is None:
        shown.provides_extra = project.extras(None)
    else:
        _describe(shown, project, latest, home + pages_of_releases[latest.name])
    shown.summary = project.summary
    yield path, _encode(Page(
        info=shown, last_serial=serial,
        releases={name: msgspec.Raw(content) for name, content in files.items()},
        urls=msgspec.Raw(b'[]' if latest is None else files[latest.name]),
    ))


def _project_info(project: Project, own: ProjectFacts, home: str) -> Info:
    """Return the values of the info of no release; `own` are the facts about the page's release.

    `home` is the URL of the home page.
    """
    facts = project.facts
    project_url = home + paths.folder(paths.project_page(project.name))
    return Info(
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
        release_url=project_url,
    )


def _describe(info: Info, project: Project, release: Release, url: str) -> None:
    """Set the values that are about a release; `url` is that of the page that shows it."""
    # All facts come from one file: a mix of two files may describe neither.
    best = release.best_informed
    info.provides_extra = project.extras(release)
    info.release_url = f'{url}#{urls.quote_path(release.name)}'
    info.requires_dist = best.requires_dist
    info.requires_python = best.requires_python
    info.version = release.name
    info.yanked = release.yanked
    info.yanked_reason = release.yanked_reason or None


def _project_urls(facts: ProjectFacts) -> dict[str, str] | None:
    """Return the links of a project, the home page among them, as the public index does."""
    links = facts.project_urls or {}
    if facts.home_page is not None and not any(map(_is_home_page, links)):
        links = {'Homepage': facts.home_page, **links}
    return links or None


def _is_home_page(label: str) -> bool:
    """Return whether a link is to the home page, which has several well-known labels."""
    return _NO_LETTERS.sub('', label.lower()) == 'homepage'


def _file(file: Distfile, url: str) -> File:
    line = file.line
    uploaded = file.upload_time
    digests = {} if line.hash is None else by_algorithm(line.hash)
    return File(
        core_metadata=False if line.core_metadata is None else (
            {} if line.core_metadata == 'true' else by_algorithm(line.core_metadata)
        ),
        digests=digests,
        filename=line.filename,
        md5_digest=digests.get('md5'),
        # Readers know the public index's words only, and install none of this one.
        packagetype='bdist_dumb' if file.is_variants else file.packagetype,
        python_version=file.python_version,
        requires_python=line.requires_python,
        size=line.size,
        upload_time=None if uploaded is None else uploaded[:_TO_SECONDS],
        upload_time_iso_8601=uploaded,
        url=url,
        yanked=line.yanked_reason is not None,
        yanked_reason=line.yanked_reason or None,
    )


_encode = msgspec.json.Encoder().encode
