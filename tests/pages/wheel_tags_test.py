from __future__ import annotations

import pytest

from dumb_pypi.pages.wheel_tags import describe


@pytest.mark.parametrize(('tags', 'words'), (
    ('py3-none-any', 'Python 3; any system'),
    ('py2.py3-none-any', 'Python 2, 3; any system'),
    ('py36-none-any', 'Python 3.6+; any system'),
    ('py36.py37-none-any', 'Python 3.6+, 3.7+; any system'),
    ('py310-none-win_amd64', 'Python 3.10+; Windows, x86-64'),
    ('py35+-none-any', 'py35+; any system'),
    ('cp39-abi3-win_amd64', 'CPython 3.9+; Windows, x86-64'),
    ('cp310-cp310-win32', 'CPython 3.10; Windows, x86'),
    ('cp313-cp313t-win_arm64', 'CPython 3.13 free-threaded; Windows, ARM64'),
    ('cp315-abi3.abi3t-win_amd64', 'CPython 3.15+; Windows, x86-64'),
    ('cp314-abi3t-win_amd64', 'CPython 3.14+ free-threaded; Windows, x86-64'),
    ('cp313-cp313t.cp313-win_amd64', 'CPython 3.13; Windows, x86-64'),
    (
        'cp27-cp27mu-manylinux1_i686',
        'CPython 2.7 with wide Unicode; Linux, glibc 2.5+, x86',
    ),
    ('cp27-cp27m-win32', 'CPython 2.7 with narrow Unicode; Windows, x86'),
    ('cp27-cp27m.cp27mu-win32', 'CPython 2.7; Windows, x86'),
    ('cp36-cp36m-win32', 'CPython 3.6; Windows, x86'),
    ('cp27-none-any', 'CPython 2.7; any system'),
    ('cp311-cp311-manylinux_2_28_aarch64', 'CPython 3.11; Linux, glibc 2.28+, ARM64'),
    (
        'cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64',
        'CPython 3.11; Linux, glibc 2.17+, x86-64',
    ),
    ('py3-none-linux_riscv64', 'Python 3; Linux, riscv64'),
    ('cp312-cp312-musllinux_1_2_x86_64', 'CPython 3.12; Linux, musl 1.2+, x86-64'),
    ('cp312-cp312-macosx_11_0_arm64', 'CPython 3.12; macOS 11.0+, ARM64'),
    (
        'cp36-cp36m-macosx_10_6_intel.macosx_10_9_universal2',
        'CPython 3.6; macOS 10.6+, Intel or macOS 10.9+, Intel and ARM64',
    ),
    ('pp39-pypy39_pp73-win_amd64', 'PyPy 3.9; Windows, x86-64'),
    ('graalpy311-graalpy242_311_native-any', 'GraalPy 3.11; any system'),
    ('cp313-cp313-ios_13_0_arm64_iphoneos', 'CPython 3.13; iOS 13.0+, ARM64'),
    ('cp313-cp313-android_21_arm64_v8a', 'CPython 3.13; Android, API 21+, arm64_v8a'),
    ('cp312-cp312-pyodide_2024_0_wasm32', 'CPython 3.12; browsers, WebAssembly'),
    ('py3.cp39-none-any', 'Python 3 or CPython 3.9; any system'),
    ('odd-none-odd', 'odd; odd'),
    ('py3-none-any-x8664v3', 'Python 3; any system; variant x8664v3'),
    ('1-cp313-cp313-win_amd64-cu128', 'CPython 3.13; Windows, x86-64; variant cu128'),
))
def test_tags_are_described(tags: str, words: str) -> None:
    """A description has the Python, the system and the processor."""
    assert describe(f'foo-1.0-{tags}.whl') == words


@pytest.mark.parametrize('filename', ('foo.whl', 'foo-1.0.whl', 'foo-1.0-py3.whl', 'FOO.WHL'))
def test_wheel_without_tags(filename: str) -> None:
    """A name without tags gives no more than `Wheel`."""
    assert describe(filename) == 'Wheel'
