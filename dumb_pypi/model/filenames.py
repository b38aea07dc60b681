"""Names of distribution files: the project, the version and the kind of file that they state.

Only wheels, and sdists built since PEP 625, have names with an unambiguous grammar. Older files
are named `<name>-<version><rest>`, and each part may contain dashes. So the place where the version
begins is a guess, made here for all kinds of files. The table of real names that shaped the rules
is in `tests/model/filenames_test.py`.
"""
from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import cast, NamedTuple, TYPE_CHECKING

from dumb_pypi.errors import FieldError, shown
from dumb_pypi.model import suffixes

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

# The kind of file that says what the variant labels of a release's wheels stand for (PEP 825).
VARIANTS = 'variants'


class ParsedName(NamedTuple):
    """What a file name states.

    `project` is normalized; `version` is as the name spells it, None if it has none.
    `packagetype` and `python_version` are the public index's words for the kind of file
    (`bdist_wheel`) and the Python that it is for (`py3`, `2.7`, `source`, `any`). The public index
    has no word for the kind `VARIANTS`.
    """
    project: NormalizedName
    version: str | None
    packagetype: str
    python_version: str


class WheelName(NamedTuple):
    """The parts of a wheel's name; `name_version` has the build number too, if there is one.

    `variant` is the label that tells wheels of the same tags apart (PEP 825, a draft).
    """
    name_version: str
    python: str
    abi: str
    platform: str
    variant: str | None


class _Stem(NamedTuple):
    """A file name reduced to its name and version, with the kind of file."""
    name_version: str
    packagetype: str
    python_version: str


_ARCHITECTURE = (
    r'(?:x86_64|amd64|i[3-6]86|i86pc|x86|aarch64|arm64|armv\w+|ppc\w*|s390x?|riscv64|'
    r'loongarch64|mips\w*|sparc\w*|sun4u|alpha|ia64|intel|universal2?|fat(?:3|32|64)?)'
)
# A platform as distutils put it at the end of a name (`sysconfig.get_platform`).
_PLATFORMS = (
    r'win(?:32|64|-(?:amd64|arm64|arm32|ia64))?|osx64|pentium4|noarch|linux(?:32|64)?|'
    r'(?:linux|(?:macosx|darwin|freebsd|openbsd|netbsd|dragonfly|solaris|sunos|aix|hp-ux|cygwin)'
    r'-[\w.]+(?:-[A-Za-z]\w*)*?)-' + _ARCHITECTURE
)
# Python compiles an expression that is a string when it is first used: most builds need none of
# these, which take 3 ms.
_PLATFORM = rf'(?i)[.-](?:{_PLATFORMS})$'
_PROCESSOR = r'(?:x86(?:_64)?|x64|amd64|i[3-6]86|arm64|arm32|ia64)'
# The end of an installer's name: a platform, a Python or both, then perhaps a build number. Other
# tools than distutils name a release of Windows, or only the processor.
_INSTALLER_END = (
    rf'(?i)[.-](?:(?:{_PLATFORMS}|(?:win(?:dows|xp|nt|vista)?\d{{0,2}}-?)?{_PROCESSOR}|'
    r'win(?:dows|xp|nt|vista)?\d{0,2})(?:[.-]py(\d(?:\.\d+)?))?|py(\d(?:\.\d+)?))(-\d+)?$'
)
# An egg's Python, and its platform if it contains compiled code.
_EGG_PYTHON = r'(?i)-py(\d(?:\.\d+)?)(?:-.*)?$'
_RPM_ARCHITECTURE = r'\.(?:noarch|src|nosrc|' + _ARCHITECTURE + r')$'

# What a tag of a wheel consists of. There are published wheels whose Python tag has other
# characters, but no wheel whose ABI or platform has.
_TAG = '[A-Za-z0-9_.]+'
_PYTHON_TAG = r'(?:py|cp|pp|ip|jy|graalpy)\d\w*'
_PYTHON_TAGS = rf'(?i){_PYTHON_TAG}(?:\.{_PYTHON_TAG})*'
# What browsers add to the name of a file that they download a second time.
_SECOND_DOWNLOAD = r'\(\d+\)$'

# Nearly all file names: a name in which no version can begin, then a version of numbers. The rules
# below would find the same, but take longer. No part can end elsewhere than where it first ends, so
# all but the last are possessive: `++` and `*+` match in two thirds of the time of `+` and `*`.
_COMMON = re.compile(
    r'([A-Za-z0-9][A-Za-z0-9._]*+(?:-[A-UW-Za-uw-z][A-Za-z0-9._]*+)*+)'
    r'-(\d++(?:\.\d+)*+(?:(?:a|b|rc|\.post|\.dev)\d++)*+)'
    r'(?:\.(?:tar\.gz|zip)|-([A-Za-z0-9.]++)-[A-Za-z0-9._]++-[A-Za-z0-9._]+\.whl)',
    re.ASCII,
)

# Where a version may begin, the clearest sign first: `-1.`, `-v1.` or `-.5`; then a bare
# number, `-234`; then `-v2` or a revision, `-r1512`.
_VERSION_STARTS = (
    r'-(?=[vV]?\d+[^-]*\.|\.\d)',
    r'-(?=\d)',
    r'-(?=[vVr]\d+$)',
)

