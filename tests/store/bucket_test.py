"""An index in a bucket: the same bytes as in a folder, at every moment an index that installs."""
from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import re
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote

import pytest

from dumb_pypi import build
from dumb_pypi.builder.check import check
from dumb_pypi.builder.comparison import CheckReport, Difference
from dumb_pypi.errors import BusyError, DumbPypiError, FileError, UncheckableError
from dumb_pypi.store import bucket as store_bucket
from dumb_pypi.store import bucket_writer
from dumb_pypi.store import changes as store_changes
from dumb_pypi.store.bucket import Bucket
from dumb_pypi.store.bucket_writer import BucketTarget
from dumb_pypi.store.client import Client
from testing.distributions import make
from tests.support.bucket_places import FEBRUARY, HISTORY, lines, Place, PREFIX, serve_place, xml
from tests.support.memory_s3 import MemoryS3
from tests.support.recorder import LOCK, Recorder
from tests.support.servers import Response, Server, TIMEOUT
from tests.support.sound import tree_of


def test_bucket_equals_folder(moto_place: Place) -> None:
    """A bucket has the pages of a folder, and after each change no link is dangling."""
    place = moto_place
    for listed in HISTORY:
        place.recorder.requests.clear()
        report = place.build(listed)
        expected = place.pages(listed)
        assert place.recorder.tree == expected
        assert place.recorder.problems == []
        assert place.recorder.own == {'state.json', 'chunks'}
        written = [path for path in place.recorder.changes() if not path.startswith('.dumb')]
        assert report.written == len({*written})
        assert written[-1] == 'packages.json'
    for path in expected:
        headers = place.recorder.headers[path]
        assert headers['Content-Type'] == store_changes.content_type(path)
        assert headers['Cache-Control'] == (
            'no-cache' if path == 'packages.json' else
            'max-age=31536000, immutable' if re.fullmatch(r'static/.+-[0-9a-f]{12}\.\w+', path) else
            'max-age=60, must-revalidate'
        )


def test_few_requests(place: Place) -> None:
    """No change takes five requests and writes nothing, one more file of 3,000 at most 60."""
    recorder = place.recorder
    recorder.watched = False
    listed = lines(*(f'p{number}' for number in range(100)), months=3, files=30)
    place.build(listed, per_release_json=False)
    recorder.requests.clear()
    assert place.build(listed, per_release_json=False)[2:5] == (0, 0, 0)
    assert len(recorder.requests) <= 5
    assert recorder.changes() == []
    recorder.requests.clear()
    more = [*listed, json.dumps({'filename': 'p7-2.0.zip', 'upload_timestamp': FEBRUARY})]
    place.build(more, per_release_json=False)
    assert len(recorder.requests) <= 60
    assert not [path for method, path in recorder.requests
                if method == 'GET' and '/' in path and not path.startswith(('.dumb', '/'))]
    assert recorder.tree == place.pages(more, per_release_json=False)


@pytest.mark.randomised
def test_killed_builds_leave_no_gap(place: Place) -> None:
    """However often builds are killed, the next one completes the index."""
    chance = random.Random(os.environ.get('PYTHONHASHSEED', '0'))  # noqa: S311 - it chooses moments
    for listed in (*HISTORY, HISTORY[0]):
        place.kill_at(listed, chance.randrange(1, 60))
        assert place.recorder.problems == []
        if chance.random() < 0.3:
            continue
        place.build(listed)
        assert place.recorder.problems == []
        assert place.recorder.tree == place.pages(listed)
        place.recorder.aged = False


def test_second_build_is_refused(place: Place) -> None:
    """While a build runs, another one reports that and writes nothing."""
    place.recorder.paused_at = 'simple/index.html'
    process = place.start(HISTORY[0])
    assert place.recorder.paused.wait(TIMEOUT)
    place.recorder.requests.clear()
    with pytest.raises(BusyError):
        place.build(HISTORY[1])
    assert {path for path in place.recorder.changes() if path != LOCK} <= {
        path for path in place.recorder.changes() if path.startswith(f'{LOCK}-')
    }
    place.recorder.resumed.set()
    _, printed = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, printed) == (0, b'')
    assert place.recorder.tree == place.pages(HISTORY[0])


