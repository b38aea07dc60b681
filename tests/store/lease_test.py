"""The lock of a bucket: renewed while its build runs, and lost once nobody renews it."""
from __future__ import annotations

import itertools
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dumb_pypi.errors import BusyError, FileError, LostLockError
from dumb_pypi.store import client, lease
from dumb_pypi.store.client import Client, Version, VersionConflictError
from dumb_pypi.store.lease import Lease
from tests.support import bucket
from tests.support.memory_s3 import MemoryS3
from tests.support.recorder import LOCK, Recorder, serve
from tests.support.servers import TIMEOUT


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Recorder]:
    found = Recorder(MemoryS3(), 'index')
    with serve(found) as url:
        for key, value in bucket.tool_environment(url, tmp_path).items():
            monkeypatch.setenv(key, value)
        yield found


@pytest.fixture
def store(recorder: Recorder) -> Client:
    return Client(f's3://{recorder.name}')


def steal(store: Client) -> Version:
    """Replace the lock, as another build does once it may."""
    found = store.get(LOCK)
    assert found is not None
    return store.replace(LOCK, b'{"owner": "another"}', found[1])


def test_lock_is_exclusive(store: Client, recorder: Recorder) -> None:
    """Another build gets the lock once it is released."""
    first = Lease(store)
    with pytest.raises(BusyError):
        Lease(store)
    first.check()
    first.verify()
    first.release()
    assert recorder.own == set()
    Lease(store).release()


def test_holder_is_named(store: Client) -> None:
    """The message says who has the lock, and when it expires if that build was killed."""
    held = Lease(store)
    with pytest.raises(BusyError, match=(
            rf'process {os.getpid()} on host {re.escape(socket.gethostname())} holds the lock'
            r'\. .* If it was killed, the lock expires in 1[012]\d s$'
    )):
        Lease(store)
    for content in (b'x', b'[]', b'{"host": "x"}', b'{"host": "x", "process": null}'):
        found = store.get(LOCK)
        assert found is not None
        store.replace(LOCK, content, found[1])
        with pytest.raises(BusyError, match='another process holds the lock'):
            Lease(store)
    held.release()


def test_lock_is_renewed(
        store: Client, recorder: Recorder, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thread renews the lock, even if some requests fail, until another build has it."""
    renewed = threading.Event()
    replace = Client.replace
    failures = iter([FileError('write', LOCK, ValueError('no answer'))])

    def note(self: Client, path: str, content: bytes, before: Version | None) -> Version:
        if before is not None:
            for error in failures:
                raise error
        version = replace(self, path, content, before)
        if b'"renewals": 3' in content:
            renewed.set()
        return version

    monkeypatch.setattr(Client, 'replace', note)
    monkeypatch.setattr(lease, '_RENEWAL', 0.001)
    held = Lease(store)
    assert renewed.wait(TIMEOUT)
    held.release()
    assert recorder.own == set()


def test_thread_ends_with_the_lock(store: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that renews the lock ends once another build has it."""
    monkeypatch.setattr(lease, '_RENEWAL', 0.001)
    held = Lease(store)
    while True:
        try:
            steal(store)
            break
        except VersionConflictError:
            # It was renewed in between.
            continue
    held._thread.join(TIMEOUT)
    assert not held._thread.is_alive()
    with pytest.raises(LostLockError):
        held.check()


def test_lost_lock_is_noticed(store: Client, recorder: Recorder) -> None:
    """Once another build has the lock, its former owner writes nothing and leaves it alone."""
    held = Lease(store)
    steal(store)
    with pytest.raises(LostLockError, match='run it again'):
        held.verify()
    with pytest.raises(LostLockError):
        held.check()
    held.release()
    assert recorder.own == {'lock'}


def test_time_that_is_up(store: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that could not renew its lock for too long writes nothing."""
    held = Lease(store)
    held.check()
    monkeypatch.setattr(lease, '_now', itertools.count(lease.LEASE + lease._now()).__next__)
    with pytest.raises(LostLockError):
        held.check()
    with pytest.raises(LostLockError):
        held.verify()
    monkeypatch.undo()


def test_dead_build_loses_the_lock(store: Client, recorder: Recorder) -> None:
    """A lock that was not renewed for long enough, by the store's clock, is taken over."""
    dead = Lease(store)
    recorder.aged = True
    taken = Lease(store)
    recorder.aged = False
    with pytest.raises(LostLockError):
        dead.verify()
    with pytest.raises(BusyError):
        Lease(store)
    taken.release()
    assert recorder.own == set()


def test_terminated_block_ends_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM runs what ends a block, and then ends the process."""
    sent: list[int] = []
    monkeypatch.setattr(os, 'kill', lambda _, number: sent.append(number))
    ended = False
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with pytest.raises(lease._TerminatedError), lease.ended_in_order():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                ended = True
                # A second signal would end the process.
                assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert ended
        assert sent == [signal.SIGTERM]
        with lease.ended_in_order():
            pass
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_handlers_are_kept() -> None:
    """A program's own handler of SIGTERM stays, and other threads set none."""
    called: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: called.append(number))
    try:
        with lease.ended_in_order():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert called == [signal.SIGTERM]

    def enter() -> None:
        with lease.ended_in_order():
            called.append(0)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert called == [signal.SIGTERM, 0]


def test_faster_build_takes_over(
        store: Client, recorder: Recorder, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If several builds want to take over, one of them does."""
    Lease(store)
    recorder.aged = True
    put_own = Client.put_own

    def put_after_another(self: Client, path: str, content: bytes) -> None:
        steal(self)
        put_own(self, path, content)

    with monkeypatch.context() as patch, pytest.raises(BusyError):
        patch.setattr(Client, 'put_own', put_after_another)
        Lease(store)
    get = Client.get

    def get_after_another(
            self: Client, path: str, length: int | None = None,
    ) -> tuple[bytes, Version] | None:
        self.delete([LOCK])
        return get(self, path, length)

    with monkeypatch.context() as patch, pytest.raises(BusyError):
        patch.setattr(Client, 'get', get_after_another)
        Lease(store)
    Lease(store)
    with monkeypatch.context() as patch, pytest.raises(BusyError):
        # Somebody has deleted what tells the time.
        patch.setattr(Client, 'put_own', lambda *_: None)
        Lease(store)


def test_reason_of_unknown_error() -> None:
    """An error that nobody expected is shown on one line."""
    assert client._reason(ValueError('What\n\nDebug source:'), 's3') == 'What'
    assert client._reason(VersionConflictError(), 's3') == 'VersionConflictError'
