"""The commands: options, messages, exit status."""
from __future__ import annotations

# The modules of the commands, and what `--help` says that each of them does.
COMMANDS = {
    'build': 'build an index; the word "build" may be omitted',
    'scan': 'print the package list of a folder or of another source',
    'serve': 'serve an index on this machine, to try it out',
    'check': 'compare the pages of an index with what the previous build wrote',
}


def describe_commands() -> str:
    """Return a line per command, for a help text."""
    return ''.join(f'  {name:8}{what}\n' for name, what in COMMANDS.items())
