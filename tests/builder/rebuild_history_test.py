"""Random histories of builds: each leaves the tree of a full build and touches no equal file."""
from __future__ import annotations

import shutil
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from dumb_pypi import store
from dumb_pypi.pages import paths
from tests.support import histories
from tests.support.histories import History


class OneFolder(History):
    """Builds into one folder, which also has files of the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.output_dir = self.folder / 'out'
        self.foreign: dict[str, bytes] = {}
        self.can_compare = False

    @rule(path=st.sampled_from(histories.FOREIGN))
    def add_foreign_file(self, path: str) -> None:
        place = self.output_dir / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f'mine: {path}')
        self.foreign[path] = place.read_bytes()

    @rule(state=st.sampled_from((None, b'', b'{', b'null', b'{"shape": "of another version"}')))
    def damage_the_state(self, state: bytes | None) -> None:
        place = self.output_dir / store.STATE
        if place.exists():
            place.unlink()
            if state is not None:
                place.write_bytes(state)
            # The options of the previous build are lost with its state.
            self.can_compare = False

    @rule()
    def rebuild(self) -> None:
        self.check_rebuild()

    @rule()
    def rebuild_twice(self) -> None:
        self.check_rebuild()
        before = histories.age(self.output_dir)
        report = self.build(self.output_dir)
        assert histories.stamps(self.output_dir) == before
        assert (report.written, report.deleted) == (0, 0)

    @rule()
    def rebuild_in_full(self) -> None:
        self.check_rebuild(full=True)

    @rule(full=st.booleans())
    def rebuild_from_the_previous_list(self, full: bool) -> None:
        if self.can_compare:
            shutil.copy(self.output_dir / paths.PACKAGES_JSON, self.folder / 'previous')
            self.check_rebuild(
                previous_package_list_json=str(self.folder / 'previous'), full=full,
            )

    def check_rebuild(self, **how: Any) -> None:
        stamps = histories.age(self.output_dir)
        before = histories.read_tree(self.output_dir)
        report = self.build(self.output_dir, **how)
        self.can_compare = True
        after = histories.read_tree(self.output_dir)
        assert after == {**self.whole_tree(), **self.foreign}
        assert not histories.empty_folders(self.output_dir)
        unchanged = [path for path in before if before[path] == after.get(path)]
        now = histories.stamps(self.output_dir)
        assert [path for path in unchanged if now[path] != stamps[path]] == []
        assert report.deleted == len(before.keys() - after.keys())
        assert report.files == len(self.files)
        assert len([notice for notice in report.notices if notice.skipped]) == self.bad_lines


@pytest.mark.randomised
def test_histories_end_in_a_full_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """After any history the tree is that of a full build, and no equal or foreign file changed."""
    histories.run_histories(OneFolder, monkeypatch, histories=40)
