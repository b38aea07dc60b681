from __future__ import annotations

import json

import msgspec
import pytest
from packaging.utils import canonicalize_name

from dumb_pypi.model.project_facts import ProjectFacts, read_facts


def test_later_facts_override_earlier_ones() -> None:
    """Each good line gives the facts of one project, each bad one a notice."""
    facts, lines, notices, _ = read_facts(b'\n'.join([
        (b'{"name": "Foo.Bar", "status": "archived", "status_reason": "done", "summary": "s", '
        b'"home_page": "https://example.com"}'),
        b'{"name": "baz", "status": "archived", "summary": "earlier", "colour": "red"}',
        b'{"name": "baz", "status": null, "summary": "later"}',
        b'{"name": "baz", "summary": "later"}',
        b'{"name": "bad", "status": "lost"}',
        b'{"name": "bad", "home_page": "javascript:alert(1)"}',
        b'{"name": "../bad"}',
        b'{"name": "bad", "name": "worse"}',
    ]), 'projects')
    foo_bar, baz = canonicalize_name('foo-bar'), canonicalize_name('baz')
    assert facts == {
        foo_bar: ProjectFacts(foo_bar, 'archived', 'done', 's', 'https://example.com/'),
        baz: ProjectFacts(baz, 'archived', summary='later'),
    }
    assert lines == {foo_bar: 1, baz: 2}
    assert [str(notice) for notice in notices] == [
        "projects:2: key 'colour' is not known and is ignored on all lines",
        'projects:3: project baz is on line 2 too, with another summary: this later line wins',
        "projects:5: status 'lost' is not one of active, archived, deprecated, quarantined",
        "projects:6: home_page 'javascript:alert(1)' is not an http or https URL",
        "projects:7: name '../bad' is not a valid project name",
        "projects:8: key 'name' appears twice: keep one",
    ]


def test_lines_of_a_project_add_up() -> None:
    """A list that a scan wrote can be followed by lines with a status, say, without a message."""
    facts, _, notices, _ = read_facts(b'\n'.join([
        b'{"name": "foo", "license": "MIT", "keywords": "a", "scanned_hash": "sha256=0"}',
        b'{"name": "foo", "status": "quarantined", "summary": "s"}',
        b'{"name": "Foo", "keywords": "a", "summary": ""}',
    ]), 'projects')
    foo = canonicalize_name('foo')
    assert facts == {foo: ProjectFacts(foo, 'quarantined', None, 's', license='MIT', keywords='a')}
    assert not notices


def test_later_status_counts() -> None:
    """Only a line that states a status changes that of an earlier line, with a notice."""
    facts, _, notices, _ = read_facts(b'\n'.join([
        b'{"name": "foo", "status": "quarantined", "license": "MIT"}',
        b'{"name": "foo", "status": "active", "license": "BSD"}',
    ]), 'projects')
    foo = canonicalize_name('foo')
    assert facts == {foo: ProjectFacts(foo, license='BSD')}
    [notice] = notices
    assert str(notice) == (
        'projects:2: project foo is on line 1 too, with another status, license: this later line '
        'wins'
    )


@pytest.mark.parametrize(
    ('line', 'quarantined'), (
        (b'{"name": "foo", "status": "quarantined", "home_page": "foo.example.com"}', True),
        (b'{"name": "foo", "status": "quarantined", "summary": 1}', True),
        (b'{"name": "foo", "status": "quarantined", "status": "quarantined"}', True),
        (b'{"name": "foo", "status": "quarantined", "summary": "caf\xe9"}', True),
        (b'{"name": "foo", "status": "quarantined", "summary": "\\ud83d"}', True),
        (b'{"name": "foo", "status": "active", "summary": "caf\xe9"}', False),
        (b'{"name": "foo", "status": "archived", "summary": 1}', False),
        (b'{"name": "a b", "status": "quarantined"}', False),
        (b'{"name": 1, "status": "quarantined"}', False),
    ),
)
def test_invalid_line_still_quarantines(line: bytes, quarantined: bool) -> None:
    """A mistake elsewhere in its line does not lift the quarantine of a project."""
    facts, _, [notice], _ = read_facts(line, 'projects')
    assert [fact.status for fact in facts.values()] == ['quarantined'] * quarantined
    assert notice.skipped


def test_blank_lines_and_bom_are_skipped() -> None:
    """A byte-order mark, blank lines and spaces around a line are not part of it."""
    facts, lines, notices, _ = read_facts(b'\xef\xbb\xbf\r\n \n {"name": "foo"}\r\n', 'projects')
    assert list(facts) == ['foo']
    assert list(lines.values()) == [3]
    assert not notices


