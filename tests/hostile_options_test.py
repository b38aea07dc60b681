"""Options that make no sense, and options whose values are hostile."""
from __future__ import annotations

from pathlib import Path

import pytest

from dumb_pypi.commands import console
from tests.support.hostile import Command, dangers

WRONG_OPTIONS = (
    (('--packages-url', 'javascript:alert(1)'), 'is not an http or https URL'),
    # Blanks around a URL are ignored.
    (('--packages-url', ' javascript:alert(1)'), 'is not an http or https URL'),
    (('--packages-url', '\tjavascript:alert(1)'), 'is not an http or https URL'),
    (('--packages-url', 'ftp://example.com/'), 'is not an http or https URL'),
    (('--packages-url', 'https:///pool/'), 'has no host'),
    (('--packages-url', 'https://[/'), 'is not a URL'),
    (('--packages-url', '../../pool/?a=b'), 'which file names cannot follow'),
    (('--packages-url', 'https://example.com/pool?a'), 'which file names cannot follow'),
    (('--packages-url', '../../pool/#a'), 'which file names cannot follow'),
    (('--packages-url', '../pool\0'), 'control character U+0000'),
    (('--packages-url', '\ud800'), 'control character U+D800'),  # no UTF-8 on the command line
    (('--site-url', 'javascript:alert(1)'), 'is not an http or https URL'),
    (('--site-url', 'example.com'), 'is not an http or https URL'),
    (('--site-url', '/index/'), 'is not an http or https URL'),
    (('--site-url', 'https://'), 'has no host'),
    (('--site-url', 'https://example.com/?a=b'), 'which no path can follow'),
    (('--site-url', 'https://example.com/#a'), 'has a fragment'),
    (('--site-url', 'https://example.com:port/'), 'is not a URL'),
    (('--logo', 'javascript:alert(1)'), 'is not an http or https URL'),
    (('--logo', 'data:text/html,<script>alert(1)</script>'), 'is not an http or https URL'),
    (('--logo', 'https://["/'), 'is not a URL'),
    (('--logo', 'logo\x1b.png'), 'control character U+001B'),
    (('--logo-width', '0'), 'must be at least 1, not 0'),
    (('--logo-width', '-5'), 'must be at least 1, not -5'),
    (('--logo-width', 'wide'), "invalid int value: 'wide'"),
    (('--title', 'a\0b'), 'control character U+0000'),
    (('--template-dir', 'nothing'), 'nothing is not a directory'),
    (('--template-dir', __file__), 'is not a directory'),
    (('--nothing',), 'unrecognized arguments: --nothing'),
)


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


@pytest.mark.parametrize(('options', 'cause'), WRONG_OPTIONS)
def test_invalid_option(command: Command, options: tuple[str, ...], cause: str) -> None:
    """Exit status 2 and one line that names the option, before anything is read or written."""
    message = command.refused(
        *command.arguments('--package-list', f'{command.folder}/nothing'), *options,
    )
    assert options[0] in message
    assert cause in message
    assert message.isprintable()
    assert not command.out.exists()


@pytest.mark.parametrize('options', (
    ('--title', '<script>alert(1)</script>', '--logo', '"><script>alert(1)</script>'),
    ('--title', '{{ 7 * 7 }}', '--logo', '\' onerror="alert(1)'),
    ('--packages-url', '"><script>alert(1)</script>/'),
    ('--packages-url', './javascript:alert(1)'),
    ('--logo', ' java\tscript:alert(1)'),
    ('--site-url', 'https://example.com/"><script>alert(1)</script>'),
))
def test_hostile_options(command: Command, options: tuple[str, ...]) -> None:
    """No page runs what an option holds."""
    outcome = command(*options, '--quiet', plain=b'good-1.0.zip')
    assert (outcome.status, outcome.messages) == (console.DONE, [])
    assert dangers(outcome.pages) == []
