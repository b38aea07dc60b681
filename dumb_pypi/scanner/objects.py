"""Objects of a bucket, read as they were when they were listed."""
from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

from dumb_pypi.errors import BrokenError, FileError
from dumb_pypi.scanner.remote_files import StreamFile
from dumb_pypi.store.client import Client, Object

_HEX = re.compile('[0-9a-f]{64}')
_CHUNK = 1 << 20  # bytes of an object that is read to its end
# What a store says if it refuses to read one object, but perhaps not the others: permissions,
# archives, keys of the customer's, and keys that are disabled.
_REFUSAL = re.compile(
    '<Code>(AccessDenied|InvalidObjectState|BlobArchived|InvalidRequest|KMS[.][^<]*)</Code>',
)


class GoneError(Exception):
    """An object was deleted after it was listed."""


class ObjectReader(Client):
    """Reads objects as they were when they were listed."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._hashes: dict[str, str] = {}

    def read(self, found: Object, start: int, stop: int) -> bytes:
        """Return bytes of an object.

        Raises:
            GoneError: there is no such object any more.
            BrokenError: it is another one, or the store refuses to read this one.
            FileError: the store does not answer, or refuses all requests.
        """
        with self._errors_of(found):
            return bytes(self._get(found, {'range': (start, stop)}).bytes())

    def open(self, found: Object, stop: int | None = None, end: bytes = b'') -> StreamFile:
        """Open an object to be read to its end; raises what `read` does, then and there.

        The bytes from the position `stop` on are `end`, and not read again.
        """
        return StreamFile(chain(() if stop == 0 else self._chunks(found, stop), (end,)))

    def known_hash(self, found: Object) -> str | None:
        """Return the sha256 in the object's own metadata, if it has one and has been read."""
        return self._hashes.get(found.path)

    def _chunks(self, found: Object, stop: int | None) -> Iterator[bytes]:
        options = {} if stop is None else {'range': (0, stop)}
        with self._errors_of(found):
            yield from map(bytes, self._get(found, options).stream(min_chunk_size=_CHUNK))

    def objects(self, folder: str) -> Iterator[Object]:
        """Yield the objects below a folder.

        Raises:
            FileError: they cannot be listed, or the key of one is not a path.
        """
        try:
            yield from super().objects(folder)
        except FileError as error:
            if isinstance(error.__cause__, self._exceptions.InvalidPathError):
                reason = ValueError(
                    f'{error.error}: delete this object or give it another key, or scan a part of '
                    'the bucket without it',
                )
                raise FileError(error.doing, error.path, reason) from error
            raise

    @contextmanager
    def _errors_of(self, found: Object) -> Iterator[None]:
        try:
            with self._errors('read', found.path):
                yield
        except FileError as error:
            if _REFUSAL.search(str(error.__cause__)):
                raise BrokenError(f'cannot be read: {error.error}') from error
            raise

    def _get(self, found: Object, options: dict[str, Any]) -> Any:
        if found.version.e_tag is not None:
            options['if_match'] = found.version.e_tag
        try:
            result = self._library.get(self._own, found.path, options=options)
        except FileNotFoundError as error:
            if 'NoSuchBucket' in str(error):
                raise
            raise GoneError from error
        except self._exceptions.PreconditionError as error:
            raise BrokenError('changes while the bucket is scanned: scan it again') from error
        digest = str(result.attributes.get('sha256', '')).lower()
        if _HEX.fullmatch(digest):
            self._hashes[found.path] = digest
        return result
