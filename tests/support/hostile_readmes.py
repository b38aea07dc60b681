"""READMEs that try to run code, to imitate the page, to read files, or to keep a build busy."""
from __future__ import annotations

MARKDOWN = 'text/markdown'
RST = 'text/x-rst'
# The name of a file next to the package list.
FILE = 'private'

# URLs that browsers run, or that mean another host than they seem to.
URLS = (
    'javascript:alert(1)', 'JaVaScRiPt:alert(1)', ' javascript:alert(1)', 'java\tscript:alert(1)',
    'javascript&colon;alert(1)', '&#106;avascript:alert(1)', 'vbscript:x',
    'data:text/html,<script>',
    'data:image/svg+xml;base64,PHN2Zz4=', 'file:///etc/passwd', 'blob:https://example.com/1',
    'mailto:a@example.com', 'https:example.com', 'https:/example.com', 'https:\\\\example.com',
    '/\\example.com', '//example.com', '///example.com', 'http://[::1', 'https://[', 'https://',
    '../../../secret', '?q=1', '#releases', '#:content', '#', '',
)

_VECTORS = (
    '<script>alert(1)</script>', '<SCRIPT SRC=//example.com/x.js></SCRIPT>', '<script',
    '<script/x>',
    '<scr<script>ipt>alert(1)</script>', '<img src=x onerror=alert(1)>',
    '<img/src/onerror=alert(1)>',
    '<img src="https://example.com/a.png" onload="alert(1)" style="position:fixed">',
    '<svg onload=alert(1)>', '<svg><script>alert(1)</script></svg>',
    '<svg><style><img src=x onerror=1>',
    '<math><mi xlink:href="javascript:alert(1)">',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src onerror=1&gt;">',
    '<iframe src="https://example.com"></iframe>', '<iframe srcdoc="<script>alert(1)</script>">',
    '<object data="x.swf"></object>', '<embed src="x.swf">', '<base href="https://example.com/">',
    '<meta http-equiv="refresh" content="0;url=https://example.com">',
    '<link rel=stylesheet href=x>',
    '<style>body{display:none}</style>', '<p style="position:fixed;inset:0">over the page</p>',
    '<div class="top note bad tabs copy">an alarm</div>',
    '<form action="https://a.example"><input name=password><button>Log in</button></form>',
    '<input type=text autofocus onfocus=alert(1)>',
    '<textarea>', '<select><option>', '<template><script>1</script></template>',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<xmp><script>1</script></xmp>',
    '<plaintext>',
    '<title>x</title>', '</div></div></section></main></body></html><h1>Escaped</h1>',
    '<!-- --><!--><script>1</script>', '<![CDATA[<script>1</script>]]>', '<?php echo 1 ?>',
    '<a id="releases" name="releases">x</a>', '<h2 id=":content">x</h2>',
    '<p id="readme">a</p><p id="readme">b</p>',
    '<a href="https://example.com" target=_blank rel=opener>x</a>',
    '<details ontoggle=alert(1) open><summary></summary>x', '<summary>x</summary>', '<li>x</li>',
    '<table><tr><td>a<table><tr><td>b',
    '<table background="https://example.com/x.png"><td bgcolor=red>',
    '<b><p><i></b></p></i>', '<a href="https://a.example"><table><td><a href="https://b.example">b',
    '<ul><p>x</p><li><ul></ul></li></ul>', '<dl><p>x</p></dl>', '<dl><dt>x</dt></dl>', '<dd>y</dd>',
    '<picture><source srcset="http://a.example/x"><img src="http://a.example/x"></picture>',
    '<video src="https://example.com/x.mp4" autoplay>', '<audio src=x onerror=alert(1)>',
    '<img src="https://a.example/x.png" width=99999999 height="100%" alt=\'"><script>1</script>\'>',
    '<td colspan=99999999 rowspan=99999999>x</td>', '<ol start=99999999999><li>x</ol>',
    '<h1></h1><h6>deep</h6><h1>high</h1>', '<font color=red size=7>x</font>',
    '<marquee>x</marquee>',
    '<bdo dir=rtl>x</bdo>\u202e\u2066x', '&#0;&#1;&#x7f;&#xfffe;&#xd800;&#x202e;',
    'a&nbsp;b&lt;b&gt;',
    '<a href="https://example.com"><img src="https://example.com/x.png"></a>', '<a><img></a>',
    '<p>' * 300 + 'x', '<div>' * 300 + 'x', '<ul><li>' * 300 + 'x', '<b>' * 300 + 'x',
    '<blockquote>' * 300 + 'x' + '</blockquote>' * 300,
)

