from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dumb_pypi.errors import FieldError
from dumb_pypi.model import filenames
from dumb_pypi.model.filenames import parse, ParsedName

# Each name, what it states, and what is unusual about it. Most were published once.
UNUSUAL_NAMES = (
    ('dumb_init-1.2.0-py2.py3-none-manylinux1_x86_64.whl', 'dumb-init', '1.2.0',
     'bdist_wheel', 'py2.py3', 'a wheel: an underscore for the dash'),
    ('f-1.0+local-py3-none-any.whl', 'f', '1.0+local', 'bdist_wheel', 'py3', 'a local version'),
    ('foo-1.0-2-py3-none-any.whl', 'foo', '1.0', 'bdist_wheel', 'py3', 'a build number'),
    ('foo-1.0-2build-py3-none-any.whl', 'foo', '1.0', 'bdist_wheel', 'py3', 'a build tag'),
    ('foo-bar-1.0-py3-none-any.whl', 'foo-bar', '1.0', 'bdist_wheel', 'py3',
     'a dash that no wheel should have: `bar` is not a version, so `1.0` is not a build number'),
    ('somepackage-1.2.3.4.post5.post2-py3-none-any.whl', 'somepackage', '1.2.3.4.post5.post2',
     'bdist_wheel', 'py3', 'a version that is not PEP 440'),
    ('grablib-0.4-py35+-none-any.whl', 'grablib', '0.4', 'bdist_wheel', 'py35+',
     'a Python tag that no installer knows'),
    ('circbuf-0.1b1-py32, py33, py34-none-any.whl', 'circbuf', '0.1b1', 'bdist_wheel',
     'py32, py33, py34', 'a list where a tag should be'),
    ('FOO-1.0-PY3-none-any.WHL', 'foo', '1.0', 'bdist_wheel', 'PY3', 'an extension in capitals'),
    ('foo-1.0-rc1-py3-none-any.whl', 'foo', '1.0-rc1', 'bdist_wheel', 'py3',
     'a dash that no version of a wheel should have: `rc1` is no Python tag'),
    ('foo-bar-baz-py3-none-any.whl', 'foo-bar-baz', None, 'bdist_wheel', 'py3', 'no version'),

    ('foo-1.2-py3-none-any-x8664v3.whl', 'foo', '1.2', 'bdist_wheel', 'py3', 'a variant label'),
    ('foo-1.2-1-py3-none-any-cu128.whl', 'foo', '1.2', 'bdist_wheel', 'py3',
     'a build number and a variant label'),
    ('foo-1.2-cp313-cp313t-manylinux_2_28_x86_64-x86_64_v3.whl', 'foo', '1.2', 'bdist_wheel',
     'cp313', 'an ABI tag that looks like a Python tag'),
    ('foo_bar-1.2+cu-py2.py3-none-any-null.whl', 'foo-bar', '1.2+cu', 'bdist_wheel', 'py2.py3',
     'several Python tags, and the label of the wheel without properties'),
    ('foo-bar-1.2-py3-none-any-cu128.whl', 'foo-bar', '1.2', 'bdist_wheel', 'py3',
     'a dash that no wheel should have, and a variant label'),
    ('foo-v1.2-pp310-pypy310_pp73-win_amd64-a.b.whl', 'foo', 'v1.2', 'bdist_wheel', 'pp310',
     'a label with a dot, after a version that does not start with a digit'),
    ('foo-1.2-rust311-none-any-cu128.whl', 'foo', '1.2', 'bdist_wheel', 'rust311',
     'a Python that we do not know, and a variant label'),
    ('foo-1.2-variants.json', 'foo', '1.2', 'variants', 'any',
     'says what the variant labels of a release stand for'),
    ('Foo_Bar-1.2+cu-VARIANTS.JSON', 'foo-bar', '1.2+cu', 'variants', 'any', 'in capitals'),

    ('ocflib-2015.11.23.20.2.tar.gz', 'ocflib', '2015.11.23.20.2', 'sdist', 'source',
     'a date for a version'),
    ('ddlib-2013-11-14.tar.gz', 'ddlib', '2013-11-14', 'sdist', 'source', 'a date with dashes'),
    ('systemd-python-234.tar.gz', 'systemd-python', '234', 'sdist', 'source',
     'a version without a dot'),
    ('foo-1.0.tgz', 'foo', '1.0', 'sdist', 'source', 'a short extension'),
    ('foo-1.0.ZIP', 'foo', '1.0', 'sdist', 'source', 'an extension in capitals'),
    ('foo-1.0.Tar.Bz2', 'foo', '1.0', 'sdist', 'source', 'an extension of both'),
    ('foo-1.0.tar', 'foo', '1.0', 'sdist', 'source', 'not compressed'),
    ('foo-1.0.tar.xz', 'foo', '1.0', 'sdist', 'source', 'compressed anew'),
    ('flup-123-1.0.3.dev-20110405.tar.gz', 'flup-123', '1.0.3.dev-20110405', 'sdist', 'source',
     'digits in the name and a dash in the version: the version is what has a dot first'),
    ('package-123-1.3.7+build.11.e0f985a.zip', 'package-123', '1.3.7+build.11.e0f985a',
     'sdist', 'source', 'digits in the name and a local version'),
    ('grpc-google-iam-v1-0.10.0.tar.gz', 'grpc-google-iam-v1', '0.10.0', 'sdist', 'source',
     "`v1` is the interface's version, and so the name's"),
    ('imagemounter-v1.4.0b-1.tar.gz', 'imagemounter', 'v1.4.0b-1', 'sdist', 'source',
     'a version that starts with v'),
    ('jpass-V1.1.tar.gz', 'jpass', 'V1.1', 'sdist', 'source', 'or with V'),
    ('django-mailer-2-1.3.3.tar.gz', 'django-mailer-2', '1.3.3', 'sdist', 'source',
     'a number is the last part of the name'),
    ('django-786ms_shops-0.1.1.tar.gz', 'django-786ms-shops', '0.1.1', 'sdist', 'source',
     'a part of the name starts with a digit'),
    ('amp-player-0.1.25-3.tar.gz', 'amp-player', '0.1.25-3', 'sdist', 'source',
     'a post release, written as setuptools once did'),
    ('powny-1.4.0-alpha-20141128-1233-a7e33e8.tar.gz', 'powny',
     '1.4.0-alpha-20141128-1233-a7e33e8', 'sdist', 'source', 'a version with four dashes'),
    ('avalanchetoolbox-.2.tar.gz', 'avalanchetoolbox', '.2', 'sdist', 'source',
     'a version that starts with its dot'),
    ('nml-r1512.tar.gz', 'nml', 'r1512', 'sdist', 'source', 'a revision'),
    ('flask-xxl-0.0.8-.tar.gz', 'flask-xxl', '0.0.8-', 'sdist', 'source', 'a dash too many'),
    ('foo--1.0.zip', 'foo', '1.0', 'sdist', 'source', 'a dash too many, before'),
    ('thrivext-0.0.3    .tar.gz', 'thrivext', '0.0.3', 'sdist', 'source', 'blanks'),
    ('aspy.yaml.zip', 'aspy-yaml', None, 'sdist', 'source', 'no version'),
    ('pyad.0.4.9.tar.gz', 'pyad-0-4-9', None, 'sdist', 'source', 'no dash, so no version'),
    ('toxin-c6cd168.tar.gz', 'toxin-c6cd168', None, 'sdist', 'source', 'a commit is not a version'),
    ('_private-1.0.tar.gz', '-private', '1.0', 'sdist', 'source',
     'a name that the index would refuse today'),
    ('pypi-linux-1.0.tar.gz', 'pypi-linux', '1.0', 'sdist', 'source', 'no platform: a name'),
    ('win32-1.0.zip', 'win32', '1.0', 'sdist', 'source', 'again'),
    ('foo-win32.zip', 'foo-win32', None, 'sdist', 'source', 'a platform, but of what version?'),

    ('dumb-init-0.1.0.linux-x86_64.tar.gz', 'dumb-init', '0.1.0', 'bdist_dumb', 'any',
     'a dumb binary archive'),
    ('scalr-ctl-1.0.34.macosx-10.11-intel.tar.gz', 'scalr-ctl', '1.0.34', 'bdist_dumb', 'any',
     'a platform with digits and a dot'),
    ('stock-0.3.freebsd-10.0-RELEASE-amd64.tar.gz', 'stock', '0.3', 'bdist_dumb', 'any',
     'a platform of four parts'),
    ('overc-1.0.0-7.linux-x86_64.tar.gz', 'overc', '1.0.0-7', 'bdist_dumb', 'any',
     'a dash in the version, and one in the platform'),
    ('imageio-1.3-linux32.zip', 'imageio', '1.3', 'bdist_dumb', 'any',
     'a platform behind a dash'),

    ('mesos.cli-0.1.3-py2.7.egg', 'mesos-cli', '0.1.3', 'bdist_egg', '2.7', 'an egg'),
    ('greenlet-0.3.4-py3.1-win-amd64.egg', 'greenlet', '0.3.4', 'bdist_egg', '3.1',
     'an egg for one platform'),
    ('simplejson-1.7-py2.4-freebsd-6.1-RELEASE-p3-i386.egg', 'simplejson', '1.7', 'bdist_egg',
     '2.4', 'an egg for a platform of five parts'),
    ('functional-Py-0.5-py2.3.egg', 'functional-py', '0.5', 'bdist_egg', '2.3',
     'a name that ends like an egg'),
    ('enstaller-4.4.0-1.egg', 'enstaller', '4.4.0-1', 'bdist_egg', 'any', "another maker's egg"),

    ('numpy-1.7.0.win32-py3.1.exe', 'numpy', '1.7.0', 'bdist_wininst', '3.1', 'an installer'),
    ('1to001-0.1.0.win32.exe', '1to001', '0.1.0', 'bdist_wininst', 'any', 'for every Python'),
    ('aneris-0.1.linux-i686.exe', 'aneris', '0.1', 'bdist_wininst', 'any',
     'a Windows installer that was made on Linux'),
    ('cclib-0.9.py2.4.exe', 'cclib', '0.9', 'bdist_wininst', '2.4', 'a dot before the Python'),
    ('cclib-0.6-py2.4.exe', 'cclib', '0.6', 'bdist_wininst', '2.4', 'no platform'),
    ('2.exe', '2', None, 'bdist_wininst', 'any', 'a number is the name'),
    ('taurus-4.0.3.win-amd64.msi', 'taurus', '4.0.3', 'bdist_msi', 'any', 'a Windows package'),
    ('ntracer-0.6.2.pentium4-py2.7.msi', 'ntracer', '0.6.2', 'bdist_msi', '2.7',
     'a processor for a platform'),
    ('spam-1.2.winxp32-py3.1.msi', 'spam', '1.2', 'bdist_msi', '3.1', 'a release of Windows'),
    ('spam-1.2.win7.msi', 'spam', '1.2', 'bdist_msi', 'any', 'another one'),
    ('spam-1.2-windows-x64.msi', 'spam', '1.2', 'bdist_msi', 'any', 'Windows by its full name'),
    ('spam-1.2-amd64.msi', 'spam', '1.2', 'bdist_msi', 'any', 'a processor alone'),
    ('eggs-2.0.win-amd64-py2.6-2.msi', 'eggs', '2.0', 'bdist_msi', '2.6', 'a build number'),
    ('eggs-2.0.win32-2.msi', 'eggs', '2.0', 'bdist_msi', 'any', 'a build number after a platform'),
    ('eggs-2.0-py2.6-12.msi', 'eggs', '2.0', 'bdist_msi', '2.6', 'a build number after a Python'),
    ('eggs-2.0-2.msi', 'eggs', '2.0-2', 'bdist_msi', 'any', 'neither: a post release'),
    ('foo-win-2.msi', 'foo-win', '2', 'bdist_msi', 'any', 'a version, as there is no other'),
    ('foo-1.0-alpha.exe', 'foo', '1.0-alpha', 'bdist_wininst', 'any',
     'a processor in its day, but not of Windows'),
    ('baklabel-1.0.2-2685-py3.2.win32.exe', 'baklabel', '1.0.2-2685-py3.2', 'bdist_wininst', 'any',
     'a Python before the platform'),
    ('pyserial-2.7.win32_py3k.exe', 'pyserial', '2.7.win32_py3k', 'bdist_wininst', 'any',
     'no platform that we know'),
    ('elkme-0.2.3-1.noarch.rpm', 'elkme', '0.2.3', 'bdist_rpm', 'any', "the RPM's own release"),
    ('nml-0.1.1-suse1130.noarch.rpm', 'nml', '0.1.1', 'bdist_rpm', 'any', 'that is a word'),
    ('foo-1.0.rpm', 'foo', '1.0', 'bdist_rpm', 'any', 'neither release nor architecture'),
    ('python3-foo_1.0-2_all.deb', 'python3-foo', '1.0', 'bdist_dumb', 'any', 'a Debian package'),
    ('foo_1.0_amd64.deb', 'foo', '1.0', 'bdist_dumb', 'any', 'without a revision'),
    ('foo_1.0.deb', 'foo', '1.0', 'bdist_dumb', 'any', 'without an architecture'),
    ('foo.deb', 'foo', None, 'bdist_dumb', 'any', 'without a version'),
    ('foo-1.0.deb', 'foo', '1.0', 'bdist_dumb', 'any', 'named in the way of an sdist'),
    ('dipy-0.5.0-py2.5-macosx10.6.dmg', 'dipy', '0.5.0', 'bdist_dmg', '2.5', 'a disk image'),
    ('foo-1.0.macosx-10.9-x86_64.dmg', 'foo', '1.0', 'bdist_dmg', 'any', 'with its platform'),
    ('Gaphor-0.17.0-x11.dmg', 'gaphor', '0.17.0-x11', 'bdist_dmg', 'any', 'without a Python'),
)


