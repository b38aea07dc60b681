"""The types of the arguments of `build` and `scan`, which may come from untyped Python code."""
from __future__ import annotations

import os
from collections.abc import Iterable

from dumb_pypi.errors import OptionError, shown

# The names of arguments that have another name on the command line, or none.
_NAMES = {
    'allowed': '--project', 'allowed_from': '--projects-from', 'generated': 'generated',
    'per_release_json': 'per_release_json', 'projects': 'projects', 'sources': 'SOURCE',
}
_WORDS = {'bool': 'True or False', 'datetime': 'a datetime', 'int': 'a whole number'}


def option_of(argument: str) -> str:
    """Return the name of an argument on the command line, its own if it has none there.

    >>> option_of('output_dir'), option_of('generated')
    ('--output-dir', 'generated')
    """
    return _NAMES.get(argument) or f'--{argument.replace("_", "-")}'


def check_types(kind: type, **values: object) -> None:
    """
    Raises:
        OptionError: a value is not of a type, to which None belongs unless it is `bool`.
    """
    for argument, value in values.items():
        if value is None and kind is not bool:
            continue
        # Python takes True for a number.
        if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
            what = _WORDS.get(kind.__name__, 'a string')
            raise OptionError(option_of(argument), f'must be {what}, not {shown(value)}')


def path_of(argument: str, value: object) -> str | None:
    """Return a path as a string, None for none.

    Raises:
        OptionError: it is not a path.
    """
    return None if value is None else _path(argument, value)


def paths_of(argument: str, values: object) -> list[str]:
    """Return several paths as strings.

    Raises:
        OptionError: they are not paths, or not several.
    """
    return [_path(argument, value) for value in _several(argument, values, 'paths')]


def check_texts(argument: str, values: object) -> None:
    """
    Raises:
        OptionError: these are not strings, or not several.
    """
    for value in _several(argument, values, 'strings'):
        if not isinstance(value, str):
            raise OptionError(option_of(argument), f'must be strings, not {shown(value)}')


def _path(argument: str, value: object) -> str:
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str):
        raise OptionError(option_of(argument), f'must be a path, not {shown(value)}')
    return path


def _several(argument: str, values: object, what: str) -> Iterable[object]:
    # The letters of a string are hardly meant.
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise OptionError(option_of(argument), f'must be a list of {what}, not {shown(values)}')
    return values
