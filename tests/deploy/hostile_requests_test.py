"""Every web server with the settings in deploy/ withstands hostile requests."""
from __future__ import annotations

import pytest

from tests.support.hostile_requests import faults, GROUPS
from tests.support.hosts import all_hosts, BROWSERS
from tests.support.servers import Server


# A new server needs an entry in HOSTS of tests/support/hosts.py, with this feature.
@all_hosts(BROWSERS)
@pytest.mark.parametrize('group', GROUPS)
def test_hostile_requests(site: Server, group: str) -> None:
    """No request gets a secret, a failure, or a redirect to another host."""
    found = {}
    for row in GROUPS[group]:
        response = site.send(row.request(site), row.method)
        if wrong := faults(row, site, response):
            found[str(row)] = wrong
    assert found == {}


def test_table_is_large() -> None:
    """The table has at least 60 forms of paths, and 60 of headers."""
    rows = [row for group in GROUPS.values() for row in group]
    assert len({row.target for row in rows}) >= 60
    assert len({row.headers for row in rows}) >= 60