@pytest.mark.parametrize(
    ('filename', 'project', 'version', 'packagetype', 'python_version'),
    [pytest.param(*row[:-1], id=f'{row[0]}: {row[-1]}') for row in UNUSUAL_NAMES],
)
def test_parsed_name(
        filename: str, project: str, version: str | None, packagetype: str, python_version: str,
) -> None:
    """A file name states a project, a version, a kind of file and a Python."""
    assert parse(filename) == (project, version, packagetype, python_version)


@pytest.mark.parametrize(
    ('filename', 'why'), (
        ('-20160920.193125.zip', 'has no project name'),
        ('nicolas nester-1.0.0.zip', 'which is not a valid project name'),
        ('héllo-1.0.zip', 'which is not a valid project name'),
        ('....zip', "has the project name '...', which is not a valid project name"),
        ('foo-1.0.txt', 'is not a distribution file'),
        ('foo-1.0.tar.gz.asc', 'is not a distribution file'),
        ('foo-1.0-py3-none-any.whl.metadata', 'is not a distribution file'),
        ('README', 'is not a distribution file'),
        ('.whl', 'is not name-version-python-abi-platform.whl'),
        ('foo-1.0.whl', 'is not name-version-python-abi-platform.whl'),
        ('foo-none-any-py3.whl', 'is not name-version-python-abi-platform.whl'),
        ('foo-1.5.tar (1).gz', 'is not a distribution file'),
        ('foo-variants.json', 'is not name-version-variants.json'),
        ('-variants.json', 'is not name-version-variants.json'),
        ('foo-1.0.json', 'is not a distribution file'),
        (f'{"a" * 201}-1.0.zip', 'which is longer than 200 bytes'),
        (f'a-1.{"0" * 200}.zip', 'which is longer than 200 bytes'),
    ),
)
def test_invalid_file_name_is_refused(filename: str, why: str) -> None:
    """A name must state a valid project, and have the extension of a distribution file."""
    with pytest.raises(FieldError) as caught:
        parse(filename)
    assert caught.value.key == 'filename'
    assert why in caught.value.why


