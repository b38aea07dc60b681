"""What the web servers of the tests answer, and that clients take it."""
from __future__ import annotations

import hashlib
import json
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.support.client_index import ELSEWHERE, Index, JSON, PREFIX, simple_url
from tests.support.programs import Client
from tests.support.servers import Server


def test_both_clients_ask_for_json_and_take_it(
        client: Client, nginx: Server, target: Path,
) -> None:
    """What the tests above call JSON is JSON: they would pass with HTML as well."""
    with nginx.recording() as requests:
        outcome = client.install(simple_url(nginx), target, 'plain')
    assert outcome.status == 0, outcome.said
    page, *_ = requests
    assert (page.path, page.status, page.content_type) == ('/simple/plain/', 200, JSON)


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
