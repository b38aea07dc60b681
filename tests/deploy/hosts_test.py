"""How each host responds with the settings in deploy/: all hosts with a feature do the same."""
from __future__ import annotations

import gzip
import json
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from dumb_pypi.store import changes as store_changes
from tests.deploy.conftest import PACKED_PAGES
from tests.support.hosts import (
    ACCEPTS,
    all_hosts,
    ask,
    BROWSERS,
    CACHING,
    Case,
    ETAG,
    GZIP,
    HIDES,
    HOSTS,
    IMMUTABLE,
    JSON_TOO,
    NOT_FOUND,
    OLD_NAMES,
    POLICY,
    PREFIX,
    RANGES,
    Sites,
    style,
    TYPES,
    V1_HTML,
    V1_JSON,
    varies,
    WELL_KNOWN,
    WHEEL,
)
from tests.support.servers import Server


@all_hosts(JSON_TOO)
@pytest.mark.parametrize(('accept', 'is_json'), ACCEPTS)
def test_preferred_form_is_sent(
        site: Server, tree: Path, accept: str | None, is_json: bool,
) -> None:
    """The Accept header decides, HTML is the fallback, and Vary says so to caches."""
    headers = {} if accept is None else {'Accept': accept}
    for folder in ('simple/', 'simple/ocelot/'):
        response = ask(site, folder, **headers)
        name = 'index.json' if is_json else 'index.html'
        assert response.status == 200
        assert response.headers['Content-Type'] == (V1_JSON if is_json else 'text/html')
        assert response.body == (tree / folder / name).read_bytes()
        assert 'Accept' in varies(response)


@all_hosts(JSON_TOO)
@pytest.mark.parametrize(('form', 'accept', 'is_json'), [
    (V1_JSON, 'text/html', True),
    (V1_JSON.replace('+', '%2B'), None, True),
    (V1_JSON.replace('+', '%2B').replace('/', '%2F'), None, True),
    ('application/vnd.pypi.simple.latest+json', 'text/html', True),
    ('json', 'text/html', True),
    (V1_HTML, V1_JSON, False),
    ('text/html', V1_JSON, False),
    ('html', V1_JSON, False),
    ('nonsense', V1_JSON, False),
    ('nonsensejson', V1_JSON, False),
    ('', V1_JSON, True),
    ('', 'text/html', False),
])
def test_format_parameter_overrides_accept(
        site: Server, form: str, accept: str | None, is_json: bool,
) -> None:
    """`?format=` takes precedence over the Accept header."""
    headers = {} if accept is None else {'Accept': accept}
    response = ask(site, f'simple/ocelot/?format={form}', **headers)
    assert response.status == 200
    assert response.headers['Content-Type'] == (V1_JSON if is_json else 'text/html')


@all_hosts()
def test_every_host_serves_html(site: Server, tree: Path) -> None:
    """The URL of a folder responds with its index.html."""
    for folder in ('', 'simple/', 'simple/ocelot/', 'project/purr-box/', 'changelog/'):
        response = ask(site, folder)
        assert (response.status, response.headers['Content-Type']) == (200, 'text/html')
        assert response.body == (tree / folder / 'index.html').read_bytes()


@all_hosts(JSON_TOO)
def test_web_pages_are_always_html(site: Server) -> None:
    """Pages of the web UI ignore the Accept header."""
    for folder in ('', 'project/ocelot/', 'changelog/'):
        response = ask(site, folder, Accept=V1_JSON)
        assert (response.status, response.headers['Content-Type']) == (200, 'text/html')
        assert 'Accept' not in varies(response)


@all_hosts(TYPES)
def test_pages_have_exact_types(site: Server, tree: Path) -> None:
    """Each page, by its own path, has the content type that the changes file has."""
    pages = [
        json.loads(line)['path']
        for line in (tree.parent / 'changes.jsonl').read_text().splitlines()
    ]
    assert {'packages.json', 'rss/updates.xml', 'pypi/ocelot/1.0/json', style(tree)} < set(pages)
    for page in pages:
        response = ask(site, page.replace('+', '%2B'))
        assert (page, response.status) == (page, 200)
        assert (page, response.headers['Content-Type']) == (page, store_changes.content_type(page))
        assert response.body == (tree / page).read_bytes()


