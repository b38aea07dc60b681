"""The options of a build, parsed and checked once."""
from __future__ import annotations

import datetime
import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from dumb_pypi.errors import FieldError, FileError, OptionError, shown
from dumb_pypi.model import urls
from dumb_pypi.model.arguments import check_types, option_of, path_of
from dumb_pypi.model.free_text import clean_text

DEFAULT_TITLE = 'My Private PyPI'
STDIN = '-'
# The forms of a list: file names, or JSON objects, one per line; or a folder of the files.
PLAIN = 'plain'
JSON = 'json'
FOLDER = 'folder'
MAX_JOBS = 256  # processes: each needs some open files of its parent


class ListPath(NamedTuple):
    """The path of a list, `STDIN` for standard input, and its form: `PLAIN`, `JSON` or `FOLDER`."""
    path: str
    form: str


class BuildOptions(NamedTuple):
    """The options of a build, checked.

    `logo` is an absolute URL or relative to the home page, `logo_width` is in CSS pixels,
    `site_url` ends in a slash, and `generated` is the second of the build to show, in UTC, or None
    to show none. `jobs` is None for as many processes as there are CPUs.
    """
    output_dir: str
    package_list: ListPath
    packages_url: urls.PackagesUrl
    previous_list: ListPath | None = None
    project_list: ListPath | None = None
    write_metadata: bool = False
    title: str = DEFAULT_TITLE
    logo: str | None = None
    logo_width: int | None = None
    site_url: str | None = None
    template_dir: str | None = None
    per_release_json: bool = True
    precompress: bool = False
    generated: datetime.datetime | None = None
    strict: bool = False
    full: bool = False
    allow_shrink: bool = False
    changes_file: str | None = None
    slash_keys: bool = False
    jobs: int | None = None

    @classmethod
    def parse(cls, **given: Any) -> BuildOptions:
        """Check the arguments of `dumb_pypi.build`, by their names there.

        Raises:
            OptionError: an argument makes no sense.
        """
        paths = {name: path_of(name, given.pop(name, None)) for name in _PATHS}
        for kind, names in _TYPES.items():
            check_types(kind, **{name: given[name] for name in names if name in given})
        package_list = _package_list(paths)
        from_stdin = [
            option_of(name) for name, path in paths.items() if path == STDIN and 'list' in name
        ]
        if len(from_stdin) > 1:
            raise OptionError(
                ' and '.join(from_stdin), 'read standard input, but only one list can',
            )
        output_dir = paths['output_dir'] or ''
        options = cls(**given | {
            'output_dir': output_dir,
            'package_list': package_list,
            'previous_list': _list_path(paths, 'previous_package_list'),
            'project_list': _list_path(paths, 'project_list'),
            'packages_url': _packages_url(given.get('packages_url'), package_list, output_dir),
            'title': _text('--title', given.get('title')) or DEFAULT_TITLE,
            'logo': _logo(given.get('logo')),
            'site_url': _site_url(given.get('site_url')),
            'template_dir': paths['template_dir'],
            'generated': _moment(given.get('generated')),
            'changes_file': paths['changes_file'],
        })
        options.check()
        return options

    def check(self) -> None:
        """
        Raises:
            OptionError: a value is out of its range, or a directory is missing.
        """
        jobs, width, templates = self.jobs, self.logo_width, self.template_dir
        if not self.output_dir:
            raise OptionError('--output-dir', 'is empty: pass the folder to write the index to')
        fault = fault_of_output(self.output_dir)
        if fault is not None:
            raise OptionError('--output-dir', fault)
        if is_bucket(self.output_dir):
            self._check_bucket()
        elif self.slash_keys:
            raise OptionError('--slash-keys', 'requires --output-dir s3://bucket/path')
        if self.write_metadata and self.package_list.form != FOLDER:
            raise OptionError('--write-metadata', 'requires --packages-dir, whose files it reads')
        if self.changes_file == '':
            raise OptionError('--changes-file', 'is empty: pass the path of a file to write')
        if jobs is not None and not 1 <= jobs <= MAX_JOBS:
            raise OptionError('--jobs', f'must be between 1 and {MAX_JOBS}, not {jobs}')
        if width is not None and width < 1:
            raise OptionError('--logo-width', f'must be at least 1, not {width}')
        if templates is not None and not _is_folder(templates):
            raise OptionError('--template-dir', f'{templates} is not a directory')

    def _check_bucket(self) -> None:
        if self.precompress:
            raise OptionError(
                '--precompress', 'cannot be used with a bucket, which cannot choose between a page '
                'and its .gz form: let the CDN compress',
            )
        if self.slash_keys and not self.output_dir.startswith('s3://'):
            raise OptionError('--slash-keys', 'requires --output-dir s3://bucket/path')

    @property
    def shaping(self) -> tuple[object, ...]:
        """The options that pages depend on. Of the build time that is only whether it is shown."""
        return (
            self.packages_url, self.title, self.logo, self.logo_width, self.site_url,
            self.template_dir, self.per_release_json, self.precompress, self.slash_keys,
            self.generated is None,
        )


