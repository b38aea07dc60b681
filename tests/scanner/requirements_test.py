"""Requirements: what they permit, and files of them."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from dumb_pypi.errors import FileError, LineError, OptionError
from dumb_pypi.scanner.requirements import Candidate, parse, read_allow_list, select

A, B = f'sha256={"a" * 64}', f'sha256={"b" * 64}'


@pytest.mark.parametrize(('text', 'project', 'specifier', 'hashes'), [
    ('foo', 'foo', '', set()),
    ('Foo_Bar', 'foo-bar', '', set()),
    (' foo<2,>=1 ', 'foo', '<2,>=1', set()),
    ('foo [bar,baz] == 1.* ; python_version < "3.12"', 'foo', '==1.*', set()),
    (f'foo==1 --hash={A.replace("=", ":")} --hash {B.replace("=", ":").upper()}', 'foo', '==1',
     {A, B}),
])
def test_requirement(text: str, project: str, specifier: str, hashes: set[str]) -> None:
    """A requirement permits versions and hashes; its extras and markers don't count."""
    name, permit = parse(text)
    assert (str(name), str(permit.specifier), set(permit.hashes)) == (project, specifier, hashes)


@pytest.mark.parametrize(('text', 'reason'), [
    ('-r other.txt', "'-r other.txt' is an option of pip"),
    ('-e .', 'is an option of pip'),
    ('--index-url https://example.com/', 'is an option of pip'),
    ('foo --global-option=x', 'is an option of pip'),
    ('foo @ https://example.com/foo-1.0.tar.gz', 'has a URL'),
    ('./foo', 'is not a requirement such as foo or foo<2'),
    ('', 'is not a requirement'),
    ('foo bar', 'is not a requirement'),
    ('foo<', 'is not a requirement'),
    ('foo --hash=sha256:abc', 'has 3 hex digits'),
    ('foo --hash=abc', "is not '<algorithm>=<hex>'"),
    ('a' * 201, 'is longer than 200 bytes'),
])
def test_other_texts(text: str, reason: str) -> None:
    """Anything but a requirement is refused, with the reason."""
    with pytest.raises(LineError) as caught:
        parse(text)
    assert reason in str(caught.value)


def test_file_of_requirements(tmp_path: Path) -> None:
    """Comments, blank lines and continued lines are read as pip reads them."""
    path = tmp_path / 'requirements.txt'
    path.write_bytes(
        b'\xef\xbb\xbf# a comment\r\n\r\nfoo<2  # another\r\n'
        b'bar==1 \\\n    --hash=' + A.replace('=', ':').encode() + b' \\\n'
        b'    --hash=' + B.replace('=', ':').encode() + b'\n'
        b'    # via something\n'
        b'foo==3 ; python_version > "3.8"\nbaz \\',
    )
    allowed = read_allow_list(['qux'], str(path))
    assert {
        project: [(str(permit.specifier), permit.hashes) for permit in permits]
        for project, permits in allowed.items()
    } == {
        'qux': [('', frozenset())],
        'foo': [('<2', frozenset()), ('==3', frozenset())],
        'bar': [('==1', frozenset({A, B}))],
        'baz': [('', frozenset())],
    }


def test_options_of_indexes_are_ignored(tmp_path: Path) -> None:
    """The output of pip-compile and uv for an index of one's own is a list of requirements."""
    path = tmp_path / 'requirements.txt'
    path.write_text(
        '-i https://example.com/simple/\n--index-url https://example.com/#x\n'
        '--extra-index-url=https://user:secret@example.com/\n-f wheels\n--find-links wheels\n'
        '--trusted-host example.com  # ours\n--no-binary :all:\n--only-binary foo,bar\n--pre\n'
        '--no-index\n--prefer-binary\n--require-hashes\nfoo==1\n',
    )
    assert [*read_allow_list([], str(path))] == ['foo']


@pytest.mark.parametrize('line', [
    '-e .', '--editable .', '-r a', '--requirement=a', '-c a', '--constraint a', '--index-url',
    '--previous', '--pre foo', '--no-binary',
])
def test_other_options_are_refused(tmp_path: Path, line: str) -> None:
    """Options that add or restrict requirements are errors, as what they permit is unknown."""
    path = tmp_path / 'requirements.txt'
    path.write_text(f'foo\n{line}\n')
    with pytest.raises(FileError, match=r'line 2: .* is an option of pip'):
        read_allow_list([], str(path))


@pytest.mark.parametrize(('content', 'message'), [
    (b'foo\n\n-r other.txt\n', r"requirements\.txt: line 3: '-r other\.txt' is an option of pip"),
    (b'foo \\\n bar', "line 2: 'foo bar' is not a requirement"),
    (b'\xff', 'utf-8'),
    (None, 'No such file'),
])
def test_bad_files(tmp_path: Path, content: bytes | None, message: str) -> None:
    """A file with anything else is an error of one line: what it permits would be unclear."""
    path = tmp_path / 'requirements.txt'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError, match=message):
        read_allow_list([], str(path))


def test_bad_option() -> None:
    """A bad --project is a usage error."""
    with pytest.raises(OptionError, match="--project '-r a' is an option of pip"):
        read_allow_list(['-r a'], None)


@pytest.mark.parametrize(('requirements', 'permitted'), [
    # Without a specifier everything is permitted.
    (['foo'], ['1.0', '1.5', '2.0', '2.1rc1', '3.0.dev1', 'trunk', None]),
    (['foo<2'], ['1.0', '1.5']),
    (['foo>=2'], ['2.0']),
    # A specifier that mentions a pre-release permits others.
    (['foo>=2.0rc1'], ['2.0', '2.1rc1', '3.0.dev1']),
    # If there are no others, pre-releases are permitted.
    (['foo>2'], ['2.1rc1', '3.0.dev1']),
    (['foo==1.0', 'foo==2'], ['1.0', '2.0']),
    (['foo==9'], []),
    (['foo===trunk'], []),
])
def test_selected_versions(requirements: Sequence[str], permitted: Sequence[str | None]) -> None:
    """A file is permitted if at least one requirement permits its version, as in pip."""
    versions = ['1.0', '1.5', '2.0', '2.1rc1', '3.0.dev1', 'trunk', None]
    found = select(
        [parse(requirement)[1] for requirement in requirements],
        [Candidate(version, frozenset()) for version in versions],
    )
    assert [version for version, is_permitted in zip(versions, found, strict=True)
            if is_permitted] == permitted


def test_selected_hashes() -> None:
    """If a requirement has hashes, only files of these are permitted."""
    _, permit = parse(f'foo==1 --hash={A.replace("=", ":")}')
    assert select([permit], [
        Candidate('1', frozenset({A, 'md5=1'})), Candidate('1', frozenset({B})),
        Candidate('1', frozenset()), Candidate('2', frozenset({A})),
    ]) == [True, False, False, False]
