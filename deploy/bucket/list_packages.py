#!/usr/bin/env python3
"""List a bucket of packages for `dumb-pypi --package-list-json`.

Standard input is what one of these says, standard output JSON lines:

    aws s3api list-objects-v2 --bucket packages --output json
    rclone lsjson --recursive --files-only --use-server-modtime remote:packages

A listing has no hashes of the kinds that clients want: for those, keep a list as you upload.
"""
from __future__ import annotations

import json
import sys
from datetime import datetime

# What lies beside packages, and folders.
NO_PACKAGES = ('/', '.metadata', '.asc', '.sig', '.provenance')


def read(text: str) -> dict[str, tuple[int, float]]:
    """Each key's size, and when it was uploaded."""
    listing = json.loads(text or 'null') or []
    if isinstance(listing, dict):
        # An empty bucket has no `Contents`; nor has what another command says.
        is_empty = 'RequestCharged' in listing and 'Contents' not in listing
        listing = [] if is_empty else listing['Contents']
    return {
        file['Key' if 'Key' in file else 'Path']: (file['Size'], datetime.fromisoformat(
            file['LastModified' if 'Key' in file else 'ModTime'],
        ).timestamp()) for file in listing
    }


def main() -> None:
    try:
        found = read(sys.stdin.read())
    except (KeyError, TypeError, ValueError) as error:
        sys.exit('list_packages.py: this is not what aws s3api list-objects-v2 or rclone lsjson '
                 f'prints: {error!r}')
    for key, (size, uploaded) in sorted(found.items()):
        if key.endswith(NO_PACKAGES):
            continue
        print(json.dumps({
            'filename': key.rpartition('/')[2],
            'url': key,
            'size': size,
            'upload_timestamp': int(uploaded),
            'core_metadata': 'true' if f'{key}.metadata' in found else None,
        }))


if __name__ == '__main__':
    main()
