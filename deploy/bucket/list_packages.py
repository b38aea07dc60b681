#!/usr/bin/env python3
"""Turn the listing of a bucket of packages into a list for `dumb-pypi --package-list-json`.

It reads the output of one of these commands from standard input, and prints JSON lines:

    aws s3api list-objects-v2 --bucket packages --output json
    rclone lsjson --recursive --files-only --use-server-modtime remote:packages

With `--hash`, rclone adds the hashes that the bucket has, which are rarely sha256; for some buckets
that takes a request per file. For sha256 hashes and metadata, run dumb-pypi-scan on the files
before you upload them, and pass its output as FACTS: they are added to the file of the same name
and size, unless the listing has another hash for it.
"""
from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

# Keys with these endings are folders, or files that accompany packages.
NO_PACKAGES = (
    '/', '.metadata', '.asc', '.sig', '.sigstore', '.sigstore.json', '.crt', '.md5', '.sha1',
    '.sha256', '.sha512', '.attestation', '.provenance', 'index.html',
)
# Hashes that clients check, the best one first.
ALGORITHMS = ('sha256', 'sha512', 'sha384', 'sha224', 'sha1', 'md5')


def read(text: str) -> dict[str, dict[str, Any]]:
    """Parse a listing; return the file of each key, with its size in bytes."""
    listing = json.loads(text or 'null') or []
    if isinstance(listing, dict):
        # The listing of an empty bucket has no `Contents`. The output of another command hasn't
        # either, but that has no `RequestCharged`.
        is_empty = 'RequestCharged' in listing and 'Contents' not in listing
        listing = [] if is_empty else listing['Contents']
    found = {}
    for file in listing:
        is_s3 = 'Key' in file
        uploaded = datetime.fromisoformat(file['LastModified' if is_s3 else 'ModTime'])
        found[file['Key' if is_s3 else 'Path']] = {
            'size': file['Size'],
            'upload_timestamp': int(uploaded.timestamp()),
            'hashes': {
                algorithm: digits.lower() for algorithm, digits in file.get('Hashes', {}).items()
                if digits
            },
        }
    return found


def best_hash(hashes: dict[str, str]) -> str | None:
    """Return the hash that clients check, as `<algorithm>=<hex>`, None if there is none."""
    return next(
        (f'{name}={hashes[name]}' for name in ALGORITHMS if name in hashes), None,
    )


def is_of(facts: dict[str, Any], hashes: dict[str, str]) -> bool:
    """Return whether facts may be about a file with these hashes."""
    algorithm, _, digits = (facts.get('hash') or '').partition('=')
    return hashes.get(algorithm, digits) == digits


def read_facts(place: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """Read the output of a scan; return each line by its file's name and size."""
    lines = map(json.loads, place.read_bytes().splitlines())
    return {(line['filename'], line['size']): line for line in lines}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('facts', metavar='FACTS', type=Path, nargs='?')
    args = parser.parse_args()
    try:
        facts = {} if args.facts is None else read_facts(args.facts)
    except (OSError, KeyError, TypeError, ValueError) as error:
        sys.exit(f'list_packages.py: {args.facts} is not what dumb-pypi-scan prints: {error!r}')
    try:
        found = read(sys.stdin.read())
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        sys.exit('list_packages.py: this is not what aws s3api list-objects-v2 or rclone lsjson '
                 f'prints: {error!r}')
    for key, file in sorted(found.items()):
        if key.endswith(NO_PACKAGES):
            continue
        filename = key.rpartition('/')[2]
        known = facts.get((filename, file['size']), {})
        if not is_of(known, file['hashes']):
            known = {}
        digest = best_hash(file['hashes'])
        print(json.dumps({
            **({} if digest is None else {'hash': digest}),
            **known,
            'filename': filename,
            'url': key,
            'size': file['size'],
            'upload_timestamp': file['upload_timestamp'],
            'core_metadata': (
                known.get('core_metadata', 'true') if f'{key}.metadata' in found else None
            ),
        }))


if __name__ == '__main__':
    main()
