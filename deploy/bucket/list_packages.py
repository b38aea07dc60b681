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


def main() -> None:
    listing = json.loads(sys.stdin.read() or '[]')
    files = listing.get('Contents') or [] if isinstance(listing, dict) else listing
    found = {
        file.get('Key') or file['Path']: (
            file['Size'], file.get('LastModified') or file['ModTime'],
        ) for file in files
    }
    for key, (size, modified) in sorted(found.items()):
        if key.endswith(('/', '.metadata')):
            continue
        print(json.dumps({
            'filename': key.rpartition('/')[2],
            'url': key,
            'size': size,
            'upload_timestamp': int(datetime.fromisoformat(modified).timestamp()),
            'core_metadata': 'true' if f'{key}.metadata' in found else None,
        }))


if __name__ == '__main__':
    main()
