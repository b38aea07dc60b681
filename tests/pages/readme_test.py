"""READMEs as HTML: what is kept, what is changed, and that nothing hostile gets through."""
from __future__ import annotations

import sys
from collections.abc import Mapping
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumb_pypi.pages import readme
from dumb_pypi.pages.readme import Markup, markup_of, render
from dumb_pypi.pages.readme_html import tidy
from tests.support.hostile_readmes import MARKDOWN, READMES, RST, URLS
from tests.support.readmes import FULL_MARKDOWN, FULL_RST, problems_of

CONTENT_TYPES: Mapping[str | None, Markup] = {
    None: Markup('text/x-rst', 'GFM'),
    '': Markup('text/x-rst', 'GFM'),
    'text/x-rst': Markup('text/x-rst', 'GFM'),
    'TEXT/X-RST; charset=utf-8': Markup('text/x-rst', 'GFM'),
    'text/markdown': Markup('text/markdown', 'GFM'),
    'text/markdown; charset=UTF-8; variant=CommonMark': Markup('text/markdown', 'CommonMark'),
    'text/markdown;variant="commonmark"': Markup('text/markdown', 'CommonMark'),
    'text/markdown; variant = GFM': Markup('text/markdown', 'GFM'),
    'text/markdown; variant=Original': Markup('text/markdown', 'GFM'),
    'text/markdown; variant': Markup('text/markdown', 'GFM'),
    'text/plain': Markup('text/plain', 'GFM'),
    'text/html': Markup('text/plain', 'GFM'),
    'markdown': Markup('text/plain', 'GFM'),
    ';;;': Markup('text/plain', 'GFM'),
}

