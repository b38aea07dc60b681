"""The keys of a line of a JSON list, their types, and how a line is decoded."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from dumb_pypi.errors import FieldError, LineError, shown

LONGEST_FILENAME = 255  # bytes: the limit of file systems
LARGEST_SIZE = 2 ** 63 - 1  # bytes: the limit of clients
# The beginning of the year 9999, in seconds since 1970. uv refuses a page that has an upload in the
# last days of that year.
UPLOADS_END = 253370764800


class Line(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A line of a JSON list: its keys and their types, as the input format defines them.

    `scanned_etag` is for the next scan of a bucket; no checked line has it.
    """
    filename: str
    hash: str | None = None
    requires_python: str | None = None
    requires_dist: list[str] | None = None
    core_metadata: str | None = None
    upload_timestamp: int | float | None = None
    uploaded_by: str | None = None
    yanked_reason: str | None = None
    size: int | None = None
    url: str | None = None
    summary: str | None = None
    provenance: str | None = None
    name: str | None = None
    version: str | None = None
    scanned_etag: str | None = None


class _LooseLine(Line, kw_only=True):
    """A line whose `yanked_reason` may also be false, as lists say of files that are not yanked."""
    yanked_reason: str | bool | None = None  # type: ignore[assignment]  # wider than in `Line`, on purpose


T = TypeVar('T')

_WRONG_TYPE = r'Expected `([^`]+)`, got `[^`]+`(?: - at `\$\.([^`]+)`)?'
_MISSING = 'Object missing required field `([^`]+)`'
_TYPES = {
    'str': 'a string', 'int': 'an integer', 'float': 'a fraction', 'int | float': 'a number',
    'bool': 'true or false', 'array': 'a list of strings', 'object': 'a JSON object',
    'bool | str': 'a string or false',
}
# Keys of other programs, and ours for the same fact.
_SYNONYMS = {
    **dict.fromkeys(('checksum', 'digest', 'digests', 'md5', 'sha256'), 'hash'),
    **dict.fromkeys(('date', 'last_modified', 'mtime', 'timestamp', 'uploaded_at'),
                    'upload_timestamp'),
    **dict.fromkeys(('dependencies', 'install_requires'), 'requires_dist'),
    **dict.fromkeys(('extras', 'extras_require', 'optional_dependencies'), 'provides_extra'),
    **dict.fromkeys(('href', 'path'), 'url'),
    **dict.fromkeys(('long_description', 'readme'), 'description'),
    **dict.fromkeys(('long_description_content_type', 'readme_content_type'),
                    'description_content_type'),
    **dict.fromkeys(('links', 'urls'), 'project_urls'),
    **dict.fromkeys(('spdx', 'spdx_expression'), 'license_expression'),
    'dist_info_metadata': 'core_metadata',
    'licence': 'license',
    'python_requires': 'requires_python',
    'tags': 'keywords',
    'uploader': 'uploaded_by',
    'url': 'home_page',
    'website': 'home_page',
}
# How alike two keys are that a typing error may have caused, between 0 and 1. `yanked` and
# `yanked_reason` are 0.632.
_ALIKE = 0.63

# The tokens that tell an object's own keys from everything else in it.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:]')


_find_escaped_colon = re.compile(rb'\\u003[aA]').search


