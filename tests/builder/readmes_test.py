"""READMEs in builds: each is rendered once, within limits, and read from then on."""
from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dumb_pypi.builder import readmes, renderer, stamp
from dumb_pypi.builder.renderer import Renderer
from dumb_pypi.builder.report import Report
from dumb_pypi.errors import FileError, ResourceError, WorkerError
from dumb_pypi.options import BuildOptions
from dumb_pypi.store.folder_writer import Target, Writer
from tests.support import histories, small_builds
from tests.support.hostile import dangers
from tests.support.hostile_readmes import ENDLESS, FILE, MARKDOWN, READMES, RST

FACTS = (
    {'name': 'foo', 'description': '# foo\n\nA *tool*.', 'description_content_type': MARKDOWN},
    {'name': 'bar', 'description': 'A ``library``.', 'description_content_type': RST},
)
RENDERED = {'foo': '<p>A <em>tool</em>.</p>', 'bar': '<p>A <code>library</code>.</p>'}


def run(folder: Path, *facts: dict[str, str], **options: Any) -> Report:
    return small_builds.run(folder, **{
        'project_list_json': histories.write_lines(
            folder / 'projects', [json.dumps(fact) for fact in facts],
        ), **options,
    })


def page_of(folder: Path, project: str) -> str:
    return (folder / f'out/project/{project}/index.html').read_text()


def kept(folder: Path) -> dict[str, bytes]:
    """Return the rendered READMEs by the names of their files."""
    place = folder / 'out/.dumb-pypi/readmes'
    return {file.name: file.read_bytes() for file in place.iterdir()} if place.exists() else {}


@pytest.fixture
def started() -> Iterator[Renderer]:
    process = Renderer()
    yield process
    if process.is_alive:
        process.close()


def test_renderer_loads_editable_installations(monkeypatch: pytest.MonkeyPatch) -> None:
    """The renderer may read this program's modules where no folder of `sys.path` has them."""
    monkeypatch.setattr(sys, 'path', [
        folder for folder in sys.path if folder and not (Path(folder) / 'dumb_pypi').exists()
    ])
    process = Renderer()
    assert process.render('*a*', MARKDOWN, 'foo') == '<p><em>a</em></p>'
    process.close()


def test_readmes_are_on_their_pages(tmp_path: Path) -> None:
    """Each project's page has its README; nothing is left running."""
    run(tmp_path, *FACTS)
    for project, rendered in RENDERED.items():
        assert rendered in page_of(tmp_path, project)
    assert len(kept(tmp_path)) == 2
    assert readmes._idle == []


def test_project_without_readme(tmp_path: Path) -> None:
    """Without a description, or with an empty one, the page has no README."""
    run(tmp_path, {'name': 'foo', 'summary': 'x'}, {'name': 'bar', 'description': ' \n'})
    for project in ('foo', 'bar'):
        assert 'id="readme"' not in page_of(tmp_path, project)
    assert kept(tmp_path) == {}


