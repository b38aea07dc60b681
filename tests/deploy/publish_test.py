"""Publishing to a bucket, with the tools that people have: right at each moment, and at the end."""
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

from dumb_pypi.builder import build
from dumb_pypi.store import changes as store_changes
from tests.support import bucket
from tests.support.servers import HOST, Server, serving, TIMEOUT
from tests.support.sound import problems, SITE_URL, tree_of

NAME = 'index'
FEBRUARY = 1706745600
MONTH = 32 * 86400
BUCKET_NAMES = map('bucket-{}'.format, itertools.count())


def lines(*projects: str, months: int = 1) -> str:
    """Two releases of each project, and uploads in so many months."""
    return ''.join(f'{json.dumps(line)}\n' for line in (
        {
            'filename': f'{project}-1.{number}.zip',
            'upload_timestamp': FEBRUARY + MONTH * (number % months),
        } for project in projects for number in range(max(2, months))
    ))


# One list after the other: new projects, months between and after others, projects that go.
HISTORY = (
    lines('ant', 'bee', months=3),
    lines('ant', 'bee', 'cat', months=2),
    lines('ant', 'cat', 'dog', months=6),
    lines('ant', 'dog'),
    lines('ant', 'dog', 'eel', months=3),
)


class Bucket:
    """A bucket in S3, and a server before it that keeps account of what becomes of it.

    After each change `tree` is what the bucket has; `wrong` is what a reader met there. At the
    `fatal`-th change from now all of the process group `victim` is killed: half of the times before
    the change is made, half of the times after.
    """

    def __init__(self, s3: Server, name: str) -> None:
        self.name = name
        self.tree: dict[str, bytes] = {}
        self.headers: dict[str, tuple[str, str]] = {}
        self.changes: list[str] = []
        self.wrong: list[str] = []
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
                    # What was on its way when it died.
                    return 503, {}, b''
            answer = self.s3.ask(path, method, headers, body)
            self._look(method, path)
            if self.fatal == 0 and self.victim:
                os.killpg(self.victim, signal.SIGKILL)
            return answer

    def put(self, pages: dict[str, bytes]) -> None:
        """Put pages into the bucket, which is not a change that counts."""
        for path, page in pages.items():
            answer = self.s3.ask(f'/{self.name}/{path.replace("+", "%2B")}', 'PUT', body=page)
            assert answer.status == 200, answer
        self.tree.update(pages)

    def _look(self, method: str, path: str) -> None:
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
        self.wrong += problems(self.tree, {})


class _WaitingServer(ThreadingHTTPServer):
    """A server that closes only when every request has been handled."""
    daemon_threads = False


@contextmanager
def recorded(book: Bucket) -> Iterator[str]:
    """The URL of the server before the bucket."""
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
            status, found, body = book.handle(self.command, self.path, headers, sent)
            self.send_response_only(status)
            for name, value in found.items():
                if name not in {'Connection', 'Content-Length', 'Transfer-Encoding'}:
                    self.send_header(name, value)
            self.send_header('Content-Length', found.get('Content-Length', str(len(body))))
            self.end_headers()
            if self.command != 'HEAD':
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with serving(Handler, _WaitingServer) as port:
        yield f'http://{HOST}:{port}/'


class Publisher:
    """Builds, and publishes, as README says."""

    def __init__(self, folder: Path, book: Bucket, rclone: str | None) -> None:
        self.folder = folder
        self.index = folder / 'index'
        self.queue = folder / 'changes'
        self.queue.mkdir()
        self._book = book
        self._rclone = rclone
        self._destination = f's3://{book.name}' if rclone is None else f'remote:{book.name}'
        self._builds = 0

    def build(self, text: str, *, precompress: bool = False) -> None:
        """A build is compared with the bucket's list, unless a publishing has failed."""
        self._builds += 1
        (self.folder / 'list').write_text(text)
        previous = self.folder / 'previous'
        previous.write_bytes(self._book.tree.get('packages.json', b''))
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
        self._book.put(self.pages())
        for changes in self.queue.iterdir():
            changes.unlink()

    def publish(self, *, killed_at: int | None = None, fails_at: int | None = None) -> int:
        """Publish and return the exit status.

        `killed_at` and `fails_at` count changes of the bucket: at that change all processes are
        killed, or the bucket answers with an error.
        """
        self._book.fatal = fails_at if killed_at is None else killed_at
        # No process is left at the end, so that the server closes once the bucket is at rest.
        with recorded(self._book) as url:
            with self._book.lock:
                process = subprocess.Popen(
                    [bucket.PYTHON, bucket.PUBLISH, self.queue, self.index, self._destination],
                    env=bucket.tool_environment(url, self.folder, self._rclone),
                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
                )
                self._book.victim = None if killed_at is None else process.pid
            _, printed = process.communicate(timeout=TIMEOUT)
        self._book.fatal = None
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
def book(s3: Server) -> Bucket:
    name = next(BUCKET_NAMES)
    bucket.make_public(s3, name)
    return Bucket(s3, name)


@pytest.fixture
def publisher(
        book: Bucket, tool: str, tmp_path: Path, request: pytest.FixtureRequest,
) -> Publisher:
    rclone = request.getfixturevalue('rclone') if tool == 'rclone' else None
    return Publisher(tmp_path, book, rclone)


