"""What `check` reports: exactly the pages that are not as the build left them."""
from __future__ import annotations

import gzip
import os
import shutil
import socket
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from dumb_pypi import store
from dumb_pypi.builder import records, stamp
from dumb_pypi.builder.check import check
from dumb_pypi.builder.comparison import CheckReport, Difference
from dumb_pypi.errors import FileError, UncheckableError
from dumb_pypi.pages import paths
from dumb_pypi.store.checksums import CHECKSUM
from tests.support import histories
from tests.support.histories import FOREIGN, History
from tests.support.processes import Ended, Fate
from tests.support.small_builds import LINES, run
from tests.support.workshop import linked_copy, WITH_SITE, Workshop

SITE: dict[str, Any] = {'site_url': 'https://x.example.com/'}
TODAY = (
    *LINES, '{"filename": "foo-3.0.zip", "upload_timestamp": 1706781601}',
    '{"filename": "new-1.0.zip"}',
)
VARIANTS: tuple[dict[str, Any], ...] = (
    SITE, {**SITE, 'precompress': True}, {'per_release_json': False},
)
UNKNOWN = (
    'simple/old/index.html', 'simple/old/index.json', 'project/old/index.html', 'pypi/old/json',
    'pypi/old/1.0/json', 'pypi/foo/0.9/json', 'pypi/foo/1.0.post1/json', 'simple/Foo/index.html',
    'project/a b/index.html', 'simple/é/index.json', 'changelog/2020-01.html',
    'changelog/2024-01-3.html', 'changelog/undated-2.html', 'changelog/page3.html',
    'static/style-0123456789ab.css', 'static/custom-0123456789ab.css', paths.UPDATES_FEED,
)
USERS = (*FOREIGN, 'simple/gone/index.html.gz', 'packages.json.gz', 'changelog/2024-1.html')


class Base(NamedTuple):
    """An index of `TODAY` in `folder`/out, its pages by their paths, and those of yesterday."""
    folder: Path
    options: Mapping[str, Any]
    pages: Mapping[str, bytes]
    yesterday: Mapping[str, bytes]


@pytest.fixture(scope='module')
def bases() -> Iterator[list[Base]]:
    with tempfile.TemporaryDirectory() as name:
        found = []
        for number, options in enumerate(VARIANTS):
            folder = Path(name, str(number))
            folder.mkdir()
            run(folder, **options)
            yesterday = histories.read_tree(folder / 'out')
            run(folder, TODAY, **options)
            found.append(Base(folder, options, histories.read_tree(folder / 'out'), yesterday))
        yield found


@pytest.fixture
def out(tmp_path: Path) -> Path:
    run(tmp_path, **SITE)
    return tmp_path / 'out'


def found_in(folder: Path) -> list[tuple[str, str]]:
    return [(kind, path) for kind, path in check(str(folder)).differences]


def place_for(folder: Path, path: str) -> Path:
    """Return the place of a file, and make its folder."""
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def replace_by_folder(place: Path) -> None:
    place.unlink(missing_ok=True)
    (place / 'deep').mkdir(parents=True)


def replace_by_link(place: Path, to: Path) -> None:
    """Move what is in the place, and leave a link to it: a client sees no difference."""
    place.rename(to)
    place.symlink_to(to)


class Damage(NamedTuple):
    """What becomes of a page; `byte` is changed, and is where `at`, from 0 to 1, says."""
    path: str
    how: str
    at: float
    byte: int


class Unknown(NamedTuple):
    """What is put where a page would be, maybe with a compressed form."""
    path: str
    how: str
    compressed: bool


class Tampering(NamedTuple):
    """What becomes of an index; `users` are paths of files that the user adds."""
    damages: Sequence[Damage]
    unknown: Sequence[Unknown]
    users: Sequence[str]


