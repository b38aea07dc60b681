"""Where pages go: atomic writes, the lock, the changes file."""
from __future__ import annotations

# Files of the build itself, below the output directory. No page links to them.
OWN_FOLDER = '.dumb-pypi'
LOCK = f'{OWN_FOLDER}/lock'
STATE = f'{OWN_FOLDER}/state.json'
PENDING = f'{OWN_FOLDER}/pending.json'
CHUNKS = f'{OWN_FOLDER}/chunks'
# Rendered READMEs, each in a file named by a hash of what it was rendered from.
READMES = f'{OWN_FOLDER}/readmes'
SCANNED = f'{OWN_FOLDER}/projects.jsonl'
# The folders of pages that all projects or months share.
SHARED_FOLDERS = ('changelog', 'project', 'projects', 'pypi', 'rss', 'simple', 'static')
# Files that are not in their place yet, in a folder for each build.
UNFINISHED = f'{OWN_FOLDER}/unfinished'
