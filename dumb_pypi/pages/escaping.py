"""Escape texts for HTML that no template prints: rows of pages, and the simple API.

Apart from the modules that use it, of which none owns it.
"""
from __future__ import annotations

import functools

from markupsafe import escape


def escaped(text: str) -> str:
    """Escape a text; most have nothing to escape, and looking first is faster."""
    if '&' in text or '<' in text or '>' in text or '"' in text or "'" in text:
        return str(escape(text))
    return text


# Uploaders, Python versions and kinds of files are the same again and again.
escaped_common = functools.lru_cache(maxsize=4096)(escaped)