# What becomes of sanitized HTML. The project is `foo-bar`.
TIDIED = {
    # The title.
    '<h1>Foo_Bar</h1><p>x</p>': '<p>x</p>',
    '<h1 id="user-content-foo">foo.bar</h1><a href="#foo">x</a>':
        '<span id=":readme-foo"></span><a href="#:readme-foo" rel="nofollow">x</a>',
    '<h1>foo-bar <a href="https://a.example"><img src="https://a.example/b.png" alt="b"></a></h1>':
        '<p><a href="https://a.example/" rel="nofollow"><img src="https://a.example/b.png" alt="b" '
        'loading="lazy" referrerpolicy="no-referrer"></a></p>',
    '<h1>foo-bar: a tool</h1>': '<h2>foo-bar: a tool</h2>',
    '<h2>foo-bar</h2>': '<h2>foo-bar</h2>',
    '<h1><b><img src="https://a.example/b.png" alt="logo"></b></h1>':
        '<h2><b><img src="https://a.example/b.png" alt="logo" loading="lazy" '
        'referrerpolicy="no-referrer"></b></h2>',
    '<h1>foo-bar<b> <img src="https://a.example/b.png"></b></h1>':
        '<p><img src="https://a.example/b.png" alt="" loading="lazy" '
        'referrerpolicy="no-referrer"></p>',
    # The levels of headings.
    '<h3>a</h3><h6>b</h6><h2>c</h2><h3>d</h3><h1>e</h1>':
        '<h2>a</h2><h3>b</h3><h2>c</h2><h3>d</h3><h2>e</h2>',
    '<h1>1</h1><h2>2</h2><h3>3</h3><h4>4</h4><h5>5</h5><h6>6</h6>':
        '<h2>1</h2><h3>2</h3><h4>3</h4><h5>4</h5><h6>5</h6><h6>6</h6>',
    '<h2 id="a"></h2><h2><img src="x"></h2><h3>x<a href="#y"></a></h3>':
        '<span id=":readme-a"></span><h2>x</h2>',
    '<h2 id="a"><hr></h2>': '<div id=":readme-a"><hr></div>',
    # IDs and the links to them.
    '<p id="user-content-a">x</p><p id="a">y</p><p id="b c">z</p>':
        '<p id=":readme-a">x</p><p>y</p><p>z</p>',
    '<p id="ü">x</p><a href="#%C3%BC">y</a><a href="#ü">z</a><a href="#u">-</a>':
        '<p id=":readme-ü">x</p><a href="#:readme-%C3%BC" rel="nofollow">y</a>'
        '<a href="#:readme-%C3%BC" rel="nofollow">z</a>-',
    '<h2>A<a id="a" href="#a"></a></h2>': '<h2>A<span id=":readme-a"></span></h2>',
    '<section id="a"> <h1>A</h1></section><section id="b"><h1 id="c">C</h1></section>':
        '<h2 id=":readme-a">A</h2><span id=":readme-b"></span><h2 id=":readme-c">C</h2>',
    '<section id="a">x</section><section><section id="b"></section></section>':
        '<span id=":readme-a"></span>x<span id=":readme-b"></span>',
    # Links.
    '<a href="docs/a.md">a</a> <a href="/a">b</a> <a href="?a">c</a> <a>d</a>': 'a b c d',
    '<a href="//a.example/b">x</a>': '<a href="https://a.example/b" rel="nofollow">x</a>',
    '<a href="mailto:a@a.example">x</a> <a href="https:a.example">y</a>': 'x y',
    '<a href="http://a.example" title="t">x</a>':
        '<a title="t" href="http://a.example/" rel="nofollow">x</a>',
    '<a href="http://[a">x</a>': 'x',
    '<a href="https://a.example"> </a>x': 'x',
    '<a href="https://a.example"><img src="https://b.example/c.png"></a>':
        '<a href="https://a.example/" rel="nofollow"><img src="https://b.example/c.png" '
        'alt="Link to a.example" loading="lazy" referrerpolicy="no-referrer"></a>',
    '<p id="a"></p><a href="#a"><img src="https://b.example/c.png"></a>':
        '<span id=":readme-a"></span><a href="#:readme-a" rel="nofollow">'
        '<img src="https://b.example/c.png" '
        'alt="Link to this page" loading="lazy" referrerpolicy="no-referrer"></a>',
    '<a href="https://a.example"><img src="https://b.example/c.png" alt="Docs"> docs</a>':
        '<a href="https://a.example/" rel="nofollow"><img src="https://b.example/c.png" alt="" '
        'loading="lazy" referrerpolicy="no-referrer"> docs</a>',
    # Images.
    '<img src="https://a.example/b.png" alt=" x\ny" width="50px" height="9e9" align="RIGHT">':
        '<img src="https://a.example/b.png" alt="x y" loading="lazy" referrerpolicy="no-referrer" '
        'align="right" width="50">',
    '<img src="https://a.example/b.png" id="a" class="x align-left" width="100%">':
        '<img id=":readme-a" src="https://a.example/b.png" alt="" loading="lazy" '
        'referrerpolicy="no-referrer" align="left" width="100%">',
    '<img src="//a.example/b.png">':
        '<img src="https://a.example/b.png" alt="" loading="lazy" referrerpolicy="no-referrer">',
    '<img src="http://a.example/b.png" alt="x"><img src="http://a.example/c.png">':
        '<a href="http://a.example/b.png" rel="nofollow">x</a>'
        '<a href="http://a.example/c.png" rel="nofollow">image</a>',
    '<a href="https://a.example"><img src="http://a.example/b.png" alt="x"></a>':
        '<a href="https://a.example/" rel="nofollow">x</a>',
    '<p>a <img src="b.png" alt="logo" id="i"><img src="c.png" alt="c.png"><img alt=""></p>':
        '<p>a <span id=":readme-i"></span>logo</p>',
    '<picture><img src="https://a.example/b.png" alt="x"></picture>':
        '<img src="https://a.example/b.png" alt="x" loading="lazy" referrerpolicy="no-referrer">',
    # Tables, which scroll.
    '<table><tr><th></th><th>a</th></tr><tr><td colspan="2" rowspan="999">b</td></tr></table>':
        '<div class="scroll" tabindex="0"><table><tbody><tr><td></td><th>a</th></tr>'
        '<tr><td colspan="2">b</td></tr></tbody></table></div>',
    '<table><tr><th>a</th></tr></table>':
        '<div class="scroll" tabindex="0"><table><tbody><tr><td>a</td></tr></tbody></table></div>',
    '<table><tr><td><table><tr><td>a</td></tr></table></td></tr></table>':
        '<div class="scroll" tabindex="0"><table><tbody><tr><td><table><tbody><tr><td>a</td></tr>'
        '</tbody></table></td></tr></tbody></table></div>',
    # Code.
    '<pre lang="python"><span class="kn">x</span><span class="button">y</span></pre>':
        '<pre tabindex="0"><span class="kn">x</span>y</pre>',
    '<p><span class="docutils literal">x</span><tt class="top">y</tt><span class="k">z</span></p>':
        '<p><code>x</code><code>y</code>z</p>',
    # Classes.
    '<aside class="admonition note"><p class="admonition-title">Note</p><p class="a">x</p></aside>':
        '<div class="admonition"><p class="admonition-title">Note</p><p>x</p></div>',
    '<div class="warning admonition">x</div><div class="note bad">y</div>':
        '<div class="admonition severe">x</div><div>y</div>',
    '<nav class="contents"><p class="topic-title">Contents</p></nav>':
        '<div><p class="admonition-title">Contents</p></div>',
    # Lists.
    '<ul><li><input type="checkbox" checked> a</li><li><input type="checkbox"> b</li></ul>':
        '<ul><li class="task">☑ a</li><li class="task">☐ b</li></ul>',
    '<p><input id="i" type="text"></p>x': '<span id=":readme-i"></span>x',
    '<ul><p>a</p>b<li>c</li></ul>': '<ul><li><p>a</p></li><li>b</li><li>c</li></ul>',
    '<ul id="a"> </ul><ol start="3"><li>x</li></ol><ol start="-1"><li>y</li></ol>':
        '<span id=":readme-a"></span><ol start="3"><li>x</li></ol><ol><li>y</li></ol>',
    '<li>a</li><dd>b</dd>': '<div>a</div><div>b</div>',
    '<dl><dt>a</dt><dd>b</dd></dl>': '<dl><dt>a</dt><dd>b</dd></dl>',
    '<dl><dt>a</dt></dl><dl>x<dd>b</dd></dl><dl id="a"></dl>':
        '<div><div>a</div></div><div>x<div>b</div></div><span id=":readme-a"></span>',
    # Details.
    '<details><summary></summary>x</details>': '<details><summary>Details</summary>x</details>',
    '<details>x<summary>a</summary><summary>b</summary></details>':
        '<details><summary>a</summary>x<p>b</p></details>',
    '<details>x</details><summary>y</summary>':
        '<details><summary>Details</summary>x</details><p>y</p>',
    # The rest.
    '<p align="center">x</p><p align="x">y</p><p> </p>': '<p align="center">x</p><p>y</p>',
    'a&nbsp;b &amp;nbsp; &lt;b&gt; \x01\x7f\ufffe': 'a\xa0b &amp;nbsp; &lt;b&gt;',
    '': '',
    '<p><b> </b></p>': '',
}