_MARKDOWN = (
    '[x](javascript:alert(1))', '![x](javascript:alert(1))', '![x" onerror="alert(1)](x "y\' z")',
    '<javascript:alert(1)>', '[x]: javascript:alert(1)\n\n[x]', '[x](<java\nscript:alert(1)>)',
    '```"><script>alert(1)</script>\nx\n```', '```python\n</code></pre><script>1</script>\n```',
    '```\n<pre lang="x"><code>\n```', '# [x](#releases) <img src=x onerror=1>',
    '[](https://example.com)',
    '# Foo {#releases}', '- [x] done\n- [ ] not', '> [!CAUTION]\n> x',
    'x[^1]\n\n[^1]: <script>1</script>',
    '|<script>|\n|-|\n|`</td>`|', '~~<b>~~', '<details>\n\n```\nx\n```\n', '[x](//example.com/a)',
    '> ' * 300 + 'x', '- ' * 300 + 'x', '[' * 5000, '![' * 5000, '*a _b ' * 5000, '<' * 5000,
)

_RST = (
    f'.. include:: {FILE}', f'.. raw:: html\n   :file: {FILE}',
    '.. raw:: html\n\n   <script>1</script>',
    f'.. csv-table::\n   :file: {FILE}', '.. csv-table::\n   :url: https://example.com/x',
    f'.. image:: {FILE}\n   :loading: embed', f'.. image:: {FILE}.svg\n   :loading: embed',
    '.. raw:: html\n   :url: https://example.com/x', '`x <javascript:alert(1)>`_',
    '.. _x: javascript:1\n\nx_',
    '.. image:: javascript:alert(1)', '.. image:: x.swf', '.. image:: x.mp4',
    '.. image:: https://a.example/x.svg',
    '.. class:: top note bad\n\nAlarm', '.. container:: tabs copy\n\n   x',
    '.. role:: top\n\n:top:`x`',
    '.. meta::\n   :http-equiv=refresh: 0', '.. |d| date::\n\n|d| .',
    '.. default-role:: code\n\n`x',
    '.. math::\n\n   </script><script>1</script>', '.. code:: "><script>\n\n   x',
    '.. figure:: x\n   :figclass: top',
    '.. image:: https://a.example/x\n   :target: javascript:1\n   :width: 9999999em\n   :name: q',
    '.. _releases:\n\nx\n\n`releases`_ `Releases <#releases>`_',
    '.. contents::\n\nA\n=\n\nB\n-\n\nx', '.. sectnum::',
    '.. list-table::\n   :header-rows: 1\n\n   * - a\n     -\n   * - b\n     - c',
    '.. parsed-literal::\n\n   <b>',
    'a\n  b\n c', '`', '|x|', ':nosuchrole:`x`', '.. nosuchdirective::', '=\nx', '.. note::',
    ''.join(f'{" " * level}x\n\n' for level in range(200)), 'Field\n  text\n\n:a: b\n\n-x  option',
)

READMES: list[tuple[str, str]] = [
    *((text, MARKDOWN) for text in (*_VECTORS, *_MARKDOWN)),
    *((f'Foo\n===\n\n{text}\n', RST) for text in (*_RST, *_VECTORS)),
    *((f'[x]({url}) ![y]({url})\n\n<a href="{url}">x</a> <img src="{url}">',
    MARKDOWN) for url in URLS),
    *((f'`x <{url}>`__\n\n.. image:: {url}\n', RST) for url in URLS),
]

# They take minutes or gigabytes, or crash a library, in some release of some renderer.
_SIZE = 200_000
ENDLESS: dict[str, tuple[str, str]] = {
    'nested elements': ('<div>' * (_SIZE // 5), MARKDOWN),
    'nested quotes': ('>' * _SIZE, MARKDOWN),
    'a wide table': (
        f'|{"a|" * 1000}\n|{"-|" * 1000}\n{"|a" * 10}\n' + '|a\n' * (_SIZE // 4), MARKDOWN,
    ),
    'substitutions': ('|a0|\n\n' + ''.join(
        f'.. |a{level}| replace:: {f"|a{level + 1}| " * 10}\n' for level in range(9)
    ) + '.. |a9| replace:: x\n', RST),
}
