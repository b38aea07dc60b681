"""Publish to a bucket with aws and rclone: readers find a consistent index at each moment."""
from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

import pytest

from dumb_pypi import build
from dumb_pypi.store import changes as store_changes
from tests.support import bucket
from tests.support.servers import HOST, Server, serving, TIMEOUT
from tests.support.sound import problems, SITE_URL, tree_of

NAME = 'index'
FEBRUARY = 1706745600
MONTH = 32 * 86400
BUCKET_NAMES = map('bucket-{}'.format, itertools.count())


def lines(*projects: str, months: int = 1) -> str:
    """Return a list with at least two releases of each project, uploaded in `months` months."""
    return ''.join(f'{json.dumps(line)}\n' for line in (
        {
            'filename': f'{project}-1.{number}.zip',
            'upload_timestamp': FEBRUARY + MONTH * (number % months),
        } for project in projects for number in range(max(2, months))
    ))


# Successive lists: projects are added and removed, and so are months.
HISTORY = (
    lines('ant', 'bee', months=3),
    lines('ant', 'bee', 'cat', months=2),
    lines('ant', 'cat', 'dog', months=6),
    lines('ant', 'dog'),
    lines('ant', 'dog', 'eel', months=3),
)


class Recorder:
    """Forward requests to a bucket, and record each change of it.

    `tree` has the content of the bucket and `headers` what it was uploaded with; `problems` lists
    what a reader would have found wrong after some change. At change number `fatal` from now, the
    process group `victim` is killed, before or after the change depending on how full the bucket
    is, and from then on every change fails.
    """

    def __init__(self, s3: Server, name: str) -> None:
        self.name = name
        self.tree: dict[str, bytes] = {}
        self.headers: dict[str, tuple[str, str]] = {}
        self.changes: list[str] = []
        self.problems: list[str] = []
        self.fatal: int | None = None
        self.victim: int | None = None
        self.s3 = s3
        self.lock = Lock()

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> (
            tuple[int, dict[str, str], bytes]
    ):
        if method in {'GET', 'HEAD'}:
            return self.s3.ask(path, method, headers)
        with self.lock:
            if self.fatal is not None:
                self.fatal -= 1
                if self.fatal == 0 and len(self.tree) % 2 and self.victim:
                    os.killpg(self.victim, signal.SIGKILL)
                    return 503, {}, b''
                if self.fatal < 0:
                    return 503, {}, b''
            answer = self.s3.ask(path, method, headers, body)
            self._record(method, path)
            if self.fatal == 0 and self.victim:
                os.killpg(self.victim, signal.SIGKILL)
            return answer

    def put(self, pages: dict[str, bytes]) -> None:
        """Put pages into the bucket, without recording a change."""
        for path, page in pages.items():
            answer = self.s3.ask(f'/{self.name}/{path.replace("+", "%2B")}', 'PUT', body=page)
            assert answer.status == 200, answer
        self.tree.update(pages)

    def _record(self, method: str, path: str) -> None:
        before = set(self.tree)
        if method == 'PUT':
            key = path.partition('?')[0].removeprefix(f'/{self.name}/').replace('%2B', '+')
            found = self.s3.ask(path.partition('?')[0])
            assert found.status == 200, path
            self.tree[key] = found.body
            self.headers[key] = (
                found.headers['Content-Type'], found.headers['Cache-Control'],
            )
            self.changes.append(key)
        else:
            listed = self.s3.ask(f'/{self.name}?list-type=2&max-keys=1000').body.decode()
            for key in before:
                if f'<Key>{key}</Key>' not in listed:
                    del self.tree[key]
                    self.changes.append(f'-{key}')
        # The pages of a new project link to each other.
        self.problems += problems(self.tree, {}, unreached=False)


class _WaitingServer(ThreadingHTTPServer):
    """A server that closes only when every request has been handled."""
    daemon_threads = False


