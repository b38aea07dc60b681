"""Options for tests of pages, which need no lists and no directory."""
from __future__ import annotations

from typing import Any

from dumb_pypi.model.urls import PackagesUrl
from dumb_pypi.options import BuildOptions, ListPath, PLAIN


def page_options(packages_url: str = '../../pool/', **given: Any) -> BuildOptions:
    return BuildOptions(
        output_dir='', package_list=ListPath('', PLAIN), packages_url=PackagesUrl(packages_url),
        **given,
    )
