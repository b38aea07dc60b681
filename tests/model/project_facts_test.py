from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name

from dumb_pypi.model.project_facts import ProjectFacts, read_facts


def test_later_facts_override_earlier_ones() -> None:
    """Each good line gives the facts of one project, each bad one a notice."""
    facts, lines, notices = read_facts(b'\n'.join([
        (b'{"name": "Foo.Bar", "status": "archived", "status_reason": "done", "summary": "s", '
        b'"home_page": "https://example.com"}'),
        b'{"name": "baz", "status": null, "colour": "red"}',
        b'{"name": "baz", "summary": "later"}',
        b'{"name": "baz", "summary": "later"}',
        b'{"name": "bad", "status": "lost"}',
        b'{"name": "bad", "home_page": "javascript:alert(1)"}',
        b'{"name": "../bad"}',
        b'{"name": "bad", "name": "worse"}',
    ]), 'projects')
    foo_bar, baz = canonicalize_name('foo-bar'), canonicalize_name('baz')
    assert facts == {
        foo_bar: ProjectFacts(foo_bar, 'archived', 'done', 's', 'https://example.com/'),
        baz: ProjectFacts(baz, summary='later'),
    }
    assert lines == {foo_bar: 1, baz: 3}
    assert [str(notice) for notice in notices] == [
        "projects:2: key 'colour' is not known and is ignored on all lines",
        'projects:3: project baz is on line 2 too, with different facts: this later line wins',
        "projects:5: status 'lost' is not one of active, archived, deprecated, quarantined",
        "projects:6: home_page 'javascript:alert(1)' is not an http or https URL",
        "projects:7: name '../bad' is not a valid project name",
        "projects:8: key 'name' appears twice: keep one",
    ]


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
    facts, _, [notice] = read_facts(line, 'projects')
    assert [fact.status for fact in facts.values()] == ['quarantined'] * quarantined
    assert notice.skipped


def test_blank_lines_and_bom_are_skipped() -> None:
    """A byte-order mark, blank lines and spaces around a line are not part of it."""
    facts, lines, notices = read_facts(b'\xef\xbb\xbf\r\n \n {"name": "foo"}\r\n', 'projects')
    assert list(facts) == ['foo']
    assert list(lines.values()) == [3]
    assert not notices


def test_unknown_key_is_reported_once() -> None:
    """Each unknown key has one notice, on its first line."""
    _, _, notices = read_facts(b'{"name": "a", "x": 1}\n{"name": "b", "x": 1, "y": 2}', 'projects')
    assert [str(notice) for notice in notices] == [
        "projects:1: key 'x' is not known and is ignored on all lines",
        "projects:2: key 'y' is not known and is ignored on all lines",
    ]