def test_text_is_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full build, and one with other options, read what the first one rendered."""
    run(tmp_path, *FACTS)
    before = small_builds.tree(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(readmes, '_rendered', lambda *_: pytest.fail('rendered again'))
        run(tmp_path, *FACTS, full=True)
        assert small_builds.tree(tmp_path) == before
        run(tmp_path, *FACTS, title='Other')
        assert RENDERED['foo'] in page_of(tmp_path, 'foo')
    run(tmp_path, {**FACTS[0], 'description': 'An *app*.'}, FACTS[1])
    assert '<p>An <em>app</em>.</p>' in page_of(tmp_path, 'foo')
    assert len(kept(tmp_path)) == 3


@pytest.mark.usefixtures('small_tasks')
@pytest.mark.parametrize('jobs', [1, 2])
def test_same_pages_from_workers(tmp_path: Path, jobs: int) -> None:
    """Worker processes render what one process renders."""
    run(tmp_path, *FACTS, jobs=jobs)
    for project, rendered in RENDERED.items():
        assert rendered in page_of(tmp_path, project)


@pytest.mark.usefixtures('small_tasks')
def test_same_pages_from_threads(tmp_path: Path) -> None:
    """Threads of an executor do not share a renderer."""
    with ThreadPoolExecutor(4) as executor:
        run(tmp_path, *FACTS, executor=executor)
    for project, rendered in RENDERED.items():
        assert rendered in page_of(tmp_path, project)
    assert readmes._idle == []


@pytest.mark.parametrize('damage', ['empty', 'shortened', 'edited', 'exchanged', 'linked'])
def test_damaged_file_is_not_used(tmp_path: Path, damage: str) -> None:
    """A rendered text that is not as it was written, in its place, is rendered again."""
    run(tmp_path, *FACTS)
    before, files = small_builds.tree(tmp_path), kept(tmp_path)
    for name, other in zip(files, reversed(files), strict=True):
        place = tmp_path / 'out/.dumb-pypi/readmes' / name
        if damage == 'linked':
            place.rename(tmp_path / name)
            place.symlink_to(tmp_path / name)
        else:
            place.write_bytes({
                'empty': b'', 'shortened': files[name][:-1],
                'edited': files[name] + b'<script>alert(1)</script>', 'exchanged': files[other],
            }[damage])
    run(tmp_path, *FACTS, full=True)
    assert small_builds.tree(tmp_path) == before
    assert kept(tmp_path) == files
    assert not any(file.is_symlink() for file in (tmp_path / 'out/.dumb-pypi/readmes').iterdir())


def test_unused_texts_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of earlier builds are removed once there are many of them."""
    for number in range(4):
        run(tmp_path, {**FACTS[0], 'description': f'*{number}*'}, FACTS[1])
    assert len(kept(tmp_path)) == 5
    monkeypatch.setattr(readmes, '_UNUSED', 0)
    run(tmp_path, *FACTS)
    assert len(kept(tmp_path)) == 2
    run(tmp_path, title='Without READMEs')
    assert kept(tmp_path) == {}


def test_text_without_a_renderer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra a page shows the text; once it is installed, the next build renders it."""
    with monkeypatch.context() as patch:
        patch.setattr(stamp, '_RENDERERS', ('nosuch', 'nosuch'))
        run(tmp_path, *FACTS)
        assert 'A *tool*.</pre>' in page_of(tmp_path, 'foo')
        assert kept(tmp_path) == {}
    assert run(tmp_path, *FACTS).written
    assert RENDERED['foo'] in page_of(tmp_path, 'foo')


def test_another_renderer_renders_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another release of a library changes the shape, if there may be READMEs."""
    libraries = tmp_path / 'libraries/docutils-99.0.dist-info'
    libraries.mkdir(parents=True)

    def shapes() -> list[str]:
        parsed = [BuildOptions.parse(**{
            'package_list': 'list', 'packages_url': '../pool/', 'output_dir': 'out', **options,
        }) for options in ({}, {'project_list_json': 'projects'})]
        return [found for options in parsed for found in (
            stamp.shape_of(options).fingerprint, stamp.renderer_version(options),
        )]

    before = shapes()
    monkeypatch.syspath_prepend(str(libraries.parent))
    after = shapes()
    assert [one == other for one, other in zip(before, after, strict=True)] == [
        True, True, False, False,
    ]
    assert before[1] == ''