def tampering(base: Base) -> st.SearchStrategy[Tampering]:
    def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
        return st.lists(strategy, unique_by=lambda each: each[0], max_size=4)

    unknown = [path for path in UNKNOWN if path not in base.pages]
    return st.builds(
        Tampering,
        some(st.builds(
            Damage, st.sampled_from(sorted(base.pages)), st.sampled_from(
                ('remove', 'empty', 'edit', 'append', 'restore', 'link', 'folder'),
            ),
            st.floats(0, 1, exclude_max=True), st.integers(1, 255),
        )),
        some(st.builds(
            Unknown, st.sampled_from(unknown), st.sampled_from(('file', 'empty', 'folder', 'link')),
            st.booleans(),
        )),
        st.lists(st.sampled_from(USERS), unique=True, max_size=4),
    )


def damage(base: Base, out: Path, damage: Damage) -> Difference | None:
    """Damage a page; return what a check has to report."""
    path, how, old = damage.path, damage.how, base.pages[damage.path]
    place = out / path
    if how == 'remove':
        place.unlink()
        return Difference('missing', path)
    if how == 'link':
        replace_by_link(place, place.with_name(f'.{place.name}'))
        return Difference('changed', path)
    if how == 'folder':
        replace_by_folder(place)
        return Difference('changed', path)
    at = int(damage.at * len(old))
    new = {
        'empty': b'',
        'edit': old[:at] + bytes([old[at] ^ damage.byte]) + old[at + 1:],
        'append': old + bytes([damage.byte]),
        'restore': base.yesterday.get(path, old),
    }[how]
    place.write_bytes(new)
    if shown(path, new) == shown(path, old):
        return None
    return Difference('changed' if new else 'empty', path)


def add_unknown(out: Path, unknown: Unknown) -> list[Difference]:
    """Put something where a page would be; return what a check has to report."""
    place = place_for(out, unknown.path)
    if unknown.how == 'folder':
        replace_by_folder(place)
    elif unknown.how == 'link':
        place.symlink_to('nowhere')
    else:
        place.write_text('' if unknown.how == 'empty' else 'restored')
    if not unknown.compressed:
        return [Difference('unknown', unknown.path)]
    place.with_name(f'{place.name}.gz').write_text('restored')
    return [Difference('unknown', unknown.path), Difference('unknown', f'{unknown.path}.gz')]


def tamper(base: Base, out: Path, what: Tampering) -> list[Difference]:
    """Tamper with an index; return what a check has to report."""
    found = {
        difference for each in what.damages
        if (difference := damage(base, out, each)) is not None
    }
    # Not every page has a compressed form, so that a missing one proves nothing by itself.
    found -= {Difference('missing', f'{each.path}.gz') for each in found}
    for unknown in what.unknown:
        found.update(add_unknown(out, unknown))
    for path in what.users:
        place_for(out, path).write_text('mine')
    return sorted(found, key=lambda difference: difference.path)


def shown(path: str, content: bytes) -> bytes | None:
    """Return what a client sees of a page or of its compressed form."""
    try:
        return gzip.decompress(content) if path.endswith('.gz') and content else content
    except (OSError, EOFError, zlib.error):
        return None


def pages_of(tree: Mapping[str, bytes]) -> int:
    return sum(not path.endswith('.gz') for path in tree)


@settings(max_examples=40, phases=[Phase.generate])
@given(data=st.data())
def test_check_reports_exactly_what_is_damaged(bases: list[Base], data: st.DataObject) -> None:
    """Every damaged or unknown page is reported, nothing else is, and a full build repairs all."""
    base = data.draw(st.sampled_from(bases), label='base')
    what = data.draw(tampering(base))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out = folder / 'out'
        shutil.copytree(base.folder / 'out', out)
        differences = tamper(base, out, what)
        assert check(str(out)) == CheckReport(pages_of(base.pages), differences)
        run(folder, TODAY, **base.options, full=True, allow_shrink=True)
        assert check(str(out)) == CheckReport(pages_of(base.pages), [])
        left = {
            path: content for path, content in histories.read_tree(out).items()
            if not Path(path).name.startswith('.')
        }
        assert left == {**base.pages, **dict.fromkeys(what.users, b'mine')}


