"""URLs: checks, percent-encoding, and relative URLs from pages at different depths."""
from __future__ import annotations

import functools
import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

_SCHEME = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*:')
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%\[\]-]+")
_BARE_PERCENT = re.compile(r'%(?![0-9A-Fa-f]{2})')
_UNRESERVED = re.compile('[A-Za-z0-9_.~/-]*')
# What a path may contain unencoded, except for `+`, which buckets read as a space.
_PATH_SAFE = "/%:@!$&'()*,;=~"
_QUERY_SAFE = _PATH_SAFE + '?+'
# Stands for the name of a project. No encoded URL has such a character.
_ANY_PROJECT = '\0'


class UrlError(ValueError):
    """A text is not the URL that is asked for; the message follows that text: "has no host"."""


def quote_path(path: str) -> str:
    """Percent-encode a path of a disk or bucket for a URL.

    >>> quote_path('a b/foo-1.0+local.zip')
    'a%20b/foo-1.0%2Blocal.zip'
    """
    return path if _UNRESERVED.fullmatch(path) else quote(path, safe='/')


def has_scheme(url: str) -> bool:
    """Return whether a text begins with a URL's scheme."""
    return _SCHEME.match(url) is not None


def clean_absolute(url: str, schemes: tuple[str, ...] = ('http', 'https')) -> str:
    """Return an absolute URL, percent-encoded where it is not yet.

    >>> clean_absolute('HTTPS://example.com/a b/foo-1.0+local.zip')
    'https://example.com/a%20b/foo-1.0%2Blocal.zip'

    Raises:
        UrlError: it is not absolute, has another scheme, no valid host, or a fragment.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # reading the port checks it
    except ValueError as error:
        raise UrlError(f'is not a URL: {error}') from None
    if parts.scheme not in schemes:
        raise UrlError(f'is not an {" or ".join(schemes)} URL')
    if not host or not _HOST.fullmatch(parts.netloc):
        raise UrlError('has no host, or one that is not ASCII')
    if '#' in url:
        raise UrlError("has a fragment, '#…': remove it")
    query = f'?{_encode(parts.query, _QUERY_SAFE)}' if '?' in url else ''
    return f'{parts.scheme}://{parts.netloc}{_encode(parts.path, _PATH_SAFE) or "/"}{query}'


def clean_link(url: str) -> str:
    """Return the absolute http(s) URL of a web page, percent-encoded where it is not yet.

    Unlike the URL of a file, it may have a fragment.

    >>> clean_link('https://example.com/foo#read me')
    'https://example.com/foo#read%20me'

    Raises:
        UrlError: it is not absolute, has another scheme or no valid host.
    """
    page, mark, fragment = url.partition('#')
    return clean_absolute(page) + mark + _encode(fragment, _QUERY_SAFE)


def clean_reference(url: str) -> str:
    """Return an http(s) URL, or one below its base, percent-encoded where it is not yet.

    Raises:
        UrlError: it is neither, or has a fragment.
    """
    if has_scheme(url):
        return clean_absolute(url)
    if '#' in url:
        raise UrlError("has a fragment, '#…': remove it")
    path, question, query = url.partition('?')
    # Clients resolve an encoded dot like a dot.
    segments = [segment for segment in path.split('/') if unquote(segment) != '.']
    path = '/'.join(segments)
    # Without its dots, `./javascript:…` has a scheme and `.//example.com` has a host.
    if has_scheme(path) or path.startswith('/') or '..' in unquote(path).split('/'):
        raise UrlError('is neither an http or https URL nor a path below --packages-url')
    return _encode(path, _PATH_SAFE) + question + _encode(query, _QUERY_SAFE)


def file_name(url: str) -> str:
    """Return the last part of a URL's path, decoded: clients take it for the file's name.

    >>> file_name('https://example.com/a/foo-1.0%2Blocal.zip?b=c/d')
    'foo-1.0+local.zip'
    """
    return unquote(url.partition('?')[0].rpartition('/')[2])


def from_page(page: str, target: str) -> str:
    """Return the relative URL from one path of the output tree to another.

    >>> from_page('project/foo/index.html', 'changelog/')
    '../../changelog/'
    """
    return '../' * page.count('/') + quote_path(target) or './'


class PackagesUrl(NamedTuple):
    """The URL of the folder of all distribution files; `base` ends in a slash.

    A relative one is relative to the pages in `simple/<project>/`.
    """
    base: str

    @classmethod
    def parse(cls, text: str) -> PackagesUrl:
        """Check and encode a packages URL.

        >>> PackagesUrl.parse('https://example.com/my files').base
        'https://example.com/my%20files/'

        Raises:
            UrlError: no file name can follow it, or it has another scheme than http(s) or file.
        """
        if not text:
            raise UrlError('is empty')
        if text.startswith('file:///'):
            pass  # for clients that read the index from a local disk
        elif has_scheme(text):
            text = clean_absolute(text)
        if '?' in text or '#' in text:
            raise UrlError("has a '?' or a '#', which file names cannot follow")
        return cls(_encode(text.rstrip('/'), _PATH_SAFE) + '/')

    def prefix(self, project: str, page: str, site_url: str | None = None) -> str:
        """Return the prefix of a file's relative URL on `page`, a path of the output tree.

        With `site_url`, the public URL of the index, the prefix is absolute.

        >>> PackagesUrl('../../pool/').prefix('foo', 'pypi/foo/1.0/json')
        '../../../pool/'
        """
        if has_scheme(self.base):
            return self.base
        if site_url is not None:
            prefix = self.prefix(project, '')
            below = not prefix.startswith(('/', '../'))
            return site_url + prefix if below else urljoin(site_url, prefix)
        if self.base.startswith('/'):
            return self.base
        if page.startswith(f'simple/{project}/'):
            return self.base
        above_root, below_root = _from_root(self.base)
        return '../' * (page.count('/') + above_root) + below_root.replace(_ANY_PROJECT, project)


@functools.lru_cache(maxsize=1)
def _from_root(base: str) -> tuple[int, str]:
    """Return how many folders above the home page a packages URL is, and what follows them.

    Only a URL below the pages of a project has the project in it, as `_ANY_PROJECT`.
    """
    below_root: list[str] = []
    above_root = 0
    for segment in ('simple', _ANY_PROJECT, *base.split('/')[:-1]):
        if segment == '..' and below_root:
            below_root.pop()
        elif segment == '..':
            above_root += 1
        elif segment != '.':
            below_root.append(segment)
    return above_root, ''.join(f'{s}/' for s in below_root)


def join(prefix: str, url: str) -> str:
    """Return a file's URL: `url` itself if it is absolute, otherwise below `prefix`."""
    return url if url.startswith(('http:', 'https:')) else prefix + url


def _encode(text: str, safe: str) -> str:
    return quote(_BARE_PERCENT.sub('%25', text), safe=safe)
