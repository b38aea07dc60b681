"""The layers: a package imports only those below it."""
from __future__ import annotations

import ast
from pathlib import Path

import pytest

import dumb_pypi

PACKAGE = Path(dumb_pypi.__file__).parent
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob('*.py'))

# What the modules of a layer import, besides each other.
BELOW = {
    '__init__': {'api', 'scanner'},
    '__main__': {'main'},
    'main': {'commands', 'errors', 'process'},
    'commands': {
        'api', 'builder', 'scanner', 'server', 'store', 'options', 'model', 'errors', '__init__',
    },
    'api': {'builder', 'scanner', 'store', 'options', 'model', 'errors', 'process', '__init__'},
    'builder': {'store', 'pages', 'options', 'model', 'errors', 'process', '__init__'},
    'scanner': {'store', 'model', 'errors', 'process', '__init__'},
    'server': {'store', 'model', 'errors', '__init__'},
    'pages': {'options', 'model', 'errors', '__init__'},
    'store': {'errors'},
    'options': {'model', 'errors'},
    'model': {'errors'},
    'errors': set(),
    'process': set(),
}


def layer(module: str) -> str:
    """`dumb_pypi.pages.simple`, or a path below the package → `pages`."""
    first = module.removesuffix('.py').replace('/', '.').removeprefix('dumb_pypi').lstrip('.')
    return first.split('.')[0] or '__init__'


def imported_layers(path: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse((PACKAGE / path).read_bytes())):
        if isinstance(node, ast.Import):
            found.update(layer(name.name) for name in node.names if 'dumb_pypi' in name.name)
        elif isinstance(node, ast.ImportFrom) and node.module == 'dumb_pypi':
            found.update(
                name.name if name.name in BELOW else '__init__' for name in node.names
            )
        elif isinstance(node, ast.ImportFrom) and (node.module or '').startswith('dumb_pypi.'):
            found.add(layer(node.module or ''))
    return found


@pytest.mark.parametrize('path', MODULES)
def test_imports_go_down_the_layers(path: str) -> None:
    own = layer(path)
    assert imported_layers(path) <= BELOW[own] | {own}


@pytest.mark.parametrize('path', [path for path in MODULES if not path.endswith('__main__.py')])
def test_module_docstring_is_a_sentence(path: str) -> None:
    docstring = ast.get_docstring(ast.parse((PACKAGE / path).read_bytes()))
    assert docstring is not None
    assert docstring.partition('\n\n')[0].endswith('.')
