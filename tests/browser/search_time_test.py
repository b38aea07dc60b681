"""Measure the search in an index of 700,000 projects."""
from __future__ import annotations

import itertools
import random
import statistics
from collections.abc import Callable
from pathlib import Path

import msgspec
from playwright.sync_api import Page

from dumb_pypi.pages.site import Site
from dumb_pypi.pages.summaries import ProjectSummary
from dumb_pypi.pages.templates import Templates
from tests.support import chromium
from tests.support.options import page_options
from tests.support.searching import search, STATUS


def summary_end(index: int) -> str:
    """Return words that no name has: two common ones, never together, and rare ones."""
    end = ' library' if index % 3 == 0 else ' wrapper' if index % 3 == 1 else ''
    return f'{end} déjà → vu' if index % 100 == 0 else end


def many_projects(number: int) -> list[ProjectSummary]:
    """Return projects with names and summaries as long as those of the public index."""
    rng = random.Random(700)  # noqa: S311 - the same projects each time; nothing is secret
    syllables = [a + b for a in 'bcdfghjklmnprstvwz' for b in ('a', 'e', 'i', 'o', 'u', 'er')]
    words = [''.join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(30_000)]
    parts = [*words, *(['python', 'py', 'api'] * 500)]
    names: set[str] = {'django', 'python-zymurgy'}
    while len(names) < number:
        names.add('-'.join(rng.choices(parts, k=rng.randint(1, 4))))
    return [ProjectSummary(
        name, ' '.join(rng.choices(words, k=8)) + summary_end(index),
        None, None, None, 1, 1, msgspec.Raw(b'[]'),
        latest=f'{index % 7}.{index % 31}.{index % 5}', latest_uploaded=1_400_000_000 + index * 500,
        keywords=', '.join(rng.choices(words, k=4)) if index % 2 else None,
        dependents=index % 100,
    ) for index, name in enumerate(sorted(names))]


TIMED = '''async (query) => {
    const input = document.querySelector('.find input');
    const results = document.querySelector('.results');
    const start = performance.now();
    let first = 0;
    const seen = new MutationObserver(() => { first ||= performance.now() - start; });
    seen.observe(results, {childList: true, attributes: true, attributeFilter: ['hidden']});
    input.value = query;
    input.dispatchEvent(new Event('input', {bubbles: true}));
    while (results.ariaBusy !== 'false') await new Promise(resolve => setTimeout(resolve));
    seen.disconnect();
    return [first, performance.now() - start, document.querySelector('[role=status]').textContent];
}'''


def test_search_of_700_000_projects(
        page: Page, tmp_path: Path, record_property: Callable[[str, object], None],
) -> None:
    """The results must be right; times are printed only, since the machine may be busy."""
    site = Site(page_options(), Templates())
    sizes = {}
    for path, content in itertools.chain(
        site.static_pages(), site.root_pages(many_projects(700_000), []),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
        sizes[path] = len(content)
    assert sizes['index.html'] < 100_000
    lines = [
        f'{path}: {size / 1e6:.1f} MB' for path, size in sizes.items() if path.endswith('.txt')
    ]
    with chromium.served(tmp_path) as url:
        page.goto(url)
        loaded = page.evaluate('''async () => {
            const start = performance.now();
            const input = document.querySelector('.find input');
            const results = document.querySelector('.results');
            input.focus();
            input.value = 'django';
            input.dispatchEvent(new Event('input', {bubbles: true}));
            while (results.children.length === 0) await new Promise(f => setTimeout(f, 5));
            const names = performance.now() - start;
            while (!results.querySelector('bdi')) await new Promise(f => setTimeout(f, 5));
            return [names, performance.now() - start];
        }''')
        lines.append('loaded: names after {:.0f} ms, summaries after {:.0f} ms'.format(*loaded))
        for query in (
                'd', 'dj', 'django', 'py', 'python', 'python api', 'a e', 'er', 'zymurgy python',
                'erpython', 'nothing-of-that-name', 'nothing of that name', 'déjà', 'qq',
                'library', 'ibrar', 'library vu', 'library wrapper', 'library qq', 'e', 'djagno',
                'pythonzymurgy', 'librray', 'librray vu', 'zymurgy pyhton',
        ):
            times = [page.evaluate(TIMED, query) for _ in range(3)]
            first, done = (statistics.median(taken) for taken in list(zip(*times, strict=True))[:2])
            lines.append(
                f'{query!r}: first answer after {first:.0f} ms, complete after {done:.0f} ms, '
                f'{times[0][2]}',
            )
        for order in ('Most used', 'Newest'):
            search(page, 'py')
            page.get_by_role('button', name=order).click()
            times = [page.evaluate(TIMED, query) for query in ('py', 'a', 'python', 'a')]
            lines.append(f'{order}: complete after ' + ', '.join(f'{t[1]:.0f}' for t in times))
        page.get_by_role('button', name='Best').click()
        assert search(page, 'django')[0] == 'django'
        assert search(page, 'zymurgy Python') == ['python-zymurgy']
        assert search(page, 'qq') == []
        assert len(search(page, 'déjà')) == 50
        assert len(search(page, 'library')) == 50
        # If no project has both words, those with one of them are shown.
        for query in ('library wrapper', 'library qq'):
            assert len(search(page, query)) == 50
            assert page.inner_text(STATUS).startswith('No project matches all of it.')
    record_property('the search of 700,000 projects', '\n'.join(lines))