def test_unknown_key_is_reported_once() -> None:
    """Each unknown key has one notice, on its first line."""
    content = b'{"name": "a", "x": 1}\n{"name": "b", "x": 1, "y": 2}'
    _, _, notices, _ = read_facts(content, 'projects')
    assert [str(notice) for notice in notices] == [
        "projects:1: key 'x' is not known and is ignored on all lines",
        "projects:2: key 'y' is not known and is ignored on all lines",
    ]


# A value of each key about the latest release, as a list may state it, and as it is kept.
STATED = {
    'description': ('# Foo\r\n\tcode\rend\x0c\x1b[0m', '# Foo\n\tcode\nend[0m'),
    'description_content_type': (' text/markdown; charset=UTF-8 ', 'text/markdown; charset=UTF-8'),
    'license_expression': ('MIT', 'MIT'),
    'license': ('MIT\n\nPermission is\n', 'MIT\n\nPermission is\n'),
    'license_files': (['LICENSE', '', 'licenses/a b'], ['LICENSE', 'licenses/a b']),
    'author': ('A\nB', 'A B'),
    'author_email': ('"A, B" <a@example.com>', '"A, B" <a@example.com>'),
    'maintainer': ('M', 'M'),
    'maintainer_email': ('m@example.com', 'm@example.com'),
    'keywords': ('a,b\tc', 'a,b c'),
    'classifiers': (['License :: OSI Approved', ' '], ['License :: OSI Approved']),
    'project_urls': (
        {' Source ': 'https://example.com/a b?c#d e', 'Docs': 'HTTP://example.com'},
        {'Source': 'https://example.com/a%20b?c#d%20e', 'Docs': 'http://example.com/'},
    ),
    'provides_extra': (['redis', 'Un_usual.1'], ['redis', 'Un_usual.1']),
}


def read_one(**stated: object) -> tuple[ProjectFacts, list[str]]:
    facts, _, notices, _ = read_facts(json.dumps({'name': 'foo', **stated}).encode(), 'projects')
    return facts[canonicalize_name('foo')], [notice.text for notice in notices]


@pytest.mark.parametrize('key', STATED)
def test_fact_about_a_release(key: str) -> None:
    """A key about the latest release is kept, cleaned, and the build can encode it."""
    given, kept = STATED[key]
    facts, notices = read_one(**{key: given})
    assert not notices
    assert getattr(facts, key) == kept
    assert facts.is_known
    assert json.loads(msgspec.json.encode(facts))[key] == kept


@pytest.mark.parametrize('key', STATED)
def test_empty_fact_is_not_stated(key: str) -> None:
    """An empty value, null and spaces say nothing."""
    given = STATED[key][0]
    blanks: dict[type, list[object]] = {
        str: ['', ' \n'], list: [[], [' ']] if key != 'provides_extra' else [[]],
        dict: [{}, {'': 'https://example.com/'}, {'Source': ''}],
    }
    for empty in (None, *blanks[type(given)]):
        facts, notices = read_one(**{key: empty})
        assert (facts.is_known, notices) == (False, [])


@pytest.mark.parametrize('key', STATED)
def test_fact_of_a_wrong_type(key: str) -> None:
    """A value of another type is an error that says which type the key has."""
    kind = {str: 'a string', list: 'a list of strings', dict: 'a JSON object'}[type(STATED[key][0])]
    for wrong in (1, [1], {'a': 1}):
        line = json.dumps({'name': 'foo', 'status': 'quarantined', key: wrong}).encode()
        facts, _, [notice], _ = read_facts(line, 'projects')
        in_object = type(wrong) is dict and kind == 'a JSON object'
        expected = 'an object whose values are strings' if in_object else kind
        assert notice.text == f'`{key}` must be {expected}'
        assert [fact.status for fact in facts.values()] == ['quarantined']


@pytest.mark.parametrize('key', [key for key in STATED if key not in ('description', 'license')])
def test_control_character_is_refused(key: str) -> None:
    """A control character that no page can carry is an error in every text of one line."""
    bad = '\x1b[0m'
    value = {str: bad, list: [bad], dict: {'Docs': bad}}[type(STATED[key][0])]
    facts, _, [notice], _ = read_facts(json.dumps({'name': 'foo', key: value}).encode(), 'projects')
    assert key in notice.text
    assert notice.skipped == (key != 'provides_extra')
    assert bool(facts) != notice.skipped


