from __future__ import annotations

from urllib.parse import urljoin

import pytest

from dumb_pypi.model import urls
from dumb_pypi.model.urls import PackagesUrl, UrlError


@pytest.mark.parametrize(
    ('url', 'expected'), (
        ('https://example.com', 'https://example.com/'),
        ('http://example.com:8080/a/b.zip', 'http://example.com:8080/a/b.zip'),
        ('https://[::1]/b.zip', 'https://[::1]/b.zip'),
        ('https://user:secret@example.com/b.zip', 'https://user:secret@example.com/b.zip'),
        # Encoded already.
        ('https://example.com/a%20b%2Bc.zip', 'https://example.com/a%20b%2Bc.zip'),
        # A bare percent sign stands for itself.
        ('https://example.com/100%.zip', 'https://example.com/100%25.zip'),
        # Buckets read a bare + as a space. The server defines its queries.
        ('https://example.com/f-1+l.zip?a=b+c', 'https://example.com/f-1%2Bl.zip?a=b+c'),
        ('https://example.com/é"<>.zip', 'https://example.com/%C3%A9%22%3C%3E.zip'),
        ('https://example.com/a\\b.zip', 'https://example.com/a%5Cb.zip'),
    ),
)
def test_absolute_urls_are_encoded_once(url: str, expected: str) -> None:
    """What is encoded already stays as it is."""
    assert urls.clean_absolute(url) == expected
    assert urls.clean_absolute(expected) == expected


@pytest.mark.parametrize(
    ('url', 'why'), (
        ('javascript:alert(1)', 'is not an http or https URL'),
        ('ftp://example.com/x', 'is not an http or https URL'),
        ('data:text/html,x', 'is not an http or https URL'),
        ('file:///etc/passwd', 'is not an http or https URL'),
        ('https:/example.com', 'has no host'),
        ('https://', 'has no host'),
        ('https://exa"mple.com/', 'has no host'),
        ('https://exämple.com/', 'has no host, or one that is not ASCII'),
        ('https:\\\\example.com/', 'has no host'),
        ('https://[::1/', 'is not a URL: Invalid IPv6 URL'),
        ('https://example.com:http/', 'is not a URL: Port could not be cast'),
        ('https://example.com/#x', 'has a fragment'),
    ),
)
def test_invalid_absolute_url_is_refused(url: str, why: str) -> None:
    """An absolute URL has a scheme of http(s), a valid host and no fragment."""
    with pytest.raises(UrlError, match=why):
        urls.clean_absolute(url)


@pytest.mark.parametrize(
    ('url', 'expected'), (
        ('foo.zip', 'foo.zip'),
        ('./foo.zip', 'foo.zip'),
        ('team a/./foo+1.zip', 'team%20a/foo%2B1.zip'),
        ('a//foo.zip', 'a//foo.zip'),  # a bucket's key may have an empty part
        ('foo.zip?version=2', 'foo.zip?version=2'),
        ('https://example.com/foo.zip', 'https://example.com/foo.zip'),
    ),
)
def test_references(url: str, expected: str) -> None:
    """A reference is an absolute URL or a path below its base."""
    assert urls.clean_reference(url) == expected


@pytest.mark.parametrize(
    'url', ('../foo.zip', 'a/../../foo.zip', '%2e%2E/foo.zip', '/foo.zip', '//example.com/foo.zip',
            'foo.zip#sha256=aa', 'javascript:foo.zip', './javascript:foo.zip', './/example.com/x',
            '%2e/http://example.com/foo.zip', 'x/..%2f../foo.zip'),
)
def test_escaping_reference_is_refused(url: str) -> None:
    """A reference cannot leave its base, or have another scheme than http(s)."""
    with pytest.raises(UrlError):
        urls.clean_reference(url)


@pytest.mark.parametrize(
    ('text', 'base'), (
        ('https://example.com/pool', 'https://example.com/pool/'),
        ('https://example.com/pool/', 'https://example.com/pool/'),
        ('https://example.com', 'https://example.com/'),
        ('../../pool', '../../pool/'),
        ('../../my pool//', '../../my%20pool/'),
        ('/pool', '/pool/'),
        ('/', '/'),
        ('//example.com/pool', '//example.com/pool/'),
        ('.', './'),
        ('file:///srv/pool', 'file:///srv/pool/'),
    ),
)
def test_packages_urls_end_in_one_slash(text: str, base: str) -> None:
    """A packages URL is encoded and ends in one slash."""
    assert PackagesUrl.parse(text).base == base


@pytest.mark.parametrize(
    'text', ('', 'javascript:x', 'file://host/x', 's3://bucket/x', 'https://example.com/?x=',
             '../pool?', '../pool#x', 'https://example.com/pool#x'),
)
def test_invalid_packages_url_is_refused(text: str) -> None:
    """A file name must be able to follow a packages URL."""
    with pytest.raises(UrlError):
        PackagesUrl.parse(text)


PAGES = (
    'index.html', 'changelog/index.html', 'simple/foo/index.html', 'project/foo/index.html',
    'pypi/foo/json', 'pypi/foo/1.0/json',
)


@pytest.mark.parametrize('page', PAGES)
@pytest.mark.parametrize(
    'base', ('../../pool/', '../../../pool/', '../../../../a/b/', 'pool/', './', '../foo/x/',
             '../../', '/pool/', 'file:///srv/pool/', '//example.com/pool/',
             'https://example.com/pool/', './../../p/'),
)
def test_packages_url_from_every_page(page: str, base: str) -> None:
    """A URL relative to simple/<project>/ is rebased for the depth of each other page."""
    site = 'https://index.example.com/deep/below/here/'
    expected = urljoin(f'{site}simple/foo/', base)
    prefix = PackagesUrl(base).prefix('foo', page)
    assert urljoin(site + page, prefix or '.') == expected
    assert PackagesUrl(base).prefix('foo', page, site) == expected


def test_links_between_pages() -> None:
    """A link is relative to the folder of its page, and encoded."""
    assert urls.from_page('index.html', '') == './'
    assert urls.from_page('index.html', 'simple/') == 'simple/'
    assert urls.from_page('project/foo/index.html', '') == '../../'
    assert urls.from_page('project/foo/index.html', 'a b/é') == '../../a%20b/%C3%A9'


def test_empty_segments_are_kept() -> None:
    """A bucket distinguishes `a//b` and `a/b`."""
    url = PackagesUrl.parse('../../pool//x')
    assert url.prefix('foo', 'pypi/foo/1.0/json') == '../../../pool//x/'
    assert url.prefix('foo', 'pypi/foo/json', 'https://example.com/') == (
        'https://example.com/pool//x/'
    )