@all_hosts(TYPES)
def test_files_have_exact_types(site: Server, tree: Path) -> None:
    """Files have no Content-Encoding: otherwise clients would unpack a .tar.gz to a .tar."""
    for name, content_type in {
            'ocelot-1.2-py3-none-any.whl': 'application/octet-stream',
            'ocelot-1.2.tar.gz': 'application/octet-stream',
            'Purr.Box-0.3.zip': 'application/octet-stream',
            'odd-1.0.tar': 'application/octet-stream',
            'ocelot-1.2-py3-none-any.whl.metadata': 'text/plain; charset=utf-8',
    }.items():
        response = ask(site, f'pool/{name}', Accept_Encoding='gzip')
        assert response.status == 200
        assert (name, response.headers['Content-Type']) == (name, content_type)
        assert 'Content-Encoding' not in response.headers
        assert response.body == (tree / 'pool' / name).read_bytes()


@all_hosts()
@pytest.mark.parametrize('folder', [
    'simple', 'simple/ocelot', 'project/ocelot', 'projects', 'changelog',
])
def test_missing_slash_redirects(site: Server, folder: str) -> None:
    """A URL without the final slash redirects: relative links of the page need the slash."""
    response = ask(site, folder)
    assert response.status in {301, 302, 308}
    assert urljoin(f'{site.url}{folder}', response.headers['Location']) == f'{site.url}{folder}/'


@pytest.mark.parametrize('host', ['nginx', 'Caddy', 'Apache', 'bucket behind a CDN'])
def test_slash_redirect_is_relative(sites: Sites, host: str) -> None:
    """The redirect names no host or scheme, which a proxy may have changed."""
    place = ask(sites[Case(host, '/')], 'simple/ocelot').headers['Location']
    assert urlsplit(place)[:2] == ('', '')


@all_hosts(bases=(PREFIX,))
def test_index_path_without_slash_redirects(site: Server) -> None:
    """The path of the index itself also redirects if the slash is missing."""
    response = site.get(PREFIX.rstrip('/'))
    assert response.status in {301, 302, 308}
    assert urljoin(site.url, response.headers['Location']) == site.url


@all_hosts(HIDES, bases=(PREFIX,))
@pytest.mark.parametrize('path', ['/simple/', '/nothing', f'{PREFIX[:-1]}y/', f'{PREFIX[:-1]}y'])
def test_nothing_outside_the_index_path(site: Server, path: str) -> None:
    """The settings serve nothing outside the path of the index."""
    assert site.get(path).status in {403, 404}


@all_hosts(JSON_TOO)
def test_slash_redirect_keeps_format(site: Server) -> None:
    """The redirect to the slash keeps `?format=`."""
    response = ask(site, 'simple/ocelot?format=json')
    found = urljoin(f'{site.url}simple/', response.headers['Location'])
    assert found == f'{site.url}simple/ocelot/?format=json'


@all_hosts()
@pytest.mark.parametrize('path', [
    'simple/nothing/', 'project/nothing/', 'pypi/nothing/json', 'simple/ocelot/nothing',
    'pool/nothing-1.0.tar.gz', 'nothing', 'static/nothing-0123456789ab.css', 'packages.json/',
])
def test_missing_pages_are_404(site: Server, path: str) -> None:
    """Missing pages are 404, not 403, which ends uv's search, and are not cached for long."""
    for accept in ('text/html', V1_JSON):
        response = ask(site, path, Accept=accept)
        assert response.status == 404
        assert response.headers.get('Cache-Control') in {None, 'max-age=60, must-revalidate'}


