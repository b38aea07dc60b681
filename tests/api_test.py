"""The Python API: `build` and `scan` with every kind of path, and docstrings for editors."""
from __future__ import annotations

import contextlib
import datetime
import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dumb_pypi
from dumb_pypi import api, build, scan
from dumb_pypi.commands.build import _parser
from dumb_pypi.errors import OptionError
from tests.support.archives import wheel

NAME = 'foo-1.0-py3-none-any.whl'


class OtherPath:
    """A path that is neither a text nor of `pathlib`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


@pytest.mark.parametrize('kind', (str, Path, OtherPath))
def test_paths_are_strings_or_path_likes(tmp_path: Path, kind: Callable[[Path], Any]) -> None:
    """Every path that `build` and `scan` take may be a string or any path-like object."""
    pool = tmp_path / 'index/pool'
    pool.mkdir(parents=True)
    (pool / NAME).write_bytes(wheel())
    (tmp_path / 'templates').mkdir()
    (tmp_path / 'facts').write_text('{"name": "foo"}\n')
    common: dict[str, Any] = {
        'template_dir': kind(tmp_path / 'templates'), 'changes_file': kind(tmp_path / 'changes'),
        'report': kind(tmp_path / 'report'), 'project_list_json': kind(tmp_path / 'facts'),
    }
    found = scan([kind(pool)], previous=None)
    (tmp_path / 'json').write_bytes(found.lines[0])
    (tmp_path / 'plain').write_text(NAME)
    assert scan(kind(pool), previous=kind(tmp_path / 'json')) == found
    of_folder = build(packages_dir=kind(pool), output_dir=kind(pool.parent), **common)
    of_json = build(
        package_list_json=kind(tmp_path / 'json'), packages_url='../../pool/',
        previous_package_list_json=kind(tmp_path / 'json'),
        output_dir=kind(tmp_path / 'other'), **common,
    )
    of_plain = build(
        package_list=kind(tmp_path / 'plain'), packages_url='../../pool/',
        previous_package_list=kind(tmp_path / 'plain'),
        output_dir=kind(tmp_path / 'third'), **common,
    )
    assert of_folder.files == of_json.files == of_plain.files == 1
    assert json.loads((tmp_path / 'report').read_bytes())['files'] == 1


@pytest.mark.parametrize('function', (build, scan))
def test_docstrings_describe_every_parameter(function: Callable[..., object]) -> None:
    """The docstring has an entry for each parameter, and for what is returned and raised."""
    text = inspect.getdoc(function)
    assert text is not None
    arguments = text.partition('\nArgs:\n')[2].partition('\nReturns:\n')[0]
    described = re.findall(r'^    (\w+): ', arguments, re.MULTILINE)
    assert described == list(inspect.signature(function).parameters)
    assert '\nRaises:\n    OptionError: ' in text


def test_arguments_are_options() -> None:
    """`build` takes what the command takes, except for what only a terminal or Python has."""
    options = {action.dest for action in _parser()._actions}
    arguments = {*inspect.signature(build).parameters}
    assert options - arguments == {'help', 'version', 'quiet', 'verbose'}
    assert arguments - options == {'executor', 'progress'}


def test_arguments_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """`build` forgets none of its arguments."""
    given = {name: object() for name in inspect.signature(build).parameters}

    @contextlib.contextmanager
    def build_session(*positional: object, **named: object) -> Iterator[object]:
        yield dict(zip(('executor', 'progress'), positional, strict=True)) | named

    monkeypatch.setattr(api, 'build_session', build_session)
    arguments: dict[str, Any] = given
    assert build(**arguments) == given  # type: ignore[comparison-overlap]


@pytest.mark.parametrize(('name', 'value', 'message'), (
    ('jobs', '2', "--jobs must be a whole number, not '2'"),
    ('jobs', True, '--jobs must be a whole number, not True'),
    ('title', 5, '--title must be a string, not 5'),
    ('strict', 'no', "--strict must be True or False, not 'no'"),
    ('per_release_json', None, 'per_release_json must be True or False, not None'),
    ('output_dir', b'out', "--output-dir must be a path, not b'out'"),
    ('report', 5, '--report must be a path, not 5'),
    ('generated', '2024-01-01', "generated must be a datetime, not '2024-01-01'"),
    ('generated', datetime.datetime(2024, 1, 2, 3, 4), (  # noqa: DTZ001 - the case
        'generated must have a time zone, as datetime.now(datetime.UTC) has, but '
        '2024-01-02 03:04:00 has none'
    )),
))
def test_wrong_types_in_build(tmp_path: Path, name: str, value: object, message: str) -> None:
    """An argument of another type is an error that names it, not one of the code that uses it."""
    arguments: dict[str, Any] = {
        'package_list': tmp_path / 'list', 'packages_url': 'pool', 'output_dir': tmp_path,
        name: value,
    }
    with pytest.raises(OptionError) as caught:
        build(**arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(('name', 'value', 'message'), (
    ('sources', 5, 'SOURCE must be a list of paths, not 5'),
    ('sources', ['.', 5], 'SOURCE must be a path, not 5'),
    ('prefer', '.', "--prefer must be a list of paths, not '.'"),
    ('allowed', 'foo', "--project must be a list of strings, not 'foo'"),
    ('allowed', [5], '--project must be strings, not 5'),
    ('projects', 'list', "projects must be True or False, not 'list'"),
    ('jobs', 2.0, '--jobs must be a whole number, not 2.0'),
    ('uploaded_by', 5, '--uploaded-by must be a string, not 5'),
    ('previous', 5, '--previous must be a path, not 5'),
    ('cache', True, '--cache must be a path, not True'),
))
def test_wrong_types_in_scan(tmp_path: Path, name: str, value: object, message: str) -> None:
    """An argument of another type is an error that names it, not one of the code that uses it."""
    arguments: dict[str, Any] = {'sources': tmp_path, name: value}
    with pytest.raises(OptionError) as caught:
        scan(**arguments)
    assert str(caught.value) == message


def test_package_has_its_functions() -> None:
    """The package itself has the functions, and their modules are not in their place."""
    assert dumb_pypi.build is build
    assert dumb_pypi.scan is scan
    with pytest.raises(AttributeError, match=r"^module 'dumb_pypi' has no attribute 'nonsense'$"):
        getattr(dumb_pypi, 'non' + 'sense')
