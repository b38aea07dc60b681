from __future__ import annotations

import json

import pytest

from dumb_pypi.model.filenames import canonicalize_name
from dumb_pypi.model.project import assemble
from dumb_pypi.model.project_facts import ProjectFacts
from dumb_pypi.pages import install_commands
from dumb_pypi.pages.dependencies import dependency_views
from tests.support.lists import file_of
from tests.support.project_pages import page_of, texts

Shown = tuple[str | None, str, str | None]


def shown(*requires_dist: str) -> dict[str | None, list[Shown]]:
    """Return the name, versions and condition of requirements by extra."""
    required, extras = dependency_views(requires_dist, '../../')
    return {
        name: [(view.name, view.versions, view.condition) for view in views]
        for name, views in [(None, required), *extras]
    }


@pytest.mark.parametrize(('requirement', 'parts'), (
    ('foo', ('foo', '', None)),
    ('foo;', ('foo', '', None)),
    ('foo (>=1.0)', ('foo', '>=1.0', None)),
    ('Foo.Bar_baz >=1,<2', ('Foo.Bar_baz', '>=1,<2', None)),
    ('foo[a, b]>=1', ('foo[a, b]', '>=1', None)),
    ('foo @ https://example.com/extra==1;a', ('foo', '@ https://example.com/extra==1;a', None)),
    ('foo @ https://example.com/ ; os_name == "nt"',
     ('foo', '@ https://example.com/', 'Windows')),
    ('foo; python_version < "3.11"', ('foo', '', 'Python below 3.11')),
    ("foo; python_full_version>='3.11.1'", ('foo', '', 'Python 3.11.1 or newer')),
    ('foo; sys_platform != "win32" and implementation_name == "cpython"',
     ('foo', '', 'not Windows and CPython')),
    ('foo; sys_platform > "linux"', ('foo', '', 'sys_platform > "linux"')),
    ('foo; platform_machine == "arm64"', ('foo', '', 'platform_machine == "arm64"')),
    ("foo; 'extra' == os_name", ('foo', '', "'extra' == os_name")),
    # Installers need it if the extra is not asked for.
    ('foo; extra != "x"', ('foo', '', 'extra != "x"')),
    ('foo; extra == "<b>"', ('foo', '', 'extra == "<b>"')),
    ('(nothing)', (None, '(nothing)', None)),
    ('', (None, '', None)),
))
def test_requirement_is_divided(requirement: str, parts: Shown) -> None:
    """A requirement has a name, versions, and a condition in words."""
    assert shown(requirement) == {None: [parts]}


@pytest.mark.parametrize(('marker', 'condition', 'extras'), (
    ('extra == "x"', None, ['x']),
    ("(os_name == 'nt') and extra=='x'", 'Windows', ['x']),
    ('"x" == extra', None, ['x']),
    ('extra == "x" and python_version < "3"', 'Python below 3', ['x']),
    ('extra == "x" or extra == "y"', None, ['x', 'y']),
    ('(extra == "x" or extra == "y")', None, ['x', 'y']),
    ('python_version < "3" and (extra == "x" or extra == "y")', 'Python below 3', ['x', 'y']),
    # What is left without the extra would mean something else.
    ('os_name == "a" or os_name == "b" and extra == "x"',
     'os_name == "a" or os_name == "b" and extra == "x"', ['x']),
))
def test_requirements_by_extra(marker: str, condition: str | None, extras: list[str]) -> None:
    """A requirement of an extra is in its group, with the rest of its marker."""
    found = shown('bar', f'foo>1; {marker}')
    assert found.pop(None) == [('bar', '', None)]
    assert found == {extra: [('foo', '>1', condition)] for extra in extras}


def test_spellings_of_an_extra_are_one() -> None:
    """Extras whose names normalize to the same string are one group."""
    requirements = ['foo; extra == "A_b"', 'bar; extra == "a-B"']
    assert [*shown(*requirements)] == [None, 'A_b']
    assert offered(None, requirements) == ['a-B']
    assert offered(['a.b', 'c'], requirements) == ['a.b', 'c']


def offered(provides_extra: list[str] | None, requires_dist: list[str]) -> list[str]:
    """Return the extras that the install command of a project offers."""
    name = canonicalize_name('foo')
    line = json.dumps({'filename': 'foo-1.0.zip', 'requires_dist': requires_dist})
    install = install_commands.for_project(assemble(
        name, [file_of(line.encode())], ProjectFacts(name, provides_extra=provides_extra),
    ))
    assert install is not None
    return [view.extra for view in install.extras]


@pytest.mark.parametrize(('requirement', 'link'), (
    ('foo', '../../projects/?name=foo'),
    ('Foo.Bar_baz>=1 ; extra == "x"', '../../projects/?name=Foo.Bar_baz'),
    ('foo[a,b]>=1', '../../projects/?name=foo'),
    ('a', '../../projects/?name=a'),
    ('(nothing)', None),
    ('', None),
))
def test_dependency_links_to_search(requirement: str, link: str | None) -> None:
    """The dependency may not be in the index, and the page depends on no other project."""
    page = page_of({'filename': 'foo-1.0.zip', 'requires_dist': [requirement]})
    assert [found.url for found in page.links() if '?name=' in found.url] == (
        [] if link is None else [link]
    )


def test_page_groups_by_extra() -> None:
    """Each extra has a heading, with the requirement that asks for it."""
    page = page_of({'filename': 'foo-1.0.zip', 'requires_dist': [
        'bar>=1', 'baz; extra == "x"', 'qux; sys_platform == "darwin"',
    ]})
    assert texts(page, 'h2') == ['Install', 'About this project', 'Releases', 'Dependencies']
    assert texts(page, 'h3') == ['x extra foo[x]']
    assert texts(page, 'li')[-3:] == ['bar>=1', 'quxmacOS', 'baz']
    only_extra = page_of({'filename': 'foo-1.0.zip', 'requires_dist': ['baz; extra == "x"']})
    assert texts(only_extra, 'li')[-1:] == ['baz']
