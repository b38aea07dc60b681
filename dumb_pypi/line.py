"""One line of a JSON list as it stands there: its keys, and the bounds of their values."""
from __future__ import annotations

import msgspec

LONGEST_FILENAME = 255  # bytes: what file systems store
LARGEST_SIZE = 2 ** 63 - 1  # bytes: what clients can count

# Seconds since 1970, the first of the year 9999: uv refuses a page that has an upload in its last
# days.
UPLOADS_END = 253370764800


class Line(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One line of a JSON list: each key as the contract of the input has it."""
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


class _Name(msgspec.Struct):
    filename: str


def filename_of(line: bytes) -> str:
    """The file's name in a line that was checked."""
    return _name_decoder.decode(line).filename


decoder = msgspec.json.Decoder(Line)
encode = msgspec.json.Encoder().encode
_name_decoder = msgspec.json.Decoder(_Name)
