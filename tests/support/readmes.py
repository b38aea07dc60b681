"""READMEs that have everything, and what may be wrong with a rendered one."""
from __future__ import annotations

import re

from dumb_pypi.pages.readme_html import ID_PREFIX
from tests.support.markup import HtmlPage

_ELEMENTS = frozenset((
    'a', 'abbr', 'b', 'blockquote', 'br', 'caption', 'cite', 'code', 'col', 'colgroup', 'dd', 'del',
    'details', 'div', 'dl', 'dt', 'em', 'figcaption', 'figure', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr',
    'i', 'img', 'kbd', 'li', 'ol', 'p', 'pre', 'span', 'strong', 'sub', 'summary', 'sup', 'table',
    'tbody', 'td', 'th', 'thead', 'tr', 'ul', 'var',
))
_ATTRIBUTES = frozenset((
    'align', 'alt', 'class', 'colspan', 'height', 'href', 'id', 'loading', 'referrerpolicy', 'rel',
    'rowspan', 'src', 'start', 'tabindex', 'title', 'width',
))
_CLASSES = re.compile('scroll|plain|admonition|admonition severe|admonition-title|task')
_TOKENS = re.compile('[a-z]{1,2}[a-z0-9]?( [a-z]{1,2}[a-z0-9]?)*')


def problems_of(rendered: str) -> list[str]:
    """Return what is wrong with the HTML of a README, on a page of its own."""
    page = HtmlPage(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>x</title></head>'
        '<body><main id=":content">'
        f'{rendered}\n</main></body></html>'.encode(),
    )
    problems = [*page.problems(), *page.dangers()]
    level = 1
    for element in page.elements[6:]:
        name, attributes = element.name, element.attrs
        if name not in _ELEMENTS:
            problems.append(f'<{name}>')
        problems += [f'<{name} {attribute}>' for attribute in attributes.keys() - _ATTRIBUTES]
        class_ = attributes.get('class') or ''
        if class_ and not (_TOKENS if name == 'span' else _CLASSES).fullmatch(class_):
            problems.append(f'class {class_}')
        if not (attributes.get('id') or ID_PREFIX).startswith(ID_PREFIX):
            problems.append(f'id {attributes["id"]}')
        href = attributes.get('href') or 'https://'
        if not re.match(f'https?://|#{ID_PREFIX}', href, re.IGNORECASE):
            problems.append(f'href {href}')
        if name == 'img' and not re.match('https://', attributes.get('src') or '', re.IGNORECASE):
            problems.append(f'src {attributes.get("src")}')
        if re.fullmatch('h[2-6]', name):
            if int(name[1]) > level + 1:
                problems.append(f'<{name}> after <h{level}>')
            level = int(name[1])
    return problems


FULL_MARKDOWN = '''# foo [![build](https://example.com/badge.svg)](https://example.com/build)

<p align="center"><img src="https://example.com/logo.png" width="200"><br><i>A tool</i></p>
<picture><source media="(x)" srcset="dark.png"><img src="light.png" alt="Light"></picture>

[Usage](#usage) · [Guide](docs/guide.md) · [![](https://example.com/x.svg)](https://example.com/x)

## Usage

```python
import foo  # a comment
foo.run("text", 1)
```

    indented code that is very long, so that it has to scroll on any screen

#### Skipped a level

| Backend | | Notes |
|---------|:-:|-------|
| `postgres` | yes | long text, on an even_longer_identifier_that_makes_the_table_wide |

- [x] done
- [ ] to do
  1. one
  2. two

> A quote, with **bold**, *emphasis*, ~~deleted~~ text and https://example.com/ as a link.

> [!WARNING]
> Careful.

<details><summary>More</summary>

Hidden text with <kbd>Ctrl</kbd> and H<sub>2</sub>O<sup>2</sup>.

</details>
<details>No summary</details>

![old](http://example.com/old.png)

A footnote[^1].

---

<dl><dt>Term</dt><dd>Definition</dd></dl>
<table><tr><th>only headers</th></tr></table>
<ul><p>no item</p></ul>

[^1]: The note.
'''

FULL_RST = '''
foo
===

.. contents::

.. image:: https://example.com/badge.svg
   :target: https://example.com/build

.. note:: A note.

.. warning:: Be careful.

Usage
-----

See Usage_, `the site <https://example.com/>`_, [1]_, ``literal`` and :sup:`2`.

.. code:: python

   import foo  # a comment

::

   a block that is very long, so that it has to scroll on any screen  at all

=======  =====
Backend  Notes
=======  =====
a        b
=======  =====

:Author: Somebody
:Version: 1.0

-o FILE  write to this file
-v       verbose

term
   definition

.. figure:: https://example.com/figure.png

   A caption.

.. math:: a^2 + b^2

.. topic:: Topic

   Text.

* item

  * nested

    quote

#. one
#. two

.. [1] A footnote.
'''
