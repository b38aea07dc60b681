"""A disk with a journaling file system, whose power can be cut.

It is a file that is mounted through a loop device, for which root's rights are needed. The kernel
has a call for tests of file systems: from then on nothing reaches the disk, as in a power cut.
"""
from __future__ import annotations

import fcntl
import os
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple, Self

_SHUT_DOWN = 0x8004587d  # FS_IOC_SHUTDOWN, as in linux/fs.h
_WITHOUT_FLUSH = struct.pack('=I', 2)


class Kind(NamedTuple):
    """A file system, the package that has the program which makes one, and its least size."""
    name: str
    package: str
    size: int

    @property
    def program(self) -> str:
        return f'mkfs.{self.name}'


KINDS = (Kind('ext4', 'e2fsprogs', 64 << 20), Kind('xfs', 'xfsprogs', 320 << 20))


class NotMountableError(Exception):
    """No disk can be mounted here; the text says why."""


class JournaledDisk:
    """A disk that is mounted at `place`."""

    def __init__(self, folder: Path, kind: Kind, program: str) -> None:
        self._image = folder / 'image'
        self.place = folder / 'disk'
        self.place.mkdir()
        with self._image.open('wb') as file:
            file.truncate(kind.size)
        subprocess.run([program, '-q', self._image], check=True, capture_output=True)
        self._mount()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._unmount()

    def write_journal(self) -> None:
        """Let the names and sizes of all files reach the disk, as happens every few seconds.

        What is in the files need not have reached it by then.
        """
        with (self.place / 'other').open('ab') as file:
            file.write(b'.')
            file.flush()
            os.fsync(file)

    def cut_power(self) -> None:
        """Lose what is only in memory; then power comes back, and the journal is replayed."""
        folder = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, _SHUT_DOWN, _WITHOUT_FLUSH)
        finally:
            os.close(folder)
        self._unmount()
        self._mount()

    def _mount(self) -> None:
        try:
            subprocess.run(
                ['mount', '-o', 'loop', self._image, self.place], check=True, capture_output=True,
            )
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            why = getattr(error, 'stderr', b'').decode().strip() or str(error)
            raise NotMountableError(f'root must be able to mount a loop device: {why}') from error

    def _unmount(self) -> None:
        subprocess.run(['umount', self.place], check=True)
