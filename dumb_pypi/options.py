"""The options of a build, parsed and checked once."""
from __future__ import annotations

import datetime
import os
from typing import Any, NamedTuple

from dumb_pypi.errors import FieldError, OptionError, shown
from dumb_pypi.model import urls
from dumb_pypi.model.free_text import clean_text

DEFAULT_TITLE = 'My Private PyPI'
STDIN = '-'
# The forms of a list: file names, or JSON objects, one per line.
PLAIN = 'plain'
JSON = 'json'
MAX_JOBS = 256  # processes: each needs some open files of its parent


class ListPath(NamedTuple):
    """The path of a list, `STDIN` for standard input, and its form, `PLAIN` or `JSON`."""
    path: str
    form: str


class BuildOptions(NamedTuple):
    """The options of a build, checked.

    `logo` is an absolute URL or relative to the home page, `logo_width` is in CSS pixels,
    `site_url` ends in a slash, and `generated` is the build time to show, in UTC, or None to show
    none. `jobs` is None for as many processes as there are CPUs.
    """
    output_dir: str
    package_list: ListPath
    packages_url: urls.PackagesUrl
    previous_list: ListPath | None = None
    project_list: ListPath | None = None
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
    jobs: int | None = None

    @classmethod
    def parse(cls, **given: Any) -> BuildOptions:
        """Check the arguments of `dumb_pypi.build`, by their names there.

        Raises:
            OptionError: an argument makes no sense.
        """
        paths = {name: _path(given.pop(name, None)) for name in _PATHS}
        package_list = _list_path(paths, 'package_list')
        if package_list is None:
            raise OptionError('--package-list, --package-list-json', 'exactly one is needed')
        if list(paths.values()).count(STDIN) > 1:
            raise OptionError('--…package-list…', 'only one list can be standard input')
        options = cls(**given | {
            'output_dir': paths['output_dir'] or '',
            'package_list': package_list,
            'previous_list': _list_path(paths, 'previous_package_list'),
            'project_list': _list_path(paths, 'project_list'),
            'packages_url': _packages_url(given['packages_url']),
            'title': _text('--title', given.get('title')) or DEFAULT_TITLE,
            'logo': _logo(given.get('logo')),
            'site_url': _site_url(given.get('site_url')),
            'template_dir': paths['template_dir'],
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
            raise OptionError('--output-dir', 'is empty')
        if jobs is not None and not 1 <= jobs <= MAX_JOBS:
            raise OptionError(
                '--jobs', f'{jobs} is not a number of processes from 1 to {MAX_JOBS}',
            )
        if width is not None and width < 1:
            raise OptionError('--logo-width', f'{width} is not a number of pixels')
        if templates is not None and not os.path.isdir(templates):
            raise OptionError('--template-dir', f'{templates} is not a directory')

    @property
    def shaping(self) -> tuple[object, ...]:
        """The options that pages depend on. Of the build time that is only whether it is shown."""
        return (
            self.packages_url, self.title, self.logo, self.logo_width, self.site_url,
            self.template_dir, self.per_release_json, self.precompress, self.generated is None,
        )


_PATHS = (
    'output_dir', 'package_list', 'package_list_json', 'previous_package_list',
    'previous_package_list_json', 'project_list_json', 'template_dir', 'changes_file',
)


def _path(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else os.fspath(path)


def _list_path(paths: dict[str, str | None], name: str) -> ListPath | None:
    plain, json = paths.get(name), paths[f'{name}_json']
    if plain is not None and json is not None:
        raise OptionError('--…package-list, --…package-list-json', 'only one can be used')
    if json is not None:
        return ListPath(json, JSON)
    return None if plain is None else ListPath(plain, PLAIN)


def _text(option: str, text: str | None) -> str | None:
    try:
        return clean_text(option, text)
    except FieldError as error:
        raise OptionError(option, f'{shown(text)} {error.why}') from None


def _packages_url(text: str) -> urls.PackagesUrl:
    _text('--packages-url', text)
    try:
        return urls.PackagesUrl.parse(text)
    except urls.UrlError as error:
        raise OptionError('--packages-url', f'{shown(text)} {error}') from None


def _logo(text: str | None) -> str | None:
    text = _text('--logo', text)
    try:
        if text is None or text.startswith('data:image/') or not urls.has_scheme(text):
            return text
        return urls.clean_absolute(text)
    except urls.UrlError as error:
        raise OptionError('--logo', f'{shown(text)} {error}') from None


def _site_url(text: str | None) -> str | None:
    text = _text('--site-url', text)
    if text is None:
        return None
    try:
        url = urls.clean_absolute(text)
    except urls.UrlError as error:
        raise OptionError('--site-url', f'{shown(text)} {error}') from None
    if '?' in url:
        raise OptionError('--site-url', f"{shown(text)} has a '?', which no path can follow")
    return url.rstrip('/') + '/'