@all_hosts(NOT_FOUND)
@pytest.mark.parametrize('path', [
    'nothing', 'nothing/', 'project/nothing/', 'projects/nothing.html', 'simple/nothing/',
    'simple/nothing/index.json', 'a/b/c/d/e', 'pypi/nothing/json', 'pool/nothing-1.0.tar.gz',
])
def test_missing_page_shows_404_html(site: Server, tree: Path, path: str) -> None:
    """The body of a 404 is 404.html, for browsers and clients, and never a 304 or a range."""
    content = (tree / '404.html').read_bytes()
    for accept in ('text/html', V1_JSON):
        response = ask(site, path, Accept=accept)
        assert (response.status, response.body) == (404, content)
        assert response.headers['Content-Type'].startswith('text/html')
        if 'Content-Security-Policy' in response.headers:
            assert response.headers['Content-Security-Policy'] == POLICY
    assert ask(site, path, 'HEAD').status == 404
    for headers in ({'If_None_Match': '*'}, {'If_None_Match': ask(site, '404.html').headers.get(
            'Etag', '""',
    )}, {'Range': 'bytes=0-9'}):
        response = ask(site, path, **headers)
        assert (response.status, response.body) == (404, content)


@all_hosts(HIDES)
@pytest.mark.parametrize('path', [
    '.dumb-pypi/', '.dumb-pypi', '.dumb-pypi/state.json', '.dumb-pypi/lock', '%2edumb-pypi/lock',
    '.dumb%2Dpypi/state.json', './.dumb-pypi/state.json', 'simple/../.dumb-pypi/state.json',
    'empty/', 'pool/', 'pypi/', 'pypi/ocelot/', 'static/',
    'simple/ocelot/..%2f..%2f.dumb-pypi/lock',
])
def test_state_and_folders_are_hidden(
        site: Server, path: str, request: pytest.FixtureRequest,
) -> None:
    """The build's state and folders without a page are 404; S3 answers 403 to what is forbidden."""
    case: Case = request.node.callspec.params['site']
    is_forbidden = 'bucket as' in case.host and 'dumb' in path
    assert ask(site, path).status in ({403, 404} if is_forbidden else {404})


@all_hosts(HIDES, bases=('/',))
def test_well_known_files_are_served(site: Server) -> None:
    """Unlike other dot files, those in /.well-known/ are for everybody."""
    response = ask(site, '.well-known/security.txt')
    assert (response.status, response.body) == (200, WELL_KNOWN.encode())


@all_hosts(HIDES)
@pytest.mark.parametrize('path', [
    f'simple/{"a" * 300}/', 'a' * 300, f'pool/{"a" * 300}.zip', 'simple/.htaccess/',
    'simple/%00/', 'a%00b', 'simple/ocelot/%00',
])
def test_impossible_names_are_404(site: Server, path: str) -> None:
    """Names that no file can have are 404; a NUL byte may also be a bad request, 400."""
    assert ask(site, path).status in ({400, 404} if '%00' in path else {404})


@pytest.mark.parametrize(('host', 'status'), [('nginx', 404), ('Caddy', 404), ('Apache', 403)])
def test_dangling_symlink(sites: Sites, host: str, status: int) -> None:
    """A dangling link is 404; in Apache, no setting turns 403 into 404 and leaves 401 alone."""
    assert ask(sites[Case(host, '/')], 'links/gone-1.0.zip').status == status


@all_hosts(CACHING)
def test_cache_control(site: Server, tree: Path) -> None:
    """Caches keep pages and metadata for a minute, packages and static files for good."""
    for path in ('', 'simple/', 'simple/ocelot/', 'simple/ocelot/index.json', 'project/ocelot/',
                 'pypi/ocelot/json', 'rss/updates.xml', f'{WHEEL}.metadata'):
        assert ask(site, path).headers['Cache-Control'] == 'max-age=60, must-revalidate'
    for path in (style(tree), WHEEL, 'pool/ocelot-1.2.tar.gz',
                 'pool/Purr.Box-0.3.win32-py2.7.exe', 'pool/odd-1.0.tar'):
        assert ask(site, path).headers['Cache-Control'] == IMMUTABLE
    # The next build compares its list with this one.
    assert ask(site, 'packages.json').headers['Cache-Control'] == 'no-cache'


