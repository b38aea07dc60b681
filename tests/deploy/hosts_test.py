"""What each host answers with the settings in deploy/: the same on all that can."""
from __future__ import annotations

import gzip
import json
import re
import tempfile
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from dumb_pypi.store import changes as store_changes
from tests.conftest import NeedProgram
from tests.deploy.conftest import PACKED_PAGES
from tests.support.hosts import (
    all_hosts,
    BROWSERS,
    CACHING,
    Case,
    ETAG,
    HIDES,
    HOSTS,
    JSON_TOO,
    OLD_NAMES,
    PACKED,
    PREFIX,
    RANGES,
    Sites,
    TYPES,
)
from tests.support.servers import DEPLOY, Response, run_apache, Server

V1_JSON = 'application/vnd.pypi.simple.v1+json'
V1_HTML = 'application/vnd.pypi.simple.v1+html'
FOR_GOOD = 'max-age=31536000, immutable'
WHEEL = 'pool/ocelot-1.2-py3-none-any.whl'
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def ask(site: Server, path: str, method: str = 'GET', **headers: str) -> Response:
    """Ask for a path below the index's URL."""
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    return site.ask(urlsplit(site.url).path + path, method, named)


def varies(response: Response) -> set[str]:
    return {name.strip().title() for name in response.headers.get('Vary', '').split(',')} - {''}


def style(tree: Path) -> str:
    [found] = (tree / 'static').glob('style-*.css')
    return f'static/{found.name}'


ACCEPTS = [
    # pip and PDM, uv, Poetry; a bot's two.
    (f'{V1_JSON}, {V1_HTML}; q=0.1, text/html; q=0.01', True),
    (f'{V1_JSON}, {V1_HTML};q=0.2, text/html;q=0.01', True),
    (f'{V1_JSON}, */*;q=0.1', True),
    ('application/json', False),
    ('text/html', False),
    # Old pip, browsers, curl, and nothing at all.
    ('text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8', False),
    ('text/html, */*; q=0.01', False),
    ('*/*', False),
    ('', False),
    (None, False),
    # One type only; what `latest` is today.
    (V1_JSON, True),
    (V1_HTML, False),
    ('application/vnd.pypi.simple.latest+json', True),
    ('application/vnd.pypi.simple.latest+html', False),
    # The better one wins, by how much ever, in any order; HTML if they are as good.
    (f'{V1_JSON};q=0.5, text/html', False),
    (f'text/html;q=0.5, {V1_JSON}', True),
    (f'text/html;q=0.5,{V1_JSON};q=0.6', True),
    (f'text/html;q=0.51, {V1_JSON};q=0.5', False),
    (f'text/html;q=0.5, {V1_JSON};q=0.51', True),
    (f'text/html;q=0.25, {V1_JSON};q=0.5', True),
    (f'text/html;q=0.9, {V1_JSON};q=0.899', False),
    (f'text/html;q=0.899, {V1_JSON};q=0.9', True),
    (f'text/html;q=0.009, {V1_JSON};q=0.01', True),
    (f'text/html;q=0, {V1_JSON};q=0.001', True),
    (f'text/html;q=0.000, {V1_JSON};q=1.000', True),
    (f'{V1_JSON}, text/html', False),
    (f'{V1_JSON};q=0.5, text/html;q=0.50', False),
    (f'{V1_JSON};q=1.0, text/html;q=1', False),
    (f'{V1_JSON};q=0.5, {V1_HTML}, text/html;q=0.1', False),
    (f'{V1_JSON};q=0.5, {V1_HTML};q=0.1, text/html', False),
    # Not at all.
    (f'{V1_JSON};q=0', False),
    (f'{V1_JSON};q=0.0, */*', False),
    (f'{V1_JSON};q=0, {V1_HTML};q=0, text/html;q=0', False),
    # A range counts for what is not named itself.
    ('application/*', False),
    ('text/*', False),
    (f'{V1_JSON};q=0.5, */*', False),
    (f'{V1_JSON};q=0.5, text/*;q=0.4', True),
    (f'{V1_JSON};q=0.5, text/*;q=0.6', False),
    (f'{V1_JSON};q=0.5, application/*;q=0.6', False),
    (f'*/*, text/html;q=0.1, {V1_HTML};q=0.1', True),
    ('application/*, text/*;q=0.5', False),
    # Odd to look at, and right; other parameters; not right.
    (f'  {V1_JSON.upper()} ;Q=0.9 ,text/html ; q = 0.8', True),
    (f'{V1_JSON};charset=utf-8;q=0.2, text/html;level=1;q=0.3', False),
    (f'{V1_JSON};charset=utf-8;q=0.3, text/html;level=1;q=0.2', True),
    (f'{V1_JSON};q=0.8;x=y, text/html;q=0.7', True),
    (f'{V1_JSON};q=high, text/html;q=0.9', True),
    (f',, {V1_JSON},,', True),
    # Near to a type's name, and not it.
    (f'{V1_JSON}x', False),
    (f'x{V1_JSON}', False),
    ('application/vnd.pypi.simple.v2+json', False),
    ('application/vndXpypiXsimpleXv1+json', False),
    ('nonsense', False),
    (f'text/html;q=0.1, {"a/b;q=0.5, " * 100}{V1_JSON}', True),
]