BUILDS: Mapping[str, Sequence[tuple[Sequence[str], dict[str, Any]]]] = {
    'one project more': [(LINES, {}), (TODAY, {})],
    'one project less': [(TODAY, {}), (LINES, {})],
    'one release less': [(LINES, {}), (LINES[1:], {})],
    'nothing to do': [(TODAY, {}), (TODAY, {})],
    'another title': [(TODAY, {}), (TODAY, {'title': 'Other'})],
    'no feeds any more': [(TODAY, SITE), (TODAY, {})],
    'no releases any more': [(TODAY, {}), (LINES, {'per_release_json': False})],
    'releases again': [(TODAY, {'per_release_json': False}), (LINES, {})],
    'compressed': [(TODAY, {}), (LINES, {'precompress': True})],
    'compressed, one project more': [
        (LINES, {'precompress': True}), (TODAY, {'precompress': True}),
    ],
    'no longer compressed': [(TODAY, {'precompress': True}), (LINES, {})],
    'full': [(LINES, {}), (TODAY, {'full': True})],
    'an empty list': [(LINES, {}), ((), {'allow_shrink': True})],
    'an empty list, compressed': [((), {'precompress': True, 'allow_shrink': True})],
}


@pytest.mark.parametrize('name', BUILDS)
def test_builds_leave_no_difference(tmp_path: Path, name: str) -> None:
    """After each build every page in the directory is checked, and is as the build left it."""
    for lines, options in BUILDS[name]:
        run(tmp_path, tuple(lines), **options)
        tree = histories.read_tree(tmp_path / 'out')
        assert check(str(tmp_path / 'out')) == CheckReport(pages_of(tree), [])


@pytest.mark.parametrize('options', VARIANTS)
def test_partial_index_has_no_difference(
        tmp_path: Path, options: dict[str, Any],
) -> None:
    """A directory with only the changed pages is checked as well, also after the next build."""
    run(tmp_path, **options)
    for number, lines in enumerate((TODAY, LINES)):
        before = f'new-{number - 1}' if number else 'out'
        (tmp_path / before / paths.PACKAGES_JSON).rename(tmp_path / 'previous')
        out = tmp_path / f'new-{number}'
        run(tmp_path, lines, **options, output_dir=out, previous_package_list_json=(
            tmp_path / 'previous'
        ))
        tree = histories.read_tree(out)
        assert check(str(out)) == CheckReport(pages_of(tree), [])
        (out / 'simple/index.json').write_text('{}')
        assert found_in(out) == [('changed', 'simple/index.json')]


def test_replaced_1x_has_no_difference(tmp_path: Path, out: Path) -> None:
    """A build replaces or deletes all pages of an index that has no state."""
    shutil.rmtree(out / '.dumb-pypi')
    (out / 'changelog/page1.html').write_text('of 1.x')
    run(tmp_path, TODAY[2:])
    assert check(str(out)) == CheckReport(pages_of(histories.read_tree(out)), [])


class CheckedFolders(History):
    """Builds into a folder, and against its list into another; each is checked after each build."""

    @rule(full=st.booleans(), precompress=st.booleans())
    def build_and_check(self, full: bool, precompress: bool) -> None:
        self.check_after_build(self.folder / 'out', full=full, precompress=precompress)

    @rule(precompress=st.booleans())
    def build_against_the_previous_list(self, precompress: bool) -> None:
        place = self.folder / 'out' / paths.PACKAGES_JSON
        if place.exists():
            shutil.copy(place, self.folder / 'previous')
            self.check_after_build(
                self.folder / 'new', previous_package_list_json=str(self.folder / 'previous'),
                precompress=precompress,
            )
            shutil.rmtree(self.folder / 'new')

    def check_after_build(self, out: Path, **how: Any) -> None:
        for path in FOREIGN:
            place_for(out, path).write_text('mine')
        self.build(out, **how)
        tree = histories.read_tree(out)
        assert check(str(out)) == CheckReport(pages_of(tree) - len(FOREIGN), [])


