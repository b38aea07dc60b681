"""Passwords for simple indexes: which are sent, and to which server."""
from __future__ import annotations

import base64
from pathlib import Path

import pytest

from dumb_pypi.errors import FetchError, OptionError
from dumb_pypi.scanner import scan
from tests.scanner.simple_index_test import file, listed, page, scan_index
from tests.support.scripted import Reply, Site


@pytest.mark.parametrize('where', ['url', 'netrc'])
def test_credentials(
        site: Site, where: str, tmp_path: Path,
) -> None:
    """A password of the URL or of netrc is sent, and is nowhere in the result."""
    name = 'simple/'
    url = f'{site.url}{name}'
    if where == 'url':
        url = url.replace('//', '//me:s%40cret@')
    else:
        (tmp_path / 'netrc').write_text('machine 127.0.0.1 login me password s@cret\n')
    private = site.url.replace('//', '//me:s%40cret@')
    site.add_json('/simple/foo/', page(
        file(), file('foo-2.0.zip', url=f'{private}foo-2.0.zip'), file('foo-3.0.zip', size=-1),
    ))
    result = scan(url, allowed=['foo', 'missing'])
    assert site.requests[0].headers['authorization'] == (
        f'Basic {base64.b64encode(b"me:s@cret").decode()}'
    )
    assert listed(result)['foo-2.0.zip']['url'] == f'{site.url}foo-2.0.zip'
    assert 'cret' not in f'{result.lines} {result.problems} {result.notices}'
    site.pages['/simple/foo/'] = Reply(status=400)
    with pytest.raises(FetchError) as caught:
        scan(url, allowed=['foo'])
    assert 'cret' not in str(caught.value)


def test_user_without_password(site: Site) -> None:
    """A token may stand in place of the user's name."""
    site.add_json('/simple/foo/', page(file()))
    scan(site.url.replace('//', '//token@') + 'simple', allowed=['foo'])
    assert site.requests[0].headers['authorization'] == (
        f'Basic {base64.b64encode(b"token:").decode()}'
    )


@pytest.mark.parametrize('content', ['nonsense', '\udcff'])
def test_damaged_netrc(site: Site, tmp_path: Path, content: str) -> None:
    """A damaged netrc file is an error that names it."""
    (tmp_path / 'netrc').write_bytes(content.encode(errors='surrogateescape'))
    with pytest.raises(OptionError, match='netrc'):
        scan_index(site)


def test_netrc_of_other_hosts(site: Site, tmp_path: Path) -> None:
    """A password for another host is not sent."""
    (tmp_path / 'netrc').write_text('machine example.com login me password secret\n')
    site.add_json('/simple/foo/', page(file()))
    scan_index(site)
    assert 'authorization' not in site.requests[0].headers