@all_hosts(JSON_TOO)
@pytest.mark.parametrize(('accept', 'is_json'), ACCEPTS)
def test_the_form_is_the_one_that_is_wanted_most(
        site: Server, tree: Path, accept: str | None, is_json: bool,
) -> None:
    """Quality values count; HTML where nothing fits. Caches are told what the answer hangs on."""
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
def test_a_form_in_the_url_outdoes_the_header(
        site: Server, form: str, accept: str | None, is_json: bool,
) -> None:
    headers = {} if accept is None else {'Accept': accept}
    response = ask(site, f'simple/ocelot/?format={form}', **headers)
    assert response.status == 200
    assert response.headers['Content-Type'] == (V1_JSON if is_json else 'text/html')


@all_hosts()
def test_html_is_what_every_host_gives(site: Server, tree: Path) -> None:
    """Programs that read HTML, and people, find each page at its folder."""
    for folder in ('', 'simple/', 'simple/ocelot/', 'project/purr-box/', 'changelog/'):
        response = ask(site, folder)
        assert (response.status, response.headers['Content-Type']) == (200, 'text/html')
        assert response.body == (tree / folder / 'index.html').read_bytes()


@all_hosts(JSON_TOO)
def test_people_s_pages_have_one_form(site: Server) -> None:
    for folder in ('', 'project/ocelot/', 'changelog/'):
        response = ask(site, folder, Accept=V1_JSON)
        assert (response.status, response.headers['Content-Type']) == (200, 'text/html')
        assert 'Accept' not in varies(response)


@all_hosts(TYPES)
def test_every_page_has_its_exact_type(site: Server, tree: Path) -> None:
    """All pages of the index, by their own paths: the types that the changes file says."""
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
    """A file is handed on as it is: nobody may take .tar.gz for a packed .tar."""
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
@pytest.mark.parametrize('folder', ['simple', 'simple/ocelot', 'project/ocelot', 'changelog'])
def test_a_page_without_its_slash_leads_to_the_page(site: Server, folder: str) -> None:
    """Else its own links would lead elsewhere."""
    response = ask(site, folder)
    assert response.status in {301, 302, 308}
    assert urljoin(f'{site.url}{folder}', response.headers['Location']) == f'{site.url}{folder}/'


@pytest.mark.parametrize('host', ['nginx', 'Caddy', 'bucket behind a CDN'])
def test_behind_a_proxy_the_slash_does_not_cost_its_name_or_scheme(sites: Sites, host: str) -> None:
    place = ask(sites[Case(host, '/')], 'simple/ocelot').headers['Location']
    assert urlsplit(place)[:2] == ('', '')


def test_apache_behind_a_proxy_that_speaks_https(
        tree: Path, need_program: NeedProgram,
) -> None:
    """Its redirects are whole URLs, for which it has to be told."""
    program = need_program('apache2', package='apache2')
    conf = (DEPLOY / 'apache/dumb-pypi.conf').read_text()
    [name] = re.findall('`ServerName (.*?)`', conf)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # it gives up root's rights
        with run_apache(program, tree, Path(folder), name=name) as site:
            response = ask(site, 'simple/ocelot', Host='pypi.example.com')
    assert response.headers['Location'] == 'https://pypi.example.com/simple/ocelot/'


