"""The rows of releases, which are made without the views that templates get."""
from __future__ import annotations

from pathlib import Path

import pytest

from dumb_pypi.pages.templates import Templates
from dumb_pypi.pages.web import Web
from tests.support.options import page_options
from tests.support.project_pages import project_of, STATIC

# What the rows are to be, as a template that uses each value of a release and of its files.
TEMPLATE = '''\
{{ history }}=====
{% for release in releases %}
<details{% if release.pin %} data-pin="{{ release.pin }}"{% endif %}
{%- if release.open %} open{% endif %}><summary><b>
{%- if release.yanked_reason is not none %}<s>{% endif %}
{{- release.name or 'Files without a version' }}
{%- if release.yanked_reason is not none %}</s>{% endif %}
{%- if release.latest and release.yanked_reason is none %} <i class="tag ok">latest</i>{% endif %}
{%- if release.prerelease %} <i class="tag">pre-release</i>{% endif %}
{%- if release.yanked_reason is not none %} <i class="tag warn">yanked</i>{% endif -%}
</b><span>{{ release.files | length }} file{% if release.files | length > 1 %}s{% endif %}</span>
{%- if release.python %}<span>Python {{ release.python }}</span>{% endif %}
{%- if release.uploaded %}<time>{{ release.uploaded[:10] }}</time>{% endif %}</summary>
{% if release.yanked_reason %}
<p class="why">Yanked: <bdi>{{ release.yanked_reason }}</bdi></p>
{% endif %}
{% if release.uploaded or release.uploaded_by or release.requires %}
<p>{% if release.uploaded %}Uploaded {{ release.uploaded }} UTC{% endif %}
{%- if release.uploaded_by %}
{%- if not release.uploaded %}Uploaded{% endif %} by {{ release.uploaded_by }}
{%- endif %}
{%- if release.requires and (release.uploaded or release.uploaded_by) %}. {% endif %}
{{- release.requires or '' }}
{%- if release.requires_url %}, see its <a href="{{ release.requires_url }}">JSON page</a>
{%- endif -%}
</p>
{% endif %}
<ul class="files"{% if release.anchor %} id="{{ release.anchor }}"{% endif %}>
{% for file in release.files %}
<li><a{% if file.url %} href="{{ file.url }}"{% endif %}>{{ file.filename }}</a>
{%- if file.yanked_reason is not none %}
<p class="why">Yanked{% if file.yanked_reason %}: {% endif %}<bdi>{{ file.yanked_reason }}</bdi></p>
{%- endif %}<span>{{ file.kind }}
{%- if file.requires_python %}; requires Python {{ file.requires_python }}{% endif %}
{%- if file.size %} · {{ file.size }}{% endif %}
{%- if file.uploaded %} · <time>{{ file.uploaded }}</time>{% endif %}
{%- if file.uploaded_by %} by {{ file.uploaded_by }}{% endif %}
{%- if file.provenance %} · <a href="{{ file.provenance }}">provenance</a>{% endif -%}
</span>{% if file.digest %}<code>{{ file.digest }}</code>{% endif %}</li>
{% endfor %}
</ul>
</details>
{% endfor %}
'''
DAY = 86_400


@pytest.mark.parametrize('status', ('active', 'quarantined'))
def test_rows_agree_with_views(tmp_path: Path, status: str) -> None:
    """The HTML of a history is what a template can make of its releases."""
    (tmp_path / 'project.html').write_text(TEMPLATE)
    long = [f'foo-{number}>=1' for number in range(100)]
    project = project_of(
        {'filename': 'a.zip'},
        {'filename': 'A.zip', 'size': 1, 'hash': f'sha256={"a" * 64}'},
        {'filename': 'a-1.0.zip', 'requires_dist': ['b<2', 'c'], 'requires_python': '>=3'},
        {'filename': 'a-1.1.zip', 'requires_dist': ['b<2', 'c'], 'uploaded_by': 'ana'},
        {'filename': 'a-1.2.zip', 'requires_dist': [], 'uploaded_by': '<b>'},
        {'filename': 'a-1.3.zip', 'requires_dist': long, 'upload_timestamp': 3},
        {'filename': 'a-1.4.zip', 'yanked_reason': '', 'requires_dist': long},
        {'filename': 'a-1.5.zip', 'yanked_reason': '<&>', 'requires_python': '<4'},
        {'filename': 'a-1.5-py3-none-any.whl', 'yanked_reason': '', 'requires_python': '<4'},
        {
            'filename': 'a-1.6.zip', 'requires_python': '<3', 'uploaded_by': 'ben',
            'upload_timestamp': 3 * DAY, 'yanked_reason': '"', 'size': 1234,
            'provenance': 'https://example.com/?a&b',
        },
        {
            'filename': 'a-1.6-py3-none-any.whl', 'requires_python': '<4', 'uploaded_by': 'ana',
            'upload_timestamp': DAY, 'hash': f'md5={"0" * 32}',
            'url': 'https://example.com/a-1.6-py3-none-any.whl?x&y',
        },
        {'filename': 'a-1.6-py2-none-any.whl', 'upload_timestamp': DAY + 1, 'yanked_reason': ''},
        {'filename': 'a-1.7+local.zip', 'requires_dist': ['d'], 'core_metadata': 'true'},
        {'filename': 'a-1.8rc1.zip', 'requires_dist': ['d']},
        status=status,
    )
    web = Web(page_options(template_dir=str(tmp_path)), Templates(str(tmp_path)), STATIC)
    rows, _, expected = web.projects([(project, None)])[0].decode().partition('=====\n')
    assert rows.count('<details') == 10
    assert rows == expected