@all_hosts(ETAG)
@pytest.mark.parametrize('encoding', ['identity', 'gzip'])
@pytest.mark.parametrize('path', [
    '', 'simple/', 'simple/ocelot/', 'simple/whiskers/', 'pypi/ocelot/json', 'packages.json', WHEEL,
])
def test_matching_etag_is_304(site: Server, path: str, encoding: str) -> None:
    """A request with the ETag of the response, compressed or not, gets a 304."""
    first = ask(site, path, Accept_Encoding=encoding)
    again = ask(site, path, Accept_Encoding=encoding, If_None_Match=first.headers['Etag'])
    assert (again.status, again.body) == (304, b'')
    for name in ('Cache-Control', 'Access-Control-Allow-Origin'):
        assert again.headers.get(name) == first.headers.get(name)
    assert again.headers['Etag'].removeprefix('W/') == first.headers['Etag'].removeprefix('W/')
    # Most servers omit Accept-Encoding from the Vary of a 304, which does no harm.
    assert ('Accept' in varies(again)) == ('Accept' in varies(first))
    other = ask(site, path, Accept_Encoding=encoding, If_None_Match='"another"')
    assert (other.status, other.body) == (200, first.body)


@all_hosts(JSON_TOO, ETAG)
def test_each_form_has_its_own_etag(site: Server) -> None:
    """The ETag of the HTML form doesn't match the JSON form."""
    html = ask(site, 'simple/ocelot/')
    as_json = ask(site, 'simple/ocelot/', Accept=V1_JSON, If_None_Match=html.headers['Etag'])
    assert (as_json.status, as_json.headers['Content-Type']) == (200, V1_JSON)


@all_hosts()
def test_head_has_the_headers_of_get(site: Server) -> None:
    """HEAD responds with the headers of GET and no body."""
    for path in ('simple/', 'simple/ocelot/', 'project/ocelot/', WHEEL):
        got, head = (
            ask(site, path, method, Accept_Encoding='identity') for method in ('GET', 'HEAD')
        )
        assert (head.status, head.body) == (200, b'')
        for name in ('Content-Type', 'Content-Length', 'Cache-Control', 'Etag', 'Vary'):
            assert head.headers.get(name) == got.headers.get(name)
    assert ask(site, 'simple/nothing/', 'HEAD').status == 404


@all_hosts(JSON_TOO)
def test_mirrors_get_a_serial(site: Server) -> None:
    """A mirror considers a page outdated if its serial is lower than that of the project list."""
    listing = json.loads(ask(site, 'simple/', Accept=V1_JSON).body)
    serials = {project['name']: project['_last-serial'] for project in listing['projects']}
    for page in ('pypi/ocelot/json', 'pypi/ocelot/1.0/json'):
        assert int(ask(site, page).headers['X-Pypi-Last-Serial']) >= max(1, serials['ocelot'])
    assert 'X-Pypi-Last-Serial' not in ask(site, 'simple/ocelot/').headers


# Not the bucket and the CDN: there, permissions and the CDN's allowed methods see to it.
@all_hosts(GZIP)
@pytest.mark.parametrize('method', ['POST', 'PUT', 'PATCH', 'DELETE'])
def test_index_is_read_only(site: Server, method: str) -> None:
    """An upload to the wrong URL must not look successful."""
    for path in ('', 'simple/', 'simple/ocelot/', 'pypi/ocelot/json', WHEEL, 'pool/new-1.0.zip'):
        assert ask(site, path, method).status in ({405} if 'new' not in path else {404, 405})


@all_hosts(RANGES)
def test_range_of_a_file(site: Server, tree: Path) -> None:
    """uv reads the metadata at the end of a wheel that has no .metadata file."""
    content = (tree / WHEEL).read_bytes()
    response = ask(site, WHEEL, Range='bytes=10-19')
    assert (response.status, response.body) == (206, content[10:20])
    assert response.headers['Content-Range'] == f'bytes 10-19/{len(content)}'