@all_hosts(bases=(PREFIX,))
def test_the_index_s_own_path_without_its_slash_leads_to_it(site: Server) -> None:
    response = site.get(PREFIX.rstrip('/'))
    assert response.status in {301, 302, 308}
    assert urljoin(site.url, response.headers['Location']) == site.url


@all_hosts(HIDES, bases=(PREFIX,))
@pytest.mark.parametrize('path', ['/simple/', '/nothing', f'{PREFIX[:-1]}y/', f'{PREFIX[:-1]}y'])
def test_outside_of_its_path_an_index_is_not(site: Server, path: str) -> None:
    """What else is there is the host's own. Nothing is: then it must not look like a page."""
    assert site.get(path).status in {403, 404}


@all_hosts(JSON_TOO)
def test_the_slash_does_not_cost_the_form(site: Server) -> None:
    response = ask(site, 'simple/ocelot?format=json')
    found = urljoin(f'{site.url}simple/', response.headers['Location'])
    assert found == f'{site.url}simple/ocelot/?format=json'


@all_hosts()
@pytest.mark.parametrize('path', [
    'simple/nothing/', 'project/nothing/', 'pypi/nothing/json', 'simple/ocelot/nothing',
    'pool/nothing-1.0.tar.gz', 'nothing', 'static/nothing-0123456789ab.css', 'packages.json/',
])
def test_what_is_not_there_is_not_found(site: Server, path: str) -> None:
    """uv takes a 403 for the end of its search. What is missing may be there in a minute."""
    for accept in ('text/html', V1_JSON):
        response = ask(site, path, Accept=accept)
        assert response.status == 404
        assert response.headers.get('Cache-Control') in {None, 'max-age=60, must-revalidate'}


@all_hosts(HIDES)
@pytest.mark.parametrize('path', [
    '.dumb-pypi/', '.dumb-pypi', '.dumb-pypi/state.json', '.dumb-pypi/lock', '%2edumb-pypi/lock',
    '.dumb%2Dpypi/state.json', './.dumb-pypi/state.json', 'simple/../.dumb-pypi/state.json',
    'empty/', 'pool/', 'pypi/', 'pypi/ocelot/', 'static/',
    'simple/ocelot/..%2f..%2f.dumb-pypi/lock',
])
def test_neither_the_build_s_memory_nor_a_folder_is_served(site: Server, path: str) -> None:
    assert ask(site, path).status == 404


@all_hosts(HIDES)
@pytest.mark.parametrize('path', [
    f'simple/{"a" * 300}/', 'a' * 300, f'pool/{"a" * 300}.zip', 'simple/.htaccess/', '.htaccess',
    'simple/%00/', 'a%00b', 'simple/ocelot/%00',
])
def test_what_cannot_be_there_is_not_found_either(site: Server, path: str) -> None:
    """Names that no file has. A 400 is for what is no URL."""
    assert ask(site, path).status in ({400, 404} if '%00' in path else {404})


@pytest.mark.parametrize(('host', 'status'), [('nginx', 404), ('Caddy', 404), ('Apache', 403)])
def test_a_link_to_nothing(sites: Sites, host: str, status: int) -> None:
    """Apache has no setting for it that would leave a password's 401 alone."""
    assert ask(sites[Case(host, '/')], 'links/gone-1.0.zip').status == status


@all_hosts(CACHING)
def test_caches_keep_pages_for_a_minute_and_files_for_good(site: Server, tree: Path) -> None:
    for path in ('', 'simple/', 'simple/ocelot/', 'simple/ocelot/index.json', 'project/ocelot/',
                 'pypi/ocelot/json', 'rss/updates.xml'):
        assert ask(site, path).headers['Cache-Control'] == 'max-age=60, must-revalidate'
    for path in (style(tree), WHEEL, f'{WHEEL}.metadata', 'pool/ocelot-1.2.tar.gz',
                 'pool/Purr.Box-0.3.win32-py2.7.exe', 'pool/odd-1.0.tar'):
        assert ask(site, path).headers['Cache-Control'] == FOR_GOOD
    # The next build is compared with it.
    assert ask(site, 'packages.json').headers['Cache-Control'] == 'no-cache'


