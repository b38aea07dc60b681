"""What the tests of whole trees build: each recipe is there for what its pages may get wrong."""
from __future__ import annotations

from tests.support.trees import Facts, json_lines, Recipe, SAMPLES, SITE_URL

MARKUP = '<script>alert("1")</script>\'&amp;<!-- ]]> {{ 7 * 7 }} </title></td> %3Cb%3E'
RIGHT_TO_LEFT = 'שלום \u202ecod.exe'
LONG = 'very long, ' * 500
UNBROKEN = 'W' * 5000
ODD_TEXTS = (MARKUP, RIGHT_TO_LEFT, LONG, UNBROKEN, '😀 \u2028 \ufffd', 'null', '-->')

FEBRUARY = 1706745600  # 2024-02-01
_A_MONTH_OR_SO = 32 * 86400
# The last one that every client takes: Python's times end some hours later.
LAST_UPLOAD = 253370764799  # the last second of the year 9998
_MD5 = f'md5={"0B" * 16}'
_SHA256 = f'sha256={"0a" * 32}'


def _sample() -> bytes:
    return (SAMPLES / 'package-list.jsonl').read_bytes()


def _sample_facts() -> bytes:
    return (SAMPLES / 'project-list.jsonl').read_bytes()


def _odd_lines() -> list[Facts]:
    """Every free text in every field, and every fact in each of its forms."""
    texts: list[Facts] = [{
        'filename': f'odd-1.{number}-py3-none-any.whl',
        'hash': _SHA256.upper().replace('SHA', 'sha'),
        'requires_python': text,
        'requires_dist': [text, f'odd ; {text}'],
        'core_metadata': 'true',
        'upload_timestamp': 1 + number / 8,
        'uploaded_by': text,
        'yanked_reason': text,
        'size': number,
        'summary': text,
        'provenance': 'https://example.com/a?b&copy=<"\'>',
    } for number, text in enumerate(ODD_TEXTS)]
    return [
        *texts,
        {'filename': 'odd-2.0+a%b%&amp;<b>"c\'#?d é;=.zip', 'core_metadata': _SHA256},
        {'filename': 'odd-2.1.zip', 'url': 'é & co/%2B+/odd-2.1.zip?a=1&copy=2', 'size': 2**63 - 1},
        {'filename': 'odd-2.2.zip', 'url': 'HTTP://EXAMPLE.com/a b/odd-2.2.zip?"<>', 'size': 0},
        {'filename': 'odd-2.3.zip', 'hash': 'crc32=0a', 'core_metadata': 'crc32=0b'},
        {'filename': 'odd-2.4.zip', 'hash': _MD5, 'upload_timestamp': LAST_UPLOAD},
        {'filename': 'odd-2.5.zip', 'yanked_reason': '', 'upload_timestamp': 0},
        {'filename': 'odd-2.5rc1.zip', 'uploaded_by': None},
        {'filename': 'odd-2.6-py3-none-any-x86_64_v3.whl', 'size': 1},
        {'filename': 'odd-2.6-variants.json', 'size': 2},
        {'filename': 'any.zip', 'version': '<i>"x"', 'name': 'Odd'},
        {'filename': 'odd-1.0_1-py3.9.egg', 'name': '.O_d.D.'},
        {'filename': 'sized-1.0.zip', 'size': 10, 'upload_timestamp': FEBRUARY},
        {'filename': 'sized-1.0.0-py3-none-any.whl', 'size': 11, 'upload_timestamp': FEBRUARY},
        {'filename': 'unversioned.zip'},
    ]


def _odd_facts() -> list[Facts]:
    return [
        {'name': 'ODD', 'status': 'deprecated', 'status_reason': MARKUP, 'summary': MARKUP,
         'home_page': 'https://example.com/<script>?"&copy=\'', 'description': MARKUP,
         'description_content_type': MARKUP, 'license_expression': MARKUP, 'license': MARKUP,
         'license_files': [MARKUP], 'author': MARKUP, 'author_email': MARKUP,
         'maintainer': MARKUP, 'maintainer_email': MARKUP, 'keywords': MARKUP,
         'classifiers': [MARKUP], 'provides_extra': ['x'],
         'project_urls': {MARKUP: 'https://example.com/<script>?"&copy=\''}},
        {'name': 'sized', 'status': 'archived', 'status_reason': LONG, 'summary': RIGHT_TO_LEFT},
        {'name': 'has-no-files', 'status': 'deprecated'},
    ]


def _long_history() -> list[Facts]:
    """A project with several pages of older releases, and files without a version."""
    return [
        {'filename': 'long.zip', 'size': 1}, {'filename': 'long-2013-11-14.zip'},
        *(
            {
                'filename': f'long-{number}.0+x{ending}', 'upload_timestamp': number,
                'requires_dist': ['short', 'missing'],
            } for number in range(200) for ending in ('.zip', '-py3-none-any.whl')
        ),
        {'filename': 'short-1.0.zip'},
    ]


def _crowded_lines() -> list[Facts]:
    """A month of 1,200 uploads, some of one moment, with neighbour months and a distant one."""
    return [
        {
            'filename': f'crowd{number % 70}-1.{number // 70}-py3-none-any.whl',
            'upload_timestamp': FEBRUARY + 60 * (number // 3),
            'size': number, 'hash': _SHA256, 'uploaded_by': 'ana',
        } for number in range(1200)
    ] + [
        {'filename': f'early-{number}.zip', 'upload_timestamp': FEBRUARY - 60 * number}
        for number in range(1, 502)
    ] + [
        {'filename': 'late-1.zip', 'upload_timestamp': FEBRUARY + _A_MONTH_OR_SO},
        {'filename': 'later-1.zip', 'upload_timestamp': FEBRUARY + 12 * _A_MONTH_OR_SO},
        {'filename': 'undated-1.zip'},
    ]


RECIPES = {
    'the sample': Recipe(_sample(), facts=_sample_facts()),
    'the sample with a site URL': Recipe(
        _sample(), facts=_sample_facts(), options=('--site-url', SITE_URL),
    ),
    'the plain sample': Recipe((SAMPLES / 'package-list').read_bytes(), plain=True),
    'files outside the index': Recipe(
        _sample(), packages_url='../../../my files', pool='my files',
        options=('--logo', 'logo.png', '--logo-width', '20'),
    ),
    'files below the simple pages': Recipe(
        b'one-1.0.zip\n', plain=True, packages_url='.', pool='index/simple/one',
    ),
    'files from the root of the server': Recipe(
        _sample(), packages_url='/pool/', pool='pool', options=('--site-url', SITE_URL),
    ),
    'files elsewhere': Recipe(
        _sample(), packages_url='https://example.com/pool', pool=None,
        options=('--site-url', SITE_URL.rstrip('/')),
    ),
    'a crowded month': Recipe(
        json_lines(_crowded_lines()),
        options=('--site-url', SITE_URL, '--no-per-release-json'),
    ),
    'a long history': Recipe(json_lines(_long_history()), options=('--site-url', SITE_URL)),
    'a quarantined project': Recipe(
        _sample(), options=('--site-url', SITE_URL),
        facts=b'{"name": "ocelot", "status": "quarantined", "status_reason": "bites & scratches"}',
    ),
    'odd texts': Recipe(
        json_lines(_odd_lines()), facts=json_lines(_odd_facts()),
        options=('--site-url', SITE_URL, '--title', MARKUP, '--logo', f'{SITE_URL}logo.png'),
    ),
    'no files at all': Recipe(b'', options=('--site-url', SITE_URL, '--allow-shrink')),
}
