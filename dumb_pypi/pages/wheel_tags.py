"""Descriptions of wheels by their tags: the Python, the system and the processor."""
from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

from dumb_pypi.model.filenames import split_wheel

_PYTHON = re.compile(r'(py|cp|pp|ip|jy|graalpy)(\d)(?:_?(\d+))?(t?)')
_PYTHONS = {
    'py': 'Python', 'cp': 'CPython', 'pp': 'PyPy', 'ip': 'IronPython', 'jy': 'Jython',
    'graalpy': 'GraalPy',
}
# Platform tags and their descriptions. The groups are version numbers, then the processor.
_SYSTEMS = tuple((re.compile(pattern), words) for pattern, words in (
    (r'manylinux1_(\w+)', 'Linux, glibc 2.5+'),
    (r'manylinux2010_(\w+)', 'Linux, glibc 2.12+'),
    (r'manylinux2014_(\w+)', 'Linux, glibc 2.17+'),
    (r'manylinux_(\d+)_(\d+)_(\w+)', 'Linux, glibc {}.{}+'),
    (r'musllinux_(\d+)_(\d+)_(\w+)', 'Linux, musl {}.{}+'),
    (r'linux_(\w+)', 'Linux'),
    (r'macosx_(\d+)_(\d+)_(\w+)', 'macOS {}.{}+'),
    (r'ios_(\d+)_(\d+)_(\w+?)_(?:iphone\w+)', 'iOS {}.{}+'),
    (r'android_(\d+)_(\w+)', 'Android, API {}+'),
    (r'(?:pyodide|emscripten)_\w+_(wasm32)', 'browsers'),
    (r'win_(\w+)', 'Windows'),
    (r'win(32)', 'Windows'),
))
_STABLE = frozenset(('abi3', 'abi3t'))
# Builds with narrow Unicode; those with wide Unicode end in `mu`. Since 3.3 there is one kind.
_NARROW = frozenset(('cp26m', 'cp27m'))
_PROCESSORS = {
    '32': 'x86', 'amd64': 'x86-64', 'arm64': 'ARM64', 'aarch64': 'ARM64', 'armv7l': 'ARMv7',
    'armv6l': 'ARMv6', 'i386': 'x86', 'i686': 'x86', 'intel': 'Intel', 'ppc64le': 'POWER',
    'universal2': 'Intel and ARM64', 'x86_64': 'x86-64', 'wasm32': 'WebAssembly',
}
# Kinds of systems, in the order in which a page lists them.
_FAMILIES = (
    'any system', 'Linux, glibc', 'Linux, musl', 'Linux', 'macOS', 'Windows', 'iOS', 'Android',
    'browsers',
)
_OTHERS = 'other systems'
_DIGITS = re.compile('[0-9]+')
# The lowest version of a system that a wheel runs on.
_LOWEST = re.compile(r'[0-9.]+\+')


class Grid(NamedTuple):
    """Wheels in a table: a column for each Python, a row for each system.

    A cell has the indexes of its wheels: mostly one or none.
    """
    pythons: Sequence[str]
    systems: Sequence[tuple[str, Sequence[Sequence[int]]]]


def describe(filename: str) -> str:
    """Describe what the wheel of that name runs on.

    >>> describe('foo-1.0-py2.py3-none-any.whl')
    'Python 2, 3; any system'
    >>> describe('foo-1.0-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl')
    'CPython 3.9+; Linux, glibc 2.17+, x86-64'
    """
    stem = filename[:-len('.whl')]
    parts = stem.split('-')
    if len(parts) == 5:
        # Nearly all wheels have neither a build number nor a variant label.
        return _describe(*parts[2:])
    wheel = split_wheel(stem)
    if wheel is None:
        return 'Wheel'
    described = _describe(wheel.python, wheel.abi, wheel.platform)
    return described if wheel.variant is None else f'{described}; variant {wheel.variant}'