def is_bucket(output_dir: str) -> bool:
    """Return whether an output directory is in a bucket.

    >>> is_bucket('s3://index.example.com'), is_bucket('index')
    (True, False)
    """
    return output_dir.startswith(('s3://', 'gs://', 'az://'))


def fault_of_output(output_dir: str) -> str | None:
    """Return what is wrong with a URL in the place of an output directory, None for a path.

    >>> fault_of_output('s3://bucket/path'), fault_of_output('index')
    (None, None)
    >>> fault_of_output('S3:/bucket')
    "'S3:/bucket' is not the URL of a bucket. Did you mean 's3://bucket'?"
    """
    if is_bucket(output_dir):
        if re.fullmatch(_BUCKET_URL, output_dir):
            return None
        return (
            f"{shown(output_dir)} is not the URL of a bucket, such as s3://bucket or "
            "s3://bucket/path, without '?' and '#'"
        )
    if not (found := re.match(_URL, output_dir)):
        return None
    if found[1]:
        scheme, rest = found[1].lower(), output_dir[found.end():].lstrip('/')
        return (
            f'{shown(output_dir)} is not the URL of a bucket. Did you mean '
            f'{shown(f"{scheme}://{rest}")}?'
        )
    return (
        f'{_shown_url(output_dir)} is neither a folder nor the s3://, gs:// or az:// URL of a '
        'bucket'
    )


# Few builds use these expressions: Python compiles them when it has to.
_URL = r'(?i)(s3|gs|az):/|[a-z][a-z0-9+.-]+://'
# No part of a path is empty, '.' or '..'.
_BUCKET_URL = r'(?:s3|gs|az)://[^/\s?#]+(?:/(?!\.{1,2}(?:/|$))[^/?#\x00-\x1f\x7f]+)*/?'


def _is_folder(path: str) -> bool:
    """
    Raises:
        FileError: that is not known, because the disk fails, say.
    """
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError as error:
        raise FileError('read', path, error) from error


_PATHS = (
    'output_dir', 'packages_dir', 'package_list', 'package_list_json', 'previous_package_list',
    'previous_package_list_json', 'project_list_json', 'template_dir', 'changes_file',
)
# The types of all other arguments.
_TYPES: Mapping[type, Collection[str]] = {
    str: {'packages_url', 'title', 'logo', 'site_url'},
    int: {'logo_width', 'jobs'},
    datetime.datetime: {'generated'},
    bool: {
        'write_metadata', 'per_release_json', 'precompress', 'strict', 'full', 'allow_shrink',
        'slash_keys',
    },
}


def _moment(moment: datetime.datetime | None) -> datetime.datetime | None:
    """Return the second of a moment in UTC.

    Raises:
        OptionError: it has no time zone.
    """
    if moment is None:
        return None
    if moment.utcoffset() is None:
        raise OptionError(option_of('generated'), (
            f'must have a time zone, as datetime.now(datetime.UTC) has, but {moment} has none'
        ))
    return moment.astimezone(datetime.UTC).replace(microsecond=0)


def _package_list(paths: dict[str, str | None]) -> ListPath:
    folder, package_list = paths['packages_dir'], _list_path(paths, 'package_list')
    if folder is not None:
        if not folder:
            raise OptionError('--packages-dir', 'is empty: pass . for the current folder')
        if package_list is not None:
            raise OptionError('--packages-dir', 'cannot be used with a package list')
        return ListPath(folder, FOLDER)
    if package_list is None:
        raise OptionError('--packages-dir, --package-list or --package-list-json', 'is required')
    return package_list


