from __future__ import annotations

import pytest

from dumb_pypi.builder import plan
from dumb_pypi.builder.plan import EMPTY_TREE, Tree


def test_groups_that_are_new_or_differ_are_changed() -> None:
    before, now = {'a': '1', 'b': '2', 'c': '3'}, {'d': '4', 'b': '2', 'a': '9'}
    assert plan.changed(before, now) == ['d', 'a']


def test_stale_pages_come_before_those_that_they_lead_to() -> None:
    before = Tree(
        {'foo': ['1', '2'], 'bar': ['1'], 'baz': ()}, {'2024-01': 3, '2024-02': 1},
        ['static/x', 'x'],
    )
    now = Tree({'foo': ['2', '3'], 'baz': ['1']}, {'2024-01': 1}, ['y'])
    assert list(plan.stale_paths(before, now)) == [
        'x',
        'changelog/2024-01-2.html', 'changelog/2024-01-3.html', 'changelog/2024-02.html',
        'pypi/bar/1/json', 'pypi/bar/json', 'simple/bar/index.html', 'simple/bar/index.json',
        'project/bar/index.html',
        'pypi/foo/1/json',
        'static/x',
    ]
    assert list(plan.stale_paths(now, now)) == []


def test_the_union_of_two_trees_has_all_pages() -> None:
    one = Tree({'foo': ['1'], 'bar': ()}, {'2024-01': 3}, ['x'])
    other = Tree({'foo': ['2']}, {'2024-01': 1, '2024-02': 1}, ['y'])
    assert plan.union(one, other) == Tree(
        {'foo': {'1', '2'}, 'bar': set()}, {'2024-01': 3, '2024-02': 1}, {'x', 'y'},
    )
    assert plan.union(EMPTY_TREE, EMPTY_TREE) == Tree({}, {}, set())


@pytest.mark.parametrize(
    ('before', 'now', 'too_much'), (
        ('', '', False),
        ('', 'a', False),
        ('a', '', True),
        ('ab', 'b', False),
        ('abc', 'c', True),
        # As many as before, and yet most are gone.
        ('abc', 'cde', True),
        ('abcd', 'cdef', False),
    ),
)
def test_a_list_may_drop_half_of_the_projects(before: str, now: str, too_much: bool) -> None:
    assert plan.drops_too_much(before, now) == too_much


@pytest.mark.parametrize(
    ('known', 'complete', 'doubtful', 'agreed'), (
        # Nothing is on disk: the previous list is believed, but for what it cannot know.
        ({}, False, (), {'a': '1', 'b': '2'}),
        ({}, False, ('a',), {'b': '2'}),
        # What is on disk can contradict it, also by not being there.
        ({'a': '9'}, False, (), {'b': '2'}),
        ({'a': '1'}, True, (), {'a': '1'}),
        ({'a': '1'}, True, ('a',), {'a': '1'}),
    ),
)
def test_a_previous_list_is_believed_as_far_as_nothing_contradicts_it(
        known: dict[str, str], complete: bool, doubtful: tuple[str, ...], agreed: dict[str, str],
) -> None:
    assert plan.agreed({'a': '1', 'b': '2'}, known, complete, doubtful) == agreed