@all_hosts(GZIP)
@pytest.mark.parametrize('path', [
    '', 'simple/ocelot/', 'simple/ocelot/?format=json', 'pypi/ocelot/json', 'packages.json',
    'rss/updates.xml', 'notes.txt', 'style',
])
def test_pages_are_compressed_on_request(site: Server, tree: Path, path: str) -> None:
    """Clients that accept gzip get a compressed page with the same content."""
    path = style(tree) if path == 'style' else path
    plain = ask(site, path)
    compressed = ask(site, path, Accept_Encoding='br, gzip')
    assert 'Content-Encoding' not in plain.headers
    assert compressed.headers['Content-Encoding'] == 'gzip'
    assert gzip.decompress(compressed.body) == plain.body
    assert len(compressed.body) < len(plain.body)
    assert compressed.headers['Content-Type'] == plain.headers['Content-Type']
    assert 'Accept-Encoding' in varies(compressed)
    # An ETag that two different bodies share must be a weak one.
    tags = plain.headers['Etag'], compressed.headers['Etag']
    assert tags[0] != tags[1] or tags[0].startswith('W/')


@all_hosts(GZIP)
@pytest.mark.parametrize('page', PACKED_PAGES)
def test_existing_gz_is_sent(site: Server, tree: Path, page: str) -> None:
    """A page that has a .gz file next to it is not compressed again."""
    folder, _, name = page.rpartition('/')
    if not name.startswith('index.'):
        response = ask(site, page, Accept_Encoding='gzip')
    else:
        accept = V1_JSON if page.endswith('.json') else 'text/html'
        response = ask(site, f'{folder}/', Accept_Encoding='gzip', Accept=accept)
    assert response.status == 200
    assert response.body == (tree / f'{page}.gz').read_bytes()
    assert response.headers['Content-Encoding'] == 'gzip'
    assert response.headers['Content-Type'] == store_changes.content_type(page)
    assert 'Accept-Encoding' in varies(response)
    assert response.headers['Cache-Control'] == 'max-age=60, must-revalidate'
    for refusal in ('identity', 'gzip;q=0'):
        plain = ask(site, page, Accept_Encoding=refusal)
        assert 'Content-Encoding' not in plain.headers
        assert plain.body == (tree / page).read_bytes()


@all_hosts(BROWSERS)
def test_security_and_cors_headers(site: Server, tree: Path) -> None:
    """Other sites may read everything; pages may run and load only what is their own."""
    for path in ('', 'simple/', 'simple/ocelot/', 'project/ocelot/', 'changelog/'):
        headers = ask(site, path, Origin='https://notebook.example.com').headers
        assert headers['Content-Security-Policy'] == POLICY
        assert headers['Referrer-Policy'] == 'same-origin'
    for path in ('', 'simple/ocelot/?format=json', 'pypi/ocelot/json', style(tree), WHEEL,
                 'packages.json', f'{WHEEL}.metadata'):
        headers = ask(site, path, Origin='https://notebook.example.com').headers
        assert headers['Access-Control-Allow-Origin'] == '*'
        assert headers['X-Content-Type-Options'] == 'nosniff'


@all_hosts(BROWSERS)
@pytest.mark.parametrize('path', ['', 'simple/ocelot/', 'pypi/ocelot/json', WHEEL, 'nothing'])
def test_cors_preflight(site: Server, path: str) -> None:
    """A request with unusual headers starts with OPTIONS, which must succeed."""
    response = ask(
        site, path, 'OPTIONS', Origin='https://notebook.example.com',
        Access_Control_Request_Method='GET', Access_Control_Request_Headers='cache-control',
    )
    assert (response.status, response.body) == (204, b'')
    found = {name: value for name, value in response.headers.items() if 'Access' in name}
    assert found == {
        'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Methods': 'GET, HEAD',
        'Access-Control-Allow-Headers': '*', 'Access-Control-Max-Age': '86400',
    }


@all_hosts(BROWSERS)
def test_slash_redirect_allows_cors(site: Server) -> None:
    """Pages of other sites may follow the redirect to the slash."""
    headers = ask(site, 'simple/ocelot', Origin='https://notebook.example.com').headers
    assert headers['Access-Control-Allow-Origin'] == '*'


@all_hosts(GZIP)
def test_errors_have_headers_once(site: Server) -> None:
    """Browsers reject a response with two Access-Control-Allow-Origin headers."""
    for path, headers, status in (
            (WHEEL, {'Range': 'bytes=9999999-'}, 416), ('simple/nothing/', {}, 404),
    ):
        response = ask(site, path, **headers)
        assert response.status == status
        assert response.headers['Access-Control-Allow-Origin'] == '*'
        assert response.headers['X-Content-Type-Options'] == 'nosniff'