# What browsers and file managers make of a name that is there already, and names like it.
@pytest.mark.parametrize(
    ('filename', 'part'), (
        ('foo-1.5-py3-none-any (1).whl', "platform tag 'any (1)'"),
        ('foo-1.5-py3-none-any(1).whl', "platform tag 'any(1)'"),
        ('foo-1.5-py3-none-any - Copy.whl', "platform tag 'any '"),
        ('foo-1.5-py3-none-any-cu128 (1).whl', "variant label 'cu128 (1)'"),
        ('foo-1.5-py3-none (1)-any.whl', "ABI tag 'none (1)'"),
        ('foo-1.5-py3-none-.whl', "platform tag ''"),
    ),
)
def test_wheel_with_invalid_tag_is_refused(filename: str, part: str) -> None:
    """No client installs such a wheel, so the message says which part to correct."""
    with pytest.raises(FieldError) as caught:
        parse(filename)
    assert caught.value.why == (
        f'has the invalid {part}, so no client installs it: rename the file'
    )


@pytest.mark.parametrize(
    ('filename', 'version'), (
        ('foo-1.5 (1).zip', '1.5 (1)'), ('foo-1.5-py3.9 (12).egg', '1.5-py3.9 (12)'),
        ('foo-1.5(2).tgz', '1.5(2)'),
    ),
)
def test_second_download_is_refused(filename: str, version: str) -> None:
    """Such a name states no version that anybody released, unless the list states another one."""
    with pytest.raises(FieldError) as caught:
        parse(filename)
    assert caught.value.why == (
        f"has the version '{version}', which ends like a second download: "
        f'delete or rename the file'
    )
    assert parse(filename, version='1.5').version == '1.5'


