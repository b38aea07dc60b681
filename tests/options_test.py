from __future__ import annotations

from typing import Any

import pytest

from dumb_pypi.errors import OptionError
from dumb_pypi.options import BuildOptions


def check(**options: Any) -> BuildOptions:
    return BuildOptions.parse(**{
        'output_dir': 'out', 'package_list': 'list', 'packages_url': '../../pool', **options,
    })


def test_options_are_normalized() -> None:
    """URLs end in a slash, texts have no white space around them."""
    options = check(
        packages_url='https://example.com/pool', title='', logo=' a.png ', logo_width=1,
        site_url='https://example.com/index',
    )
    assert options.packages_url.base == 'https://example.com/pool/'
    assert options.title == 'My Private PyPI'
    assert options.logo == 'a.png'
    assert options.site_url == 'https://example.com/index/'


@pytest.mark.parametrize('logo', (None, 'data:image/png;base64,x', 'a.png', '/a.png', 'https://example.com/a.png'))
def test_logo(logo: str | None) -> None:
    """A logo is a URL, a path, or an image in a `data:` URL."""
    assert check(logo=logo).logo == logo


@pytest.mark.parametrize(
    ('option', 'value', 'message'), (
        ('packages_url', 's3://bucket',
         "--packages-url: 's3://bucket' is not an http or https URL"),
        ('packages_url', 'https://example.com/?x',
         ("--packages-url: 'https://example.com/?x' has a '?' or a '#', which file names cannot "
         'follow')),
        ('packages_url', 'a\0b', r"--packages-url: 'a\x00b' has the control character U+0000"),
        ('title', 'a\0b', r"--title: 'a\x00b' has the control character U+0000"),
        ('title', 'a\udcffb', r"--title: 'a\udcffb' has bytes that are not UTF-8"),
        ('logo', 'javascript:alert(1)',
         "--logo: 'javascript:alert(1)' is not an http or https URL"),
        ('logo_width', 0, '--logo-width: 0 is not a number of pixels'),
        ('template_dir', '/nowhere', '--template-dir: /nowhere is not a directory'),
        ('site_url', '../', "--site-url: '../' is not an http or https URL"),
        ('site_url', 'https://example.com/?x',
         "--site-url: 'https://example.com/?x' has a '?', which no path can follow"),
    ),
)
def test_invalid_options(option: str, value: object, message: str) -> None:
    """The message has the option, its value, and what is wrong with it."""
    with pytest.raises(OptionError) as caught:
        check(**{option: value})
    assert str(caught.value) == message