def _list_path(paths: dict[str, str | None], name: str) -> ListPath | None:
    plain, json = paths.get(name), paths[f'{name}_json']
    if plain is not None and json is not None:
        raise OptionError(option_of(name), f'cannot be used with {option_of(name)}-json')
    if json is not None:
        return ListPath(json, JSON)
    return None if plain is None else ListPath(plain, PLAIN)


def _text(option: str, text: str | None) -> str | None:
    try:
        return clean_text(option, text)
    except FieldError as error:
        raise OptionError(option, f'{_shown_url(text or "")} {error.why}') from None


def _packages_url(text: str | None, source: ListPath, output_dir: str) -> urls.PackagesUrl:
    if text is None:
        text = None if source.form != FOLDER else url_of_folder(source.path, output_dir)
        if text is None:
            if source.form == FOLDER and not os.path.exists(source.path):
                raise OptionError('--packages-dir', f'{shown(source.path)} does not exist')
            raise OptionError('--packages-url', _what_url_to_pass(source))
    text = _text('--packages-url', text)
    if text is None:
        raise OptionError('--packages-url', f'is empty: {_HOW_TO_LINK}')
    if is_bucket(text):
        raise OptionError('--packages-url', f'{shown(text)} is the URL of a bucket: {_HOW_TO_LINK}')
    try:
        return urls.PackagesUrl.parse(text)
    except urls.UrlError as error:
        raise _url_error('--packages-url', text, error) from None


_HOW_TO_LINK = 'pass the URL that clients download from, such as https://example.com/pool/'


def _what_url_to_pass(source: ListPath) -> str:
    if source.form == FOLDER:
        place = shown(source.path)
        return f'is required, because {place} is not inside the output directory: {_HOW_TO_LINK}'
    return (
        f'is required: {_HOW_TO_LINK}, or ../../pool/ for the folder pool/ in the output directory'
    )


def url_of_folder(folder: str, output_dir: str) -> str | None:
    """Return the URL of a folder inside the output directory from `simple/<project>/`.

    Return None for any other folder, and for one whose name is not UTF-8.

    >>> url_of_folder('index/my pool', 'index'), url_of_folder('pool', 'index')
    ('../../my%20pool/', None)
    """
    if is_bucket(output_dir):
        return None
    # A web server may follow symbolic links, so what counts first is the path as it is given.
    for absolute in (os.path.abspath, os.path.realpath):
        path = os.path.relpath(absolute(folder), absolute(output_dir))
        if path.split('/', 1)[0] != '..':
            try:
                return f'../../{urls.quote_path(path)}/' if path != '.' else '../../'
            except UnicodeEncodeError:
                return None
    return None


def _logo(text: str | None) -> str | None:
    text = _text('--logo', text)
    try:
        if text is None or text.startswith('data:image/') or not urls.has_scheme(text):
            return text
        return urls.clean_absolute(text)
    except urls.UrlError as error:
        raise _url_error('--logo', text or '', error) from None


def _site_url(text: str | None) -> str | None:
    text = _text('--site-url', text)
    if text is None:
        return None
    try:
        url = urls.clean_absolute(text)
    except urls.UrlError as error:
        raise _url_error('--site-url', text, error) from None
    if '?' in url:
        raise OptionError('--site-url', f"{_shown_url(text)} has a '?', which no path can follow")
    return url.rstrip('/') + '/'


def _url_error(option: str, text: str, error: urls.UrlError) -> OptionError:
    if text.startswith('file:') and not text.startswith('file:///'):
        meant = 'file:///' + text.removeprefix('file:').lstrip('/')
        return OptionError(option, f'{shown(text)} {error}. Did you mean {shown(meant)}?')
    suggestion = _with_scheme(text)
    hint = '' if suggestion is None else f'. Did you mean {_shown_url(suggestion)}?'
    return OptionError(option, f'{_shown_url(text)} {error}{hint}')


