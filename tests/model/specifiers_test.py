"""Which version specifiers clients understand."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dumb_pypi.model.specifiers import is_specifier

PARTS = ('<', '>', '=', '==', '!=', '~=', '<=', ',', ' ', '3', '.', '.*', '10', '4.0a1', 'x')


@given(st.lists(st.sampled_from(PARTS), max_size=9).map(''.join))
def test_specifiers_are_those_of_packaging(text: str) -> None:
    """The rule for common specifiers accepts nothing that the library refuses."""
    try:
        SpecifierSet(text)
        expected = True
    except InvalidSpecifier:
        expected = False
    assert is_specifier(text) == expected


@pytest.mark.parametrize(('text', 'expected'), [
    ('>=3.9', True), ('>=2.7, !=3.0.*, <4', True), ('~=3.9', True), ('>= 3.6,', True),
    ('===foo', True), ('', True),
    ('~=3', False), ('>=3.6.*', False), ('3', False), ('>=\u0663', False), ('garbage', False),
])
def test_specifiers(text: str, expected: bool) -> None:
    """Wildcards are valid in equalities only, and compatible releases have two numbers."""
    assert is_specifier(text) == expected