def decode(line: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode a line of JSON.

    Raises:
        LineError: it is malformed or has a wrong type, in words for whoever wrote the list.
    """
    try:
        return decoder.decode(line)
    except msgspec.ValidationError as error:
        raise LineError(_in_words(str(error))) from None
    except msgspec.DecodeError as error:
        reason = str(error)
        if 'truncated' in reason and line.endswith(b'}'):
            reason = 'JSON is malformed, or has only one half of a surrogate pair'
        raise LineError(f'{reason}: write one JSON object per line') from None
    except RecursionError:
        raise LineError('JSON is nested too deeply: write one flat object per line') from None


def decode_line(line: bytes) -> Line:
    """Decode a line of a JSON list; its values are unchecked.

    A `yanked_reason` of false becomes None: the file is not yanked.

    Raises:
        LineError: it is not an object with the keys and types of `Line`.
    """
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, RecursionError):
        loose = decode(line, _loose_decoder)
    reason = loose.yanked_reason
    if reason is True:
        raise LineError('`yanked_reason` must be a string or false: give the reason, or ""')
    return Line(**msgspec.structs.asdict(loose) | {
        'yanked_reason': None if reason is False else reason,
    })


def require_utf8(line: bytes) -> None:
    """Check that a line of a list is text.

    Raises:
        LineError: it is not UTF-8; the first such byte is reported.
    """
    if not line.isascii():
        try:
            line.decode()
        except UnicodeDecodeError as error:
            raise LineError(
                f'byte {error.start + 1} is not UTF-8: save the list as UTF-8',
            ) from None


def have_same_keys(line: bytes, checked: bytes, dropped: int = 0) -> bool:
    """Return whether `line` cannot have a key that its checked form lacks, or a key twice.

    `dropped` is the number of known keys that the checked form lacks.

    Checking a value removes colons at most, and each key has one. So a surplus key shows as a
    surplus colon, unless a value has a colon that `line` escapes and the checked form does not.
    False means only that the keys have to be read, which takes several times as long.
    """
    # The expression takes half of the time of two searches for bytes.
    return (
        line.count(b':') - dropped == checked.count(b':') and _find_escaped_colon(line) is None
    )


def unknown_keys(line: bytes, struct: type[msgspec.Struct]) -> list[str]:
    """Return the keys of a line for which `struct` has no field; the line is a JSON object.

    Raises:
        LineError: a key is there twice.
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
            raise LineError(f'key {shown(key)} appears twice: keep one')
    return [key for key in keys if key not in struct.__struct_fields__]


def unknown_key(key: str, struct: type[msgspec.Struct]) -> str:
    """Return the message about a key for which `struct` has no field.

    >>> unknown_key('yanked', Line)
    "key 'yanked' is not known and is ignored on all lines: did you mean 'yanked_reason'?"
    """
    meant = _meant_key(key.lower().replace('-', '_'), struct.__struct_fields__)
    remedy = '' if meant is None else f': did you mean {shown(meant)}?'
    return f'key {shown(key)} is not known and is ignored on all lines{remedy}'


def _meant_key(key: str, fields: Sequence[str]) -> str | None:
    if _SYNONYMS.get(key) in fields:
        return _SYNONYMS[key]
    # Few errors are in the first letter, and a line may have thousands of unknown keys.
    alike = [field for field in fields if field[0] == key[:1]]
    if not alike:
        return None
    # Few lists need it.
    from difflib import get_close_matches
    return next(iter(get_close_matches(key, alike, 1, _ALIKE)), None)


def _in_words(message: str) -> str:
    """Put a message of msgspec about a value of the wrong type into the words of JSON.

    >>> _in_words('Expected `int | null`, got `float` - at `$.size`')
    '`size` must be an integer'
    """
    if found := re.fullmatch(_WRONG_TYPE, message):
        wanted, where = found.groups()
        wanted = wanted.removesuffix(' | null')
        if where is None:
            return 'the line must be a JSON object'
        key, _, item = where.partition('[')
        if item:
            # Items of a list have a number, the values of an object an ellipsis.
            wanted = 'array' if item[0].isdigit() else 'an object whose values are strings'
        return f'`{key}` must be {_TYPES.get(wanted, wanted)}'
    if found := re.fullmatch(_MISSING, message):
        return f'key {shown(found[1])} is missing: every line needs it'
    what, _, where = message.partition(' - at `$.')
    return f'{where.rstrip("`")}: {what}' if where else what


# The number of hex digits of each algorithm; blake2b has two lengths in use. uv refuses a page that
# has a hash of the wrong length.
_HEX_DIGITS = {
    'md5': (32,), 'sha1': (40,), 'sha224': (56,), 'sha256': (64,), 'sha384': (96,),
    'sha512': (128,), 'blake2b': (64, 128),
}
# Whether a hash is `sha256=<hex>`, as a scan lists it.
is_sha256 = re.compile('sha256=[0-9a-f]{64}').fullmatch
_HASH = re.compile(r'([a-z0-9_]+)=([0-9a-f]+)', re.IGNORECASE | re.ASCII)
# As other programs write hashes.
_ALMOST_HASH = r'(?i)(?:([a-z0-9_]+)[:-])?([0-9a-f]{32,128})'
# The algorithms that digits alone are most likely of.
_BY_LENGTH = {32: 'md5', 40: 'sha1', 64: 'sha256', 128: 'sha512'}


def clean_hash(key: str, text: str) -> str:
    """Return a hash, `<algorithm>=<hex>`, in lower case.

    >>> clean_hash('hash', 'MD5=5D41402ABC4B2A76B9719D911017C592')
    'md5=5d41402abc4b2a76b9719d911017c592'

    Raises:
        FieldError: it has another form, or the wrong length for its algorithm.
    """
    if is_sha256(text):
        return text
    found = _HASH.fullmatch(text)
    if found is None:
        raise FieldError(key, text, f"is not '<algorithm>=<hex>'{_hash_meant(text)}")
    algorithm, digits = found[1].lower(), found[2].lower()
    lengths = _HEX_DIGITS.get(algorithm)
    if lengths is not None and len(digits) not in lengths:
        wanted = ' or '.join(map(str, lengths))
        raise FieldError(
            key, text, f'has {len(digits)} hex digits, but {algorithm} has {wanted}',
        )
    return f'{algorithm}={digits}'


def _hash_meant(text: str) -> str:
    """Return a sentence with the hash that is probably meant; '' if that is not clear.

    >>> _hash_meant('5D41402ABC4B2A76B9719D911017C592')
    ". Did you mean 'md5=5d41402a…'?"
    """
    found = re.fullmatch(_ALMOST_HASH, text)
    if found is None:
        return ''
    algorithm = found[1] or _BY_LENGTH.get(len(found[2]))
    if algorithm is None:
        return ''
    return f". Did you mean '{algorithm.lower()}={found[2][:8].lower()}…'?"


def by_algorithm(text: str) -> dict[str, str]:
    """Return a hash that `clean_hash` returned as the simple API and the JSON API write it.

    >>> by_algorithm('crc32=3610a686')
    {'crc32': '3610a686'}
    """
    algorithm, _, digits = text.partition('=')
    return {algorithm: digits}


decoder = msgspec.json.Decoder(Line)
_loose_decoder = msgspec.json.Decoder(_LooseLine)
encode = msgspec.json.Encoder().encode
_decode_key = msgspec.json.Decoder(str).decode