def test_bad_link_keeps_the_line() -> None:
    """A link that no page may have is skipped with a notice; all other facts are kept."""
    facts, notices = read_one(summary='s', project_urls={
        'A': 'javascript:alert(1)', 'Docs': 'https://example.com/', 'B': 'example.com',
        'C': 'http://[', 'D': 'https://', 'E': 'ftp://example.com/',
    })
    assert (facts.summary, facts.project_urls) == ('s', {'Docs': 'https://example.com/'})
    assert notices == [f'{reason}: this link is not shown' for reason in (
        "project_urls 'A': 'javascript:alert(1)' is not an http or https URL",
        "project_urls 'B': 'example.com' is not an http or https URL",
        "project_urls 'C': 'http://[' is not a URL: Invalid IPv6 URL",
        "project_urls 'D': 'https://' has no host, or one that is not ASCII",
        "project_urls 'E': 'ftp://example.com/' is not an http or https URL",
    )]


def test_bad_extra_keeps_the_line() -> None:
    """An extra with an invalid name is skipped with a notice: readers paste extras into a shell."""
    facts, notices = read_one(summary='s', provides_extra=['a', '$(reboot)', 'b'])
    assert (facts.summary, facts.provides_extra) == ('s', ['a', 'b'])
    assert notices == [
        "provides_extra '$(reboot)' is not a valid name: this extra is not shown",
    ]


def test_home_page_may_have_a_fragment() -> None:
    """The home page may be a part of a page."""
    facts, notices = read_one(home_page='https://example.com/foo#readme')
    assert (facts.home_page, notices) == ('https://example.com/foo#readme', [])


def test_yanks_of_releases_and_files() -> None:
    """A fact about a file counts more than one about its release; a later line wins."""
    facts, _, notices, _ = read_facts(b'\n'.join([
        b'{"name": "foo", "version": "1.0", "yanked_reason": "broken"}',
        b'{"name": "foo", "version": "1.0", "filename": "foo-1.zip", "yanked_reason": false}',
        b'{"name": "Foo", "version": "1.0.0", "yanked_reason": ""}',
        b'{"name": "foo", "version": "1", "yanked_reason": null}',
        b'{"name": "foo", "version": "1_1", "yanked_reason": " a\\nb ", "summary": "s"}',
    ]), 'projects')
    foo = facts[canonicalize_name('foo')]
    assert foo.is_known and foo.summary == 's'
    asked: list[tuple[str, str | None]] = [
        ('foo-1.0.zip', '1.0'), ('foo-1.zip', '1'), ('foo-1.0.0.zip', '1.0.0'),
        ('foo-1.post1.zip', '1.post1'), ('foo-2.zip', '2'), ('foo.zip', None),
    ]
    assert [foo.yanked_reason(*file) for file in asked] == ['', False, '', 'a b', None, None]
    assert [str(notice) for notice in notices] == [
        ("projects:3: version '1.0.0' is on line 1 too, with another yanked_reason: "
        'this later line wins'),
    ]


@pytest.mark.parametrize(('keys', 'reason'), (
    ({'yanked_reason': 'broken'}, ('`yanked_reason` is about a release or a file: give its '
                                  '`version` or `filename`')),
    ({'yanked_reason': '', 'version': ' '}, ('`yanked_reason` is about a release or a file: give '
                                            'its `version` or `filename`')),
    ({'yanked_reason': True, 'version': '1'}, ('`yanked_reason` must be a string or false: give '
                                              'the reason, or ""')),
    ({'yanked_reason': 1, 'version': '1'}, '`yanked_reason` must be a string or false'),
    ({'yanked_reason': '', 'version': 1}, '`version` must be a string'),
    ({'yanked_reason': '', 'filename': ['a']}, '`filename` must be a string'),
    ({'yanked_reason': '\x1b[0m', 'version': '1'}, ("yanked_reason '\\x1b[0m' has the control "
                                                   'character U+001B: remove it')),
    ({'yanked_reason': '', 'version': '1\x00'}, ("version '1\\x00' has the control character "
                                                'U+0000: remove it')),
))
def test_bad_yank_is_skipped(keys: dict[str, object], reason: str) -> None:
    """A yank that cannot be applied is reported, and yanks nothing else."""
    line = json.dumps({'name': 'foo', **keys}).encode()
    facts, _, [notice], _ = read_facts(line, 'projects')
    assert (facts, notice.text, notice.skipped) == ({}, reason, True)
    quarantining = json.dumps({'name': 'foo', 'status': 'quarantined', **keys}).encode()
    facts, _, [notice], _ = read_facts(quarantining, 'projects')
    assert facts == {
        name: ProjectFacts(name, 'quarantined') for name in (canonicalize_name('foo'),)
    }