@pytest.mark.randomised
def test_histories_have_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """After any build of any history a check finds no difference."""
    histories.run_histories(CheckedFolders, monkeypatch, histories=10)


UNKNOWN_STATE = 'its state is damaged or from another version; run a build with --full'
INTERRUPTED = 'a build is running or was interrupted; check after the next build'


def test_killed_build_is_no_difference(workshop: Workshop) -> None:
    """Wherever a build is killed, a check says so or finds none; the next build leaves none."""
    base, out = workshop.place / 'base', workshop.place / 'out'
    workshop.must_build(base, 'old', *WITH_SITE)
    refused = 0
    for moment in range(1, 400, 9):
        linked_copy(base, out)
        ended = workshop.build(out, 'new', *WITH_SITE, fate=Fate(kill_at=moment))
        if not ended.killed:
            break
        try:
            assert found_in(out) == []
        except UncheckableError as error:
            assert str(error).endswith(INTERRUPTED)
            refused += 1
        workshop.must_build(out, 'new', *WITH_SITE)
        assert found_in(out) == []
    assert not ended.killed
    assert refused > 10


def test_running_build_is_reported(workshop: Workshop) -> None:
    """A check does not take the pages of a running build for differences, nor its lock."""
    out = workshop.place / 'out'
    workshop.must_build(out, 'old', *WITH_SITE)
    for moment, name in ((12, 'new'), (25, 'old'), (40, 'new')):
        stopped = workshop.build(out, name, *WITH_SITE, fate=Fate(stop_at=moment))
        assert stopped.status is None
        with pytest.raises(UncheckableError, match=INTERRUPTED):
            check(str(out))
        assert workshop.resume(stopped)[1:] == (0, '')
        assert found_in(out) == []


def test_build_can_start_during_a_check(tmp_path: Path, out: Path) -> None:
    """It is not refused, and the check, which may have seen pages of both builds, says so."""
    parts = []

    def build(part: float) -> None:
        parts.append(part)
        run(tmp_path, TODAY, **SITE)

    with pytest.raises(UncheckableError, match='a build ran during the check; check again'):
        check(str(out), build)
    assert (0 < parts[0] < 1, parts[-1]) == (True, 1)
    # Now these builds have nothing to do, and write nothing.
    check(str(out), build)


def test_unfinished_build_is_reported(workshop: Workshop) -> None:
    """The check does not end well if a build that began during it still runs."""
    out = workshop.place / 'out'
    workshop.must_build(out, 'old', *WITH_SITE)
    stopped: list[Ended] = []

    def build(_: float) -> None:
        if not stopped:
            stopped.append(workshop.build(out, 'new', *WITH_SITE, fate=Fate(stop_at=12)))

    with pytest.raises(UncheckableError, match='a build ran during the check; check again'):
        check(str(out), build)
    assert workshop.resume(stopped[0])[1:] == (0, '')


@pytest.mark.parametrize('folder', ('simple', 'simple/foo', 'pypi/foo/1.0', 'changelog'))
def test_pages_of_missing_folder_are_missing(out: Path, folder: str) -> None:
    """Each page is reported, whether the folder is gone or a file."""
    pages = [path for path in histories.read_tree(out) if path.startswith(f'{folder}/')]
    shutil.rmtree(out / folder)
    assert found_in(out) == [('missing', path) for path in sorted(pages)]
    (out / folder).touch()
    assert found_in(out) == [('missing', path) for path in sorted(pages)]


@pytest.mark.parametrize('folder', (
    *store.SHARED_FOLDERS, 'simple/foo', 'pypi/foo', 'pypi/foo/1.0',
))
def test_linked_folder_is_reported_once(tmp_path: Path, out: Path, folder: str) -> None:
    """A build follows no symbolic link, whatever is where it points to."""
    replace_by_link(out / folder, tmp_path / 'moved')
    assert found_in(out) == [('changed', folder)]