def test_terminated_build_releases_lock(place: Place) -> None:
    """A build that gets SIGTERM ends silently by it, and the next one need not wait."""
    place.recorder.paused_at = 'simple/index.html'
    process = place.start(HISTORY[0], '-j2')
    assert place.recorder.paused.wait(TIMEOUT)
    process.terminate()
    place.recorder.resumed.set()
    assert process.communicate(timeout=TIMEOUT) == (b'', b'')
    assert process.returncode == -signal.SIGTERM
    assert LOCK not in place.recorder.objects
    assert place.recorder.problems == []
    place.build(HISTORY[0])
    assert place.recorder.tree == place.pages(HISTORY[0])


def test_failed_build_leaves_its_groups(place: Place) -> None:
    """If a page cannot be written, the next build writes the groups of the failed one again."""
    place.build(HISTORY[0])
    place.recorder.refusals = [('simple/ant', 403, xml('AccessDenied'))]
    with pytest.raises(FileError, match='permission denied'):
        place.build(HISTORY[1])
    # A request that failed may still arrive.
    Client(place.url).put('simple/ant/index.html', b'late', {})
    place.build(HISTORY[1])
    assert place.recorder.tree == place.pages(HISTORY[1])
    assert place.recorder.own == {'state.json', 'chunks'}


def test_build_that_lost_its_lock_ends(place: Place) -> None:
    """A build that was held up never commits, and the next one repairs what it overwrote."""
    place.build(HISTORY[0])
    place.recorder.paused_at = 'project/ant/index.html'
    process = place.start(HISTORY[1])
    assert place.recorder.paused.wait(TIMEOUT)
    place.recorder.aged = True
    place.build(HISTORY[2])
    place.recorder.aged = False
    # The page of the first build arrives after that of the second one.
    place.recorder.resumed.set()
    _, printed = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert b'lost its lock' in printed
    assert printed.count(b'\n') == 1
    place.build(HISTORY[2])
    assert place.recorder.tree == place.pages(HISTORY[2])
    assert place.recorder.own == {'state.json', 'chunks'}


