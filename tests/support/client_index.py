"""The files of the index that the clients install from, and assertions on what they install."""
from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from testing.distributions import Facts
from tests.support.programs import installed, Outcome
from tests.support.servers import Server

JSON = 'application/vnd.pypi.simple.v1+json'
PREFIX = 'some/prefix/'
ELSEWHERE = 'files-elsewhere/'
# Where a second index is, with one project, `lodger`.
SECOND = 'second/'
WRONG_SHA256 = '0' * 64

JANUARY = 1704103200  # 2024-01-01T10:00:00Z
MARCH = '2024-03-01T00:00:00Z'
JULY = 1719828000.25  # a fraction of a second, which both clients must be able to parse

# The files of the index, with the keys of their lines that `make` doesn't add.
FILES: dict[str, Facts] = {
    'plain-1.0-py3-none-any.whl': {},
    'plain-2.0-py3-none-any.whl': {},
    'source-1.0.zip': {},
    'source-1.1.tar.gz': {},
    'both-1.0-py3-none-any.whl': {},
    'both-1.0.tar.gz': {},
    # Names that are not normalized, as older tools wrote them.
    'aspy.yaml-1.0-py3-none-any.whl': {},
    'Mixed_Case.Name-1.0.tar.gz': {},
    # `!` and `+` are percent-encoded in the URL.
    'epoch-3.0-py3-none-any.whl': {},
    'epoch-1!2.0-py3-none-any.whl': {},
    'variant-1.0-py3-none-any.whl': {},
    'variant-1.0+local-py3-none-any.whl': {},
    'variant-1.0+local.2.tar.gz': {},
    # `<`, `>` and `&` have to be escaped in HTML, exactly once.
    'choosy-1.0-py3-none-any.whl': {'requires_python': '>=3.8, <99, !=3.9.0'},
    'choosy-2.0-py3-none-any.whl': {'requires_python': '>=99'},
    'recalled-1.0-py3-none-any.whl': {},
    'recalled-1.1-py3-none-any.whl': {'yanked_reason': 'sees <dogs> as "cats" & mice'},
    'recalled-1.2-py3-none-any.whl': {'yanked_reason': ''},
    'early-1.0-py3-none-any.whl': {},
    'early-2.0rc1-py3-none-any.whl': {},
    'earlier-1.0a1-py3-none-any.whl': {},
    'earlier-1.0b1-py3-none-any.whl': {},
    # Formats that installers no longer support, and a wheel.
    'museum-1.0-py3-none-any.whl': {},
    'museum-1.1.win32-py2.7.exe': {},
    'museum-1.2-py2.7.egg': {},
    'museum-1.3.linux-x86_64.tar.gz': {},
    'museum-1.4-1.noarch.rpm': {},
    'museum-long-ago.tar.gz': {},
    'museum.zip': {},
    'app-1.0-py3-none-any.whl': {
        'core_metadata': 'true', 'requires_dist': [
            'engine >=2, <3', 'Odd.Fuel', 'nowhere-to-be-found ; python_version < "3"',
        ],
    },
    'engine-1.0-py3-none-any.whl': {'core_metadata': 'true'},
    'engine-2.5-py3-none-any.whl': {'core_metadata': 'true', 'requires_dist': ['odd_fuel>=1']},
    'engine-3.0-py3-none-any.whl': {'core_metadata': 'true'},
    'odd_fuel-1.0-py3-none-any.whl': {'core_metadata': 'true'},
    'misdescribed-1.0-py3-none-any.whl': {'core_metadata': 'true'},
    'damaged-1.0-py3-none-any.whl': {},
    'unchecked-1.0-py3-none-any.whl': {},
    'by-md5-1.0.tar.gz': {},
    'by-sha1-1.0.tar.gz': {},
    'by-sha512-1.0.tar.gz': {},
    'dated-1.0-py3-none-any.whl': {'upload_timestamp': JANUARY},
    'dated-2.0-py3-none-any.whl': {'upload_timestamp': JULY},
    'archived-1.0-py3-none-any.whl': {},
    'deprecated-1.0-py3-none-any.whl': {},
    'quarantined-1.0-py3-none-any.whl': {},
    'nested-1.0-py3-none-any.whl': {'url': 'team a/1.0/nested-1.0-py3-none-any.whl'},
    'remote-1.0+far-py3-none-any.whl': {'url': '{elsewhere}remote-1.0+far-py3-none-any.whl'},
}

# Keys that replace what `make` adds.
RESTATED: dict[str, Facts] = {
    # There is a metadata file, of unknown hash.
    'odd_fuel-1.0-py3-none-any.whl': {'core_metadata': 'true'},
    'misdescribed-1.0-py3-none-any.whl': {'core_metadata': f'sha256={WRONG_SHA256}'},
    'damaged-1.0-py3-none-any.whl': {'hash': f'sha256={WRONG_SHA256}'},
    # As in a plain list, which has only the name.
    'unchecked-1.0-py3-none-any.whl': {'hash': None, 'size': None},
}

PROJECTS: tuple[Facts, ...] = (
    {'name': 'plain', 'status': 'active'},
    {'name': 'archived', 'status': 'archived', 'status_reason': 'finished & <done>'},
    {'name': 'deprecated', 'status': 'deprecated'},
    {'name': 'quarantined', 'status': 'quarantined', 'status_reason': 'has a "virus"'},
)


class Index(NamedTuple):
    """A built tree, and its packages in `pool`, which the server `elsewhere` serves, too."""
    root: Path
    pool: Path
    elsewhere: Server


def simple_url(server: Server) -> str:
    return f'{server.url}simple/'


def assert_installed(outcome: Outcome, target: Path, expected: dict[str, str] | None) -> None:
    """Assert that a command installed these versions of projects; None: that it refused to."""
    if expected is None:
        assert outcome.status != 0, outcome.output
        assert 'Traceback' not in outcome.output
        assert not target.exists() or installed(target) == {}
    else:
        assert outcome.status == 0, outcome.output
        assert installed(target) == expected


def assert_refused(outcome: Outcome, target: Path) -> None:
    assert_installed(outcome, target, None)
