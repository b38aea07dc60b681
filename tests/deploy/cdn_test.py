"""The edge function of a CDN, and its cache."""
from __future__ import annotations

import pytest

from tests.support.hosts import (
    ask,
    Case,
    PREFIX,
    Sites,
    V1_JSON,
)


@pytest.mark.parametrize('base', ['/', PREFIX])
def test_cdn_caches_each_form_once(sites: Sites, base: str) -> None:
    """The CDN's cache key is the path that the edge function returns, without header or query."""
    # Responses of 404 are cached as well, and no other test requests this page.
    site = sites[Case('bucket behind a CDN', base)]
    first = [
        ask(site, 'simple/not-there/', Accept=accept).headers['X-Cache']
        for accept in ('text/html', V1_JSON, '*/*', f'{V1_JSON}, */*;q=0.1', 'nonsense')
    ]
    assert first == ['Miss', 'Miss', 'Hit', 'Hit', 'Hit']
    assert ask(site, 'simple/Not_There/?format=json&x=y').headers['X-Cache'] == 'Hit'


def test_edge_function_ignores_other_paths(sites: Sites) -> None:
    """The edge function changes no request for a path outside the index."""
    site = sites[Case('bucket behind a CDN', PREFIX)]
    assert site.get('/simple/ocelot/').status == 404
