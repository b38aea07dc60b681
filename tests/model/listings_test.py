"""Lines of listings are not lines of a plain list, unless they only look a little like it."""
from __future__ import annotations

import pytest

from dumb_pypi.errors import LineError
from dumb_pypi.model.distfile import check_plain
from dumb_pypi.model.listings import listing_of

HEX = '0123456789abcdef'


@pytest.mark.parametrize(
    ('line', 'what'), (
        ('2024-01-31 12:00:00      12345 pool/foo-1.0.zip', '`aws s3 ls`'),
        ('2024-01-31 12:00:00   12.1 KiB pool/foo-1.0.zip', '`aws s3 ls`'),
        ('PRE pool/', '`aws s3 ls`'),
        ('12345  2024-01-31T12:00:00Z  gs://bucket/pool/foo-1.0.zip', '`gsutil ls -l`'),
        ('2024-01-31 12:00        12345  s3://bucket/pool/foo-1.0.zip', '`s3cmd ls`'),
        ('2024-01-31 12:00          DIR  s3://bucket/pool/', '`s3cmd ls`'),
        ('12345 2024-01-31 12:00:00.000000000 pool/foo-1.0.zip', '`rclone lsl`'),
        ('-rw-r--r-- 1 me us 12345 Jan 31 12:00 foo-1.0.zip', '`ls -l`'),
        ('lrwxrwxrwx. 1 me us 12345 Jan 31 12:00 foo-1.0.zip -> bar', '`ls -l`'),
        ('-rw-r--r-- me/us 12345 2024-01-31 12:00 pool/foo-1.0.zip', '`ls -l`'),
        (f'{HEX * 4}  pool/foo-1.0.zip', '`sha256sum` or the like'),
        (f'{HEX * 2} *foo-1.0.zip', '`sha256sum` or the like'),
        (f'SHA256 (foo-1.0.zip) = {HEX * 4}', '`sha256sum` or the like'),
        # rclone ls, du, wc, find -ls, unzip -l, mc ls.
        ('12345 pool/foo-1.0.zip', 'dates or sizes'),
        ('12\tpool/foo-1.0.zip', 'dates or sizes'),
        ('12.5K pool/foo-1.0.zip', 'dates or sizes'),
        ('12345 8 -rw-r--r-- 1 me us 12345 Jan 31 12:00 ./pool/foo-1.0.zip', 'dates or sizes'),
        ('12345  2024-01-31 12:00   pool/foo-1.0.zip', 'dates or sizes'),
        ('[2024-01-31 12:00:00 UTC]  12KiB STANDARD foo-1.0.zip', 'dates or sizes'),
        ('2024-01-31T12:00:00Z pool/foo-1.0.zip', 'dates or sizes'),
        ('01/31/2024  12:00 PM            12,345 foo-1.0.zip', 'dates or sizes'),
        # ls -C, and a path with columns behind it.
        ('bar-1.0-py3-none-any.whl  foo-1.0-py3-none-any.whl', 'several names'),
        ('pool/foo-1.0.zip 12345', 'several names'),
        ('STANDARD\tpool/foo-1.0.zip', 'a table'),
    ),
)
def test_listing_is_refused(line: str, what: str) -> None:
    """A line with other columns is refused; the message says what prints such lines."""
    listing = listing_of(line)
    assert listing is not None
    assert what in listing.what
    with pytest.raises(LineError) as caught:
        check_plain(line.encode())
    assert str(caught.value) == f'this looks like {listing.what}: {listing.remedy}'


@pytest.mark.parametrize(
    'line', (
        'our packages/foo-1.0.zip', 'pool/2024-01-31 12:00:00 12345/foo-1.0.zip',
        'pool/release 2024/12345 b/foo-1.0.zip', '7zip stuff/foo-1.0.zip', 'v1.0 beta/foo-1.0.zip',
        'https://example.com/our packages/foo-1.0.zip', 'foo-1.0.zip /foo-1.0.zip',
        '2024-01-31/foo-1.0.zip', '12345/foo-1.0.zip', f'{HEX * 4}/foo-1.0.zip',
    ),
)
def test_path_with_spaces_is_kept(line: str) -> None:
    """Spaces, numbers and dates in the names of folders are no columns."""
    file, _, _ = check_plain(line.encode())
    assert file.filename == 'foo-1.0.zip'
