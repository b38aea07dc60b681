"""Projects of another simple index → the lines of a package list."""
from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi.errors import FetchError, FileError, OptionError
from dumb_pypi.scanner import Scan, scan, web
from dumb_pypi.scanner.requirements import read_allow_list
from testing.distributions import make
from tests.support.scripted import Reply, SIMPLE_JSON, Site

SHA256 = 'ab' * 32


WHEEL = 'foo-1.0-py3-none-any.whl'
HTML = 'application/vnd.pypi.simple.v1+html'


def listed(result: Scan) -> dict[str, dict[str, Any]]:
    return {line['filename']: line for line in map(json.loads, result.lines)}


def scan_index(site: Site, *allowed: str, **options: Any) -> Scan:
    return scan(f'{site.url}simple/', allowed=allowed or ('foo',), **options)


def page(*files: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {'meta': {'api-version': '1.4'}, 'name': 'foo', 'files': list(files), **facts}


def file(filename: str = WHEEL, **facts: Any) -> dict[str, Any]:
    return {'filename': filename, 'url': f'../../files/{filename}', 'hashes': {}, **facts}


FULL = file() | {
    'hashes': {'md5': '0' * 32, 'sha256': SHA256},
    'requires-python': '>=3.8',
    'core-metadata': {'sha256': 'cd' * 32},
    'upload-time': '2024-01-31T12:00:00.250000Z',
    'yanked': 'it\nis broken',
    'size': 5,
    'provenance': 'https://example.com/p',
    'gpg-sig': False,
}
FULL_HTML = f'''
<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.4">
<title>Links for foo</title></head><body><!-- <a href="commented-1.0.zip">commented</a> -->
<A
  href = '../../files/{WHEEL}#sha256={SHA256}' data-requires-python="&gt;=3.8"
  data-core-metadata=sha256={"cd" * 32} data-dist-info-metadata="true" data-size=5
  data-upload-time="2024-01-31T12:00:00.250000Z" data-yanked="it&#10;is broken"
  data-provenance="https://example.com/p" disabled>{WHEEL}</a><br/>
<a href="../">up</a><a name="x">no link</a>
</body></html>
'''


def line(site: Site) -> dict[str, Any]:
    return {
        'filename': WHEEL,
        'hash': f'sha256={SHA256}',
        'requires_python': '>=3.8',
        'core_metadata': f'sha256={"cd" * 32}',
        'upload_timestamp': 1706702400.25,
        'yanked_reason': 'it is broken',
        'size': 5,
        'url': f'{site.url}files/{WHEEL}',
        'provenance': 'https://example.com/p',
    }


def test_json_page(site: Site) -> None:
    """A line has everything that a JSON page states of a file."""
    site.add_json('/simple/foo/', page(FULL))
    result = scan_index(site, uploaded_by='us')
    assert listed(result) == {WHEEL: line(site)}
    assert (result.problems, result.notices) == ([], [])
    [request] = site.requests
    assert request.headers['accept'].startswith(f'{SIMPLE_JSON}, ')


@pytest.mark.parametrize('kind', [
    HTML, 'text/html', 'text/html; charset=utf-8', 'application/vnd.pypi.simple.latest+html',
])
def test_html_page(site: Site, kind: str) -> None:
    """A line has everything that an HTML page states of a file."""
    site.pages['/simple/foo/'] = Reply(FULL_HTML.encode(), {'Content-Type': kind})
    result = scan_index(site)
    assert listed(result) == {WHEEL: line(site)}
    assert (result.problems, result.notices[1:]) == ([], [])


@pytest.mark.parametrize(('facts', 'expected'), [
    ({}, {}),
    ({'size': None, 'requires-python': None, 'yanked': None, 'upload-time': None}, {}),
    ({'yanked': True}, {'yanked_reason': ''}),
    ({'yanked': False}, {}),
    ({'yanked': ''}, {}),
    ({'core-metadata': True}, {'core_metadata': 'true'}),
    ({'core-metadata': {}}, {'core_metadata': 'true'}),
    ({'core-metadata': False, 'dist-info-metadata': True}, {}),
    ({'dist-info-metadata': {'sha256': SHA256}}, {'core_metadata': f'sha256={SHA256}'}),
    ({'hashes': {'blake2b': 'a' * 64, 'md5': '0' * 32}}, {'hash': f'blake2b={"a" * 64}'}),
    ({'hashes': {'crc32': '12345678'}}, {}),
    ({'hashes': {'SHA256': SHA256.upper()}}, {'hash': f'sha256={SHA256}'}),
    ({'upload-time': '2024-01-31T12:00:00'}, {'upload_timestamp': 1706702400}),
    ({'upload-time': '2024-01-31T13:00:00+01:00'}, {'upload_timestamp': 1706702400}),
    ({'provenance': ''}, {}),
])
def test_values_of_json(site: Site, facts: dict[str, Any], expected: dict[str, Any]) -> None:
    """Values of all forms that servers use are understood."""
    site.add_json('/simple/foo/', page(file(**facts)))
    [found] = listed(scan_index(site)).values()
    assert found == {'filename': WHEEL, 'url': f'{site.url}files/{WHEEL}', **expected}


@pytest.mark.parametrize(('attributes', 'expected'), [
    ('data-yanked', {'yanked_reason': ''}),
    ('data-yanked=""', {'yanked_reason': ''}),
    ('data-dist-info-metadata="true"', {'core_metadata': 'true'}),
    ('data-core-metadata=false', {}),
    ('data-core-metadata', {'core_metadata': 'true'}),
    ('data-size="a lot"', {}),
    (f'data-requires-python="&#{"9" * 5000};"', {'requires_python': f'&#{"9" * 5000};'}),
])
def test_values_of_html(site: Site, attributes: str, expected: dict[str, Any]) -> None:
    """Attributes of all forms that servers use are understood."""
    site.pages['/simple/foo/'] = Reply(
        f'<a href="{WHEEL}#egg=foo" {attributes}>{WHEEL}</a>'.encode(), {'Content-Type': HTML},
    )
    [found] = listed(scan_index(site)).values()
    assert found == {'filename': WHEEL, 'url': f'{site.url}simple/foo/{WHEEL}', **expected}


def test_relative_urls(site: Site) -> None:
    """Relative URLs are resolved against the page after redirects, or its base element."""
    site.pages['/simple/foo/'] = Reply(status=302, headers={'Location': '/other/foo/page'})
    site.pages['/other/foo/page'] = Reply(
        f'<a href="a%20b/{WHEEL}">'.encode(), {'Content-Type': HTML},
    )
    site.pages['/simple/bar/'] = Reply(
        b'<base href="/based/"><base target="x"><a href="bar-1.0%2Blocal.zip?a=b#sha256=">',
        {'Content-Type': HTML},
    )
    site.add_json('/simple/baz/', page(file('baz-1.zip', url='https://example.com/baz-1.zip')))
    lines = listed(scan_index(site, 'foo', 'bar', 'baz'))
    assert {name: line['url'] for name, line in lines.items()} == {
        WHEEL: f'{site.url}other/foo/a%20b/{WHEEL}',
        'bar-1.0+local.zip': f'{site.url}based/bar-1.0%2Blocal.zip?a=b',
        'baz-1.zip': 'https://example.com/baz-1.zip',
    }


def test_allowed_files_only(site: Site, tmp_path: Path) -> None:
    """Only projects and versions that requirements permit are asked for and listed."""
    for project in ('foo', 'bar-baz', 'qux'):
        name = project.replace('-', '_')
        site.add_json(f'/simple/{project}/', page(*(
            file(f'{name}-{version}.tar.gz') for version in ('1.0', '2.0', '3.0rc1')
        )))
    path = tmp_path / 'requirements.txt'
    path.write_text('# ours\nBar.Baz>=2\n')
    result = scan_index(site, 'foo<2', allowed_from=path)
    assert listed(result).keys() == {'foo-1.0.tar.gz', 'bar_baz-2.0.tar.gz'}
    assert sorted(site.paths) == ['/simple/bar-baz/', '/simple/foo/']
    assert listed(scan_index(site, 'foo')).keys() == {
        'foo-1.0.tar.gz', 'foo-2.0.tar.gz', 'foo-3.0rc1.tar.gz',
    }


def test_hashes_of_a_lock_file(site: Site, tmp_path: Path) -> None:
    """If a requirement has hashes, only these files are listed, whatever their other hashes."""
    site.add_json('/simple/foo/', page(
        file(WHEEL, hashes={'SHA256': SHA256.upper(), 'md5': '0' * 32}),
        file('foo-1.0.tar.gz', hashes={'sha256': '0' * 64}),
    ))
    path = tmp_path / 'requirements.txt'
    path.write_text(f'foo==1.0 \\\n    --hash=sha256:{SHA256}\n')
    assert listed(scan(f'{site.url}simple', allowed_from=path)).keys() == {WHEEL}


def test_projects_without_files_are_problems(site: Site) -> None:
    """A project of which nothing is listed is a problem; the others are listed."""
    site.add_json('/simple/foo/', page(file()))
    site.add_json('/simple/empty/', page())
    site.add_json('/simple/old/', page(file('old-1.0.zip')))
    site.add_json('/simple/bad/', page(
        file('bad-1.0.zip'), **{'project-status': {'status': 'quarantined', 'reason': 'malware'}},
    ))
    site.pages['/simple/gone/'] = Reply(status=410)
    result = scan_index(site, 'foo', 'empty', 'old>2', 'bad', 'missing', 'gone')
    assert listed(result).keys() == {WHEEL}
    url = f'{site.url}simple/'
    assert list(map(str, result.problems)) == [
        f'{url}bad/: is quarantined, so none of its files is listed',
        f'{url}empty/: has no files',
        f'{url}old/: has no file that you permit',
        f'{url}: has no project gone',
        f'{url}: has no project missing',
    ]
    assert all(problem.skipped for problem in result.problems)


def test_url_without_a_simple_api(site: Site, tmp_path: Path) -> None:
    """If an index has none of the projects, the scan asks whether the URL is right."""
    site.add_json('/other/bar/', page(file('bar-1.0.zip', hashes={'sha256': SHA256})))
    result = scan(site.url, allowed=['foo'])
    assert list(map(str, result.problems)) == [f'{site.url}: has no project foo']
    assert list(map(str, result.notices)) == [(
        f'{site.url}: has none of these projects: is it the URL of a simple API, which most often '
        'ends in /simple/?'
    )]
    assert scan(f'{site.url}other/', allowed=['foo', 'bar']).notices == []
    assert scan(f'{site.url}simple/', allowed=['bar']).notices == []
    # Nothing is asked about a project that a preferred source has.
    make(tmp_path, {'filename': WHEEL})
    assert scan([tmp_path, site.url], allowed=['foo'], prefer=[tmp_path]).notices == []


def test_file_without_requirements(tmp_path: Path) -> None:
    """A file of requirements that permits nothing is an error, unless something else does."""
    path = tmp_path / 'requirements.txt'
    path.write_text('# none yet\n\n')
    with pytest.raises(FileError, match=r'requirements\.txt: it has no requirements: write one'):
        scan('https://example.com/simple/', allowed_from=path)
    assert read_allow_list(['foo'], str(path)).keys() == {'foo'}


@pytest.mark.parametrize(('files', 'problem', 'notice'), [
    ([file(url='javascript:alert(1)')], 'is not an http or https URL', ''),
    ([file(url=f'ftp://example.com/{WHEEL}')], 'is not an http or https URL', ''),
    ([file(url=f'http://[/{WHEEL}')], 'is not a URL', ''),
    ([file(url='other-1.0.zip')], 'does not end with', ''),
    ([file(hashes={'sha256': 'abc'})], 'has 3 hex digits', ''),
    ([file(hashes=[])], 'file 1 of the page: Expected `object`', ''),
    ([file(size='5')], 'file 1 of the page: Expected `int', ''),
    ([file(size=-1)], 'is not a file size', ''),
    ([file(size=True)], 'file 1 of the page: Expected `int', ''),
    ([file(**{'upload-time': 'now'})], 'is not a time', ''),
    ([file(**{'upload-time': '0001-01-01T00:00:00+23:59'})], 'is not ', ''),
    ([file(**{'requires-python': '>3\x00'})], 'has the control character', ''),
    ([file(provenance='http://example.com/')], 'is not an https URL', ''),
    ([1], 'file 1 of the page: Expected `object`', ''),
    ([{'filename': WHEEL}], 'missing required field `url`', ''),
    ([file('../foo-1.0.zip')], '', 'which is not a valid project name'),
    ([file('foo-1.0/2.zip')], '', 'which cannot be used as a folder name'),
    ([file('bar-1.0.zip')], '', "'bar-1.0.zip' is a file of another project: skipped"),
    ([file('foobar-1.0.zip')], '', 'is a file of another project: skipped'),
    ([file('foo-1.0.txt')], '', 'is not a distribution file'),
    ([file('foo-1.0-py3-none-any (1).whl')], '', 'has the invalid platform tag'),
    ([file('foo-1.0\u202e.zip')], 'has the control character', ''),
])
def test_bad_files_are_reported(
        site: Site, files: list[Any], problem: str, notice: str,
) -> None:
    """A file that is invalid or of another project is not listed; the others are."""
    site.add_json('/simple/foo/', page(*files, file('foo-9.zip')))
    result = scan_index(site)
    assert listed(result).keys() == {'foo-9.zip'}
    assert [problem in str(found) for found in result.problems] == ([True] if problem else [])
    skipped = [found for found in result.notices if found.skipped]
    assert [notice in str(found) for found in skipped] == ([True] if notice else [])
    assert all(str(found).isprintable() for found in (*result.problems, *result.notices))


def test_name_without_a_clear_end(site: Site) -> None:
    """A file of a project whose name ends like a version is listed with the project's name."""
    site.add_json('/simple/foo-2/', page(file('foo-2-1.zip')))
    [found] = listed(scan_index(site, 'foo-2==1')).values()
    assert found['name'] == 'foo-2'


def test_first_link_to_a_file_counts(site: Site) -> None:
    """If a page has a file twice, the first link counts, as in clients."""
    site.add_json('/simple/foo/', page(file(size=1), file(size=2)))
    [found] = listed(scan_index(site)).values()
    assert found['size'] == 1


@pytest.mark.parametrize(('body', 'kind', 'message'), [
    (b'{}', SIMPLE_JSON, 'is not the JSON page of a project'),
    (b'[]', SIMPLE_JSON, 'is not the JSON page of a project'),
    (b'\xff', SIMPLE_JSON, 'is not the JSON page of a project'),
    (b'[' * 100_000, SIMPLE_JSON, 'is not the JSON page of a project'),
    (b'{"files": [' + b'[' * 100_000, SIMPLE_JSON, 'is not the JSON page of a project'),
    (b'{"files": 1}', SIMPLE_JSON, 'is not the JSON page of a project'),
    (b'{"files": [], "meta": {"api-version": "2.0"}}', SIMPLE_JSON, "has version '2.0'"),
    (b'{"files": [], "project-status": 1}', SIMPLE_JSON, 'is not the JSON page of a project'),
    (b'<meta name="pypi:repository-version" content="2.0">', HTML, "has version '2.0'"),
    (b'<base href="http://[">', HTML, 'has an invalid base URL'),
    (b'{"files": []}', 'application/octet-stream', "the content type 'application/octet-stream'"),
    (b'{"files": []}', '', "the content type 'no type at all'"),
    (b'<html>Sign in</html>', 'text/html', 'has no files'),
])
def test_other_pages_are_problems(site: Site, body: bytes, kind: str, message: str) -> None:
    """A page of another kind is a problem of its project; the others are listed."""
    site.pages['/simple/foo/'] = Reply(body, {'Content-Type': kind} if kind else {})
    site.add_json('/simple/bar/', page(file('bar-1.0.zip')))
    result = scan_index(site, 'foo', 'bar')
    assert listed(result).keys() == {'bar-1.0.zip'}
    [problem] = result.problems
    assert message in str(problem)
    assert str(problem).isprintable()


@pytest.mark.parametrize('part', [
    '<!--', '<a href="', "<a href='", '<a ', '<a b', '<a b=', '<a/', '<', '<a href=x', '</a',
    '<a ' + ' ' * 1000, '<a href="&#', '&', '<base href="', '<a\n=', '<a x="\'',
])
def test_html_takes_linear_time(site: Site, part: str) -> None:
    """A hostile HTML page takes no longer than others of its size: hours, if it were quadratic."""
    text = part * (2 ** 19 // len(part))
    site.pages['/simple/foo/'] = Reply(text.encode(), {'Content-Type': HTML})
    assert scan_index(site).lines == []


@pytest.mark.parametrize('status', [500, 403, 401])
def test_failing_index_fails_the_scan(site: Site, status: int) -> None:
    """A server that fails is an error: nothing must vanish from the list because of it."""
    site.add_json('/simple/foo/', page(file()))
    site.pages['/simple/bar/'] = Reply(status=status)
    with pytest.raises(FetchError, match=f'HTTP status {status}') as caught:
        scan_index(site, 'foo', 'bar')
    assert ('netrc' in str(caught.value)) == (status != 500)


def test_project_status(site: Site) -> None:
    """Archived and deprecated projects are in the project list, with the reason."""
    reason = 'Use <b>bar</b>\n\x1binstead'
    for name, status in (('foo', 'archived'), ('bar', 'active'), ('baz', 'mystery')):
        site.add_json(f'/simple/{name}/', page(
            file(f'{name}-1.0.zip'), **{'project-status': {'status': status, 'reason': reason}},
        ))
    site.add_json('/simple/old/', page(file('old-1.0.zip'), meta={
        'api-version': '1.4', 'project-status': {'status': 'deprecated'},
    }))
    site.pages['/simple/html/'] = Reply((
        '<meta name="pypi:project-status" content="deprecated">'
        f'<meta name="pypi:project-status-reason" content="{html.escape(reason)}">'
        '<a href="html-1.0.zip">'
    ).encode(), {'Content-Type': HTML})
    result = scan_index(site, 'foo', 'bar', 'baz', 'old', 'html', projects=True)
    assert len(result.lines) == 5
    assert [json.loads(line) for line in result.projects] == [
        {'name': 'foo', 'status': 'archived', 'scanned_hash': '',
         'status_reason': 'Use <b>bar</b> \ufffdinstead'},
        {'name': 'html', 'status': 'deprecated', 'scanned_hash': '',
         'status_reason': 'Use <b>bar</b> \ufffdinstead'},
        {'name': 'old', 'status': 'deprecated', 'scanned_hash': ''},
    ]


def test_next_scan_accepts_the_project_list(site: Site, tmp_path: Path) -> None:
    """A project list with a status can be the list of the next scan, which replaces the status."""
    projects = tmp_path / 'projects'
    for status in ('archived', 'deprecated'):
        site.add_json('/simple/foo/', page(file(), **{'project-status': {'status': status}}))
        result = scan_index(site, projects=True, previous_projects=projects)
        [found] = map(json.loads, result.projects)
        assert found['status'] == status
        projects.write_bytes(b'\n'.join(result.projects))


@pytest.mark.parametrize(('source', 'options', 'message'), [
    ('https://example.com/simple/', {},
     'https://example.com/simple/ requires --project NAME'),
    ('http://me:secret@example.com/', {'allowed': ['foo']},
     'http://example.com/ would get the password without encryption'),
    ('https://example.com/?a', {'allowed': ['foo']}, "has a '?' or a '#'"),
    ('https:///', {'allowed': ['foo']}, 'has no host'),
    ('https://[', {'allowed': ['foo']}, 'Invalid IPv6 URL'),
    ('https://example.com:x/', {'allowed': ['foo']}, 'is not a URL'),
    ('s3x://bucket', {}, "SOURCE 's3x://bucket' is neither a folder, nor github:OWNER/REPO"),
])
@pytest.mark.usefixtures('no_settings')
def test_usage_errors(source: str, options: dict[str, Any], message: str) -> None:
    """Sources and options that make no sense are errors, before any request."""
    with pytest.raises(OptionError) as caught:
        scan(source, **options)
    assert message in str(caught.value)
    assert 'secret' not in str(caught.value)


def test_plain_http_is_reported(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that is read without encryption is listed with a warning."""
    url = 'http://index.example.com/simple/'
    site.pages[f'{url}foo/'] = Reply(json.dumps(page(FULL)).encode(), {'Content-Type': SIMPLE_JSON})
    monkeypatch.setenv('http_proxy', site.url)
    monkeypatch.delenv('NO_PROXY')
    monkeypatch.delenv('no_proxy', raising=False)
    result = scan(url, allowed=['foo'])
    assert listed(result).keys() == {WHEEL}
    [notice] = result.notices
    assert 'is read without encryption' in str(notice)
    assert not notice.skipped


def test_computed_hashes(site: Site, tmp_path: Path) -> None:
    """Files without a hash are downloaded if that is asked for, and only once."""
    site.add_json('/simple/foo/', page(file(), file('foo-2.0.zip', hashes={'sha256': SHA256})))
    site.pages[f'/files/{WHEEL}'] = Reply(b'wheel')
    [notice] = scan_index(site).notices
    assert f"states no hash of '{WHEEL}': --compute-hashes" in str(notice)
    result = scan_index(site, compute_hashes=True)
    assert result.notices == []
    previous = tmp_path / 'previous'
    previous.write_bytes(b'\n'.join(result.lines))
    site.requests.clear()
    assert scan_index(site, previous=previous) == result
    assert site.paths == ['/simple/foo/']
    # A line that somebody has damaged is of no use.
    previous.write_bytes(previous.read_bytes().replace(b'"sha256=', b'"sha256=x'))
    assert 'hash' not in listed(scan_index(site, previous=previous))[WHEEL]


def test_file_without_known_size(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of unknown size is not downloaded for ever."""
    site.add_json('/simple/foo/', page(file()))
    site.pages[f'/files/{WHEEL}'] = Reply(b'12345678')
    monkeypatch.setattr(web, 'MAX_FILE', 7)
    with pytest.raises(FetchError, match='more than 7 bytes'):
        scan_index(site, compute_hashes=True)


def test_histories_equal_first_scans(site: Site, tmp_path: Path) -> None:
    """After any change a scan with a previous list and a cache is like one without them."""
    previous, cache = tmp_path / 'previous', tmp_path / 'cache'
    previous.touch()
    requirements = tmp_path / 'requirements.txt'
    requirements.write_text('foo\nbar<2\n')
    foo = [FULL, file('foo-2.0.zip', hashes={'sha256': SHA256})]
    bar = [file(f'bar-{version}.zip', size=5) for version in (1, 2)]
    site.pages |= {f'/files/bar-{version}.zip': Reply(b'12345') for version in (1, 2)}
    steps: list[Callable[[], object]] = [
        lambda: None,
        lambda: None,
        lambda: foo.append(file('foo-3.0.zip', hashes={'sha256': SHA256})),
        lambda: foo[0].update(yanked=False),
        lambda: requirements.write_text('foo\nbar\n'),
        foo.clear,
        lambda: requirements.write_text('bar\n'),
    ]
    for step in steps:
        step()
        site.add_json('/simple/foo/', page(*foo))
        site.add_json('/simple/bar/', page(*bar))
        options: dict[str, Any] = {'allowed_from': requirements, 'compute_hashes': True}
        url = f'{site.url}simple/'
        result = scan(url, previous=previous, cache=cache, **options)
        assert result == scan(url, **options)
        previous.write_bytes(b'\n'.join(result.lines))
