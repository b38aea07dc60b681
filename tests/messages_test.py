"""Every message about a line of a list: what is wrong, where, and what to do."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from dumb_pypi import build
from dumb_pypi.builder.report import Report
from tests.support import histories

JSON = 'package_list_json'
PLAIN = 'package_list'
PROJECTS = 'project_list_json'
LONG = 'f' * 201
HEX = 'ab' * 32


def of_foo(facts: str) -> str:
    return f'{{"filename": "foo-1.0.zip", {facts}}}'


NO_DISTRIBUTION = 'is not a distribution file: its name ends with none of .whl, .tar.gz, .zip, …'
ONE_OBJECT = 'write one JSON object per line'
HASH = "is not '<algorithm>=<hex>'"

# The list, the second of its lines, and the message about it.
MESSAGES = (
    # JSON.
    (JSON, '[]', 'the line must be a JSON object'),
    (JSON, '{', f'Input data was truncated: {ONE_OBJECT}'),
    (JSON, 'oops', f'JSON is malformed: invalid character (byte 0): {ONE_OBJECT}'),
    (JSON, of_foo('"summary": "\\ud800"'),
     f'JSON is malformed, or has only one half of a surrogate pair: {ONE_OBJECT}'),
    (JSON, of_foo(f'"x": {"[" * 9999}{"]" * 9999}'),
     'JSON is nested too deeply: write one flat object per line'),
    (JSON, of_foo('"summary": "\udcff"'), 'byte 41 is not UTF-8: save the list as UTF-8'),
    (JSON, '{}', "key 'filename' is missing: every line needs it"),
    (JSON, of_foo('"size": 1, "size": 2'), "key 'size' appears twice: keep one"),
    (JSON, of_foo('"yanked": true'),
     "key 'yanked' is not known and is ignored on all lines: did you mean 'yanked_reason'?"),
    (JSON, of_foo('"colour": "red"'), "key 'colour' is not known and is ignored on all lines"),
    # Types.
    (JSON, '{"filename": 1}', '`filename` must be a string'),
    (JSON, of_foo('"size": 1.5'), '`size` must be an integer'),
    (JSON, of_foo('"upload_timestamp": "now"'), '`upload_timestamp` must be a number'),
    (JSON, of_foo('"requires_dist": "a"'), '`requires_dist` must be a list of strings'),
    (JSON, of_foo('"requires_dist": [1]'), '`requires_dist` must be a list of strings'),
    (JSON, of_foo('"yanked_reason": true'),
     '`yanked_reason` must be a string or false: give the reason, or ""'),
    (JSON, of_foo('"yanked_reason": 1'), '`yanked_reason` must be a string or false'),
    # File names.
    (JSON, '{"filename": ""}', "filename '' is empty: give the file's name"),
    (JSON, '{"filename": "foo-1.0.zip "}',
     "filename 'foo-1.0.zip ' starts or ends with a space: rename the file"),
    (JSON, '{"filename": "a/foo-1.0.zip"}',
     "filename 'a/foo-1.0.zip' has a slash: give the path as 'url'"),
    (JSON, '{"filename": "foo-1.0\\u0007.zip"}',
     "filename 'foo-1.0\\x07.zip' has the control character U+0007: remove it"),
    (PLAIN, f'{"1" * 300}.zip', f"filename '{'1' * 98}… is longer than 255 bytes: rename the file"),
    (PLAIN, 'foo-1.0%2Bx.zip', (
        "filename 'foo-1.0%2Bx.zip' has '%2B', which clients decode twice: give the decoded name, "
        'or rename the file'
    )),
    (PLAIN, 'README', f"filename 'README' {NO_DISTRIBUTION}"),
    (PLAIN, 'foo-1.0.whl',
     "filename 'foo-1.0.whl' is not name-version-python-abi-platform.whl: rename the file"),
    (PLAIN, 'foo-1.0-py3-none-a~b.whl', (
        "filename 'foo-1.0-py3-none-a~b.whl' has the invalid platform tag 'a~b', so no client "
        'installs it: rename the file'
    )),
    (PLAIN, 'foo-variants.json',
     "filename 'foo-variants.json' is not name-version-variants.json: rename the file"),
    (PLAIN, 'foo-1.0 (1).zip', (
        "filename 'foo-1.0 (1).zip' has the version '1.0 (1)', which ends like a second download: "
        'delete or rename the file'
    )),
    (PLAIN, '-1.0.zip', "filename '-1.0.zip' has no project name: rename the file"),
    (PLAIN, 'é-1.0.zip', (
        "filename 'é-1.0.zip' has the project name 'é', which is not a valid project name: rename "
        'the file'
    )),
    (PLAIN, f'{LONG}-1.0.zip', (
        f"filename '{'f' * 98}… has the project name '{'f' * 98}…, which is longer than 200 bytes: "
        'rename the file'
    )),
    (JSON, of_foo('"name": "a b"'), "name 'a b' is not a valid project name"),
    (JSON, of_foo(f'"name": "{LONG}"'), f"name '{'f' * 98}… is longer than 200 bytes"),
    (JSON, of_foo('"version": ".."'), "version '..' cannot be used as a folder name"),
    # URLs.
    (PLAIN, '../foo-1.0.zip',
     "url '../foo-1.0.zip' is neither an http or https URL nor a path below --packages-url"),
    (PLAIN, 'ftp://a/foo-1.0.zip', "url 'ftp://a/foo-1.0.zip' is not an http or https URL"),
    (PLAIN, 's3://a/foo-1.0.zip', (
        "url 's3://a/foo-1.0.zip' is not an http or https URL: give the path below --packages-url"
    )),
    (PLAIN, 'https:///foo-1.0.zip',
     "url 'https:///foo-1.0.zip' has no host, or one that is not ASCII"),
    (PLAIN, 'https://[/foo-1.0.zip', "url 'https://[/foo-1.0.zip' is not a URL: Invalid IPv6 URL"),
    (JSON, of_foo('"url": "a/foo-1.0.zip#b"'),
     "url 'a/foo-1.0.zip#b' has a fragment, '#…': remove it"),
    (JSON, of_foo('"url": "bar-1.0.zip"'), (
        "url 'bar-1.0.zip' does not end with 'foo-1.0.zip': clients take the file name from the URL"
    )),
    (JSON, of_foo('"provenance": "http://a/"'), "provenance 'http://a/' is not an https URL"),
    # Other values.
    (PLAIN, 'foo-1.0.zip#deadbeef', f"hash 'deadbeef' {HASH}"),
    (PLAIN, 'foo-1.0.zip#md5=ab', "hash 'md5=ab' has 2 hex digits, but md5 has 32"),
    (JSON, of_foo('"core_metadata": "false"'),
     "core_metadata 'false' is neither 'true' nor '<algorithm>=<hex>'"),
    (JSON, of_foo('"upload_timestamp": -1'),
     'upload_timestamp -1 is not in seconds from 1970 to 9998'),
    (JSON, of_foo('"upload_timestamp": 1706745600000'), (
        'upload_timestamp 1706745600000 is not in seconds from 1970 to 9998: is it in milliseconds?'
    )),
    (JSON, of_foo('"size": -1'), 'size -1 is not a file size in bytes'),
    (JSON, of_foo('"summary": "\\u001b[m"'),
     "summary '\\x1b[m' has the control character U+001B: remove it"),
    # Lines that are right, but not next to their neighbours.
    (JSON, '{"filename": "good-1.0.zip", "size": 1}', (
        "filename 'good-1.0.zip' is on line 1 too, with different facts: this later line wins"
    )),
    # Listings.
    (PLAIN, '2024-01-31 12:00:00       5 pool/foo-1.0.zip', (
        'this looks like output of `aws s3 ls`: list the bucket with dumb-pypi scan, '
        'for --package-list-json'
    )),
    (PLAIN, f'{HEX}  foo-1.0.zip', (
        "this looks like output of `sha256sum` or the like: write '<path>#<algorithm>=<hex>', such "
        "as 'foo-1.0.zip#sha256=…'"
    )),
    # The project list.
    (PROJECTS, '[]', 'the line must be a JSON object'),
    (PROJECTS, '{}', "key 'name' is missing: every line needs it"),
    (PROJECTS, '{"name": "a b"}', "name 'a b' is not a valid project name"),
    (PROJECTS, '{"name": "good", "status": "gone"}',
     "status 'gone' is not one of active, archived, deprecated, quarantined"),
    (PROJECTS, '{"name": "good", "home_page": "good.example.com"}',
     "home_page 'good.example.com' is not an http or https URL"),
    (PROJECTS, '{"name": "good", "summary": "Other"}', (
        'project good is on line 1 too, with another summary: this later line wins'
    )),
    (PROJECTS, '{"name": "good", "classifiers": "a"}', '`classifiers` must be a list of strings'),
    (PROJECTS, '{"name": "good", "license_files": [1]}',
     '`license_files` must be a list of strings'),
    (PROJECTS, '{"name": "good", "project_urls": []}', '`project_urls` must be a JSON object'),
    (PROJECTS, '{"name": "good", "project_urls": {"Docs": 1}}',
     '`project_urls` must be an object whose values are strings'),
    (PROJECTS, '{"name": "good", "project_urls": {"Docs": "good.example.com"}}', (
        "project_urls 'Docs': 'good.example.com' is not an http or https URL: this link is not "
        'shown'
    )),
    (PROJECTS, '{"name": "good", "provides_extra": ["a b"]}',
     "provides_extra 'a b' is not a valid name: this extra is not shown"),
    (PROJECTS, '{"name": "good", "licence": "MIT"}',
     "key 'licence' is not known and is ignored on all lines: did you mean 'license'?"),
    (PROJECTS, '{"name": "bad"}', (
        'project bad is not in the package list, so what this line says is not shown'
    )),
)
GOOD_FACTS = '{"name": "good", "summary": "Good"}'
GOOD = {JSON: '{"filename": "good-1.0.zip"}', PLAIN: 'good-1.0.zip', PROJECTS: GOOD_FACTS}
# Words that the style guide of this project replaces.
BAD_WORDS = re.compile(
    r'passed over|left out|told of|leads to|\bodd\b|\bwhole\b|at work|beside\b|last build',
    re.IGNORECASE,
)


def build_with(folder: Path, form: str, lines: list[str]) -> Report:
    (folder / 'lines').write_bytes(
        '\n'.join(lines).encode(errors='surrogateescape') + b'\n',
    )
    lists = {form: folder / 'lines'}
    if form == PROJECTS:
        lists[PLAIN] = Path(histories.write_lines(folder / 'list', [GOOD[PLAIN]]))
    return build(
        package_list=lists.get(PLAIN), package_list_json=lists.get(JSON),
        project_list_json=lists.get(PROJECTS), packages_url='/pool/', output_dir=folder / 'out',
        allow_shrink=True,
    )


@pytest.mark.parametrize(('form', 'line', 'message'), MESSAGES, ids=lambda value: str(value)[:50])
def test_message_about_a_line(tmp_path: Path, form: str, line: str, message: str) -> None:
    """A message has the list, the number of the line, what is wrong, and the remedy."""
    notices = build_with(tmp_path, form, [GOOD[form], line]).notices
    assert [str(notice) for notice in notices] == [f'{tmp_path}/lines:2: {message}']


def test_messages_are_in_plain_english() -> None:
    """No message has a word that the style guide replaces, and none is longer than a screen."""
    for _, _, message in MESSAGES:
        assert BAD_WORDS.search(message) is None
        assert len(message) < 300
