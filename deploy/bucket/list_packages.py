#!/usr/bin/env python3
"""Turn the listing of a bucket of packages into a list for `dumb-pypi --package-list-json`.

It reads the output of one of these commands from standard input, and prints JSON lines:

    aws s3api list-objects-v2 --bucket packages --output json
    rclone lsjson --recursive --files-only --use-server-modtime remote:packages

A listing has neither hashes nor metadata. To add them, run dumb-pypi-scan on the files before you
upload them, and pass its output as FACTS: they are added to the file of the same name and size.
"""
from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

# Keys with these endings are folders, or files that accompany packages.
NO_PACKAGES = ('/', '.metadata', '.asc', '.sig', '.provenance')


def read(text: str) -> dict[str, tuple[int, float]]:
    """Parse a listing; return the size and upload time of each key, in bytes and seconds."""
    listing = json.loads(text or 'null') or []
    if isinstance(listing, dict):
        # The listing of an empty bucket has no `Contents`. The output of another command hasn't
        # either, but that has no `RequestCharged`.
        is_empty = 'RequestCharged' in listing and 'Contents' not in listing
        listing = [] if is_empty else listing['Contents']
    return {
        file['Key' if 'Key' in file else 'Path']: (file['Size'], datetime.fromisoformat(
            file['LastModified' if 'Key' in file else 'ModTime'],
        ).timestamp()) for file in listing
    }


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
    except (KeyError, TypeError, ValueError) as error:
        sys.exit('list_packages.py: this is not what aws s3api list-objects-v2 or rclone lsjson '
                 f'prints: {error!r}')
    for key, (size, uploaded) in sorted(found.items()):
        if key.endswith(NO_PACKAGES):
            continue
        filename = key.rpartition('/')[2]
        known = facts.get((filename, size), {})
        print(json.dumps({
            **known,
            'filename': filename,
            'url': key,
            'size': size,
            'upload_timestamp': int(uploaded),
            'core_metadata': (
                known.get('core_metadata', 'true') if f'{key}.metadata' in found else None
            ),
        }))


if __name__ == '__main__':
    main()
