"""Which files accompany distributions, in folders, buckets, releases and lists alike."""
from __future__ import annotations

from pathlib import Path

import pytest

from dumb_pypi.model.suffixes import is_companion
from dumb_pypi.scanner.folder import walk

COMPANIONS = ('index.html', *(f'foo-1.0-py3-none-any.whl{suffix}' for suffix in (
    '.metadata', '.asc', '.sig', '.sigstore', '.sigstore.json', '.crt', '.md5', '.sha1', '.sha256',
    '.sha512', '.SHA256', '.attestation', '.publish.attestation', '.provenance', '.part',
    '.partial', '.filepart', '.CRDOWNLOAD', '.download', '.tmp',
)))


@pytest.mark.parametrize('name', COMPANIONS)
def test_companions_are_skipped_silently(tmp_path: Path, name: str) -> None:
    """A walk through a folder and a build agree on the files that accompany distributions."""
    (tmp_path / name).touch()
    assert walk([str(tmp_path)]) == ([], [], [])
    assert is_companion(name)
    assert is_companion(f'pool/{name}')


@pytest.mark.parametrize(('path', 'expected'), [
    ('pool/', True), ('pool/INDEX.HTML', True),
    ('foo-1.0.zip', False), ('myindex.html', False), ('asc', False), ('README', False),
])
def test_other_paths(path: str, expected: bool) -> None:
    """Folder markers and pages in folders are companions, other files are not."""
    assert is_companion(path) is expected