@pytest.mark.parametrize('content_type', CONTENT_TYPES, ids=repr)
def test_content_type(content_type: str | None) -> None:
    """The type and the variant decide, in any case; what is unknown is plain text."""
    assert markup_of(content_type) == CONTENT_TYPES[content_type]


@pytest.mark.parametrize('rendered', TIDIED)
def test_html_fits_into_the_page(rendered: str) -> None:
    """The HTML of a renderer becomes HTML that fits into the project's page."""
    assert tidy(rendered, 'foo-bar') == TIDIED[rendered]
    assert problems_of(tidy(rendered, 'foo-bar')) == []


@pytest.mark.parametrize('rendered', TIDIED)
def test_tidy_html_parses_the_same_twice(rendered: str) -> None:
    """Sanitizing the result again changes nothing but the IDs, which have a second prefix."""
    import nh3
    once = tidy(rendered, 'foo-bar')
    again = nh3.clean(once, generic_attribute_prefixes={'tabindex'}, attributes={
        '*': {'id', 'class', 'align', 'width', 'height', 'loading', 'referrerpolicy', 'src', 'alt',
              'href', 'title', 'tabindex', 'start', 'colspan'},
    }, tags=nh3.ALLOWED_TAGS | {'div', 'details', 'summary'}, link_rel='nofollow')
    assert again.replace('&nbsp;', '\xa0') == once


def test_deep_html_is_flattened() -> None:
    """The content of elements that are too deep is kept."""
    found = tidy('<div>' * 100 + '<br>x' + '</div>' * 100 + 'y', 'foo')
    assert found.count('<div>') == 64
    assert '<br>' not in found
    assert 'x' in found
    assert found.endswith('</div>y')


@pytest.mark.parametrize(('text', 'content_type', 'parts'), [
    ('# Foo\n\n~~a~~ `b`\n', MARKDOWN, ['<p><del>a</del> <code>b</code></p>']),
    ('~~a~~', 'text/markdown; variant=CommonMark', ['~~a~~']),
    ('# Bar\n\n# Baz\n', MARKDOWN, ['>Bar</h2>', '>Baz</h2>']),
    ('Bar\n===\n\n``a`` *b*\n', None, ['<code>a</code> <em>b</em>']),
    ('Bar\n===\n\n``a`` *b*\n', RST, ['<code>a</code> <em>b</em>']),
    ('`', None, ['<pre class="plain" tabindex="0">\n`</pre>']),
    ('*a* <b>\n  c', 'text/plain', ['<pre class="plain" tabindex="0">\n*a* &lt;b&gt;\n  c</pre>']),
    ('<!-- -->', MARKDOWN, ['<pre class="plain" tabindex="0">\n&lt;!-- --&gt;</pre>']),
    ('.. |today| date:: %Y\n\nIn |today|.', RST, ['<p>In .</p>']),
    (FULL_MARKDOWN, MARKDOWN, [
        '☑ done', 'class="kn"', '<td align="center">', '<summary>More</summary>',
        '<img src="https://example.com/logo.png"', 'href="http://example.com/old.png"',
    ]),
    (FULL_RST, RST, ['class="kn"', '<table>', '<dt>', 'class="admonition severe"', '<figure>']),
])
def test_rendered_text(text: str, content_type: str | None, parts: list[str]) -> None:
    """Each markup is rendered; what cannot be rendered is shown as it is."""
    found = render(text, content_type, 'foo')
    assert problems_of(found) == []
    for part in parts:
        assert part in found


