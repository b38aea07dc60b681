"""A line of JSON → a struct, and what is wrong with the line."""
from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from dumb_pypi.errors import LineError
from dumb_pypi.errors import shown

T = TypeVar('T')

TOO_DEEP = 'JSON is nested too deeply'


def decode(line: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode JSON; what is wrong with it is worded for the person who wrote the list."""
    try:
        return decoder.decode(line)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(' - at `$.')
        raise LineError(f'{where.rstrip("`")}: {what}' if where else what) from None
    except msgspec.DecodeError as error:
        raise LineError(str(error)) from None
    except RecursionError:
        raise LineError(TOO_DEEP) from None


def unknown_keys(line: bytes, struct: type[msgspec.Struct]) -> list[str]:
    """The keys of a line's object that `struct` has no field for.

    Raises:
        LineError: a key stands there twice.
    """
    try:
        # Of the values nothing is wanted, so that a number of any length will do.
        pairs: list[tuple[str, object]] = json.loads(
            line, object_pairs_hook=list, parse_int=str, parse_float=str,
        )
    except RecursionError:
        raise LineError(TOO_DEEP) from None
    keys: set[str] = set()
    for key, _ in pairs:
        if key in keys:
            raise LineError(f'key {shown(key)} is there twice')
        keys.add(key)
    return [key for key, _ in pairs if key not in struct.__struct_fields__]
