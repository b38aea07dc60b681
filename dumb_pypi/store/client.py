"""Requests to a bucket, and what their errors mean."""
from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from dumb_pypi.errors import BucketLibraryError, FileError, shown

if TYPE_CHECKING:
    from obstore.store import S3Store

# Seconds. A request for a page that is not large ends before the lease of a build: see `lease`.
PAGE_TIMEOUT = 20
RETRY_TIMEOUT = 25
_RETRIES = 10
_OWN_TIMEOUT = 300  # the state and `packages.json` may be large
_LARGEST_PART = 64 << 20  # bytes: a larger `packages.json` is sent in parts
# Bytes. Larger pages have the timeout of own files: many requests may share a slow line.
_LARGE_PAGE = 1 << 18
# The name of the exception for an error in Rust that nobody expected. It cannot be imported, and is
# no `Exception`.
_PANIC = 'PanicException'
_OWN_ATTRIBUTES = {'Content-Type': 'application/octet-stream', 'Cache-Control': 'no-store'}


class Version(NamedTuple):
    """Which version of an object it is: the store refuses to replace another one."""
    e_tag: str | None
    version: str | None


class Object(NamedTuple):
    """An object in a listing. `path` is relative to the place of the index, `size` in bytes."""
    path: str
    size: int
    version: Version
    modified: datetime

    @property
    def mark(self) -> str:
        # Some stores list ETags without the quotation marks that other responses have.
        return (self.version.e_tag or '').strip('"') or self.modified.isoformat()


class VersionConflictError(Exception):
    """An object is not of the version to replace."""


