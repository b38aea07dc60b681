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
        # Encoded already: as it is.
        ('https://example.com/a%20b%2Bc.zip', 'https://example.com/a%20b%2Bc.zip'),
        # A percent sign of its own.
        ('https://example.com/100%.zip', 'https://example.com/100%25.zip'),
        # Buckets read a bare + as a space; a query is the server's own affair.
        ('https://example.com/f-1+l.zip?a=b+c', 'https://example.com/f-1%2Bl.zip?a=b+c'),
        ('https://example.com/é"<>.zip', 'https://example.com/%C3%A9%22%3C%3E.zip'),
        ('https://example.com/a\\b.zip', 'https://example.com/a%5Cb.zip'),
    ),
)
def test_absolute_urls_are_encoded_once(url: str, expected: str) -> None:
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
        ('https://exämple.com/', 'has no host, or one that is not plain ASCII'),
        ('https:\\\\example.com/', 'has no host'),
        ('https://[::1/', 'is not a URL: Invalid IPv6 URL'),
        ('https://example.com:http/', 'is not a URL: Port could not be cast'),
        ('https://example.com/#x', 'has a fragment'),
    ),
)
def test_what_is_no_absolute_url(url: str, why: str) -> None:
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
def test_references_are_urls_or_paths_below(url: str, expected: str) -> None:
    assert urls.clean_reference(url) == expected


@pytest.mark.parametrize(
    'url', ('../foo.zip', 'a/../../foo.zip', '%2e%2E/foo.zip', '/foo.zip', '//example.com/foo.zip',
            'foo.zip#sha256=aa', 'javascript:foo.zip', './javascript:foo.zip', './/example.com/x',
            '%2e/http://example.com/foo.zip', 'x/..%2f../foo.zip'),
)
def test_references_that_lead_elsewhere(url: str) -> None:
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
    assert PackagesUrl.parse(text).base == base


@pytest.mark.parametrize(
    'text', ('', 'javascript:x', 'file://host/x', 's3://bucket/x', 'https://example.com/?x=',
             '../pool?', '../pool#x', 'https://example.com/pool#x'),
)
def test_packages_urls_that_no_file_name_can_follow(text: str) -> None:
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
def test_a_packages_url_leads_to_the_same_place_from_every_page(page: str, base: str) -> None:
    """It is relative to simple/<project>/; every page has it at its own depth, below any prefix."""
    site = 'https://index.example.com/deep/below/here/'
    expected = urljoin(f'{site}simple/foo/', base)
    prefix = PackagesUrl(base).prefix('foo', page)
    assert urljoin(site + page, prefix or '.') == expected
    assert PackagesUrl(base).prefix('foo', page, site) == expected


def test_links_between_pages() -> None:
    assert urls.from_page('index.html', '') == './'
    assert urls.from_page('index.html', 'simple/') == 'simple/'
    assert urls.from_page('project/foo/index.html', '') == '../../'
    assert urls.from_page('project/foo/index.html', 'a b/é') == '../../a%20b/%C3%A9'


def test_empty_parts_of_a_path_are_kept() -> None:
    """They mean something in a bucket."""
    url = PackagesUrl.parse('../../pool//x')
    assert url.prefix('foo', 'pypi/foo/1.0/json') == '../../../pool//x/'
    assert url.prefix('foo', 'pypi/foo/json', 'https://example.com/') == (
        'https://example.com/pool//x/'
    )
