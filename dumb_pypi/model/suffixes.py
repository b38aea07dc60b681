"""Endings of file names: which files are listed, and which accompany them.

Builds and scans share these. No regular expressions: scans with nothing to read must start fast.
"""
from __future__ import annotations

# What follows a file's name in the name of its metadata.
METADATA = '.metadata'
# The file that says what the labels of a release's variant wheels stand for (PEP 825).
VARIANTS = '-variants.json'
# The extensions that pip accepts for an sdist, and .tar.Z, which distutils wrote.
SDISTS = (
    '.tar.gz', '.zip', '.tar', '.tgz', '.tbz', '.tbz2', '.txz', '.tlz', '.tar.bz2', '.tar.xz',
    '.tar.lz', '.tar.lzma', '.tar.zst', '.tar.z',
)
_DISTRIBUTIONS = ('.whl', '.egg', VARIANTS, *SDISTS)
_COMPANIONS = (
    # Markers of folders in a bucket.
    '/',
    # Metadata, signatures, certificates, attestations and checksums of distribution files.
    METADATA, '.asc', '.sig', '.sigstore', '.sigstore.json', '.crt', '.md5', '.sha1', '.sha256',
    '.sha512', '.attestation', '.provenance',
    # Downloads and uploads that are not finished yet.
    '.part', '.partial', '.filepart', '.crdownload', '.download', '.tmp',
)


def is_distribution(filename: str) -> bool:
    """Return whether a file is a wheel, sdist, egg or file of variants, judging by its name."""
    return filename.lower().endswith(_DISTRIBUTIONS)


def sdist_stem(filename: str) -> str | None:
    """Return an sdist's file name without the extension; None if the file is not an sdist.

    >>> sdist_stem('foo-1.0.tar.GZ'), sdist_stem('foo-1.0.egg')
    ('foo-1.0', None)
    """
    lower = filename.lower()
    return next((filename[:-len(end)] for end in SDISTS if lower.endswith(end)), None)


def is_companion(path: str) -> bool:
    """Return whether a path is one that is expected next to distribution files.

    These are files that accompany them, unfinished files, pages and the markers of folders.

    >>> is_companion('pool/'), is_companion('foo-1.0.zip.ASC'), is_companion('foo-1.0.zip')
    (True, True, False)
    """
    path = path.lower()
    return path.endswith(_COMPANIONS) or path.rpartition('/')[2] == 'index.html'