@all_hosts(ETAG)
@pytest.mark.parametrize('encoding', ['identity', 'gzip'])
@pytest.mark.parametrize('path', [
    '', 'simple/', 'simple/ocelot/', 'simple/whiskers/', 'pypi/ocelot/json', 'packages.json', WHEEL,
])
def test_what_a_cache_has_is_not_sent_again(site: Server, path: str, encoding: str) -> None:
    """By the ETag of the answer, packed or not; and a new form has another."""
    first = ask(site, path, Accept_Encoding=encoding)
    again = ask(site, path, Accept_Encoding=encoding, If_None_Match=first.headers['Etag'])
    assert (again.status, again.body) == (304, b'')
    for name in ('Cache-Control', 'Access-Control-Allow-Origin'):
        assert again.headers.get(name) == first.headers.get(name)
    assert again.headers['Etag'].removeprefix('W/') == first.headers['Etag'].removeprefix('W/')
    # Accept-Encoding is left out by most; nothing that is kept hangs on that.
    assert ('Accept' in varies(again)) == ('Accept' in varies(first))
    other = ask(site, path, Accept_Encoding=encoding, If_None_Match='"another"')
    assert (other.status, other.body) == (200, first.body)


@all_hosts(JSON_TOO, ETAG)
def test_each_form_has_an_etag_of_its_own(site: Server) -> None:
    html = ask(site, 'simple/ocelot/')
    as_json = ask(site, 'simple/ocelot/', Accept=V1_JSON, If_None_Match=html.headers['Etag'])
    assert (as_json.status, as_json.headers['Content-Type']) == (200, V1_JSON)


@all_hosts()
def test_head_is_get_without_the_body(site: Server) -> None:
    for path in ('simple/', 'simple/ocelot/', 'project/ocelot/', WHEEL):
        got, head = (
            ask(site, path, method, Accept_Encoding='identity') for method in ('GET', 'HEAD')
        )
        assert (head.status, head.body) == (200, b'')
        for name in ('Content-Type', 'Content-Length', 'Cache-Control', 'Etag', 'Vary'):
            assert head.headers.get(name) == got.headers.get(name)
    assert ask(site, 'simple/nothing/', 'HEAD').status == 404


# A bucket's own rights, and a CDN's allowed methods, see to this.
@all_hosts(PACKED)
@pytest.mark.parametrize('method', ['POST', 'PUT', 'PATCH', 'DELETE'])
def test_an_index_is_only_read(site: Server, method: str) -> None:
    """An upload that goes to the wrong place must not seem to have been taken."""
    for path in ('', 'simple/', 'simple/ocelot/', 'pypi/ocelot/json', WHEEL, 'pool/new-1.0.zip'):
        assert ask(site, path, method).status in ({405} if 'new' not in path else {404, 405})


@all_hosts(RANGES)
def test_a_part_of_a_file(site: Server, tree: Path) -> None:
    """uv reads a wheel's metadata out of its end where there is no .metadata."""
    content = (tree / WHEEL).read_bytes()
    response = ask(site, WHEEL, Range='bytes=10-19')
    assert (response.status, response.body) == (206, content[10:20])
    assert response.headers['Content-Range'] == f'bytes 10-19/{len(content)}'


@all_hosts(PACKED)
@pytest.mark.parametrize('path', [
    '', 'simple/ocelot/', 'simple/ocelot/?format=json', 'pypi/ocelot/json', 'packages.json',
    'rss/updates.xml', 'notes.txt', 'style',
])
def test_pages_are_packed_for_who_unpacks(site: Server, tree: Path, path: str) -> None:
    path = style(tree) if path == 'style' else path
    plain = ask(site, path)
    packed = ask(site, path, Accept_Encoding='br, gzip')
    assert 'Content-Encoding' not in plain.headers
    assert packed.headers['Content-Encoding'] == 'gzip'
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body)
    assert packed.headers['Content-Type'] == plain.headers['Content-Type']
    assert 'Accept-Encoding' in varies(packed)
    # One ETag for two streams of bytes is a weak one.
    tags = plain.headers['Etag'], packed.headers['Etag']
    assert tags[0] != tags[1] or tags[0].startswith('W/')


