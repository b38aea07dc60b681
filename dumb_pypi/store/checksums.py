"""Checksums of pages: those that the state records, and what tells them apart.

In a folder, builds compare pages with the files themselves, and the checksum is to find accidents:
CRC-32, which takes a quarter of the time of SHA-256. Nothing finds an attacker who can write to the
folder: the checksums are there too. In a bucket, it decides whether a page is written. One of four
billion changed pages has the same CRC-32 as before, and would never be written. So a bucket has
half of the MD5 that most stores list as the ETag of an object; a check compares the two.

Folders, buckets and the state of a build need these, so that they are in a module of their own.
"""
from __future__ import annotations

import binascii
import hashlib

CHECKSUM = 8  # characters of a CRC-32
DIGEST_MARK = 'm'  # what a digest begins with, which is not a digit
DIGEST = 17  # characters of a digest


def checksum_of(content: bytes | memoryview) -> str:
    """Return the CRC-32 of a content."""
    return f'{binascii.crc32(content):08x}'


def checksum_after(before: str, content: bytes | memoryview) -> str:
    """Return the CRC-32 of a content that follows another one, if `before` is that one's.

    >>> checksum_after(checksum_of(b'pa'), b'ge') == checksum_of(b'page')
    True
    """
    return f'{binascii.crc32(content, int(before, 16)):08x}'


def digest_of_page(content: bytes) -> str:
    """
    >>> digest_of_page(b'')
    'md41d8cd98f00b204'
    """
    return digest_of_md5(hashlib.md5(content, usedforsecurity=False).hexdigest())


def digest_of_md5(md5: str) -> str:
    """Return the digest of a page, given the MD5 in hex, or an ETag that may be one.

    >>> digest_of_md5('d41d8cd98f00b204e9800998ecf8427e')
    'md41d8cd98f00b204'
    """
    return DIGEST_MARK + md5[:DIGEST - 1]