@pytest.mark.parametrize(
    ('filename', 'name', 'version', 'expected'), (
        ('foo-2-1.tar.gz', 'foo-2', None, ('foo-2', '1')),
        ('foo-2-1.tar.gz', 'Foo', None, ('foo', '2-1')),
        ('foo-2-1.tar.gz', None, '1', ('foo-2', '1')),
        ('foo-2-1.tar.gz', None, '2-1', ('foo', '2-1')),
        # The list overrides what the file name states.
        ('foo-1.0.zip', 'bar', None, ('bar', '1.0')),
        ('foo-1.0.zip', None, '3', ('foo', '3')),
        ('latest.zip', 'Foo.Bar', '1.0', ('foo-bar', '1.0')),
        ('foo-.zip', 'foo', None, ('foo', None)),
        ('a b.zip', 'foo', None, ('foo', None)),
    ),
)
def test_stated_name_or_version_overrides(
        filename: str, name: str | None, version: str | None, expected: tuple[str, str | None],
) -> None:
    """A name or version in the list overrides the file name, and helps to split it."""
    assert parse(filename, name=name, version=version)[:2] == expected


@pytest.mark.parametrize('name', ('', 'a b', '../x', 'a/b', '.', '..', 'é', 'a\n'))
def test_invalid_project_name_is_refused(name: str) -> None:
    """A stated name must be a valid name of a project."""
    with pytest.raises(FieldError, match='is not a valid project name'):
        parse('foo-1.0.zip', name=name)


