"""A package list of any size, shaped like the public index, the same for the same seed.

`python -m testing.make_package_list 1000000 > packages.jsonl`. It streams: memory does not grow
with the size. Most projects have a few files, a few have thousands; names look like names.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

SYLLABLES = (
    'py', 'data', 'flask', 'lib', 'net', 'core', 'api', 'json', 'auth', 'test', 'web', 'cli', 'kit',
    'log', 'mini', 'auto', 'bot', 'cloud', 'db', 'easy', 'fast', 'graph', 'http', 'io', 'micro',
    'ml', 'open', 'plot', 'quick', 'rest', 'sim', 'tiny',
)
KINDS = ('client', 'tools', 'utils', 'sdk', 'plugin', 'server', 'helpers', 'models')
PEOPLE = (
    'ana', 'ben', 'cleo', 'dee', 'eli', 'release-bot', 'Finn Ø. Åse', 'platform team',
    'Zoë Müller <zoe@example.com>', '山田 太郎',
)
PURPOSES = ('& friends', '<fast & small>', 'für Python', 'with "batteries" included', '的工具')
# Most requirements of real projects have a marker: they belong to an extra, or to a platform.
MARKERS = (
    '', '', '', '; extra == "test"', '; extra == "docs"', '; extra == \'dev\'',
    '; python_version < "3.11"', '; sys_platform == "win32" and extra == "all"',
)
PYTHONS = ('cp38', 'cp39', 'cp310', 'cp311', 'cp312', 'cp313')
PLATFORMS = (
    'manylinux_2_17_x86_64.manylinux2014_x86_64', 'manylinux_2_17_aarch64.manylinux2014_aarch64',
    'musllinux_1_2_x86_64', 'macosx_10_12_x86_64', 'macosx_11_0_arm64', 'win32', 'win_amd64',
)
BEGIN, END = 1199145600, 1788220800  # 2008 and late 2026, in seconds since 1970
LONG_AGO = 1420070400  # 2015: before wheels were usual
DAY = 86400

Line = dict[str, Any]


def lines(size: int, seed: int = 0) -> Iterator[Line]:
    """So many lines of a package list, project by project."""
    return islice((line for number in count() for line in project_lines(number, seed)), size)


def project_lines(number: int, seed: int) -> Iterator[Line]:
    """The lines of one project; no two numbers have the same name."""
    chance = random.Random(f'{seed} {number}')
    name = project_name(number, chance)
    # A long tail: half of the projects have two releases or fewer, one in a thousand hundreds.
    compiled = chance.random() < 0.04
    releases = min(int(chance.paretovariate(1.05)), 80 if compiled else 2000)
    uploaded = chance.randrange(BEGIN, END - DAY)
    step = max(1, min(60 * DAY, (END - uploaded) // releases))
    summary = f'A {chance.choice(KINDS)} for {name} {chance.choice(PURPOSES)}'
    if chance.random() < 0.03:
        # Some authors paste the beginning of their README.
        summary = ' '.join([summary] * 12)
    uploader = chance.choice(PEOPLE)
    major, minor, patch = chance.randrange(2), chance.randrange(3), 0
    for _ in range(releases):
        uploaded = min(END, uploaded + chance.randrange(step) + 1)
        kind = chance.random()
        if kind < 0.05:
            major, minor, patch = major + 1, 0, 0
        elif kind < 0.3:
            minor, patch = minor + 1, 0
        else:
            patch += 1
        version = f'{major}.{minor}.{patch}' + ('rc1' if chance.random() < 0.04 else '')
        facts: Line = {
            'requires_python': chance.choice(('>=3.8', '>=3.9,<4', '>=2.7, !=3.0.*', '>=3.11')),
            'requires_dist': requirements(chance),
            'uploaded_by': uploader,
            'summary': summary,
        }
        if chance.random() < 0.01:
            facts['yanked_reason'] = chance.choice(('', 'broken on Windows', 'see 1.0 & later'))
        if chance.random() < 0.01:
            facts |= {'name': name, 'version': version}
        for filename in filenames(name, version, compiled, uploaded, chance):
            yield file_line(filename, uploaded, facts, chance)


def project_name(number: int, chance: random.Random) -> str:
    """A name that no other number has: its syllables count in a number system of their own."""
    parts = [chance.choice(KINDS)]
    while True:
        number, digit = divmod(number, len(SYLLABLES))
        parts.insert(0, SYLLABLES[digit])
        if not number:
            return '-'.join(parts) if chance.random() < 0.7 else '_'.join(parts)


def requirements(chance: random.Random) -> list[str]:
    return [
        f'{project_name(chance.randrange(5000), chance)}>={chance.randrange(50) / 10}'
        f'{chance.choice(MARKERS)}'
        for _ in range(int(chance.expovariate(0.35)))
    ]


def filenames(
        name: str, version: str, compiled: bool, uploaded: int, chance: random.Random,
) -> Iterator[str]:
    """The files of a release, as its time made them."""
    wheel = name.replace('-', '_')
    if uploaded < LONG_AGO:
        yield f'{name}-{version}{chance.choice((".tar.gz", ".tar.gz", ".zip", ".tar.bz2"))}'
        if chance.random() < 0.15:
            yield f'{wheel}-{version}-py2.7.egg'
        if compiled:
            yield f'{name}-{version}.win32-py2.7.exe'
        return
    if chance.random() < 0.9:
        yield f'{wheel if uploaded > LONG_AGO + 8 * 365 * DAY else name}-{version}.tar.gz'
    if not compiled:
        yield f'{wheel}-{version}-py3-none-any.whl'
        return
    for python in PYTHONS[chance.randrange(3):]:
        for platform in PLATFORMS:
            yield f'{wheel}-{version}-{python}-{python}-{platform}.whl'


def file_line(filename: str, uploaded: int, facts: Line, chance: random.Random) -> Line:
    digest = hashlib.sha256(filename.encode()).hexdigest()
    line = {
        'filename': filename,
        'hash': f'sha256={digest}',
        'size': int(chance.lognormvariate(10, 2)),
        'upload_timestamp': uploaded + chance.randrange(600),
        **facts,
    }
    if filename.endswith('.whl'):
        line['core_metadata'] = f'sha256={digest[::-1]}'
        if chance.random() < 0.05:
            line['provenance'] = f'https://example.com/provenance/{digest[:16]}'
    if chance.random() < 0.02:
        line['url'] = f'{digest[:2]}/{filename}'
    return line


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('size', type=int, help='how many files')
    parser.add_argument('--seed', type=int, default=0, help='another seed, another list')
    args = parser.parse_args()
    for line in lines(args.size, args.seed):
        sys.stdout.write(f'{json.dumps(line)}\n')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
