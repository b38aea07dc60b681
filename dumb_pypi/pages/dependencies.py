"""The dependencies of a release, in the form that the project's page prints."""
from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dumb_pypi.model.filenames import canonicalize_name
from dumb_pypi.model.project import EXTRA, extras_in_marker
from dumb_pypi.pages.escaping import escaped

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


class DependencyViews(list[DependencyView]):
    """Requirements, and their HTML, which is made if a template prints this object.

    A macro takes five times as long, and most projects have requirements.
    """

    def __html__(self) -> str:
        return f'<ul class="deps">\n{"".join(map(_row_html, self))}</ul>\n'


class ExtraView(NamedTuple):
    """An extra, and the requirements that it adds."""
    name: str
    dependencies: DependencyViews


def dependency_views(
        requires_dist: Iterable[str], root: str,
) -> tuple[DependencyViews, Sequence[ExtraView]]:
    """Return the requirements that are always needed, and those of each extra.

    `root` is the relative URL of the home page.
    """
    required = DependencyViews()
    # The spelling and the requirements of each extra, by its normalized name.
    extras: dict[str, ExtraView] = {}
    for text in requires_dist:
        view, named = _parse(text, root)
        if not named:
            required.append(view)
        for extra in named:
            extras.setdefault(
                canonicalize_name(extra), ExtraView(extra, DependencyViews()),
            ).dependencies.append(view)
    return required, list(extras.values())


def _row_html(view: DependencyView) -> str:
    name, url, versions, condition = view
    # Names and their URLs have nothing to escape but what is in the brackets of the extras.
    link = '' if name is None else f'<a href="{url}">{escaped(name)}</a>'
    if versions:
        link += f'<code>{escaped(versions)}</code>'
    if condition:
        link += f'<span class="dim">{escaped(condition)}</span>'
    return f'<li>{link}</li>\n'


# The releases of a project, and projects of one kind, require the same again and again.
@functools.lru_cache(maxsize=4096)
def _parse(text: str, root: str) -> tuple[DependencyView, tuple[str, ...]]:
    """Return a requirement, and the extras that its marker names.

    >>> view, extras = _parse("Foo[a]>=1; python_version < '3.9' and extra == 'x'", './')
    >>> tuple(view), extras
    (('Foo[a]', './projects/?name=Foo', '>=1', 'Python below 3.9'), ('x',))
    """
    found = _REQUIREMENT.match(text)
    if found is None:
        return DependencyView(None, None, text, None), ()
    name, extras, rest = found.groups()
    semicolon = _SEMICOLON_AFTER_URL if rest.startswith('@') else _SEMICOLON
    versions, *markers = semicolon.split(rest, maxsplit=1)
    if versions.startswith('(') and versions.endswith(')'):
        versions = versions[1:-1]
    condition, named = _split_marker(markers[0]) if markers else (None, ())
    # The name is without its extras in the URL, which need not encode any of its characters.
    return DependencyView(
        name + (extras or ''), f'{root}projects/?name={name}', versions.strip(), condition,
    ), named


# Far fewer markers than requirements are different.
@functools.lru_cache(maxsize=1024)
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
