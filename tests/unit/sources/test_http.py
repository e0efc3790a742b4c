"""What a server asks for in a header, read without a server."""

import pytest

from livewidget.sources.http import retry_after
from livewidget.testing import ManualClock

NOW = 1_700_000_000  # s since the epoch: 2023-11-14 22:13:20


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("0", 0.0),
        ("7", 7.0),
        ("-3", 0.0),
        ("nan", 0.0),
        ("inf", 300.0),
        ("1e9", 300.0),
        ("soon", 0.0),
        ("", 0.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(header, seconds):
    assert retry_after(header, ManualClock(NOW * 10**9)) == seconds
