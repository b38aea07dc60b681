"""Publishing to a bucket, with the tools that people have: right at each moment, and at the end."""
from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Lock

import pytest

from dumb_pypi.builder import build
from dumb_pypi.store import changes as store_changes
from tests.support import bucket
from tests.support.servers import HOST, Server
from tests.support.sound import problems, SITE_URL, tree_of

NAME = 'index'
FEBRUARY = 1706745600
MONTH = 32 * 86400


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
        self._lock = Lock()

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> (
            tuple[int, dict[str, str], bytes]
    ):
        if method in {'GET', 'HEAD'}:
            return self.s3.ask(path, method, headers)
        with self._lock:
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
            status, found, body = book.handle(
                self.command, self.path, headers, self.rfile.read(length),
            )
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
            """Say nothing."""

    with bucket.serving(Handler) as port:
        yield f'http://{HOST}:{port}/'


class Publisher:
    """Builds, and publishes, as README says."""

    def __init__(self, folder: Path, url: str, destination: str, rclone: str | None) -> None:
        self.environment = bucket.tool_environment(url, folder, rclone)
        self.folder = folder
        self.index = folder / 'index'
        self.queue = folder / 'changes'
        self.queue.mkdir()
        self._destination = destination
        self._builds = 0

    def build(self, text: str, book: Bucket, *, precompress: bool = False) -> None:
        """A build is compared with the bucket's list, unless a publishing has failed."""
        self._builds += 1
        (self.folder / 'list').write_text(text)
        previous = self.folder / 'previous'
        previous.write_bytes(book.tree.get('packages.json', b''))
        failed = any(self.queue.iterdir())
        build(
            package_list_json=str(self.folder / 'list'),
            previous_package_list_json=None if failed else str(previous), packages_url='https://files.example.com/',
            output_dir=str(self.index), site_url=SITE_URL, allow_shrink=True,
            precompress=precompress,
            changes_file=str(self.queue / f'{self._builds:03}.jsonl'),
        )

    def publish(self, book: Bucket | None = None) -> int:
        """Publish; the exit status. With a book it may be killed."""
        process = subprocess.Popen(
            [bucket.PYTHON, bucket.PUBLISH, self.queue, self.index, self._destination],
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True,
        )
        if book is not None:
            book.victim = process.pid
        _, said = process.communicate(timeout=300)
        assert process.returncode or said == b'', said
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
def book(s3: Server, tmp_path: Path) -> Bucket:
    name = f'b-{abs(hash(tmp_path))}'
    bucket.make(bucket.tool_environment(s3.url, tmp_path), name)
    return Bucket(s3, name)


@pytest.fixture
def publisher(
        book: Bucket, tool: str, tmp_path: Path, request: pytest.FixtureRequest,
) -> Iterator[Publisher]:
    rclone = request.getfixturevalue('rclone') if tool == 'rclone' else None
    scheme = 's3://' if tool == 'aws' else 'remote:'
    with recorded(book) as url:
        yield Publisher(tmp_path, url, f'{scheme}{book.name}', rclone)


def test_over_a_history_a_reader_never_meets_a_gap(
        publisher: Publisher, book: Bucket, tool: str,
) -> None:
    """After each build the bucket is the tree, and between two objects nothing leads nowhere."""
    for text in HISTORY[:3] if tool == 'aws' else HISTORY:
        publisher.build(text, book)
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
    publisher.build(HISTORY[0], book)
    assert publisher.publish() == 0
    publisher.build(HISTORY[0], book)
    book.changes.clear()
    assert publisher.publish() == 0
    assert book.changes == []


@pytest.mark.parametrize('tool', ['rclone'], indirect=True)
def test_packed_forms_of_pages_stay_where_they_are(publisher: Publisher, book: Bucket) -> None:
    """No bucket sends them; so none has to be deleted either."""
    for packed in (True, False):
        publisher.build(HISTORY[0], book, precompress=packed)
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
    publisher.build(HISTORY[0], book)
    assert publisher.publish() == 0
    publisher.build(HISTORY[2], book)
    book.fatal = fatal
    killed = publisher.publish(book)
    assert killed == -signal.SIGKILL
    book.fatal = None
    publisher.build(HISTORY[0 if fatal == 20 else 3], book)
    assert publisher.publish() == 0
    assert book.wrong == []
    assert book.tree == publisher.pages()
    assert list(publisher.queue.iterdir()) == []


@pytest.mark.parametrize('tool', ['rclone'], indirect=True)
def test_pages_that_no_build_knows_any_more_are_deleted(
        publisher: Publisher, book: Bucket,
) -> None:
    """A publishing failed, then the index was lost, and a project went: nobody says "delete"."""
    publisher.build(lines('ant', 'bee', 'cat', months=3), book)
    book.fatal = 26
    assert publisher.publish() == 1
    book.fatal = None
    assert 'simple/ant/index.html' in book.tree
    shutil.rmtree(publisher.index)
    publisher.build(lines('bee', 'cat', months=2), book)
    assert publisher.publish() == 0
    assert book.tree == publisher.pages()
    assert list(publisher.queue.iterdir()) == []


@pytest.mark.parametrize('tool', ['rclone'], indirect=True)
def test_killed_at_the_first_publishing(publisher: Publisher, book: Bucket) -> None:
    publisher.build(HISTORY[0], book)
    book.fatal = 11
    assert publisher.publish(book) == -signal.SIGKILL
    book.fatal = None
    assert publisher.publish() == 0
    assert book.wrong == []
    assert book.tree == publisher.pages()


def test_a_page_that_is_not_what_the_changes_say_is_not_published(
        publisher: Publisher, book: Bucket,
) -> None:
    """A build whose changes nobody kept has been there: only a full one puts that right."""
    publisher.build(HISTORY[0], book)
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
    publisher.build(HISTORY[0], book)
    book.fatal = 5
    assert publisher.publish() == 1
    assert len(list(publisher.queue.iterdir())) == 1
    book.fatal = None
    assert publisher.publish() == 0
    assert book.tree == publisher.pages()
