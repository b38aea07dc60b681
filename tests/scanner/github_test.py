"""The releases of a GitHub repository → the lines of a package list."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi.errors import FetchError, OptionError
from dumb_pypi.scanner import github as module
from dumb_pypi.scanner import Scan, scan
from tests.support.scripted import FakeGitHub, OWNER, Reply

SOURCE = f'github:{OWNER}'
WHEEL = 'foo-1.0-py3-none-any.whl'


def listed(result: Scan) -> dict[str, dict[str, Any]]:
    return {line['filename']: line for line in map(json.loads, result.lines)}


def sha256(content: bytes) -> str:
    return f'sha256={hashlib.sha256(content).hexdigest()}'


def scan_github(site: FakeGitHub, source: str = SOURCE, **options: Any) -> Scan:
    return scan(source, api_url=site.api_url, **options)


def test_line_of_an_asset(github: FakeGitHub) -> None:
    """A line has everything that the API states of a file."""
    github.release('v1.0', [(WHEEL, b'wheel')])
    assert scan_github(github) == Scan(lines=[json.dumps({
        'filename': WHEEL,
        'hash': sha256(b'wheel'),
        'upload_timestamp': 1706702401,
        'uploaded_by': 'ana',
        'size': 5,
        'url': f'{github.url}{OWNER}/releases/download/v1.0/{WHEEL}',
    }, separators=(',', ':')).encode()], problems=[], notices=[])
    [request] = github.requests
    assert request.path == f'/api/repos/{OWNER}/releases?per_page=100'
    assert request.headers['user-agent'].startswith('dumb-pypi/')
    assert 'authorization' not in request.headers


def test_releases_of_all_kinds(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pre-releases are listed; drafts, which a token may show, and unfinished uploads are not."""
    monkeypatch.setenv('GH_TOKEN', 'secret')
    github.tokens = ['secret']
    github.release('v1', [('foo-1.tar.gz', b'1')])
    github.release('v2rc1', [('foo-2rc1.tar.gz', b'2')], prerelease=True)
    github.release('v3', [('foo-3.tar.gz', b'3')], draft=True)
    github.release('v4', [('foo-4.tar.gz', b'4')])['assets'][0]['state'] = 'starter'
    result = scan_github(github)
    assert listed(result).keys() == {'foo-1.tar.gz', 'foo-2rc1.tar.gz'}
    assert (result.problems, result.notices) == ([], [])