def test_over_a_history_a_reader_never_meets_a_gap(
        publisher: Publisher, book: Bucket, tool: str,
) -> None:
    """After each build the bucket is the tree, and between two objects nothing leads nowhere."""
    # A command of aws takes several times as long as one of rclone: from its first list to the
    # third there is a change of each kind.
    for text in HISTORY[0:3:2] if tool == 'aws' else HISTORY:
        publisher.build(text)
        book.changes.clear()
        assert publisher.publish() == 0
        assert book.wrong == []
        assert book.tree == publisher.pages()
        assert list(publisher.queue.iterdir()) == []
        # Deletions last; and the list, by which the next build knows what is there.
        kinds = [change.startswith('-') for change in book.changes]
        assert book.changes[-1] == 'packages.json'
        assert kinds[:-1] == sorted(kinds[:-1])
    for path, (content_type, cache) in book.headers.items():
        assert (path, content_type) == (path, store_changes.content_type(path))
        assert cache == (
            'no-cache' if path == 'packages.json' else
            'max-age=31536000, immutable' if re.fullmatch(r'static/.+-[0-9a-f]{12}\.\w+', path) else
            'max-age=60, must-revalidate'
        )


@pytest.mark.parametrize('tool', ['rclone'], indirect=True)
def test_where_nothing_changed_nothing_is_done(publisher: Publisher, book: Bucket) -> None:
    publisher.build(HISTORY[0])
    publisher.fill()
    publisher.build(HISTORY[0])
    assert publisher.publish() == 0
    assert book.changes == []


@pytest.mark.parametrize('tool', ['rclone'], indirect=True)
def test_packed_forms_of_pages_stay_where_they_are(publisher: Publisher, book: Bucket) -> None:
    """No bucket sends them; so none has to be deleted either."""
    for packed in (True, False):
        publisher.build(HISTORY[0], precompress=packed)
        [changes] = publisher.queue.iterdir()
        assert '.gz"' in changes.read_text()
        book.changes.clear()
        assert publisher.publish() == 0
        assert book.tree == {
            path: page for path, page in publisher.pages().items() if not path.endswith('.gz')
        }
    assert not any('.gz' in change for change in book.changes)


@pytest.mark.parametrize(('tool', 'fatal'), [
    # It starts a Python for each step: one must do.
    ('aws', 20),
    *(('rclone', number) for number in (1, 5, 14, 20, 24, 27)),
], indirect=['tool'])
def test_killed_and_run_again_after_the_next_build(
        publisher: Publisher, book: Bucket, fatal: int,
) -> None:
    """What a publishing that died had not done is done with what the next build changed.

    Or is undone, where the next list is again that of the bucket.
    """
    publisher.build(HISTORY[0])
    publisher.fill()
    publisher.build(HISTORY[2])
    assert publisher.publish(killed_at=fatal) == -signal.SIGKILL
    publisher.build(HISTORY[0 if fatal == 20 else 3])
    assert publisher.publish() == 0
    assert book.wrong == []
    assert book.tree == publisher.pages()
    assert list(publisher.queue.iterdir()) == []


@pytest.mark.parametrize('tool', ['rclone'], indirect=True)
def test_pages_that_no_build_knows_any_more_are_deleted(
        publisher: Publisher, book: Bucket,
) -> None:
    """A publishing failed, then the index was lost, and a project went: nobody says "delete"."""
    publisher.build(lines('ant', 'bee', 'cat', months=3))
    assert publisher.publish(fails_at=26) == 1
    assert 'simple/ant/index.html' in book.tree
    shutil.rmtree(publisher.index)
    publisher.build(lines('bee', 'cat', months=2))
    assert publisher.publish() == 0
    assert book.tree == publisher.pages()
    assert list(publisher.queue.iterdir()) == []


@pytest.mark.parametrize('tool', ['rclone'], indirect=True)
def test_killed_at_the_first_publishing(publisher: Publisher, book: Bucket) -> None:
    publisher.build(HISTORY[0])
    assert publisher.publish(killed_at=11) == -signal.SIGKILL
    assert publisher.publish() == 0
    assert book.wrong == []
    assert book.tree == publisher.pages()


def test_a_page_that_is_not_what_the_changes_say_is_not_published(
        publisher: Publisher, book: Bucket,
) -> None:
    """A build whose changes nobody kept has been there: only a full one puts that right."""
    publisher.build(HISTORY[0])
    (publisher.index / 'simple/ant/index.html').write_text('by hand')
    assert publisher.publish() == 1
    assert book.tree == {}
    # Nor is anything where a page is missing of a project that the index has.
    (publisher.index / 'simple/ant/index.html').unlink()
    assert publisher.publish() == 1
    assert book.tree == {}
    assert len(list(publisher.queue.iterdir())) == 1


def told(folder: Path, *arguments: str) -> str:
    """What publish.py says of what it cannot do, with no program on its PATH."""
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
def test_what_cannot_be_done_is_told_in_one_line(
        tmp_path: Path, arguments: tuple[str, ...], message: str,
) -> None:
    """A misspelt folder has no changes in it: silence would mean that all is published."""
    for folder in ('changes', 'index'):
        (tmp_path / folder).mkdir()
    (tmp_path / 'changes/1.jsonl').write_text('{"action": "delete", "path": "index.html"}\n')
    assert told(tmp_path, *arguments) == message


def test_changes_that_are_damaged_are_told_of_in_one_line(tmp_path: Path) -> None:
    for folder in ('changes', 'index'):
        (tmp_path / folder).mkdir()
    (tmp_path / 'changes/1.jsonl').write_text('{"action": "write", "pa')
    message = told(tmp_path, 'changes', 'index', 's3://b')
    assert message.startswith('publish.py: changes/1.jsonl is damaged: ')
    assert message.count('\n') == 1


def test_an_error_of_the_bucket_is_told_and_nothing_is_forgotten(
        publisher: Publisher, book: Bucket,
) -> None:
    publisher.build(HISTORY[0])
    assert publisher.publish(fails_at=5) == 1
    assert len(list(publisher.queue.iterdir())) == 1
    assert publisher.publish() == 0
    assert book.tree == publisher.pages()
