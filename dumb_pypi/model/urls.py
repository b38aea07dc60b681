"""URLs: joining, encoding, and re-basing relative ones for pages at other depths."""
from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

_SCHEME = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*:')
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%\[\]-]+")
_BARE_PERCENT = re.compile(r'%(?![0-9A-Fa-f]{2})')
_UNRESERVED = re.compile('[A-Za-z0-9_.~/-]*')
# What may stand in a URL's path unencoded, but for `+`: buckets read it as a space.
_PATH_SAFE = "/%:@!$&'()*,;=~"
_QUERY_SAFE = _PATH_SAFE + '?+'


class UrlError(ValueError):
    """Why a text is not the URL asked for, worded to follow that text: "has no host"."""


def quote_path(path: str) -> str:
    """A path as it is on disk or in a bucket, for a URL.

    >>> quote_path('a b/foo-1.0+local.zip')
    'a%20b/foo-1.0%2Blocal.zip'
    """
    return path if _UNRESERVED.fullmatch(path) else quote(path, safe='/')


def has_scheme(url: str) -> bool:
    return _SCHEME.match(url) is not None


def is_absolute(url: str) -> bool:
    """Whether `url`, already checked, means the same on every page of every site."""
    return url.startswith(('http:', 'https:'))


def clean_absolute(url: str, schemes: tuple[str, ...] = ('http', 'https')) -> str:
    """An absolute URL without a fragment, encoded where it was not.

    >>> clean_absolute('HTTPS://example.com/a b/foo-1.0+local.zip')
    'https://example.com/a%20b/foo-1.0%2Blocal.zip'
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # which is checked only when it is asked for
    except ValueError as error:
        raise UrlError(f'is not a URL: {error}') from None
    if parts.scheme not in schemes:
        raise UrlError(f'is not an {" or ".join(schemes)} URL')
    if not host or not _HOST.fullmatch(parts.netloc):
        raise UrlError('has no host, or one that is not plain ASCII')
    if '#' in url:
        raise UrlError("has a fragment, '#…'")
    query = f'?{_encode(parts.query, _QUERY_SAFE)}' if '?' in url else ''
    return f'{parts.scheme}://{parts.netloc}{_encode(parts.path, _PATH_SAFE) or "/"}{query}'


def clean_reference(url: str) -> str:
    """An absolute URL, or one below the URL that it is relative to."""
    if has_scheme(url):
        return clean_absolute(url)
    if '#' in url:
        raise UrlError("has a fragment, '#…'")
    path, question, query = url.partition('?')
    # Clients resolve an encoded dot as a dot.
    segments = [segment for segment in path.split('/') if unquote(segment) != '.']
    path = '/'.join(segments)
    # Without its dots a path may look like something else: `./javascript:…`, `.//example.com`.
    if has_scheme(path) or path.startswith('/') or '..' in unquote(path).split('/'):
        raise UrlError('is neither an http or https URL nor a path below --packages-url')
    return _encode(path, _PATH_SAFE) + question + _encode(query, _QUERY_SAFE)


def file_name(url: str) -> str:
    """The last part of a URL's path, decoded: what clients take for the file's name.

    >>> file_name('https://example.com/a/foo-1.0%2Blocal.zip?b=c/d')
    'foo-1.0+local.zip'
    """
    return unquote(url.partition('?')[0].rpartition('/')[2])


def from_page(page: str, target: str) -> str:
    """The relative URL that leads from one path of the output tree to another.

    >>> from_page('project/foo/index.html', 'changelog/')
    '../../changelog/'
    """
    return '../' * page.count('/') + quote_path(target) or './'


class PackagesUrl(NamedTuple):
    """Where the distribution files are; `base` ends in a slash.

    A relative one is relative to the pages in `simple/<project>/`.
    """
    base: str

    @classmethod
    def parse(cls, text: str) -> PackagesUrl:
        """
        >>> PackagesUrl.parse('https://example.com/my files').base
        'https://example.com/my%20files/'
        """
        if not text:
            raise UrlError('is empty')
        if text.startswith('file:///'):
            pass  # for clients that read the index from the same disk
        elif has_scheme(text):
            text = clean_absolute(text)
        if '?' in text or '#' in text:
            raise UrlError("has a '?' or a '#', which file names cannot follow")
        return cls(_encode(text.rstrip('/'), _PATH_SAFE) + '/')

    def prefix(self, project: str, page: str, site_url: str | None = None) -> str:
        """What to put before a file's relative URL on `page`, any page of the tree.

        With `site_url` the result is absolute.

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
        below_root: list[str] = []
        above_root = 0
        for segment in ('simple', project, *self.base.split('/')[:-1]):
            if segment == '..' and below_root:
                below_root.pop()
            elif segment == '..':
                above_root += 1
            elif segment != '.':
                below_root.append(segment)
        return '../' * (page.count('/') + above_root) + ''.join(f'{s}/' for s in below_root)


def join(prefix: str, url: str) -> str:
    """A file's URL: its own where that is absolute, else below `prefix`."""
    return url if is_absolute(url) else prefix + url


def _encode(text: str, safe: str) -> str:
    return quote(_BARE_PERCENT.sub('%25', text), safe=safe)
