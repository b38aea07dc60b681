"""The dependencies of a release, in the form that the project's page prints."""
from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dumb_pypi.model.filenames import canonicalize_name
from dumb_pypi.model.project import EXTRA, extras_in_marker

# The name of a requirement, its extras, and its versions or URL.
_REQUIREMENT = re.compile(
    r'([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*(.*)', re.DOTALL,
)
# A URL may contain semicolons, so the marker after one begins with a space.
_SEMICOLON = re.compile(r'\s*;\s*')
_SEMICOLON_AFTER_URL = re.compile(r'\s+;\s*')
_EXTRAS = rf'(?:{EXTRA.pattern})(?:\s+or\s+(?:{EXTRA.pattern}))*'
# A marker of which each alternative needs an extra, with or without other conditions.
_ONLY_EXTRAS = re.compile(rf'\(?\s*{_EXTRAS}\s*\)?')
_ENDS_WITH_EXTRAS = re.compile(rf'\s+and\s+(?:{_EXTRAS}|\(\s*{_EXTRAS}\s*\))$')
_BEGINS_WITH_EXTRAS = re.compile(rf'(?:{_EXTRAS}|\(\s*{_EXTRAS}\s*\))\s+and\s+')
_COMPARISON = re.compile(r'''(\w+)\s*(<=|>=|==|!=|<|>)\s*['"]([^'"]*)['"]''')
_SYSTEMS = {
    'win32': 'Windows', 'windows': 'Windows', 'nt': 'Windows', 'darwin': 'macOS',
    'linux': 'Linux', 'cpython': 'CPython', 'pypy': 'PyPy',
}
_PYTHONS = {
    '<': 'Python below {}', '<=': 'Python {} or older', '>=': 'Python {} or newer',
    '==': 'Python {}', '!=': 'not Python {}', '>': 'Python above {}',
}


class DependencyView(NamedTuple):
    """A requirement: the name with its extras, the URL of a search for it, and the rest.

    A requirement that has no name is all in `versions`. `condition` describes the marker, without
    the extra that its group is about.
    """
    name: str | None
    url: str | None
    versions: str
    condition: str | None


class ExtraView(NamedTuple):
    """An extra, and the requirements that it adds."""
    name: str
    dependencies: Sequence[DependencyView]


def dependency_views(
        requires_dist: Iterable[str], root: str,
) -> tuple[Sequence[DependencyView], Sequence[ExtraView]]:
    """Return the requirements that are always needed, and those of each extra.

    `root` is the relative URL of the home page.
    """
    required: list[DependencyView] = []
    # The spelling and the requirements of each extra, by its normalized name.
    extras: dict[str, tuple[str, list[DependencyView]]] = {}
    for text in requires_dist:
        name, query, versions, condition, named = _parse(text)
        view = DependencyView(
            name, None if query is None else f'{root}projects/?name={query}', versions, condition,
        )
        if not named:
            required.append(view)
        for extra in named:
            extras.setdefault(canonicalize_name(extra), (extra, []))[1].append(view)
    return required, [ExtraView(name, views) for name, views in extras.values()]


# The releases of a project, and projects of one kind, require the same again and again.
@functools.lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[str | None, str | None, str, str | None, tuple[str, ...]]:
    """Return a requirement's name, the query for it, its versions, its condition and extras.

    The query is the name without its extras: a URL need not encode any of its characters.

    >>> _parse("Foo[a]>=1; python_version < '3.9' and extra == 'x'")
    ('Foo[a]', 'Foo', '>=1', 'Python below 3.9', ('x',))
    """
    found = _REQUIREMENT.match(text)
    if found is None:
        return None, None, text, None, ()
    name, extras, rest = found.groups()
    semicolon = _SEMICOLON_AFTER_URL if rest.startswith('@') else _SEMICOLON
    versions, *markers = semicolon.split(rest, maxsplit=1)
    if versions.startswith('(') and versions.endswith(')'):
        versions = versions[1:-1]
    condition, named = _split_marker(markers[0]) if markers else (None, ())
    return name + (extras or ''), name, versions.strip(), condition, named


def _split_marker(marker: str) -> tuple[str | None, tuple[str, ...]]:
    """Return a marker in words without its extras, None if nothing is left, and the extras."""
    marker = marker.strip()
    named = extras_in_marker(marker)
    if not named:
        return _in_words(marker) if marker else None, ()
    if _ONLY_EXTRAS.fullmatch(marker):
        return None, named
    rest = _BEGINS_WITH_EXTRAS.sub('', _ENDS_WITH_EXTRAS.sub('', marker), count=1)
    # What is left of `a or b and extra == "x"` would mean something else.
    if 'extra' in rest or ' or ' in rest:
        rest = marker
    return _in_words(rest), named


def _in_words(marker: str) -> str:
    """Return a marker with its most common comparisons in words.

    >>> _in_words('(sys_platform == "win32")'), _in_words('os_name != "java"')
    ('Windows', 'os_name != "java"')
    """
    if marker.startswith('(') and marker.find(')') == len(marker) - 1:
        marker = marker[1:-1]
    return _COMPARISON.sub(_comparison_in_words, marker)


def _comparison_in_words(found: re.Match[str]) -> str:
    variable, operator, value = found.groups()
    if variable in ('python_version', 'python_full_version'):
        return _PYTHONS[operator].format(value)
    known = _SYSTEMS.get(value.lower())
    if known is None or operator not in ('==', '!='):
        return found[0]
    return known if operator == '==' else f'not {known}'
