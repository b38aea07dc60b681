"""What the web servers of the tests answer, and that clients take it."""
from __future__ import annotations

import hashlib
import json
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.clients.index import ELSEWHERE
from tests.clients.index import HTML
from tests.clients.index import Index
from tests.clients.index import JSON
from tests.clients.index import PREFIX
from tests.clients.index import simple_url
from tests.clients.programs import Client
from tests.servers import Server


def test_both_clients_ask_for_json_and_take_it(
        client: Client, nginx: Server, target: Path,
) -> None:
    """What the tests above call JSON is JSON: they would pass with HTML as well."""
    with nginx.recording() as requests:
        outcome = client.install(simple_url(nginx), target, 'plain')
    assert outcome.status == 0, outcome.said
    page, *_ = requests
    assert (page.path, page.status, page.content_type) == ('/simple/plain/', 200, JSON)


@pytest.mark.parametrize(('path', 'accept', 'content_type'), [
    # pip and PDM; uv; Poetry.
    ('/simple/', f'{JSON}, {HTML}; q=0.1, text/html; q=0.01', JSON),
    ('/simple/plain/', f'{JSON}, {HTML}; q=0.1, text/html; q=0.01', JSON),
    ('/simple/plain/', f'{JSON}, {HTML};q=0.2, text/html;q=0.01', JSON),
    ('/simple/plain/', f'{JSON}, */*;q=0.1', JSON),
    # Old clients and people.
    ('/simple/', 'text/html', 'text/html'),
    ('/simple/plain/', 'text/html, */*; q=0.01', 'text/html'),
    ('/simple/plain/', None, 'text/html'),
    # The JSON API's names have no ending that would say what they are.
    ('/pypi/plain/json', None, 'application/json'),
    ('/pypi/plain/1.0/json', 'text/html', 'application/json'),
    ('/packages.json', None, 'application/json'),
    ('/project/plain/', JSON, 'text/html'),
])
def test_nginx_says_what_it_serves(
        nginx: Server, path: str, accept: str | None, content_type: str,
) -> None:
    """One page, two forms: the settings in tests/servers.py are enough to tell them apart."""
    response = nginx.get(path, accept)
    assert response.status == 200
    assert response.headers['Content-Type'] == content_type
    assert response.headers['Vary'] == 'Accept'
    json_body = response.body.startswith(b'{')
    assert json_body == content_type.endswith('json')


def test_a_page_without_its_slash_leads_to_the_page(server: Server) -> None:
    """Links of people who leave the slash out work, and the page's own links then do too."""
    response = server.get('/simple/plain')
    assert response.status == 301
    assert urljoin(server.url, response.headers['Location']) == f'{server.url}simple/plain/'


@pytest.mark.parametrize('page', [
    'pypi/plain/json', 'pypi/plain/1.0/json', f'{PREFIX}pypi/plain/2.0/json', 'pypi/nested/json',
    'pypi/variant/1.0+local/json', f'{ELSEWHERE}pypi/plain/1.0/json', 'pypi/remote/json',
])
def test_the_json_api_leads_to_the_files(
        nginx: Server, index: Index, page: str,
) -> None:
    """Each URL in it gives the file that its digest and size say."""
    url = f'{nginx.url}{page}'
    files = json.loads(nginx.get(f'/{page}').body)['urls']
    assert files
    for file in files:
        place = urljoin(url, file['url'])
        server = nginx if place.startswith(nginx.url) else index.elsewhere
        response = server.get('/' + place.removeprefix(server.url))
        assert response.status == 200
        assert len(response.body) == file['size']
        assert hashlib.sha256(response.body).hexdigest() == file['digests']['sha256']
