#!/usr/bin/env python3
"""Upload the changes of builds to a bucket: publish.py CHANGES INDEX DESTINATION

CHANGES is a folder with the `--changes-file` of each build; their names must end in .jsonl and sort
by time. INDEX is the output directory. DESTINATION is `s3://bucket/path`, for the AWS command line,
or `remote:bucket/path`, for rclone. This script runs these programs with your usual settings.

The script uploads a page after the pages that it links to, and deletes a page once no page links to
it. packages.json comes last, so the bucket has everything that its list mentions. At the end, the
script removes the files in CHANGES. If it fails, run it again; you may build again before that, but
without comparing with the bucket's packages.json, which is still that of the last successful run.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# Each kind of page links only to the kinds before it, with two exceptions. The pages of a new
# project link to each other, and no other page links to them yet. Pages of months link to each
# other, and so do those of the list of projects: see `known`.
KINDS = [re.compile(kind) for kind in (
    r'static/.*', r'project/.+/releases-.*', r'simple/.+/.*', r'pypi/.*',
    r'project/[^/]+/index\.html', r'project/.*', r'changelog/(?!index\.html).*',
    r'projects/(?!index\.html).*', r'simple/.*', r'rss/.*', r'projects/.*', r'changelog/.*',
    r'(?!index\.html|packages\.json).*', r'index\.html.*', r'packages\.json.*',
)]


def kind(path: str) -> int:
    return next(number for number, found in enumerate(KINDS) if found.fullmatch(path))


LIST = kind('packages.json')
# Folders of pages that link to each other.
LINKED = {kind('changelog/2024-01.html'): 'changelog/', kind('projects/a.html'): 'projects/'}


def cache_control(path: str) -> str:
    if re.fullmatch(r'static/.*-[0-9a-f]{12}\.\w+', path):
        return 'max-age=31536000, immutable'
    # The next build is compared with this list, so it must never be stale.
    return 'no-cache' if kind(path) == LIST else 'max-age=60, must-revalidate'


class Aws:
    def __init__(self, destination: str) -> None:
        self.destination = destination.rstrip('/')
        self.bucket, _, path = destination.removeprefix('s3://').partition('/')
        self.path = f'{path.rstrip("/")}/'.removeprefix('/')

    def upload(self, index: Path, paths: list[str], content_type: str, cache: str) -> None:
        # Starting aws for each file would take a second per file; with a folder of links, it runs
        # once.
        with tempfile.TemporaryDirectory() as folder:
            for path in paths:
                link = Path(folder, path)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to((index / path).resolve())
            run('aws', 's3', 'cp', folder, self.destination, '--recursive', '--only-show-errors',
                '--content-type', content_type, '--cache-control', cache)

    def delete(self, paths: list[str]) -> None:
        for start in range(0, len(paths), 1000):  # the most that S3 accepts at once
            keys = [{'Key': self.path + path} for path in paths[start:start + 1000]]
            with tempfile.NamedTemporaryFile('w', suffix='.json') as file:
                json.dump({'Objects': keys, 'Quiet': True}, file)
                file.flush()
                output = run('aws', 's3api', 'delete-objects', '--bucket', self.bucket,
                           '--delete', f'file://{file.name}', '--output', 'json')
            # The exit status of aws is 0 even if it couldn't delete anything.
            if output and 'Errors' in json.loads(output):
                sys.exit(f'publish.py: {output}')

    def pages_in(self, folder: str) -> set[str]:
        listing = run('aws', 's3api', 'list-objects-v2', '--bucket', self.bucket,
                      '--output', 'json', '--prefix', f'{self.path}{folder}',
                      '--query', 'Contents[].Key')
        return {key.removeprefix(self.path) for key in json.loads(listing or 'null') or ()}


class Rclone:
    def __init__(self, destination: str) -> None:
        self.destination = destination

    def upload(self, index: Path, paths: list[str], content_type: str, cache: str) -> None:
        self._run_on(paths, 'copy', '--no-traverse', '--no-check-dest',
                     '--header-upload', f'Content-Type: {content_type}',
                     '--header-upload', f'Cache-Control: {cache}', str(index))

    def delete(self, paths: list[str]) -> None:
        self._run_on(paths, 'delete')

    def pages_in(self, folder: str) -> set[str]:
        return set(run('rclone', 'lsf', '--recursive', '--files-only', '--include', f'/{folder}**',
                       '--disable', 'ListR', self.destination).splitlines())

    def _run_on(self, paths: list[str], *command: str) -> None:
        with tempfile.NamedTemporaryFile('w') as file:
            file.writelines(f'{path}\n' for path in paths)
            file.flush()
            run('rclone', *command, self.destination, '--files-from-raw', file.name)


def read_changes(file: Path) -> list[dict[str, str]]:
    try:
        return [json.loads(line) for line in file.read_bytes().splitlines()]
    except ValueError as error:
        sys.exit(f'publish.py: {file} is damaged: {error}')


def is_complete(index: Path) -> bool:
    """Whether the index has a page for each project; after a build of only changes it hasn't."""
    pages = ['index.html', 'packages.json', 'simple/index.html', 'simple/index.json']
    if (index / pages[-1]).is_file():
        listed = json.loads((index / pages[-1]).read_bytes())['projects']
        pages += [f'simple/{project["name"]}/index.html' for project in listed]
    return all((index / page).is_file() for page in pages)