def test_pages_are_followed(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """All pages of releases are read, and those of assets where a release may lack some."""
    names = [f'foo-{number}.tar.gz' for number in range(10)]
    for name in names[:7]:
        github.release(name, [(name, name.encode())])
    assert listed(scan_github(github)).keys() == set(names[:7])
    assert len(github.requests) == 3
    github.requests.clear()
    github.embedded = 2
    monkeypatch.setattr(module, '_PAGE_SIZES', (2,))
    github.release('many', [(name, name.encode()) for name in names[7:]] + [
        ('bar-1.tar.gz', b''),
    ])
    assert listed(scan_github(github)).keys() == {*names, 'bar-1.tar.gz'}
    assert github.paths.count(f'/api/repos/{OWNER}/releases/many/assets?per_page=100') == 1
    assert len(github.requests) == 5


def test_repeated_asset_is_one_file(github: FakeGitHub) -> None:
    """A release that is made between two requests moves others to the next page."""
    for number in range(4):
        github.release(f'v{number}', [(f'foo-{number}.tar.gz', b'')], digests=False)
    github.releases.insert(3, github.releases[2])
    assert len(scan_github(github).lines) == 4


@pytest.mark.parametrize('link', [
    'http://127.0.0.1:1/next', 'https://api.example.com/repositories/1/releases?page=2',
])
def test_next_page_of_another_server(github: FakeGitHub, link: str) -> None:
    """A token goes to no other server."""
    github.pages['/api/repos/a/b/releases?per_page=100'] = Reply(
        b'[]', {'Link': f'<{link}>; rel="next"'},
    )
    with pytest.raises(FetchError, match='links to another server'):
        scan_github(github, 'github:a/b')


def test_endless_pages_are_refused(
        github: FakeGitHub, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A page that is its own next page is an error."""
    monkeypatch.setattr(module, '_MAX_PAGES', 3)
    path = '/api/repos/a/b/releases?per_page=100'
    github.pages[path] = Reply(b'[]', {'Link': f'<{github.url}{path[1:]}>; rel="next"'})
    with pytest.raises(FetchError, match='has more than 3 pages'):
        scan_github(github, 'github:a/b')
    assert len(github.requests) == 3


def test_other_assets_are_one_notice(github: FakeGitHub) -> None:
    """A file that is not a distribution is reported once, and signatures are not."""
    others = [
        'tool-windows.zip', 'tool-1.0.linux-x86_64.tar.gz', 'README', 'checksums.txt',
        'tool-1.2-nightly-build.zip',
    ]
    github.release('v1', [(name, b'') for name in (
        *others, WHEEL, f'{WHEEL}.asc', f'{WHEEL}.sigstore.json',
    )])
    result = scan_github(github)
    assert listed(result).keys() == {WHEEL}
    assert list(map(str, result.notices)) == [
        f"{SOURCE}: has 5 other files than wheels, sdists and eggs, such as 'README': skipped",
    ]


METADATA = b"""\
Metadata-Version: 2.1
Name: Foo
Version: 1.0
Summary: A foo.
Requires-Python: >=3.8
Requires-Dist: bar<2
"""


@pytest.mark.parametrize('digests', [True, False])
def test_metadata_asset(github: FakeGitHub, tmp_path: Path, digests: bool) -> None:
    """A `.metadata` file of the same release is the metadata of its wheel, and is read once."""
    github.release('v1', [(WHEEL, b'1'), (f'{WHEEL}.metadata', METADATA)], digests=digests)
    other = 'foo-2.0-py3-none-any.whl'
    github.release('v2', [(other, b'2')])
    github.release('v3', [(f'{other}.metadata', b'of another release')])
    result = scan_github(github, compute_hashes=True)
    lines = listed(result)
    assert {key: lines[WHEEL][key] for key in lines[WHEEL].keys() - lines[other].keys()} == {
        'core_metadata': sha256(METADATA), 'requires_python': '>=3.8', 'requires_dist': ['bar<2'],
        'summary': 'A foo.',
    }
    assert lines[WHEEL].keys() > lines[other].keys()
    previous = tmp_path / 'previous'
    previous.write_bytes(b'\n'.join(result.lines))
    github.requests.clear()
    assert scan_github(github, previous=previous) == result
    # Without a digest nobody can know that it is still the same file.
    assert len(github.requests) == (1 if digests else 2)
    previous.write_bytes(previous.read_bytes().replace(b'"requires_dist":["bar<2"],', b''))
    assert scan_github(github, previous=previous) == result


@pytest.mark.parametrize(('content', 'reason'), [
    (b'', 'has metadata that does not say its name and version'),
    (METADATA.replace(b'Foo', b'Bar'), "has the metadata of another project, 'Bar'"),
    (METADATA.replace(b'1.0', b'2.0'), "has the metadata of another version, '2.0'"),
    (METADATA.replace(b'bar<2', b'bar\x00'), 'has the control character'),
    (METADATA + b'x', 'does not have the sha256 that GitHub states'),
])
def test_wrong_metadata_is_not_announced(
        github: FakeGitHub, content: bytes, reason: str,
) -> None:
    """Metadata that clients would refuse is reported; the wheel is listed without it."""
    release = github.release('v1', [(WHEEL, b'1'), (f'{WHEEL}.metadata', content)])
    if content.endswith(b'x'):
        release['assets'][1]['digest'] = sha256(METADATA).replace('=', ':')
    result = scan_github(github)
    assert listed(result)[WHEEL].keys() == {
        'filename', 'url', 'size', 'hash', 'upload_timestamp', 'uploaded_by',
    }
    [problem] = result.problems
    assert str(problem).startswith(f'{SOURCE}/{WHEEL}.metadata: ')
    assert reason in str(problem)
    assert not problem.skipped


def test_missing_digests(github: FakeGitHub, tmp_path: Path) -> None:
    """A file without a digest is downloaded once, and only if that is asked for."""
    github.release('v1', [(WHEEL, b'old'), ('foo-1.0.tar.gz', b'sdist')], digests=False)
    result = scan_github(github)
    assert [line.get('hash') for line in listed(result).values()] == [None, None]
    assert list(map(str, result.notices)) == [
        (f"{SOURCE}: states no hash of '{WHEEL}' and 1 other file: --compute-hashes downloads "
         'such files once'),
    ]
    result = scan_github(github, compute_hashes=True)
    assert {name: line['hash'] for name, line in listed(result).items()} == {
        WHEEL: sha256(b'old'), 'foo-1.0.tar.gz': sha256(b'sdist'),
    }
    assert result.notices == []
    previous = tmp_path / 'previous'
    previous.write_bytes(b'\n'.join(result.lines))
    github.requests.clear()
    assert scan_github(github, previous=previous) == result
    assert len(github.requests) == 1
    # The file was deleted and uploaded again.
    github.releases[0]['assets'][0]['created_at'] = '2024-02-01T00:00:00Z'
    assert 'hash' not in listed(scan_github(github, previous=previous))[WHEEL]


def test_download_of_another_size(github: FakeGitHub) -> None:
    """A file that is not as long as the API says fails the scan."""
    release = github.release('v1', [(WHEEL, b'content')], digests=False)
    for size in (6, 8):
        release['assets'][0]['size'] = size
        with pytest.raises(FetchError, match=f'does not have the {size} bytes'):
            scan_github(github, compute_hashes=True)
    release['assets'][0]['browser_download_url'] += f'/{WHEEL}'
    with pytest.raises(FetchError, match='HTTP status 404'):
        scan_github(github, compute_hashes=True)


def test_edits_of_previous_list(github: FakeGitHub, tmp_path: Path) -> None:
    """A yank in the previous list stays as long as the content of the file is the same."""
    github.release('v1', [(WHEEL, b'1')])
    [text] = scan_github(github).lines
    previous = tmp_path / 'previous'
    previous.write_text(json.dumps({
        **json.loads(text), 'yanked_reason': 'broken', 'provenance': 'https://example.com/p',
        'uploaded_by': 'somebody else',
    }))
    [line] = listed(scan_github(github, previous=previous)).values()
    assert line == {
        **json.loads(text), 'yanked_reason': 'broken', 'provenance': 'https://example.com/p',
    }
    github.releases.clear()
    github.release('v1', [(WHEEL, b'2')])
    [line] = listed(scan_github(github, previous=previous)).values()
    assert 'yanked_reason' not in line


def test_same_file_in_several_releases(github: FakeGitHub) -> None:
    """A file that is in several releases is listed as the first one has it."""
    github.release('v1', [(WHEEL, b'1'), ('foo-1.0.tar.gz', b'1'), ('foo-1.1.tar.gz', b'1')])
    github.release('nightly', [(WHEEL, b'1'), ('foo-1.0.tar.gz', b'2')])
    github.release('other', [('foo-1.1.tar.gz', b'1')], digests=False)
    result = scan_github(github)
    assert {name: line['url'] for name, line in listed(result).items()} == {
        WHEEL: f'{github.url}{OWNER}/releases/download/v1/{WHEEL}',
    }
    assert sorted(map(str, result.problems)) == [
        f'{SOURCE}/foo-1.{number}.tar.gz: is in 2 releases, and may not be the same file in all of '
        'them: delete or rename all but one' for number in (0, 1)
    ]


@pytest.mark.parametrize(('change', 'reason'), [
    ({'name': 'foo-1.0-py3-none-any (1).whl'}, 'invalid platform tag'),
    ({'name': '../../foo-1.0.tar.gz'}, 'has a slash'),
    ({'name': 'foo-1.0.tar.gz'}, "does not end with 'foo-1.0.tar.gz'"),
    ({'browser_download_url': f'javascript:{WHEEL}'}, 'is not an http or https URL'),
    ({'created_at': 'yesterday'}, 'is not a time in ISO 8601'),
    ({'digest': 'sha256:abc'}, 'has 3 hex digits'),
    ({'size': -1}, 'is not a file size'),
    ({'uploader': {'login': 'a\x1bb'}}, 'has the control character'),
])
def test_bad_assets_are_problems(
        github: FakeGitHub, change: dict[str, object], reason: str,
) -> None:
    """An invalid asset is reported; the others are listed."""
    release = github.release('v1', [(WHEEL, b''), ('foo-2.0.tar.gz', b'')])
    release['assets'][0] |= change
    result = scan_github(github)
    assert listed(result).keys() == {'foo-2.0.tar.gz'}
    [problem] = result.problems
    assert reason in str(problem)


def test_facts_that_other_servers_lack(github: FakeGitHub) -> None:
    """Name, URL and assets suffice: other servers have a similar API."""
    release = github.release('v1', [(WHEEL, b'')])
    release['assets'] = [
        {key: asset[key] for key in ('name', 'browser_download_url')} for asset in release['assets']
    ]
    result = scan_github(github, uploaded_by='us')
    assert listed(result)[WHEEL].keys() == {'filename', 'url', 'uploaded_by'}


def test_cache(github: FakeGitHub, tmp_path: Path) -> None:
    """A cached response is sent again only after a change, and the result is the same."""
    cache = tmp_path / 'new' / 'cache'
    for number in range(5):
        github.release(f'v{number}', [(f'foo-{number}.tar.gz', b'')])
    first = scan_github(github, cache=cache)
    conditions = [request.headers.get('if-none-match') for request in github.requests]
    assert conditions == [None, None]
    github.requests.clear()
    assert scan_github(github, cache=cache) == first
    assert all('if-none-match' in request.headers for request in github.requests)
    github.release('v5', [('foo-5.tar.gz', b'')])
    assert scan_github(github, cache=cache) == scan_github(github)
    assert cache.stat().st_mode & 0o77 == 0


@pytest.mark.parametrize(('token', 'remedy'), [
    (None, 'Try again after 2100-01-01 00:00 UTC, or set GITHUB_TOKEN to an access token'),
    ('secret', 'Try again after 2100-01-01 00:00 UTC'),
])
def test_rate_limit(
        github: FakeGitHub, token: str | None, remedy: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message says when the limit ends, and how to get a higher one."""
    github.pages['/api/repos/a/b/releases?per_page=100'] = Reply(b'', {
        'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': '4102444800',
    }, 429)
    if token is not None:
        github.tokens = [token]
        monkeypatch.setenv('GITHUB_TOKEN', token)
    with pytest.raises(FetchError) as caught:
        scan_github(github, 'github:a/b')
    assert f'the limit of requests is reached. {remedy}' in str(caught.value)
    assert str(caught.value).endswith('a higher limit' if token is None else 'UTC')
    assert len(github.requests) == 1


@pytest.mark.parametrize(('headers', 'when'), [
    ({'Retry-After': '3600'}, r'after \d{4}-\d\d-\d\d \d\d:\d\d UTC'),
    ({'Retry-After': '9' * 30}, 'later'),
    ({'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': 'soon'}, 'later'),
])
def test_other_limits(github: FakeGitHub, headers: dict[str, str], when: str) -> None:
    """Headers of all kinds say when to try again."""
    github.pages['/api/repos/a/b/releases?per_page=100'] = Reply(b'', headers, 403)
    with pytest.raises(FetchError, match=f'Try again {when}'):
        scan_github(github, 'github:a/b')


@pytest.mark.parametrize('headers', [
    {'Retry-After': '0'}, {'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': '1'},
    {'Retry-After': 'Wed, 31 Jan 2024 12:00:00 GMT'},
])
def test_short_limit_is_waited_for(github: FakeGitHub, headers: dict[str, str]) -> None:
    """A limit that is nearly over is no error."""
    answers = [Reply(b'', headers, 403), Reply(b'[]')]
    github.pages['/api/repos/a/b/releases?per_page=100'] = lambda _: answers.pop(0)
    assert scan_github(github, 'github:a/b').lines == []


@pytest.mark.parametrize(('status', 'token', 'remedy'), [
    (404, None, r'is the name right\? If the repository is private, set GITHUB_TOKEN'),
    (404, 'secret', 'the access token must permit to read it'),
    (401, 'secret', 'is the access token in GH_TOKEN or GITHUB_TOKEN valid'),
    (403, 'secret', 'is the access token in GH_TOKEN or GITHUB_TOKEN valid'),
    (410, None, r'HTTP status 410 \(Gone\)$'),
    (451, None, 'HTTP status 451'),
])
def test_errors_have_remedies(
        github: FakeGitHub, status: int, token: str | None, remedy: str,
        monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An error says what to do."""
    github.pages['/api/repos/a/b/releases?per_page=100'] = Reply(status=status)
    if token is not None:
        github.tokens = [token]
        monkeypatch.setenv('GITHUB_TOKEN', token)
    with pytest.raises(FetchError, match=remedy):
        scan_github(github, 'github:a/b')


def test_private_repository(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a private repository are listed, with a warning that clients cannot have them."""
    github.private = True
    github.release('v1', [(WHEEL, b''), (f'{WHEEL}.metadata', METADATA)], digests=False)
    with pytest.raises(FetchError, match='If the repository is private'):
        scan_github(github)
    github.tokens = ['secret']
    monkeypatch.setenv('GITHUB_TOKEN', ' secret\n')
    result = scan_github(github, compute_hashes=True)
    assert listed(result).keys() == {WHEEL}
    notice, no_hash = result.notices
    assert 'is private, so pip and uv cannot download its files' in str(notice)
    assert not (notice.skipped or no_hash.skipped)
    assert all(path.startswith('/api/') for path in github.paths)
    assert b'secret' not in b''.join(result.lines)


@pytest.mark.parametrize('body', [
    b'', b'{}', b'[1]', b'[{"assets": 1}]', b'\xff', b'[' * 100_000, b'<html>',
    b'[{"assets": [{"name": 1, "browser_download_url": ""}]}]',
])
def test_other_responses_are_refused(github: FakeGitHub, body: bytes) -> None:
    """Anything but a list of releases is an error of one line."""
    github.pages['/api/repos/a/b/releases?per_page=100'] = Reply(body)
    with pytest.raises(FetchError, match='is not a response of the API of GitHub') as caught:
        scan_github(github, 'github:a/b')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('source', 'options', 'environment', 'message'), [
    ('github:a', {}, {}, "SOURCE 'github:a' is not github:OWNER/REPO"),
    ('github:a/b/c', {}, {}, 'is not github:OWNER/REPO'),
    ('github:a/b?c', {}, {}, 'is not github:OWNER/REPO'),
    (SOURCE, {'api_url': 'x'}, {}, "--api-url 'x' is not an http or https URL"),
    (SOURCE, {'api_url': 'http://example.com'}, {'GH_TOKEN': 'x'},
     '--api-url would get the token in GH_TOKEN without encryption'),
    (SOURCE, {}, {'GITHUB_TOKEN': 'a b'}, 'GITHUB_TOKEN is not an access token'),
])
@pytest.mark.usefixtures('no_settings')
def test_usage_errors(
        source: str, options: dict[str, str],
        environment: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Options that make no sense are errors, before any request."""
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(OptionError) as caught:
        scan(source, **options)  # type: ignore[arg-type]  # its values are strings
    assert message in str(caught.value)


def test_api_url_of_the_environment(
        github: FakeGitHub, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a workflow the server that runs it is asked."""
    github.release('v1', [(WHEEL, b'')])
    monkeypatch.setenv('GITHUB_API_URL', f'{github.api_url}/')
    assert listed(scan(SOURCE)).keys() == {WHEEL}


def test_histories_equal_first_scans(github: FakeGitHub, tmp_path: Path) -> None:
    """After any change a scan with a previous list and a cache is like one without them."""
    previous, cache = tmp_path / 'previous', tmp_path / 'cache'
    previous.touch()
    steps: list[Callable[[], object]] = [
        lambda: github.release('v1', [(WHEEL, b'1'), ('foo-1.0.tar.gz', b'2')]),
        lambda: github.release('v2', [('foo-2.0.tar.gz', b'2')], digests=False),
        lambda: github.releases[0].update(assets=[]),
        lambda: github.release('v2.1', [('foo-2.0.tar.gz', b'other')], digests=False),
        lambda: github.releases[-1]['assets'].pop(0),
        lambda: github.releases[-1].update(draft=True),
        lambda: None,
        github.releases.clear,
    ]
    for step in steps:
        step()
        result = scan_github(github, previous=previous, cache=cache, compute_hashes=True)
        assert result == scan_github(github, compute_hashes=True)
        previous.write_bytes(b'\n'.join(result.lines))