@all_hosts(TYPES)
@pytest.mark.parametrize('path', [
    'pypi/whiskers/2.0%2Blocal.1/json', 'pool/whiskers-2.0%2Blocal.1-py3-none-any.whl',
    'pool/whiskers-2.0%2blocal%2E1-py3-none-any.whl', 'simple/purr%2Dbox/',
    'pool/Purr%2EBox-0.3.zip', 'simple/%6Fcelot/',
])
def test_percent_encoded_paths_work(site: Server, path: str) -> None:
    """A path may be percent-encoded in any way."""
    assert ask(site, path).status == 200


@all_hosts(OLD_NAMES)
@pytest.mark.parametrize(('path', 'page'), [
    ('simple/Scratch.Post/', 'simple/scratch-post/index.html'),
    ('simple/SCRATCH_POST/', 'simple/scratch-post/index.html'),
    ('simple/scratch-_.post/', 'simple/scratch-post/index.html'),
    ('simple/Scratch%2EPost/', 'simple/scratch-post/index.html'),
    ('simple/%53cratch%2epost/index.html', 'simple/scratch-post/index.html'),
    ('simple/Scratch.Post/index.html', 'simple/scratch-post/index.html'),
    ('project/Scratch_Post/', 'project/scratch-post/index.html'),
    ('pypi/Purr.Box/json', 'pypi/purr-box/json'),
    ('pypi/Purr.Box/0.4.1/json', 'pypi/purr-box/0.4.1/json'),
])
def test_unnormalized_names_work(site: Server, tree: Path, path: str, page: str) -> None:
    """Old clients request the page of a project by the name that the user typed."""
    response = ask(site, path)
    assert (response.status, response.body) == (200, (tree / page).read_bytes())


@all_hosts(JSON_TOO)  # not the bucket, where `a//b` is another key than `a/b`
@pytest.mark.parametrize('path', ['simple//ocelot/', 'simple/ocelot//', '/simple/ocelot/'])
def test_repeated_slashes_are_merged(site: Server, tree: Path, path: str) -> None:
    """Joining a path to a URL that ends in a slash gives two slashes."""
    response = ask(site, path)
    while response.status in {301, 302, 307, 308}:
        response = site.get(urlsplit(response.headers['Location']).path)
    assert (response.status, response.body) == (
        200, (tree / 'simple/ocelot/index.html').read_bytes(),
    )


@all_hosts(OLD_NAMES)
def test_unnormalized_names_keep_the_form(site: Server) -> None:
    """The Accept header and the redirect to the slash work for these names, too."""
    assert ask(site, 'simple/Scratch.Post/', Accept=V1_JSON).headers['Content-Type'] == V1_JSON
    response = ask(site, 'simple/SCRATCH_POST')
    assert response.status in {301, 308}
    found = urljoin(f'{site.url}simple/', response.headers['Location']).removeprefix(site.url)
    assert ask(site, found).status == 200
    assert ask(site, 'simple/No.Thing/').status == 404
    # A path that exists is not changed.
    assert ask(site, 'simple/index.html').status == 200


@pytest.mark.parametrize('host', [host for host in HOSTS if OLD_NAMES not in HOSTS[host]])
def test_other_hosts_lack_old_names(sites: Sites, host: str) -> None:
    """docs/serving.md is also right about the hosts that lack the feature."""
    assert ask(sites[Case(host, '/')], 'simple/Scratch.Post/').status == 404


@pytest.mark.parametrize('host', [host for host in HOSTS if JSON_TOO not in HOSTS[host]])
def test_other_hosts_serve_only_html(sites: Sites, host: str) -> None:
    """Hosts that don't negotiate respond with HTML, and say so in Content-Type."""
    for path in ('simple/ocelot/', 'simple/ocelot/?format=json'):
        response = ask(sites[Case(host, '/')], path, Accept=V1_JSON)
        assert (response.status, response.headers['Content-Type']) == (200, 'text/html')
