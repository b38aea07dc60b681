"""Responses of other servers, and a cache of them in a folder."""
from __future__ import annotations

import json
import os
from hashlib import sha256
from typing import NamedTuple

from dumb_pypi.errors import FileError
from dumb_pypi.scanner.folder import write_atomically

# The headers that a cached response keeps.
_KEPT = ('content-type', 'etag', 'last-modified', 'link')


class Response(NamedTuple):
    """A response; `url` is where it came from after all redirects.

    The names of `headers` are in lower case, `body` is unpacked.
    """
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters."""
        return self.headers.get('content-type', '').partition(';')[0].strip().lower()

    @property
    def conditions(self) -> dict[str, str]:
        """The headers of a request that ask for the response only if it has changed.

        There are none if the server has marked it neither with an ETag nor with a time.
        """
        if 'etag' in self.headers:
            return {'If-None-Match': self.headers['etag']}
        if 'last-modified' in self.headers:
            return {'If-Modified-Since': self.headers['last-modified']}
        return {}


class ResponseCache:
    """A folder with a file for each response. A damaged file counts as missing."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def read(self, url: str) -> Response | None:
        """Return the response of an earlier scan to a request for `url`, None if there is none."""
        try:
            with open(self._path(url), 'rb') as file:
                head, _, body = file.read().partition(b'\n')
            found = json.loads(head)
            if found['url'] == url and found['sha256'] == sha256(body).hexdigest():
                headers = {name: str(found['headers'][name]) for name in found['headers']}
                return Response(str(found['final_url']), headers, body)
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            pass
        return None

    def write(self, url: str, response: Response) -> None:
        """Keep a response, if the server can be asked later whether it has changed.

        Raises:
            FileError: it cannot be written.
        """
        if not response.conditions:
            return
        head = json.dumps({
            'url': url,
            'final_url': response.url,
            'headers': {name: response.headers[name] for name in _KEPT if name in response.headers},
            'sha256': sha256(response.body).hexdigest(),
        })
        try:
            # Other users must not read what a server sent in return for a password.
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            write_atomically(self._path(url), b'%s\n%s' % (head.encode(), response.body))
        except (OSError, ValueError) as error:
            raise FileError('write', self._folder, error) from error

    def _path(self, url: str) -> str:
        return os.path.join(self._folder, f'{sha256(url.encode()).hexdigest()}.response')