@all_hosts(PACKED)
@pytest.mark.parametrize('page', PACKED_PAGES)
def test_what_is_packed_already_is_sent_as_it_is(site: Server, tree: Path, page: str) -> None:
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
def test_browsers_may_read_pages_and_run_nothing_else(site: Server, tree: Path) -> None:
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
def test_browsers_may_ask_first(site: Server, path: str) -> None:
    """They do for a header that is not on their short list; no such answer is a refusal."""
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
def test_browsers_may_follow_the_redirect_to_the_slash(site: Server) -> None:
    headers = ask(site, 'simple/ocelot', Origin='https://notebook.example.com').headers
    assert headers['Access-Control-Allow-Origin'] == '*'


@all_hosts(PACKED)
def test_an_error_has_each_header_once(site: Server) -> None:
    """Of two, browsers take none."""
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
def test_encoded_names_are_the_names(site: Server, path: str) -> None:
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
def test_old_clients_find_a_page_by_any_of_its_names(
        site: Server, tree: Path, path: str, page: str,
) -> None:
    response = ask(site, path)
    assert (response.status, response.body) == (200, (tree / page).read_bytes())


@all_hosts(JSON_TOO)  # a bucket's keys are what they are
@pytest.mark.parametrize('path', ['simple//ocelot/', 'simple/ocelot//', '/simple/ocelot/'])
def test_two_slashes_do_not_matter(site: Server, tree: Path, path: str) -> None:
    """They come of joining a URL that ends in a slash."""
    response = ask(site, path)
    while response.status in {301, 302, 307, 308}:
        response = site.get(urlsplit(response.headers['Location']).path)
    assert (response.status, response.body) == (
        200, (tree / 'simple/ocelot/index.html').read_bytes(),
    )


@all_hosts(OLD_NAMES)
def test_old_names_keep_the_form_and_get_their_slash(site: Server) -> None:
    assert ask(site, 'simple/Scratch.Post/', Accept=V1_JSON).headers['Content-Type'] == V1_JSON
    response = ask(site, 'simple/SCRATCH_POST')
    assert response.status == 301
    assert urlsplit(response.headers['Location']).path.lower().endswith('/')
    found = urljoin(f'{site.url}simple/', response.headers['Location']).removeprefix(site.url)
    assert ask(site, found).status == 200
    assert ask(site, 'simple/No.Thing/').status == 404
    # What is there as it stands stays what it is.
    assert ask(site, 'simple/index.html').status == 200


@pytest.mark.parametrize('host', [host for host in HOSTS if OLD_NAMES not in HOSTS[host]])
def test_elsewhere_old_names_are_not_found(sites: Sites, host: str) -> None:
    """So the table of hosts is right in what it does not promise, too."""
    assert ask(sites[Case(host, '/')], 'simple/Scratch.Post/').status == 404


@pytest.mark.parametrize('host', [host for host in HOSTS if JSON_TOO not in HOSTS[host]])
def test_elsewhere_html_is_all_that_there_is(sites: Sites, host: str) -> None:
    """What a client gets is what its type says, whatever it asked for."""
    for path in ('simple/ocelot/', 'simple/ocelot/?format=json'):
        response = ask(sites[Case(host, '/')], path, Accept=V1_JSON)
        assert (response.status, response.headers['Content-Type']) == (200, 'text/html')


@pytest.mark.parametrize('base', ['/', PREFIX])
def test_the_cdn_asks_the_bucket_once_for_each_form(sites: Sites, base: str) -> None:
    """Its cache key is the path that the function has made: no header, no query string.

    What is not there is cached as well, and no other test has asked for this.
    """
    site = sites[Case('bucket behind a CDN', base)]
    first = [
        ask(site, 'simple/not-there/', Accept=accept).headers['X-Cache']
        for accept in ('text/html', V1_JSON, '*/*', f'{V1_JSON}, */*;q=0.1', 'nonsense')
    ]
    assert first == ['Miss', 'Miss', 'Hit', 'Hit', 'Hit']
    assert ask(site, 'simple/Not_There/?format=json&x=y').headers['X-Cache'] == 'Hit'


def test_what_lies_beside_the_index_is_not_the_edge_function_s(sites: Sites) -> None:
    site = sites[Case('bucket behind a CDN', PREFIX)]
    assert site.get('/simple/ocelot/').status == 404
