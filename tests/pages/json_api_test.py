from __future__ import annotations

import json
import re
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


# What a project list states of the latest release of `foo`, with the names of the public index.
ABOUT_RELEASE: dict[str, Any] = {
    'author': 'A', 'author_email': 'a@example.com', 'maintainer': 'M',
    'maintainer_email': 'm@example.com', 'keywords': 'a,b', 'license': 'MIT licence',
    'license_expression': 'MIT', 'license_files': ['LICENSE'],
    'classifiers': ['License :: OSI Approved :: MIT License', 'Topic :: Games'],
}
README = {'description': '# Foo', 'description_content_type': 'text/markdown'}
LINKS = {'Source': 'https://github.com/example/foo', 'Docs': 'https://docs.example.com/'}


def pages_with(**facts: Any) -> dict[str, Any]:
    """The `info` of the project, of its latest release and of an older one."""
    foo = project(
        {'filename': 'foo-1.0.zip', 'requires_dist': ['bar; extra == "old"']},
        {'filename': 'foo-2.0.zip', 'requires_dist': ['bar; extra == "new"']},
        facts=ProjectFacts(FOO, **facts),
    )
    found = pages(foo)
    return {
        name: found[f'pypi/foo/{path}json']['info']
        for name, path in (('project', ''), ('latest', '2.0/'), ('older', '1.0/'))
    }


def test_facts_have_the_public_names() -> None:
    """The project's page has every fact, the page of its latest release all but the README."""
    found = pages_with(**ABOUT_RELEASE, **README)
    nothing = pages_with()['project']
    assert found['project'] == nothing | ABOUT_RELEASE | README
    for key, value in ABOUT_RELEASE.items():
        assert found['latest'][key] == value
        assert found['older'][key] == nothing[key]
    for key in README:
        assert found['latest'][key] == found['older'][key] == nothing[key]


def test_missing_facts_are_as_public() -> None:
    """What is not stated has the value that the public index gives to it."""
    found = pages_with()['project']
    assert (found['description'], found['classifiers']) == ('', [])
    for key in ABOUT_RELEASE.keys() | README.keys() | {'project_urls', 'home_page'}:
        assert found[key] in (None, '', [])


@pytest.mark.parametrize(('home_page', 'project_urls', 'expected'), [
    (None, None, None),
    ('https://example.com/', None, {'Homepage': 'https://example.com/'}),
    (None, LINKS, LINKS),
    ('https://example.com/', LINKS, {'Homepage': 'https://example.com/', **LINKS}),
    *(
        ('https://a.example/', {label: 'https://b.example/'}, {label: 'https://b.example/'})
        for label in ('Homepage', 'Home Page', 'home-page')
    ),
])
def test_links_are_those_of_the_project(
        home_page: str | None, project_urls: dict[str, str] | None,
        expected: dict[str, str] | None,
) -> None:
    """All pages have the links of the project, with its home page first unless it is there."""
    for info in pages_with(home_page=home_page, project_urls=project_urls).values():
        assert info['home_page'] == home_page
        assert info['project_urls'] == expected
        assert list(info['project_urls'] or ()) == list(expected or ())


def test_extras_are_those_of_each_release() -> None:
    """The extras are in the requirements, unless the facts state those of the latest release."""
    found = pages_with()
    assert {name: info['provides_extra'] for name, info in found.items()} == {
        'project': ['new'], 'latest': ['new'], 'older': ['old'],
    }
    found = pages_with(provides_extra=['a'])
    assert {name: info['provides_extra'] for name, info in found.items()} == {
        'project': ['a'], 'latest': ['a'], 'older': ['old'],
    }


def source_repository(info: dict[str, Any]) -> str | None:
    """Return the source repository that Renovate finds, by its documented rules."""
    def is_repository(url: str) -> bool:
        return 'sponsors' not in url and re.match(
            r'https?://github\.com/[^/]+/[^/]+$', url,
        ) is not None

    if info['home_page'] and is_repository(info['home_page']):
        return str(info['home_page'])
    for label, url in (info['project_urls'] or {}).items():
        name = label.lower()
        if name.startswith('repo') or name in ('code', 'source') or is_repository(url):
            return str(url)
    return None


@pytest.mark.parametrize(('facts', 'expected'), [
    ({'home_page': 'https://github.com/example/foo'}, 'https://github.com/example/foo'),
    ({'home_page': 'https://foo.example.com/', 'project_urls': LINKS}, LINKS['Source']),
    ({'project_urls': {'Repository': 'https://git.example.com/foo'}}, 'https://git.example.com/foo'),
    ({'project_urls': {
        'Fund': 'https://github.com/sponsors/foo', 'GitHub': 'https://github.com/example/foo',
    }}, 'https://github.com/example/foo'),
    ({'home_page': 'https://foo.example.com/'}, None),
])
def test_renovate_finds_the_repository(facts: dict[str, Any], expected: str | None) -> None:
    """Renovate finds the source repository, where the list states it, for any release."""
    for info in pages_with(**facts).values():
        assert source_repository(info) == expected


def licence(info: dict[str, Any]) -> str:
    """Return the licence as licence scanners do: expression, then classifiers, then text."""
    classified = [
        classifier.rpartition(' :: ')[2] for classifier in info['classifiers']
        if classifier.startswith('License ::')
    ]
    return info['license_expression'] or '; '.join(classified) or info['license'] or 'UNKNOWN'


@pytest.mark.parametrize(('facts', 'expected'), [
    (ABOUT_RELEASE, 'MIT'),
    ({**ABOUT_RELEASE, 'license_expression': None}, 'MIT License'),
    ({'license': 'Own licence'}, 'Own licence'),
    ({'classifiers': ['Topic :: Games']}, 'UNKNOWN'),
])
def test_scanners_find_the_licence(facts: dict[str, Any], expected: str) -> None:
    """A scanner finds the licence of the latest release, and none of an older one."""
    found = pages_with(**facts)
    assert [licence(info) for info in found.values()] == [expected, expected, 'UNKNOWN']
