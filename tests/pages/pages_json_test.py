"""The simple API and the JSON API follow their standards, and all forms of a page agree."""
from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import pytest
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from dumb_pypi.model.fields import Line
from dumb_pypi.pages import json_api
from dumb_pypi.pages import simple as simple_api
from tests.support import trees
from tests.support.markup import HtmlPage, text_of
from tests.support.recipes import RECIPES
from tests.support.simple_forms import as_in_html, html_files, with_absolute_urls
from tests.support.trees import Facts, Tree

UPLOAD_TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z')
SIMPLE_FILE: dict[str, type | tuple[type, ...]] = {
    'filename': str, 'url': str, 'hashes': dict, 'size': int, 'upload-time': str,
    'requires-python': str, 'core-metadata': (bool, dict), 'yanked': (bool, str),
    'provenance': str,
}
PACKAGETYPES = {
    'sdist', 'bdist_wheel', 'bdist_egg', 'bdist_wininst', 'bdist_msi', 'bdist_rpm', 'bdist_dumb',
    'bdist_dmg',
}
API_PAGE = {'info', 'last_serial', 'releases', 'urls', 'vulnerabilities'}
API_INFO = {
    'name', 'version', 'summary', 'description', 'description_content_type', 'keywords', 'license',
    'license_expression', 'license_files', 'classifiers', 'author', 'author_email', 'maintainer',
    'maintainer_email', 'requires_python', 'requires_dist', 'provides_extra', 'platform',
    'package_url', 'project_url', 'project_urls', 'release_url', 'docs_url', 'bugtrack_url',
    'home_page', 'download_url', 'downloads', 'dynamic', 'yanked', 'yanked_reason',
}
API_FILE = {
    'filename', 'url', 'packagetype', 'python_version', 'digests', 'md5_digest', 'core-metadata',
    'size', 'upload_time', 'upload_time_iso_8601', 'requires_python', 'yanked', 'yanked_reason',
    'has_sig', 'comment_text', 'downloads',
}


INFO: Any = msgspec.defstruct('Info', [
    (field.name, field.type) for part in (json_api.ProjectInfo, json_api.ReleaseInfo)
    for field in msgspec.structs.fields(part)
])
PAGE: Any = msgspec.defstruct('Page', [
    ('info', INFO), ('last_serial', int), ('releases', dict[str, msgspec.Raw]),
    ('urls', msgspec.Raw), ('vulnerabilities', list[str]),
])


@pytest.fixture(scope='module', params=RECIPES)
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return trees.build(tmp_path_factory.mktemp('tree') / 'web', RECIPES[request.param])


