"""What the web servers of these tests respond, and that clients accept it."""
from __future__ import annotations

import hashlib
import json
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.support.client_index import ELSEWHERE, Index, JSON, PREFIX, simple_url
from tests.support.programs import Client
from tests.support.servers import Server


def test_clients_use_json(
        client: Client, nginx: Server, target: Path,
) -> None:
    """pip and uv get JSON from nginx; most tests of these clients would pass with HTML, too."""
    with nginx.recording() as requests:
        outcome = client.install(simple_url(nginx), target, 'plain')
    assert outcome.status == 0, outcome.output
    page, *_ = requests
    assert (page.path, page.status, page.content_type) == ('/simple/plain/', 200, JSON)


def test_missing_slash_redirects(server: Server) -> None:
    """A URL without the final slash works: the relative links of the page need the slash."""
    response = server.get('/simple/plain')
    assert response.status == 301
    assert urljoin(server.url, response.headers['Location']) == f'{server.url}simple/plain/'


@pytest.mark.parametrize('page', [
    'pypi/plain/json', 'pypi/plain/1.0/json', f'{PREFIX}pypi/plain/2.0/json', 'pypi/nested/json',
    'pypi/variant/1.0+local/json', f'{ELSEWHERE}pypi/plain/1.0/json', 'pypi/remote/json',
])
def test_json_api_urls_work(nginx: Server, index: Index, page: str) -> None:
    """Each URL in the JSON API is that of a file with the listed digest and size."""
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
