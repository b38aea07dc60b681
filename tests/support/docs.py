"""README, RATIONALE and the files in docs/, their code blocks and tables."""
from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
# The content of each document, by its path below the repository.
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (ROOT / 'README.md', ROOT / 'RATIONALE.md', *sorted((ROOT / 'docs').glob('*.md')))
}

_BLOCK = re.compile(r'^```(\w*)\n(.*?)^```$', re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A code block; `document` is the path of the document that contains it."""
    document: str
    language: str
    text: str


BLOCKS = [
    Block(document, *found)
    for document, content in DOCUMENTS.items() for found in _BLOCK.findall(content)
]


def blocks(language: str, document: str | None = None) -> list[str]:
    """Return the blocks of a language, of one document or of all."""
    return [
        block.text for block in BLOCKS
        if block.language == language and document in {None, block.document}
    ]


def block(document: str, language: str, start: str = '') -> str:
    """Return the only block of a document that has the language and starts with `start`."""
    [text] = [text for text in blocks(language, document) if text.startswith(start)]
    return text


def table(document: str, heading: str) -> set[str]:
    """Return the code in the first column of the tables below a heading, such as `## Lists`."""
    content = f'\n{DOCUMENTS[document]}'.partition(f'\n{heading}\n')[2]
    section = re.split(r'^#{2,3} ', content, flags=re.MULTILINE)[0]
    rows = re.findall(r'^\| (`.*?) \|', section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r'`([^`]+)`', row)}


def anchors(content: str) -> set[str]:
    """Return the anchors of the headings of a document."""
    return {
        re.sub(r'[^a-z0-9 _-]', '', heading.lower()).replace(' ', '-')
        for heading in re.findall(r'^#+ (.*)$', content, re.MULTILINE)
    }
