"""The processes that share the tests give each test the same name."""
from __future__ import annotations

import gzip
import time

import pytest


@pytest.mark.parametrize('content', [gzip.compress(b'', mtime=time.time()), b'text'])
def test_names_have_no_binary_parameters(content: bytes, request: pytest.FixtureRequest) -> None:
    """The name of a test has a text, but no archive, which may contain the time."""
    shown = 'text' if content == b'text' else 'content'
    assert request.node.name == f'test_names_have_no_binary_parameters[{shown}]'
