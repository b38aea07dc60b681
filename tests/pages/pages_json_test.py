"""The pages for programs keep the standards' rules, and all forms of a page say the same."""
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
from tests.support.simple_forms import as_in_html, html_files
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
    ('json_api_pages', json_api.Page),
))
def test_every_page_has_its_schema(tree: Tree, pages: str, schema: type[msgspec.Struct]) -> None:
    """What the schema has no place for would not be there when it is written again."""
    for page in getattr(tree, pages):
        assert_has_schema(tree.read(page), schema)


def test_files_of_the_json_api_have_their_schema(tree: Tree) -> None:
    for page in tree.json_api_pages:
        decoded = msgspec.json.decode(tree.read(page), type=json_api.Page)
        for files in (decoded.urls, *decoded.releases.values()):
            assert_has_schema(files, list[json_api.File])


def test_the_list_of_projects_has_its_schema(tree: Tree) -> None:
    content = tree.read('simple/index.json')
    decoded = msgspec.json.decode(content, type=simple_api.ProjectList)
    assert msgspec.json.encode(decoded) == content


def test_both_lists_of_projects_are_the_same(tree: Tree) -> None:
    """One anchor a project, its text the normalized name, in one order."""
    listed = tree.read_json('simple/index.json')
    names = [project['name'] for project in listed['projects']]
    page = HtmlPage(tree.read('simple/index.html'))
    assert listed.keys() == {'meta', 'projects'}
    assert listed['meta'] == {'api-version': '1.4'}
    assert all(project.keys() == {'name'} for project in listed['projects'])
    assert names == sorted({canonicalize_name(name) for name in names})
    assert [(text_of(anchor), anchor.attrs['href']) for anchor in page.named('a')] == [
        (name, f'{name}/') for name in names
    ]


def test_a_simple_page_claims_only_what_it_keeps(tree: Tree) -> None:
    """From 1.1 on each file has a size."""
    for page in tree.simple_json_pages:
        content = tree.read_json(page)
        sized = all('size' in file for file in content['files'])
        assert content['meta'] == {'api-version': '1.4' if sized else '1.0'}, page


def test_a_simple_page_has_no_null(tree: Tree) -> None:
    """uv refuses the whole page for one."""
    assert [page for page in tree.simple_json_pages if has_null(tree.read_json(page))] == []


def test_a_simple_page_keeps_the_rules(tree: Tree) -> None:
    for page in tree.simple_json_pages:
        content = tree.read_json(page)
        assert content.keys() <= {'meta', 'name', 'versions', 'files', 'project-status'}, page
        assert content['name'] == page.split('/')[1] == canonicalize_name(content['name'])
        assert len(content['versions']) == len(set(content['versions'])), page
        if 'project-status' in content:
            assert content['project-status'].keys() <= {'status', 'reason'}
            assert content['project-status']['status'] in ('archived', 'deprecated', 'quarantined')
        for file in content['files']:
            assert_file_keeps_the_rules(file)


def assert_file_keeps_the_rules(file: Facts) -> None:
    assert file.keys() >= {'filename', 'url', 'hashes'}
    assert all(isinstance(value, SIMPLE_FILE[key]) for key, value in file.items()), file
    assert unquote(urlsplit(file['url']).path.rpartition('/')[2]) == file['filename']
    for hashes in (file['hashes'], file.get('core-metadata')):
        if isinstance(hashes, dict):
            assert all(re.fullmatch('[a-z0-9_]+', algorithm) for algorithm in hashes)
            assert all(re.fullmatch('[0-9a-f]+', digest) for digest in hashes.values())
    assert UPLOAD_TIME.fullmatch(file.get('upload-time', '2024-01-31T12:00:00Z'))
    assert file.get('size', 0) >= 0
    # Never false or empty: such a key is left out.
    assert all(file.get(key, True) for key in (
        'core-metadata', 'provenance', 'requires-python', 'yanked',
    ))
    assert file.get('provenance', 'https:').startswith('https:')


def test_every_files_version_is_among_the_versions(tree: Tree) -> None:
    """Whatever a client makes of a file's name, if it finds this project there."""
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
    """The project and version that a client finds in the name of a file that it would install."""
    try:
        if filename.endswith('.whl'):
            return parse_wheel_filename(filename)[:2]
        return parse_sdist_filename(filename)
    except ValueError:
        return None, None


def test_a_quarantined_project_offers_nothing(tree: Tree) -> None:
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


def test_both_forms_of_a_simple_page_say_the_same(tree: Tree) -> None:
    """One anchor a file and no other, each with every fact of the JSON form, in one order."""
    for page in tree.simple_json_pages:
        content = tree.read_json(page)
        html = HtmlPage(tree.read(page.replace('.json', '.html')))
        assert html_files(html) == [as_in_html(file) for file in content['files']], page
        status = content.get('project-status', {})
        assert html.metas['pypi:repository-version'] == '1.4'
        assert html.metas.get('pypi:project-status') == status.get('status')
        assert html.metas.get('pypi:project-status-reason') == status.get('reason')
        # Old pips take this one as a demand for another way to link.
        assert 'api-version' not in html.metas


def test_a_json_api_page_has_every_key(tree: Tree) -> None:
    """Readers index without asking: a key must be there, if only with null."""
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


def test_a_releases_page_is_that_part_of_its_projects(tree: Tree) -> None:
    """Both routes give a file the same facts; only its URL is relative to another place."""
    for page in tree.json_api_pages:
        _, project, *version, _ = page.split('/')
        content = tree.read_json(page)
        whole = tree.read_json(f'pypi/{project}/json')
        latest = content['info']['version']
        assert content['info']['name'] == project
        assert content['urls'] == content['releases'].get(latest, []), page
        assert content['last_serial'] == whole['last_serial']
        if version:
            assert [latest] == version == list(content['releases'])
            assert without_urls(content['urls']) == without_urls(whole['releases'][latest])


def without_urls(files: list[Facts]) -> list[Facts]:
    return [{**file, 'url': None} for file in files]


def test_both_apis_say_the_same_of_a_file(tree: Tree) -> None:
    for page in tree.simple_json_pages:
        simple = tree.read_json(page)
        api = tree.read_json(f'pypi/{simple["name"]}/json')
        assert list(api['releases']) == simple['versions']
        by_name = {file['filename']: file for file in simple['files']}
        for file in (one for files in api['releases'].values() for one in files):
            other = by_name[file['filename']]
            assert file['digests'] == other['hashes']
            metadata = other.get('core-metadata', False)
            # Of metadata whose hash is not known this one has no hash.
            assert file['core-metadata'] == ({} if metadata is True else metadata)
            assert (file['yanked_reason'] or file['yanked']) == other.get('yanked', False)
            assert file['upload_time_iso_8601'] == other.get('upload-time')
            assert file['size'] == other.get('size')
            assert file['requires_python'] == other.get('requires-python')


def test_the_list_is_published_sorted_and_whole(tree: Tree) -> None:
    """`packages.json` has a line for each file of the list, and no key but the list's own."""
    lines = tree.read('packages.json').splitlines()
    decoded = [json.loads(line) for line in lines]
    assert all(line.keys() <= set(Line.__struct_fields__) for line in decoded)
    assert not any(has_null(line) for line in decoded)
    assert sorted(line['filename'] for line in decoded) == sorted(trees.listed_names(tree.recipe))
