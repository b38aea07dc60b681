"""Free text that HTML and XML can carry.

Apart from the other fields because options need it, and a build with nothing to do must not import
msgspec.
"""
from __future__ import annotations

import re

from dumb_pypi.errors import FieldError

# What neither HTML nor XML can carry: control characters and Unicode's non-characters.
_OTHERS = r'\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef' + ''.join(
    chr(plane << 16 | last) for plane in range(17) for last in (0xfffe, 0xffff)
)
# Few builds use these expressions, and compiling them takes 1 ms: Python does it when it has to.
FORBIDDEN = rf'[\x00-\x1f{_OTHERS}]'
# The same, but for a tab and a line feed.
_FORBIDDEN_IN_LINES = rf'[\x00-\x08\x0b-\x1f{_OTHERS}]'


def clean_text(key: str, text: str | None) -> str | None:
    """Return free text as one line, None if it is empty.

    Raises:
        FieldError: it has a character that HTML or XML cannot carry.
    """
    return None if not text else one_line(key, text) or None


def one_line(key: str, text: str) -> str:
    """Return free text as one line, without spaces at its ends.

    Raises:
        FieldError: it has a character that HTML or XML cannot carry.
    """
    if not text.isprintable():
        text = re.sub(r'[\t\n\r]+', ' ', text)
        refuse(key, text)
    return text.strip()


def clean_lines(text: str | None) -> str | None:
    """Return free text that keeps its lines and tabs, None if there is nothing in it.

    Each line ends in a line feed. Characters that HTML or XML cannot carry are removed: a text of
    hundreds of lines is worth more than one form feed in it.
    """
    if not text or text.isspace():
        return None
    text = re.sub(r'\r\n?', '\n', text)
    # The pattern takes twenty times as long, and few texts need it.
    if not text.replace('\n', '').replace('\t', '').isprintable():
        text = re.sub(_FORBIDDEN_IN_LINES, '', text)
    return text or None


def refuse(key: str, text: str, forbidden: str = FORBIDDEN) -> None:
    """Refuse a text that has a forbidden character; all of these are unprintable.

    Raises:
        FieldError: it has one.
    """
    found = None if text.isprintable() else re.search(forbidden, text)
    if found is not None and 0xdc80 <= ord(found[0]) <= 0xdcff:
        # Python represents such bytes of a command line in this way.
        raise FieldError(key, text, 'has bytes that are not UTF-8: is the locale set to UTF-8?')
    if found is not None:
        raise FieldError(key, text, f'has the control character U+{ord(found[0]):04X}: remove it')
