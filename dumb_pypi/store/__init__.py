"""Where pages go: atomic writes, the lock, the changes file."""
from __future__ import annotations

# Files of the build itself, below the output directory. No page links to them.
OWN_FOLDER = '.dumb-pypi'
LOCK = f'{OWN_FOLDER}/lock'
STATE = f'{OWN_FOLDER}/state.json'
JOURNAL = f'{OWN_FOLDER}/journal.json'
LEDGER = f'{OWN_FOLDER}/ledger'
# Files that are not in their place yet.
UNFINISHED = f'{OWN_FOLDER}/unfinished/'