@pytest.mark.parametrize(
    'version', ('', '.', '..', 'a/b', '../x', 'a\\b', 'json', 'JSON', 'json.gz'),
)
def test_unsafe_version_is_refused(version: str) -> None:
    """A version is the name of a folder, next to the file `json`."""
    with pytest.raises(FieldError, match='cannot be used as a folder name'):
        parse('foo-1.0.zip', version=version)


@pytest.mark.parametrize('keys', ({'name': 'x' * 201}, {'version': 'é' * 101}))
def test_too_long_names_are_refused(keys: dict[str, str]) -> None:
    """Names and versions have to fit into the name of a folder."""
    with pytest.raises(FieldError, match='is longer than 200 bytes'):
        parse('foo-1.0.zip', **keys)


# Parts of names that begin a version, end one, or look like something else.
PARTS = st.sampled_from([
    'foo', 'a', 'b', 'rc', 'post', 'dev', 'py', 'py3', 'none', 'any', 'win32', 'linux-i686', 'r',
    'v', 'V', 'x86_64', 'zip', 'tar.gz', 'whl', 'macosx', '0', '1', '2.0', '12', '1.0', '.', '_',
    '-', '--', '+', ' ', 'é', '\u0661', '\u017f', 'freebsd-9-i386',
]) | st.from_regex('[a-zA-Z0-9._-]{1,3}', fullmatch=True)
TEXTS = st.lists(PARTS, max_size=6).map(''.join)
NAMES = st.one_of(
    TEXTS,
    st.builds('{}-{}{}'.format, TEXTS, TEXTS, st.sampled_from([
        '.tar.gz', '.zip', '-py3-none-any.whl', '-cp39.cp310-abi3-linux_x86_64.whl',
        '-1-py3-none-any.whl', '.whl', '.egg', '.exe', '.tar.GZ', '-py3-none-any-cu128.whl',
        '-1-py3-none-any-cu128.whl', '-variants.json', '-2.msi', '.win32-py3.1-2.msi',
    ])),
    st.from_regex(filenames._COMMON, fullmatch=True),
)


def result_of(filename: str) -> ParsedName | str:
    try:
        return parse(filename)
    except FieldError as error:
        return error.reason


def assert_shortcut_agrees(filename: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(filenames, '_COMMON', re.compile('(?!)'))
        expected = result_of(filename)
    assert result_of(filename) == expected


@settings(deadline=None, max_examples=500)
@given(NAMES)
@example('foo-V2.0-1.0.tar.gz')
@example('foo-v2.0-1.0.tar.gz')
@example('foo-V2-1.0.tar.gz')
@example(f'foo-{"1" * 199}.zip')
@example(f'foo-{"1" * 200}.zip')
@example(f'foo-{"1" * 201}.zip')
@example(f'{"f" * 201}-1.0.zip')
# Digits, and more bytes than a folder's name may have.
@example('foo-' + '\u0661' * 101 + '.zip')
@example('foo-1-2-py3-none-any.whl')
@example('foo-1.0-py3-none-any.whl.zip')
@example('foo-1.0\n')
@example('foo-1.0.zip\n')
def test_shortcut_agrees_with_general_rules(filename: str) -> None:
    """The shortcut for common names finds what the general rules find."""
    assert_shortcut_agrees(filename)


def test_shortcut_agrees_on_real_names() -> None:
    """The shortcut and the general rules agree on all real names of the table."""
    for name, *_ in UNUSUAL_NAMES:
        assert_shortcut_agrees(name)
