"""A line of JSON → a struct, and what is wrong with the line."""
from __future__ import annotations

import re
from collections import Counter
from typing import TypeVar

import msgspec

from dumb_pypi.errors import LineError
from dumb_pypi.errors import shown

T = TypeVar('T')

_WRONG_TYPE = re.compile(r'Expected `([^`]+)`, got `([^`]+)`(?: - at `\$\.([^`]+)`)?')
_MISSING = re.compile('Object missing required field `([^`]+)`')
_TYPES = {
    'str': 'a text', 'int': 'a whole number', 'float': 'a fraction', 'int | float': 'a number',
    'bool': 'true or false', 'array': 'a list', 'object': 'an object',
}

# What matters to tell an object's own keys from all else in it.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:]')


def decode(line: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode JSON; what is wrong with it is worded for the person who wrote the list."""
    try:
        return decoder.decode(line)
    except msgspec.ValidationError as error:
        raise LineError(_in_words(str(error))) from None
    except msgspec.DecodeError as error:
        reason = str(error)
        if 'truncated' in reason and line.endswith(b'}'):
            reason = 'JSON is malformed, or has half of a character that takes two escapes'
        raise LineError(reason) from None
    except RecursionError:
        raise LineError('JSON is nested too deeply') from None


def unknown_keys(line: bytes, struct: type[msgspec.Struct]) -> list[str]:
    """The keys of a line's object that `struct` has no field for; the line is JSON.

    Raises:
        LineError: a key stands there twice.
    """
    keys: list[str] = []
    depth = 0
    text = b''
    for token in _TOKEN.findall(line):
        if token in b'{[':
            depth += 1
        elif token in b'}]':
            depth -= 1
        elif token != b':':
            text = token
        elif depth == 1:
            keys.append(_decode_key(text))
    for key, times in Counter(keys).items():
        if times > 1:
            raise LineError(f'key {shown(key)} is there twice')
    return [key for key in keys if key not in struct.__struct_fields__]


def _in_words(message: str) -> str:
    """What msgspec says of a value of the wrong type, in the words of JSON.

    >>> _in_words('Expected `int | null`, got `float` - at `$.size`')
    'size is a fraction, not a whole number'
    """
    if found := _WRONG_TYPE.fullmatch(message):
        wanted, got, where = found.groups()
        wanted = wanted.removesuffix(' | null')
        return f'{where or "the line"} is {_TYPES.get(got, got)}, not {_TYPES.get(wanted, wanted)}'
    if found := _MISSING.fullmatch(message):
        return f'key {shown(found[1])} is missing'
    what, _, where = message.partition(' - at `$.')
    return f'{where.rstrip("`")}: {what}' if where else what


_decode_key = msgspec.json.Decoder(str).decode
