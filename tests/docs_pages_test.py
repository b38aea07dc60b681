"""The pipelines of packages in a repository, for GitHub and GitLab Pages, work as they stand."""
from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import bucket
from tests.support.archives import METADATA, wheel
from tests.support.servers import DEPLOY

NAME = 'foo-1.0-py3-none-any.whl'


def commands(name: str) -> tuple[str, str]:
    """Return the command of a pipeline that installs the program, and those that build the index.
    """
    text = (DEPLOY / 'pages' / name).read_text()
    install = re.findall(r'^ +- (?:run: )?(pip .*)$', text, re.MULTILINE)
    rest = re.findall(r'^ +(?:- )?((?:mkdir|cp|dumb-pypi) .*)$', text, re.MULTILINE)
    assert len(install) == 1
    return install[0], '\n'.join(rest)


@pytest.mark.parametrize('name', ['github-pool.yml', 'gitlab.yml'])
def test_broken_package_stops_no_pipeline(tmp_path: Path, name: str) -> None:
    """The pipeline publishes all good packages, with READMEs, and reports the broken ones."""
    install, script = commands(name)
    # Users have to edit the URL. READMEs need the extra.
    assert install == "pip install 'dumb-pypi[readme] @ git+https://example.com/dumb-pypi.git'"
    pool = tmp_path / 'pool'
    pool.mkdir()
    described = METADATA + b'Description-Content-Type: text/markdown\n\n# Heading of the README\n'
    (pool / NAME).write_bytes(wheel(described))
    (pool / 'broken-1.0-py3-none-any.whl').write_bytes(b'broken')
    site_url = 'https://example.com/project/'
    done = subprocess.run(
        ['sh', '-e', '-c', script], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=bucket.tool_environment('http://127.0.0.1:1/', tmp_path) | {
            'SITE_URL': site_url, 'CI_PAGES_URL': site_url.removesuffix('/'),
        },
    )
    assert (done.returncode, done.stdout) == (0, '')
    assert 'public/pool/broken-1.0-py3-none-any.whl: ' in done.stderr
    page = (tmp_path / 'public/simple/foo/index.html').read_text()
    assert f'href="../../pool/{NAME}#sha256=' in page
    assert (tmp_path / f'public/pool/{NAME}.metadata').read_bytes() == described
    assert '>Heading of the README<' in (tmp_path / 'public/project/foo/index.html').read_text()
    assert 'data-core-metadata' in page
    assert site_url in (tmp_path / 'public/rss/updates.xml').read_text()
    # This page is shown at any depth.
    assert 'href="/project/projects/"' in (tmp_path / 'public/404.html').read_text()
