"""Webhooks against a real HTTP server, which fails in every way that servers do."""

import contextlib
import json
import random
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from livewidget.data.errors import SettingError
from livewidget.engine.alerts.alert import Alert, Notice
from livewidget.engine.alerts.handlers import Webhook
from livewidget.engine.alerts.runner import HandlerRunner
from livewidget.engine.thread import Engine
from livewidget.resilience.backoff import Backoff
from livewidget.sinks.delivery import DeliveryError
from livewidget.sinks.notify_webhook import SIGNATURE, SignedPost, signature, verify
from livewidget.testing import wait_until

S = 10**9
SECRET = "a very secret word"


class Receiver:
    """Takes POSTs and answers them by `answer(request number)`: status and headers, or None."""

    def __init__(self, tls=None):
        self.got, self.answer, self.tls, self.port = [], lambda _: (200, {}), tls, 0
        self._server = None
        self.start()

    @property
    def url(self):
        return f"http{'' if self.tls is None else 's'}://localhost:{self.port}/hook?token=hidden"

    def start(self):
        home = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                home.got.append((dict(self.headers), body))
                answer = home.answer(len(home.got))
                if answer is not None:  # else: it did its work, and died before it could say so
                    self.send_response(answer[0])
                    for name, value in answer[1].items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(answer[2] if len(answer) > 2 else b"")

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                pass

        self._server = Server(("localhost", self.port), Handler)
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    @property
    def keys(self):
        return [headers["Idempotency-Key"] for headers, _ in self.got]


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    with contextlib.suppress(OSError):
        receiver.stop()


@pytest.fixture
async def post():
    async with contextlib.AsyncExitStack() as stack:

        def make(url, **options):
            made = SignedPost(url, **options)
            stack.push_async_callback(made.close)
            return made

        yield make


def notice(number, *states):
    alerts = [
        Alert(
            "hot", key, state, "critical", 41.5, (number + 60) * S, number * S, f"{key}: it is hot"
        )
        for key, state in zip("abc", states or ["firing"], strict=False)
    ]
    return Notice({"rule": "hot"}, tuple(alerts), number * S)


async def test_a_body_bears_a_signature_that_only_the_secret_makes(receiver, post):
    await post(receiver.url, secret=SECRET).send(b'{"n":1}', key="k1")
    headers, body = receiver.got[0]
    assert (body, headers["Content-Type"]) == (b'{"n":1}', "application/json")
    assert headers["Idempotency-Key"] == "k1"
    assert verify(SECRET, body, headers[SIGNATURE])
    assert not verify("another", body, headers[SIGNATURE])
    assert not verify(SECRET, body + b" ", headers[SIGNATURE])
    assert not verify(SECRET, body, headers[SIGNATURE], now=2e9), "old"
    for forged in ("", "t=1", "t=x,v1=0", "t=" + "9" * 500 + ",v1=", "v1=é", "t=²,v1="):
        assert not verify(SECRET, body, forged)


def test_the_signature_is_the_documented_one():
    """HMAC-SHA256 of `1700000000.{}` by another tool: openssl dgst -sha256 -hmac key."""
    assert signature(b"key", b"{}", 1_700_000_000) == (
        "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
    )


@pytest.mark.parametrize(
    ("status", "headers", "again", "wait_s", "said"),
    [
        (500, {}, True, 0.0, "answers HTTP 500"),
        (429, {"Retry-After": "7"}, True, 7.0, "answers HTTP 429"),
        (503, {"Retry-After": "999999"}, True, 300.0, "answers HTTP 503"),
        (503, {"Retry-After": "soon"}, True, 0.0, "answers HTTP 503"),
        (400, {}, False, 0.0, "answers HTTP 400: 'no such'"),
        (302, {"Location": "http://localhost:1/"}, False, 0.0, "redirects are not followed"),
    ],
)
async def test_what_a_status_means(receiver, post, status, headers, again, wait_s, said):
    receiver.answer = lambda _: (status, headers, b"no such")
    with pytest.raises(DeliveryError, match=said) as caught:
        await post(receiver.url, secret=SECRET).send(b"{}", key="k")
    assert (caught.value.again, caught.value.wait_s) == (again, wait_s)
    assert len(receiver.got) == 1
    assert "hidden" not in str(caught.value)


