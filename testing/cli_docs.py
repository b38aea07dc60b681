"""Write docs/cli.md from the parsers of the commands.

`python -m testing.cli_docs PATH` writes the page. It is made from the options themselves, because
the help that argparse prints depends on the version of Python and on the width of the terminal.
"""
from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

from dumb_pypi.commands import COMMANDS

_INTRODUCTION = '''\
# Command line

`make docs` generates this page from the program.

`dumb-pypi` followed by options builds an index, as `dumb-pypi build` does. All commands exit with 0
on success, 1 on failure and 2 on a usage error. `python -m dumb_pypi` runs the same commands.
'''
# The words of argparse for these may differ between versions of Python.
_COMMON = {
    '--help': 'print the help of the command and exit', '--version': 'print the version and exit',
}


class _ParserFoundError(Exception):
    """Raised in place of parsing a command line, with the parser."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def find_parser(command: str) -> argparse.ArgumentParser:
    """Return the parser of a command, without running the command."""
    def parse_args(self: argparse.ArgumentParser, *_: object) -> None:
        raise _ParserFoundError(self)

    module = importlib.import_module(f'dumb_pypi.commands.{command}')
    with mock.patch.object(argparse.ArgumentParser, 'parse_args', parse_args):
        try:
            module.main(['--help'])
        except _ParserFoundError as found:
            return found.parser
    raise AssertionError(f'{command} parses no options')


def options(command: str) -> set[str]:
    """Return all options of a command, such as `{'-h', '--help'}`."""
    return {name for action in find_parser(command)._actions for name in action.option_strings}


def page() -> str:
    """Return the content of docs/cli.md."""
    sections = ('\n'.join(_section(command, find_parser(command))) for command in COMMANDS)
    return '\n'.join((_INTRODUCTION, *sections))


def _section(command: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f'## dumb-pypi {command}\n'
    yield from _text(parser.description, parser)
    yield f'```\n{_usage(command, parser)}\n```\n'
    # The titles of the first two groups, which every parser has, are argparse's.
    positionals, optionals, *groups = parser._action_groups
    yield from _table([*positionals._group_actions, *optionals._group_actions])
    for group in groups:
        yield f'### {str(group.title).capitalize()}\n'
        yield from _text(group.description, parser)
        yield from _table(group._group_actions)
    for exclusive in parser._mutually_exclusive_groups:
        names = [f'`{_long_name(action)}`' for action in exclusive._group_actions]
        how_many = 'exactly' if exclusive.required else 'at most'
        yield f'Use {how_many} one of {", ".join(names[:-1])} and {names[-1]}.\n'
    yield from _text(parser.epilog, parser)


def _usage(command: str, parser: argparse.ArgumentParser) -> str:
    if parser.usage is not None:
        usage = _with_name(parser.usage, parser)
        return '\n'.join(line.strip() for line in usage.splitlines())
    arguments = [
        f'{_metavar(action)}{"..." if action.nargs in {"+", "*"} else ""}'
        for action in parser._actions if not action.option_strings
    ]
    return ' '.join(('dumb-pypi', command, '[OPTIONS]', *arguments))


def _table(actions: Sequence[argparse.Action]) -> Iterator[str]:
    rows = [_row(action) for action in actions if action.help != argparse.SUPPRESS]
    if rows:
        yield '\n'.join(('| option | meaning |', '|---|---|', *rows)) + '\n'


def _row(action: argparse.Action) -> str:
    metavar = '' if action.nargs == 0 else f' {_metavar(action)}'
    names = [f'`{name}{metavar}`' for name in action.option_strings] or [f'`{_metavar(action)}`']
    required = ' (required)' if action.required and action.option_strings else ''
    return f'| {", ".join(names)} | {_meaning(action)}{required} |'


def _meaning(action: argparse.Action) -> str:
    for name, meaning in _COMMON.items():
        if name in action.option_strings:
            return meaning
    return _escape((action.help or '') % vars(action)).replace('|', '\\|')


def _metavar(action: argparse.Action) -> str:
    return str(action.metavar or action.dest.upper())


def _long_name(action: argparse.Action) -> str:
    return max(action.option_strings or [_metavar(action)], key=len)


def _text(text: str | None, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the paragraphs of a description or an epilog; indented ones become blocks."""
    indented: list[str] = []
    for paragraph in _with_name((text or '').strip('\n'), parser).split('\n\n'):
        if '\n  ' in f'\n{paragraph}':
            indented.append(paragraph.strip('\n'))
        elif paragraph.strip():
            yield f'{_escape(" ".join(paragraph.split()))}\n'
    if indented:
        block = '\n\n'.join(indented)
        yield f'```\n{block}\n```\n'


def _with_name(text: str, parser: argparse.ArgumentParser) -> str:
    # argparse formats no other field in descriptions, so that they may contain percent signs.
    return text.replace('%(prog)s', parser.prog)


def _escape(text: str) -> str:
    # `<project>` would be an HTML tag.
    return text.replace('<', '&lt;')


if __name__ == '__main__':
    Path(sys.argv[1]).write_text(page())
