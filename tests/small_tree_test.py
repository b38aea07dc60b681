"""A small index, compared byte for byte: a change of any page is seen in the history.

`python -m tests.small_tree_test` writes it anew.
"""
from __future__ import annotations

import shutil
from pathlib import Path

from dumb_pypi import build

HERE = Path(__file__).parent
EXPECTED = HERE / 'small_tree'


def build_small_tree(output_dir: Path) -> None:
    report = build(
        package_list_json=str(HERE / 'small-list.jsonl'),
        project_list_json=str(HERE / 'small-projects.jsonl'),
        packages_url='../../pool/',
        site_url='https://index.example.com/',
        title='Small <tree>',
        logo='logo.png',
        logo_width=48,
        output_dir=str(output_dir),
    )
    assert not report.notices


def contents(tree: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in sorted(tree.rglob('*')) if path.is_file() and '.dumb-pypi' not in path.parts
    }


def test_small_tree_is_unchanged(tmp_path: Path) -> None:
    """Each page has exactly the committed bytes."""
    build_small_tree(tmp_path)
    found, expected = contents(tmp_path), contents(EXPECTED)
    assert list(found) == list(expected)
    for path, content in found.items():
        assert content.decode() == expected[path].decode(), path


if __name__ == '__main__':
    shutil.rmtree(EXPECTED, ignore_errors=True)
    build_small_tree(EXPECTED)
    shutil.rmtree(EXPECTED / '.dumb-pypi')