def test_links_within_a_readme() -> None:
    """Links to headings lead there, whatever the renderer calls them."""
    found = render('Foo\n===\n\nSee Usage_.\n\nUsage\n-----\n\nx\n', RST, 'foo')
    assert '<a href="#:readme-usage" rel="nofollow">Usage</a>' in found
    assert 'id=":readme-usage"' in found


def test_roles_of_another_text() -> None:
    """A role that one README defines is unknown to the next one."""
    assert render('.. role:: mine\n\n:mine:`a`\n', RST, 'foo') == '<p>a</p>'
    assert render(':mine:`a`\n', RST, 'foo').startswith('<pre class="plain"')


@pytest.mark.parametrize('content_type', [MARKDOWN, RST])
def test_text_without_a_renderer(content_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library the text is shown as it is."""
    monkeypatch.setitem(sys.modules, 'readme_renderer', None)
    assert render('*a*', content_type, 'foo') == '<pre class="plain" tabindex="0">\n*a*</pre>'


@pytest.mark.parametrize(('text', 'content_type'), [
    ('*a*\n' * 70_000, RST), ('*a*\n' * 140_000, MARKDOWN), ('&[a](b) ' * 50_000, MARKDOWN),
], ids=['long text', 'longer text', 'long HTML'])
def test_text_that_is_too_long(
        text: str, content_type: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A long text, and one whose HTML is long, is shown as it is."""
    monkeypatch.setattr(readme, '_LONGEST_HTML', 400_000)
    assert render(text, content_type, 'foo') == readme.plain_text(text)


@pytest.mark.parametrize(('text', 'content_type'), READMES, ids=lambda value: repr(value)[:60])
def test_hostile_readme(text: str, content_type: str) -> None:
    """Nothing runs, nothing is styled, and no ID or class is one of the page's."""
    assert problems_of(render(text, content_type, 'foo')) == []


HTML = st.lists(st.sampled_from([
    *(f'<{tag}{attribute}>' for tag in (
        'a', 'p', 'div', 'table', 'tr', 'td', 'th', 'ul', 'li', 'dl', 'dt', 'h1', 'h3', 'pre', 'b',
        'code', 'details', 'summary', 'img', 'section', 'svg', 'style', 'input', 'aside', 'caption',
        'blockquote', 'br', 'figure', 'figcaption', 'template', 'script', 'math', 'select', 'title',
    ) for attribute in (
        '', ' id=a', ' href=#a', ' href="https://a.example"', ' src="https://a.example"', ' src=b',
        ' onclick=1', ' style="color:red"', ' class="k admonition"', ' align=center',
        ' type=checkbox',
    )),
    *(f'</{tag}>' for tag in ('a', 'p', 'div', 'table', 'td', 'ul', 'li', 'dl', 'h1', 'pre', 'b',
                              'details', 'section', 'svg', 'style', 'template', 'select')),
    'text', ' ', '\n', '\n\n', '&amp;', '&lt;', '<!--', '-->', '"', '`', '```\n', '# ', '- ', '> ',
]), max_size=25).map(''.join)


@given(HTML)
def test_any_html_in_markdown(text: str) -> None:
    """The result has allowed elements, attributes and URLs only, and is balanced."""
    found = render(text, MARKDOWN, 'a')
    assert problems_of(found) == []


@given(st.text(st.sampled_from('ab *`_|:.\n<>"\'[]()#=-+~!\\&;\t'), max_size=60), st.sampled_from(
    [MARKDOWN, 'text/markdown; variant=CommonMark', RST, 'text/plain'],
))
def test_any_text(text: str, content_type: str) -> None:
    """The result is safe, and is the same if it is rendered again."""
    found = render(text, content_type, 'a')
    assert problems_of(found) == []
    assert render(text, content_type, 'a') == found


@given(st.sampled_from(URLS), st.sampled_from(['href', 'src']), st.text(max_size=5))
def test_any_url(url: str, attribute: str, rest: str) -> None:
    """A link or an image has an absolute web URL, or is none."""
    found = render(f'<a {attribute}="{url}{rest}">x</a><img {attribute}="{url}{rest}">', MARKDOWN,
    'a')
    assert problems_of(found) == []
    assert 'javascript:' not in unescape(found).lower() or 'href' not in found