class Client:
    """The objects below a URL such as `s3://bucket/path`.

    Credentials, region and endpoint come from the environment variables of the store's own tools.
    """

    def __init__(self, url: str) -> None:
        try:
            import obstore
            from obstore import exceptions
            from obstore.store import from_url
        except ImportError as error:
            raise BucketLibraryError(url) from error
        self.place = url.rstrip('/')
        self.has_prefix = '/' in self.place.partition('://')[2]
        self._library = obstore
        self._exceptions = exceptions
        with self._errors('open', ''):
            if self.place.startswith('s3://'):
                _endpoint()
            self._pages, self._own = (
                from_url(self.place, client_options={
                    'allow_http': True, 'connect_timeout': '10s', 'timeout': f'{timeout}s',
                }, retry_config={
                    'max_retries': _RETRIES, 'retry_timeout': timedelta(seconds=RETRY_TIMEOUT),
                }) for timeout in (PAGE_TIMEOUT, _OWN_TIMEOUT)
            )

    def get(
            self, path: str, length: int | None = None,
    ) -> tuple[bytes, Version] | None:
        """Return an object, or its first bytes, None if there is none."""
        with self._errors('read', path):
            try:
                found = self._library.get(self._own, path, options={} if length is None else {
                    'range': (0, length),
                })
            except FileNotFoundError as error:
                if 'NoSuchBucket' in str(error):
                    raise
                return None
            return bytes(found.bytes()), _version(found.meta)

    def copy_to(self, path: str, file: Any) -> str | None:
        """Copy an object to a file; return its mark, None if there is none."""
        with self._errors('read', path):
            try:
                found = self._library.get(self._own, path)
            except FileNotFoundError:
                return None
            for part in found.stream():
                file.write(part)
            return _object(found.meta).mark

    def head(self, path: str) -> Object | None:
        with self._errors('read', path):
            try:
                return _object(self._library.head(self._pages, path))
            except FileNotFoundError:
                return None

    def put(self, path: str, content: bytes, attributes: Mapping[str, str]) -> Version:
        """Write a page."""
        with self._errors('write', path):
            return _version(self._library.put(
                self._own if len(content) > _LARGE_PAGE else self._pages, path, content,
                attributes={**attributes}, use_multipart=False,
            ))

    def put_own(self, path: str, content: bytes) -> None:
        """Write a file of the build itself."""
        with self._errors('write', path):
            self._library.put(
                self._own, path, content, attributes={**_OWN_ATTRIBUTES}, use_multipart=False,
            )

    def put_file(self, path: str, place: str, attributes: Mapping[str, str]) -> Version:
        """Write a page that is in a file."""
        with self._errors('write', path), open(place, 'rb') as file:
            return _version(self._library.put(
                self._own, path, file, attributes={**attributes},
                use_multipart=os.path.getsize(place) > _LARGEST_PART,
            ))

    def replace(self, path: str, content: bytes, before: Version | None) -> Version:
        """Write an object if it is of the version `before`, or if there is none.

        Raises:
            VersionConflictError: it is of another version.
        """
        mode: Any = 'create' if before is None else {
            key: value for key, value in before._asdict().items() if value is not None
        }
        with self._errors('write', path):
            try:
                return _version(self._library.put(
                    self._own, path, content, attributes={**_OWN_ATTRIBUTES}, mode=mode,
                    use_multipart=False,
                ))
            except (
                self._exceptions.AlreadyExistsError, self._exceptions.PreconditionError,
            ) as error:
                # A repeated request conflicts with itself, if only the first answer was lost.
                found = self.get(path)
                if found is not None and found[0] == content:
                    return found[1]
                raise VersionConflictError from error

    def put_slashed(self, path: str, content: bytes, attributes: Mapping[str, str]) -> None:
        """Write a page at a key that ends in a slash; `path` is that of the folder."""
        with self._errors('write', f'{path}/'):
            self._library.put(
                self._at_slash(path), '', content, attributes={**attributes}, use_multipart=False,
            )

    def delete_slashed(self, path: str) -> None:
        with self._errors('delete', f'{path}/'):
            self._library.delete(self._at_slash(path), '')

    def _at_slash(self, path: str) -> S3Store:
        # The library removes a slash at the end of a key, but puts one between an endpoint and the
        # key, which may be empty.
        from obstore.store import S3Store
        bucket, _, prefix = self.place.removeprefix('s3://').partition('/')
        region = os.environ.get('AWS_REGION') or os.environ.get('AWS_DEFAULT_REGION', 'us-east-1')
        endpoint = (_endpoint() or f'https://s3.{region}.amazonaws.com').rstrip('/')
        folder = '/'.join(quote(part) for part in (bucket, unquote(prefix), path) if part)
        return S3Store(
            bucket, endpoint=f'{endpoint}/{folder}', virtual_hosted_style_request=True,
            # The keys in the body of a request for several deletions have no endpoint.
            disable_bulk_delete=True,
            client_options={'allow_http': True, 'timeout': f'{PAGE_TIMEOUT}s'},
            retry_config={
                'max_retries': _RETRIES, 'retry_timeout': timedelta(seconds=RETRY_TIMEOUT),
            },
        )

    def delete(self, paths: Sequence[str]) -> None:
        """Delete objects, whether or not they exist: up to a thousand in one request."""
        with self._errors('delete', paths[0]), contextlib.suppress(FileNotFoundError):
            self._library.delete(self._own, [*paths])

    def objects(self, folder: str) -> Iterator[Object]:
        """Yield the objects below a folder, in one request for each thousand of them."""
        with self._errors('list', folder):
            for part in self._library.list(self._own, folder, chunk_size=1000):
                yield from map(_object, part)

    def top(self) -> tuple[list[Object], list[str]]:
        """Return the objects at the top, and the names of the folders there."""
        with self._errors('list', ''):
            found = self._library.list_with_delimiter(self._own)
            return [*map(_object, found['objects'])], [
                folder.rstrip('/') for folder in found['common_prefixes']
            ]

    @contextlib.contextmanager
    def _errors(self, doing: str, path: str) -> Iterator[None]:
        """
        Raises:
            FileError: the request failed; one line says why, and what to do.
        """
        try:
            yield
        except BaseException as error:
            if not isinstance(
                    error, (self._exceptions.BaseError, FileNotFoundError, ValueError, OSError),
            ) and type(error).__name__ != _PANIC:
                raise
            place = f'{self.place}/{path}' if path else self.place
            scheme = self.place.partition(':')[0]
            raise FileError(doing, place, ValueError(_reason(error, scheme))) from error


