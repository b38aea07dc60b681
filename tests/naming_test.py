"""Names: of classes, and of tests, which are the same in each of the processes that share them."""
from __future__ import annotations

import gzip
import re
import time
from collections import Counter
from pathlib import Path

import pytest

import dumb_pypi

# Those of a folder implement protocols, which have the same names. The others are parts of formats,
# and no module needs two of one name.
SHARED = {'File', 'Page', 'ProjectList', 'Target', 'Writer'}


def test_classes_have_different_names() -> None:
    """A reader who meets the name of a class or a type knows which one it is."""
    names = Counter(
        name for path in Path(dumb_pypi.__file__).parent.rglob('*.py')
        for name in re.findall(
            r'^(?:class )?([A-Z]\w*[a-z]\w*)(?:\(.*\):|:| = Callable.*)$',
            path.read_text(), re.MULTILINE,
        )
    )
    assert {name for name, number in names.items() if number > 1} == SHARED


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
