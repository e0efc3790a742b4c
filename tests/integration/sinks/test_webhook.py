"""The webhook sink against a real HTTP server: killed in mid-stream, busy, refusing, too small."""

import contextlib
import gzip
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from livewidget import DataStreamer, Schema
from livewidget.data.batch import Batch
from livewidget.data.errors import RejectedError, SettingError, SinkError
from livewidget.sinks.notify_webhook import SIGNATURE, verify
from livewidget.sinks.webhook import WebhookSink
from livewidget.testing import wait_until

SECRET = "a-very-secret-word"
NUMBERS = Schema.of({"time": "time", "n": "int", "price": "float"}, "time")


def numbers(first, stop):
    whole = range(first, stop)
    prices = [None if n == 1 else n / 4 for n in whole]
    return {"time": [1.7e9 + n for n in whole], "n": list(whole), "price": prices}


def batch(first, stop):
    return Batch.of(numbers(first, stop), NUMBERS)


class Receiver:
    """Takes POSTs, and answers by `answer(request number)`: a status, headers, or None: it dies."""

    def __init__(self):
        self.got, self.answer, self.port = [], lambda _: (200, {}), 0
        self._lock = threading.Lock()
        self.start()

    @property
    def url(self):
        return f"webhook+http://localhost:{self.port}/hook?token={SECRET}"

    def start(self):
        home = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with home._lock:
                    home.got.append((dict(self.headers), body))
                    answer = home.answer(len(home.got))
                if answer is not None:
                    self.send_response(answer[0])
                    for name, value in answer[1].items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(b"no such thing")

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                pass

        self._server = Server(("localhost", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def documents(self):
        """The documents that came, the last of those with the same key."""
        bodies = {headers["Idempotency-Key"]: body for headers, body in list(self.got)}
        return [json.loads(body) for body in bodies.values()]

    def parts(self):
        """Of each request the numbers in it."""
        return [[row["n"] for row in json.loads(body)["rows"]] for _, body in self.got]


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    with contextlib.suppress(OSError):
        receiver.stop()


async def test_a_batch_is_a_signed_document(receiver):
    sink = WebhookSink(receiver.url, secret=SECRET, run="a", headers={"X-Own": "1"})
    async with sink:
        await sink.write_from(batch(0, 2), 40)
    ((headers, body),) = receiver.got
    assert json.loads(body) == {
        "run": "a",
        "first": 40,
        "rows": [
            {"time": "2023-11-14T22:13:20.000000000Z", "n": 0, "price": 0.0},
            {"time": "2023-11-14T22:13:21.000000000Z", "n": 1, "price": None},
        ],
    }
    assert (headers["Idempotency-Key"], headers["X-Own"]) == ("a-40", "1")
    assert verify(SECRET, body, headers[SIGNATURE])


async def test_gzip_is_signed_as_it_is_sent(receiver):
    async with WebhookSink(receiver.url, secret=SECRET, compress=True) as sink:
        await sink.write(batch(0, 2))
        await sink.write(batch(2, 3))
    for headers, body in receiver.got:
        assert headers["Content-Encoding"] == "gzip"
        assert verify(SECRET, body, headers[SIGNATURE])
    assert [json.loads(gzip.decompress(body))["first"] for _, body in receiver.got] == [0, 2]


async def test_bodies_are_of_a_bounded_size_and_halved_where_they_are_too_large(receiver):
    sizes = lambda _: (413, {}) if len(receiver.got[-1][1]) > 300 else (200, {})  # noqa: E731
    receiver.answer = sizes
    async with WebhookSink(receiver.url, max_bytes=400) as sink:
        await sink.write(batch(0, 8))
    assert receiver.parts() == [[0, 1, 2, 3, 4, 5], [0, 1, 2], [3, 4, 5], [6, 7]]


@pytest.mark.parametrize("status", [401, 404, 408, 429, 500, 503, 302])
async def test_what_is_tried_again(receiver, status):
    receiver.answer = lambda _: (status, {})
    async with WebhookSink(receiver.url, secret=SECRET) as sink:
        with pytest.raises(SinkError, match=f"HTTP {status}") as raised:
            await sink.write(batch(0, 2))
    assert not isinstance(raised.value, RejectedError)
    assert SECRET not in f"{raised.value}{sink!r}{sink.name}"


async def test_rows_that_are_refused_are_named(receiver):
    receiver.answer = lambda count: (422, {}) if count == 2 else (200, {})
    async with WebhookSink(receiver.url, max_bytes=130) as sink:
        with pytest.raises(RejectedError, match="HTTP 422: 'no such thing'") as refused:
            await sink.write(batch(0, 6))
    assert receiver.parts() == [[0, 1], [2, 3], [4, 5]]
    assert refused.value.rows == [2, 3]


async def test_the_time_that_a_server_asks_to_wait_is_waited(receiver):
    receiver.answer = lambda count: (429, {"Retry-After": "0.3"}) if count == 1 else (200, {})
    async with WebhookSink(receiver.url) as sink:
        with pytest.raises(SinkError):
            await sink.write(batch(0, 1))
        began = time.monotonic()
        await sink.close()
        await sink.open()
        await sink.write(batch(0, 1))
    assert time.monotonic() - began > 0.25
    assert len({headers["Idempotency-Key"] for headers, _ in receiver.got}) == 1


def test_killed_in_mid_stream_nothing_is_lost_and_what_repeats_has_its_key(receiver):
    receiver.answer = lambda count: None if count in (3, 4, 9) else (200, {})
    streamer = DataStreamer(schema=NUMBERS)
    try:
        output = streamer.send_to(WebhookSink(receiver.url), batch_rows=500)
        for part in range(10):
            streamer.push(numbers(part * 1_000, part * 1_000 + 1_000))
            if part == 5:
                wait_until(lambda: output.written > 0)
                receiver.stop()
                wait_until(lambda: output.error)
                receiver.start()
        wait_until(lambda: output.written == 10_000, 30)
    finally:
        streamer.stop()
    rows = [row["n"] for each in receiver.documents() for row in each["rows"]]
    assert sorted(rows) == [*range(10_000)]
    assert output.rejected == output.dropped == 0
    assert output.retried > 0


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("webhook+ftp://host", {}, "a webhook's URL is"),
        ("webhook+https:///x", {}, "a webhook's URL is"),
        ("webhook+https://host", {"secret": ""}, "secret is empty"),
        ("webhook+https://host", {"timeout": -1}, "timeout is a number of seconds above 0"),
    ],
)
def test_what_cannot_be_is_an_error_at_the_door(url, options, message):
    with pytest.raises(SettingError, match=message):
        WebhookSink(url, **options)
