"""The regular expressions of nginx and Apache take linear time, whatever a client sends.

Both servers use PCRE, which backtracks: a careless pattern takes quadratic or exponential time.
Caddy's expressions don't backtrack.
"""
from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint32, c_void_p
from ctypes.util import find_library
from itertools import product

import pytest

from tests.conftest import NeedProgram
from tests.support.hosts import V1_JSON
from tests.support.servers import settings

_CASELESS = 0x8
# PCRE2_AUTO_CALLOUT, PCRE2_NO_AUTO_POSSESS and PCRE2_NO_START_OPTIMIZE: count each step, also those
# that PCRE would skip for some lengths, or count as one although they take time for each character.
_COUNTED = 0x4 | 0x4000 | 0x10000
_CALLOUT = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)
# Repetitions of a part of a subject.
SHORT = 16


class Pattern:
    """A regular expression that counts the steps of its matches."""

    def __init__(self, pcre: ctypes.CDLL, expression: str, *, ignore_case: bool) -> None:
        self._pcre = pcre
        for function in (pcre.pcre2_compile_8, pcre.pcre2_match_data_create_from_pattern_8,
                         pcre.pcre2_match_context_create_8):
            function.restype = c_void_p
        encoded, error, offset = expression.encode(), c_int(), c_size_t()
        self._code = c_void_p(pcre.pcre2_compile_8(
            c_char_p(encoded), c_size_t(len(encoded)),
            c_uint32(_COUNTED | (_CASELESS if ignore_case else 0)), byref(error),
            byref(offset), None,
        ))
        assert self._code, (expression, error, offset)
        self._data = c_void_p(pcre.pcre2_match_data_create_from_pattern_8(self._code, None))
        self._context = c_void_p(pcre.pcre2_match_context_create_8(None))
        # PCRE calls it before each step.
        self._callout = _CALLOUT(self._count)
        pcre.pcre2_set_callout_8(self._context, self._callout, None)

    def _count(self, _block: int, _data: int) -> int:
        self._steps += 1
        return 0

    def steps(self, subject: str) -> int:
        """Return the number of steps that a search of `subject` takes."""
        self._steps = 0
        encoded = subject.encode('latin-1')
        found = self._pcre.pcre2_match_8(
            self._code, c_char_p(encoded), c_size_t(len(encoded)), c_size_t(0), c_uint32(0),
            self._data, self._context,
        )
        assert found >= -1, found
        return self._steps

    def close(self) -> None:
        self._pcre.pcre2_match_context_free_8(self._context)
        self._pcre.pcre2_match_data_free_8(self._data)
        self._pcre.pcre2_code_free_8(self._code)


@pytest.fixture(scope='session')
def pcre(need_program: NeedProgram) -> ctypes.CDLL:
    """The library that both servers use."""
    name = find_library('pcre2-8')
    return ctypes.CDLL(name or need_program('libpcre2-8', package='libpcre2-8-0'))


def nginx_patterns() -> Iterator[tuple[str, bool]]:
    """Return each regular expression of the settings, and whether it ignores case."""
    text = settings('nginx/dumb-pypi.conf', {})
    for found in re.finditer(r'(?m)^    (?:"~(\*?)([^"]+)"|~(\*?)(\S+)) ', text):
        yield found[2] or found[4], bool(found[1] or found[3])
    for found in re.finditer(r'(?:location|if \(\$\w+) !?~(\*?) (?:"([^"]+)"|(\S+?))\)? \{', text):
        yield found[2] or found[3], bool(found[1])


def apache_patterns() -> Iterator[tuple[str, bool]]:
    """Return each regular expression of the settings, and whether it ignores case."""
    text = settings('apache/dumb-pypi.conf', {})
    for found in re.finditer(r'(?m)^ *SetEnvIf(NoCase)? \w+ (?:"([^"]+)"|(\S+)) ', text):
        yield found[2] or found[3], bool(found[1])
    directives = 'RedirectMatch 404|RewriteRule|Header edit \\S+'
    for found in re.finditer(rf'(?m)^ *(?:{directives}) (\S+)', text):
        yield found[1], False
    for found in re.finditer(r'(?m)^ *RewriteCond \S+ !?([^-=!" ]\S+)( \[NC\])?$', text):
        yield found[1], bool(found[2])
    for found in re.finditer(r'<FilesMatch "([^"]+)">|m#(.*?)#', text):
        yield found[1] or found[2], False


QUALITIES = list(product(
    (
        ''.join(parts) for parts in product(
            (V1_JSON, 'text/html', 'application/*', '*/*'), ('', ';', ';q=', ';q=0.', ';q=1', ','),
        )
    ),
    (' ', ',', ';', '; ', ';q=', ';q=0', '0', '1', '10', '.', ',a/b;q=1'),
    ('', ' x', ';q=x'),
))
OTHERS = [
    *product(
        ('/', '/simple/', '/project/', '/pypi/', '/static/', '/.', '/a-'),
        ('a', '0', '/', '/a', '.', '-', '_', '.tar', 'simple/', '/pypi', '-_', '%', '&a'),
        ('', '/', 'json', '.html', '\n'),
    ),
    # Two qualities, which nginx compares.
    *product(('0', '0.', '1'), ('0', '1', '.', '01'), (':0', ':0.1', ':')),
]


@pytest.mark.parametrize(('expression', 'ignores_case'), [
    *nginx_patterns(), *apache_patterns(),
], ids=lambda value: str(value)[:60])
def test_patterns_take_linear_time(
        pcre: ctypes.CDLL, expression: str, ignores_case: bool,
) -> None:
    """A subject that is twice as long takes twice as many steps."""
    pattern = Pattern(pcre, expression, ignore_case=ignores_case)
    slow = []
    for before, repeated, after in QUALITIES if r'q\s*=' in expression else OTHERS:
        short, long = (
            pattern.steps(f'{before}{repeated * number}{after}') for number in (SHORT, 2 * SHORT)
        )
        if long > 2.5 * short + 30:
            slow.append((before, repeated, after, short, long))
    pattern.close()
    assert slow == []


def test_quadratic_pattern_is_detected(pcre: ctypes.CDLL) -> None:
    """The steps of two adjacent repetitions grow with the square of the length."""
    pattern = Pattern(pcre, r'^(0[\d.]*)[\d.]+:\1$', ignore_case=False)
    short, long = (pattern.steps(f'0.{"1" * number}:0') for number in (SHORT, 2 * SHORT))
    pattern.close()
    assert long > 3 * short


def test_all_patterns_are_found() -> None:
    """The tests above know the patterns of negotiation, of redirects and of dot files."""
    for patterns, expected in ((list(nginx_patterns()), 25), (list(apache_patterns()), 25)):
        assert len(patterns) >= expected
        assert sum('vnd' in expression for expression, _ in patterns) >= 3
        assert any('well-known' in expression for expression, _ in patterns)