_SEPARATORS = re.compile('[-_.]+')
_NAME = re.compile(r'[A-Za-z0-9._-]*[A-Za-z0-9][A-Za-z0-9._-]*')
# In the JSON API a version is the name of a folder, next to the files `json` and `json.gz`.
_NOT_A_VERSION = re.compile(r'.*[/\\].*|\.*|json(?:\.gz)?', re.IGNORECASE | re.DOTALL)
# Projects and versions are names of folders, which may have 255 bytes. The normal form of a version
# can be a little longer than the version.
_LONGEST = 200  # bytes


def parse(filename: str, *, name: str | None = None, version: str | None = None) -> ParsedName:
    """Find the project, the version and the kind of file that `filename` states.

    A `name` or a `version` that the list states overrides the file name, and helps to find the
    other one.

    >>> parse('mesos.cli-0.1.3-py2.7.egg')
    ParsedName(project='mesos-cli', version='0.1.3', packagetype='bdist_egg', python_version='2.7')
    >>> parse('foo-2-1.tar.gz', name='foo-2').version
    '1'

    Raises:
        FieldError: it states no valid project or version, or is not a distribution file.
    """
    if name is None and version is None and (common := parse_common(filename)):
        return ParsedName(*common)
    stem = _stem(filename)
    guessed_name, guessed_version = _split(stem.name_version, name, version)
    if name is not None:
        project = normalized_name('name', name)
    elif why := _why_no_name(guessed_name):
        raise FieldError('filename', filename, (
            f'has the project name {shown(guessed_name)}, which {why}: rename the file'
            if guessed_name else 'has no project name: rename the file'
        ))
    else:
        project = canonicalize_name(guessed_name)
    if version is not None and (why := _why_no_version(version)):
        raise FieldError('version', version, why)
    if version is None and guessed_version is not None:
        version = guessed_version.strip()
        why = _why_no_version(version)
        if why is None and re.search(_SECOND_DOWNLOAD, version):
            why = 'ends like a second download: delete or rename the file'
        if why:
            raise FieldError('filename', filename, f'has the version {shown(version)}, which {why}')
    return ParsedName(project, version, stem.packagetype, stem.python_version)


def parse_common(filename: str) -> tuple[NormalizedName, str, str, str] | None:
    """Return what `parse` returns for a name of the most common form; None for any other.

    A common name consists of ASCII letters, digits, dots, dashes and underscores. A build parses
    each name four times; making a `ParsedName` of the result would take a quarter of that time.
    """
    common = _COMMON.fullmatch(filename)
    if common is None:
        return None
    name, version, python = common.groups()
    project = _normalized(name)
    if project is None or len(version) >= _LONGEST:
        return None
    if python is None:
        return project, version, 'sdist', 'source'
    return project, version, 'bdist_wheel', python


def normalized_name(key: str, name: str) -> NormalizedName:
    """Normalize a project's name; `key` is the input key that it comes from.

    Raises:
        FieldError: the name is invalid.
    """
    if why := _why_no_name(name):
        raise FieldError(key, name, why)
    return canonicalize_name(name)


def is_name(name: str) -> bool:
    """Return whether a text is a valid name, of a project or of an extra."""
    return _why_no_name(name) is None


def canonicalize_name(name: str) -> NormalizedName:
    """Normalize a name as the specification says, without checking it.

    `packaging.utils` has the same function, but its import takes longer than a build that has
    nothing to do.
    """
    name = name.lower().replace('_', '-').replace('.', '-')
    # Few names have several separators in a row.
    return cast('NormalizedName', _SEPARATORS.sub('-', name) if '--' in name else name)


@functools.lru_cache(maxsize=1024)
def _normalized(name: str) -> NormalizedName | None:
    return None if _why_no_name(name) else canonicalize_name(name)


def _why_no_name(name: str) -> str | None:
    if len(name) > _LONGEST:
        return f'is longer than {_LONGEST} bytes'
    return None if _NAME.fullmatch(name) else 'is not a valid project name'


def _why_no_version(version: str) -> str | None:
    if len(version.encode()) > _LONGEST:
        return f'is longer than {_LONGEST} bytes'
    return 'cannot be used as a folder name' if _NOT_A_VERSION.fullmatch(version) else None


def _split(stem: str, name: str | None, version: str | None) -> tuple[str, str | None]:
    """Split `foo-bar-1.0` into `foo-bar` and `1.0`."""
    if version is not None and stem.endswith(f'-{version}'):
        return stem.removesuffix(f'-{version}'), version
    if name is not None:
        wanted = canonicalize_name(name)
        for dash in re.finditer('-', stem):
            if canonicalize_name(stem[:dash.start()]) == wanted:
                return name, stem[dash.end():] or None
    for start in _VERSION_STARTS:
        if found := re.search(start, stem):
            return stem[:found.start()].rstrip('-'), stem[found.end():]
    return stem, None


