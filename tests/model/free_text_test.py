"""Free text: the characters that no page can carry."""
from __future__ import annotations

import re
import sys

from dumb_pypi.model import distfile
from dumb_pypi.model.free_text import FORBIDDEN


def test_forbidden_characters_are_unprintable() -> None:
    """Only an unprintable text is searched for them."""
    everything = ''.join(map(chr, range(sys.maxunicode + 1)))
    for forbidden in (FORBIDDEN, distfile._BIDIRECTIONAL):
        found = re.findall(forbidden, everything)
        assert found
        assert not any(character.isprintable() for character in found)