def test_unknown_project_may_be_linked(tmp_path: Path, out: Path) -> None:
    """The user's links are not pages; what clients find at a recorded project is."""
    (tmp_path / 'mine/9.9').mkdir(parents=True)
    (tmp_path / 'mine/9.9/json').touch()
    (out / 'pypi/mine').symlink_to(tmp_path / 'mine')
    assert found_in(out) == []
    (out / 'pypi/foo/9.9').symlink_to(tmp_path / 'mine/9.9')
    assert found_in(out) == [('unknown', 'pypi/foo/9.9/json')]


def test_special_file_is_changed(out: Path) -> None:
    """Nothing waits for the other end of a pipe."""
    (out / 'index.html').unlink()
    os.mkfifo(out / 'index.html')
    (out / 'simple/foo/index.html').unlink()
    folder = os.open(out, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        # The address of a socket has a hundred characters at most.
        server.bind(f'/proc/self/fd/{folder}/simple/foo/index.html')
    os.close(folder)
    assert found_in(out) == [('changed', 'index.html'), ('changed', 'simple/foo/index.html')]


def test_compressed_small_page_is_unknown(tmp_path: Path) -> None:
    """A build would not write it, so that it cannot be a changed one."""
    run(tmp_path, precompress=True)
    (tmp_path / 'out/simple/foo/index.html.gz').write_text('restored')
    assert found_in(tmp_path / 'out') == [('unknown', 'simple/foo/index.html.gz')]


def test_name_need_not_be_utf8(out: Path) -> None:
    """A file whose name is not UTF-8 is not a page: no build writes or deletes one."""
    for folder in (b'simple/\xff', b'pypi/foo/\xfe'):
        os.mkdir(os.fsencode(out) + b'/' + folder)
    Path(os.fsdecode(os.fsencode(out) + b'/simple/\xff/index.html')).touch()
    Path(os.fsdecode(os.fsencode(out) + b'/pypi/foo/\xfe/json')).touch()
    assert found_in(out) == []


def remove_state(out: Path) -> None:
    shutil.rmtree(out / '.dumb-pypi')


def damage_state(out: Path) -> None:
    place = out / store.STATE
    place.write_bytes(place.read_bytes()[:-1])


def write_state_of_other_version(out: Path) -> None:
    """Records whose projects have a page more."""
    stamp_line, body = (out / store.STATE).read_bytes().split(b'\n')
    changed = msgspec.json.decode(body[stamp.SEAL:], type=records.Body)
    changed.projects['foo'].checksums += '0' * CHECKSUM
    (out / store.STATE).write_bytes(
        stamp_line + b'\n' + stamp.sealed(msgspec.json.encode(changed)),
    )


def interrupt_build(out: Path) -> None:
    (out / store.UNFINISHED).mkdir()


@pytest.mark.parametrize(('damage', 'message'), (
    (remove_state, 'no build has written an index there'),
    (damage_state, UNKNOWN_STATE), (write_state_of_other_version, UNKNOWN_STATE),
    (interrupt_build, INTERRUPTED),
))
def test_index_cannot_be_checked(
        tmp_path: Path, out: Path, damage: Callable[[Path], None], message: str,
) -> None:
    """If there is nothing to compare with, the message says why; after a build there is."""
    damage(out)
    with pytest.raises(UncheckableError) as caught:
        check(str(out))
    assert str(caught.value) == f'cannot check {out}: {message}'
    run(tmp_path, **SITE, full=message == UNKNOWN_STATE)
    assert found_in(out) == []


def test_directory_is_missing_or_file(tmp_path: Path) -> None:
    """The message says which."""
    (tmp_path / 'file').touch()
    for name, reason in (('gone', 'No such file or directory'), ('file', 'Not a directory')):
        with pytest.raises(FileError) as caught:
            check(str(tmp_path / name))
        assert str(caught.value) == f'cannot read {tmp_path}/{name}: {reason}'