@contextmanager
def serve(recorder: Recorder) -> Iterator[str]:
    """Serve the recorder on loopback; yield its URL."""
    class Handler(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def handle_any(self) -> None:
            length = int(self.headers.get('Content-Length') or 0)
            headers = {
                name: value for name, value in self.headers.items()
                if name.lower() not in {'connection', 'expect', 'host'}
            }
            sent = self.rfile.read(length)
            if len(sent) < length:
                # The client was killed while it sent this.
                self.close_connection = True
                return
            status, found, body = recorder.handle(self.command, self.path, headers, sent)
            self.send_response_only(status)
            for name, value in found.items():
                if name not in {'Connection', 'Content-Length', 'Transfer-Encoding'}:
                    self.send_header(name, value)
            self.send_header('Content-Length', found.get('Content-Length', str(len(body))))
            self.end_headers()
            if self.command != 'HEAD':
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 - http.server prescribes the names

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with serving(Handler, _WaitingServer) as port:
        yield f'http://{HOST}:{port}/'


class Publisher:
    """Build and publish as docs/buckets.md recommends."""

    def __init__(self, folder: Path, recorder: Recorder, rclone: str | None) -> None:
        self.folder = folder
        self.index = folder / 'index'
        self.queue = folder / 'changes'
        self.queue.mkdir()
        self._recorder = recorder
        self._rclone = rclone
        self._destination = f's3://{recorder.name}' if rclone is None else f'remote:{recorder.name}'
        self._builds = 0

    def build(self, text: str, *, precompress: bool = False) -> None:
        """Build; compare with the bucket's list unless the previous publish failed."""
        self._builds += 1
        (self.folder / 'list').write_text(text)
        previous = self.folder / 'previous'
        previous.write_bytes(self._recorder.tree.get('packages.json', b''))
        failed = any(self.queue.iterdir())
        build(
            package_list_json=str(self.folder / 'list'),
            previous_package_list_json=None if failed else str(previous),
            packages_url='https://files.example.com/',
            output_dir=str(self.index), site_url=SITE_URL, allow_shrink=True,
            precompress=precompress,
            changes_file=str(self.queue / f'{self._builds:03}.jsonl'),
        )

    def fill(self) -> None:
        """Put all pages into the bucket, as after a successful publish, without any tool."""
        self._recorder.put(self.pages())
        for changes in self.queue.iterdir():
            changes.unlink()

    def publish(self, *, killed_at: int | None = None, fails_at: int | None = None) -> int:
        """Publish and return the exit status.

        All processes are killed at change number `killed_at` of the bucket; changes fail from
        change number `fails_at` on.
        """
        self._recorder.fatal = fails_at if killed_at is None else killed_at
        # The server closes once all requests are handled, so that none arrives later.
        with serve(self._recorder) as url:
            with self._recorder.lock:
                process = subprocess.Popen(
                    [bucket.PYTHON, bucket.PUBLISH, self.queue, self.index, self._destination],
                    env=bucket.tool_environment(url, self.folder, self._rclone),
                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
                )
                self._recorder.victim = None if killed_at is None else process.pid
            _, printed = process.communicate(timeout=TIMEOUT)
        self._recorder.fatal = None
        assert process.returncode or printed == b'', printed
        return process.returncode

    def pages(self) -> dict[str, bytes]:
        return {path: page for path, page in tree_of(self.index).items() if path[-1] != '/'}


@pytest.fixture(scope='module')
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with bucket.run_s3(tmp_path_factory.mktemp('s3')) as server:
        yield server


@pytest.fixture(params=['aws', 'rclone'])
def tool(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def recorder(s3: Server) -> Recorder:
    name = next(BUCKET_NAMES)
    bucket.make_public(s3, name)
    return Recorder(s3, name)


@pytest.fixture
def publisher(
        recorder: Recorder, tool: str, tmp_path: Path, request: pytest.FixtureRequest,
) -> Publisher:
    rclone = request.getfixturevalue('rclone') if tool == 'rclone' else None
    return Publisher(tmp_path, recorder, rclone)


def test_readers_never_find_a_gap(
        publisher: Publisher, recorder: Recorder, tool: str,
) -> None:
    """After a publish the bucket equals the tree; after each single change no link is dangling."""
    # aws takes several times as long as rclone. From the first list to the third, each kind of
    # change occurs.
    for text in HISTORY[0:3:2] if tool == 'aws' else HISTORY:
        publisher.build(text)
        recorder.changes.clear()
        assert publisher.publish() == 0
        assert recorder.problems == []
        assert recorder.tree == publisher.pages()
        assert list(publisher.queue.iterdir()) == []
        # Deletions come after uploads, and the list last: the next build is compared with it.
        is_deletion = [change.startswith('-') for change in recorder.changes]
        assert recorder.changes[-1] == 'packages.json'
        assert is_deletion[:-1] == sorted(is_deletion[:-1])
    for path, (content_type, cache) in recorder.headers.items():
        assert (path, content_type) == (path, store_changes.content_type(path))
        assert cache == (
            'no-cache' if path == 'packages.json' else
            'max-age=31536000, immutable' if re.fullmatch(r'static/.+-[0-9a-f]{12}\.\w+', path) else
            'max-age=60, must-revalidate'
        )


@pytest.mark.parametrize('tool', ['rclone'], indirect=True)
def test_unchanged_index_uploads_nothing(publisher: Publisher, recorder: Recorder) -> None:
    """After a build that changed nothing, a publish changes nothing."""
    publisher.build(HISTORY[0])
    publisher.fill()
    publisher.build(HISTORY[0])
    assert publisher.publish() == 0
    assert recorder.changes == []


@pytest.mark.parametrize('tool', ['rclone'], indirect=True)
def test_compressed_pages_are_not_uploaded(publisher: Publisher, recorder: Recorder) -> None:
    """No bucket sends .gz files, so they are neither uploaded nor deleted."""
    for precompress in (True, False):
        publisher.build(HISTORY[0], precompress=precompress)
        [changes] = publisher.queue.iterdir()
        assert '.gz"' in changes.read_text()
        recorder.changes.clear()
        assert publisher.publish() == 0
        assert recorder.tree == {
            path: page for path, page in publisher.pages().items() if not path.endswith('.gz')
        }
    assert not any('.gz' in change for change in recorder.changes)


@pytest.mark.parametrize(('tool', 'fatal'), [
    # aws is slow, so one case has to do.
    ('aws', 20),
    *(('rclone', number) for number in (1, 5, 14, 20, 24, 27)),
], indirect=['tool'])
def test_next_publish_completes_a_killed_one(
        publisher: Publisher, recorder: Recorder, fatal: int,
) -> None:
    """The next publish also makes the changes that a killed one didn't get to.

    Or it undoes the changes of the killed one, if the next list is the bucket's again.
    """
    publisher.build(HISTORY[0])
    publisher.fill()
    publisher.build(HISTORY[2])
    assert publisher.publish(killed_at=fatal) == -signal.SIGKILL
    publisher.build(HISTORY[0 if fatal == 20 else 3])
    assert publisher.publish() == 0
    assert recorder.problems == []
    assert recorder.tree == publisher.pages()
    assert list(publisher.queue.iterdir()) == []


@pytest.mark.parametrize('tool', ['rclone'], indirect=True)
def test_lost_index_leaves_no_stale_pages(
        publisher: Publisher, recorder: Recorder,
) -> None:
    """Pages of a removed project are deleted although the build lost its index and its state."""
    publisher.build(lines('ant', 'bee', 'cat', months=3))
    assert publisher.publish(fails_at=26) == 1
    assert 'simple/ant/index.html' in recorder.tree
    shutil.rmtree(publisher.index)
    publisher.build(lines('bee', 'cat', months=2))
    assert publisher.publish() == 0
    assert recorder.tree == publisher.pages()
    assert list(publisher.queue.iterdir()) == []


@pytest.mark.parametrize('tool', ['rclone'], indirect=True)
def test_first_publish_may_be_killed(publisher: Publisher, recorder: Recorder) -> None:
    """The next publish completes a first one that was killed."""
    publisher.build(HISTORY[0])
    assert publisher.publish(killed_at=11) == -signal.SIGKILL
    assert publisher.publish() == 0
    assert recorder.problems == []
    assert recorder.tree == publisher.pages()


def test_page_that_differs_is_not_published(
        publisher: Publisher, recorder: Recorder,
) -> None:
    """Nothing is published if a page is missing or isn't what the changes file says."""
    publisher.build(HISTORY[0])
    (publisher.index / 'simple/ant/index.html').write_text('by hand')
    assert publisher.publish() == 1
    assert recorder.tree == {}
    (publisher.index / 'simple/ant/index.html').unlink()
    assert publisher.publish() == 1
    assert recorder.tree == {}
    assert len(list(publisher.queue.iterdir())) == 1


def failure_message(folder: Path, *arguments: str) -> str:
    """Run publish.py with an empty PATH, which must fail; return its stderr."""
    done = subprocess.run(
        [bucket.PYTHON, bucket.PUBLISH, *arguments], cwd=folder, env={'PATH': str(folder)},
        capture_output=True, text=True, check=False,
    )
    assert (done.returncode, done.stdout) == (1, '')
    return done.stderr


@pytest.mark.parametrize(('arguments', 'message'), [
    (('chnages', 'index', 's3://b'), 'publish.py: chnages is not a folder\n'),
    (('changes', 'idnex', 's3://b'), 'publish.py: idnex is not a folder\n'),
    (('changes', 'index', 's3://b'), 'publish.py: cannot run aws: No such file or directory\n'),
    (('changes', 'index', 'r:b'), 'publish.py: cannot run rclone: No such file or directory\n'),
])
def test_failure_is_reported_in_one_line(
        tmp_path: Path, arguments: tuple[str, ...], message: str,
) -> None:
    """A misspelt folder and a missing tool are reported, instead of publishing nothing."""
    for folder in ('changes', 'index'):
        (tmp_path / folder).mkdir()
    (tmp_path / 'changes/1.jsonl').write_text('{"action": "delete", "path": "index.html"}\n')
    assert failure_message(tmp_path, *arguments) == message


def test_damaged_changes_file_is_reported(tmp_path: Path) -> None:
    """A changes file that isn't JSON is reported in one line."""
    for folder in ('changes', 'index'):
        (tmp_path / folder).mkdir()
    (tmp_path / 'changes/1.jsonl').write_text('{"action": "write", "pa')
    message = failure_message(tmp_path, 'changes', 'index', 's3://b')
    assert message.startswith('publish.py: changes/1.jsonl is damaged: ')
    assert message.count('\n') == 1


def test_failed_publish_keeps_changes_files(publisher: Publisher, recorder: Recorder) -> None:
    """If the bucket fails, the exit status is 1, and the next publish completes the work."""
    publisher.build(HISTORY[0])
    assert publisher.publish(fails_at=5) == 1
    assert len(list(publisher.queue.iterdir())) == 1
    assert publisher.publish() == 0
    assert recorder.tree == publisher.pages()