def split_wheel(stem: str) -> WheelName | None:
    """Split a wheel's name without its extension; return None if it has too few parts.

    >>> split_wheel('foo-1.2-2-py3-none-any')
    WheelName(name_version='foo-1.2-2', python='py3', abi='none', platform='any', variant=None)
    >>> split_wheel('foo-1.2-py3-none-any-x86_64_v3').variant
    'x86_64_v3'
    """
    parts = stem.split('-')
    variant = parts.pop() if _has_variant(parts) else None
    if len(parts) < 5:
        return None
    *name_version, python, abi, platform = parts
    return WheelName('-'.join(name_version), python, abi, platform, variant)


def _has_variant(parts: list[str]) -> bool:
    """Return whether the last part of a wheel's name is a variant label, rather than a platform."""
    if len(parts) < 6:
        return False
    version, python, abi = parts[-5:-2]
    if re.fullmatch(_PYTHON_TAGS, python):
        return True
    # A Python tag that we don't know, unless it is a version or a build number, or belongs to a
    # version with a dash: `1.0-rc1`. No Python tag starts with a digit.
    return version[:1].isdigit() and not (python[:1].isdigit() or re.fullmatch(_PYTHON_TAGS, abi))


def _wheel(stem: str) -> _Stem:
    # Name, version, an optional build number that starts with a digit, three tags, and an optional
    # variant label.
    wheel = split_wheel(stem)
    if wheel is None:
        raise FieldError('filename', f'{stem}.whl', (
            'is not name-version-python-abi-platform.whl: rename the file'
        ))
    for what, tag in (
            ('ABI tag', wheel.abi), ('platform tag', wheel.platform),
            ('variant label', wheel.variant),
    ):
        if tag is not None and not re.fullmatch(_TAG, tag):
            raise FieldError('filename', f'{stem}.whl', (
                f'has the invalid {what} {shown(tag)}, so no client installs it: rename the file'
            ))
    name_version = wheel.name_version
    name, version, *build = name_version.split('-')
    if len(build) == 1 and build[0][:1].isdigit() and version[:1].isdigit():
        name_version = f'{name}-{version}'
    return _Stem(name_version, 'bdist_wheel', wheel.python)


def _variants(stem: str) -> _Stem:
    if _split(stem, None, None)[1] is None:
        raise FieldError(
            'filename', f'{stem}{suffixes.VARIANTS}',
            f'is not name-version{suffixes.VARIANTS}: rename the file',
        )
    return _Stem(stem, VARIANTS, 'any')


def _egg(stem: str) -> _Stem:
    found = re.search(_EGG_PYTHON, stem)
    if found is None:
        return _Stem(stem, 'bdist_egg', 'any')
    return _Stem(stem[:found.start()], 'bdist_egg', found[1])


def _installer(packagetype: str) -> Callable[[str], _Stem]:
    def parse_installer(stem: str) -> _Stem:
        found = re.search(_INSTALLER_END, stem)
        if found is not None:
            with_platform, alone, build = found.groups()
            without = stem[:found.start()]
            # In `foo-win-2.msi` the number is the version.
            if build is None or _split(without, None, None)[1] is not None:
                return _Stem(without, packagetype, with_platform or alone or 'any')
        return _Stem(stem, packagetype, 'any')
    return parse_installer


def _dmg(stem: str) -> _Stem:
    found = _egg(stem)
    return _Stem(re.sub(_PLATFORM, '', found.name_version), 'bdist_dmg', found.python_version)


def _rpm(stem: str) -> _Stem:
    # name-version-release.architecture
    stem = re.sub(_RPM_ARCHITECTURE, '', stem)
    name_version = stem.rpartition('-')[0]
    return _Stem(name_version if '-' in name_version else stem, 'bdist_rpm', 'any')


def _deb(stem: str) -> _Stem:
    # name_version-revision_architecture
    name, _, rest = stem.partition('_')
    version, _, _ = rest.partition('_')
    upstream = version.rpartition('-')[0] or version
    return _Stem(f'{name}-{upstream}' if upstream else name, 'bdist_dumb', 'any')


def _archive(stem: str) -> _Stem:
    """Parse an sdist, or a dumb binary archive, whose version is followed by a platform."""
    without = re.sub(_PLATFORM, '', stem)
    if without != stem and _split(without, None, None)[1] is not None:
        return _Stem(without, 'bdist_dumb', 'any')
    return _Stem(stem, 'sdist', 'source')


_KINDS: dict[str, Callable[[str], _Stem]] = {
    '.whl': _wheel,
    '.egg': _egg,
    '.exe': _installer('bdist_wininst'),
    '.msi': _installer('bdist_msi'),
    '.dmg': _dmg,
    '.rpm': _rpm,
    '.deb': _deb,
}


def _stem(filename: str) -> _Stem:
    stem = suffixes.sdist_stem(filename)
    if stem is not None:
        return _archive(stem)
    if filename.lower().endswith(suffixes.VARIANTS):
        return _variants(filename[:-len(suffixes.VARIANTS)])
    kind = _KINDS.get(filename[-4:].lower())
    if kind is None:
        raise FieldError('filename', filename, (
            'is not a distribution file: its name ends with none of .whl, .tar.gz, .zip, …'
        ))
    return kind(filename[:-4])
