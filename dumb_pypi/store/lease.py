"""The lock of a bucket: an object that its build renews, and that a dead build loses.

No clock of a build is compared with another one. A build takes over a lock if, by the clock of the
store, nobody renewed it for `LEASE` seconds. Its owner counts from before its latest renewal was
sent, and writes nothing once a request might end after the lease does.
"""
from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dumb_pypi import store
from dumb_pypi.errors import BusyError, FileError, LostLockError, shown_path
from dumb_pypi.store.client import PAGE_TIMEOUT, RETRY_TIMEOUT, VersionConflictError

if TYPE_CHECKING:
    from dumb_pypi.store.client import Client, Version

# Seconds from a renewal until another build may take over.
LEASE = 120
_RENEWAL = 15  # seconds between two renewals
# The longest that a request for a page takes, and as much again as the store's clock is rounded.
_REQUEST = PAGE_TIMEOUT + RETRY_TIMEOUT + 5
# It counts the time of a suspended machine too.
_CLOCK = getattr(time, 'CLOCK_BOOTTIME', time.CLOCK_MONOTONIC)


class Lease:
    """The lock of a build in a bucket."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._owner = os.urandom(8).hex()
        self._renewals = 0
        self._renewing = threading.Lock()
        self._ended = threading.Event()
        self._lost = False
        start = _now()
        self._version = self._acquire()
        self._renewed = start
        self._thread = threading.Thread(target=self._keep_renewing, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Check that a page may be written, without a request.

        Raises:
            LostLockError: another build may take over before that ends.
        """
        if self._lost or _now() > self._renewed + LEASE - _REQUEST:
            raise LostLockError(self._client.place)

    def verify(self) -> None:
        """Renew the lock: then no other build had it until now.

        Raises:
            LostLockError: another build took over, or may have.
            FileError: the store does not answer.
        """
        self.check()
        self._renew()

    def release(self) -> None:
        """Let other builds run. What is still another's is left alone."""
        self._ended.set()
        with self._renewing:
            if not self._lost and _now() < self._renewed + LEASE - _REQUEST:
                self._client.delete([store.LOCK])
            self._lost = True

    def _acquire(self) -> Version:
        """
        Raises:
            BusyError: another build is running.
            FileError: the store cannot be written to, or knows no conditions.
        """
        try:
            return self._client.replace(store.LOCK, self._content(), None)
        except VersionConflictError:
            pass
        found, before = self._client.head(store.LOCK), self._client.get(store.LOCK)
        if found is None or before is None or found.version != before[1]:
            # It was released or renewed just now.
            raise BusyError(self._client.place)
        # The times of two objects are by the clock of the store.
        clock = f'{store.LOCK}-{self._owner}'
        self._client.put_own(clock, b'')
        now = self._client.head(clock)
        self._client.delete([clock])
        if now is None:
            raise BusyError(self._client.place)
        age = (now.modified - found.modified).total_seconds()
        if age <= LEASE:
            raise BusyError(self._client.place, _holder(before[0]), math.ceil(LEASE - age) + 1)
        try:
            return self._client.replace(store.LOCK, self._content(), found.version)
        except VersionConflictError:
            # A third build was faster, or the owner is alive after all.
            raise BusyError(self._client.place) from None

    def _keep_renewing(self) -> None:
        while not self._ended.wait(_RENEWAL):
            try:
                self._renew()
            except FileError:
                # The store may answer again before the lease ends.
                continue
            except LostLockError:
                return

    def _renew(self) -> None:
        """
        Raises:
            LostLockError: another build took over.
            FileError: the store does not answer.
        """
        with self._renewing:
            start = _now()
            self._renewals += 1
            try:
                self._version = self._client.replace(
                    store.LOCK, self._content(), self._version,
                )
            except VersionConflictError:
                self._lost = True
                raise LostLockError(self._client.place) from None
            self._renewed = start

    def _content(self) -> bytes:
        return json.dumps({
            'owner': self._owner, 'host': socket.gethostname(), 'process': os.getpid(),
            'renewals': self._renewals,
        }).encode()


def _holder(lock: bytes) -> str:
    """Return which process has a lock, in words."""
    try:
        content = json.loads(lock)
        return f'process {int(content["process"])} on host {shown_path(str(content["host"]))}'
    except (ValueError, TypeError, KeyError):
        # Another version wrote it.
        return 'another process'


class _TerminatedError(BaseException):
    """The process is to end."""


@contextlib.contextmanager
def ended_in_order() -> Iterator[None]:
    """Let SIGTERM end the `with` block like an exception, so that it releases its lock.

    Then the process ends, as it would without this. A second signal ends it at once. Where a
    program handles the signal itself, nothing changes.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
    ):
        yield
        return

    def end(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise _TerminatedError

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    except _TerminatedError:
        os.kill(os.getpid(), signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _now() -> float:
    return time.clock_gettime(_CLOCK)
