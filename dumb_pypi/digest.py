"""A file's hash: read from `<algorithm>=<hex>`, and written so again."""
from __future__ import annotations

import re

import msgspec

from dumb_pypi.errors import FieldError

# A hash of another length is no hash of that kind, and uv refuses a page that has one. blake2b
# comes in two lengths.
_HEX_DIGITS = {
    'md5': (32,), 'sha1': (40,), 'sha224': (56,), 'sha256': (64,), 'sha384': (96,),
    'sha512': (128,), 'blake2b': (64, 128),
}
_SHA256 = re.compile('sha256=[0-9a-f]{64}')
_DIGEST = re.compile(r'([a-z0-9_]+)=([0-9a-f]+)', re.IGNORECASE | re.ASCII)


class Digest(msgspec.Struct, frozen=True):
    """A hash and its algorithm, both in lower case."""
    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str, key: str = 'hash') -> Digest:
        """
        >>> Digest.parse('MD5=5D41402ABC4B2A76B9719D911017C592')
        Digest(algorithm='md5', hex='5d41402abc4b2a76b9719d911017c592')
        """
        if _SHA256.fullmatch(text):
            return cls('sha256', text[7:])
        found = _DIGEST.fullmatch(text)
        if found is None:
            raise FieldError(key, text, "is not '<algorithm>=<hex>'")
        algorithm, digits = found[1].lower(), found[2].lower()
        lengths = _HEX_DIGITS.get(algorithm)
        if lengths is not None and len(digits) not in lengths:
            wanted = ' or '.join(map(str, lengths))
            raise FieldError(
                key, text, f'has {len(digits)} hex digits where {algorithm} has {wanted}',
            )
        return cls(algorithm, digits)

    @property
    def in_json(self) -> dict[str, str]:
        """As pages in JSON have it."""
        return {self.algorithm: self.hex}

    def __str__(self) -> str:
        return f'{self.algorithm}={self.hex}'
