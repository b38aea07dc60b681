"""The options that shape pages, checked."""
from __future__ import annotations

import datetime
import os
from typing import NamedTuple

from dumb_pypi.errors import FieldError, OptionError, shown
from dumb_pypi.model import urls
from dumb_pypi.model.free_text import clean_text

DEFAULT_TITLE = 'My Private PyPI'


class PageOptions(NamedTuple):
    """What every page is rendered with.

    `logo` is absolute or relative to the home page, `logo_width` is in CSS pixels, `site_url`
    ends in a slash, and `generated` is the creation time, in UTC, or None to show none.
    """
    packages_url: urls.PackagesUrl
    title: str = DEFAULT_TITLE
    logo: str | None = None
    logo_width: int | None = None
    site_url: str | None = None
    template_dir: str | None = None
    per_release_json: bool = True
    precompress: bool = False
    generated: datetime.datetime | None = None

    @classmethod
    def check(
            cls, *, packages_url: str, title: str, logo: str | None, logo_width: int | None,
            site_url: str | None, template_dir: str | None, per_release_json: bool,
            precompress: bool = False, generated: datetime.datetime | None,
    ) -> PageOptions:
        """
        Raises:
            OptionError: one of them makes no sense.
        """
        if logo_width is not None and logo_width < 1:
            raise OptionError('--logo-width', f'{logo_width} is not a number of pixels')
        if template_dir is not None and not os.path.isdir(template_dir):
            raise OptionError('--template-dir', f'{template_dir} is not a directory')
        return cls(
            packages_url=_packages_url(packages_url),
            title=_text('--title', title) or DEFAULT_TITLE,
            logo=_logo(logo),
            logo_width=logo_width,
            site_url=_site_url(site_url),
            template_dir=template_dir,
            per_release_json=per_release_json,
            precompress=precompress,
            generated=generated,
        )


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