def run(*command: str) -> str:
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    except OSError as error:
        sys.exit(f'publish.py: cannot run {command[0]}: {error.strerror}')
    if done.returncode:
        sys.exit(f'publish.py: {" ".join(command[:3])} ended with status {done.returncode}')
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('changes', type=Path)
    parser.add_argument('index', type=Path)
    parser.add_argument('destination')
    args = parser.parse_args()
    for folder in args.changes, args.index:
        if not folder.is_dir():
            sys.exit(f'publish.py: {folder} is not a folder')
    bucket = (Aws if args.destination.startswith('s3://') else Rclone)(args.destination)

    files = sorted(args.changes.glob('*.jsonl'))
    lines = [line for file in files for line in read_changes(file)]
    # Buckets can't choose between a page and its compressed form, as web servers do.
    last = {line['path']: line for line in lines if not line['path'].endswith('.gz')}
    types = {path: line['content_type'] for path, line in last.items() if line['action'] == 'write'}
    if is_complete(args.index):
        # A build that lost the previous index doesn't report what is stale. So pages of earlier
        # changes files that are not in the complete index are deleted from the bucket.
        types = {path: found for path, found in types.items() if (args.index / path).exists()}
    for path in types:
        place = args.index / path
        there = hashlib.sha256(place.read_bytes()).hexdigest() if place.is_file() else 'missing'
        if there != last[path]['sha256']:
            sys.exit(f'publish.py: {place} is not what {args.changes} says: build with --full, '
                     'and without a previous list')
    # Upload new ones of such pages first: until existing ones are replaced, no page links to them.
    kinds = set(map(kind, types))
    known = {
        path for number, folder in LINKED.items() if number in kinds
        for path in bucket.pages_in(folder)
    }
    steps: dict[tuple[int, bool, str, str], list[str]] = {}
    for path, content_type in types.items():
        step = kind(path), path in known, content_type, cache_control(path)
        steps.setdefault(step, []).append(path)
    gone: dict[int, list[str]] = {}
    for path in last.keys() - types.keys():
        gone.setdefault(kind(path), []).append(path)

    for step in sorted(step for step in steps if step[0] != LIST):
        bucket.upload(args.index, steps[step], *step[2:])
    for number in sorted(gone, reverse=True):
        bucket.delete(sorted(gone[number]))
    for step in sorted(step for step in steps if step[0] == LIST):
        bucket.upload(args.index, steps[step], *step[2:])
    for file in files:
        file.unlink()


if __name__ == '__main__':
    main()