def test_hostile_readmes_in_a_build(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Pages with hostile READMEs have nothing that runs, and the build prints nothing."""
    names = [f'hostile{number}' for number in range(len(READMES))]
    facts = [
        {'name': name, 'description': text, 'description_content_type': content_type}
        for name, (text, content_type) in zip(names, READMES, strict=True)
    ]
    lines = tuple(json.dumps({'filename': f'{name}-1.0.zip'}) for name in names)
    (tmp_path / FILE).write_text('private text')
    (tmp_path / f'{FILE}.svg').write_text('<svg>private text</svg>')
    report = small_builds.run(tmp_path, lines, project_list_json=histories.write_lines(
        tmp_path / 'projects', [json.dumps(fact) for fact in facts],
    ))
    assert report.notices == []
    pages = {
        path: content for path, content in small_builds.tree(tmp_path).items()
        if path.startswith('project/')
    }
    # The mark in the header of every page is one.
    assert [danger for danger in dangers(pages) if '<svg' not in danger] == []
    assert not [path for path, content in pages.items() if b'private text' in content]
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize('path', ['image', 'image.svg'])
def test_readme_cannot_read_files(started: Renderer, tmp_path: Path, path: str) -> None:
    """A README that embeds a file is shown as text."""
    place = tmp_path / path
    place.write_text('<svg><text>private text</text></svg>')
    text = f'.. image:: {place}\n   :loading: embed\n'
    found = started.render(text, RST, 'foo')
    assert found is not None
    assert 'private' not in found
    assert 'data:' not in found


@pytest.mark.parametrize('kind', ENDLESS)
def test_endless_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A README that takes too long is shown as text; the other one is rendered."""
    monkeypatch.setattr(renderer, '_SECONDS', 1)
    text, content_type = ENDLESS[kind]
    facts = {'name': 'foo', 'description': text, 'description_content_type': content_type}
    run(tmp_path, facts, FACTS[1], jobs=1)
    shown = page_of(tmp_path, 'foo')
    assert RENDERED['bar'] in page_of(tmp_path, 'bar')
    assert len(kept(tmp_path)) == 2
    run(tmp_path, facts, FACTS[1], full=True)
    assert page_of(tmp_path, 'foo') == shown


def test_crash_of_the_renderer(started: Renderer) -> None:
    """If it crashes, the README is at fault; it is not used again."""
    os.kill(started._process.pid, signal.SIGSEGV)
    assert started.render('*a*', MARKDOWN, 'foo') is None
    assert not started.is_alive


def test_failure_in_the_renderer(started: Renderer) -> None:
    """An error that no README should cause costs that README only."""
    wrong: Any = None
    assert started.render(wrong, MARKDOWN, 'foo') is None
    assert started.render('*a*', MARKDOWN, 'foo') == '<p><em>a</em></p>'


def test_killed_renderer(started: Renderer) -> None:
    """If somebody kills it, the build fails, and no text takes the README's place."""
    os.kill(started._process.pid, signal.SIGKILL)
    with pytest.raises(WorkerError, match='a worker process died of signal 9'):
        started.render('*a*', MARKDOWN, 'foo')


def test_renderer_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the system refuses it, the error says what was refused."""
    monkeypatch.setattr(sys, 'executable', str(tmp_path / 'missing'))
    with pytest.raises(ResourceError, match='cannot start a process to render READMEs: No such'):
        run(tmp_path, *FACTS, jobs=1)


def test_interrupted_rendering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that is interrupted leaves no renderer behind."""
    processes: list[Renderer] = []

    def interrupt(self: Renderer, *_: object) -> None:
        processes.append(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(Renderer, 'render', interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, *FACTS, jobs=1)
    assert [process.is_alive for process in processes] == [False]


def test_renderer_refuses_the_system() -> None:
    """It opens modules only, and neither connects nor runs anything."""
    renderer._refuse_files('open', (json.__file__, 'r', 0))
    renderer._refuse_files('open', (0, 'r', 0))
    renderer._refuse_files('import', ('json',))
    for event, arguments in (
            ('open', ('/etc/passwd', 'r', 0)), ('socket.connect', (None, None)),
            ('subprocess.Popen', ('ls',)), ('os.system', ('ls',)),
    ):
        with pytest.raises(PermissionError, match='READMEs must not'):
            renderer._refuse_files(event, arguments)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """If the disk fails, the error names the file."""
    target = Target(str(tmp_path), 'x')
    with pytest.raises(FileError, match='cannot read'):
        target.read_kept('x' * 300)
    (tmp_path / '.dumb-pypi').mkdir()
    (tmp_path / '.dumb-pypi/readmes').write_bytes(b'')
    with pytest.raises(FileError, match='readmes: Not a directory'):
        readmes.remove_unused((), '', target, Writer(target))