def has_null(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(has_null(one) for one in inner)


def assert_has_schema(content: bytes | msgspec.Raw, schema: Any) -> None:
    assert msgspec.json.encode(msgspec.json.decode(content, type=schema)) == bytes(content)


@pytest.mark.parametrize(('pages', 'schema'), (
    ('simple_json_pages', simple_api.ProjectPage),
    ('json_api_pages', PAGE),
))
def test_every_page_has_its_schema(tree: Tree, pages: str, schema: type[msgspec.Struct]) -> None:
    """A page equals its decoded form, encoded again: it has no key outside its schema."""
    for page in getattr(tree, pages):
        assert_has_schema(tree.read(page), schema)


def test_json_api_files_have_their_schema(tree: Tree) -> None:
    """The lists of files have no key outside their schema."""
    for page in tree.json_api_pages:
        decoded = msgspec.json.decode(tree.read(page), type=PAGE)
        for files in (decoded.urls, *decoded.releases.values()):
            assert_has_schema(files, list[json_api.File])


def test_project_list_has_its_schema(tree: Tree) -> None:
    """The project list has no key outside its schema."""
    content = tree.read('simple/index.json')
    decoded = msgspec.json.decode(content, type=simple_api.ProjectList)
    assert msgspec.json.encode(decoded) == content


def test_project_lists_agree(tree: Tree) -> None:
    """HTML has one anchor for each project of the JSON form, in the same order."""
    listed = tree.read_json('simple/index.json')
    names = [project['name'] for project in listed['projects']]
    page = HtmlPage(tree.read('simple/index.html'))
    assert listed.keys() == {'meta', 'projects'}
    assert listed['meta'].keys() == {'api-version', '_last-serial'}
    assert listed['meta']['api-version'] == '1.4'
    assert all(project.keys() == {'name', '_last-serial'} for project in listed['projects'])
    assert names == sorted({canonicalize_name(name) for name in names})
    assert [(text_of(anchor), anchor.attrs['href']) for anchor in page.named('a')] == [
        (name, f'{name}/') for name in names
    ]


def test_claimed_version(tree: Tree) -> None:
    """From API version 1.1 on each file has a size."""
    for page in tree.simple_json_pages:
        content = tree.read_json(page)
        sized = all('size' in file for file in content['files'])
        assert content['meta'].keys() == {'api-version', '_last-serial'}
        assert content['meta']['api-version'] == ('1.4' if sized else '1.0'), page


def test_simple_page_has_no_null(tree: Tree) -> None:
    """uv refuses a page with a null."""
    assert [page for page in tree.simple_json_pages if has_null(tree.read_json(page))] == []


def test_simple_page_follows_specification(tree: Tree) -> None:
    """Names, types and forms of all values are those of the specification."""
    for page in tree.simple_json_pages:
        content = tree.read_json(page)
        assert content.keys() <= {'meta', 'name', 'versions', 'files', 'project-status'}, page
        assert content['name'] == page.split('/')[1] == canonicalize_name(content['name'])
        assert len(content['versions']) == len(set(content['versions'])), page
        if 'project-status' in content:
            assert content['project-status'].keys() <= {'status', 'reason'}
            assert content['project-status']['status'] in ('archived', 'deprecated', 'quarantined')
        for file in content['files']:
            assert_file_follows_specification(file)


def assert_file_follows_specification(file: Facts) -> None:
    assert file.keys() >= {'filename', 'url', 'hashes'}
    assert all(isinstance(value, SIMPLE_FILE[key]) for key, value in file.items()), file
    assert unquote(urlsplit(file['url']).path.rpartition('/')[2]) == file['filename']
    for hashes in (file['hashes'], file.get('core-metadata')):
        if isinstance(hashes, dict):
            assert all(re.fullmatch('[a-z0-9_]+', algorithm) for algorithm in hashes)
            assert all(re.fullmatch('[0-9a-f]+', digest) for digest in hashes.values())
    assert UPLOAD_TIME.fullmatch(file.get('upload-time', '2024-01-31T12:00:00Z'))
    assert file.get('size', 0) >= 0
    # A false or empty value is omitted.
    assert all(file.get(key, True) for key in (
        'core-metadata', 'provenance', 'requires-python', 'yanked',
    ))
    assert file.get('provenance', 'https:').startswith('https:')


def test_versions_include_every_file(tree: Tree) -> None:
    """Every version that `packaging` finds in a file name is among the page's versions."""
    seen = 0
    for page in tree.simple_json_pages:
        content = tree.read_json(page)
        versions = [Version(text) for text in content['versions'] if is_version(text)]
        for file in content['files']:
            project, version = understood(file['filename'])
            if project == content['name']:
                seen += 1
                assert version in versions, file
    assert seen or not tree.recipe.lines


def is_version(text: str) -> bool:
    try:
        return bool(Version(text))
    except ValueError:
        return False


def understood(filename: str) -> tuple[str | None, Version | None]:
    """Return the project and version that clients find in a file name, None if they find none."""
    try:
        if filename.endswith('.whl'):
            return parse_wheel_filename(filename)[:2]
        return parse_sdist_filename(filename)
    except ValueError:
        return None, None


def test_quarantined_project_offers_nothing(tree: Tree) -> None:
    """No page of a quarantined project links to its files."""
    for page in tree.simple_json_pages:
        content = tree.read_json(page)
        quarantined = content.get('project-status', {}).get('status') == 'quarantined'
        assert (content['files'] == []) == quarantined, page
        project = tree.read_json(f'pypi/{content["name"]}/json')
        assert not quarantined or not any((project['urls'], *project['releases'].values()))
        links = [link.url for link in HtmlPage(
            tree.read(f'project/{content["name"]}/index.html'),
        ).links()]
        assert not quarantined or not any('pool/' in link for link in links)


def test_simple_forms_agree(tree: Tree) -> None:
    """HTML has one anchor for each file, with every fact of the JSON form, in its order."""
    for page in tree.simple_json_pages:
        content = tree.read_json(page)
        html = HtmlPage(tree.read(page.replace('.json', '.html')))
        files = [as_in_html(file) for file in content['files']]
        assert with_absolute_urls(html_files(html), tree.absolute(page, '')) == (
            with_absolute_urls(files, tree.absolute(page, ''))
        ), page
        status = content.get('project-status', {})
        assert html.metas['pypi:repository-version'] == '1.4'
        assert html.metas.get('pypi:project-status') == status.get('status')
        assert html.metas.get('pypi:project-status-reason') == status.get('reason')
        # pip before 6 would expect other links.
        assert 'api-version' not in html.metas


def test_json_api_has_every_key(tree: Tree) -> None:
    """Readers access keys without asking: an unknown value is null."""
    for page in tree.json_api_pages:
        content = tree.read_json(page)
        assert content.keys() == API_PAGE, page
        assert content['info'].keys() == API_INFO, page
        assert set(content['info']['downloads'].values()) == {-1}, page
        files = [*content['urls'], *(one for all_ in content['releases'].values() for one in all_)]
        for file in files:
            assert file.keys() == API_FILE, page
            assert file['packagetype'] in PACKAGETYPES
            assert file['md5_digest'] == file['digests'].get('md5')
            assert bool(file['upload_time']) == bool(file['upload_time_iso_8601'])
            assert unquote(urlsplit(file['url']).path.rpartition('/')[2]) == file['filename']


def test_release_page_agrees_with_project(tree: Tree) -> None:
    """Both routes state the same facts of a file; only relative URLs differ."""
    for page in tree.json_api_pages:
        _, project, *version, _ = page.split('/')
        content = tree.read_json(page)
        project_page = tree.read_json(f'pypi/{project}/json')
        latest = content['info']['version']
        assert content['info']['name'] == project
        assert content['urls'] == content['releases'].get(latest, []), page
        assert content['last_serial'] == project_page['last_serial']
        if version:
            assert [latest] == version == list(content['releases'])
            assert without_urls(content['urls']) == without_urls(project_page['releases'][latest])


def without_urls(files: list[Facts]) -> list[Facts]:
    return [{**file, 'url': None} for file in files]


def test_apis_agree(tree: Tree) -> None:
    """The simple API and the JSON API state the same facts of a file."""
    for page in tree.simple_json_pages:
        simple = tree.read_json(page)
        api = tree.read_json(f'pypi/{simple["name"]}/json')
        assert list(api['releases']) == simple['versions']
        by_name = {file['filename']: file for file in simple['files']}
        for file in (one for files in api['releases'].values() for one in files):
            other = by_name[file['filename']]
            assert file['digests'] == other['hashes']
            metadata = other.get('core-metadata', False)
            # Metadata with an unknown hash is `true` in the one and {} in the other.
            assert file['core-metadata'] == ({} if metadata is True else metadata)
            assert (file['yanked_reason'] or file['yanked']) == other.get('yanked', False)
            assert file['upload_time_iso_8601'] == other.get('upload-time')
            assert file['size'] == other.get('size')
            assert file['requires_python'] == other.get('requires-python')


def test_packages_json_is_complete(tree: Tree) -> None:
    """`packages.json` is sorted, has a line for each file, and only known keys."""
    lines = tree.read('packages.json').splitlines()
    decoded = [json.loads(line) for line in lines]
    assert all(line.keys() <= set(Line.__struct_fields__) for line in decoded)
    assert not any(has_null(line) for line in decoded)
    assert sorted(line['filename'] for line in decoded) == sorted(trees.listed_names(tree.recipe))
