from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import given, settings
from packaging.utils import canonicalize_name

from dumb_pypi.model.project import assemble, Project
from dumb_pypi.model.project_facts import ProjectFacts
from dumb_pypi.model.urls import PackagesUrl
from dumb_pypi.pages import json_api
from dumb_pypi.pages import simple as simple_api
from dumb_pypi.pages.summaries import summarize
from tests.support import strategies
from tests.support.lists import file_of
from tests.support.markup import HtmlPage, text_of

FOO = canonicalize_name('foo')
POOL = PackagesUrl('../../pool/')
HASH = 'ab' * 16


def project(*files: dict[str, Any], facts: ProjectFacts | None = None) -> Project:
    return assemble(FOO, [file_of(json.dumps(file).encode()) for file in files], facts)


def json_file(**keys: Any) -> dict[str, Any]:
    page = simple_api.project_json(project({'filename': 'foo-1.0.zip', **keys}), POOL)
    [file] = json.loads(page)['files']
    return dict(file)


def anchor(**keys: Any) -> str:
    page = simple_api.project_html(project({'filename': 'foo-1.0.zip', **keys}), POOL).decode()
    [line] = [line for line in page.splitlines() if line.startswith('<a ')]
    return line


def test_claimed_version() -> None:
    """A page claims the newest version if all sizes are known, otherwise 1.0."""
    sized = {'filename': 'foo-1.0.zip', 'size': 0}
    unsized = {'filename': 'foo-2.0.zip'}
    for files, version in (((sized,), '1.4'), ((sized, unsized), '1.0'), ((), '1.4')):
        page = json.loads(simple_api.project_json(project(*files), POOL))
        assert page['meta']['api-version'] == version


def test_unknown_facts_have_no_key() -> None:
    """uv refuses a page with a null."""
    assert json_file() == {
        'filename': 'foo-1.0.zip', 'url': '../../pool/foo-1.0.zip', 'hashes': {},
    }
    assert anchor() == '<a href="../../pool/foo-1.0.zip">foo-1.0.zip</a><br>'


@pytest.mark.parametrize(
    ('keys', 'in_json', 'in_html'), (
        ({'yanked_reason': ''}, {'yanked': True}, ' data-yanked=""'),
        ({'yanked_reason': '<b>"'}, {'yanked': '<b>"'}, ' data-yanked="&lt;b&gt;&#34;"'),
        ({'core_metadata': 'true'}, {'core-metadata': True},
         ' data-core-metadata="true" data-dist-info-metadata="true"'),
        ({'core_metadata': f'md5={HASH}'}, {'core-metadata': {'md5': HASH}},
         f' data-core-metadata="md5={HASH}" data-dist-info-metadata="md5={HASH}"'),
        # Not every client reads this algorithm: HTML states only that there is metadata.
        ({'core_metadata': 'crc32=ab'}, {'core-metadata': {'crc32': 'ab'}},
         ' data-core-metadata="true" data-dist-info-metadata="true"'),
        # uv refuses a page with this length in JSON too.
        ({'core_metadata': f'blake2b={HASH * 4}'}, {'core-metadata': True},
         ' data-core-metadata="true" data-dist-info-metadata="true"'),
        ({'requires_python': '>=3.8, <4'}, {'requires-python': '>=3.8, <4'},
         ' data-requires-python="&gt;=3.8, &lt;4"'),
        ({'size': 0}, {'size': 0}, ' data-size="0"'),
        ({'upload_timestamp': 0}, {'upload-time': '1970-01-01T00:00:00Z'},
         ' data-upload-time="1970-01-01T00:00:00Z"'),
        ({'upload_timestamp': 0.5}, {'upload-time': '1970-01-01T00:00:00.500000Z'},
         ' data-upload-time="1970-01-01T00:00:00.500000Z"'),
        ({'provenance': 'https://example.com/p'}, {'provenance': 'https://example.com/p'},
         ' data-provenance="https://example.com/p"'),
    ),
)
def test_fact_is_in_both_forms(keys: dict[str, Any], in_json: dict[str, Any], in_html: str) -> None:
    """HTML and JSON state a fact in the form of the specification."""
    assert json_file(**keys).items() >= in_json.items()
    assert anchor(**keys) == f'<a href="../../pool/foo-1.0.zip"{in_html}>foo-1.0.zip</a><br>'


@pytest.mark.parametrize(
    ('algorithm', 'digits'),
    (('md5', 32), ('sha256', 64), ('sha384', 96), ('sha512', 128), ('blake2b', 64)),
)
def test_common_hash_is_in_both_forms(algorithm: str, digits: int) -> None:
    """Clients read these algorithms in HTML and JSON."""
    digest = 'a' * digits
    assert json_file(hash=f'{algorithm}={digest}')['hashes'] == {algorithm: digest}
    assert f'href="../../pool/foo-1.0.zip#{algorithm}={digest}"' in anchor(
        hash=f'{algorithm}={digest}',
    )


