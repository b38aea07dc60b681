"""An S3 server in memory: many requests at a time, in a fraction of the time of a real one."""
from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Mapping
from email.utils import formatdate
from html import unescape
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

from tests.support.servers import Response

_KEPT = ('Content-Type', 'Cache-Control')
_DATE = '2026-01-01T00:00:00.000Z'


class MemoryS3:
    """Answers what builds ask a store, as the documentation of S3 describes it.

    Each listing has all objects. With `other_tags`, ETags are as in Azure: not made of the content,
    and without quotation marks in listings.
    """

    def __init__(self, *, other_tags: bool = False) -> None:
        self._other_tags = other_tags
        self._numbers = itertools.count()
        self._objects: dict[str, tuple[bytes, dict[str, str]]] = {}

    def ask(
            self, path: str, method: str = 'GET', headers: Mapping[str, str] | None = None,
            body: bytes | None = None,
    ) -> Response:
        place, _, query = path.partition('?')
        key = unquote(place)
        found = {name.title(): value for name, value in (headers or {}).items()}
        if 'list-type' in query:
            return self._list(key, parse_qs(query))
        if method == 'POST':
            return self._delete_many(key, (body or b'').decode())
        there = self._objects.get(key)
        if method == 'PUT':
            e_tag = '' if there is None else there[1]['Etag']
            if ('If-None-Match' in found and there) or found.get('If-Match', e_tag) != e_tag:
                return Response(412, {}, b'')
            self._objects[key] = body or b'', {
                'Etag': f'"{self._tag(body or b"")}"',
                'Last-Modified': formatdate(usegmt=True),
                **{name: found[name] for name in _KEPT if name in found},
            }
            return Response(200, {'Etag': self._objects[key][1]['Etag']}, b'')
        if method == 'DELETE':
            self._objects.pop(key, None)
            return Response(204, {}, b'')
        if there is None:
            return Response(404, {}, b'<Error><Code>NoSuchKey</Code></Error>')
        content, found_headers = there
        if method == 'HEAD':
            return Response(200, {**found_headers, 'Content-Length': str(len(content))}, b'')
        asked = re.fullmatch(r'bytes=0-(\d+)', found.get('Range', ''))
        if asked is None:
            return Response(200, found_headers, content)
        part = content[:int(asked[1]) + 1]
        return Response(206, {
            **found_headers, 'Content-Range': f'bytes 0-{len(part) - 1}/{len(content)}',
        }, part)

    def _tag(self, content: bytes) -> str:
        if self._other_tags:
            return f'0x{next(self._numbers)}'
        return hashlib.md5(content).hexdigest()  # noqa: S324 - S3 prescribes it

    def _listed_tag(self, headers: Mapping[str, str]) -> str:
        return headers['Etag'].strip('"' if self._other_tags else '')

    def _list(self, bucket: str, query: Mapping[str, list[str]]) -> Response:
        [prefix], delimiter = query.get('prefix', ['']), query.get('delimiter')
        contents, folders = [], set()
        for place, (content, headers) in sorted(self._objects.items()):
            key = place.removeprefix(f'{bucket.rstrip("/")}/')
            if not key.startswith(prefix) or key == place:
                continue
            name, slash, _ = key[len(prefix):].partition('/')
            if delimiter and slash:
                folders.add(f'{prefix}{name}/')
                continue
            contents.append(
                f'<Contents><Key>{escape(key)}</Key><LastModified>{_DATE}</LastModified>'
                f'<ETag>{escape(self._listed_tag(headers))}</ETag><Size>{len(content)}</Size></Contents>',
            )
        return Response(200, {'Content-Type': 'application/xml'}, ''.join((
            '<ListBucketResult><IsTruncated>false</IsTruncated>', *contents,
            *(f'<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>'
              for folder in sorted(folders)),
            '</ListBucketResult>',
        )).encode())

    def _delete_many(self, bucket: str, body: str) -> Response:
        keys = [unescape(key) for key in re.findall('<Key>(.*?)</Key>', body)]
        for key in keys:
            self._objects.pop(f'{bucket.rstrip("/")}/{key}', None)
        return Response(200, {'Content-Type': 'application/xml'}, ''.join((
            '<DeleteResult>', *(f'<Deleted><Key>{escape(key)}</Key></Deleted>' for key in keys),
            '</DeleteResult>',
        )).encode())
