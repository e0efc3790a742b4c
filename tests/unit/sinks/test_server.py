import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.sinks.server import BadRequestError, parse_request

GOOD = b'GET /a%20b?since=3&x=%26 HTTP/1.1\r\nHost: h\r\nIf-None-Match:  "t" \r\n\r\n'


def test_a_request_is_taken_apart():
    request = parse_request(GOOD)
    assert (request.method, request.path) == ("GET", "/a b")
    assert request.query == {"since": "3", "x": "&"}
    assert request.headers == {"host": "h", "if-none-match": '"t"'}


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 413),
    ],
)
def test_what_is_no_request_has_a_status(head, status):
    with pytest.raises(BadRequestError) as raised:
        parse_request(head)
    assert raised.value.status == status


@given(st.binary(max_size=60), st.integers(0, len(GOOD)), st.integers(0, len(GOOD)))
def test_no_bytes_do_more_than_be_refused(noise, start, stop):
    for head in (noise, GOOD[:start] + noise + GOOD[stop:]):
        with contextlib.suppress(BadRequestError):
            parse_request(head)