def test_only_one_build_commits(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the lock fails, a build still does not replace the state of another one."""
    place.build(HISTORY[0])
    write_state = Bucket.write_state

    def write_after_another(self: Bucket, content: bytes) -> None:
        client = Client(place.url)
        found = client.get('.dumb-pypi/state.json')
        assert found is not None
        client.replace('.dumb-pypi/state.json', found[0] + b' ', found[1])
        write_state(self, content)

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, 'write_state', write_after_another)
        with pytest.raises(BusyError):
            place.build(HISTORY[1])
    place.build(HISTORY[1])
    assert place.recorder.tree == place.pages(HISTORY[1])


def test_touched_pages_are_repaired(place: Place) -> None:
    """A build replaces a root page that was edited or deleted, and `--full` all pages."""
    place.build(HISTORY[0])
    expected = place.pages(HISTORY[0])
    client = Client(place.url)
    for path in ('index.html', 'simple/index.json', 'packages.json', '404.html'):
        client.put(path, b'mine', {})
        place.build(HISTORY[0])
        assert place.recorder.tree == expected
        client.delete([path])
        place.build(HISTORY[0])
        assert place.recorder.tree == expected
    for path in ('project/ant/index.html', 'changelog/2024-02.html', 'pypi/old/1.0/json'):
        client.put(path, b'mine', {})
    place.build(HISTORY[0], full=True)
    assert place.recorder.tree == expected


def test_lost_state_writes_all_pages(place: Place) -> None:
    """Without a state, everything is written, and pages of removed projects are deleted."""
    place.build(HISTORY[1])
    client = Client(place.url)
    client.delete(['.dumb-pypi/state.json'])
    place.build(HISTORY[3])
    assert place.recorder.tree == place.pages(HISTORY[3])
    client.delete(['.dumb-pypi/state.json', 'packages.json'])
    place.build(HISTORY[4], full=True)
    assert place.recorder.tree == place.pages(HISTORY[4])


def test_other_options_write_what_differs(place: Place) -> None:
    """Pages that are the same with other options are not written again."""
    place.build(HISTORY[0])
    place.recorder.requests.clear()
    place.build(HISTORY[0], title='Other')
    written = place.recorder.changes()
    assert 'index.html' in written
    assert 'simple/ant/index.json' not in written
    assert place.recorder.tree == place.pages(HISTORY[0], title='Other')


@pytest.mark.parametrize('moto_place', [PREFIX], indirect=True)
def test_slash_keys(moto_place: Place, s3: Server) -> None:
    """Each index.html is at the key of its folder too, until the option is gone."""
    place = moto_place

    def at(key: str) -> tuple[int, bytes, str]:
        found = s3.ask(f'/{place.recorder.place}{key}')
        return found.status, found.body, found.headers['Content-Type']

    place.build(HISTORY[0])
    place.build(HISTORY[0], slash_keys=True)
    place.build(HISTORY[2], slash_keys=True)
    for path, page in place.pages(HISTORY[2]).items():
        if path.endswith('index.html'):
            assert at(path) == at(path.removesuffix('index.html')) == (200, page, 'text/html')
    assert at('simple/bee/')[0] == 404
    place.build(HISTORY[2])
    assert {at(key)[0] for key in ('', 'simple/', 'simple/ant/')} == {404}
    assert place.recorder.tree == place.pages(HISTORY[2])


def test_slash_keys_of_killed_build(place: Place) -> None:
    """A build without the option deletes the keys that a killed one with it has written."""
    place.build(HISTORY[0])
    place.kill_at(HISTORY[2], 60, '--slash-keys')
    assert 'simple/dog/' in place.recorder.objects
    place.build(HISTORY[0])
    assert place.recorder.tree == place.pages(HISTORY[0])
    assert not [path for path in place.recorder.objects if path == '' or path[-1] == '/']


def test_slash_keys_below_unusual_prefix(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A prefix may have any characters, and refused requests for such keys are repeated."""
    prefix = 'a b/ü%{|}^`\\"/'
    recorder = Recorder(MemoryS3(), 'index', prefix)
    with serve_place(recorder, tmp_path, monkeypatch) as place:
        refusals = [(f'{quote(f"{prefix}simple/ant")}/', 503, xml('SlowDown'))]
        recorder.refusals = [*refusals]
        place.build(HISTORY[0], slash_keys=True)
        pages = place.pages(HISTORY[0])
        expected = {
            path.removesuffix('index.html'): page for path, page in pages.items()
            if path.endswith('index.html')
        }
        found = {path: page for path, page in recorder.objects.items() if path in expected}
        assert found == expected
        assert recorder.tree == pages
        recorder.refusals = [*refusals]
        place.build(HISTORY[0])
        assert recorder.refusals == []
        assert recorder.tree == pages
        assert recorder.objects.keys() == {*pages, '.dumb-pypi/state.json', '.dumb-pypi/chunks'}


def test_tags_of_another_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If ETags are no MD5, and listed without quotation marks, equal pages are not sent again."""
    recorder = Recorder(MemoryS3(other_tags=True), 'index')
    with serve_place(recorder, tmp_path, monkeypatch) as place:
        place.build(HISTORY[0])
        recorder.requests.clear()
        assert place.build(HISTORY[0]).written == 0
        assert recorder.changes() == []
        assert len(recorder.requests) <= 5
        place.build(HISTORY[0], title='Other')
        assert 'packages.json' not in recorder.changes()
        assert recorder.tree == place.pages(HISTORY[0], title='Other')
        assert check(place.url) == CheckReport(len(recorder.tree), [])
        Client(place.url).put('packages.json', b'mine', {})
        assert check(place.url).differences == [Difference('changed', 'packages.json')]
        place.build(HISTORY[0], title='Other')
        assert recorder.tree == place.pages(HISTORY[0], title='Other')


def test_changes_file(place: Place, tmp_path: Path) -> None:
    """The changes file has what was written to the bucket, and what was deleted there."""
    changes = tmp_path / 'changes'
    place.build(HISTORY[1])
    before = place.recorder.tree
    place.build(HISTORY[3], changes_file=changes)
    tree = dict.fromkeys(before, '')
    for text in changes.read_bytes().splitlines():
        line = json.loads(text)
        if line['action'] == 'delete':
            tree.pop(line['path'], None)
        else:
            tree[line['path']] = line['sha256']
    assert tree.keys() == place.recorder.tree.keys()
    assert {path: digest for path, digest in tree.items() if digest} == {
        path: hashlib.sha256(place.recorder.tree[path]).hexdigest()
        for path, digest in tree.items() if digest
    }


def test_check(place: Place) -> None:
    """A check finds each page that is missing, empty, changed or unknown, by a listing."""
    with pytest.raises(UncheckableError, match='no build has written an index there'):
        check(place.url)
    with pytest.raises(UncheckableError, match='is not the URL of a bucket'):
        check(f'{place.url}?x=1')
    place.build(HISTORY[2])
    place.recorder.requests.clear()
    pages = len(place.recorder.tree)
    assert check(place.url) == CheckReport(pages, [])
    assert len(place.recorder.requests) <= 5
    client = Client(place.url)
    client.delete(['pypi/ant/1.0/json'])
    client.put('project/ant/index.html', b'', {})
    client.put('changelog/2024-02.html', b'mine', {})
    client.put('packages.json', b'mine', {})
    client.put('pypi/ant/9.0/json', b'mine', {})
    client.put('simple/old/index.html', b'mine', {})
    client.put('mine.html', b'mine', {})
    assert check(place.url) == CheckReport(pages, [
        Difference('changed', 'changelog/2024-02.html'),
        Difference('changed', 'packages.json'),
        Difference('empty', 'project/ant/index.html'),
        Difference('missing', 'pypi/ant/1.0/json'),
        Difference('unknown', 'pypi/ant/9.0/json'),
        Difference('unknown', 'simple/old/index.html'),
    ])
    place.build(HISTORY[2], full=True)
    assert check(place.url) == CheckReport(pages, [])


def test_unfinished_index_is_not_checked(place: Place) -> None:
    """A check of an index that a build has begun to change, or whose state is damaged, ends."""
    place.build(HISTORY[0])
    client = Client(place.url)
    client.put_own('.dumb-pypi/pending.json', b'')
    with pytest.raises(UncheckableError, match='a build is running or was interrupted'):
        check(place.url)
    client.delete(['.dumb-pypi/pending.json'])

    def build_meanwhile(_: float) -> None:
        client.put_own('.dumb-pypi/pending.json', b'')

    with pytest.raises(UncheckableError, match='a build ran during the check'):
        check(place.url, build_meanwhile)
    # Damaged pending groups mean that every page is written.
    place.build(HISTORY[0])
    assert place.recorder.tree == place.pages(HISTORY[0])
    client.put_own('.dumb-pypi/state.json', b'x')
    with pytest.raises(UncheckableError, match='its state is damaged'):
        check(place.url)


def test_throttled_requests_are_repeated(place: Place) -> None:
    """If the store asks for fewer requests, they are sent again."""
    place.recorder.refusals = [
        (path, 503, xml('SlowDown')) for path in ('simple/ant', 'state.json', 'index.html', LOCK)
    ]
    place.build(HISTORY[0])
    assert place.recorder.refusals == []
    assert place.recorder.tree == place.pages(HISTORY[0])


def test_folder_of_packages(place: Place, tmp_path: Path) -> None:
    """A folder is scanned under the lock, and only new files are read; READMEs are rendered."""
    pool = tmp_path / 'pool'
    pool.mkdir()
    make(pool, {'filename': 'foo-1.0-py3-none-any.whl'})
    facts = tmp_path / 'facts'
    facts.write_text(json.dumps({
        'name': 'foo', 'description': '# Hello', 'description_content_type': 'text/markdown',
    }))
    for number in range(3):
        if number:
            make(pool, {'filename': f'foo-1.{number}-py3-none-any.whl'})
        options: dict[str, Any] = {
            'packages_dir': pool, 'packages_url': 'https://files.example.com/', 'jobs': 1,
            'project_list_json': facts,
        }
        build(**options, output_dir=place.url)
        build(**options, output_dir=place.out)
        assert place.recorder.tree == {
            path: page for path, page in tree_of(place.out).items() if path[-1] != '/'
        }
    Client(place.url).put('packages.json', b'mine', {})
    build(**options, output_dir=place.url)
    assert place.recorder.tree['packages.json'] != b'mine'


class UnconditionalS3(MemoryS3):
    """A store that ignores conditions."""

    def ask(
            self, path: str, method: str = 'GET', headers: Mapping[str, str] | None = None,
            body: bytes | None = None,
    ) -> Response:
        sent = {
            name: value for name, value in (headers or {}).items()
            if not name.lower().startswith('if-')
        }
        return super().ask(path, method, sent, body)


def test_store_without_conditions_is_refused(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No build writes to a store that could not keep two builds apart."""
    recorder = Recorder(UnconditionalS3(), 'index')
    with (
        serve_place(recorder, tmp_path, monkeypatch) as place,
        pytest.raises(DumbPypiError, match='the store ignores conditions'),
    ):
        place.build(HISTORY[0])
    assert recorder.objects == {}


def test_long_or_empty_state(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state may have a long first line, or be empty."""
    place.build(HISTORY[0])
    with monkeypatch.context() as patch:
        patch.setattr(store_bucket, '_FIRST', 10)
        assert place.build(HISTORY[0]).written == 0
    Client(place.url).put_own('.dumb-pypi/state.json', b'')
    place.build(HISTORY[0])
    assert place.recorder.tree == place.pages(HISTORY[0])


def test_objects_that_vanish(place: Place) -> None:
    """If an object is deleted between a listing and its use, the build goes on without it."""
    place.build(HISTORY[0])
    missing = b'<Error><Code>NoSuchKey</Code></Error>'
    place.recorder.refusals = [
        ('state.json', 404, missing), ('packages.json', 404, missing),
    ]
    place.build(HISTORY[1])
    assert place.recorder.tree == place.pages(HISTORY[1])
    place.recorder.refusals = [('state.json', 404, xml('NoSuchBucket'))]
    with pytest.raises(DumbPypiError, match='there is no such bucket'):
        place.build(HISTORY[1])


def test_many_deletions(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deletions are sent in groups."""
    monkeypatch.setattr(bucket_writer, '_DELETIONS', 3)
    place.build(HISTORY[1])
    place.build(HISTORY[4])
    assert place.recorder.problems == []
    assert place.recorder.tree == place.pages(HISTORY[4])


def test_no_temporary_folder(tmp_path: Path) -> None:
    """If there is no room for temporary files, the error says where."""
    writer = bucket_writer.BucketWriter(
        cast('Bucket', SimpleNamespace(client=None)), lambda _: None, tmp_path / 'gone',
        cast(ThreadPoolExecutor, None), keep_changes=False, slash_keys=False,
    )
    with pytest.raises(FileError, match='gone'), writer.unfinished_file('packages.json'):
        raise AssertionError


def test_tasks_keep_nothing() -> None:
    """A target for tasks has no bucket, and keeps no texts for later builds."""
    target = pickle.loads(pickle.dumps(BucketTarget(None, keep_changes=True)))  # noqa: S301 - tasks are sent so
    assert (target.read_kept('x'), target.kept('x'), target.is_run_again(1)) == (None, (), False)
    target.task_writer(1).keep('x', b'')
    assert target.repeating_writer().done.pages == []
