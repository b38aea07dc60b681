"""A package index made of static files."""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dumb_pypi.api import build
    from dumb_pypi.scanner import scan

__all__ = ['__version__', 'build', 'scan']
__version__ = '2.0.0'

_MODULE_OF = {'build': 'dumb_pypi.api', 'scan': 'dumb_pypi.scanner'}


def __getattr__(name: str) -> object:
    # Neither function imports what only the other one needs.
    if name not in _MODULE_OF:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(_MODULE_OF[name]), name)
