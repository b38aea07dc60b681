"""What the last build left, and what there is to be → what to render and what to delete."""
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from dumb_pypi.pages import paths


class Tree(msgspec.Struct, array_like=True, frozen=True):
    """Which pages there are.

    `releases` are those of each project that have a page of their own, as they are or in JSON:
    those of a project that stays as it is need no decoding. `months` says how many
    pages each month has, `others` are the paths of pages that belong to neither.
    """
    releases: Mapping[str, Collection[str] | msgspec.Raw]
    months: Mapping[str, int]
    others: Collection[str]


class Baseline(msgspec.Struct, frozen=True):
    """What a list is compared with: fingerprints of groups whose pages need no rendering.

    `tree` has all pages that may be there, `published` the names of the projects of the index.
    """
    projects: Mapping[str, str]
    months: Mapping[str, str]
    tree: Tree
    published: Collection[str]


EMPTY_TREE = Tree({}, {}, ())


def union(one: Tree, other: Tree) -> Tree:
    """All pages of both."""
    return Tree(
        {
            project: {
                *_decoded(one.releases.get(project, ())),
                *_decoded(other.releases.get(project, ())),
            }
            for project in (*one.releases, *other.releases)
        },
        {
            month: max(one.months.get(month, 0), other.months.get(month, 0))
            for month in (*one.months, *other.months)
        },
        {*one.others, *other.others},
    )


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The groups whose fingerprint is not what it was, in the order of `now`."""
    return [name for name, fingerprint in now.items() if before.get(name) != fingerprint]


def is_same(before: Mapping[str, str], now: Mapping[str, str], there: Collection[str]) -> bool:
    """Whether all groups are as they were, and there are pages of no others."""
    return not changed(before, now) and all(name in now for name in there)


def agreed(
        previous: Mapping[str, str], known: Mapping[str, str], complete: bool,
        doubtful: Collection[str],
) -> dict[str, str]:
    """The fingerprints of a previous list that nothing on disk contradicts.

    `known` are those of the groups on disk, which is all of them if it is `complete`; of the
    groups that are `doubtful` only what is on disk counts.
    """
    return {
        name: fingerprint for name, fingerprint in previous.items()
        if known.get(name, None if complete or name in doubtful else fingerprint) == fingerprint
    }


def stale_paths(before: Tree, now: Tree) -> Iterator[str]:
    """The pages that were there and are not to be, each before those that it leads to."""
    others = sorted(set(before.others) - set(now.others))
    # Every page leads to a style sheet, and pages of no group to pages of any.
    yield from (path for path in others if not path.startswith(paths.STATIC))
    for month, pages in sorted(before.months.items()):
        for number in range(now.months.get(month, 0) + 1, pages + 1):
            yield paths.changelog_page(month, number)
    for project, releases in sorted(before.releases.items()):
        kept = now.releases.get(project, ())
        if kept is releases:
            continue
        for release in sorted(set(_decoded(releases)).difference(_decoded(kept))):
            yield paths.release_json(project, release)
        if project not in now.releases:
            yield from reversed(paths.of_project(project))
    yield from (path for path in others if path.startswith(paths.STATIC))


def _decoded(releases: Collection[str] | msgspec.Raw) -> Collection[str]:
    return _decode(releases) if isinstance(releases, msgspec.Raw) else releases


def drops_too_much(before: Collection[str], now: Collection[str]) -> bool:
    """Whether more than half of the projects are gone: a failed listing, more likely than not."""
    dropped = sum(name not in now for name in before)
    return dropped * 2 > len(before)


_decode = msgspec.json.Decoder(list[str]).decode
