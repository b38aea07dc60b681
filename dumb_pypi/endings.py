"""The endings of the names of distribution files, and of what lies beside them."""
from __future__ import annotations

import re

# The endings that pip takes for an sdist, and .tar.Z, which distutils made.
SDIST = re.compile(
    r'\.(?:tar\.(?:gz|bz2|xz|lz|lzma|zst|Z)|tar|tgz|tbz2?|txz|tlz|zip)$', re.IGNORECASE,
)

# What a wheel's name is followed by in the name of its metadata.
METADATA = '.metadata'
