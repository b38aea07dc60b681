"""Make the project's description, which package indexes show, from README."""
from __future__ import annotations

import re
from pathlib import Path

from setuptools import setup


def description() -> str:
    """Return README without images and links to other files, which no package index has.

    The text of the links remains: it names the files, which the source distribution contains.
    """
    readme = Path(__file__).with_name('README.md').read_text(encoding='utf-8')
    readme = re.sub(r'^!\[[^]]*\]\([^)]*\)\n\n', '', readme, flags=re.MULTILINE)
    return re.sub(r'\[([^]]*)\]\((?!https://)[^)]*\)', r'\1', readme)


setup(long_description=description(), long_description_content_type='text/markdown')