async def test_failures_are_one_line_without_secrets(receiver, post):
    receiver.answer = lambda _: None
    with pytest.raises(DeliveryError, match="cannot be reached") as caught:
        await post(receiver.url).send(b"{}", key="k")
    assert caught.value.again
    receiver.stop()
    signed = post(receiver.url, secret=SECRET, headers={"Authorization": "Bearer hidden"})
    with pytest.raises(DeliveryError, match=r"http://localhost cannot be reached \(ConnectError\)"):
        await signed.send(b"{}", key="k")
    assert repr(signed) == "SignedPost('http://localhost')"
    with pytest.raises(DeliveryError, match="too large: 11 bytes, at most 10") as caught:
        await post(receiver.url, most_bytes=10).send(b"x" * 11, key="k")
    assert not caught.value.again
    for wrong in ("ftp://host/", "http://", "host/path"):
        with pytest.raises(SettingError, match="a webhook's URL is"):
            SignedPost(wrong)
    with pytest.raises(SettingError, match="secret is empty"):
        SignedPost("http://host/", secret="")


async def test_one_that_never_answers_is_late(receiver, post):
    gate = threading.Event()
    receiver.answer = lambda _: gate.wait(10)
    with pytest.raises(DeliveryError, match="no answer in time from http://localhost"):
        await post(receiver.url, timeout=0.1).send(b"{}", key="k")
    gate.set()


async def test_a_certificate_must_be_vouched_for(localhost, post):
    certificate, serving = localhost
    receiver = Receiver(tls=serving)
    with pytest.raises(DeliveryError, match="its certificate is not valid") as caught:
        await post(receiver.url).send(b"{}", key="k")
    assert not caught.value.again
    trusting = ssl.create_default_context(cafile=str(certificate))
    await post(receiver.url, tls=trusting).send(b"{}", key="k")
    assert receiver.keys == ["k"]
    receiver.stop()


@pytest.fixture
def hooked(receiver):
    engine = Engine()
    hook = Webhook(receiver.url, SECRET, labels={"job": "lab"}, proxy=False)
    runner = HandlerRunner(
        hook, engine=engine, backoff=lambda: Backoff(0.01, 0.05), workers=4, timeout=5.0
    )
    yield runner
    runner.close(0.2)
    engine.close()


def test_the_document_is_alertmanagers(receiver, hooked):
    hooked.put(notice(1_000, "firing", "resolved"))
    wait_until(lambda: hooked.idle)
    document = json.loads(receiver.got[0][1])
    assert document["alerts"][1] == {
        "status": "resolved",
        "labels": {"alertname": "hot", "key": "b", "severity": "critical", "job": "lab"},
        "annotations": {"summary": "b: it is hot", "value": "41.5"},
        "startsAt": "1970-01-01T00:16:40.000Z",
        "endsAt": "1970-01-01T00:17:40.000Z",
        "generatorURL": "",
        "fingerprint": document["alerts"][1]["fingerprint"],
    }
    assert document | {"alerts": []} == {
        "version": "4",
        "groupKey": '{}:{rule="hot"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "livewidget",
        "groupLabels": {"rule": "hot"},
        "commonLabels": {"alertname": "hot", "severity": "critical", "job": "lab"},
        "commonAnnotations": {},
        "externalURL": "",
        "alerts": [],
    }
    assert repr(hooked.handler) == "Webhook('webhook http://localhost')"


def test_a_flood_is_told_as_far_as_it_fits(receiver, hooked):
    flood = [
        Alert("hot", str(each), "firing", "info", 1.0, each, each, "x" * 2_000)
        for each in range(3_000)
    ]
    hooked.put(Notice({"rule": "hot"}, tuple(flood), 3))
    wait_until(lambda: hooked.idle)
    document = json.loads(receiver.got[0][1])
    assert len(receiver.got[0][1]) <= 2**20
    assert (len(document["alerts"]), document["truncatedAlerts"]) == (250, 2_750)
    assert hooked.stats()["dead"] == 0


def test_a_server_that_is_killed_again_and_again_loses_nothing(receiver, hooked):
    """What comes twice comes with the key that it had: who heeds it acts once."""
    random.seed(5)
    troubles = [lambda: None, lambda: (503, {}), lambda: (429, {"Retry-After": "0.01"})]
    receiver.answer = lambda _: random.choice([*troubles, *[lambda: (200, {})] * 4])()
    notices = [notice(number) for number in range(120)]
    for number, each in enumerate(notices):
        hooked.put(each)
        if number % 40 == 20:
            reached = len(receiver.got)
            wait_until(lambda reached=reached: len(receiver.got) > reached)
            receiver.stop()
            failed = hooked.stats()["failed"]
            wait_until(lambda failed=failed: hooked.stats()["failed"] > failed)
            receiver.start()
    wait_until(lambda: hooked.idle)
    stats = hooked.stats()
    assert (stats["delivered"], stats["dead"]) == (120, 0)
    assert set(receiver.keys) == {each.id for each in notices}
    assert len(receiver.keys) > 120, "some came twice"
    assert all(verify(SECRET, body, headers[SIGNATURE]) for headers, body in receiver.got)
    by_key = {}
    for key, (_, body) in zip(receiver.keys, receiver.got, strict=True):
        assert by_key.setdefault(key, body) == body