@pytest.mark.parametrize(('algorithm', 'digits'), (('sha1', 40), ('sha224', 56), ('sha3_256', 64)))
def test_unusual_hash_is_in_json_only(algorithm: str, digits: int) -> None:
    """uv refuses an HTML page with an unknown algorithm."""
    digest = 'a' * digits
    assert json_file(hash=f'{algorithm}={digest}')['hashes'] == {algorithm: digest}
    assert '#' not in anchor(hash=f'{algorithm}={digest}')


def test_long_blake2b_is_omitted() -> None:
    """uv refuses a page with 512 bits of blake2b, HTML or JSON."""
    digest = f'blake2b={"a" * 128}'
    assert json_file(hash=digest)['hashes'] == {}
    assert '#' not in anchor(hash=digest)


def test_serial_is_time_of_newest_upload() -> None:
    """The serial is that of the JSON API: mirrors compare the two. It is 0 if no time is known."""
    dated = [
        {'filename': f'foo-{time}.zip', 'upload_timestamp': time} for time in (7, 9.75, 8)
    ]
    for files, serial in ((dated, 9), ([{'filename': 'foo-1.0.zip'}], 0)):
        foo = project(*files)
        page = json.loads(simple_api.project_json(foo, POOL))
        assert page['meta']['_last-serial'] == serial
        pages = dict(json_api.pages(foo, POOL))
        assert json.loads(pages['pypi/foo/json'])['last_serial'] == serial


def test_project_list_has_highest_serial() -> None:
    """The serial of the project list is the highest of its projects, each of which has its own."""
    summaries = [
        summarize(project({'filename': 'foo-1.0.zip', **keys}))
        for keys in ({}, {'upload_timestamp': 9.75}, {'upload_timestamp': 8})
    ]
    assert json.loads(simple_api.projects_json(summaries)) == {
        'meta': {'api-version': '1.4', '_last-serial': 9},
        'projects': [{'name': 'foo', '_last-serial': serial} for serial in (0, 9, 8)],
    }


def test_project_list_in_browser() -> None:
    """Its head has what browsers need; its body has one anchor for each project."""
    page = HtmlPage(simple_api.projects_html(['bar', 'foo'], '../icon.svg', None))
    assert page.metas['viewport'] == 'width=device-width, initial-scale=1'
    assert page.metas['color-scheme'] == 'light dark'
    assert [link.url for link in page.links()] == ['../icon.svg', 'bar/', 'foo/']


@pytest.mark.parametrize('status', ('archived', 'deprecated', 'quarantined'))
def test_status_is_in_both_forms(status: Any) -> None:
    """HTML and JSON state a status and its reason."""
    foo = project({'filename': 'foo-1.0.zip'}, facts=ProjectFacts(FOO, status, 'so "it" is'))
    page = json.loads(simple_api.project_json(foo, POOL))
    assert page['project-status'] == {'status': status, 'reason': 'so "it" is'}
    html = simple_api.project_html(foo, POOL).decode()
    assert f'<meta name="pypi:project-status" content="{status}">' in html
    assert '<meta name="pypi:project-status-reason" content="so &#34;it&#34; is">' in html
    offered = 0 if status == 'quarantined' else 1
    assert len(page['files']) == html.count('<a ') == offered


@pytest.mark.parametrize('site', ('https://example.com/', 'http://127.0.0.1:8000/a%20b/index/'))
@pytest.mark.parametrize('base', (
    '../../pool/', '../../../../pool/', './', 'a b/', '../x/./y//', '/', '/pool/',
    '//files.example.com/pool/', 'https://files.example.com/pool/',
))
@pytest.mark.parametrize('url', (
    None, 'team%20a/foo-1.0+l.zip', 'a/b:c/foo-1.0%2Bl.zip', 'https://other.example.com/foo-1.0+l.zip',
))
def test_json_urls_are_absolute(site: str, base: str, url: str | None) -> None:
    """With the site's URL, JSON has the URLs that clients of the HTML page arrive at."""
    foo = project({'filename': 'foo-1.0+l.zip', 'url': url})
    packages_url = PackagesUrl.parse(base)
    [file] = json.loads(simple_api.project_json(foo, packages_url, site))['files']
    [link] = HtmlPage(simple_api.project_html(foo, packages_url)).named('a')
    assert urljoin(f'{site}simple/foo/', link.attrs['href']) == file['url']
    assert urlsplit(file['url']).netloc
    assert urljoin('https://elsewhere.example.com/x/', file['url']) == file['url']


def test_local_packages_url_stays_local() -> None:
    """Files that are on a disk are not on the site."""
    page = simple_api.project_json(
        project({'filename': 'foo-1.0.zip'}), PackagesUrl.parse('file:///srv/pool'),
        'https://example.com/',
    )
    assert json.loads(page)['files'][0]['url'] == 'file:///srv/pool/foo-1.0.zip'


@settings(deadline=None, max_examples=300)
@given(strategies.filenames | strategies.odd_filenames)
def test_links_of_any_name_are_escaped(filename: str) -> None:
    """A link shows the name of the file, and its URL has the same name, encoded."""
    foo = project({'filename': filename})
    for base in ('../../pool/', "https://example.com/a&b'c/"):
        page = HtmlPage(simple_api.project_html(foo, PackagesUrl.parse(base)))
        [link] = page.named('a')
        assert (text_of(link), link.attrs['href']) == (filename, base + quote(filename))
