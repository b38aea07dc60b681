"""Make small installable distributions from a package list.

`python -m testing.distributions LIST POOL` makes the file of each line of LIST, which has JSON
lines, in POOL. It prints the lines with the hash, size and metadata hash of the files added.
"""
from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from dumb_pypi.model import filenames, suffixes

# One line of a JSON list, decoded.
Facts = dict[str, Any]

# The build backend of the sdists, which runs in the build environment of pip or uv. It needs only
# the standard library, so that installing an sdist needs no other index.
_BACKEND = '''\
import os, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(os.path.join(wheel_directory, {name!r}), 'w') as wheel:
        for path, content in {files!r}.items():
            wheel.writestr(path, content)
    return {name!r}
'''
_PYPROJECT = b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
_WHEEL = b'Wheel-Version: 1.0\nGenerator: testing\nRoot-Is-Purelib: true\nTag: py3-none-any\n'
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can store


def make(pool: Path, facts: Facts) -> Facts:
    """Make the file of one line in `pool`; return the line with its hash and size added.

    If `core_metadata` is "true", write the `.metadata` file, too, and return its hash instead.
    The distribution is a module with the project's name, `-` replaced by `_`, and its version as
    `__version__`. A file that is neither a wheel nor an sdist is empty.
    """
    filename = facts['filename']
    parsed = filenames.parse(filename)
    version = parsed.version or '0'
    module = parsed.project.replace('-', '_')
    metadata = _metadata(parsed.project, version, facts)
    files = _installed(module, version, metadata)
    if parsed.packagetype == 'bdist_wheel':
        content = _zip(files)
    elif parsed.packagetype == 'sdist':
        wheel = f'{module}-{version.replace("-", "_")}-py3-none-any.whl'
        content = _sdist(filename, {
            'PKG-INFO': metadata,
            'backend.py': _BACKEND.format(name=wheel, files=files).encode(),
            'pyproject.toml': _PYPROJECT,
        })
    else:
        content = b''
    (pool / filename).write_bytes(content)
    known: Facts = {'hash': f'sha256={_sha256(content)}', 'size': len(content)}
    if facts.get('core_metadata') == 'true':
        (pool / f'{filename}.metadata').write_bytes(metadata)
        known['core_metadata'] = f'sha256={_sha256(metadata)}'
    return {**facts, **known}


def make_small_wheels(pool: Path, count: int) -> None:
    """Make so many wheels, of 500 projects at most, in a folder."""
    pool.mkdir(exist_ok=True)
    for number in range(count):
        make(pool, {
            'filename': f'small_{number % 500}-1.{number // 500}-py3-none-any.whl',
            'summary': 'One of many', 'requires_python': '>=3.8',
            'requires_dist': ['one>=1', 'two[more]; python_version < "3"'],
        })


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _metadata(project: str, version: str, facts: Facts) -> bytes:
    lines = ['Metadata-Version: 2.1', f'Name: {project}', f'Version: {version}']
    if 'summary' in facts:
        lines.append(f'Summary: {facts["summary"]}')
    if 'requires_python' in facts:
        lines.append(f'Requires-Python: {facts["requires_python"]}')
    lines.extend(f'Requires-Dist: {requirement}' for requirement in facts.get('requires_dist', ()))
    return ''.join(f'{line}\n' for line in lines).encode()


def _installed(module: str, version: str, metadata: bytes) -> dict[str, bytes]:
    info = f'{module}-{version.replace("-", "_")}.dist-info'
    files = {
        f'{module}.py': f'__version__ = {version!r}\n'.encode(),
        f'{info}/METADATA': metadata,
        f'{info}/WHEEL': _WHEEL,
    }
    record = ''.join(
        f'{path},sha256={_record_hash(content)},{len(content)}\n'
        for path, content in files.items()
    )
    return {**files, f'{info}/RECORD': f'{record}{info}/RECORD,,\n'.encode()}


def _record_hash(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return digest.decode().rstrip('=')


def _sdist(filename: str, files: dict[str, bytes]) -> bytes:
    stem = suffixes.sdist_stem(filename)
    sources = {f'{stem}/{path}': content for path, content in files.items()}
    if filename.lower().endswith('.zip'):
        return _zip(sources)
    compress = bz2.compress if filename.lower().endswith('bz2') else gzip.compress
    return compress(_tar(sources))


def _zip(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path, _EPOCH), content)
    return stream.getvalue()


def _tar(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w') as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def main() -> int:
    package_list, pool = map(Path, sys.argv[1:])
    pool.mkdir(parents=True, exist_ok=True)
    for line in package_list.read_text().splitlines():
        print(json.dumps(make(pool, json.loads(line))))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
