"""How long it takes to write a tree's files from memory by a plain loop: no build is faster."""
from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def read_tree(tree: Path) -> list[tuple[str, bytes]]:
    """The files of a tree and what is in them."""
    return [
        (path.relative_to(tree).as_posix(), path.read_bytes())
        for path in sorted(tree.rglob('*')) if path.is_file()
    ]


def write_tree(files: list[tuple[str, bytes]], target: Path) -> float:
    """Write files where there are none; how many seconds it took."""
    began = time.perf_counter()
    for path, content in files:
        place = f'{target}/{path}'
        try:
            file = open(place, 'wb')
        except FileNotFoundError:
            os.makedirs(os.path.dirname(place))
            file = open(place, 'wb')
        with file:
            file.write(content)
    return time.perf_counter() - began


if __name__ == '__main__':
    print(write_tree(read_tree(Path(sys.argv[1])), Path(sys.argv[2])))
