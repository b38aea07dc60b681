"""Version specifiers of `requires_python`: whether clients can parse them."""
from __future__ import annotations

import functools
import re

_VERSION = r'\d+(?:\.\d+)*'
_CLAUSE = rf'(?:[<>]=? *{_VERSION}|[!=]= *{_VERSION}(?:\.\*)?|~= *\d+(?:\.\d+)+)'
# Nearly all specifiers. Importing the library takes longer than checking all of these.
_COMMON = re.compile(rf'{_CLAUSE}(?:, *{_CLAUSE})*', re.ASCII)


@functools.lru_cache(maxsize=1024)
def is_specifier(text: str) -> bool:
    """Return whether a text is a version specifier.

    >>> is_specifier('>=3.9, !=3.10.*'), is_specifier('~=3.9,<4.0a1'), is_specifier('>=3.6.*')
    (True, True, False)
    """
    if _COMMON.fullmatch(text):
        return True
    from packaging.specifiers import SpecifierSet
    try:
        SpecifierSet(text)
    except ValueError:
        return False
    return True
