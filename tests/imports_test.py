from __future__ import annotations

import ast
from pathlib import Path

import pytest

import dumb_pypi

PACKAGE = Path(dumb_pypi.__file__).parent

# A module imports only those below it.
ORDER = (
    '__main__', 'main', 'scan', 'console', 'pool', 'reading', 'archives', 'tarballs',
    'core_metadata', 'earlier', 'folder', 'beside',
    'build', 'rebuild', 'update', 'groups', 'work', 'site', 'search', 'web', 'installing', 'views',
    'wheel_tags', 'simple_api', 'json_api', 'templates',
    'state', 'intake', 'merge', 'fresh', 'summary', 'catalog', 'changelog', 'package_list',
    'project', 'distfile', 'digest', 'filenames', 'endings', 'line', 'jsonlines', 'plan', 'request',
    'stamp', 'blocks', 'options', 'text', 'source', 'scratch', 'workers', 'machine', 'writer',
    'changes', 'files', 'lock', 'paths', 'times', 'urls',
    'errors', '__init__',
)


def imported_modules(module: str) -> set[str]:
    tree = ast.parse((PACKAGE / f'{module}.py').read_bytes())
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(
                alias.name.removeprefix('dumb_pypi').removeprefix('.') or '__init__'
                for alias in node.names if alias.name.startswith('dumb_pypi')
            )
        if isinstance(node, ast.ImportFrom) and (node.module or '').startswith('dumb_pypi'):
            below = str(node.module).partition('.')[2]
            names = [alias.name for alias in node.names]
            found.update([below] if below else [n if n in ORDER else '__init__' for n in names])
    return found


def test_every_module_has_its_place() -> None:
    assert sorted(ORDER) == sorted(path.stem for path in PACKAGE.glob('*.py'))


@pytest.mark.parametrize('module', ORDER)
def test_a_module_imports_only_those_below_it(module: str) -> None:
    below = set(ORDER[ORDER.index(module) + 1:])
    assert imported_modules(module) <= below


@pytest.mark.parametrize('module', [name for name in ORDER if not name.startswith('__')])
def test_a_module_says_its_duty_in_a_sentence(module: str) -> None:
    docstring = ast.get_docstring(ast.parse((PACKAGE / f'{module}.py').read_bytes()))
    assert docstring is not None
    assert docstring.partition('\n\n')[0].endswith('.')
