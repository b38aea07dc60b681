"""Descriptions of wheels by their tags: the Python, the system and the processor."""
from __future__ import annotations

import functools
import re

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


def describe(filename: str) -> str:
    """Describe what the wheel of that name runs on.

    >>> describe('foo-1.0-py2.py3-none-any.whl')
    'Python 2, 3; any system'
    >>> describe('foo-1.0-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl')
    'CPython 3.9+; Linux, glibc 2.17+, x86-64'
    """
    wheel = split_wheel(filename[:-len('.whl')])
    if wheel is None:
        return 'Wheel'
    described = _describe(wheel.python, wheel.abi, wheel.platform)
    return described if wheel.variant is None else f'{described}; variant {wheel.variant}'


# Most wheels of a project have one of a few combinations of tags.
@functools.lru_cache(maxsize=4096)
def _describe(pythons: str, abi: str, platforms: str) -> str:
    systems = dict.fromkeys(_system(tag) for tag in platforms.split('.'))
    return f'{_pythons(pythons.split("."), set(abi.split(".")))}; {" or ".join(systems)}'


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
