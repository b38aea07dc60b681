from __future__ import annotations

import json
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from dumb_pypi.model.project import assemble, Project
from dumb_pypi.model.project_facts import ProjectFacts
from dumb_pypi.model.urls import PackagesUrl
from dumb_pypi.pages import json_api
from tests.support.lists import file_of

FOO = canonicalize_name('foo')
POOL = PackagesUrl('../../pool/')


def project(*files: dict[str, Any], facts: ProjectFacts | None = None) -> Project:
    return assemble(FOO, [file_of(json.dumps(file).encode()) for file in files], facts)


def pages(project: Project, **options: Any) -> dict[str, Any]:
    """The decoded pages of a project, by their paths."""
    return {
        path: json.loads(content)
        for path, content in json_api.pages(project, POOL, **options)
    }


def page(*files: dict[str, Any], **options: Any) -> Any:
    return pages(project(*files), **options)['pypi/foo/json']


def test_info_comes_from_one_file() -> None:
    """It is the best informed file of the latest release."""
    info = page(
        {'filename': 'foo-1.0.zip', 'summary': 'old', 'requires_python': '>=2'},
        {'filename': 'foo-2.0-py3-none-any.whl', 'requires_python': '>=3'},
        {'filename': 'foo-2.0.zip', 'requires_dist': ['bar'], 'summary': 'new'},
        {'filename': 'foo-3.0rc1.zip', 'summary': 'next'},
    )['info']
    assert (info['version'], info['summary']) == ('2.0', 'new')
    assert (info['requires_dist'], info['requires_python']) == (['bar'], None)


def test_page_of_release() -> None:
    """A release's page has its facts and its files."""
    foo = project(
        {'filename': 'foo-1.0.zip', 'yanked_reason': 'bad', 'upload_timestamp': 5},
        {'filename': 'foo-2.0.zip', 'upload_timestamp': 9.5},
    )
    found = pages(foo)['pypi/foo/1.0/json']
    assert found['info']['version'] == '1.0'
    assert (found['info']['yanked'], found['info']['yanked_reason']) == (True, 'bad')
    assert list(found['releases']) == ['1.0']
    assert found['urls'] == found['releases']['1.0']
    assert found['urls'][0]['url'] == '../../../pool/foo-1.0.zip'
    # The project's newest upload, even if it is of another release.
    assert found['last_serial'] == 9


def test_yanked_without_reason() -> None:
    """An empty reason is null."""
    found = page({'filename': 'foo-1.0.zip', 'yanked_reason': ''})
    assert (found['info']['yanked'], found['info']['yanked_reason']) == (True, None)
    assert (found['urls'][0]['yanked'], found['urls'][0]['yanked_reason']) == (True, None)


@pytest.mark.parametrize(
    ('metadata', 'expected'), ((None, False), ('true', {}), ('crc32=ab', {'crc32': 'ab'})),
)
def test_core_metadata(metadata: str | None, expected: object) -> None:
    """It is false, {}, or the hashes."""
    found = page({'filename': 'foo-1.0.zip', 'core_metadata': metadata})
    assert found['urls'][0]['core-metadata'] == expected


def test_links() -> None:
    """Links are relative, or absolute if the public URL is known."""
    file = {'filename': 'foo-1.0+x.zip'}
    found = page(file)
    assert found['info']['package_url'] == '../../project/foo/'
    assert found['info']['release_url'] == '../../project/foo/#1.0%2Bx'
    assert found['urls'][0]['url'] == '../../pool/foo-1.0%2Bx.zip'
    found = page(file, site_url='https://example.com/i/')
    assert found['info']['package_url'] == 'https://example.com/i/project/foo/'
    assert found['urls'][0]['url'] == 'https://example.com/i/pool/foo-1.0%2Bx.zip'


def test_project_without_releases() -> None:
    """Its version is empty, and it has no files."""
    found = page({'filename': 'foo.zip'})
    assert (found['releases'], found['urls'], found['last_serial']) == ({}, [], 0)
    assert found['info']['version'] == ''
    assert found['info']['release_url'] == found['info']['project_url'] == '../../project/foo/'


def test_quarantined_project_offers_no_files() -> None:
    """Its releases are listed without files, its facts remain."""
    facts = ProjectFacts(FOO, 'quarantined', summary='s', home_page='https://example.com/')
    foo = project({'filename': 'foo-1.0.zip', 'summary': 'own'}, facts=facts)
    found = pages(foo)['pypi/foo/json']
    assert (found['releases'], found['urls']) == ({'1.0': []}, [])
    assert found['info']['summary'] == 's'
    assert found['info']['project_urls'] == {'Homepage': 'https://example.com/'}
