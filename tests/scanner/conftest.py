"""Servers that a scan asks, and an environment without the user's own settings for them."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from dumb_pypi.scanner import web
from tests.support.scripted import FakeGitHub, run_site, Site


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
