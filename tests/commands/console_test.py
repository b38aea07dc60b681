"""The progress bar and messages that all commands share."""
from __future__ import annotations

import io
import os
import sys
import time

import pytest

from dumb_pypi.commands.console import ProgressBar

LONGEST_DELAY = 0.2  # seconds; tqdm draws the bar ten times a second


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def open_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Replace standard error. A fixture cannot: pytest replaces it again before the test."""
    terminal = Terminal()
    monkeypatch.setattr(sys, 'stderr', terminal)
    # tqdm reads these variables when it is imported.
    for name in [name for name in os.environ if name.startswith('TQDM_')]:
        monkeypatch.delenv(name)
    for name in [name for name in sys.modules if name.partition('.')[0] == 'tqdm']:
        monkeypatch.delitem(sys.modules, name)
    return terminal


def test_bar_shows_a_percentage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a unit the bar shows the percentage and the time, until it is closed."""
    terminal = open_terminal(monkeypatch)
    bar = ProgressBar()
    bar(0.25)
    time.sleep(LONGEST_DELAY)
    bar(0.5)
    assert terminal.getvalue().split('\r')[-1].startswith(' 50% |')
    bar.close()
    assert terminal.getvalue().split('\r')[-2].isspace()
    bar.close()


def test_bar_shows_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a unit the bar shows amounts and the speed."""
    terminal = open_terminal(monkeypatch)
    bar = ProgressBar(unit='B')
    bar(500, 2000)
    time.sleep(LONGEST_DELAY)
    bar(1000, 2000)
    bar.close()
    assert '50%|' in terminal.getvalue()
    assert '1.00k/2.00k' in terminal.getvalue()
    assert 'B/s]' in terminal.getvalue()


def test_bar_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar does not appear if it is hidden, or before its patience has run out."""
    terminal = open_terminal(monkeypatch)
    for bar in (ProgressBar(hidden=True), ProgressBar(patience=60)):
        bar(0.5)
        bar.close()
    assert terminal.getvalue() == ''


def test_bar_needs_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is shown if standard error is closed, or not a terminal."""
    stream = io.StringIO()
    for stderr in (None, stream):
        monkeypatch.setattr(sys, 'stderr', stderr)
        bar = ProgressBar()
        bar(1)
        bar.close()
    assert stream.getvalue() == ''
