"""Measure how long writing a tree's files from memory takes: no build is faster.

`python -m testing.floor TREE TARGET PROCESSES` prints the seconds that so many processes take, each
of which writes its part of the files, and the CPU seconds of all.
"""
from __future__ import annotations

import multiprocessing
import os
import sys
import time
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import NamedTuple


class Written(NamedTuple):
    """When a process began to write and when it ended, by the system's clock, and CPU seconds."""
    began: float
    ended: float
    cpu: float


def read_tree(tree: Path, part: int = 0, parts: int = 1) -> list[tuple[str, bytes]]:
    """Return the files of a tree, or one of so many parts, each as its path and its bytes."""
    paths = sorted(path for path in tree.rglob('*') if path.is_file())
    cuts = [len(paths) * number // parts for number in (part, part + 1)]
    return [
        (path.relative_to(tree).as_posix(), path.read_bytes()) for path in paths[slice(*cuts)]
    ]


def write_tree(files: list[tuple[str, bytes]], target: Path) -> Written:
    """Write files to a folder that has none of them."""
    began, cpu = time.perf_counter(), time.process_time()
    last = ''
    for path, content in files:
        folder = path.rpartition('/')[0]
        if folder != last:
            os.makedirs(f'{target}/{folder}', exist_ok=True)
            last = folder
        file = os.open(f'{target}/{path}', os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        view = memoryview(content)
        while view:
            view = view[os.write(file, view):]
        os.close(file)
    return Written(began, time.perf_counter(), time.process_time() - cpu)


def write_parts(tree: Path, target: Path, processes: int) -> tuple[float, float]:
    """Write a tree's files in so many processes; return the seconds and CPU seconds it took.

    Raises:
        RuntimeError: a process failed.
    """
    os.makedirs(target, exist_ok=True)
    all_ready = multiprocessing.Barrier(processes)
    results: SimpleQueue[Written] = multiprocessing.SimpleQueue()
    started = [
        multiprocessing.Process(
            target=_write_part, args=(tree, target, part, processes, all_ready, results),
        ) for part in range(processes)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
    if any(process.exitcode for process in started):
        raise RuntimeError('a process could not write its files')
    written = [results.get() for _ in started]
    return (
        max(part.ended for part in written) - min(part.began for part in written),
        sum(part.cpu for part in written),
    )


def _write_part(
        tree: Path, target: Path, part: int, parts: int, all_ready: Barrier,
        results: SimpleQueue[Written],
) -> None:
    files = read_tree(tree, part, parts)
    # If another process fails, this one must not wait forever.
    all_ready.wait(timeout=600)
    results.put(write_tree(files, target))


if __name__ == '__main__':
    print(*write_parts(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
