"""Random histories of an index in a bucket, with killed builds: the pages are those of a folder."""
from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from tests.support import bucket, histories
from tests.support.bucket_places import NAMES, Place, PREFIX, serve_place
from tests.support.memory_s3 import MemoryS3
from tests.support.recorder import Recorder
from tests.support.servers import Server

STEPS = 6
KEYS = (
    'upload_timestamp', 'hash', 'requires_python', 'requires_dist', 'uploaded_by', 'yanked_reason',
    'size', 'summary',
)
# What a build may have other than by default: for `build` and for the command line.
OPTIONS: tuple[tuple[dict[str, Any], tuple[str, ...]], ...] = (
    ({}, ()), ({}, ()), ({'title': 'Other'}, ('--title', 'Other')),
    ({'per_release_json': False}, ('--no-per-release-json',)),
    ({'slash_keys': True}, ('--slash-keys',)), ({'full': True}, ('--full',)),
)


class History:
    """A list whose lines come, go and change."""

    def __init__(self, seed: str) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - it chooses lists and moments
        self._lines: dict[str, dict[str, Any]] = {}

    def next_list(self) -> list[str]:
        chance = self.chance
        for _ in range(chance.randrange(1, 8)):
            project = chance.choice(histories.PROJECTS)
            filename = (
                f'{histories.SPELLINGS[project][0]}-{chance.choice(histories.VERSIONS)}'
                f'{chance.choice(histories.ENDINGS)}'
            )
            if self._lines.pop(filename, None) is None or chance.random() < 0.5:
                self._lines[filename] = {'filename': filename} | {
                    key: value for key in KEYS
                    if (value := chance.choice(histories.VALUES[key])) is not None
                }
        if chance.random() < 0.2:
            # Everything but one project goes.
            kept = chance.choice([*self._lines] or [''])[:3]
            self._lines = {
                name: line for name, line in self._lines.items() if name.startswith(kept)
            }
        return [*map(json.dumps, self._lines.values())]


@pytest.mark.randomised
@pytest.mark.parametrize('store', ['moto', 'memory'])
def test_random_history(
        store: str, s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After each build that ends, bucket and folder are equal; at no moment is a link dangling."""
    name = next(NAMES)
    if store == 'moto':
        bucket.make_public(s3, name)
    recorder = Recorder(s3 if store == 'moto' else MemoryS3(), name, PREFIX)
    history = History(f'{store} {os.environ.get("PYTHONHASHSEED", "0")}')
    chance = history.chance
    with serve_place(recorder, tmp_path, monkeypatch) as place:
        for _ in range(STEPS):
            listed = history.next_list()
            options, arguments = chance.choice(OPTIONS)
            if chance.random() < 0.6:
                place.kill_at(listed, chance.randrange(1, 80), *arguments)
                assert recorder.problems == []
                if chance.random() < 0.4:
                    continue
            options, _ = chance.choice((OPTIONS[0], (options, ())))
            place.build(listed, **options)
            recorder.aged = False
            assert_equal(place, listed, options)


def assert_equal(place: Place, listed: list[str], options: dict[str, Any]) -> None:
    recorder = place.recorder
    assert recorder.problems == []
    pages = place.pages(listed, **{**options, 'slash_keys': False})
    assert recorder.tree == pages
    assert recorder.own == {'state.json', 'chunks'}
    slashed = {
        path: page for path, page in recorder.objects.items() if not path or path[-1] == '/'
    }
    assert slashed == ({
        path.removesuffix('index.html'): page for path, page in pages.items()
        if path.endswith('index.html')
    } if options.get('slash_keys') else {})