def _with_scheme(text: str) -> str | None:
    """Return the URL that a text without a scheme stands for, None if it does not look like one.

    >>> _with_scheme('example.com/pool'), _with_scheme('localhost:8080')
    ('https://example.com/pool', 'http://localhost:8080')
    >>> _with_scheme('../../pool'), _with_scheme('v1.0/pool'), _with_scheme('pool')
    (None, None, None)
    """
    host, colon, port = text.partition('/')[0].partition(':')
    if (colon and not port.isdecimal()) or not host.isascii():
        return None
    labels = host.split('.')
    if not all(label.replace('-', '').isalnum() for label in labels):
        return None
    if host == 'localhost' or (len(labels) == 4 and all(map(str.isdecimal, labels))):
        return f'http://{text}'
    if colon or (len(labels) > 1 and labels[-1].isalpha() and len(labels[-1]) > 1):
        return f'https://{text}'
    return None


def _shown_url(text: str) -> str:
    """Return a URL for a message, without its password.

    >>> _shown_url('https://me:secret@example.com/')
    "'https://…@example.com/'"
    """
    user = _user_of(text)
    return shown(text if user is None else text.replace(f'//{user}@', '//…@', 1))


def _user_of(url: str) -> str | None:
    """Return the user name, and the password, in a URL.

    >>> _user_of('https://me:secret@example.com/'), _user_of('https://example.com/a@b')
    ('me:secret', None)
    """
    scheme, slashes, rest = url.partition('//')
    if not slashes or (scheme and not scheme.endswith(':')):
        return None
    for end in '/?#':
        rest = rest.partition(end)[0]
    user, at, _ = rest.rpartition('@')
    return user if at else None


def hints(
        packages_url: str | None, site_url: str | None, output_dir: str | os.PathLike[str],
) -> Iterator[str]:
    """Yield a warning for each URL that is valid but hardly ever meant as it is.

    >>> list(hints('pool', None, 'index'))
    ["--packages-url 'pool' resolves to simple/<project>/pool/. Did you mean '../../pool/'?"]
    >>> list(hints('../../pool/', 'https://example.com/simple', 'index'))
    ["--site-url 'https://example.com/simple' ends in simple/. Did you mean 'https://example.com/'?"]
    >>> list(hints('.', 'https://example.com/', 'index'))
    []
    """
    if packages_url is not None:
        yield from _hints_about_packages_url(packages_url, os.fspath(output_dir))
    if site_url is not None:
        yield from _hints_about_user('--site-url', site_url)
        above = site_url.strip().rstrip('/').removesuffix('/simple')
        if above != site_url.strip().rstrip('/'):
            yield (
                f'--site-url {_shown_url(site_url)} ends in simple/. '
                f'Did you mean {_shown_url(f"{above}/")}?'
            )


def _hints_about_packages_url(given: str, output_dir: str) -> Iterator[str]:
    text = given.strip()
    if text != given:
        yield f'--packages-url {_shown_url(given)} has blanks around it, which are ignored'
    yield from _hints_about_user('--packages-url', text)
    place = urls.PackagesUrl.parse(text).prefix('<project>', '')
    name = place.removeprefix('simple/').removeprefix('<project>/')
    below_simple = bool(place.startswith('simple/') and name)
    folder = os.path.expanduser(text)
    # Containers often have a volume at /packages, and that may be its URL path too.
    is_absolute = text.startswith('~') or (text.startswith('/') and '/' in text.strip('/'))
    if is_absolute and os.path.isdir(folder):
        url = url_of_folder(folder, output_dir)
        yield f'--packages-url {shown(text)} is a folder on this machine. ' + (
            'Pass the URL that clients download from, such as https://example.com/pool/'
            if url is None else f'Did you mean {shown(url)}?'
        )
    elif below_simple:
        url = url_of_folder(folder, output_dir) if os.path.isdir(folder) else None
        meant = url or _with_scheme(text) or f'../../{name}'
        yield f'--packages-url {shown(text)} resolves to {place}. Did you mean {shown(meant)}?'


def _hints_about_user(option: str, text: str) -> Iterator[str]:
    user = _user_of(text)
    if user is not None:
        what = 'password' if ':' in user else 'user name'
        yield (
            f'{option} {_shown_url(text)} has a {what}, which pages show to everybody. Remove it; '
            'pip and uv read credentials from ~/.netrc'
        )
