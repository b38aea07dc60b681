"""The JSON API: a project or one release of it, with the public index's keys.

What the list does not say is what the public index has for a project that does not say it.
"""
from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from dumb_pypi import paths
from dumb_pypi import urls
from dumb_pypi.distfile import Digest
from dumb_pypi.distfile import Distfile
from dumb_pypi.distfile import format_time
from dumb_pypi.project import Project
from dumb_pypi.project import Release


class Downloads(msgspec.Struct):
    last_day: int = -1
    last_month: int = -1
    last_week: int = -1


class Info(msgspec.Struct, kw_only=True):
    """What a release is, in its own words."""
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
    requires_dist: tuple[str, ...] | None
    requires_python: str | None
    summary: str | None
    version: str
    yanked: bool
    yanked_reason: str | None


class File(msgspec.Struct, kw_only=True, rename={'core_metadata': 'core-metadata'}):
    """One file of a release. Its times are without a zone and with one, both UTC."""
    comment_text: str = ''
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
    """A page of the JSON API. `last_serial` is the newest upload of the project."""
    info: Info
    last_serial: int
    releases: dict[str, list[File]]
    urls: list[File]
    vulnerabilities: list[str] = []


def project_json(
        project: Project, packages_url: urls.PackagesUrl, site_url: str | None = None,
) -> bytes:
    """`/pypi/<project>/json`: the latest release, and the files of all."""
    page = paths.project_json(project.name)
    return _page(
        project, project.latest, project.releases, project.summary, page, packages_url, site_url,
    )


def release_json(
        project: Project, release: Release, packages_url: urls.PackagesUrl,
        site_url: str | None = None,
) -> bytes:
    """`/pypi/<project>/<version>/json`: one release."""
    page = paths.release_json(project.name, release.name)
    summary = release.best_informed.summary
    return _page(project, release, [release], summary, page, packages_url, site_url)


def _page(
        project: Project, shown: Release | None, releases: Iterable[Release],
        summary: str | None, page: str, packages_url: urls.PackagesUrl, site_url: str | None,
) -> bytes:
    prefix = packages_url.prefix(project.name, page, site_url)
    files = {
        release.name: [] if project.quarantined else [
            _file(file, urls.join(prefix, file.url)) for file in release.files
        ] for release in releases
    }
    project_url = (site_url or urls.from_page(page, '')) + paths.folder(
        paths.project_page(project.name),
    )
    return msgspec.json.encode(Page(
        info=_info(project, shown, summary, project_url),
        last_serial=int(project.last_uploaded or 0),
        releases=files,
        urls=[] if shown is None else files[shown.name],
    ))


def _info(
        project: Project, release: Release | None, summary: str | None, project_url: str,
) -> Info:
    # All facts come from one file: two that disagree make no third.
    best = None if release is None else release.best_informed
    home_page = project.facts.home_page
    return Info(
        home_page=home_page,
        name=project.name,
        package_url=project_url,
        project_url=project_url,
        project_urls=None if home_page is None else {'Homepage': home_page},
        release_url=project_url if release is None else (
            f'{project_url}#{urls.quote_path(release.name)}'
        ),
        requires_dist=None if best is None else best.requires_dist,
        requires_python=None if best is None else best.requires_python,
        summary=summary,
        version='' if release is None else release.name,
        yanked=release is not None and release.yanked,
        yanked_reason=None if release is None else release.yanked_reason or None,
    )


def _file(file: Distfile, url: str) -> File:
    uploaded = file.uploaded
    digests = {} if file.digest is None else dict([file.digest])
    return File(
        core_metadata=_metadata_hashes(file.core_metadata),
        digests=digests,
        filename=file.filename,
        md5_digest=digests.get('md5'),
        packagetype=file.packagetype,
        python_version=file.python_version,
        requires_python=file.requires_python,
        size=file.size,
        upload_time=None if uploaded is None else f'{uploaded:%Y-%m-%dT%H:%M:%S}',
        upload_time_iso_8601=None if uploaded is None else format_time(uploaded),
        url=url,
        yanked=file.yanked,
        yanked_reason=file.yanked_reason or None,
    )


def _metadata_hashes(metadata: Digest | bool) -> Literal[False] | dict[str, str]:
    if isinstance(metadata, Digest):
        return dict([metadata])
    # Metadata whose hash is not known has no hashes.
    return {} if metadata else False
