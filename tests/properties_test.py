"""What holds for every list, looked for with lists that nobody would write."""
from __future__ import annotations

import contextlib
import datetime
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from dumb_pypi import build
from dumb_pypi.builder.report import Report
from dumb_pypi.errors import LineError, Notice, UnusableListError
from dumb_pypi.model.distfile import check_json, read_checked
from dumb_pypi.model.fields import encode, Line, unknown_keys
from dumb_pypi.model.project_facts import read_facts
from dumb_pypi.model.urls import PackagesUrl
from dumb_pypi.options import PLAIN
from tests.support import strategies, trees
from tests.support.hostile import dangers
from tests.support.lists import read_files
from tests.support.markup import HtmlPage
from tests.support.simple_forms import as_in_html, html_files, with_absolute_urls
from tests.support.trees import Facts

cheap = settings(max_examples=200)
with_a_tree = settings(max_examples=30)


class Built(NamedTuple):
    """A tree in memory, and what its build said."""
    report: Report
    pages: dict[str, bytes]


def built(
        content: bytes, *, plain: bool = False, projects: bytes = b'',
        previous: bytes | None = None,
) -> Built:
    """Build a tree of lists; every page that was written is in the output directory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'list')
        path.write_bytes(content)
        facts = Path(folder, 'projects')
        facts.write_bytes(projects)
        previous_list = Path(folder, 'previous')
        previous_list.write_bytes(previous or b'')
        report = build(
            package_list=str(path) if plain else None,
            package_list_json=None if plain else str(path),
            previous_package_list_json=None if previous is None else str(previous_list),
            project_list_json=str(facts),
            output_dir=f'{folder}/site/index', packages_url='../../pool/', site_url=trees.SITE_URL,
            allow_shrink=True,
        )
        pages = trees.pages_in(Path(folder, 'site/index'))
        others = [
            path for path in trees.files_below(Path(folder)) if not path.startswith('site/index/')
        ]
    assert sorted(others) == ['list', 'previous', 'projects']
    return Built(report, pages)


def built_from(lines: list[Facts]) -> Built:
    tree = built(trees.json_lines(lines))
    assert tree.report.notices == []
    return tree


def listed_files(tree: Built) -> dict[str, Facts]:
    """The files of all simple pages in JSON, by name; the pages in HTML say the same."""
    files: dict[str, Facts] = {}
    for path, content in tree.pages.items():
        if Path(path).match('simple/*/index.json'):
            page: list[Facts] = json.loads(content)['files']
            html = HtmlPage(tree.pages[path.replace('.json', '.html')])
            assert html.problems() == []
            # A client of the HTML form resolves its URLs, one of the JSON form need not.
            assert with_absolute_urls(html_files(html), f'{trees.SITE_URL}{path}') == [
                as_in_html(file) for file in page
            ]
            files |= {file['filename']: file for file in page}
    return files


def expected(line: Facts) -> Facts:
    """What a simple page has to say of a file of a list, in the words of the standard."""
    url = line.get('url', quote(line['filename'], safe=''))
    facts: Facts = {
        'filename': line['filename'],
        'url': url if '://' in url else f'{trees.SITE_URL}pool/{url}',
        'hashes': hashes(line['hash']) if 'hash' in line else {},
    }
    if 'core_metadata' in line:
        metadata = line['core_metadata']
        facts['core-metadata'] = metadata == 'true' or hashes(metadata)
    if 'yanked_reason' in line:
        facts['yanked'] = line['yanked_reason'] or True
    if 'requires_python' in line:
        facts['requires-python'] = line['requires_python']
    return facts | {key: line[key] for key in ('provenance', 'size') if key in line}


def hashes(text: str) -> dict[str, str]:
    return dict([text.lower().split('=')])


def assert_told_well(notices: Iterable[Notice]) -> None:
    for notice in notices:
        assert str(notice).isprintable()
        assert len(str(notice)) < 500


@cheap
@given(st.lists(strategies.any_json_lines, max_size=4))
def test_any_json_line_is_handled(lines: list[bytes]) -> None:
    """Each line of bytes is a file, or is reported in one printable line."""
    assert_told_well(read_files(b'\n'.join(lines)).notices)


@cheap
@given(st.lists(strategies.any_plain_lines, max_size=4))
def test_any_plain_line_is_handled(lines: list[bytes]) -> None:
    """Each line of bytes is a file, or is reported in one printable line."""
    assert_told_well(read_files(b'\n'.join(lines), PLAIN).notices)


@cheap
@given(st.lists(strategies.any_json_lines, max_size=4))
def test_any_project_line_is_handled(lines: list[bytes]) -> None:
    """Each line of bytes states facts, or is reported in one printable line."""
    assert_told_well(read_facts(b'\n'.join(lines), 'list').notices)


@with_a_tree
@given(st.lists(strategies.any_json_lines, max_size=4), st.lists(strategies.any_plain_lines))
def test_any_accepted_line_is_built(json_lines: list[bytes], plain_lines: list[bytes]) -> None:
    """Pages stay in the output directory, at different paths, and nothing in them runs."""
    for lines, plain in ((json_lines, False), (plain_lines, True)):
        try:
            tree = built(b'\n'.join(lines), plain=plain)
        except UnusableListError:
            # No line was accepted.
            continue
        assert len(tree.pages) == tree.report.written + tree.report.unchanged
        assert tree.report.files == len(tree.pages['packages.json'].splitlines())
        assert dangers(tree.pages) == []


@with_a_tree
@given(strategies.lists(strategies.filenames | strategies.odd_filenames))
def test_simple_pages_state_the_list(lines: list[Facts]) -> None:
    """HTML and JSON have every file with all its values."""
    files = listed_files(built_from(lines))
    assert files.keys() == {line['filename'] for line in lines}
    for line in lines:
        file = files[line['filename']]
        assert unquote(urlsplit(file['url']).path.rpartition('/')[2]) == line['filename']
        time = file.pop('upload-time', None)
        assert file == expected(line)
        assert (None if time is None else datetime.datetime.fromisoformat(time)) == (
            None if 'upload_timestamp' not in line else datetime.datetime.fromtimestamp(
                line['upload_timestamp'], datetime.UTC,
            )
        )


@with_a_tree
@given(st.data())
def test_order_of_the_list_is_irrelevant(data: st.DataObject) -> None:
    """A shuffled list gives the same tree."""
    lines = data.draw(strategies.lists())
    shuffled = data.draw(st.permutations(lines))
    assert built_from(shuffled).pages == built_from(lines).pages


@with_a_tree
@given(strategies.lists(strategies.filenames | strategies.odd_filenames))
def test_packages_json_rebuilds_the_tree(lines: list[Facts]) -> None:
    """A build from `packages.json` gives the same tree."""
    tree = built_from(lines)
    again = built(tree.pages['packages.json'])
    assert again.report.notices == []
    assert again.pages == tree.pages


@settings(max_examples=8)
@given(strategies.lists())
def test_false_means_not_yanked(lines: list[Facts]) -> None:
    """A list that says so of every other file has the same tree, and differs in no project."""
    with_false = trees.json_lines([{'yanked_reason': False, **line} for line in lines])
    tree = built_from(lines)
    assert built(with_false).pages == tree.pages
    without_changes = built(
        trees.json_lines(lines), previous=built(with_false).pages['packages.json'],
    )
    assert [page for page in without_changes.pages if page.startswith('project/')] == []
    assert without_changes.pages['packages.json'] == tree.pages['packages.json']


@cheap
@given(st.lists(strategies.any_json_lines | strategies.urls(), max_size=4))
# A key that is not UTF-8: the decoder skips unknown keys without a look at their bytes.
@example([b'{"filename": "a-0.zip", "si\x80ze": 0}'])
def test_file_survives_a_round_trip(lines: list[bytes]) -> None:
    """A file read from any line is the file read from its normal form."""
    for line in lines:
        # A build refuses lines that are not UTF-8 before it looks for JSON in them.
        with contextlib.suppress(LineError, UnicodeDecodeError):
            line.decode()
            file, normal, unknown = check_json(line)
            assert unknown == unknown_keys(line, Line)
            assert encode(file.line) == normal
            assert json.loads(normal)['filename'] == file.filename
            assert read_checked(normal) == file
            assert check_json(normal) == (file, normal, [])


@with_a_tree
@given(
    st.lists(strategies.path_parts, max_size=2), strategies.odd_filenames,
    st.none() | strategies.hashes,
)
def test_plain_and_json_lists_agree(folders: list[str], filename: str, digest: str | None) -> None:
    """The same path and hash give the same tree."""
    # A plain list has no way to write a `#` that does not begin a hash; a colon, behind a dot.
    place = '/'.join(('.', *folders, filename)).replace('#', '_')
    plain = place if digest is None else f'{place}#{digest}'
    line = {'filename': place.rpartition('/')[2], 'url': quote(place), 'hash': digest}
    one = built(plain.encode(), plain=True)
    other = built(trees.json_lines([line]))
    assert one.pages == other.pages
    assert one.report.files == 1


@with_a_tree
@given(strategies.lists(), strategies.good_text, st.sampled_from(['active', 'archived']))
def test_project_facts_touch_only_its_pages(lines: list[Facts], summary: str, status: str) -> None:
    """Facts about one project change its pages and the root pages, no others."""
    facts = {'name': lines[0]['filename'].partition('-')[0], 'summary': summary, 'status': status}
    with_facts = built(trees.json_lines(lines), projects=trees.json_lines([facts]))
    without = built_from(lines)
    assert with_facts.pages.keys() == without.pages.keys()
    other_pages = {
        path for path in without.pages
        if path.count('/') > 1 and canonicalize_name(facts['name']) != path.split('/')[1]
    }
    for page in other_pages:
        assert with_facts.pages[page] == without.pages[page]


@cheap
@given(
    st.lists(st.sampled_from(['..', '.', 'a', 'b c', '%2B']), min_size=1, max_size=6).map('/'.join),
    st.sampled_from(['simple/foo/index.html', 'project/foo/index.html', 'pypi/foo/json',
                     'pypi/foo/1.0/json']),
)
def test_all_pages_agree_on_file_urls(base: str, page: str) -> None:
    """A relative packages URL is relative to `simple/<project>/`, and is rebased on other pages."""
    site = 'https://example.com/so/deep/that/no/base/leads/above/it/'
    packages_url = PackagesUrl.parse(base)
    wanted = urljoin(f'{site}simple/foo/', f'{packages_url.base}foo-1.0.zip')
    assert urljoin(site + page, f'{packages_url.prefix("foo", page)}foo-1.0.zip') == wanted
    assert f'{packages_url.prefix("foo", page, site)}foo-1.0.zip' == wanted
