"""Names of tests: short, and the same in each of the processes that share the tests."""
from __future__ import annotations

import gzip
import re
import time
from pathlib import Path

import pytest


def test_names_have_six_words() -> None:
    """A name has at most six words, and the docstring says the rest."""
    names = {
        name for path in Path(__file__).parent.rglob('*_test.py')
        for name in re.findall(r'^ *def test_(\w+)', path.read_text(), re.MULTILINE)
    }
    assert {name for name in names if name.count('_') >= 6} == set()


@pytest.mark.parametrize('content', [gzip.compress(b'', mtime=time.time()), b'text'])
def test_names_have_no_binary_parameters(content: bytes, request: pytest.FixtureRequest) -> None:
    """The name of a test has a text, but no archive, which may contain the time."""
    shown = 'text' if content == b'text' else 'content'
    assert request.node.name == f'test_names_have_no_binary_parameters[{shown}]'