def _endpoint() -> str | None:
    """Return the URL of a store with the protocol of S3, None for S3 itself.

    Raises:
        ValueError: it is not a URL, for which the library would print a stack trace.
    """
    for name in ('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL', 'AWS_ENDPOINT'):
        url = os.environ.get(name)
        if url is not None and not _is_url(url):
            raise ValueError(
                f'{name} is {shown(url)}: set it to a URL such as https://s3.example.com, or unset '
                'it',
            )
        if url is not None:
            return url
    return None


def _is_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        is_port = url.port is None or url.port > 0
    except ValueError:
        return False
    return url.scheme in {'http', 'https'} and bool(url.hostname) and is_port and (
        text.isprintable() and ' ' not in text
    )


# What an error says → what it means, and what to do.
_MEANINGS = (
    (('NoSuchBucket', 'The specified bucket does not exist', 'ContainerNotFound'), (
        'there is no such bucket: create it, or check the URL'
    )),
    (('SlowDown', '503 Service Unavailable', 'status code: 503', '429 Too Many'), (
        'the store asks for fewer requests (503 Slow Down): run the build again later'
    )),
    (('NotImplemented', '501 Not Implemented'), (
        'the store has no conditional writes (If-None-Match), which keep two builds apart: build '
        'into a folder, and upload it with another tool'
    )),
    (('PermanentRedirect', '301 Moved', 'configured region', 'AuthorizationHeaderMalformed'), (
        'the bucket is in another region: set AWS_REGION'
    )),
    (('169.254.169.254', 'metadata.google', 'computeMetadata', 'CredentialsNotLoaded',
      'MissingCredentials', 'Account must be specified', 'Invalid Access Key',
      'service account file'), (
        'there are no credentials, or they are invalid: set {variables}'
    )),
    (('InvalidObjectState', 'BlobArchived'), (
        'the object is in an archive, such as S3 Glacier: restore it, or delete it'
    )),
    (('<Code>KMS.', 'stored using a form of Server Side Encryption'), (
        'the object is encrypted with a key that the store cannot use: encrypt it with another one'
    )),
    (('ExpiredToken',), 'the credentials have expired: set new ones'),
    (('AccessDenied', 'PermissionDenied', '403 Forbidden', 'InvalidAccessKeyId',
      'SignatureDoesNotMatch', '401 Unauthorized', 'Unauthenticated'), (
        'permission denied: check the credentials, and what they may do in the bucket'
    )),
    (('error sending request', 'Connect', 'dns error', 'timed out', 'operation timed'), (
        'the store cannot be reached: check the network, the URL and {endpoint}'
    )),
)
# The variables with the credentials of each kind of store, and that with its URL.
_VARIABLES = {
    's3': ('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY', 'AWS_ENDPOINT_URL'),
    'gs': ('GOOGLE_APPLICATION_CREDENTIALS to the path of a key file', 'the credentials'),
    'az': ('AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY',
           'AZURE_STORAGE_ACCOUNT_NAME'),
}


def _reason(error: BaseException, scheme: str) -> str:
    """Return what went wrong on one line, and what to do where that is known."""
    text = str(error)
    variables, endpoint = _VARIABLES[scheme]
    for signs, meaning in _MEANINGS:
        if any(sign in text for sign in signs):
            return meaning.format(variables=variables, endpoint=endpoint)
    return ' '.join(text.partition('\n')[0].split())[:300] or type(error).__name__


def _version(meta: Mapping[str, Any]) -> Version:
    return Version(meta['e_tag'], meta['version'])


def _object(meta: Mapping[str, Any]) -> Object:
    return Object(meta['path'], meta['size'], _version(meta), meta['last_modified'])
