"""Servers that a scan asks, and an environment without the user's own settings for them."""
from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import cast

import pytest

from dumb_pypi.scanner import web
from tests.support.bucket import run_s3
from tests.support.scripted import FakeGitHub, run_site, Site
from tests.support.servers import Server
from tests.support.watched_bucket import watched, WatchedBucket

NUMBERS = count()


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide proxies, tokens and passwords of the user's, and repeat failed requests at once."""
    for variable in ('GH_TOKEN', 'GITHUB_TOKEN', 'GITHUB_API_URL'):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv('NO_PROXY', '*')
    monkeypatch.setenv('NETRC', str(tmp_path / 'netrc'))
    monkeypatch.setattr(web, 'WAITS', (0, 0, 0))


@pytest.fixture
def site(no_settings: None) -> Iterator[Site]:  # noqa: ARG001 - it is needed, not used
    with run_site() as site:
        yield site


@pytest.fixture
def github(no_settings: None) -> Iterator[FakeGitHub]:  # noqa: ARG001 - it is needed, not used
    with run_site(FakeGitHub) as site:
        yield cast(FakeGitHub, site)


@pytest.fixture(scope='module')
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_s3(tmp_path_factory.mktemp('s3')) as server:
        yield server


@pytest.fixture
def bucket(s3: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchedBucket]:
    bucket = WatchedBucket(s3, f'packages{next(NUMBERS)}')
    with watched(bucket) as url:
        for name in ('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT', 'AWS_PROFILE'):
            monkeypatch.delenv(name, raising=False)
        for name, value in {
                'AWS_ENDPOINT_URL': url, 'AWS_ACCESS_KEY_ID': 'test', 'AWS_REGION': 'us-east-1',
                'AWS_SECRET_ACCESS_KEY': 'test', 'NO_PROXY': '*',
        }.items():
            monkeypatch.setenv(name, value)
        yield bucket