def grid(filenames: Sequence[str]) -> Grid:
    """Return a table of the wheels of these names."""
    cells: dict[str, dict[str, list[int]]] = {}
    pythons: set[str] = set()
    for index, filename in enumerate(filenames):
        wheel = split_wheel(filename[:-len('.whl')])
        python, _, system = ('', '', filename) if wheel is None else (
            _describe(wheel.python, wheel.abi, wheel.platform).partition('; ')
        )
        if wheel is not None and wheel.variant is not None:
            system = f'{system}, {wheel.variant}'
        python = python.removeprefix('CPython ').replace(' free-threaded', 't')
        pythons.add(python)
        cells.setdefault(system, {}).setdefault(python, []).append(index)
    columns = sorted(pythons, key=_python_key)
    return Grid(columns, [
        (system, [cells[system].get(python, ()) for python in columns])
        for system in sorted(cells, key=_system_key)
    ])


def family(system: str) -> str:
    """Return the kind of system that a description of a wheel is about.

    >>> family('Linux, musl 1.2+, x86-64'), family('Windows, x86')
    ('Linux, musl', 'Windows')
    """
    return next((name for name in _FAMILIES if system.startswith(name)), _OTHERS)


def family_key(name: str) -> int:
    """Return the place of a kind of system among the others."""
    return (*_FAMILIES, _OTHERS).index(name)


def _python_key(python: str) -> tuple[bool, bool, list[int], str]:
    """Sort CPython first, and free-threaded builds after the others."""
    return not python[:1].isdigit(), python.endswith('t'), _numbers(python), python


def _system_key(system: str) -> tuple[int, bool, bool, str, list[int]]:
    """Sort the most common processors of a kind of system first."""
    processor = system.rpartition(', ')[2]
    return (
        family_key(family(system)),
        processor != 'x86-64', processor != 'ARM64', processor, _numbers(system),
    )


# Most wheels of a project have one of a few combinations of tags.
@functools.lru_cache(maxsize=4096)
def _describe(pythons: str, abi: str, platforms: str) -> str:
    """Return the Python and the system that the tags of a wheel stand for, with a semicolon."""
    # Of the versions of a system, the lowest says enough.
    systems: dict[str, str] = {}
    for tag in platforms.split('.'):
        system = _system(tag)
        kind = _LOWEST.sub('+', system)
        systems[kind] = min(system, systems.get(kind, system), key=_numbers)
    python = _pythons(pythons.split('.'), set(abi.split('.')))
    return f'{python}; {" or ".join(systems.values())}'


def _numbers(text: str) -> list[int]:
    return [int(number) for number in _DIGITS.findall(text)]


def _pythons(tags: list[str], abis: set[str]) -> str:
    versions: dict[str, list[str]] = {}
    for tag in tags:
        found = _PYTHON.fullmatch(tag)
        if found is None:
            versions.setdefault(tag, [])
            continue
        name, major, minor, threads = found.groups()
        version = major if minor is None else f'{major}.{minor}'
        # Newer minor versions run wheels of the stable ABI and of pure Python too. A tag without a
        # minor version means all of them anyway.
        newer = '+' if _STABLE & abis or (name == 'py' and minor is not None) else ''
        versions.setdefault(_PYTHONS[name], []).append(
            f'{version}{newer}{_build(abis, threads) if name == "cp" else ""}',
        )
    return ' or '.join(
        f'{name} {", ".join(dict.fromkeys(numbers))}' if numbers else name
        for name, numbers in versions.items()
    )


def _build(abis: set[str], threads: str) -> str:
    """Return the build of CPython that the tags ask for, '' if they ask for no special one.

    >>> _build({'cp27mu'}, ''), _build({'abi3t'}, ''), _build({'abi3', 'abi3t'}, '')
    (' with wide Unicode', ' free-threaded', '')
    """
    if threads or all(abi.endswith('t') for abi in abis):
        return ' free-threaded'
    if abis <= _NARROW:
        return ' with narrow Unicode'
    return ' with wide Unicode' if all(abi.endswith('mu') for abi in abis) else ''


def _system(tag: str) -> str:
    if tag == 'any':
        return 'any system'
    for pattern, words in _SYSTEMS:
        found = pattern.fullmatch(tag)
        if found is not None:
            *numbers, processor = found.groups()
            return f'{words.format(*numbers)}, {_PROCESSORS.get(processor, processor)}'
    return tag
